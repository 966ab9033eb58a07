//! What lists are ordered and filtered by, of one verdict: small enough to keep all in memory; and
//! its row, with what a list says of it.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicegate_engine::ledger::{Summary, stored};
use sluicegate_model::Repository;
use sluicegate_model::verdict::Decision;

use crate::store::StoreError;

/// What is in memory of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) decided_at: Timestamp,
    pub(super) repository: NameHash,
    pub(super) decision: Decision,
    pub(super) would_refuse: bool,
    /// Whether the packages of its image are listed.
    pub(super) is_listed: bool,
}

/// A hash of a repository's name; whoever reads the row compares the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub(super) struct NameHash(u32);

impl NameHash {
    pub(super) fn of(repository: &Repository) -> Self {
        Self(crc32fast::hash(repository.as_str().as_bytes()))
    }
}

/// A summary as it is kept: what is in memory of it, and the answer of a list as JSON.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct SummaryRow {
    decided_at: Timestamp,
    repository: Repository,
    decision: Decision,
    would_refuse: bool,
    is_listed: bool,
    summary: Vec<u8>,
}

impl SummaryRow {
    pub(super) fn of(summary: &Summary, is_listed: bool) -> Result<Self, StoreError> {
        let text = stored::summary_text(summary).map_err(|error| {
            let why = error.to_string();
            let attempt = "encoding a summary for";
            StoreError::Engine { attempt, why }
        })?;
        Ok(Self {
            decided_at: summary.provenance.decided_at,
            repository: summary.repository.clone(),
            decision: summary.decision,
            would_refuse: summary.would_refuse,
            is_listed,
            summary: text,
        })
    }

    /// Gives what is in memory of it.
    pub(super) fn head(&self) -> Head {
        Head {
            decided_at: self.decided_at,
            repository: NameHash::of(&self.repository),
            decision: self.decision,
            would_refuse: self.would_refuse,
            is_listed: self.is_listed,
        }
    }

    /// Gives the answer of a list; none where it is damaged.
    pub(super) fn summary(&self) -> Option<Summary> {
        stored::read_summary(&self.summary)
    }
}
