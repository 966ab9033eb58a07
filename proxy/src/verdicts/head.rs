//! What lists are ordered and filtered by, of one verdict: small enough to keep all in memory.

use jiff::Timestamp;
use sluicegate_model::Repository;
use sluicegate_model::verdict::Decision;

/// What is in memory of a verdict.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) decided_at: Timestamp,
    pub(super) repository: Mark,
    pub(super) decision: Decision,
    pub(super) would_refuse: bool,
    /// Whether the packages of its image are listed.
    pub(super) is_listed: bool,
}

/// A hash of a repository's name; whoever reads the row compares the name.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Mark(u32);

impl Mark {
    pub(super) fn of(repository: &Repository) -> Self {
        Self(crc32fast::hash(repository.to_string().as_bytes()))
    }
}
