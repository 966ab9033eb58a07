//! Artifacts: which kinds are let in, and that what is in them decides all the same.

use super::*;

/// Decides on an artifact by the built-in policy.
fn on_artifact(kind: ArtifactKind, report: &Report) -> Outcome {
    let scope = scope(IMAGE);
    let subject = Subject {
        scope: &scope,
        digest: &DIGEST,
        content: Content::Artifact(kind),
        created: None,
        run: None,
        first_seen: None,
        graces: &[],
        signatures: None,
    };
    let standing = FeedStanding::default();
    decide(
        &PolicySet::built_in(),
        &subject,
        report.clone(),
        &standing,
        by_number,
        now(),
    )
}

#[test]
fn artifacts_have_their_own_rule() {
    for (kind, wanted) in [
        (ArtifactKind::Signature, Decision::Allow),
        (ArtifactKind::Helm, Decision::Allow),
        (ArtifactKind::Other, Decision::Refuse),
    ] {
        let outcome = on_artifact(kind, &report(vec![], vec![]));
        assert_eq!(outcome.decision, wanted, "{kind:?}");
    }
}

#[test]
fn what_is_in_an_artifact_decides_like_what_is_in_an_image() {
    let unread = report(vec![], vec![Gap::fatal(GapKind::LayerUnreadable, "no tar")]);
    let partial = report(vec![], vec![Gap::partial(GapKind::FileUnreadable, "cut")]);
    let found = finding("CVE-1", Severity::Critical, Some("2"), false);
    for (report, wanted, rule) in [
        (unread, Decision::Refuse, "inconclusive"),
        (partial, Decision::Annotate, "inconclusive"),
        (
            report(vec![found], vec![]),
            Decision::Refuse,
            "fixable-critical",
        ),
    ] {
        let outcome = on_artifact(ArtifactKind::Signature, &report);
        assert_eq!(outcome.decision, wanted);
        assert_eq!(outcome.reasons[0].rule.as_str(), rule);
    }
}
