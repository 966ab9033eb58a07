//! One line of the log: its fields, its hash, and how it is read back.
//!
//! The hash covers the line's own bytes up to it, and among them the hash of the line before. So a
//! line is checked as it stands in the file, without writing it again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Repository, Tag};

/// Longest line, in bytes; the longest that [`Entry`] can make is about 20 KiB.
pub(super) const MAX_LINE_BYTES: usize = 64 * 1024;
/// Longest text taken from a client or a policy, in characters.
const MAX_TEXT_CHARS: usize = 512;
/// What stands between a line's other fields and its hash.
const HASH_FIELD: &[u8] = b",\"hash\":\"";
/// What stands after it.
const LINE_END: &[u8] = b"\"}";

/// What is known of one pull when it is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Entry {
    /// When it was answered.
    pub time: Timestamp,
    /// The client's address.
    pub client: String,
    /// What the client says it is.
    pub user_agent: Option<String>,
    /// The access key or user, where there is one.
    pub principal: Option<String>,
    /// The canonical repository.
    pub repository: Repository,
    /// The tag asked for, where it was one.
    pub tag: Option<Tag>,
    /// The manifest.
    pub digest: Digest,
    /// What came out.
    pub decision: Decision,
    /// The policy that decided.
    pub policy: Option<String>,
    /// The rule that spoke first.
    pub rule: Option<String>,
    /// Which verdict the answer rests on.
    pub verdict: Option<String>,
    /// How many pulls the line stands for: this one and the repeats since the line before.
    pub count: u64,
}

/// A line of the log.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionLine {
    /// The line's number, from 1, without holes.
    pub seq: u64,
    /// When the pull was answered.
    pub time: Timestamp,
    /// The client's address.
    pub client: String,
    /// What the client says it is.
    pub user_agent: Option<String>,
    /// The access key or user, where there is one.
    pub principal: Option<String>,
    /// The canonical repository.
    pub repository: Repository,
    /// The tag asked for, where it was one.
    pub tag: Option<Tag>,
    /// The manifest.
    pub digest: Digest,
    /// What came out.
    pub decision: Decision,
    /// The policy that decided.
    pub policy: Option<String>,
    /// The rule that spoke first.
    pub rule: Option<String>,
    /// Which verdict the answer rests on.
    pub verdict: Option<String>,
    /// How many pulls the line stands for.
    pub count: u64,
    /// The hash of the line before; of no bytes at all for the first line.
    pub prev: Digest,
    /// The hash of this line up to here; none only while the line is being written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<Digest>,
}

/// Where the chain stands.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Head {
    pub(super) seq: u64,
    pub(super) hash: Digest,
}

impl Head {
    /// Gives the head of a log without lines.
    pub(super) fn before_the_first() -> Self {
        Self {
            seq: 0,
            hash: Digest::of(b""),
        }
    }
}

impl Entry {
    /// Writes the line that follows `head`, newline included, and gives the new head.
    pub(super) fn chain(self, head: &Head) -> Result<(Vec<u8>, Head), serde_json::Error> {
        let seq = head.seq.saturating_add(1);
        let line = DecisionLine {
            seq,
            time: self.time,
            client: shortened(self.client),
            user_agent: self.user_agent.map(shortened),
            principal: self.principal.map(shortened),
            repository: self.repository,
            tag: self.tag,
            digest: self.digest,
            decision: self.decision,
            policy: self.policy.map(shortened),
            rule: self.rule.map(shortened),
            verdict: self.verdict.map(shortened),
            count: self.count,
            prev: head.hash.clone(),
            hash: None,
        };
        let mut bytes = serde_json::to_vec(&line)?;
        // Without its closing brace: the hash covers what stands before its own field.
        bytes.pop();
        let hash = Digest::of(&bytes);
        bytes.extend_from_slice(HASH_FIELD);
        bytes.extend_from_slice(hash.as_str().as_bytes());
        bytes.extend_from_slice(LINE_END);
        bytes.push(b'\n');
        Ok((bytes, Head { seq, hash }))
    }
}

impl DecisionLine {
    /// Reads a line without its newline; none where it is no line or its hash does not fit it.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let line: Self = serde_json::from_slice(bytes).ok()?;
        let stated = line.hash.as_ref()?;
        let covered = bytes
            .strip_suffix(LINE_END)?
            .strip_suffix(stated.as_str().as_bytes())?
            .strip_suffix(HASH_FIELD)?;
        (Digest::of(covered) == *stated).then_some(line)
    }

    /// Gives where the chain stands after this line.
    pub(super) fn head(&self) -> Option<Head> {
        Some(Head {
            seq: self.seq,
            hash: self.hash.clone()?,
        })
    }
}

fn shortened(text: String) -> String {
    match text.char_indices().nth(MAX_TEXT_CHARS) {
        Some((end, _)) => text.get(..end).unwrap_or_default().to_owned(),
        None => text,
    }
}
