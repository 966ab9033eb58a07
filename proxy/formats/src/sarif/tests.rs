//! What a SARIF log says of a verdict.

use serde_json::Value;
use sluicegate_model::coverage::Coverage;
use sluicegate_model::samples;
use sluicegate_model::verdict::Verdict;

use super::{Runs, write};

fn run(verdict: &Verdict) -> Value {
    let mut out = Vec::new();
    write(verdict, &mut out).unwrap();
    let log: Value = serde_json::from_slice(&out).unwrap();
    assert_eq!(log["version"], "2.1.0");
    log["runs"][0].clone()
}

#[test]
fn each_weakness_is_a_rule_as_severe_as_its_worst_finding() {
    let run = run(&samples::verdict());
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let of = |id: &str| rules.iter().find(|rule| rule["id"] == id).unwrap();
    assert_eq!(rules.len(), 3);
    let exploited = of("CVE-2021-44228");
    assert_eq!(exploited["properties"]["security-severity"], "10.0");
    assert_eq!(exploited["defaultConfiguration"]["level"], "error");
    assert!(
        exploited["properties"]["tags"]
            .as_array()
            .unwrap()
            .contains(&"known-exploited".into())
    );
    assert_eq!(
        of("CVE-2023-0286")["properties"]["security-severity"],
        "8.0"
    );
    let unrated = of("MAL-2024-1");
    assert_eq!(unrated["properties"]["security-severity"], Value::Null);
    assert_eq!(unrated["defaultConfiguration"]["level"], "error");
}

#[test]
fn every_finding_is_a_result_with_its_rule_place_and_fix() {
    let run = run(&samples::verdict());
    let results = run["results"].as_array().unwrap();
    assert_eq!(results.len(), 4);
    for result in results {
        let index = usize::try_from(result["ruleIndex"].as_u64().unwrap()).unwrap();
        let rule = &run["tool"]["driver"]["rules"][index];
        assert_eq!(rule["id"], result["ruleId"]);
    }
    let first = &results[0];
    let place = &first["locations"][0];
    assert_eq!(
        place["physicalLocation"]["artifactLocation"]["uri"],
        "app/lib/app-1.0.jar"
    );
    assert_eq!(place["logicalLocations"][0]["name"], "org.example:app");
    assert!(
        first["message"]["text"]
            .as_str()
            .unwrap()
            .contains("fixed in 1.1")
    );
}

#[test]
fn an_exception_suppresses_its_finding_by_name() {
    let run = run(&samples::verdict());
    let of = |index: usize| run["results"][index]["suppressions"].clone();
    assert_eq!(of(0), Value::Null);
    assert_eq!(of(1)[0]["kind"], "external");
    let why = of(1)[0]["justification"].as_str().unwrap().to_owned();
    assert!(why.contains("until-june"), "{why}");
}

#[test]
fn what_an_author_says_suppresses_its_finding() {
    let mut verdict = samples::verdict();
    verdict.findings[0].vex = vec![samples::vex_statement()];
    let why = run(&verdict)["results"][0]["suppressions"][0]["justification"].clone();
    assert_eq!(
        why,
        "not_affected by Example PSIRT: vulnerable_code_not_in_execute_path (lookups are switched off), \
         in vex/app.openvex.json, for policy default"
    );
}

#[test]
fn a_fingerprint_outlives_a_rebuild() {
    let verdict = samples::verdict();
    let mut rebuilt = verdict.clone();
    for finding in &mut rebuilt.findings {
        finding.package.version.push_str("-rebuilt");
        finding.package.layer = samples::app_layer();
    }
    let prints = |verdict: &Verdict| {
        let run = run(verdict);
        let results = run["results"].as_array().unwrap().clone();
        let print = |result: &Value| result["partialFingerprints"]["sluicegate/v1"].clone();
        results.iter().map(print).collect::<Vec<Value>>()
    };
    assert_eq!(prints(&verdict), prints(&rebuilt));
    let mut distinct = prints(&verdict);
    distinct.dedup();
    assert_eq!(distinct.len(), 4);
}

#[test]
fn what_was_not_looked_at_is_a_notification() {
    let mut verdict = samples::verdict();
    let invocation = run(&verdict)["invocations"][0].clone();
    assert_eq!(invocation["executionSuccessful"], false);
    let notes = invocation["toolExecutionNotifications"].as_array().unwrap();
    assert_eq!(notes.len(), 6);
    let fatal = notes.iter().find(|note| note["level"] == "error").unwrap();
    assert_eq!(fatal["descriptor"]["id"], "os-db-missing");
    verdict.coverage = Coverage::from_gaps(Vec::new());
    let invocation = run(&verdict)["invocations"][0].clone();
    assert_eq!(invocation["executionSuccessful"], true);
    assert_eq!(
        invocation["toolExecutionNotifications"],
        serde_json::json!([])
    );
}

#[test]
fn foreign_text_becomes_neither_link_nor_placeholder() {
    let mut verdict = samples::verdict();
    verdict.findings[0].package.name = "[click](http://bad.test) {0}".into();
    let run = run(&verdict);
    let text = run["results"][0]["message"]["text"].as_str().unwrap();
    assert!(
        text.contains("\\[click\\](http://bad.test) {{0}}"),
        "{text}"
    );
}

#[test]
fn a_licence_is_a_result_with_a_rule_of_its_own_that_is_no_weakness() {
    let run = run(&samples::verdict_with_a_licence());
    let rules = run["tool"]["driver"]["rules"].as_array().unwrap();
    let rule = rules.iter().find(|rule| rule["id"] == "AGPL-3.0-only");
    let rule = rule.unwrap();
    assert_eq!(rule["properties"]["tags"], serde_json::json!(["licence"]));
    assert_eq!(rule["properties"]["security-severity"], Value::Null);
    assert_eq!(rule["helpUri"], Value::Null);
    let results = run["results"].as_array().unwrap();
    let result = results.iter().find(|it| it["ruleId"] == "AGPL-3.0-only");
    let result = result.unwrap();
    assert_eq!(result["level"], "warning");
    assert_eq!(
        result["message"]["text"],
        "AGPL-3.0-only is the licence of org.example:app 1.0 in docker.io/library/app: declared \
         licence"
    );
}

#[test]
fn a_log_of_many_images_has_the_run_of_each_under_a_name_of_its_own() {
    let mut told = samples::verdict();
    told.domain = "key:ci".parse().unwrap();
    let all = [samples::verdict(), told];
    let mut out = Vec::new();
    let mut runs = Runs::begin(&mut out).unwrap();
    for verdict in &all {
        runs.add(verdict).unwrap();
    }
    runs.finish().unwrap();
    let log: Value = serde_json::from_slice(&out).unwrap();
    let mut runs = log["runs"].as_array().unwrap().clone();
    let mut alone = run(&all[0]);
    let names = runs
        .iter_mut()
        .map(|run| run["automationDetails"].take().to_string());
    let names: Vec<String> = names.collect();
    assert!(
        names[0].contains(all[0].digest.as_str()) && names[0] != names[1],
        "{names:?}"
    );
    alone["automationDetails"].take();
    assert_eq!(runs[0], alone);
    assert_eq!(runs.len(), 2);
    let mut none = Vec::new();
    Runs::begin(&mut none).unwrap().finish().unwrap();
    let none: Value = serde_json::from_slice(&none).unwrap();
    assert_eq!(
        (&none["version"], &none["runs"]),
        (&log["version"], &serde_json::json!([]))
    );
}
