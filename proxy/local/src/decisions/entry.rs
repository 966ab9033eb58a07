//! What a line of the log says, before it has a number: its kind, who, what, and on which basis.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::{Deserialize, Serialize};
use sluicegate_engine::audit::About;
use sluicegate_model::Digest;
use sluicegate_model::verdict::{Decision, Reason, RuleId, Verdict};
use sluicegate_policy::NameRefusal;

/// Longest text taken from a client, a policy or a registry, in characters.
const MAX_TEXT_CHARS: usize = 512;
/// Most reasons of a line; the first is the one that decided.
const MAX_REASONS: usize = 8;
/// Most bytes of what they say and are called, as JSON.
const MAX_SAID_BYTES: usize = 16 * 1024;
/// Most bytes of the ids of findings in all of them, and of the names in `allowed_by`.
const MAX_NAMED_BYTES: usize = 8 * 1024;

/// What happened.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, Serialize, Deserialize, JsonSchema)]
#[serde(rename_all = "kebab-case")]
pub enum LineKind {
    /// A manifest was asked for, and this was decided.
    Pull,
    /// So many pulls followed a line without one of their own.
    Count,
    /// An access key was made, used by an admin, or revoked.
    Key,
    /// A scanner elsewhere was linked, enrolled, suspended, or revoked.
    Scanner,
    /// Another set of policies came in force.
    Policy,
    /// Somebody let a digest through for a while.
    BreakGlass,
    /// Something was asked of a registry that is not configured here.
    Denied,
}

impl LineKind {
    /// Gives the kind of lines about these.
    pub(super) const fn about(about: About) -> Self {
        match about {
            About::Keys => Self::Key,
            About::Scanners => Self::Scanner,
        }
    }

    /// Gives the name used everywhere.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Pull => "pull",
            Self::Count => "count",
            Self::Key => "key",
            Self::Scanner => "scanner",
            Self::Policy => "policy",
            Self::BreakGlass => "break-glass",
            Self::Denied => "denied",
        }
    }
}

/// What an answer rests on.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Grounds {
    /// The platform that was decided on.
    pub platform: Option<String>,
    /// The rules that spoke, the one that decided first.
    pub reasons: Vec<Reason>,
    /// The names of the policies.
    pub policy: Option<String>,
    /// The digest of the documents that applied.
    pub policies: Option<Digest>,
    /// The feed snapshot.
    pub feeds: Option<String>,
    /// The name of all that read and judged the image.
    pub fingerprint: Option<String>,
    /// The exceptions without which a stricter decision would have come out.
    pub allowed_by: Vec<String>,
}

impl Grounds {
    /// Gives what a verdict rests on, shortened to what a line can hold.
    pub fn of(verdict: &Verdict) -> Self {
        let fingerprint = verdict.provenance.scanner.rsplit(' ').next();
        let mut room = MAX_NAMED_BYTES;
        Self {
            platform: Some(shortened(&verdict.platform)),
            reasons: bounded_reasons(&verdict.reasons),
            policy: Some(shortened(&verdict.policy.name)),
            policies: Some(verdict.policy.digest.clone()),
            feeds: Some(shortened(verdict.provenance.feeds.as_str())),
            fingerprint: fingerprint.map(shortened),
            allowed_by: bounded(&verdict.allowed_by, &mut room),
        }
    }

    /// Gives what the refusal of a name rests on: policies, and nothing that was found.
    pub fn of_name(refusal: &NameRefusal) -> Self {
        Self {
            reasons: bounded_reasons(&refusal.reasons),
            policy: Some(shortened(&refusal.policy.name)),
            policies: Some(refusal.policy.digest.clone()),
            ..Self::default()
        }
    }

    /// Gives a basis of one reason that no policy gave.
    pub fn of_rule(rule: RuleId, action: Decision, message: String) -> Self {
        let reason = Reason {
            rule,
            action,
            message,
            findings: Vec::new(),
        };
        Self {
            reasons: bounded_reasons(&[reason]),
            ..Self::default()
        }
    }

    /// Keeps of it what lines need that only count: which rules spoke, not what they said.
    pub(super) fn brief(&self) -> Self {
        let named = |reason: &Reason| Reason {
            rule: reason.rule.clone(),
            action: reason.action,
            message: String::new(),
            findings: Vec::new(),
        };
        Self {
            reasons: self.reasons.iter().map(named).collect(),
            ..self.clone()
        }
    }
}

/// What is known of a line when it is logged.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct LogEntry {
    /// When it was answered.
    pub time: Timestamp,
    /// What happened.
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
    /// The digest that was given.
    pub served: Option<Digest>,
    /// What came out.
    pub decision: Option<Decision>,
    /// What it rests on.
    pub basis: Grounds,
    /// How many pulls the line stands for.
    pub count: u64,
}

impl LogEntry {
    /// Starts a line about nobody and nothing yet.
    pub fn new(time: Timestamp, kind: LineKind) -> Self {
        Self {
            time,
            kind,
            client: None,
            user_agent: None,
            principal: None,
            repository: None,
            tag: None,
            asked: None,
            served: None,
            decision: None,
            basis: Grounds::default(),
            count: 1,
        }
    }
}

/// Cuts a text to what a line holds of it.
pub(super) fn shortened(text: &str) -> String {
    text.chars().take(MAX_TEXT_CHARS).collect()
}

fn bounded_reasons(reasons: &[Reason]) -> Vec<Reason> {
    let (mut said, mut named) = (MAX_SAID_BYTES, MAX_NAMED_BYTES);
    let mut kept = Vec::new();
    for reason in reasons.iter().take(MAX_REASONS) {
        let (rule, message) = (shortened(reason.rule.as_str()), shortened(&reason.message));
        let bytes = json_bytes(&rule).saturating_add(json_bytes(&message));
        if bytes > said {
            break;
        }
        said = said.saturating_sub(bytes);
        kept.push(Reason {
            rule: rule.into(),
            action: reason.action,
            message,
            findings: bounded(&reason.findings, &mut named),
        });
    }
    kept
}

/// Tells how long a text is as JSON, where a control character takes six bytes.
fn json_bytes(text: &str) -> usize {
    serde_json::to_string(text).map_or(usize::MAX, |json| json.len())
}

/// Takes as many names as there is room for, and says how many it left out.
fn bounded(names: &[String], room: &mut usize) -> Vec<String> {
    let mut taken = Vec::new();
    for (at, name) in names.iter().enumerate() {
        let name = shortened(name);
        let bytes = json_bytes(&name);
        if bytes > *room {
            let left_out = names.len().saturating_sub(at);
            taken.push(format!("({left_out} more)"));
            break;
        }
        *room = room.saturating_sub(bytes.saturating_add(1));
        taken.push(name);
    }
    taken
}
