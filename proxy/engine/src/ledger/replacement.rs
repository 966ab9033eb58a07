//! A verdict that is ready to take the place of another, and what tells that other from all else.
//!
//! What changes whenever a verdict is made anew is its [`Stamp`]; the rest, which is nearly all of
//! it, mostly stays as it was, and whoever keeps it then need not write it again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicegate_model::inventory::Inventory;
use sluicegate_model::snapshot::SnapshotId;
use sluicegate_model::verdict::{PolicyReference, Provenance, Verdict};
use sluicegate_model::{Digest, Repository, Scope};

use super::bases::BasisNumber;
use super::error::LedgerError;
use super::stored::{self, StoredPolicyReference, StoredProvenance};
use super::summary::Summary;
use super::term::{self, Term};
use crate::events::Change;

/// zstd's default.
const COMPRESSION_LEVEL: i32 = 3;
/// What a verdict takes in memory beside its text until it is written, in bytes.
const BESIDE_BYTES: u64 = 16 * 1024;

/// What tells a stored verdict from every other one: a digest of its text and its stamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark(pub Digest);

/// A stored verdict, and its mark.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The verdict; none where there is none or it is damaged.
    pub verdict: Option<Verdict>,
    /// What nobody else may have replaced meanwhile; none where there is none.
    pub mark: Option<Mark>,
    /// The number of the basis that it rests on.
    pub basis: BasisNumber,
}

/// By what a verdict was made, when, and until when it stands: what a new feed or policy changes also
/// where nothing follows from it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Stamp {
    #[serde(with = "StoredPolicyReference")]
    policy: PolicyReference,
    valid_until: Option<Timestamp>,
    #[serde(with = "StoredProvenance")]
    provenance: Provenance,
}

impl Stamp {
    /// Takes it from what lists say of a verdict.
    pub fn of(summary: &Summary) -> Self {
        Self {
            policy: summary.policy.clone(),
            valid_until: summary.valid_until,
            provenance: summary.provenance.clone(),
        }
    }

    /// Takes it from a verdict.
    pub fn of_verdict(verdict: &Verdict) -> Self {
        Self {
            policy: verdict.policy.clone(),
            valid_until: verdict.valid_until,
            provenance: verdict.provenance.clone(),
        }
    }

    /// Gives the digest of the policies that decided.
    pub fn policy(&self) -> &Digest {
        &self.policy.digest
    }

    /// Gives the next instant at which something changes by itself.
    pub fn valid_until(&self) -> Option<Timestamp> {
        self.valid_until
    }

    /// Gives what the verdict rests on.
    pub fn provenance(&self) -> &Provenance {
        &self.provenance
    }

    /// What stands for it in texts.
    fn none() -> Self {
        Self {
            policy: PolicyReference {
                name: String::new(),
                digest: Digest::of(&[]),
            },
            valid_until: None,
            provenance: Provenance {
                scanner: String::new(),
                feeds: SnapshotId::NO_FEEDS,
                feed_time: None,
                scanned_at: Timestamp::UNIX_EPOCH,
                decided_at: Timestamp::UNIX_EPOCH,
                scan_ms: 0,
            },
        }
    }

    /// Gives a verdict this stamp, and takes the one that it had.
    fn swapped_with(mut self, verdict: &mut Verdict) -> Self {
        std::mem::swap(&mut verdict.policy, &mut self.policy);
        std::mem::swap(&mut verdict.valid_until, &mut self.valid_until);
        std::mem::swap(&mut verdict.provenance, &mut self.provenance);
        self
    }

    /// Makes a verdict of its text, JSON; none where that is damaged.
    pub fn read(self, text: &[u8]) -> Option<Verdict> {
        let mut verdict = stored::read_verdict(text)?;
        self.swapped_with(&mut verdict);
        Some(verdict)
    }

    /// Gives the mark of the verdict whose packed text has this digest; marks are compared, not kept.
    pub fn mark(&self, text: &Digest) -> Mark {
        Mark(Digest::of(format!("{text} {self:?}").as_bytes()))
    }
}

/// The text of a verdict but for its stamp, JSON compressed by zstd.
#[derive(Debug)]
pub struct Packed {
    /// The compressed text.
    pub bytes: Vec<u8>,
    /// The digest of these bytes.
    pub digest: Digest,
    /// The text's length, in bytes.
    pub text_bytes: usize,
}

impl Packed {
    fn of(verdict: &mut Verdict) -> Result<Self, LedgerError> {
        let stamp = Stamp::none().swapped_with(verdict);
        let text = stored::verdict_text(verdict);
        stamp.swapped_with(verdict);
        let text = text.map_err(|error| LedgerError::encoding("a verdict", error))?;
        let bytes = zstd::bulk::compress(&text, COMPRESSION_LEVEL)
            .map_err(|error| LedgerError::encoding("a verdict", error))?;
        Ok(Self {
            digest: Digest::of(&bytes),
            text_bytes: text.len(),
            bytes,
        })
    }
}

/// A verdict that is ready to take the place of another.
#[derive(Debug)]
pub struct Replacement {
    /// What lists say of it; its scope, manifest, time and decision are there.
    pub summary: Summary,
    /// What lists do not say, and its stamp changes nothing about.
    pub text: Packed,
    /// The verdict that it replaces; none where there must be none.
    pub replaces: Option<Mark>,
    /// The number of the basis that it rests on: it replaces none of a later one.
    pub basis: BasisNumber,
    /// What is told of it as an event.
    pub change: Option<Change>,
    /// What the verdict can be asked for by.
    pub terms: Vec<Term>,
    /// What the verdict that it replaces could; none where that is not known.
    pub old_terms: Option<Vec<Term>>,
    /// What the image can be asked for by, where that is to be listed.
    pub packages: Option<Vec<Term>>,
}

impl Replacement {
    /// Encodes a verdict that is to replace what is known; takes as long as compressing it does. The
    /// verdict is without its stamp meanwhile, for it may be too large to be copied.
    pub fn new(verdict: &mut Verdict, known: &Known) -> Result<Self, LedgerError> {
        let terms = term::of_verdict(verdict);
        let old_terms = known.verdict.as_ref().map(|old| {
            if term::is_alike(old, verdict) {
                terms.clone()
            } else {
                term::of_verdict(old)
            }
        });
        Ok(Self {
            text: Packed::of(verdict)?,
            summary: Summary::of(verdict),
            replaces: known.mark.clone(),
            basis: known.basis,
            change: None,
            terms,
            old_terms,
            packages: None,
        })
    }

    /// Rests the verdict on another basis than the one that it replaces.
    #[must_use]
    pub fn resting_on(mut self, basis: BasisNumber) -> Self {
        self.basis = basis;
        self
    }

    /// Has an event written with the verdict, if there is one to tell.
    #[must_use]
    pub fn told_as(mut self, change: Option<Change>) -> Self {
        self.change = change;
        self
    }

    /// Has the image found by the packages it holds.
    #[must_use]
    pub fn listing(mut self, inventory: &Inventory) -> Self {
        self.packages = Some(term::of_inventory(inventory));
        self
    }

    /// Gives the repository in which the manifest was judged.
    pub fn repository(&self) -> &Repository {
        &self.summary.repository
    }

    /// Gives where it was judged, and for whom.
    pub fn scope(&self) -> Scope {
        self.summary.scope()
    }

    /// Gives the manifest.
    pub fn digest(&self) -> &Digest {
        &self.summary.digest
    }

    /// Gives when it was decided.
    pub fn decided_at(&self) -> Timestamp {
        self.summary.provenance.decided_at
    }

    /// Tells what it takes in memory until it is written, in bytes.
    pub fn bytes(&self) -> u64 {
        self.text.bytes.len() as u64 + BESIDE_BYTES
    }
}
