//! What keys that are believed say of the weaknesses of an image, in documents that are attached to it
//! and signed.
//!
//! Values alone: whoever fills them has verified what they list. What a key said once and does not say
//! any more is kept beside what it says now, so that an older word never takes its place.

use std::collections::BTreeSet;
use std::sync::Arc;

use jiff::Timestamp;

use crate::digest::Digest;
use crate::vex::VexStatus;

/// A document that a key has signed for a manifest.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct SignedDocument {
    /// The key, by the SHA-256 of its DER form (SubjectPublicKeyInfo).
    pub key: Digest,
    /// The manifest: the image's own, or an index of its repository that lists it.
    pub manifest: Digest,
    /// The digest of what was signed.
    pub digest: Digest,
    /// The document, as JSON.
    pub text: Arc<str>,
}

/// One word of a key on a product and a weakness.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct VexMark {
    /// The product as the document names it, as JSON: at most one part of it.
    pub product: String,
    /// What the weakness is called.
    pub vulnerability: String,
    /// Its other names.
    pub aliases: Vec<String>,
    /// What is said of it.
    pub status: VexStatus,
    /// Since when.
    pub at: Timestamp,
}

impl VexMark {
    /// Tells whether it is about the same.
    pub fn is_on_same(&self, other: &Self) -> bool {
        self.product == other.product && self.vulnerability == other.vulnerability
    }

    /// Tells whether it takes the place of another on the same: it is newer, or as new and stricter.
    pub fn is_over(&self, other: &Self) -> bool {
        (self.at, self.status) > (other.at, other.status)
    }
}

/// What a key said of a manifest, and says no more.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Remembered {
    /// The key.
    pub key: Digest,
    /// The manifest.
    pub manifest: Digest,
    /// What it said.
    pub said: VexMark,
}

/// What was there and does not count.
#[derive(Clone, Debug, PartialEq, Eq, Hash, PartialOrd, Ord)]
pub struct Unheard {
    /// Whose it is.
    pub key: Digest,
    /// The manifest that it is about.
    pub manifest: Digest,
    /// The digest of what was signed; none where all of the key is meant.
    pub document: Option<Digest>,
    /// Why it does not count.
    pub why: String,
}

/// What is known of what keys say of an image.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct HeardVex {
    /// The keys that were looked for.
    pub keys: BTreeSet<Digest>,
    /// What they say, in order, each once.
    pub documents: Vec<SignedDocument>,
    /// What they said and say no more, in order, each once.
    pub remembered: Vec<Remembered>,
    /// What does not count, in order, each once.
    pub unheard: Vec<Unheard>,
}

impl HeardVex {
    /// Adds what is known besides, each once.
    pub fn joined(&self, other: &Self) -> Self {
        Self {
            keys: self.keys.union(&other.keys).cloned().collect(),
            documents: union(&self.documents, &other.documents),
            remembered: union(&self.remembered, &other.remembered),
            unheard: union(&self.unheard, &other.unheard),
        }
    }

    /// Keeps what some keys say.
    pub fn of(&self, keys: &BTreeSet<Digest>) -> Self {
        let documents = self.documents.iter().filter(|it| keys.contains(&it.key));
        let remembered = self.remembered.iter().filter(|it| keys.contains(&it.key));
        let unheard = self.unheard.iter().filter(|it| keys.contains(&it.key));
        Self {
            keys: self.keys.intersection(keys).cloned().collect(),
            documents: documents.cloned().collect(),
            remembered: remembered.cloned().collect(),
            unheard: unheard.cloned().collect(),
        }
    }
}

fn union<T: Ord + Clone>(some: &[T], others: &[T]) -> Vec<T> {
    let all: BTreeSet<&T> = some.iter().chain(others).collect();
    all.into_iter().cloned().collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_newer_word_is_over_an_older_and_of_equally_new_ones_the_stricter() {
        let said = |second: i64, status| VexMark {
            product: "\"pkg:a/b\"".into(),
            vulnerability: "CVE-1".into(),
            aliases: Vec::new(),
            status,
            at: Timestamp::from_second(second).unwrap(),
        };
        let [quiet, fixed] = [VexStatus::NotAffected, VexStatus::Fixed];
        let [open, bears] = [VexStatus::UnderInvestigation, VexStatus::Affected];
        for (one, other, wanted) in [
            (said(2, quiet), said(1, bears), true),
            (said(1, bears), said(2, quiet), false),
            (said(1, bears), said(1, open), true),
            (said(1, open), said(1, fixed), true),
            (said(1, quiet), said(1, quiet), false),
            (said(1, quiet), said(1, bears), false),
        ] {
            assert_eq!(one.is_over(&other), wanted, "{one:?} {other:?}");
        }
    }
}
