//! Which of some verdicts are old, by their stamps: no text is read.

use sluicegate_model::Sighting;

use super::Rejudge;
use crate::ledger::{Judged, LedgerError, Stamp};
use crate::pull::judging::Counts;

/// An image with verdicts that are to be made anew.
#[derive(Debug)]
pub(super) struct Old {
    pub(super) image: Sighting,
    /// The verdicts, each in its scope.
    pub(super) judged: Vec<Judged>,
    /// How many of them do not count any more; the others are made anew to list what the image holds.
    pub(super) stale: u64,
    /// Whether the image is listed by its packages.
    pub(super) is_listed: bool,
}

impl Rejudge {
    /// Finds those that are to be made anew, by image, and those that nobody will ask for again.
    pub(super) async fn old_among(
        &self,
        mut judged: Vec<Judged>,
    ) -> Result<(Vec<Old>, Vec<Judged>), LedgerError> {
        let is_known = |it: &Judged| self.judge.judging().knows(&it.scope);
        let gone: Vec<Judged> = judged.extract_if(.., |it| !is_known(it)).collect();
        judged.sort_by_cached_key(Judged::image);
        let stamps = self.ledger.stamps(&judged).await?;
        let stamped: Vec<(Judged, Option<Stamp>)> = judged.into_iter().zip(stamps).collect();
        let same_image = |(a, _): &(Judged, _), (b, _): &(Judged, _)| a.image() == b.image();
        let by_image: Vec<&[(Judged, Option<Stamp>)]> = stamped.chunk_by(same_image).collect();
        let images = by_image.iter().filter_map(|of_one| of_one.first());
        let images: Vec<Sighting> = images.map(|(judged, _)| judged.image()).collect();
        let listed = self.ledger.listed_as(&images).await?;
        let mut old = Vec::new();
        for ((of_one, image), number) in by_image.into_iter().zip(images).zip(listed) {
            old.extend(self.old_of(image, of_one, number));
        }
        Ok((old, gone))
    }

    /// Finds those of the verdicts on one image.
    fn old_of(
        &self,
        image: Sighting,
        stamped: &[(Judged, Option<Stamp>)],
        number: Option<u32>,
    ) -> Option<Old> {
        let judging = self.judge.judging();
        let mut old = Old {
            image,
            judged: Vec::new(),
            stale: 0,
            is_listed: number.is_some(),
        };
        for (judged, stamp) in stamped {
            let counts = stamp.as_ref().is_some_and(|stamp| {
                let is_current = match judging.counts(&judged.scope, stamp) {
                    Counts::Yes => true,
                    Counts::OfListed(images) => number.is_some_and(|number| images.has(number)),
                    Counts::No => false,
                };
                if is_current {
                    let decided_at = stamp.provenance().decided_at;
                    self.judge.note_end(decided_at, stamp.valid_until());
                }
                is_current
            });
            old.stale = old.stale.saturating_add(u64::from(!counts));
            if !counts || number.is_none() {
                old.judged.push(judged.clone());
            }
        }
        (!old.judged.is_empty()).then_some(old)
    }
}
