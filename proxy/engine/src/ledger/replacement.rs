//! A verdict that is ready to take the place of another, and what tells that other from all else.

use jiff::Timestamp;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::verdict::Verdict;
use sluicegate_model::{Digest, Repository};

use super::error::LedgerError;
use super::summary::Summary;
use super::term::{self, Term};
use crate::events::Change;

/// zstd's default.
const COMPRESSION_LEVEL: i32 = 3;
/// What a verdict takes in memory beside its text until it is written, in bytes.
const BESIDE_BYTES: u64 = 16 * 1024;

/// What tells a stored verdict from every other one: the digest of its packed text.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Mark(pub Digest);

/// A stored verdict, and its mark.
#[derive(Clone, Debug, Default)]
pub struct Known {
    /// The verdict; none where there is none or it is damaged.
    pub verdict: Option<Verdict>,
    /// What nobody else may have replaced meanwhile; none where there is none.
    pub mark: Option<Mark>,
}

/// The text of a verdict, JSON compressed by zstd.
#[derive(Debug)]
pub struct Packed {
    /// The compressed text.
    pub bytes: Vec<u8>,
    /// The text's length, in bytes.
    pub text_bytes: usize,
    /// The mark of the verdict.
    pub mark: Mark,
}

impl Packed {
    fn of(verdict: &Verdict) -> Result<Self, LedgerError> {
        let fail = |error| LedgerError::encoding("a verdict", error);
        let text = serde_json::to_vec(verdict)
            .map_err(|error| LedgerError::encoding("a verdict", error))?;
        let bytes = zstd::bulk::compress(&text, COMPRESSION_LEVEL).map_err(fail)?;
        Ok(Self {
            mark: Mark(Digest::of(&bytes)),
            text_bytes: text.len(),
            bytes,
        })
    }
}

/// A verdict that is ready to take the place of another.
#[derive(Debug)]
pub struct Replacement {
    /// What lists say of it; its repository, manifest, time and decision are there.
    pub summary: Summary,
    /// All of it.
    pub text: Packed,
    /// The verdict that it replaces; none where there must be none.
    pub replaces: Option<Mark>,
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
    /// Encodes a verdict that is to replace what is known; takes as long as compressing it does.
    pub fn new(verdict: &Verdict, known: &Known) -> Result<Self, LedgerError> {
        let terms = term::of_verdict(verdict);
        let old_terms = known.verdict.as_ref().map(|old| {
            if term::is_alike(old, verdict) {
                terms.clone()
            } else {
                term::of_verdict(old)
            }
        });
        Ok(Self {
            summary: Summary::of(verdict),
            text: Packed::of(verdict)?,
            replaces: known.mark.clone(),
            change: None,
            terms,
            old_terms,
            packages: None,
        })
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
