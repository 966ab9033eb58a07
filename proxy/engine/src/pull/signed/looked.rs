//! What was seen of signatures, until when it is believed, and what of it stands that was seen before.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use sluicegate_model::Digest;
use sluicegate_model::clock::is_to_come;
use sluicegate_model::heard::HeardVex;
use sluicegate_model::signature::{Signatures, Signed};
use sluicegate_signatures::Wanted;

use super::MAX_INDEXES;
use super::heard::Said;
use super::look::{Seen, Unknown, WEIGHED_BYTES};

/// What was seen of one manifest.
#[derive(Clone, Debug)]
pub(super) struct Look {
    seen: Seen,
    /// When the upstream was asked for what is listed.
    looked_up_at: Timestamp,
    /// From when on it is believed, and until when.
    since: Timestamp,
    until: Timestamp,
}

impl Look {
    pub(super) fn of(seen: Seen, now: Timestamp, until: Timestamp) -> Self {
        Self {
            seen,
            looked_up_at: now,
            since: now,
            until,
        }
    }

    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        is_fresh(self.since, self.until, now)
    }

    /// Lists what keys say of weaknesses.
    pub(super) fn said(&self) -> &BTreeSet<Arc<Said>> {
        &self.seen.said
    }

    pub(super) fn weight(&self) -> u32 {
        self.seen.weight()
    }

    /// Has what was known before stand where it could not be asked for again.
    pub(super) fn over(self, earlier: Option<&Self>) -> Self {
        let is_failure = self.seen.unknown.as_ref().is_some_and(|it| it.may_pass);
        let Some(earlier) = earlier.filter(|_| is_failure) else {
            return self;
        };
        let mut seen = earlier.seen.clone();
        seen.found.extend(self.seen.found);
        seen.said.extend(self.seen.said);
        Self {
            seen,
            looked_up_at: earlier.looked_up_at,
            ..self
        }
    }
}

/// What was seen of an image, and of the indexes that list it.
#[derive(Debug)]
pub(crate) struct Looked {
    signatures: Signatures,
    /// Whether the upstream failed, which says nothing of what was known before.
    is_failure: bool,
    indexes: Vec<Digest>,
    since: Timestamp,
    until: Timestamp,
}

impl Looked {
    pub(super) fn is_fresh(&self, now: Timestamp) -> bool {
        is_fresh(self.since, self.until, now)
    }

    /// Counts what it takes in memory, in the units of its looks.
    pub(super) fn weight(&self) -> u32 {
        let heard = self.signatures.vex.as_ref();
        let texts = heard.iter().flat_map(|it| &it.documents);
        let bytes: usize = texts.map(|it| it.text.len()).sum();
        u32::try_from(1 + bytes / WEIGHED_BYTES).unwrap_or(u32::MAX)
    }

    /// Tells whether an index was looked at, or one too many were.
    pub(super) fn knows(&self, index: &Digest) -> bool {
        self.indexes.contains(index) || self.indexes.len() >= MAX_INDEXES
    }

    /// Gives what is known now, by what a verdict rests on that was made before: that stands where the
    /// upstream fails.
    pub(crate) fn over(&self, earlier: Option<&Signatures>) -> Signatures {
        let seen = &self.signatures;
        let Some(earlier) = earlier.filter(|_| self.is_failure) else {
            return seen.clone();
        };
        let is_wanted =
            |it: &&Signed| seen.keys.contains(&it.key) && seen.statements.contains(&it.statement);
        let before = earlier.found.iter().filter(is_wanted);
        let found: BTreeSet<&Signed> = before.chain(&seen.found).collect();
        let found = found.into_iter().cloned().collect();
        let heard = |it: &HeardVex| {
            let before = earlier.vex.as_ref().map(|before| before.of(&it.keys));
            before.map_or_else(|| it.clone(), |before| it.joined(&before))
        };
        let vex = seen.vex.as_ref().map(heard);
        let vex_keys = seen.vex.as_ref().map(|it| &it.keys);
        let was_asked = earlier.asked_for(seen.statements.iter(), &seen.keys)
            && vex_keys.is_none_or(|keys| earlier.heard_of(keys));
        if was_asked && earlier.unknown.is_none() {
            return Signatures {
                found,
                vex,
                unknown: None,
                looked_up_at: earlier.looked_up_at,
                ..seen.clone()
            };
        }
        Signatures {
            found,
            vex,
            ..seen.clone()
        }
    }
}

/// Tells whether something is believed at a moment. A clock that jumped back leaves nothing in force.
fn is_fresh(since: Timestamp, until: Timestamp, now: Timestamp) -> bool {
    now < until && !is_to_come(since, now)
}

/// Joins what was seen of an image and of indexes that list it.
pub(super) fn of_image(
    looks: &[Arc<Look>],
    indexes: Vec<Digest>,
    is_listed_elsewhere: bool,
    (wanted, vex): (&Wanted, Option<HeardVex>),
) -> Looked {
    let found = looks.iter().flat_map(|look| &look.seen.found);
    let found: BTreeSet<&Signed> = found.collect();
    let missed = looks.iter().filter_map(|look| look.seen.unknown.clone());
    let elsewhere = is_listed_elsewhere.then(|| Unknown {
        why: format!("more than {MAX_INDEXES} indexes list the image"),
        may_pass: false,
    });
    let missed: Vec<Unknown> = missed.chain(elsewhere).collect();
    let earliest = |of: fn(&Look) -> Timestamp| {
        let times = looks.iter().map(|look| of(look));
        times.min().unwrap_or(Timestamp::MIN)
    };
    Looked {
        signatures: Signatures {
            keys: wanted.keys(),
            statements: wanted.statements().clone(),
            found: found.into_iter().cloned().collect(),
            looked_up_at: earliest(|look| look.looked_up_at),
            unknown: missed.first().map(|it| it.why.clone()),
            vex,
        },
        is_failure: !missed.is_empty() && missed.iter().all(|it| it.may_pass),
        indexes,
        // From when on all of it is known.
        since: looks
            .iter()
            .map(|look| look.since)
            .max()
            .unwrap_or(Timestamp::MAX),
        until: earliest(|look| look.until),
    }
}
