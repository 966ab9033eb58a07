//! What a refused client, and an operator, read.

use sluicegate_model::verdict::{Provenance, Verdict};
use sluicegate_model::{Audience, Domain};

use super::*;
use crate::{one_line, refusal_message, warning_text};

const API: &str = "https://gate.example/";

fn verdict(outcome: Outcome, report: &Report) -> Verdict {
    Verdict {
        digest: Digest::of(b"manifest"),
        repository: IMAGE.parse().unwrap(),
        tags: Vec::new(),
        audience: Audience::EVERYBODY,
        domain: Domain::Here,
        read_by: None,
        claimed_name: None,
        platform: report.platform.clone(),
        artifact: None,
        decision: outcome.decision,
        policy: outcome.policy,
        valid_until: outcome.valid_until,
        reasons: outcome.reasons,
        allowed_by: outcome.allowed_by,
        graces: Vec::new(),
        warnings: Vec::new(),
        findings: outcome.report.findings,
        coverage: report.coverage.clone(),
        distro: None,
        packages: 1,
        first_seen: None,
        signatures: None,
        provenance: Provenance {
            scanner: "s".into(),
            feeds: SnapshotId::NO_FEEDS,
            feed_time: None,
            scanned_at: now(),
            decided_at: now(),
            scan_ms: 1,
        },
    }
}

fn refusal(set: &PolicySet, report: &Report) -> String {
    refusal_message(
        &verdict(decided(set, IMAGE, report), report),
        None,
        None,
        API,
    )
}

#[test]
fn a_refusal_names_policy_rule_weakness_package_and_fix_in_one_line() {
    let bad = report(
        vec![finding(
            "CVE-2021-44228",
            Severity::Critical,
            Some("2.15.0"),
            true,
        )],
        vec![],
    );
    assert_eq!(
        refusal(&PolicySet::built_in(), &bad),
        format!(
            "sluicegate: refused by policy \"default\", rule \"known-exploited\": 1 finding: \
             CVE-2021-44228 critical log4j-core 2.14.1 (fix: 2.15.0). \
             Details: https://gate.example/api/v1/verdicts/{}",
            Digest::of(b"manifest")
        )
    );
}

#[test]
fn many_findings_are_counted_and_the_worst_are_named() {
    let many = (0..7).map(|id| finding(&format!("CVE-{id}"), Severity::High, None, true));
    let said = refusal(&PolicySet::built_in(), &report(many.collect(), vec![]));
    assert!(
        said.contains(": 7 findings: CVE-0 high log4j-core 2.14.1 (no fix), "),
        "{said}"
    );
    assert!(said.contains(", ... and 4 more. Details: "), "{said}");
}

#[test]
fn a_rules_own_message_reaches_the_one_who_is_refused() {
    let text = policy(
        "  rules: [{id: r, when: {kev: true}, action: refuse, message: 'Rebuild on {fixed}; ask #sec'}]",
    );
    let bad = report(
        vec![finding("CVE-1", Severity::Low, Some("{id}9"), true)],
        vec![],
    );
    let said = refusal(&set(&text), &bad);
    assert!(
        said.contains("(fix: {id}9). Rebuild on {id}9; ask #sec. Details:"),
        "{said}"
    );
    let unknown = text.replace("{fixed}", "{fix}");
    assert!(mistakes(&unknown)[0].2.contains("{fixed}"));
}

#[test]
fn the_rule_named_is_the_one_that_decided() {
    let text = format!(
        "{}---\n{}",
        policy("  mode: audit\n  rules: [{id: first, when: {kev: true}, action: refuse}]"),
        policy("  rules: [{id: second, when: {kev: true}, action: refuse}]")
            .replace("name: p", "name: q"),
    );
    let bad = report(vec![finding("CVE-1", Severity::Low, None, true)], vec![]);
    let outcome = decided(&set(&text), IMAGE, &bad);
    let rules: Vec<&str> = outcome
        .reasons
        .iter()
        .map(|reason| reason.rule.as_str())
        .collect();
    assert_eq!(rules, ["second", "first"]);
}

#[test]
fn a_refusal_without_findings_names_the_gaps() {
    let gaps = vec![
        Gap::partial(GapKind::NoFeed, "PyPI: 3 packages"),
        Gap::fatal(GapKind::LayerUnreadable, "layer 2 is no tar"),
    ];
    let said = refusal(&PolicySet::built_in(), &report(vec![], gaps));
    assert!(said.contains("rule \"inconclusive\""), "{said}");
    assert!(
        said.contains("unscannable): layer-unreadable (layer 2 is no tar), no-feed"),
        "{said}"
    );
}

#[test]
fn hostile_names_can_neither_break_the_line_nor_hide_the_address() {
    let mut worst = finding("CVE-1", Severity::Low, Some("1"), true);
    worst.package.name = "a\r\nSet-Cookie: x\u{1b}[2J\u{202e}é".repeat(200);
    worst.package.version = "9".repeat(5000);
    let said = refusal(
        &PolicySet::built_in(),
        &report(vec![worst.clone(); 3], vec![]),
    );
    assert!(
        said.len() <= 1024 && said.bytes().all(|byte| (0x20..0x7f).contains(&byte)),
        "{said}"
    );
    assert!(said.ends_with(Digest::of(b"manifest").as_str()), "{said}");

    let outcome = decided(&PolicySet::built_in(), IMAGE, &report(vec![worst], vec![]));
    assert!(
        outcome
            .reasons
            .iter()
            .all(|reason| reason.message.len() < 1024)
    );
    assert_eq!(one_line("a\r\nb\u{1b}é"), "a??b??");
    let long = verdict(outcome, &report(vec![], vec![]));
    assert!(refusal_message(&long, None, None, &"x".repeat(5000)).len() <= 1024);
}

#[test]
fn a_refusal_that_an_index_led_to_names_the_platform() {
    let bad = report(
        vec![finding("CVE-1", Severity::Critical, Some("2"), true)],
        vec![],
    );
    let refused = verdict(decided(&PolicySet::built_in(), IMAGE, &bad), &bad);
    let said = refusal_message(&refused, Some("linux/arm64"), None, API);
    let wanted = "rule \"known-exploited\": linux/arm64: 1 finding: CVE-1 critical";
    assert!(said.contains(wanted), "{said}");
    // The name is the image author's.
    let long = refusal_message(&refused, Some(&"a\nb".repeat(2_000)), None, API);
    assert!(long.len() <= 1_024 && !long.contains('\n'), "{long}");
    assert!(
        long.contains("1 finding: CVE-1") && long.contains(". Details: "),
        "{long}"
    );
}

#[test]
fn a_note_names_what_was_found_and_counts_the_unknown_apart() {
    let noted = report(
        vec![
            finding("CVE-1", Severity::High, None, false),
            finding("CVE-2", Severity::Unknown, Some("2"), false),
        ],
        vec![],
    );
    let outcome = decided(&PolicySet::built_in(), IMAGE, &noted);
    assert_eq!(outcome.decision, Decision::Annotate);
    let said = warning_text(&verdict(outcome, &noted));
    for wanted in [
        "policy \"default\"",
        "2 findings: CVE-1 high",
        "(1 of unknown severity)",
    ] {
        assert!(said.contains(wanted), "{said}");
    }
}
