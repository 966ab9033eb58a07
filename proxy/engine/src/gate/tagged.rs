//! By which tag a request by digest came about: clients ask for one image in several steps, and only
//! the first one names the tag.
//!
//! Asked only where a Binding or an Exception names tags. A request by digest belongs to the last tag by
//! which the same client was led there, directly or through an index; the log counts pulls likewise.
//! Whatever is forgotten leaves a tag that is not known, which loosens nothing.

use std::hash::{BuildHasher as _, RandomState};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use sluicegate_model::Digest;
use sluicegate_model::image::{Reference, Tag};
use sluicegate_model::manifest::Manifest;

use super::Gate;
use super::manifest::Found;
use crate::pull::asked::Asked;

/// Manifests remembered, about 200 bytes each.
const MANIFESTS: u64 = 50_000;
/// How long after it was asked for by a tag a manifest belongs to that.
const MANIFESTS_FOR: SignedDuration = SignedDuration::from_mins(10);
/// How long its blobs do: longer than a client takes from a manifest to its last layer.
const BLOBS_FOR: SignedDuration = SignedDuration::from_hours(1);
/// How long anything is remembered.
const REMEMBERED_FOR: Duration = Duration::from_hours(1);

/// A hash under keys of this process, so that nobody can choose two that meet.
type Key = (u64, u64);

/// The last tag by which each client was led to a manifest, and when.
#[derive(Clone, Debug)]
pub(super) struct PulledByTag {
    led: Cache<Key, (Tag, Timestamp)>,
    hashes: Arc<[RandomState; 2]>,
}

impl Default for PulledByTag {
    fn default() -> Self {
        let led = Cache::builder().max_capacity(MANIFESTS);
        Self {
            led: led.time_to_live(REMEMBERED_FOR).build(),
            hashes: Arc::default(),
        }
    }
}

impl PulledByTag {
    fn key(&self, asked: &Asked, digest: &Digest) -> Key {
        let who = &asked.who;
        let asker = (who.client, &who.principal, &who.user_agent);
        let what = (asker, &asked.repository, digest);
        let [one, other] = &*self.hashes;
        (one.hash_one(what), other.hash_one(what))
    }

    fn of(&self, asked: &Asked, digest: &Digest) -> Option<(Tag, Timestamp)> {
        self.led.get(&self.key(asked, digest))
    }
}

impl Gate {
    /// Gives the tag by which a manifest is asked for, where that is known and anybody needs it.
    pub(super) fn tag_of(&self, asked: &Asked, reference: &Reference) -> Option<Tag> {
        match reference {
            Reference::Tag(tag) => Some(tag.clone()),
            Reference::Digest(digest) => self.tag_within(asked, digest, MANIFESTS_FOR),
        }
    }

    /// Gives the tag by which a manifest was asked for whose blob is wanted.
    pub(super) fn tag_of_blobs(&self, asked: &Asked, manifest: &Digest) -> Option<Tag> {
        self.tag_within(asked, manifest, BLOBS_FOR)
    }

    fn tag_within(&self, asked: &Asked, digest: &Digest, time: SignedDuration) -> Option<Tag> {
        if !self.parts.judge.policies().names_tags() {
            return None;
        }
        let (tag, at) = self.by_tag.of(asked, digest)?;
        let passed = self.parts.clock.now().duration_since(at);
        // A clock that was set back tells of no time that has passed.
        (SignedDuration::ZERO..=time)
            .contains(&passed)
            .then_some(tag)
    }

    /// Notes where the tag of a request has led: to the manifest, and to what that lists.
    pub(super) fn note_tag_of(&self, asked: &Asked, found: &Found) {
        if !self.parts.judge.policies().names_tags() {
            return;
        }
        let digest = &found.manifest.digest;
        let led = match &found.tag {
            Some(tag) => Some((tag.clone(), self.parts.clock.now())),
            None => self.by_tag.of(asked, digest),
        };
        let Some(led) = led else {
            return;
        };
        let note = |digest: &Digest| {
            let key = self.by_tag.key(asked, digest);
            self.by_tag.led.insert(key, led.clone());
        };
        note(digest);
        if let Manifest::Index(index) = &found.manifest.parsed {
            index.manifests.iter().for_each(|child| note(&child.digest));
        }
    }

    /// Notes that a manifest is still being asked for: whoever waits for a verdict comes back.
    pub(super) fn note_still_asked(&self, asked: &Asked, digest: &Digest, tag: Option<&Tag>) {
        if let Some(tag) = tag
            && self.parts.judge.policies().names_tags()
        {
            let led = (tag.clone(), self.parts.clock.now());
            self.by_tag.led.insert(self.by_tag.key(asked, digest), led);
        }
    }
}
