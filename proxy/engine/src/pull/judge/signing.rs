//! Who signed an image, where policies ask for that: whether a verdict still rests on what is known,
//! and what has to be known for one that is made.
//!
//! Where no policy asks, nobody is asked and nothing is compared.

use std::sync::Arc;

use sluicegate_model::manifest::{ImageManifest, Index};
use sluicegate_model::verdict::Verdict;
use sluicegate_model::{Digest, Scope};
use sluicegate_scanner::is_surely_image;

use super::Judge;
use crate::pull::error::PullError;
use crate::pull::inventories::{Held, Inventories};
use crate::pull::judging::{Judging, wanted_signatures};
use crate::pull::signed::Looked;
use crate::trace;

/// What a verdict rests on, of who signed its image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum RestsOn {
    /// On what is known now; also where no policy asks.
    WhatIsKnown,
    /// On something else than what is known now.
    SomethingElse,
    /// On what has to be asked for again.
    WhatNobodyAsked,
}

impl Judge {
    /// Tells what a verdict rests on, asking nobody.
    pub(super) fn rests_on(&self, scope: &Scope, verdict: &Verdict) -> RestsOn {
        let Some(wanted) = wanted_signatures(&self.policies(), scope, verdict.artifact) else {
            return RestsOn::WhatIsKnown;
        };
        let known = self
            .signed
            .fresh(&scope.repository, &verdict.digest, &wanted);
        known.map_or(RestsOn::WhatNobodyAsked, |known| rests_on(verdict, &known))
    }

    /// Looks up who signed an image, as far as policies ask.
    pub(super) async fn look_up(&self, scope: &Scope, digest: &Digest) -> Option<Arc<Looked>> {
        let wanted = wanted_signatures(&self.policies(), scope, None)?;
        Some(self.signed.of(&scope.repository, digest, &wanted).await)
    }

    /// Starts to look up who signed an image whose content is being fetched: both take their time.
    pub(crate) fn look_ahead(&self, scope: &Scope, digest: &Digest, image: &ImageManifest) {
        let is_wanted = wanted_signatures(&self.policies(), scope, None).is_some();
        // Of what may be a signature itself nobody asks who signed it.
        if !is_wanted || !is_surely_image(image) {
            return;
        }
        let (judge, scope, digest) = (self.clone(), scope.clone(), digest.clone());
        tokio::spawn(trace::carried(async move {
            judge.look_up(&scope, &digest).await;
        }));
    }

    /// Takes note that an index lists manifests, for which its signature and those of the indexes that
    /// led to it count from then on.
    pub(crate) fn note_index(&self, scope: &Scope, above: &[Digest], index: &Index) {
        if let Some(wanted) = wanted_signatures(&self.policies(), scope, None) {
            let children = index.manifests.iter().map(|child| &child.digest);
            let repository = &scope.repository;
            self.signed
                .note_indexes(repository, above, children, &wanted);
        }
    }

    /// Sees to it that it is known who signed an image, where the policies by which it is judged ask.
    /// No memory is held while somebody is asked.
    pub(super) async fn knowing_signatures(
        &self,
        judging: &Judging,
        scope: &Scope,
        digest: &Digest,
        held: Held,
    ) -> Result<(Held, Option<Arc<Looked>>), PullError> {
        let artifact = held.scanned.content.artifact();
        let wanted = wanted_signatures(&judging.in_force.policies, scope, artifact);
        let Some(wanted) = wanted else {
            return Ok((held, None));
        };
        let repository = &scope.repository;
        if let Some(known) = self.signed.fresh(repository, digest, &wanted) {
            return Ok((held, Some(known)));
        }
        let resting = Inventories::put_down(held);
        let looked = self.signed.of(repository, digest, &wanted).await;
        let image = scope.sighting(digest);
        let held = self.inventories.take_up(&image, resting, 0).await?;
        Ok((held, Some(looked)))
    }
}

/// Tells what a verdict rests on, by what was seen.
pub(super) fn rests_on(verdict: &Verdict, seen: &Looked) -> RestsOn {
    let earlier = verdict.signatures.as_ref();
    let now = seen.over(earlier);
    if earlier.is_some_and(|earlier| earlier.are_as_good_as(&now)) {
        RestsOn::WhatIsKnown
    } else {
        RestsOn::SomethingElse
    }
}
