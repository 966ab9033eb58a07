//! An image whose packages declare licences, from its files to the verdict, the formats and a case.

use std::fs;

use serde_json::{Value, json};
use sluicegate_tests::process::Outcome;
use sluicegate_tests::proxy::sluicegate;

const COPYLEFT: &str = "\
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: licences}
spec:
  onInconclusive: allow
  rules: [{id: copyleft, when: {licence: [AGPL-3.0-only, SSPL-1.0]}, action: refuse}]
";
const ALLOWED: &str = "\
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: licences}
spec:
  onInconclusive: allow
  rules:
    - id: allowed
      when: {kind: licence, ecosystem: npm}
      unless: {licence: [MIT, Apache-2.0]}
      action: refuse
";
const OTHER: &str = "\
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: other}
spec: {onInconclusive: allow, rules: [{id: exploited, when: {kev: true}, action: refuse}]}
";

/// A root file system with packages of npm and pip, and policies beside it.
struct Desk(tempfile::TempDir);

impl Desk {
    fn new() -> Self {
        let desk = Self(tempfile::tempdir().expect("make a directory"));
        let package = |name: &str, licence: &str| {
            json!({"name": name, "version": "1.0.0", "license": licence}).to_string()
        };
        let modules = "root/app/node_modules";
        let site = "root/usr/lib/python3/site-packages";
        let metadata = "Metadata-Version: 2.4\nName: both\nVersion: 2.0\n\
                        License-Expression: MIT AND AGPL-3.0-or-later\n";
        desk.write(
            &format!("{modules}/choice/package.json"),
            &package("choice", "MIT OR AGPL-3.0-only"),
        );
        desk.write(
            &format!("{modules}/odd/package.json"),
            &package("odd", "SEE LICENSE IN X"),
        );
        desk.write(&format!("{site}/both-2.0.dist-info/METADATA"), metadata);
        for (name, text) in [
            ("copyleft", COPYLEFT),
            ("allowed", ALLOWED),
            ("other", OTHER),
        ] {
            desk.write(&format!("{name}.yaml"), text);
        }
        desk
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().expect("a parent")).expect("make a directory");
        fs::write(path, text).expect("write a file");
    }

    fn path(&self, name: &str) -> String {
        self.0.path().join(name).display().to_string()
    }

    async fn inspect(&self, policy: &str, format: &str) -> Outcome {
        let (data, root) = (self.path("data"), self.path("root"));
        let policy = self.path(&format!("{policy}.yaml"));
        let arguments = [
            "inspect-image",
            "--data",
            &data,
            "--feed",
            "none",
            "--policy",
            &policy,
            "--format",
            format,
            &root,
        ];
        sluicegate(&arguments).await
    }
}

/// What a report says of licences: package and licence.
fn licences(report: &Value) -> Vec<(&str, &str)> {
    let findings = report["findings"].as_array().expect("findings");
    let of = findings.iter().filter(|it| it["kind"] == "licence");
    of.map(|it| {
        let text = |value: &'static str| it.pointer(value).and_then(Value::as_str).expect("a text");
        (text("/package/name"), text("/id"))
    })
    .collect()
}

#[tokio::test]
async fn packages_are_refused_by_what_they_declare_where_a_rule_asks() {
    let desk = Desk::new();
    for (policy, status, wanted) in [
        ("copyleft", 1, &[("both", "MIT AND AGPL-3.0-or-later")][..]),
        ("allowed", 1, &[("odd", "SEE LICENSE IN X")][..]),
        ("other", 0, &[][..]),
    ] {
        let outcome = desk.inspect(policy, "json").await;
        assert_eq!(outcome.status, status, "{policy}: {}", outcome.text());
        let report: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        assert_eq!(licences(&report), wanted, "{policy}");
        assert_eq!(report["packages"], 3, "{policy}");
    }
}

#[tokio::test]
async fn each_format_has_a_licence_in_its_place() {
    let desk = Desk::new();
    let table = desk.inspect("copyleft", "table").await.stdout;
    let row = table
        .lines()
        .find(|line| line.contains("both") && line.starts_with('-'));
    assert!(
        row.is_some_and(|row| row.contains("MIT AND AGPL-3.0-or-later")),
        "{table}"
    );
    assert!(table.contains("1 finding (1 on licences)"), "{table}");
    let read = |outcome: Outcome| -> Value { serde_json::from_str(&outcome.stdout).expect("JSON") };
    let sarif = read(desk.inspect("copyleft", "sarif").await);
    let run = &sarif["runs"][0];
    assert_eq!(run["results"][0]["ruleId"], "MIT AND AGPL-3.0-or-later");
    assert_eq!(
        run["tool"]["driver"]["rules"][0]["properties"]["tags"],
        json!(["licence"])
    );
    let bom = read(desk.inspect("copyleft", "cyclonedx").await);
    assert_eq!(bom["vulnerabilities"], json!([]));
    assert!(
        bom["components"]
            .to_string()
            .contains("MIT AND AGPL-3.0-or-later")
    );
}

#[tokio::test]
async fn a_case_plays_the_licences_of_a_saved_report() {
    let desk = Desk::new();
    let report = desk.inspect("copyleft", "json").await.stdout;
    desk.write("policies/app.json", &report);
    let case = |decision: &str| {
        format!(
            "---\napiVersion: sluicegate/v1\nkind: PolicyTest\nmetadata: {{name: app}}\nspec: {{report: \
             app.json, expect: {{decision: {decision}}}}}\n"
        )
    };
    for (decision, status) in [("refuse", 0), ("allow", 1)] {
        desk.write("policies/p.yaml", &format!("{COPYLEFT}{}", case(decision)));
        let outcome = sluicegate(&["policy", "test", &desk.path("policies")]).await;
        assert_eq!(outcome.status, status, "{decision}: {}", outcome.text());
    }
}
