//! The values of records, as they are kept: compact, and missing rather than wrong when unreadable.

use bytes::Bytes;
use jiff::Timestamp;
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use sluicegate_model::Digest;
use sluicegate_model::verdict::{Decision, Verdict};

use super::filter::VerdictFilter;
use super::store::{Key, Op, StoreError};

/// Largest record, in bytes before the engine's compression.
///
/// The largest real ones are memberships: 256 children or some hundred layers of 71 bytes each.
const MAX_RECORD_BYTES: usize = 256 * 1024;
/// Most names of findings that a row keeps for filters; 4 bytes each, so that a row stays within
/// the 8 KiB that the engine rewrites gladly.
const MAX_MARKS: usize = 768;

/// What the store keeps of a verdict beside its findings.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct VerdictRow {
    pub(super) decided_at: Timestamp,
    pub(super) decision: Decision,
    /// Hashes of every name a filter can ask for, sorted; none where there are too many.
    pub(super) marks: Option<Vec<u32>>,
    pub(super) body: VerdictBody,
}

/// Where the whole verdict is, as JSON.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) enum VerdictBody {
    /// In the row, compressed.
    Inline(Vec<u8>),
    /// In the content store, under this key.
    Document(String),
}

impl VerdictRow {
    pub(super) fn new(verdict: &Verdict, body: VerdictBody) -> Self {
        Self {
            decided_at: verdict.provenance.decided_at,
            decision: verdict.decision,
            marks: marks(verdict),
            body,
        }
    }

    /// Tells whether the filter may accept the whole verdict; never wrongly no.
    pub(super) fn may_fit(&self, filter: &VerdictFilter) -> bool {
        let may_name = |wanted: &Option<String>| match (wanted, &self.marks) {
            (Some(wanted), Some(marks)) => marks.binary_search(&mark(wanted)).is_ok(),
            (None, _) | (_, None) => true,
        };
        filter.decision.is_none_or(|wanted| wanted == self.decision)
            && may_name(&filter.vulnerability)
            && may_name(&filter.package)
    }
}

/// What a repository's manifest refers to.
#[derive(Debug, Serialize, Deserialize)]
pub(super) struct MemberRow {
    pub(super) media_type: String,
    pub(super) blobs: Vec<Digest>,
    pub(super) children: Vec<Digest>,
}

/// Makes the change that keeps `row` under `key`.
pub(super) fn put<T: Serialize>(key: Key, row: &T) -> Result<Op, StoreError> {
    let body = postcard::to_stdvec(row).map_err(|error| StoreError::Engine {
        attempt: "encoding a record for",
        why: error.to_string(),
    })?;
    if body.len() > MAX_RECORD_BYTES {
        return Err(StoreError::TooLarge {
            len: body.len(),
            max: MAX_RECORD_BYTES,
        });
    }
    Ok(Op::Put {
        key,
        body: body.into(),
    })
}

/// Makes the change that keeps nothing but the fact that `key` is there.
pub(super) fn mark_present(key: Key) -> Op {
    Op::Put {
        key,
        body: Bytes::new(),
    }
}

/// Reads a row; one of another shape is none.
pub(super) fn read<T: DeserializeOwned>(body: &[u8]) -> Option<T> {
    if let Ok((row, [])) = postcard::take_from_bytes(body) {
        return Some(row);
    }
    tracing::warn!("verdict store holds a record of another shape; taken for missing");
    None
}

fn marks(verdict: &Verdict) -> Option<Vec<u32>> {
    let mut marks: Vec<u32> = verdict
        .findings
        .iter()
        .flat_map(|finding| {
            std::iter::once(&finding.id)
                .chain(&finding.aliases)
                .chain(&finding.advisories)
                .chain(std::iter::once(&finding.package.name))
        })
        .map(|name| mark(name))
        .collect();
    marks.sort_unstable();
    marks.dedup();
    (marks.len() <= MAX_MARKS).then_some(marks)
}

pub(super) fn mark(name: &str) -> u32 {
    crc32fast::hash(name.to_ascii_lowercase().as_bytes())
}
