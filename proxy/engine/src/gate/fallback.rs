//! What a refused tag is answered with in its place, where policy says so: the newest digest of it that
//! was served here and is allowed now. A digest never is.

use std::sync::Arc;

use jiff::Timestamp;
use sluicegate_model::image::Tag;
use sluicegate_model::verdict::Verdict;
use sluicegate_policy::rests_on_grace;

use super::manifest::Found;
use super::{Gate, Judged};
use crate::ledger::Tagged;
use crate::pull::asked::Asked;
use crate::pull::error::PullError;
use crate::pull::waived::is_waived;

impl Gate {
    /// Finds what is served for a tag whose digest is refused; nothing where the refusal stands.
    pub(super) async fn fallback(
        &self,
        asked: &Asked,
        found: &Found,
        refused: &Verdict,
    ) -> Result<Option<(Found, Arc<Verdict>)>, PullError> {
        let Some(tag) = &found.tag else {
            return Ok(None);
        };
        let policies = self.parts.judge.policies();
        let oldest = policies.fallback(&found.scope, &refused.digest, &refused.reasons);
        let Some(oldest) = oldest else {
            return Ok(None);
        };
        let earliest = self.parts.clock.now().checked_sub(oldest);
        let earliest = earliest.unwrap_or(Timestamp::MIN);
        let looked = self.newest_allowed(found, tag, earliest);
        // Whoever has no patience left is refused.
        let Ok(newest) = asked.patience.wait(looked).await else {
            return Ok(None);
        };
        let Some((mut instead, verdict)) = newest? else {
            return Ok(None);
        };
        instead.doubt = Some(words(tag, refused, &verdict));
        Ok(Some((instead, verdict)))
    }

    /// Goes through what the tag has named, the newest first.
    async fn newest_allowed(
        &self,
        found: &Found,
        tag: &Tag,
        earliest: Timestamp,
    ) -> Result<Option<(Found, Arc<Verdict>)>, PullError> {
        let repository = &found.scope.repository;
        let history = self.parts.ledger.tag_history(repository, tag).await?;
        let is_meant = |it: &Tagged| it.digest != found.manifest.digest && it.last >= earliest;
        for tagged in history.into_iter().filter(is_meant) {
            let digest = &tagged.digest;
            if !self.parts.ledger.is_released(repository, digest).await? {
                continue;
            }
            // What cannot be had any more is nothing to fall back to; an older one may be.
            let Ok(manifest) = self.parts.manifests.known(repository, digest).await else {
                continue;
            };
            let judged = self.judged(&found.scope, &manifest, Some(tag)).await;
            let Ok(Judged::Passes(Some(verdict))) = judged else {
                continue;
            };
            if rests_on_grace(&verdict.allowed_by) || is_waived(&verdict) {
                continue;
            }
            let instead = Found {
                scope: found.scope.clone(),
                manifest,
                tag: Some(tag.clone()),
                doubt: None,
                in_place_of: Some(found.manifest.digest.clone()),
            };
            return Ok(Some((instead, verdict)));
        }
        Ok(None)
    }
}

/// Says what was served, and in place of what.
fn words(tag: &Tag, refused: &Verdict, served: &Verdict) -> String {
    let rule = refused.reasons.first().map(|reason| reason.rule.as_str());
    let (policy, rule) = (&refused.policy.name, rule.unwrap_or_default());
    format!(
        "sluicegate: tag {tag} names {}, which policy \"{policy}\", rule \"{rule}\" refuses; served \
         is the newest that is allowed, {}",
        refused.digest, served.digest
    )
}
