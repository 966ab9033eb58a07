//! Judges an inventory: each component against the advisories on it, one finding for each weakness.
//!
//! Whatever could not be asked or compared becomes a gap or a finding of unknown status, never
//! silence. It decides nothing: that is policy's. Called by the program with an open index.

mod cost;
mod coverage;
mod finding;
mod groups;
mod listing;
mod loaded;
mod question;
mod scope;
mod severity;

use std::cmp::Ordering;
use std::collections::BTreeMap;

use jiff::Timestamp;
use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::finding::Finding;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Component, PackageType};
use sluicegate_model::report::Report;

pub use loaded::{filed_under, is_answered};

use crate::eol;
use crate::feeds::FeedIndex;
use crate::gaps::GapList;
use crate::matchers::{self, Matcher};
use crate::{knowledge, report};
use coverage::Unanswered;
use listing::Listing;
use question::{Question, Told, matched, questions, told};

/// Most questions put to advisories for one image, each about one version, every name of an advisory
/// counted: some seconds of work, a hundred times what the largest images of distributions need.
const MAX_QUESTIONS: usize = 20_000_000;

/// Matches an inventory against the feeds, and its distribution against the ends of support.
pub fn judge(inventory: &Inventory, feeds: &FeedIndex, now: Timestamp) -> Report {
    let mut gaps = GapList::default();
    gaps.extend(inventory.gaps.iter().cloned());
    let mut unanswered = Unanswered::default();
    let mut asked: BTreeMap<Vec<Question>, Vec<&Component>> = BTreeMap::new();
    for component in &inventory.components {
        let questions = questions(component, feeds);
        if questions.is_empty() {
            unanswered.add(component);
        } else {
            asked.entry(questions).or_default().push(component);
        }
    }
    gaps.extend(unanswered.gaps(!asked.is_empty()));
    for (questions, components) in &mut asked {
        components.sort_by(|one, other| compare(questions, one, other));
    }
    let support = eol::standing(inventory, now);
    let most = listing::MAX_FINDINGS - usize::from(support.finding.is_some());
    let mut matching = Matching {
        feeds,
        listing: Listing::of(most),
        gaps,
        questions_left: MAX_QUESTIONS,
        unmatched: 0,
    };
    for (questions, components) in &asked {
        matching.answer_all(questions, components);
    }
    let (mut findings, gaps) = matching.finish();
    findings.extend(support.finding);
    let used = asked.keys().flatten().map(|question| &question.ecosystem);
    let known = knowledge::known(&used.collect(), inventory, feeds, support.ended, now);
    report::assemble(inventory, feeds, findings, gaps, known, support.ends)
}

/// Estimates how much memory judging an inventory takes, in bytes, without doing it.
pub fn judging_bytes(inventory: &Inventory, feeds: &FeedIndex) -> u64 {
    cost::judging_bytes(inventory, feeds)
}

/// One image while it is matched.
struct Matching<'a> {
    feeds: &'a FeedIndex,
    listing: Listing<'a>,
    gaps: GapList,
    questions_left: usize,
    /// Packages for which no questions were left.
    unmatched: usize,
}

impl<'a> Matching<'a> {
    /// Answers the same questions for some components, which are in the order of [`compare`].
    fn answer_all(&mut self, questions: &[Question], components: &'a [&'a Component]) {
        let told = told(questions, self.feeds, &mut self.gaps);
        let advisories = told.iter().flat_map(|told| told.advisories.iter());
        let names = advisories.map(|advisory| 1 + advisory.aliases.len() + advisory.upstream.len());
        let asked: usize = names.sum();
        for alike in components.chunk_by(|one, other| is_alike(questions, one, other)) {
            let Some(left) = self.questions_left.checked_sub(asked) else {
                self.unmatched = self.unmatched.saturating_add(alike.len());
                continue;
            };
            self.questions_left = left;
            self.answer(&told, alike);
        }
    }

    /// Answers for components of which the same is said.
    fn answer(&mut self, told: &[Told<'_>], alike: &'a [&'a Component]) {
        let Some(component) = alike.first() else {
            return;
        };
        let first = told.iter().find(|told| !told.advisories.is_empty());
        let matcher =
            first.and_then(|first| matchers::of(&component.package, &first.question.ecosystem));
        let Some(matcher) = matcher else {
            return;
        };
        let matched = matched(matcher, component, told);
        coverage::rangeless(alike, &matched, &mut self.gaps);
        let copies: Vec<_> = alike.chunk_by(|one, other| is_copy(one, other)).collect();
        for finding in finding::of_component(matcher, component, &matched, self.feeds) {
            self.listing.add(finding, &copies);
        }
    }

    fn finish(mut self) -> (Vec<Finding>, Vec<Gap>) {
        if self.unmatched > 0 {
            let detail = format!(
                "matching takes over {MAX_QUESTIONS} questions: {} packages were not matched",
                self.unmatched
            );
            self.gaps.push(Gap::fatal(GapKind::Budget, detail));
        }
        let (findings, gap) = self.listing.finish();
        self.gaps.extend(gap);
        (findings, self.gaps.into_gaps())
    }
}

/// Orders components so that those of which the same is said stand together.
///
/// The packages of one source have one version, and so have copies of one package. What is said of
/// RPM packages depends on all of the package.
fn compare(questions: &[Question], one: &Component, other: &Component) -> Ordering {
    let (one, other) = (&one.package, &other.package);
    let by_type = one.package_type.cmp(&other.package_type);
    let by_version = || {
        let sides = questions.iter().map(|question| {
            let side = question.side;
            Matcher::version(one, side).cmp(Matcher::version(other, side))
        });
        sides.fold(Ordering::Equal, Ordering::then)
    };
    match one.package_type {
        PackageType::Rpm => by_type.then_with(|| one.cmp(other)),
        _ => by_type.then_with(by_version),
    }
}

/// Tells whether the answers to the same questions are the same for both components.
fn is_alike(questions: &[Question], one: &Component, other: &Component) -> bool {
    compare(questions, one, other) == Ordering::Equal
}

/// Tells whether two components are one package and version in two places.
fn is_copy(one: &Component, other: &Component) -> bool {
    one.package.name == other.package.name
        && one.package.version == other.package.version
        && one.purl == other.purl
        && one.ecosystem == other.ecosystem
}

#[cfg(test)]
mod tests;
