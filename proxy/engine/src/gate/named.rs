//! Names at the gate: what is refused before anything is fetched, and what names that were allowed
//! have led to.
//!
//! Clients resolve a tag first and then ask by digest. Where a policy lists tags, a digest is let
//! through for those for whom such a tag has led to it lately, under the same policies; that it is
//! forgotten refuses, and asking by the tag again leads there again.

use std::time::Duration;

use moka::sync::Cache;
use sluicegate_model::image::Reference;
use sluicegate_model::manifest::Manifest;
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Repository, Scope};
use sluicegate_policy::{AskedName, NameRefusal, PolicySet};

use super::Gate;
use super::manifest::Found;
use crate::audit::RefusedName;
use crate::blocked::Refused;
use crate::identity::Who;
use crate::pull::asked::Asked;
use crate::pull::error::PullError;

/// Manifests remembered, about 400 bytes each.
const MANIFESTS: u64 = 20_000;
/// How long after it was last asked for.
const REMEMBERED_FOR: Duration = Duration::from_hours(24);

/// What names that were allowed have led to: for whom, by which policies, which manifest.
#[derive(Clone, Debug)]
pub(super) struct ByName(Cache<(Scope, Digest, Digest), ()>);

impl Default for ByName {
    fn default() -> Self {
        let led = Cache::builder().max_capacity(MANIFESTS);
        Self(led.time_to_idle(REMEMBERED_FOR).build())
    }
}

impl Gate {
    /// Refuses a request for a manifest by the name that it has, where a policy does; what was
    /// decided is in the log when this returns.
    pub(super) async fn refused_by_name(
        &self,
        asked: &Asked,
        scope: &Scope,
        reference: &Reference,
    ) -> Result<Option<NameRefusal>, PullError> {
        let Some(refusal) = self.refusal_by_name(scope, reference) else {
            return Ok(None);
        };
        let (tag, digest) = match reference {
            Reference::Tag(tag) => (Some(tag.clone()), None),
            Reference::Digest(digest) => (None, Some(digest.clone())),
        };
        let refused = RefusedName {
            who: asked.who.clone(),
            repository: asked.repository.clone(),
            tag: tag.clone(),
            digest: digest.clone(),
            is_head: asked.head,
            refusal: refusal.clone(),
        };
        // Before anybody is told who decided.
        self.parts.judge.keep_texts(scope).await?;
        self.parts.tally.count_pull(Decision::Refuse, None);
        let now = self.parts.clock.now();
        self.parts.log.record_name(refused, now).await?;
        self.parts.blocked.note(Refused {
            who: &asked.who,
            repository: &asked.repository,
            tag: tag.as_ref(),
            digest: digest.as_ref(),
            policy: &refusal.policy,
            reasons: &refusal.reasons,
        });
        Ok(Some(refusal))
    }

    /// Tells why a manifest is refused by its name.
    pub(super) fn refusal_by_name(
        &self,
        scope: &Scope,
        reference: &Reference,
    ) -> Option<NameRefusal> {
        let policies = self.parts.judge.policies();
        let name = self.name_in(&policies, scope, reference);
        policies.refuses_name(scope, Some(name), self.parts.clock.now())
    }

    /// Gives what is to be told beside a manifest for its name.
    pub(super) fn note_on_name(&self, scope: &Scope, reference: &Reference) -> Option<String> {
        let policies = self.parts.judge.policies();
        let name = self.name_in(&policies, scope, reference);
        policies.notes_name(scope, name, self.parts.clock.now())
    }

    fn name_in<'a>(
        &self,
        policies: &PolicySet,
        scope: &Scope,
        reference: &'a Reference,
    ) -> AskedName<'a> {
        match reference {
            Reference::Tag(tag) => AskedName::Tag(tag),
            Reference::Digest(digest) => {
                let key = || (scope.clone(), policies.digest_for(scope), digest.clone());
                let was_led_to = policies.lists_names(scope) && self.by_name.0.contains_key(&key());
                AskedName::Digest { digest, was_led_to }
            }
        }
    }

    /// Tells why a name is refused that somebody wants judged ahead of its first pull. Which tags lead
    /// to a digest is not known by then: it is refused with its repository only.
    pub(crate) fn refuses_ahead(
        &self,
        repository: &Repository,
        who: &Who,
        reference: &Reference,
    ) -> Option<NameRefusal> {
        let tag = match reference {
            Reference::Tag(tag) => Some(tag),
            Reference::Digest(_) => None,
        };
        let scope = self.parts.judge.scope(repository, who, tag);
        let name = tag.map(AskedName::Tag);
        let policies = self.parts.judge.policies();
        policies.refuses_name(&scope, name, self.parts.clock.now())
    }

    /// Tells why a repository is refused, whatever is asked for in it.
    pub fn refuses_repository(&self, asked: &Asked) -> Option<NameRefusal> {
        let policies = self.parts.judge.policies();
        policies.refuses_name(&self.scope(asked, None), None, self.parts.clock.now())
    }

    /// Notes what a name that was not refused has led to.
    pub(super) fn note_led(&self, asked: &Asked, found: &Found) {
        self.note_led_in(&found.scope, found);
        let policies = self.parts.judge.policies();
        let Some(tag) = found.tag.as_ref().filter(|_| policies.names_tags()) else {
            return;
        };
        // For whoever comes back by digest once the tag is not known any more: then more lists apply,
        // and the tag has to be on them as well.
        let untagged = self.scope(asked, None);
        let (name, now) = (Some(AskedName::Tag(tag)), self.parts.clock.now());
        if untagged != found.scope && policies.refuses_name(&untagged, name, now).is_none() {
            self.note_led_in(&untagged, found);
        }
    }

    fn note_led_in(&self, scope: &Scope, found: &Found) {
        let policies = self.parts.judge.policies();
        if !policies.lists_names(scope) {
            return;
        }
        let rests_on = policies.digest_for(scope);
        let note = |digest: &Digest| {
            let key = (scope.clone(), rests_on.clone(), digest.clone());
            self.by_name.0.insert(key, ());
        };
        note(&found.manifest.digest);
        if let Manifest::Index(index) = &found.manifest.parsed {
            index.manifests.iter().for_each(|child| note(&child.digest));
        }
    }
}
