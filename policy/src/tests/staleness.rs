//! When what is known of an image's ecosystems is too old, and how that is told.

use sluicegate_model::verdict::RuleId;

use super::*;

fn outcome(feeds: &str, knowledge: Vec<Knowledge>, standing: FeedStanding) -> Outcome {
    let set = set(&policy(feeds));
    let report = Report {
        knowledge,
        ..report(vec![], vec![])
    };
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
    decide(&set, &subject, report, &standing, by_number, now())
}

fn decision(feeds: &str, knowledge: Vec<Knowledge>) -> (Decision, Option<String>) {
    let outcome = outcome(feeds, knowledge, FeedStanding::default());
    let until = outcome.valid_until.map(|until| until.to_string());
    (outcome.decision, until)
}

#[test]
fn the_oldest_family_that_an_image_uses_decides_and_says_when_it_will() {
    let (day, days) = (
        "  feeds: {maxAge: 24h, onStale: refuse}",
        "  feeds: {maxAge: 30d, onStale: refuse}",
    );
    let debian = || known("Debian", Some("2026-06-01T00:00:00Z"), 4);
    let npm = || known("npm", Some("2026-05-12T12:00:00Z"), 2);
    let until = |text: &str| Some(text.to_owned());
    for (feeds, knowledge, wanted) in [
        (
            day,
            vec![debian()],
            (Decision::Allow, until("2026-06-02T00:00:00Z")),
        ),
        (
            day,
            vec![debian(), npm()],
            (Decision::Refuse, until("2026-06-02T00:00:00Z")),
        ),
        (
            days,
            vec![debian(), npm()],
            (Decision::Allow, until("2026-06-11T12:00:00Z")),
        ),
        // At the instant itself it is too old.
        (
            day,
            vec![known("Go", Some("2026-05-31T12:00:00Z"), 0)],
            (Decision::Refuse, None),
        ),
        (
            day,
            vec![known("Go", Some("2026-05-31T12:00:01Z"), 0)],
            (Decision::Allow, until("2026-06-01T12:00:01Z")),
        ),
        // A time in the future keeps nothing young for longer.
        (
            day,
            vec![known("Go", Some("2036-01-01T00:00:00Z"), 0)],
            (Decision::Allow, until("2026-06-02T12:00:00Z")),
        ),
        // Nobody can say how old it is.
        (days, vec![known("Go", None, 0)], (Decision::Refuse, None)),
        // No ecosystem with a feed is used: there is nothing that could be old.
        (day, vec![], (Decision::Allow, None)),
        ("  rules: []", vec![npm()], (Decision::Allow, None)),
    ] {
        assert_eq!(
            decision(feeds, knowledge.clone()),
            wanted,
            "{feeds} {knowledge:?}"
        );
    }
}

#[test]
fn auto_is_three_times_the_familys_longest_silence_and_a_week_at_least() {
    for feeds in [
        "  feeds: {maxAge: auto, onStale: annotate}",
        "  feeds: {onStale: annotate}",
    ] {
        for (newest, gap, wanted) in [
            ("2026-05-25T12:00:01Z", 1, Decision::Allow),
            ("2026-05-25T12:00:00Z", 1, Decision::Annotate),
            ("2026-05-25T12:00:00Z", 0, Decision::Annotate),
            ("2026-05-02T12:00:01Z", 10, Decision::Allow),
            ("2026-05-02T12:00:00Z", 10, Decision::Annotate),
        ] {
            let knowledge = vec![known("Go", Some(newest), gap)];
            assert_eq!(
                decision(feeds, knowledge).0,
                wanted,
                "{feeds} {newest} {gap}"
            );
        }
    }
    let old = || vec![known("Go", Some("2026-01-01T00:00:00Z"), 1)];
    assert_eq!(
        decision("  feeds: {}", old()).0,
        Decision::Refuse,
        "absent words"
    );
    assert_eq!(
        decision("  mode: audit\n  feeds: {}", old()).0,
        Decision::Allow
    );
    let set = PolicySet::built_in();
    let report = Report {
        knowledge: old(),
        ..report(vec![], vec![])
    };
    let outcome = decided(&set, IMAGE, &report);
    assert_eq!(
        outcome.decision,
        Decision::Annotate,
        "the built-in policy notes"
    );
    assert_eq!(outcome.reasons[0].rule, RuleId::STALE_FEEDS);
}

#[test]
fn what_is_too_old_is_told_with_its_age_and_what_was_wanted() {
    let message = |feeds: &str, knowledge| {
        let outcome = outcome(feeds, knowledge, FeedStanding::default());
        outcome.reasons[0].message.clone()
    };
    let (go, npm) = (
        || known("Go", Some("2026-03-01T12:00:00Z"), 0),
        || known("npm", Some("2026-02-21T12:00:00Z"), 5),
    );
    assert_eq!(
        message("  feeds: {maxAge: 1d}", vec![go(), npm()]),
        "advisories are too old: the newest on npm is of 2026-02-21T12:00:00Z, 100 days ago (at \
         most 24 h), the newest on Go is of 2026-03-01T12:00:00Z, 92 days ago (at most 24 h)"
    );
    assert!(message("  feeds: {}", vec![go(), npm()]).contains("(at most 15 days)"));
    assert_eq!(
        message("  feeds: {maxAge: 90m}", vec![known("Go", None, 0)]),
        "advisories are too old: none on Go says when it was made"
    );
}

#[test]
fn an_imported_bundle_has_a_time_of_its_own() {
    let at = |text: &str| FeedStanding {
        expires: Some(text.parse().unwrap()),
    };
    let fresh = || vec![known("Debian", Some("2026-06-01T00:00:00Z"), 1)];
    let feeds = "  feeds: {maxAge: 30d, onStale: refuse}";
    let valid = outcome(feeds, fresh(), at("2026-06-01T12:00:01Z"));
    assert_eq!(valid.decision, Decision::Allow);
    assert_eq!(valid.valid_until, at("2026-06-01T12:00:01Z").expires);
    let expired = outcome(feeds, fresh(), at("2026-06-01T12:00:00Z"));
    assert_eq!(expired.decision, Decision::Refuse);
    assert!(
        expired.reasons[0]
            .message
            .contains("expired at 2026-06-01T12:00:00Z")
    );
    let without = outcome("  rules: []", fresh(), at("2026-06-01T12:00:00Z"));
    assert_eq!(without.decision, Decision::Allow, "no rule on age");
}

#[test]
fn a_word_that_is_no_age_is_told_with_both_that_are() {
    let found = mistakes(&policy("  feeds: {maxAge: automatic}"));
    assert_eq!(found.len(), 1);
    assert!(
        found[0].2.contains("7d") && found[0].2.contains("auto"),
        "{found:?}"
    );
}
