//! What a line of an export has: of a verdict, of a finding, of a package.
//!
//! A finding and a package are told as the API tells them, with the image beside them, so that a line
//! says by itself where it belongs.

use clap::ValueEnum;
use serde_json::{Map, Value, json};

use super::CommandError;
use super::query::{Column, Listing, Shape, members};

/// What a line is about.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(super) enum Of {
    /// A verdict, with all of its findings.
    Verdicts,
    /// A finding of an image.
    Findings,
    /// A package of an image, in one place.
    Packages,
}

/// What a line says of the image that it is about.
const IMAGE: [&str; 10] = [
    "repository",
    "digest",
    "tags",
    "platform",
    "reported_by",
    "audience",
    "decision",
    "policy",
    "first_seen",
    "distro",
];

/// What a spreadsheet has of a verdict.
pub(super) const VERDICTS: Listing = Listing {
    noun: "verdicts",
    columns: &[
        Column::text("REPOSITORY", "/repository"),
        Column::of("TAGS", "/tags", Shape::Texts),
        Column::of("DIGEST", "/digest", Shape::Digest),
        Column::text("PLATFORM", "/platform"),
        Column::text("DECISION", "/decision"),
        Column::text("POLICY", "/policy/name"),
        Column::of("RULES", "/reasons", Shape::Made(rules)),
        Column::text("WOULD REFUSE", "/would_refuse"),
        Column::text("FINDINGS", "/counts/findings"),
        Column::text("CRITICAL", "/counts/critical"),
        Column::text("HIGH", "/counts/high"),
        Column::text("FIXABLE", "/counts/fixable"),
        Column::text("EXPLOITED", "/counts/kev"),
        Column::of("VULNERABILITIES", "/findings", Shape::Made(vulnerabilities)),
        Column::text("COVERAGE", "/coverage/status"),
        Column::text("PACKAGES", "/packages"),
        Column::of("FEED TIME", "/provenance/feed_time", Shape::Time),
        Column::of("DECIDED", "/provenance/decided_at", Shape::Time),
        Column::of("VALID UNTIL", "/valid_until", Shape::Time),
        Column::text("REPORTED BY", "/reported_by"),
    ],
};

const FINDINGS: Listing = Listing {
    noun: "findings",
    columns: &[
        Column::text("REPOSITORY", "/image/repository"),
        Column::of("TAGS", "/image/tags", Shape::Texts),
        Column::of("DIGEST", "/image/digest", Shape::Digest),
        Column::text("PLATFORM", "/image/platform"),
        Column::text("ID", "/id"),
        Column::of("ALIASES", "/aliases", Shape::Texts),
        Column::text("KIND", "/kind"),
        Column::text("STATUS", "/status"),
        Column::text("SEVERITY", "/severity"),
        Column::text("SEVERITY SOURCE", "/severity_source"),
        Column::text("CVSS", "/cvss"),
        Column::text("EXPLOITED", "/kev"),
        Column::text("EPSS", "/epss"),
        Column::text("PACKAGE", "/package/name"),
        Column::text("VERSION", "/package/version"),
        Column::text("FIXED", "/fixed"),
        Column::text("ECOSYSTEM", "/package/ecosystem"),
        Column::text("SOURCE PACKAGE", "/package/source"),
        Column::text("PURL", "/package/purl"),
        Column::text("PATH", "/package/path"),
        Column::text("LAYER", "/package/layer"),
        Column::text("LAYER ORIGIN", "/package/layer_origin"),
        Column::text("COPIES", "/copies"),
        Column::of("PUBLISHED", "/published", Shape::Time),
        Column::of("RULES", "/rules", Shape::Made(rules)),
        Column::text("EXCEPTION", "/exception"),
        Column::of("VEX", "/vex", Shape::Made(said)),
        Column::text("QUIETED BY", "/quieted_by"),
        Column::text("DETAIL", "/detail"),
        Column::text("DECISION", "/image/decision"),
        Column::text("POLICY", "/image/policy/name"),
        Column::of("FIRST SEEN", "/image/first_seen", Shape::Time),
        Column::of("SCANNED", "/image/scanned_at", Shape::Time),
        Column::of("DECIDED", "/image/decided_at", Shape::Time),
        Column::text("REPORTED BY", "/image/reported_by"),
    ],
};

const PACKAGES: Listing = Listing {
    noun: "packages",
    columns: &[
        Column::text("REPOSITORY", "/image/repository"),
        Column::of("TAGS", "/image/tags", Shape::Texts),
        Column::of("DIGEST", "/image/digest", Shape::Digest),
        Column::text("PLATFORM", "/image/platform"),
        Column::text("NAME", "/name"),
        Column::text("VERSION", "/version"),
        Column::text("TYPE", "/type"),
        Column::text("ECOSYSTEM", "/ecosystem"),
        Column::text("ARCHITECTURE", "/architecture"),
        Column::text("SOURCE PACKAGE", "/source/name"),
        Column::text("SOURCE VERSION", "/source/version"),
        Column::text("LICENCE", "/licence"),
        Column::text("PURL", "/purl"),
        Column::text("EVIDENCE", "/evidence"),
        Column::text("PATH", "/path"),
        Column::text("LAYER", "/layer"),
        Column::text("DECISION", "/image/decision"),
        Column::of("SCANNED", "/image/scanned_at", Shape::Time),
        Column::text("REPORTED BY", "/image/reported_by"),
    ],
};

impl Of {
    /// Gives what a row of a spreadsheet has.
    pub(super) fn listing(self) -> &'static Listing {
        match self {
            Self::Verdicts => &VERDICTS,
            Self::Findings => &FINDINGS,
            Self::Packages => &PACKAGES,
        }
    }
}

/// Hands over the lines of one image.
pub(super) fn each(
    of: Of,
    mut item: Value,
    mut write: impl FnMut(Value) -> Result<(), CommandError>,
) -> Result<(), CommandError> {
    let image = image(&item);
    let mut taken = |pointer: &str| match item.pointer_mut(pointer).map(Value::take) {
        Some(Value::Array(list)) => list,
        _ => Vec::new(),
    };
    match of {
        Of::Verdicts => write(item)?,
        Of::Findings => {
            let (findings, reasons) = (taken("/findings"), taken("/reasons"));
            for mut finding in findings {
                let spoken = spoken(&reasons, &finding);
                add(&mut finding, "rules", spoken);
                add(&mut finding, "image", image.clone());
                write(finding)?;
            }
        }
        Of::Packages => {
            let (held, declared) = (taken("/inventory/components"), taken("/inventory/declared"));
            for mut package in held.into_iter().chain(declared) {
                add(&mut package, "image", image.clone());
                write(package)?;
            }
        }
    }
    Ok(())
}

/// Says where a line belongs.
fn image(item: &Value) -> Value {
    let mut image = Map::new();
    for name in IMAGE {
        if let Some(said) = item.get(name) {
            image.insert(name.to_owned(), said.clone());
        }
    }
    for name in ["scanned_at", "decided_at", "feed_time"] {
        let said = item.pointer(&format!("/provenance/{name}"));
        image.insert(name.to_owned(), said.cloned().unwrap_or_default());
    }
    Value::Object(image)
}

fn add(line: &mut Value, name: &str, said: Value) {
    if let Some(members) = line.as_object_mut() {
        members.insert(name.to_owned(), said);
    }
}

/// Gives the rules that spoke of a finding, and what each asked for.
fn spoken(reasons: &[Value], finding: &Value) -> Value {
    let id = finding.get("id");
    let speaks = |reason: &&Value| members(reason, "/findings").iter().any(|it| Some(it) == id);
    let spoken = reasons.iter().filter(speaks);
    let rule = |reason: &Value| json!({"rule": reason.get("rule"), "action": reason.get("action")});
    Value::Array(spoken.map(rule).collect())
}

/// Says in short what authors of VEX documents say.
fn said(statements: &Value) -> String {
    let statements = statements.as_array().map(Vec::as_slice).unwrap_or_default();
    let texts = statements.iter().filter_map(|statement| {
        let text = |name: &str| statement.get(name).and_then(Value::as_str);
        let why = text("justification").map(|why| format!(" ({why})"));
        let why = why.unwrap_or_default();
        Some(format!("{}{why} by {}", text("status")?, text("author")?))
    });
    texts.collect::<Vec<String>>().join("; ")
}

/// Names the rules that spoke, each with what it asked for.
fn rules(reasons: &Value) -> String {
    let reasons = reasons.as_array().map(Vec::as_slice).unwrap_or_default();
    let texts = reasons.iter().filter_map(|reason| {
        let text = |name: &str| reason.get(name).and_then(Value::as_str);
        Some(format!("{}={}", text("rule")?, text("action")?))
    });
    texts.collect::<Vec<String>>().join(" ")
}

/// Names the weaknesses of the findings, each once, in their order.
fn vulnerabilities(findings: &Value) -> String {
    let findings = findings.as_array().map(Vec::as_slice).unwrap_or_default();
    let mut named: Vec<&str> = Vec::new();
    for finding in findings {
        if let Some(id) = finding.get("id").and_then(Value::as_str)
            && !named.contains(&id)
        {
            named.push(id);
        }
    }
    named.join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(of: Of, item: &Value) -> Vec<Value> {
        let mut lines = Vec::new();
        each(of, item.clone(), |line| {
            lines.push(line);
            Ok(())
        })
        .unwrap();
        lines
    }

    #[test]
    fn a_spreadsheet_names_rules_and_weaknesses_once() {
        let reasons =
            json!([{"rule": "kev", "action": "refuse"}, {"rule": "high", "action": "annotate"}]);
        assert_eq!(rules(&reasons), "kev=refuse high=annotate");
        let findings = json!([{"id": "CVE-1"}, {"id": "CVE-2"}, {"id": "CVE-1"}]);
        assert_eq!(vulnerabilities(&findings), "CVE-1 CVE-2");
        assert_eq!(rules(&Value::Null), "");
        let vex = json!([{"status": "not_affected", "justification": "component_not_present",
            "author": "Example"}, {"status": "fixed", "justification": null, "author": "B"}]);
        assert_eq!(
            said(&vex),
            "not_affected (component_not_present) by Example; fixed by B"
        );
    }

    #[test]
    fn a_line_says_by_itself_where_it_belongs() {
        let item = json!({
            "repository": "docker.io/library/app", "digest": "sha256:1", "tags": ["1"],
            "decision": "refuse", "policy": {"name": "default"},
            "reasons": [{"rule": "kev", "action": "refuse", "findings": ["CVE-1"]}],
            "findings": [{"id": "CVE-1"}, {"id": "CVE-2"}],
            "provenance": {"scanned_at": "2026-11-20T10:00:00Z"},
            "inventory": {"components": [{"name": "a"}], "declared": [{"name": "b"}]},
        });
        assert_eq!(lines(Of::Verdicts, &item), std::slice::from_ref(&item));
        let findings = lines(Of::Findings, &item);
        assert_eq!(findings.len(), 2);
        assert_eq!(findings[0]["image"]["repository"], "docker.io/library/app");
        assert_eq!(findings[0]["image"]["scanned_at"], "2026-11-20T10:00:00Z");
        let wanted = json!([{"rule": "kev", "action": "refuse"}]);
        assert_eq!(
            (&findings[0]["rules"], &findings[1]["rules"]),
            (&wanted, &json!([]))
        );
        let packages = lines(Of::Packages, &item);
        let names: Vec<&Value> = packages.iter().map(|it| &it["name"]).collect();
        assert_eq!(names, ["a", "b"]);
        assert_eq!(packages[1]["image"]["digest"], "sha256:1");
        let gone = json!({"inventory": null, "findings": null});
        assert!(lines(Of::Packages, &gone).is_empty() && lines(Of::Findings, &gone).is_empty());
    }
}
