//! What DefectDojo is told of a verdict, by the names and types that its parser takes.

use serde_json::{Map, Value};
use sluicegate_model::finding::Finding;
use sluicegate_model::samples;
use sluicegate_model::verdict::Verdict;
use sluicegate_model::vex::VexStatus;

use super::write;

/// The members that are written, each with the type that DefectDojo keeps. Its parser refuses a
/// report with any member that it does not name. Source: `dojo/tools/generic/json_parser.py` at
/// 03609eb7 and `dojo/finding/models.py`.
const TAKEN: [(&str, &str); 26] = [
    ("title", "text"),
    ("severity", "text"),
    ("description", "text"),
    ("mitigation", "text"),
    ("references", "text"),
    ("severity_justification", "text"),
    ("component_name", "text"),
    ("component_version", "text"),
    ("file_path", "text"),
    ("vulnerability_ids", "texts"),
    ("cvssv3_score", "number"),
    ("epss_score", "number"),
    ("active", "switch"),
    ("false_p", "switch"),
    ("risk_accepted", "switch"),
    ("under_review", "switch"),
    ("is_mitigated", "switch"),
    ("mitigated", "text"),
    ("verified", "switch"),
    ("static_finding", "switch"),
    ("dynamic_finding", "switch"),
    ("service", "text"),
    ("unique_id_from_tool", "text"),
    ("vuln_id_from_tool", "text"),
    ("nb_occurences", "number"),
    ("tags", "texts"),
];
/// Those that are days.
const DAYS: [&str; 2] = ["date", "publish_date"];

fn findings(verdict: &Verdict) -> Vec<Map<String, Value>> {
    let mut out = Vec::new();
    write(verdict, &mut out).unwrap();
    let report: Value = serde_json::from_slice(&out).unwrap();
    let findings = report["findings"].as_array().unwrap().iter();
    findings.map(|it| it.as_object().unwrap().clone()).collect()
}

fn one(change: impl FnOnce(&mut Finding)) -> Map<String, Value> {
    let mut verdict = samples::verdict();
    verdict.findings.truncate(1);
    change(&mut verdict.findings[0]);
    findings(&verdict).remove(0)
}

fn is_of(value: &Value, kind: &str) -> bool {
    match kind {
        "text" => value.is_string(),
        "number" => value.is_number(),
        "switch" => value.is_boolean(),
        _ => value.as_array().unwrap().iter().all(Value::is_string),
    }
}

#[test]
fn every_member_is_one_that_its_parser_takes() {
    for verdict in [
        samples::verdict(),
        samples::verdict_with_everything(),
        samples::verdict_with_a_licence(),
    ] {
        let listed = findings(&verdict);
        assert_eq!(listed.len(), verdict.findings.len());
        for finding in listed {
            for (name, value) in &finding {
                if DAYS.contains(&name.as_str()) {
                    let day: jiff::civil::Date = value.as_str().unwrap().parse().unwrap();
                    assert_eq!(day.to_string(), value.as_str().unwrap());
                    continue;
                }
                let taken = TAKEN.iter().find(|(taken, _)| taken == name);
                let (_, kind) = taken.unwrap_or_else(|| panic!("{name} is refused"));
                assert!(is_of(value, kind), "{name}: {value}");
            }
            for needed in ["title", "severity", "description"] {
                assert!(
                    finding[needed]
                        .as_str()
                        .is_some_and(|text| !text.is_empty())
                );
            }
            let severities = ["Info", "Low", "Medium", "High", "Critical"];
            assert!(severities.contains(&finding["severity"].as_str().unwrap()));
        }
    }
}

#[test]
fn what_policy_and_authors_say_is_its_standing() {
    let states = |finding: &Map<String, Value>| {
        ["active", "false_p", "risk_accepted", "is_mitigated"].map(|it| finding[it] == true)
    };
    assert_eq!(states(&one(|_| {})), [true, false, false, false]);
    let excepted = one(|finding| finding.exception = Some("until-june".into()));
    assert_eq!(states(&excepted), [false, false, true, false]);
    assert!(
        excepted["description"]
            .as_str()
            .unwrap()
            .contains("until-june")
    );
    let said = |status| {
        one(|finding| {
            finding.exception = Some("until-june".into());
            let mut said = samples::vex_statement();
            said.status = status;
            finding.vex = vec![said];
        })
    };
    assert_eq!(
        states(&said(VexStatus::NotAffected)),
        [false, true, false, false]
    );
    let fixed = said(VexStatus::Fixed);
    assert_eq!(states(&fixed), [false, false, false, true]);
    assert!(fixed["mitigated"].is_string());
}

#[test]
fn the_next_scan_of_an_image_finds_the_same() {
    let mut anew = samples::verdict();
    let before = findings(&anew);
    anew.provenance.decided_at = "2026-12-01T00:00:00Z".parse().unwrap();
    anew.digest = sluicegate_model::Digest::of(b"another build");
    for (before, after) in before.iter().zip(findings(&anew)) {
        for known_by in ["title", "description", "unique_id_from_tool"] {
            assert_eq!(before[known_by], after[known_by]);
        }
    }
    let mut elsewhere = samples::verdict();
    elsewhere.repository = "docker.io/library/other".parse().unwrap();
    let other = findings(&elsewhere);
    assert_ne!(
        other[0]["unique_id_from_tool"],
        before[0]["unique_id_from_tool"]
    );
}

#[test]
fn foreign_text_is_no_markdown_and_fits() {
    let evil = "`[x](http://evil)`\u{1b}[2J\n# ".repeat(2_000);
    let finding = one(|finding| {
        finding.package.name.clone_from(&evil);
        finding.package.version.clone_from(&evil);
        finding.package.path.clone_from(&evil);
        finding.package.purl.clone_from(&evil);
        finding.fixed = Some(evil.clone());
        finding.detail = Some(evil.clone());
    });
    let length = |name: &str| finding[name].as_str().unwrap().chars().count();
    assert!(length("title") <= 500 && length("component_name") <= 200);
    assert!(length("component_version") <= 99 && length("file_path") <= 4_000);
    for paragraph in finding["description"].as_str().unwrap().split("\n\n") {
        assert!(!paragraph.contains('\n'), "{paragraph}");
        let ticks = paragraph.matches('`').count();
        assert!(ticks == 2 || ticks == 0, "{ticks}: {paragraph}");
    }
}
