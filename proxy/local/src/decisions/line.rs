//! One line of the log: its fields, its hash, and how it is read back.
//!
//! The hash covers the line's own bytes up to it, and among them the hash of the line before. So a
//! line is checked as it stands in the file, without writing it again.

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicegate_model::Digest;
use sluicegate_model::form::Each;
use sluicegate_model::forms;
use sluicegate_model::verdict::{Decision, Reason, RuleId};

use super::earlier::EarlierLine;
use super::entry::{LineKind, LogEntry, shortened};
use crate::chain::{Chain, Head, Link, is_sealed, seal};

/// A line of the log. Those of an earlier shape are read as if they had this one.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DecisionLine {
    /// The line's number, from 1, without holes.
    pub seq: u64,
    /// When it was answered.
    pub time: Timestamp,
    /// What happened.
    #[serde(rename = "type")]
    pub kind: LineKind,
    /// The client's address.
    pub client: Option<String>,
    /// What the client says it is.
    pub user_agent: Option<String>,
    /// The access key or user, where there is one.
    pub principal: Option<String>,
    /// The canonical repository; of what was denied, the registry and path as asked for.
    pub repository: Option<String>,
    /// The tag asked for, where it was one.
    pub tag: Option<String>,
    /// The digest that the name resolved to.
    pub asked: Option<Digest>,
    /// The digest that was given; none where nothing was.
    pub served: Option<Digest>,
    /// The platform that was decided on.
    pub platform: Option<String>,
    /// What came out.
    pub decision: Option<Decision>,
    /// The rules that spoke, the one that decided first.
    #[serde(with = "Each::<LoggedReason>")]
    pub reasons: Vec<Reason>,
    /// The names of the policies that decided.
    pub policy: Option<String>,
    /// The digest of their documents, which are kept as long as the log.
    pub policies: Option<Digest>,
    /// The feed snapshot.
    pub feeds: Option<String>,
    /// The name of all that read and judged the image.
    pub fingerprint: Option<String>,
    /// The exceptions without which a stricter decision would have come out, by name.
    pub allowed_by: Vec<String>,
    /// How many pulls the line stands for.
    pub count: u64,
    /// The hash of the line before; of no bytes at all for the first line.
    pub prev: Digest,
    /// The hash of this line up to here; none only while the line is being written.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub hash: Option<Digest>,
}

/// A reason, as lines have it.
#[derive(Serialize, Deserialize)]
#[serde(remote = "Reason")]
struct LoggedReason {
    rule: RuleId,
    action: Decision,
    message: String,
    findings: Vec<String>,
}

forms! {
    LoggedReason => Reason,
}

/// The decision log, as a chain.
#[derive(Clone, Copy, Debug)]
pub struct Decisions;

impl Chain for Decisions {
    const FILE: &'static str = "decisions.jsonl";
    const NAME: &'static str = "decision log";
    type Entry = LogEntry;
    type Line = DecisionLine;

    fn chain(entry: LogEntry, head: &Head) -> Result<(Vec<u8>, Head), serde_json::Error> {
        entry.chain(head)
    }

    fn read(bytes: &[u8]) -> Option<DecisionLine> {
        DecisionLine::read(bytes)
    }

    fn link(line: &DecisionLine) -> Option<Link> {
        Some(Link {
            prev: line.prev.clone(),
            head: Head {
                seq: line.seq,
                hash: line.hash.clone()?,
            },
        })
    }
}

impl LogEntry {
    /// Writes the line that follows `head`, newline included, and gives the new head.
    pub(super) fn chain(self, head: &Head) -> Result<(Vec<u8>, Head), serde_json::Error> {
        let seq = head.seq.saturating_add(1);
        let short = |text: Option<String>| text.as_deref().map(shortened);
        let line = DecisionLine {
            seq,
            time: self.time,
            kind: self.kind,
            client: short(self.client),
            user_agent: short(self.user_agent),
            principal: short(self.principal),
            repository: short(self.repository),
            tag: short(self.tag),
            asked: self.asked,
            served: self.served,
            platform: self.basis.platform,
            decision: self.decision,
            reasons: self.basis.reasons,
            policy: short(self.basis.policy),
            policies: self.basis.policies,
            feeds: short(self.basis.feeds),
            fingerprint: short(self.basis.fingerprint),
            allowed_by: self.basis.allowed_by,
            count: self.count,
            prev: head.hash.clone(),
            hash: None,
        };
        seal(seq, &line)
    }
}

impl DecisionLine {
    /// Reads a line without its newline; none where it is no line or its hash does not fit it.
    pub(super) fn read(bytes: &[u8]) -> Option<Self> {
        let line: Self = serde_json::from_slice(bytes)
            .or_else(|_| serde_json::from_slice::<EarlierLine>(bytes).map(Self::from))
            .ok()?;
        let stated = line.hash.as_ref()?;
        is_sealed(bytes, stated).then_some(line)
    }
}
