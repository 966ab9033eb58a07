//! One rule for each weakness, as severe as its worst finding.

use std::collections::BTreeMap;

use serde_json::{Value, json};
use sluicegate_model::finding::{Finding, FindingKind};
use sluicegate_model::severity::Severity;

use super::super::document::finding_url;
use super::super::text::name_of;
use super::{Level, level};

/// The rules of a run, ordered by id.
pub(super) struct Rules<'a>(BTreeMap<&'a str, Rule<'a>>);

struct Rule<'a> {
    index: usize,
    level: Level,
    score: Option<f64>,
    kev: bool,
    first: &'a Finding,
}

impl<'a> Rules<'a> {
    /// Collects the rules that findings break.
    pub(super) fn of(findings: &'a [Finding]) -> Self {
        let mut rules: BTreeMap<&str, Rule<'_>> = BTreeMap::new();
        for finding in findings {
            let rule = rules.entry(&finding.id).or_insert(Rule {
                index: 0,
                level: Level::Note,
                score: None,
                kev: false,
                first: finding,
            });
            rule.level = rule.level.max(level(finding));
            rule.kev |= finding.kev;
            let known = rule.score.unwrap_or_default();
            rule.score = score(finding).filter(|score| *score > known).or(rule.score);
        }
        for (index, rule) in rules.values_mut().enumerate() {
            rule.index = index;
        }
        Self(rules)
    }

    /// Gives the place of a rule in the list.
    pub(super) fn index(&self, id: &str) -> Option<usize> {
        self.0.get(id).map(|rule| rule.index)
    }

    /// Lists the rules.
    pub(super) fn described(&self) -> Vec<Value> {
        self.0
            .iter()
            .map(|(id, rule)| described(id, rule))
            .collect()
    }
}

fn described(id: &str, rule: &Rule<'_>) -> Value {
    let kind = match rule.first.kind {
        FindingKind::Vulnerability => "A known weakness",
        FindingKind::Malware => "A package published to do harm",
        FindingKind::Eol => "Software that its maker no longer mends",
        FindingKind::Secret => "A key, token or password in the image",
        FindingKind::Configuration => "How the image is set up",
        FindingKind::Informational => "No weakness, but something to know of a package",
        FindingKind::Licence => "The licence that a package declares",
    };
    let url = finding_url(rule.first);
    let see = match &url {
        Some(url) => format!(" See {url}"),
        None => String::new(),
    };
    let also = match rule.first.aliases.as_slice() {
        [] => String::new(),
        aliases => format!(", also known as {}", aliases.join(", ")),
    };
    let mut tags = vec![name_of(rule.first.kind)];
    if rule.first.kind != FindingKind::Licence {
        tags.insert(0, "security".to_owned());
    }
    if rule.kev {
        tags.push("known-exploited".into());
    }
    let mut properties = json!({"tags": tags, "precision": "high"});
    if let (Some(score), Some(members)) = (rule.score, properties.as_object_mut()) {
        members.insert("security-severity".into(), json!(format!("{score:.1}")));
    }
    let mut described = json!({
        "id": id,
        "shortDescription": {"text": id},
        "fullDescription": {"text": format!("{kind}: {id}{also}.")},
        "helpUri": url,
        "help": {"text": format!("{kind}: {id}{also}.{see}")},
        "defaultConfiguration": {"level": rule.level},
        "properties": properties,
    });
    if let (None, Some(members)) = (url, described.as_object_mut()) {
        members.remove("helpUri");
    }
    described
}

/// Gives the score that readers sort by: CVSS, else the middle of the severity's range; none where
/// nobody said.
fn score(finding: &Finding) -> Option<f64> {
    finding.cvss.or(match finding.severity {
        Severity::Critical => Some(9.5),
        Severity::High => Some(8.0),
        Severity::Medium => Some(5.5),
        Severity::Low => Some(2.0),
        Severity::Negligible => Some(0.1),
        Severity::Unknown => None,
    })
}
