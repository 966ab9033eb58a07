//! Laws and known answers of policies.

mod allowing;
mod artifacts;
mod askers;
mod attaching;
mod bearing;
mod cases;
mod conditions;
mod copies;
mod csaf;
mod delegating;
mod digests;
mod documents;
mod explaining;
mod heard;
mod heard_csaf;
mod hostile;
mod hostile_vex;
mod images;
mod key_files;
mod kinds;
mod laws;
mod licences;
mod linting;
mod loading;
mod names;
mod signed;
mod sparing;
mod staleness;
mod tags;
mod telling;
mod vex;

use std::cmp::Ordering;
use std::sync::LazyLock;

use jiff::Timestamp;
use sluicegate_model::artifact::{ArtifactKind, Content};
use sluicegate_model::coverage::{Coverage, Gap, GapKind};
use sluicegate_model::finding::{Finding, FindingKind, FindingStatus};
use sluicegate_model::package::{Evidence, PackageType};
use sluicegate_model::report::{Knowledge, Report};
use sluicegate_model::samples;
use sluicegate_model::severity::Severity;
use sluicegate_model::snapshot::SnapshotId;
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Scope};

use crate::{FeedStanding, Outcome, PolicySet, SourceFile, Subject, built_in_text, decide};

fn now() -> Timestamp {
    "2026-06-01T12:00:00Z".parse().unwrap()
}

fn finding(id: &str, severity: Severity, fixed: Option<&str>, kev: bool) -> Finding {
    let name = "org.apache.logging.log4j:log4j-core";
    let mut jar = samples::component(name, "2.14.1", PackageType::Maven, None);
    jar.path = "app/app.jar".into();
    Finding {
        aliases: vec![format!("GHSA-{id}")],
        advisories: vec![format!("GHSA-{id}")],
        severity,
        kev,
        fixed: fixed.map(Into::into),
        source: "Maven".into(),
        ..samples::finding(id, &jar)
    }
}

fn report(findings: Vec<Finding>, gaps: Vec<Gap>) -> Report {
    Report {
        findings,
        coverage: Coverage::from_gaps(gaps),
        distro: None,
        packages: 1,
        platform: "linux/amd64".into(),
        feeds: SnapshotId::of_content(b"x"),
        feed_time: None,
        knowledge: vec![known("Maven", Some("2026-06-01T12:00:00Z"), 1)],
        valid_until: None,
    }
}

fn set(text: &str) -> PolicySet {
    PolicySet::parse(&[SourceFile {
        name: "p.yaml".into(),
        text: text.into(),
    }])
    .unwrap()
}

fn scope(repository: &str) -> Scope {
    Scope::for_all(repository.parse().unwrap())
}

fn decided(set: &PolicySet, repository: &str, report: &Report) -> Outcome {
    decided_in(set, &scope(repository), report)
}

fn decided_in(set: &PolicySet, scope: &Scope, report: &Report) -> Outcome {
    let subject = Subject {
        scope,
        digest: &DIGEST,
        content: Content::Image,
        created: None,
        run: None,
        first_seen: None,
        graces: &[],
        signatures: None,
    };
    decide(
        set,
        &subject,
        report.clone(),
        &FeedStanding::default(),
        by_number,
        now(),
    )
}

/// Orders the versions of tests, which are numbers.
fn by_number(_: &str, one: &str, other: &str) -> Option<Ordering> {
    let number = |text: &str| text.parse::<f64>().ok();
    number(one)?.partial_cmp(&number(other)?)
}

fn known(family: &str, newest: Option<&str>, longest_gap_days: u32) -> Knowledge {
    Knowledge {
        family: family.into(),
        newest: newest.map(|at| at.parse().unwrap()),
        longest_gap_days,
    }
}

fn mistakes(text: &str) -> Vec<(u64, u64, String)> {
    let file = SourceFile {
        name: "p.yaml".into(),
        text: text.into(),
    };
    let errors = PolicySet::parse(&[file]).unwrap_err();
    errors
        .0
        .into_iter()
        .map(|error| (error.line, error.column, error.message))
        .collect()
}

/// The digest of every image of tests.
static DIGEST: LazyLock<Digest> = LazyLock::new(|| Digest::of(b"image"));

const IMAGE: &str = "docker.io/library/app";

fn policy(body: &str) -> String {
    format!("apiVersion: sluicegate/v1\nkind: Policy\nmetadata: {{name: p}}\nspec:\n{body}\n")
}

#[test]
fn the_built_in_policy_refuses_what_it_promises() {
    let set = PolicySet::built_in();
    for (finding, wanted) in [
        (
            finding("CVE-1", Severity::Low, None, true),
            Decision::Refuse,
        ),
        (
            finding("CVE-2", Severity::Critical, Some("2"), false),
            Decision::Refuse,
        ),
        (
            finding("CVE-3", Severity::Critical, None, false),
            Decision::Annotate,
        ),
        (
            finding("CVE-4", Severity::Unknown, Some("2"), false),
            Decision::Annotate,
        ),
        (
            finding("CVE-5", Severity::High, None, false),
            Decision::Annotate,
        ),
        (
            Finding {
                kind: FindingKind::Eol,
                ..finding("EOL-debian-10", Severity::Unknown, None, false)
            },
            Decision::Annotate,
        ),
        (
            Finding {
                kind: FindingKind::Malware,
                ..finding("MAL-1", Severity::Unknown, None, false)
            },
            Decision::Refuse,
        ),
    ] {
        let id = finding.id.clone();
        assert_eq!(
            decided(&set, IMAGE, &report(vec![finding], vec![])).decision,
            wanted,
            "{id}"
        );
    }
    assert_eq!(
        decided(&set, IMAGE, &report(vec![], vec![])).decision,
        Decision::Allow
    );
    let partial = Gap::partial(GapKind::NoFeed, "PyPI: 3 packages");
    assert_eq!(
        decided(&set, IMAGE, &report(vec![], vec![partial])).decision,
        Decision::Annotate
    );
    let fatal = Gap::fatal(GapKind::OsUnknown, "no os-release");
    assert_eq!(
        decided(&set, IMAGE, &report(vec![], vec![fatal])).decision,
        Decision::Refuse
    );
}

#[test]
fn the_built_in_policy_lists_the_rest_so_that_a_note_means_something() {
    for finding in [
        finding("CVE-6", Severity::Medium, Some("2"), false),
        finding("CVE-7", Severity::Unknown, None, false),
        // What Debian calls unimportant, and what it has not looked into.
        finding("CVE-8", Severity::Negligible, None, false),
        finding("CVE-9", Severity::Negligible, Some("2"), false),
        Finding {
            status: FindingStatus::Unknown,
            ..finding("CVE-10", Severity::Unknown, None, false)
        },
    ] {
        let outcome = decided(
            &PolicySet::built_in(),
            IMAGE,
            &report(vec![finding], vec![]),
        );
        assert_eq!(outcome.decision, Decision::Allow);
        assert_eq!(outcome.report.findings.len(), 1);
    }
}

#[test]
fn the_built_in_policy_has_a_rule_of_its_own_for_ends_of_life() {
    let ended = Finding {
        kind: FindingKind::Eol,
        ..finding("EOL-debian-10", Severity::Unknown, None, false)
    };
    let outcome = decided(&PolicySet::built_in(), IMAGE, &report(vec![ended], vec![]));
    let rules: Vec<_> = outcome
        .reasons
        .iter()
        .map(|one| one.rule.as_str())
        .collect();
    assert_eq!(rules, ["end-of-life"]);
}

#[test]
fn the_built_in_policy_printed_is_a_policy_file() {
    let printed = set(built_in_text());
    assert_eq!(printed.policy_names(), ["default"]);
    assert_eq!(printed.digest(), PolicySet::built_in().digest());
}

#[test]
fn absent_fields_mean_what_the_contract_says() {
    let bare = set(&policy("  rules: []"));
    let fatal = report(vec![], vec![Gap::fatal(GapKind::OsUnknown, "x")]);
    let partial = report(vec![], vec![Gap::partial(GapKind::NoFeed, "x")]);
    assert_eq!(decided(&bare, IMAGE, &fatal).decision, Decision::Refuse);
    assert_eq!(decided(&bare, IMAGE, &partial).decision, Decision::Refuse);
    let bad = report(
        vec![finding("CVE-1", Severity::Critical, Some("2"), true)],
        vec![],
    );
    assert_eq!(decided(&bare, IMAGE, &bad).decision, Decision::Allow);
}

#[test]
fn a_mode_is_a_ceiling_and_reasons_keep_what_was_asked() {
    let bad = report(
        vec![finding("CVE-1", Severity::Critical, Some("2"), true)],
        vec![Gap::fatal(GapKind::OsUnknown, "x")],
    );
    for (mode, wanted) in [
        ("audit", Decision::Allow),
        ("annotate", Decision::Annotate),
        ("enforce", Decision::Refuse),
    ] {
        let text = policy(&format!(
            "  mode: {mode}\n  rules: [{{id: r, when: {{kev: true}}, action: refuse}}]"
        ));
        let outcome = decided(&set(&text), IMAGE, &bad);
        assert_eq!(outcome.decision, wanted, "{mode}");
        assert!(
            outcome
                .reasons
                .iter()
                .all(|reason| reason.action == Decision::Refuse)
        );
        let rules: Vec<_> = outcome
            .reasons
            .iter()
            .map(|reason| reason.rule.as_str())
            .collect();
        assert_eq!(rules, ["r", "inconclusive"]);
    }
}

#[test]
fn conditions_hold_for_the_same_finding_or_not_at_all() {
    let text = policy("  rules: [{id: r, when: {kev: true, fixable: true}, action: refuse}]");
    let apart = vec![
        finding("CVE-1", Severity::High, None, true),
        finding("CVE-2", Severity::High, Some("2"), false),
    ];
    assert_eq!(
        decided(&set(&text), IMAGE, &report(apart, vec![])).decision,
        Decision::Allow
    );
}

#[test]
fn bindings_choose_and_the_strictest_of_several_wins() {
    let text = format!(
        "{}---\n{}---\n{}",
        policy("  rules: [{id: strict, when: {kev: true}, action: refuse}]"),
        policy("  rules: [{id: lax, when: {kev: true}, action: annotate}]")
            .replace("name: p", "name: q"),
        "apiVersion: sluicegate/v1\nkind: Binding\nmetadata: {name: b}\n\
         spec: {policy: p, repositories: [\"docker.io/**\"]}\n"
    );
    let set = set(&text);
    let bad = report(vec![finding("CVE-1", Severity::High, None, true)], vec![]);
    let bound = decided(&set, IMAGE, &bad);
    assert_eq!(
        (bound.decision, bound.policy.name.as_str()),
        (Decision::Refuse, "p+q")
    );
    let other = decided(&set, "quay.io/x/y", &bad);
    assert_eq!(
        (other.decision, other.policy.name.as_str()),
        (Decision::Annotate, "q")
    );
    assert_ne!(bound.policy.digest, other.policy.digest);
}

#[test]
fn an_image_no_policy_covers_gets_the_built_in_default() {
    let text = format!(
        "{}---\n{}",
        policy("  mode: audit"),
        "apiVersion: sluicegate/v1\nkind: Binding\nmetadata: {name: b}\n\
         spec: {policy: p, repositories: [\"quay.io/**\"]}\n"
    );
    let bad = report(vec![finding("CVE-1", Severity::High, None, true)], vec![]);
    let outcome = decided(&set(&text), IMAGE, &bad);
    assert_eq!(
        (outcome.decision, outcome.policy.name.as_str()),
        (Decision::Refuse, "default")
    );
}

fn exception(extra: &str) -> String {
    format!(
        "apiVersion: sluicegate/v1\nkind: Exception\nmetadata: {{name: e, author: a, ticket: T-1}}\n\
         spec: {{id: CVE-1, {extra} statement: \"not reachable\", expiresAt: 2026-06-30}}\n"
    )
}

#[test]
fn an_exception_covers_its_finding_its_package_and_its_images_until_the_day_is_over() {
    let bad = report(vec![finding("CVE-1", Severity::High, None, true)], vec![]);
    for (extra, wanted) in [
        ("", Decision::Allow),
        (
            "purls: [\"pkg:maven/org.apache.logging.log4j/log4j-core\"],",
            Decision::Allow,
        ),
        ("purls: [\"pkg:maven/a/b\"],", Decision::Refuse),
        ("images: [\"docker.io/library/app\"],", Decision::Allow),
        ("images: [\"docker.io/library/other\"],", Decision::Refuse),
    ] {
        let outcome = decided(&set(&exception(extra)), IMAGE, &bad);
        assert_eq!(outcome.decision, wanted, "{extra}");
        let named = outcome.report.findings[0].exception.as_deref();
        assert_eq!(named, (wanted == Decision::Allow).then_some("e"));
    }
    let outcome = decided(&set(&exception("")), IMAGE, &bad);
    let seven_days_on: Timestamp = "2026-06-08T12:00:00Z".parse().unwrap();
    assert_eq!(
        outcome.valid_until,
        Some(seven_days_on),
        "feeds turn stale first"
    );
    let after: Timestamp = "2026-07-01T00:00:00Z".parse().unwrap();
    let scope = scope(IMAGE);
    let subject = Subject {
        scope: &scope,
        digest: &DIGEST,
        content: Content::Image,
        created: None,
        run: None,
        first_seen: None,
        graces: &[],
        signatures: None,
    };
    let standing = FeedStanding::default();
    let outcome = decide(
        &set(&exception("")),
        &subject,
        bad,
        &standing,
        by_number,
        after,
    );
    assert_eq!(
        outcome.decision,
        Decision::Refuse,
        "the exception has expired"
    );
}

#[test]
fn a_trivyignore_file_is_a_list_of_exceptions() {
    let file = SourceFile {
        name: "dir/.trivyignore.yaml".into(),
        text: "vulnerabilities:\n  - id: CVE-1\n    paths: [\"app/*\"]\n    expired_at: 2026-06-30\n    \
               statement: fine\nsecrets:\n  - id: x\n"
            .into(),
    };
    let set = PolicySet::parse(&[file]).unwrap();
    let bad = report(vec![finding("CVE-1", Severity::High, None, true)], vec![]);
    assert_eq!(decided(&set, IMAGE, &bad).decision, Decision::Allow);
}

#[test]
fn every_mistake_is_told_with_its_line_and_column() {
    for (text, line, part) in [
        (policy("  mode: strict"), 5, "strict"),
        (policy("  moode: enforce"), 5, "moode"),
        (
            policy("  rules:\n    - id: a\n      when: {kev: true}\n      action: deny"),
            8,
            "deny",
        ),
        (
            policy("  rules:\n    - id: a\n      cel: 'true'\n      action: refuse"),
            7,
            "cel",
        ),
        (
            policy("  rules:\n    - id: a\n      when: {layer: upper}\n      action: refuse"),
            7,
            "upper",
        ),
        (policy("  feeds: {maxAge: soon}"), 5, "soon"),
        (
            policy(
                "  rules:\n    - {id: a, when: {kev: true}, action: refuse}\n    - {id: a, when: {kev: true}, action: refuse}",
            ),
            7,
            "twice",
        ),
        (exception("").replace("2026-06-30", "never"), 4, "never"),
    ] {
        let found = mistakes(&text);
        assert_eq!(found.len(), 1, "{text}");
        let (at, column, message) = &found[0];
        assert_eq!(*at, line, "{text}{message}");
        assert!(*column > 0 && message.contains(part), "{message}");
    }
    let second = format!(
        "{}---\n{}",
        policy("  mode: audit"),
        policy("  mode: strict")
    );
    assert_eq!(
        mistakes(&second)[0].0,
        11,
        "lines count from the file's start"
    );
}
