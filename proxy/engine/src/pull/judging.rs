//! By what is judged at one moment: which verdicts count under it, and how one is made.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;
use sluicegate_model::artifact::ArtifactKind;
use sluicegate_model::clock::is_to_come;
use sluicegate_model::coverage::GapKind;
use sluicegate_model::finding::FindingKind;
use sluicegate_model::image::Tag;
use sluicegate_model::signature::Signatures;
use sluicegate_model::snapshot::SnapshotId;
use sluicegate_model::verdict::{Grace, Provenance, RuleId, Verdict};
use sluicegate_model::{Digest, Domain, Scope};
use sluicegate_policy::PolicySet;
use sluicegate_scanner::KnownPackages;
use sluicegate_signatures::Wanted;

use crate::ledger::{Basis, ImageNumbers, Known, Replacement, Stamp};
use crate::plugins::ActivePlugins;
use crate::scan::Scanned;
use crate::snapshots::{InForce, Snapshots};

use super::carried::Carried;
use super::error::PullError;
use super::inventories::Held;
use super::signed::Looked;
use super::verdict::{Image, asks_for_licences, verdict_knowing};

/// By what is judged at one moment.
#[derive(Clone)]
pub(crate) struct Judging {
    pub(crate) in_force: InForce,
    /// What reads images.
    pub(super) plugins: Arc<ActivePlugins>,
    /// Who keeps the texts of policies.
    pub(super) keeper: Arc<dyn Snapshots>,
    /// Which verdicts of earlier bases count.
    pub(super) carried: Arc<Carried>,
    /// What the advisories in force say of packages, as far as it was asked.
    pub(crate) known: Arc<KnownPackages>,
    /// What else is held against images, beside the policies in force.
    pub(crate) draft: Option<Arc<PolicySet>>,
    pub(crate) now: Timestamp,
}

/// What was known of an image before it is judged.
pub(crate) struct Before {
    /// Its verdict.
    pub(crate) known: Known,
    /// Whether its packages are listed.
    pub(crate) is_listed: bool,
    /// Whether it was given out, where that matters to a policy.
    pub(crate) is_given: bool,
}

/// Which image is judged.
#[derive(Clone)]
pub(crate) struct Subject {
    pub(crate) scope: Scope,
    pub(crate) digest: Digest,
    /// Tags under which it is asked for, beside those that are known.
    pub(crate) tags: Vec<Tag>,
    /// Who signed it, where somebody has looked; else by what the verdict rests that is replaced.
    pub(crate) looked: Option<Arc<Looked>>,
}

/// Whether a verdict is what would be decided now.
pub(crate) enum Counts<'a> {
    /// It is.
    Yes,
    /// It is where its image is listed under one of these numbers.
    OfListed(&'a ImageNumbers),
    /// It is not, or nobody knows.
    No,
}

impl Judging {
    /// Tells whether a verdict was made by what is in force.
    #[cfg(test)]
    pub(crate) fn made(&self, verdict: &Verdict) -> bool {
        matches!(
            self.counts(&verdict.scope(), &Stamp::of_verdict(verdict)),
            Counts::Yes
        )
    }

    /// Tells whether a verdict with a stamp counts.
    pub(crate) fn counts(&self, scope: &Scope, stamp: &Stamp) -> Counts<'_> {
        let made = stamp.provenance();
        let is_alike = is_valid(stamp.valid_until(), made, self.now)
            && *stamp.policy() == self.in_force.policies.digest_for(scope)
            && made.scanner == self.plugins.scanner();
        if !is_alike {
            return Counts::No;
        }
        if made.feeds == *self.in_force.advisories.index.snapshot() {
            return Counts::Yes;
        }
        let earlier = self.basis_with(&made.feeds).digest();
        let untouched = self.carried.untouched(&earlier, &self.basis().digest());
        untouched.map_or(Counts::No, Counts::OfListed)
    }

    /// Gives what verdicts that are made now rest on.
    pub(crate) fn basis(&self) -> Basis {
        self.basis_with(self.in_force.advisories.index.snapshot())
    }

    /// Gives the same over other advisories.
    fn basis_with(&self, feeds: &SnapshotId) -> Basis {
        Basis {
            policies: self.in_force.policies.digest(),
            feeds: feeds.clone(),
            fingerprint: self.plugins.verdict_fingerprint().to_owned(),
        }
    }

    /// Makes a verdict; the times that policies give to what was given out before begin with it.
    fn verdict(&self, image: Image, held: &Held, before: &Before) -> Verdict {
        let InForce {
            policies,
            advisories,
            ..
        } = &self.in_force;
        let judged = |image: Image, now| {
            let by = (&**policies, advisories, held.plugins().scanner());
            verdict_knowing(image, held, by, &self.known, now)
        };
        let earlier = before.known.head().filter(|_| before.is_given);
        let Some(earlier) = earlier else {
            return judged(image, self.now).0;
        };
        let (verdict, ungiven) = judged(image.clone(), self.now);
        let mut begun = begun(earlier, &verdict, ungiven);
        if begun.is_empty() {
            return verdict;
        }
        // What only time has brought, such as the end of an exception, is no news of the feeds.
        let then = judged(image.clone(), earlier.provenance.decided_at).1;
        begun.retain(|grace| then.iter().any(|it| it.is_of_same(grace)));
        if begun.is_empty() {
            return verdict;
        }
        let graces = [image.graces.clone(), begun].concat();
        judged(Image { graces, ..image }, self.now).0
    }

    /// Tells whether licences are judged in a scope.
    pub(super) fn asks_for_licences(&self, scope: &Scope) -> bool {
        let draft = self.draft.as_ref();
        asks_for_licences(&self.in_force.policies, scope)
            || draft.is_some_and(|it| it.asks(FindingKind::Licence, None))
    }

    /// Tells whether anybody can be judged in a scope.
    pub(crate) fn knows(&self, scope: &Scope) -> bool {
        self.in_force.policies.knows(scope)
    }

    /// Decides on a scanned image, and makes the decision ready to replace what is known; with the
    /// packages of the image where they are not listed yet.
    pub(crate) fn judge(
        &self,
        subject: &Subject,
        before: &Before,
        scanned: &Held,
    ) -> Result<(Verdict, Replacement), PullError> {
        let (scope, known) = (&subject.scope, &before.known);
        let earlier = known.head().into_iter().flat_map(|verdict| &verdict.tags);
        let tags: BTreeSet<Tag> = earlier.chain(&subject.tags).cloned().collect();
        let image = Image {
            scope: scope.clone(),
            digest: subject.digest.clone(),
            tags: tags.into_iter().collect(),
            first_seen: Some(first_seen(known.head(), scanned)),
            graces: (known.head()).map_or_else(Vec::new, |it| it.graces.clone()),
            signatures: self.signatures(subject, known, scanned),
        };
        let mut verdict = self.verdict(image, scanned, before);
        let policies = &self.in_force.policies;
        // Before anybody is told who decided.
        let kept = self.keeper.keep_texts(policies, scope);
        kept.map_err(PullError::storage)?;
        let mut replacement = Replacement::new(&mut verdict, known)?;
        // What archives are by their digests follows from the feeds, so that the list may be another.
        if !before.is_listed || !scanned.inventory.archives.is_empty() {
            let index = &self.in_force.advisories.index;
            let named = sluicegate_scanner::with_archives_named(&scanned.inventory, index);
            replacement = replacement.listing(&named, scanned.plugins());
        }
        Ok((verdict, replacement))
    }
}

/// Gives the times that begin now: a change of the feeds, and of nothing else, has made a rule hit what
/// was given out under a verdict that it did not hit.
fn begun(earlier: &Verdict, now: &Verdict, ungiven: Vec<Grace>) -> Vec<Grace> {
    let (before, after) = (&earlier.provenance, &now.provenance);
    let is_feeds_alone = earlier.policy.digest == now.policy.digest
        && before.scanner == after.scanner
        && before.scanned_at == after.scanned_at
        && before.feeds != after.feeds;
    if !is_feeds_alone {
        return Vec::new();
    }
    let hit = |grace: &Grace| earlier.reasons.iter().any(|it| it.rule == grace.rule);
    let ungiven = ungiven.into_iter();
    ungiven.filter(|grace| !hit(grace)).collect()
}

impl Judging {
    /// Tells whether an image can be judged though nobody looks who signed it: what the verdict rests
    /// on that is to be replaced is all that policies ask.
    pub(crate) fn needs_no_look(&self, scope: &Scope, known: &Known, scanned: &Scanned) -> bool {
        let artifact = scanned.content.artifact();
        let wanted = wanted_signatures(&self.in_force.policies, scope, artifact);
        let earlier = known.head();
        let earlier = earlier.and_then(|verdict| verdict.signatures.as_ref());
        wanted.is_none_or(|wanted| {
            earlier.is_some_and(|it| {
                it.asked_for(wanted.statements().iter(), &wanted.keys())
                    && it.heard_of(&wanted.vex_keys())
            })
        })
    }

    /// Gives what is known of who signed an image, where policies ask for that.
    fn signatures(
        &self,
        subject: &Subject,
        known: &Known,
        scanned: &Scanned,
    ) -> Option<Signatures> {
        let artifact = scanned.content.artifact();
        wanted_signatures(&self.in_force.policies, &subject.scope, artifact)?;
        let earlier = known.head();
        let earlier = earlier.and_then(|verdict| verdict.signatures.as_ref());
        match &subject.looked {
            Some(looked) => Some(looked.over(earlier)),
            None => earlier.cloned(),
        }
    }
}

/// Tells what policies ask of signatures: nothing of what is attached to another manifest, and nothing
/// that could be looked up of what somebody reports.
pub(super) fn wanted_signatures(
    policies: &PolicySet,
    scope: &Scope,
    artifact: Option<ArtifactKind>,
) -> Option<Arc<Wanted>> {
    let is_attached = artifact.is_some_and(ArtifactKind::is_attached);
    if is_attached || matches!(scope.domain, Domain::Reporter(_)) {
        return None;
    }
    policies.wanted_signatures(scope)
}

/// Tells since when an image is known: since it was first judged, or its bytes were read.
pub(crate) fn first_seen(earlier: Option<&Verdict>, scanned: &Scanned) -> Timestamp {
    let known = earlier.map(|it| it.first_seen.unwrap_or(it.provenance.scanned_at));
    let known = known.into_iter().chain([scanned.scanned_at]);
    known.min().unwrap_or(scanned.scanned_at)
}

/// Tells whether a verdict has not ended by itself, and none of its times is still to come.
pub(super) fn is_valid(valid_until: Option<Timestamp>, made: &Provenance, now: Timestamp) -> bool {
    valid_until.is_none_or(|until| now < until)
        && !is_to_come(made.decided_at, now)
        && !is_to_come(made.scanned_at, now)
}

/// Tells whether a verdict says that something was not known: whoever asks for it next is told what is
/// known by now.
pub(super) fn is_open(verdict: &Verdict) -> bool {
    let reasons = &verdict.reasons;
    let gaps = &verdict.coverage.gaps;
    reasons.iter().any(|it| it.rule == RuleId::STALE_FEEDS)
        || gaps
            .iter()
            .any(|gap| gap.kind == GapKind::NoFeed && gap.fatal)
}
