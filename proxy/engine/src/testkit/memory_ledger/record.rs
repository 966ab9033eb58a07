//! The record, told from all that ever turned.

use std::collections::BTreeSet;

use async_trait::async_trait;
use jiff::Timestamp;

use crate::ledger::{
    InPackage, Judged, LedgerError, Record, RecordFilter, RecordPage, Recorded, RecordedImage,
    Turn, Weaknesses, own_name,
};

use super::MemoryLedger;

/// Tells that what was said of an image was taken back.
pub(super) fn away(judged: &Judged, time: Timestamp) -> Turn {
    let image = RecordedImage {
        repository: judged.scope.repository.clone(),
        digest: judged.digest.clone(),
        domain: judged.scope.domain.clone(),
    };
    Turn::away(image, time)
}

#[async_trait]
impl Record for MemoryLedger {
    async fn recorded(
        &self,
        filter: &RecordFilter,
        limit: usize,
        after: Option<u32>,
    ) -> Result<RecordPage, LedgerError> {
        let state = self.state().await;
        let mut images: Vec<RecordedImage> = Vec::new();
        for turn in &state.turns {
            if !images.contains(&turn.image) {
                images.push(turn.image.clone());
            }
        }
        let numbered = images.iter().enumerate().rev();
        let told = numbered.filter_map(|(number, image)| {
            let number = u32::try_from(number).unwrap_or(u32::MAX);
            let turns = state.turns.iter().filter(|turn| turn.image == *image);
            told(number, image, &filter.weakness, turns)
        });
        let is_asked = |it: &Recorded| {
            let wanted = filter.repository.as_ref();
            filter.reach.has(&it.image.repository)
                && wanted.is_none_or(|wanted| *wanted == it.image.repository)
        };
        let all: Vec<Recorded> = told.filter(is_asked).collect();
        let have = all.iter().filter(|it| it.withdrawn.is_none()).count() as u64;
        let mut page = RecordPage {
            have,
            had: all.len() as u64 - have,
            ..RecordPage::default()
        };
        let is_wanted = |it: &Recorded| {
            let is_there = it.withdrawn.is_none();
            filter.is_there.is_none_or(|wanted| wanted == is_there)
                && after.is_none_or(|after| it.number < after)
        };
        let mut wanted = all.into_iter().filter(is_wanted);
        page.items = wanted.by_ref().take(limit.max(1)).collect();
        let last = page.items.last().map(|last| last.number);
        page.next = last.filter(|_| wanted.next().is_some());
        Ok(page)
    }
}

fn told<'a>(
    number: u32,
    image: &RecordedImage,
    weakness: &str,
    turns: impl Iterator<Item = &'a Turn>,
) -> Option<Recorded> {
    let name = own_name(weakness);
    let of = |weaknesses: &'a Weaknesses| {
        let named = weaknesses.0.iter().filter(|(_, names)| {
            let mut names = names.iter();
            names.any(|it| it.eq_ignore_ascii_case(name))
        });
        named.map(|(package, _)| package.clone())
    };
    let mut has: BTreeSet<InPackage> = BTreeSet::new();
    let mut had = BTreeSet::new();
    let (mut first_seen, mut withdrawn) = (None, None);
    for turn in turns {
        let before = has.clone();
        if turn.found.is_whole {
            has.clear();
        }
        for package in of(&turn.found.removed) {
            has.remove(&package);
        }
        has.extend(of(&turn.found.added));
        if !has.is_empty() {
            first_seen = first_seen.or(Some(turn.time));
            withdrawn = None;
        } else if !before.is_empty() {
            withdrawn = Some(turn.time);
            had = before;
        }
    }
    Some(Recorded {
        number,
        image: image.clone(),
        packages: if has.is_empty() { had } else { has }.into_iter().collect(),
        first_seen: first_seen?,
        withdrawn,
    })
}
