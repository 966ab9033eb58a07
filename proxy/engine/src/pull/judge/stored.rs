//! The stored verdict on an image, where it is what would be decided now.

use std::sync::Arc;

use sluicegate_model::verdict::Verdict;
use sluicegate_model::{Digest, Scope};

use super::signing::{self, RestsOn};
use super::{Judge, is_valid, reading_bytes};
use crate::ledger::{BasisNumber, Earlier, LedgerError, Stamp};
use crate::pull::brief::brief;
use crate::pull::error::PullError;
use crate::pull::judging::{self, Counts, Judging};
use crate::pull::signed::Looked;

/// A stored verdict, as far as it can be used.
enum Stored {
    /// It is what would be decided now.
    Current(Arc<Verdict>),
    /// It is not, or there is none.
    Old,
    /// It is, where those signed that it says: somebody has to look.
    OnUnasked,
}

impl Judge {
    /// Gives the stored verdict if it is current. Who signed the image is looked up where that is to be
    /// known for it.
    pub(super) async fn stored(
        &self,
        scope: &Scope,
        digest: &Digest,
    ) -> Result<Option<Arc<Verdict>>, PullError> {
        match self.stored_on(scope, digest, None).await? {
            Stored::Current(verdict) => return Ok(Some(verdict)),
            Stored::Old => return Ok(None),
            Stored::OnUnasked => {}
        }
        let looked = self.look_up(scope, digest).await;
        Ok(match self.stored_on(scope, digest, looked).await? {
            Stored::Current(verdict) => Some(verdict),
            Stored::Old | Stored::OnUnasked => None,
        })
    }

    /// Reads the stored verdict, and tells whether it is current by what was seen of signatures.
    async fn stored_on(
        &self,
        scope: &Scope,
        digest: &Digest,
        looked: Option<Arc<Looked>>,
    ) -> Result<Stored, PullError> {
        let bytes = self.ledger.verdict_bytes(scope, digest).await?;
        let Some(bytes) = bytes else {
            return Ok(Stored::Old);
        };
        let _share = self.memory.share(reading_bytes(bytes)).await;
        // Whoever waited before has made it warm.
        if let Some(verdict) = self.warm_verdict(scope, digest) {
            return Ok(Stored::Current(verdict));
        }
        let judging = self.judging();
        let known = self.ledger.known_verdict(scope, digest).await?;
        let Some(stored) = known.earlier.and_then(Earlier::whole) else {
            return Ok(Stored::Old);
        };
        if !self.counts(&judging, &stored).await? {
            return Ok(Stored::Old);
        }
        let rests_on = match &looked {
            Some(looked) => signing::rests_on(&stored, looked),
            None => self.rests_on(scope, &stored),
        };
        Ok(match rests_on {
            RestsOn::WhatIsKnown => Stored::Current(self.keep(judging.in_force.epoch, stored)),
            RestsOn::SomethingElse => Stored::Old,
            RestsOn::WhatNobodyAsked => Stored::OnUnasked,
        })
    }

    /// Gives what others decided while this one tried: it rests on what was in force at the last try,
    /// or on what came since. Nothing of it is kept warm, for it may be old again by now.
    pub(super) async fn judged_by_others(
        &self,
        scope: &Scope,
        digest: &Digest,
        tried: BasisNumber,
    ) -> Result<Arc<Verdict>, PullError> {
        let bytes = self.ledger.verdict_bytes(scope, digest).await?;
        let _share = self.memory.share(reading_bytes(bytes.unwrap_or(0))).await;
        let known = self.ledger.known_verdict(scope, digest).await?;
        let rests_on_it = known.basis >= tried;
        let verdict = known.earlier.and_then(Earlier::whole);
        let counts = |it: &Verdict| {
            let is_in_force = rests_on_it && is_valid(it, self.clock.now());
            is_in_force && self.rests_on(scope, it) == RestsOn::WhatIsKnown
        };
        verdict
            .filter(counts)
            .map(|it| Arc::new(brief(it)))
            .ok_or_else(|| {
                let why = "others replaced its verdict each time";
                PullError::broken("judging an image", why)
            })
    }

    /// Tells whether a stored verdict is what would be decided now. One that says that something was
    /// not known counts only under what it was made by.
    pub(super) async fn counts(
        &self,
        judging: &Judging,
        stored: &Verdict,
    ) -> Result<bool, LedgerError> {
        let stamp = Stamp::of_verdict(stored);
        match judging.counts(&stored.scope(), &stamp) {
            Counts::Yes => Ok(true),
            Counts::OfListed(images) if !judging::is_open(stored) => {
                let listed = self.ledger.listed_as(&[stored.sighting()]).await?;
                let number = listed.into_iter().next().flatten();
                Ok(number.is_some_and(|number| images.has(number)))
            }
            Counts::OfListed(_) | Counts::No => Ok(false),
        }
    }
}
