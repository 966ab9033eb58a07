//! Which lines are wanted, told first by a look at their bytes: most lines of a long log are not.

use jiff::Timestamp;
use sluicegate_model::access::Reach;
use sluicegate_model::verdict::{Decision, RuleId};
use sluicegate_model::{Digest, Repository};

use super::entry::LineKind;
use super::line::DecisionLine;

/// What stands before the time of a line, whatever its shape.
const TIME_FIELD: &str = ",\"time\":\"";
/// What a line has in it that names a finding.
const NAMES_FINDINGS: &str = "\"findings\":[\"";

/// Which lines are wanted; every field that is set must fit.
#[derive(Clone, Debug, Default)]
pub struct DecisionFilter {
    /// Those of repositories that whoever asks knows of: of no other is anything told, and to
    /// whoever does not know of all nothing that is of none.
    pub reach: Reach,
    /// Those of this kind.
    pub kind: Option<LineKind>,
    /// Those of this repository.
    pub repository: Option<Repository>,
    /// Those in which one of these manifests was asked for or given; none is every manifest.
    pub digests: Vec<Digest>,
    /// Those that came out like this.
    pub decision: Option<Decision>,
    /// Those of this client's address.
    pub client: Option<String>,
    /// Those of this access key or user.
    pub principal: Option<String>,
    /// Those in which this rule spoke.
    pub rule: Option<RuleId>,
    /// Those in which a rule spoke of this vulnerability, in any letter case.
    pub vulnerability: Option<String>,
    /// Those at this instant or later.
    pub since: Option<Timestamp>,
    /// Those before this instant.
    pub until: Option<Timestamp>,
}

/// A filter, and what the bytes of every line that passes it hold.
pub(super) struct Sieve<'a> {
    filter: &'a DecisionFilter,
    needles: Vec<String>,
}

/// What a look at a line's bytes says.
pub(super) enum Look {
    /// It may be wanted.
    Maybe,
    /// It is not.
    No,
    /// It is not, for it is older than what is wanted.
    TooOld,
    /// It is not, for it is younger than what is wanted.
    TooYoung,
}

impl DecisionFilter {
    /// Tells whether a line is wanted.
    pub fn accepts(&self, line: &DecisionLine) -> bool {
        let repository = self.repository.as_ref().map(Repository::to_string);
        let name = line.repository.as_deref();
        let is_told = name.map_or(self.reach.is_everything(), |it| self.reach.has_named(it));
        is_told
            && fits(self.kind.as_ref(), Some(&line.kind))
            && fits(repository.as_ref(), line.repository.as_ref())
            && self.accepts_digest(line)
            && fits(self.decision.as_ref(), line.decision.as_ref())
            && fits(self.client.as_ref(), line.client.as_ref())
            && fits(self.principal.as_ref(), line.principal.as_ref())
            && self.accepts_reasons(line)
            && self.since.is_none_or(|since| line.time >= since)
            && self.until.is_none_or(|until| line.time < until)
    }

    fn accepts_digest(&self, line: &DecisionLine) -> bool {
        let mut named = line.asked.iter().chain(&line.served);
        self.digests.is_empty() || named.any(|digest| self.digests.contains(digest))
    }

    fn accepts_reasons(&self, line: &DecisionLine) -> bool {
        let mut rules = line.reasons.iter().map(|reason| &reason.rule);
        let mut ids = line.reasons.iter().flat_map(|reason| &reason.findings);
        self.rule
            .as_ref()
            .is_none_or(|rule| rules.any(|r| r == rule))
            && (self.vulnerability.as_ref())
                .is_none_or(|wanted| ids.any(|id| id.eq_ignore_ascii_case(wanted)))
    }
}

impl<'a> Sieve<'a> {
    pub(super) fn new(filter: &'a DecisionFilter) -> Self {
        let json = |text: &str| serde_json::to_string(text).unwrap_or_default();
        let field = |name: &str, text: &str| format!("\"{name}\":{}", json(text));
        // Lines of an earlier shape have no type: all of them are pulls.
        let kind = filter.kind.filter(|kind| *kind != LineKind::Pull);
        let digest = match &filter.digests[..] {
            [digest] => Some(json(digest.as_str())),
            _ => None,
        };
        let needles = [
            kind.map(|kind| field("type", kind.as_str())),
            filter
                .repository
                .as_ref()
                .map(|name| field("repository", &name.to_string())),
            digest,
            filter
                .decision
                .map(|decision| field("decision", decision.as_str())),
            filter.client.as_ref().map(|client| field("client", client)),
            filter
                .principal
                .as_ref()
                .map(|name| field("principal", name)),
            filter
                .rule
                .as_ref()
                .map(|rule| field("rule", rule.as_str())),
            filter
                .vulnerability
                .as_ref()
                .map(|_| NAMES_FINDINGS.to_owned()),
        ];
        Self {
            filter,
            needles: needles.into_iter().flatten().collect(),
        }
    }

    /// Looks at a line without reading it.
    pub(super) fn look(&self, line: &[u8]) -> Look {
        let Ok(text) = std::str::from_utf8(line) else {
            return Look::No;
        };
        let (since, until) = (self.filter.since, self.filter.until);
        if (since.is_some() || until.is_some())
            && let Some(time) = time_of(text)
        {
            if since.is_some_and(|since| time < since) {
                return Look::TooOld;
            }
            if until.is_some_and(|until| time >= until) {
                return Look::TooYoung;
            }
        }
        let has_all = self
            .needles
            .iter()
            .all(|needle| text.contains(needle.as_str()));
        if has_all { Look::Maybe } else { Look::No }
    }

    /// Reads a line that may be wanted.
    pub(super) fn read(&self, line: &[u8]) -> Option<DecisionLine> {
        DecisionLine::read(line).filter(|line| self.filter.accepts(line))
    }
}

fn time_of(line: &str) -> Option<Timestamp> {
    let (_, rest) = line.split_once(TIME_FIELD)?;
    rest.split('"').next()?.parse().ok()
}

fn fits<T: PartialEq>(wanted: Option<&T>, got: Option<&T>) -> bool {
    wanted.is_none() || wanted == got
}
