//! Findings that do not bear on an image, or on packages that lie in a cache.

use sluicegate_model::finding::QuietedBy;

use super::*;

/// A policy that refuses what a condition holds for.
fn rule(when: &str) -> String {
    policy(&format!(
        "  rules: [{{id: r, when: {{{when}}}, action: refuse}}]"
    ))
}

#[test]
fn a_rule_counts_what_is_quieted_only_where_it_asks_for_it() {
    let quieted = Finding {
        quieted_by: Some(QuietedBy::Owner),
        ..finding("CVE-1", Severity::Critical, Some("2"), true)
    };
    let report = report(vec![quieted], Vec::new());
    for (when, wanted) in [
        ("kev: true", Decision::Allow),
        ("quieted: false", Decision::Allow),
        ("kev: true, quieted: true", Decision::Refuse),
        ("kev: false, quieted: true", Decision::Allow),
    ] {
        let outcome = decided(&set(&rule(when)), IMAGE, &report);
        assert_eq!(outcome.decision, wanted, "{when}");
        assert_eq!(outcome.report.findings.len(), 1, "{when}");
    }
    let built_in = decided(&PolicySet::built_in(), IMAGE, &report);
    assert_eq!(built_in.decision, Decision::Allow);
}

#[test]
fn a_rule_counts_what_is_not_affected_only_where_it_asks_and_tells_caches_apart() {
    let plain = || finding("CVE-1", Severity::Critical, Some("2"), true);
    let absent = Finding {
        status: FindingStatus::NotAffected,
        ..plain()
    };
    let mut cached = plain();
    cached.package.evidence = Evidence::Cached;
    for (found, when, wanted) in [
        (&absent, "kev: true", Decision::Allow),
        (&absent, "status: affected", Decision::Allow),
        (&absent, "status: not_affected", Decision::Refuse),
        (&absent, "status: not_affected, kev: false", Decision::Allow),
        (&plain(), "status: affected", Decision::Refuse),
        (&plain(), "status: unknown", Decision::Allow),
        (&cached, "kev: true", Decision::Refuse),
        (&cached, "evidence: cached", Decision::Refuse),
        (&cached, "evidence: installed", Decision::Allow),
        (&plain(), "evidence: installed", Decision::Refuse),
    ] {
        let report = report(vec![found.clone()], Vec::new());
        let outcome = decided(&set(&rule(when)), IMAGE, &report);
        assert_eq!(outcome.decision, wanted, "{when}");
        assert_eq!(outcome.report.findings.len(), 1, "{when}");
    }
    let report = report(vec![absent], Vec::new());
    let built_in = decided(&PolicySet::built_in(), IMAGE, &report);
    assert_eq!(built_in.decision, Decision::Allow);
}
