//! Lines as version 0.1 wrote them: a log outlives every version, so they are read for ever.

use jiff::Timestamp;
use serde::Deserialize;
use sluicegate_model::verdict::{Decision, Reason, RuleId};
use sluicegate_model::{Digest, Repository, Tag};

use super::entry::LineKind;
use super::line::DecisionLine;

/// A line of that time: pulls alone, the first rule alone, and the repeats of a pull in the `count`
/// of the next line.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EarlierLine {
    seq: u64,
    time: Timestamp,
    client: String,
    user_agent: Option<String>,
    principal: Option<String>,
    repository: Repository,
    tag: Option<Tag>,
    digest: Digest,
    decision: Decision,
    policy: Option<String>,
    rule: Option<RuleId>,
    /// Whose verdict decided: the manifest's, or that of a child of an index.
    #[serde(rename = "verdict")]
    _verdict: Option<String>,
    count: u64,
    prev: Digest,
    hash: Option<Digest>,
}

impl From<EarlierLine> for DecisionLine {
    fn from(line: EarlierLine) -> Self {
        let decision = line.decision;
        let reason = |rule| Reason {
            rule,
            action: decision,
            message: String::new(),
            findings: Vec::new(),
        };
        let is_served = decision != Decision::Refuse;
        Self {
            seq: line.seq,
            time: line.time,
            kind: LineKind::Pull,
            client: Some(line.client),
            user_agent: line.user_agent,
            principal: line.principal,
            repository: Some(line.repository.to_string()),
            tag: line.tag.map(|tag| tag.as_str().to_owned()),
            served: is_served.then(|| line.digest.clone()),
            asked: Some(line.digest),
            platform: None,
            decision: Some(decision),
            reasons: line.rule.map(reason).into_iter().collect(),
            policy: line.policy,
            policies: None,
            feeds: None,
            fingerprint: None,
            allowed_by: Vec::new(),
            count: line.count,
            prev: line.prev,
            hash: line.hash,
        }
    }
}
