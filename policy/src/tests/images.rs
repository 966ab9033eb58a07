//! Conditions on images, which judge without a finding.

use std::collections::BTreeMap;

use sluicegate_model::run_config::RunConfig;

use super::*;

/// What is known of an image, as tests set it.
#[derive(Clone, Default)]
struct Built {
    created: Option<&'static str>,
    user: Option<&'static str>,
    first_seen: Option<&'static str>,
    artifact: bool,
}

fn outcome(spec: &str, built: &Built, report: &Report) -> Outcome {
    let at = |time: Option<&str>| time.map(|time| time.parse().unwrap());
    let labels = [("maintainer", "a@corp.example"), ("team", "shop/web")];
    let labels = labels.map(|(name, value)| (name.to_owned(), value.to_owned()));
    let run = built.user.map(|user| RunConfig {
        user: user.to_owned(),
        labels: BTreeMap::from(labels),
    });
    let scope = scope(IMAGE);
    let subject = Subject {
        scope: &scope,
        digest: &DIGEST,
        content: if built.artifact {
            Content::Artifact(ArtifactKind::Signature)
        } else {
            Content::Image
        },
        created: at(built.created),
        run: run.as_ref(),
        first_seen: at(built.first_seen),
        graces: &[],
        signatures: None,
    };
    let standing = FeedStanding::default();
    decide(
        &set(&policy(spec)),
        &subject,
        report.clone(),
        &standing,
        by_number,
        now(),
    )
}

/// Tells whether a rule on images refuses one.
fn refuses(image: &str, built: &Built) -> bool {
    let spec = format!("  rules: [{{id: r, image: {image}, action: refuse}}]");
    outcome(&spec, built, &report(vec![], vec![])).decision == Decision::Refuse
}

/// Tells whether a list of what is allowed has an image on it.
fn lists(image: &str, built: &Built) -> bool {
    let spec = format!("  default: refuse\n  rules: [{{id: r, image: {image}, action: allow}}]");
    outcome(&spec, built, &report(vec![], vec![])).decision == Decision::Allow
}

#[test]
fn what_an_image_says_of_itself_is_held_against_what_is_asked() {
    let built = Built {
        created: Some("2026-01-31T12:00:00Z"),
        user: Some("app"),
        ..Built::default()
    };
    let root = Built {
        user: Some(""),
        ..built.clone()
    };
    for (image, built, wanted) in [
        ("{createdBefore: 2026-02-01}", &built, true),
        ("{createdBefore: 2026-01-31}", &built, false),
        ("{createdBefore: '2026-01-31T12:00:01Z'}", &built, true),
        ("{createdBefore: 120d}", &built, true),
        ("{createdBefore: 122d}", &built, false),
        ("{user: root}", &built, false),
        ("{user: root}", &root, true),
        ("{labels: {team: 'shop/*'}}", &built, true),
        ("{labels: {team: 'shop/*', maintainer: b@*}}", &built, false),
        ("{labels: {vendor: '**'}}", &built, false),
        ("{user: root, createdBefore: 2026-02-01}", &built, false),
        ("{unless: {labels: {vendor: '**'}}}", &built, true),
        ("{unless: {labels: {team: '**'}}}", &built, false),
    ] {
        assert_eq!(refuses(image, built), wanted, "{image}");
        assert_eq!(lists(image, built), wanted, "{image} as a list");
    }
}

#[test]
fn what_is_not_known_is_refused_and_on_no_list() {
    let unknown = Built::default();
    let to_come = Built {
        created: Some("2099-01-01T00:00:00Z"),
        ..unknown.clone()
    };
    for (image, built) in [
        ("{createdBefore: 2020-01-01}", &unknown),
        ("{createdBefore: 2020-01-01}", &to_come),
        ("{user: root}", &unknown),
        ("{unless: {user: root}}", &unknown),
        ("{labels: {team: x}}", &unknown),
        ("{firstSeenWithin: 1d}", &unknown),
        ("{unless: {firstSeenWithin: 1d}}", &unknown),
    ] {
        assert!(refuses(image, built), "{image}");
        assert!(!lists(image, built), "{image}");
    }
}

#[test]
fn what_nobody_runs_has_no_user_no_label_and_no_age() {
    let artifact = Built {
        artifact: true,
        ..Built::default()
    };
    for image in [
        "{user: root}",
        "{unless: {user: root}}",
        "{createdBefore: 2099-01-01}",
        "{unless: {labels: {team: x}}}",
    ] {
        assert!(!refuses(image, &artifact), "{image}");
        assert!(!lists(image, &artifact), "{image}");
    }
    assert!(refuses("{firstSeenWithin: 1d}", &artifact));
}

#[test]
fn a_digest_cools_down_and_its_verdict_ends_when_it_has() {
    let spec = "  rules: [{id: cooldown, image: {firstSeenWithin: 3d}, action: refuse}]";
    let seen = |first_seen| Built {
        first_seen: Some(first_seen),
        ..Built::default()
    };
    let clean = report(vec![], vec![]);
    let fresh = outcome(spec, &seen("2026-05-31T12:00:00Z"), &clean);
    assert_eq!(fresh.decision, Decision::Refuse);
    assert_eq!(
        fresh.valid_until,
        Some("2026-06-03T12:00:00Z".parse().unwrap())
    );
    assert_eq!(
        fresh.reasons[0].message,
        "the image was first seen here less than 3 days ago"
    );
    let settled = outcome(spec, &seen("2026-05-29T12:00:00Z"), &clean);
    assert_eq!(
        (settled.decision, settled.valid_until),
        (Decision::Allow, None)
    );
    let old = "  rules: [{id: r, image: {createdBefore: 180d}, action: annotate}]";
    let built = Built {
        created: Some("2026-01-01T00:00:00Z"),
        ..Built::default()
    };
    let aging = outcome(old, &built, &clean);
    assert_eq!(
        aging.valid_until,
        Some("2026-06-30T00:00:00Z".parse().unwrap())
    );
}

#[test]
fn a_gap_is_refused_by_its_kind_whatever_gaps_mean_otherwise() {
    let spec = "  onInconclusive: annotate\n  \
                rules: [{id: r, image: {gap: [no-feed, os-forged]}, action: refuse}]";
    for (gap, wanted) in [
        (Gap::partial(GapKind::NoFeed, "x"), Decision::Refuse),
        (Gap::fatal(GapKind::OsUnknown, "x"), Decision::Annotate),
    ] {
        let found = outcome(spec, &Built::default(), &report(vec![], vec![gap]));
        assert_eq!(found.decision, wanted);
    }
}

#[test]
fn a_rule_with_findings_means_them_in_such_images_alone() {
    let spec = "  rules: [{id: r, when: {kev: true}, image: {user: root}, action: refuse}]";
    let exploited = report(vec![finding("CVE-1", Severity::Low, None, true)], vec![]);
    for (user, findings, wanted) in [
        ("root", &exploited, Decision::Refuse),
        ("app", &exploited, Decision::Allow),
        ("root", &report(vec![], vec![]), Decision::Allow),
    ] {
        let built = Built {
            user: Some(user),
            ..Built::default()
        };
        assert_eq!(outcome(spec, &built, findings).decision, wanted, "{user}");
    }
}

#[test]
fn what_cannot_be_meant_is_refused_where_it_stands() {
    for (rule, part) in [
        ("image: {}, action: refuse", "at least one condition"),
        (
            "image: {unless: {}}, action: refuse",
            "at least one condition",
        ),
        ("image: {user: app}, action: refuse", "one of root"),
        ("image: {createdBefore: soon}, action: refuse", "a date"),
        ("image: {labels: {}}, action: refuse", "at least one label"),
        ("image: {gap: odd}, action: refuse", "no gap is of the kind"),
        ("image: {signedBy: x}, action: refuse", "is not there"),
        ("image: {signedBy: []}, action: refuse", "at least one"),
        ("image: {attestedBy: x}, action: refuse", "a mapping"),
        (
            "image: {user: root}, action: refuse, message: 'fix {id}'",
            "no finding",
        ),
        (
            "image: {tags: x, user: root}, action: refuse",
            "before anything is fetched",
        ),
        (
            "image: {tags: x}, when: {kev: true}, action: refuse",
            "before anything is fetched",
        ),
        ("image: {tags: x}, action: annotate", "nothing yet"),
        ("image: {tags: []}, action: refuse", "a tag"),
        (
            "image: {repositories: [nginx]}, action: refuse",
            "canonical",
        ),
    ] {
        let text = policy(&format!("  rules:\n    - {{id: r, {rule}}}"));
        let found = mistakes(&text);
        assert_eq!((found.len(), found[0].0), (1, 6), "{rule}: {found:?}");
        assert!(found[0].2.contains(part), "{rule}: {found:?}");
    }
}
