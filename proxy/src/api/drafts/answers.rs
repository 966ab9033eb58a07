//! An explanation as programs read it.

use schemars::JsonSchema;
use serde::Serialize;
use sluicegate_model::verdict::{Decision, Reason};
use sluicegate_model::{Digest, Repository, Scope};
use sluicegate_policy as policy;

/// A decision with all that led to it.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Explanation")]
pub(in crate::api) struct ExplanationAnswer {
    digest: Digest,
    repository: Repository,
    decision: Decision,
    policy: PolicyName,
    /// The exceptions without which a stricter decision would have come out, by name.
    allowed_by: Vec<String>,
    /// Each policy that covers the image.
    policies: Vec<PolicyAnswer>,
    /// What would turn the decision: to a less strict one where it is not allowed, else to a stricter
    /// one; null where no rule of these policies can.
    turn: Option<TurnAnswer>,
}

/// Which policies decided.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainingPolicy")]
struct PolicyName {
    name: String,
    digest: Digest,
}

/// A policy that covers the image.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainedPolicy")]
struct PolicyAnswer {
    name: String,
    /// The strictest that its mode lets through.
    ceiling: Decision,
    /// What it said unasked: of what could not be read, of advisories that are too old, of artifacts,
    /// of what no rule allows.
    built_in: Vec<BuiltInAnswer>,
    /// Its rules, in their order.
    rules: Vec<RuleAnswer>,
}

/// What a policy said unasked.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainedBuiltIn")]
struct BuiltInAnswer {
    rule: String,
    action: Decision,
    message: String,
}

/// A rule, whether it spoke or not.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainedRule")]
struct RuleAnswer {
    id: String,
    action: Decision,
    /// What of that the policy's mode lets through.
    effect: Decision,
    /// Whether it spoke; null where that is for the name to say under which the image is asked for.
    speaks: Option<bool>,
    /// What it asks of the image.
    image: Vec<AskedAnswer>,
    /// How many findings it hits.
    hits: u64,
    /// The first of those, worst first; where it hits none, the one that it misses by least.
    findings: Vec<FindingAnswer>,
}

/// A finding that a rule was held against.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainedFinding")]
struct FindingAnswer {
    id: String,
    package: String,
    version: String,
    fixed: Option<String>,
    is_hit: bool,
    asked: Vec<AskedAnswer>,
}

/// One condition, as it came out.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ExplainedCondition")]
struct AskedAnswer {
    condition: String,
    wanted: String,
    got: String,
    /// Null where that is not known.
    holds: Option<bool>,
}

/// What would turn a decision.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Turn")]
struct TurnAnswer {
    /// What would come out then.
    to: Decision,
    /// All that would have to change for that.
    changes: Vec<ChangeAnswer>,
}

/// One of the changes that turn a decision.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "TurningChange")]
struct ChangeAnswer {
    /// The rule that it concerns.
    rule: String,
    /// What would have to be different.
    what: String,
    /// How.
    how: String,
}

impl ExplanationAnswer {
    /// Takes an explanation of the decision on an image.
    pub(super) fn of(scope: &Scope, digest: &Digest, told: policy::Explanation) -> Self {
        Self {
            digest: digest.clone(),
            repository: scope.repository.clone(),
            decision: told.decision,
            policy: PolicyName {
                name: told.policy.name,
                digest: told.policy.digest,
            },
            allowed_by: told.allowed_by,
            policies: told.policies.into_iter().map(PolicyAnswer::of).collect(),
            turn: told.turn.map(|turn| TurnAnswer {
                to: turn.to,
                changes: turn.changes.into_iter().map(ChangeAnswer::of).collect(),
            }),
        }
    }
}

impl PolicyAnswer {
    fn of(told: policy::ExplainedPolicy) -> Self {
        let built_in = |reason: Reason| BuiltInAnswer {
            rule: reason.rule.to_string(),
            action: reason.action,
            message: reason.message,
        };
        Self {
            name: told.name,
            ceiling: told.ceiling,
            built_in: told.built_in.into_iter().map(built_in).collect(),
            rules: told.rules.into_iter().map(RuleAnswer::of).collect(),
        }
    }
}

impl RuleAnswer {
    fn of(told: policy::ExplainedRule) -> Self {
        Self {
            id: told.id.to_string(),
            action: told.action,
            effect: told.effect,
            speaks: told.speaks,
            image: told.image.into_iter().map(AskedAnswer::of).collect(),
            hits: told.hits,
            findings: told.findings.into_iter().map(FindingAnswer::of).collect(),
        }
    }
}

impl FindingAnswer {
    fn of(told: policy::ExplainedFinding) -> Self {
        Self {
            id: told.id,
            package: told.package,
            version: told.version,
            fixed: told.fixed,
            is_hit: told.is_hit,
            asked: told.asked.into_iter().map(AskedAnswer::of).collect(),
        }
    }
}

impl AskedAnswer {
    fn of(told: policy::Asked) -> Self {
        Self {
            condition: told.condition.to_owned(),
            wanted: told.wanted,
            got: told.got,
            holds: told.holds,
        }
    }
}

impl ChangeAnswer {
    fn of(told: policy::Change) -> Self {
        Self {
            rule: told.rule.to_string(),
            what: told.what,
            how: told.how,
        }
    }
}
