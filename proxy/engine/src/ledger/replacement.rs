//! A verdict that is ready to take the place of another, and what tells that other from all else.
//!
//! What changes whenever a verdict is made anew is its [`Stamp`]; the rest, which is nearly all of
//! it, mostly stays as it was, and whoever keeps it then need not write it again.

use std::ops::Range;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicegate_model::inventory::Inventory;
use sluicegate_model::snapshot::SnapshotId;
use sluicegate_model::verdict::{PolicyReference, Provenance, Verdict};
use sluicegate_model::{Digest, Repository, Scope};

use super::bases::BasisNumber;
use super::error::LedgerError;
use super::known::{Earlier, Known, PackedAs};
use super::record::Turn;
use super::stored::{self, StoredPolicyReference, StoredProvenance};
use super::summary::Summary;
use super::term::{self, Term};
use crate::events::{Change, difference};
use crate::packing;
use crate::plugins::ActivePlugins;
use crate::reused::{self, Reused};

/// What a verdict takes in memory beside its text until it is written, in bytes.
const BESIDE_BYTES: u64 = 16 * 1024;

/// What a finding usually takes as text, in bytes.
const FINDING_BYTES: usize = 800;

/// What tells a stored verdict from every other one: a digest of its text and its stamp.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark(pub Digest);

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
    pub(super) fn swapped_with(mut self, verdict: &mut Verdict) -> Self {
        std::mem::swap(&mut verdict.policy, &mut self.policy);
        std::mem::swap(&mut verdict.valid_until, &mut self.valid_until);
        std::mem::swap(&mut verdict.provenance, &mut self.provenance);
        self
    }

    /// Gives the mark of the verdict whose packed text has this digest; marks are compared, not kept.
    pub fn mark(&self, text: &Digest) -> Mark {
        Mark(Digest::of(format!("{text} {self:?}").as_bytes()))
    }
}

/// The text of a verdict but for its stamp, JSON.
struct Text {
    bytes: Reused,
    /// Where the findings stand in it.
    findings: Range<usize>,
}

impl Text {
    /// Writes it; `like_bytes` is how long another one of the image was. The verdict is without its
    /// stamp and its findings meanwhile, for it may be too large to be copied.
    fn of(verdict: &mut Verdict, like_bytes: usize) -> Result<Self, LedgerError> {
        let stamp = Stamp::none().swapped_with(verdict);
        let findings = std::mem::take(&mut verdict.findings);
        let head = stored::verdict_text(verdict);
        stamp.swapped_with(verdict);
        verdict.findings = findings;
        let encoding = |error| LedgerError::encoding("a verdict", error);
        let head = head.map_err(encoding)?;
        let place = stored::findings_in(&head).map_err(encoding)?;
        let (before, after) = (head.get(..place.start), head.get(place.end..));
        let usual = verdict.findings.len().saturating_mul(FINDING_BYTES);
        let room = like_bytes.max(usual).saturating_add(head.len());
        let mut bytes = Reused::from(reused::with_room(room));
        bytes.extend_from_slice(before.unwrap_or_default());
        stored::write_findings(&verdict.findings, &mut bytes).map_err(encoding)?;
        let findings = place.start..bytes.len();
        bytes.extend_from_slice(after.unwrap_or_default());
        Ok(Self { bytes, findings })
    }

    fn findings(&self) -> &[u8] {
        self.bytes.get(self.findings.clone()).unwrap_or_default()
    }
}

/// The text of a verdict but for its stamp, JSON compressed by zstd.
#[derive(Debug)]
pub struct Packed {
    /// The compressed text.
    pub bytes: PackedBytes,
    /// The text's length, in bytes.
    pub text_bytes: usize,
}

/// A compressed text.
#[derive(Debug)]
pub enum PackedBytes {
    /// One that is to be kept.
    New {
        /// The bytes.
        bytes: Vec<u8>,
        /// Their digest.
        digest: Digest,
    },
    /// That of the verdict which is replaced.
    Same(PackedAs),
}

impl Packed {
    fn of(text: &Text, earlier: Option<&Earlier>) -> Result<Self, LedgerError> {
        let same = earlier.and_then(|earlier| earlier.packed_as(&text.bytes));
        let bytes = if let Some(same) = same {
            PackedBytes::Same(same.clone())
        } else {
            let bytes = packing::pack_quickly(&text.bytes)
                .map_err(|error| LedgerError::encoding("a verdict", error))?;
            let digest = Digest::of(&bytes);
            PackedBytes::New { bytes, digest }
        };
        let text_bytes = text.bytes.len();
        Ok(Self { bytes, text_bytes })
    }

    /// Gives the bytes that are to be kept; none where they are already.
    pub fn new_bytes(&self) -> Option<&[u8]> {
        match &self.bytes {
            PackedBytes::New { bytes, .. } => Some(bytes),
            PackedBytes::Same(_) => None,
        }
    }

    /// Gives the digest of the compressed text.
    pub fn digest(&self) -> &Digest {
        match &self.bytes {
            PackedBytes::New { digest, .. } => digest,
            PackedBytes::Same(same) => &same.digest,
        }
    }
}

/// What an image can be asked for by.
#[derive(Debug)]
pub struct Listed {
    /// The names of its packages.
    pub terms: Vec<Term>,
    /// The plugins that found them.
    pub by: String,
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
    /// What is recorded of it.
    pub turn: Option<Turn>,
    /// What the verdict can be asked for by.
    pub terms: Vec<Term>,
    /// What the verdict that it replaces could; none where that is not known.
    pub old_terms: Option<Vec<Term>>,
    /// What the image can be asked for by, where that is to be listed.
    pub packages: Option<Listed>,
}

impl Replacement {
    /// Encodes a verdict that is to replace what is known, and tells what changes with it; takes as long
    /// as compressing it does. The findings of the one that is replaced are read only where they differ.
    pub fn new(verdict: &mut Verdict, known: &Known) -> Result<Self, LedgerError> {
        let earlier = known.earlier.as_ref();
        let text = Text::of(verdict, earlier.map_or(0, Earlier::text_bytes))?;
        let terms = term::of_verdict(verdict);
        let (mut change, mut old_terms, mut turn) = (None, None, None);
        let mut is_read = false;
        if let Some(earlier) = earlier {
            let is_same = earlier.findings_text() == text.findings();
            let read = if is_same { None } else { earlier.findings() };
            let found = if is_same {
                Some(&verdict.findings)
            } else {
                read.as_ref()
            };
            // What can't be read is as if there were none.
            if let Some(found) = found {
                let is_alike = is_same || term::is_alike(found, &verdict.findings);
                old_terms = Some(if is_alike {
                    terms.clone()
                } else {
                    term::of_findings(&verdict.domain, found)
                });
                change = difference((earlier.head(), found), verdict);
                // Alike, with the same weaknesses in the same places: so the record has them.
                let counts = |it: &Change| it.findings.added.count + it.findings.removed.count;
                let is_recorded = is_alike && change.as_ref().map_or(0, counts) == 0;
                let other = Some(found.as_slice()).filter(|_| !is_recorded);
                turn = Turn::of(verdict, Some((earlier.head(), other)));
                is_read = true;
            }
        }
        if !is_read {
            turn = Turn::of(verdict, None);
        }
        Ok(Self {
            text: Packed::of(&text, earlier)?,
            summary: Summary::of(verdict),
            replaces: known.mark.clone(),
            basis: known.basis,
            change,
            turn,
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

    /// Has the image found by the packages it holds.
    #[must_use]
    pub fn listing(mut self, inventory: &Inventory, plugins: &ActivePlugins) -> Self {
        self.packages = Some(Listed {
            terms: term::of_inventory(inventory),
            by: plugins.fingerprint().to_owned(),
        });
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
        let text = self.text.new_bytes().map_or(0, <[u8]>::len);
        let turn = self.turn.as_ref().map_or(0, Turn::bytes);
        (text + turn) as u64 + BESIDE_BYTES
    }
}
