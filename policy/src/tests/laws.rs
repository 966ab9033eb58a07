//! Laws that hold for every policy, not only for the built-in one.

use jiff::SignedDuration;
use proptest::prelude::*;
use sluicegate_model::run_config::RunConfig;
use sluicegate_model::signature::Signatures;

use serde_json::json;

use super::vex::{attached, openvex, said};
use super::*;
use crate::{AskedName, Sources};

fn severities() -> impl Strategy<Value = Severity> {
    prop::sample::select(vec![
        Severity::Unknown,
        Severity::Negligible,
        Severity::Low,
        Severity::Medium,
        Severity::High,
        Severity::Critical,
    ])
}

pub(super) fn findings() -> impl Strategy<Value = Vec<Finding>> {
    let day = |days: Option<i64>| days.map(|days| now() - SignedDuration::from_hours(24 * days));
    let times = (prop::option::of(0..90_i64), prop::option::of(0..90_i64));
    let version = prop::sample::select(vec!["1", "3", "7", "new"]);
    let one = (0..5_u8, severities(), any::<[bool; 3]>(), times, version).prop_map(
        move |(id, severity, [fixable, kev, scored], (published, fix_published), version)| {
            let mut finding = finding(&format!("CVE-{id}"), severity, fixable.then_some("9"), kev);
            finding.package.version = version.into();
            finding.cvss = scored.then_some(9.0);
            finding.epss = kev.then_some(0.5);
            finding.published = day(published);
            finding.fix_published = day(fix_published);
            finding
        },
    );
    let licence = super::licences::ids().prop_map(super::licences::licence);
    prop::collection::vec(prop_oneof![4 => one, 1 => licence], 0..6)
}

fn action() -> impl Strategy<Value = &'static str> {
    prop::sample::select(vec!["refuse", "annotate", "allow"])
}

/// Conditions of findings, each with values that hold for some findings and not for others.
const CONDITIONS: [(&str, [&str; 2]); 17] = [
    ("severityAtLeast", ["negligible", "high"]),
    ("severityUnknown", ["true", "false"]),
    ("fixable", ["true", "false"]),
    ("kev", ["true", "false"]),
    ("quieted", ["true", "false"]),
    ("kind", ["vulnerability", "malware"]),
    ("status", ["affected", "not_affected"]),
    ("evidence", ["installed", "cached"]),
    ("epssAtLeast", ["0.1", "0.9"]),
    ("cvssAtLeast", ["1", "9.5"]),
    ("ids", ["CVE-1", "[cve-2, ghsa-cve-3]"]),
    ("olderThan", ["1d", "60d"]),
    ("newerThan", ["1d", "60d"]),
    ("fixAvailableFor", ["1d", "60d"]),
    (
        "package",
        [
            "'pkg:maven/**'",
            "{purl: 'pkg:maven/**', vers: 'vers:maven/>=2|<5'}",
        ],
    ),
    ("ecosystem", ["Maven", "npm"]),
    ("path", ["'app/**'", "opt/x"]),
];

/// What rules ask of licences.
const LICENCES: [&str; 5] = [
    "when: {kind: licence}",
    "when: {licence: ['GPL-*', unknown]}",
    "when: {licence: ISC, path: 'app/**'}",
    "when: {kind: licence}, unless: {licence: [MIT, ISC]}",
    "when: {licence: 'GPL-*'}, unless: {licence: GPL-2.0-only WITH Classpath-exception-2.0}",
];

/// Conditions of images, without those that only requests have.
const OF_IMAGES: [(&str, [&str; 2]); 9] = [
    ("repositories", ["['docker.io/**']", "['quay.io/**']"]),
    ("createdBefore", ["2026-01-01", "1d"]),
    ("user", ["root", "root"]),
    ("labels", ["{team: x}", "{team: '**'}"]),
    ("firstSeenWithin", ["1d", "60d"]),
    ("gap", ["no-feed", "[os-forged, no-feed]"]),
    ("signedBy", [signed::quoted!(one), signed::quoted!(other)]),
    (
        "attestedBy",
        [
            concat!("{type: spdx, keys: ", signed::quoted!(one), "}"),
            concat!(
                "{type: 'https://x.test/y', keys: ",
                signed::quoted!(other),
                "}"
            ),
        ],
    ),
    (
        "unless",
        [
            "{repositories: ['docker.io/**']}",
            concat!("{signedBy: ", signed::quoted!(one), "}"),
        ],
    ),
];

/// Makes a block of some of these.
fn block(
    of: &'static [(&'static str, [&'static str; 2])],
    at_least: usize,
) -> impl Strategy<Value = String> {
    let some = prop::sample::subsequence(of, at_least..=at_least + 2);
    (some, prop::collection::vec(any::<bool>(), 4)).prop_map(|(conditions, which)| {
        let conditions = conditions.iter().zip(which);
        let conditions = conditions
            .map(|((key, values), second)| format!("{key}: {}", values[usize::from(second)]));
        format!("{{{}}}", conditions.collect::<Vec<_>>().join(", "))
    })
}

/// Makes what a rule is about: findings, an image, or both.
fn condition() -> impl Strategy<Value = String> {
    prop_oneof![
        block(&CONDITIONS, 0).prop_map(|when| format!("when: {when}")),
        block(&CONDITIONS, 1).prop_map(|unless| format!("unless: {unless}")),
        prop::sample::select(&LICENCES[..]).prop_map(str::to_owned),
        block(&OF_IMAGES, 1).prop_map(|image| format!("image: {image}")),
        (
            block(&CONDITIONS, 0),
            block(&CONDITIONS, 1),
            block(&OF_IMAGES, 1)
        )
            .prop_map(|(when, unless, image)| format!(
                "when: {when}, unless: {unless}, image: {image}"
            )),
    ]
}

/// Makes a policy; one in two lists what is allowed.
pub(super) fn any_policy(name: &'static str) -> impl Strategy<Value = String> {
    let mode = prop::sample::select(vec!["enforce", "annotate", "audit"]);
    let rules = prop::collection::vec((condition(), action()), 0..4);
    let list = prop::option::of(prop::collection::vec(block(&OF_IMAGES, 1), 0..3));
    (mode, action(), action(), rules, list).prop_map(
        move |(mode, partial, unscannable, rules, list)| {
            let default = if list.is_some() { "refuse" } else { "allow" };
            let list = list.unwrap_or_default().into_iter();
            let list = list.map(|image| (format!("image: {image}"), "allow"));
            // What a list of what is allowed says of findings can only be stricter.
            let is_kept = |(_, action): &(String, &str)| default == "allow" || *action != "allow";
            let rules = rules.into_iter().filter(is_kept).chain(list).enumerate();
            let rules: Vec<String> = rules
                .map(|(at, (when, action))| format!("{{id: r{at}, {when}, action: {action}}}"))
                .collect();
            format!(
                "---\napiVersion: sluicegate/v1\nkind: Policy\nmetadata: {{name: {name}}}\nspec:\n  \
                 mode: {mode}\n  default: {default}\n  \
                 onInconclusive: {{partial: {partial}, unscannable: {unscannable}}}\n  \
                 rules: [{}]\n",
                rules.join(", ")
            )
        },
    )
}

/// What is said of an image by its author and by us, or by nobody.
#[derive(Clone, Debug)]
pub(super) struct Said {
    pub(super) created: Option<Timestamp>,
    pub(super) run: Option<RunConfig>,
    pub(super) first_seen: Option<Timestamp>,
    pub(super) signatures: Option<Signatures>,
}

const NOTHING: Said = Said {
    created: None,
    run: None,
    first_seen: None,
    signatures: None,
};

pub(super) fn said_of_image() -> impl Strategy<Value = Said> {
    let day = |days: Option<i64>| days.map(|days| now() - SignedDuration::from_hours(24 * days));
    let times = (prop::option::of(0..90_i64), prop::option::of(0..90_i64));
    let signed = prop::option::of(any::<[bool; 3]>());
    let root = prop::option::of(any::<bool>());
    (times, root, signed).prop_map(move |((created, seen), root, signed)| Said {
        signatures: signed.map(signed::signatures),
        created: day(created),
        run: root.map(|root| RunConfig {
            user: if root { "0" } else { "app" }.to_owned(),
            labels: [("team".to_owned(), "x".to_owned())].into(),
        }),
        first_seen: day(seen),
    })
}

pub(super) fn decided_on(set: &PolicySet, said: &Said, report: &Report) -> Outcome {
    let scope = scope(IMAGE);
    let subject = Subject {
        scope: &scope,
        digest: &DIGEST,
        content: Content::Image,
        created: said.created,
        run: said.run.as_ref(),
        first_seen: said.first_seen,
        graces: &[],
        signatures: said.signatures.as_ref(),
    };
    let standing = FeedStanding::default();
    decide(set, &subject, report.clone(), &standing, by_number, now())
}

/// Says something of the first weaknesses, by one of two authors at one of three times.
fn vex_files() -> impl Strategy<Value = Vec<(String, String)>> {
    let status = prop::sample::select(vec![
        "not_affected",
        "fixed",
        "affected",
        "under_investigation",
    ]);
    let product = prop::sample::select(vec![
        "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1",
        "pkg:maven/org.apache.logging.log4j/log4j-core",
        "pkg:maven/org.apache.logging.log4j/log4j-core?vers=vers:maven/<5",
        "pkg:maven/org.apache.logging.log4j/log4j-core?classifier=x",
        "pkg:oci/app@DIGEST",
        "urn:x",
    ]);
    let statement = (0..4_u8, status, product, 0..3_u8).prop_map(|(id, status, product, day)| {
        let product = product.replace("DIGEST", DIGEST.as_str());
        let (vulnerability, timestamp) = (format!("CVE-{id}"), format!("2026-06-0{day}T00:00:00Z"));
        let timestamp = timestamp.replace("06-00", "05-31");
        said(
            status,
            &json!({"vulnerability": vulnerability, "products": [product], "timestamp": timestamp}),
        )
    });
    let statements = prop::collection::vec(statement, 0..4);
    let file = (prop::sample::select(vec!["a", "b"]), statements);
    prop::collection::vec(file, 0..4).prop_map(|files| {
        let files = files.iter().enumerate();
        files
            .map(|(at, (author, statements))| {
                (format!("{at}.json"), openvex(author, &json!(statements)))
            })
            .collect()
    })
}

/// Has a policy believe files.
fn believes(policy: &str, files: &[(String, String)]) -> String {
    let paths: Vec<&str> = files.iter().map(|(path, _)| path.as_str()).collect();
    policy.replacen(
        "spec:\n",
        &format!("spec:\n  vex: [{}]\n", paths.join(", ")),
        1,
    )
}

fn set_of(text: &str, files: &[(String, String)]) -> PolicySet {
    let files: Vec<(&str, String)> = files
        .iter()
        .map(|(path, text)| (path.as_str(), text.clone()))
        .collect();
    vex::load(text, &files).unwrap()
}

fn exception_until(day: &str) -> String {
    format!("---\n{}", exception("").replace("2026-06-30", day))
}

proptest! {
    #[test]
    fn more_findings_never_loosen_a_decision(some in findings(), more in findings()) {
        let set = PolicySet::built_in();
        let fewer = decided(&set, IMAGE, &report(some.clone(), vec![])).decision;
        let all = [some, more].concat();
        prop_assert!(decided(&set, IMAGE, &report(all, vec![])).decision >= fewer);
    }

    #[test]
    fn an_exception_never_tightens_a_decision(some in findings()) {
        let report = report(some, vec![]);
        let without = decided(&PolicySet::built_in(), IMAGE, &report).decision;
        let with = decided(&set(&exception("")), IMAGE, &report).decision;
        prop_assert!(with <= without);
    }

    #[test]
    fn unknown_severity_satisfies_no_threshold(kev in any::<bool>()) {
        let text = policy("  rules: [{id: r, when: {severityAtLeast: negligible}, action: refuse}]");
        let unknown = report(vec![finding("CVE-1", Severity::Unknown, Some("2"), kev)], vec![]);
        prop_assert_eq!(decided(&set(&text), IMAGE, &unknown).decision, Decision::Allow);
    }

    #[test]
    fn more_findings_never_loosen_any_policy(
        text in any_policy("p"), some in findings(), more in findings(),
    ) {
        let set = set(&text);
        let fewer = decided(&set, IMAGE, &report(some.clone(), vec![])).decision;
        let all = [some, more].concat();
        prop_assert!(decided(&set, IMAGE, &report(all, vec![])).decision >= fewer);
    }

    #[test]
    fn one_more_policy_never_loosens_a_decision(
        one in any_policy("p"), other in any_policy("q"), some in findings(),
    ) {
        let report = report(some, vec![Gap::partial(GapKind::NoFeed, "x")]);
        let alone = decided(&set(&one), IMAGE, &report).decision;
        let both = decided(&set(&format!("{one}{other}")), IMAGE, &report);
        prop_assert!(both.decision >= alone);
        prop_assert_eq!(both.policy.name, "p+q");
    }

    #[test]
    fn an_exception_never_tightens_any_policy(text in any_policy("p"), some in findings()) {
        let report = report(some, vec![]);
        let without = decided(&set(&text), IMAGE, &report).decision;
        let with = set(&[text, exception_until("2026-06-30")].concat());
        prop_assert!(decided(&with, IMAGE, &report).decision <= without);
    }

    #[test]
    fn an_expired_exception_has_no_effect(text in any_policy("p"), some in findings()) {
        let report = report(some, vec![]);
        let without = decided(&set(&text), IMAGE, &report);
        let with = decided(&set(&[text, exception_until("2026-05-31")].concat()), IMAGE, &report);
        prop_assert_eq!(with.decision, without.decision);
        prop_assert_eq!(with.reasons, without.reasons);
        prop_assert_eq!(with.report.findings, without.report.findings);
        prop_assert_eq!(with.valid_until, without.valid_until);
    }

    #[test]
    fn what_is_not_known_of_an_image_never_loosens_a_decision(
        text in any_policy("p"), said in said_of_image(), some in findings(),
    ) {
        let (set, report) = (set(&text), report(some, vec![]));
        let known = decided_on(&set, &said, &report).decision;
        for unknown in [
            NOTHING,
            Said { created: None, ..said.clone() },
            Said { run: None, ..said.clone() },
            Said { first_seen: None, ..said.clone() },
            Said { signatures: None, ..said.clone() },
            Said { signatures: said.signatures.clone().map(signed::in_part), ..said.clone() },
        ] {
            prop_assert!(decided_on(&set, &unknown, &report).decision >= known);
        }
    }

    #[test]
    fn nobody_is_refused_by_a_name_who_is_allowed_by_the_verdict(
        one in any_policy("p"), other in any_policy("q"), said in said_of_image(), some in findings(),
    ) {
        let set = set(&format!("{one}{other}"));
        if set.refuses_name(&scope(IMAGE), None, now()).is_some() {
            let outcome = decided_on(&set, &said, &report(some, vec![]));
            prop_assert_eq!(outcome.decision, Decision::Refuse);
        }
    }

    #[test]
    fn under_audit_nothing_is_refused(
        text in any_policy("p"), said in said_of_image(), some in findings(), tag in "[a-z0-9]{1,8}",
    ) {
        let audited = ["enforce", "annotate"].iter().fold(text, |text, mode| {
            text.replace(&format!("mode: {mode}"), "mode: audit")
        });
        let (set, tag) = (set(&audited), tag.parse().unwrap());
        let gaps = vec![Gap::fatal(GapKind::OsUnknown, "x")];
        let outcome = decided_on(&set, &said, &report(some, gaps));
        prop_assert_eq!(outcome.decision, Decision::Allow);
        for name in [None, Some(AskedName::Tag(&tag)), Some(AskedName::Digest { digest: &DIGEST, was_led_to: false })] {
            prop_assert_eq!(set.refuses_name(&scope(IMAGE), name, now()), None);
        }
    }

    #[test]
    fn what_authors_say_never_tightens_any_policy(
        text in any_policy("p"), files in vex_files(), some in findings(),
    ) {
        let report = report(some, vec![]);
        let without = decided(&set(&text), IMAGE, &report);
        let with = decided(&set_of(&believes(&text, &files), &files), IMAGE, &report);
        prop_assert!(with.decision <= without.decision);
        // Every finding is still there, and says who quiets it.
        prop_assert_eq!(with.report.findings.len(), without.report.findings.len());
        if with.decision < without.decision {
            prop_assert!(!with.allowed_by.is_empty());
        }
        let is_quieted = |finding: &Finding| !finding.vex.is_empty();
        if !with.report.findings.iter().any(is_quieted) {
            prop_assert_eq!(with.reasons, without.reasons);
        }
    }

    #[test]
    fn what_is_said_for_one_policy_changes_no_other(
        one in any_policy("p"), other in any_policy("q"), files in vex_files(), some in findings(),
    ) {
        let report = report(some, vec![]);
        let alone = decided(&set(&other), IMAGE, &report).decision;
        let both = format!("{}{other}", believes(&one, &files));
        prop_assert!(decided(&set_of(&both, &files), IMAGE, &report).decision >= alone);
    }

    #[test]
    fn the_order_of_files_never_matters(
        one in any_policy("p"), other in any_policy("q"), said in said_of_image(), some in findings(),
        vex in vex_files(),
    ) {
        let file = |name: &str, text: &str| SourceFile { name: name.into(), text: text.into() };
        let mut vex_backwards = vex.clone();
        vex_backwards.reverse();
        let mut files = vec![
            file("a.yaml", &believes(&one, &vex)),
            file("b.yaml", &believes(&other, &vex_backwards)),
            file("c.yaml", &exception_until("2026-06-30")),
            file("d.yaml", &exception_until("2026-07-30").replace("name: e", "name: d")),
            file(".trivyignore", "CVE-2\nCVE-3 exp:2026-06-02\n"),
            file("x/.trivyignore", "CVE-2 exp:2026-08-02\n"),
        ];
        let report = report(some, vec![]);
        let by = ["a.yaml", "b.yaml"].into_iter();
        let mut named: Vec<_> = by
            .flat_map(|by| vex.iter().map(move |(path, text)| attached(by, path, text)))
            .collect();
        let forwards = PolicySet::load(&Sources { files: &files, attached: &named, now: now() }).unwrap();
        files.reverse();
        named.reverse();
        let backwards = PolicySet::load(&Sources { files: &files, attached: &named, now: now() }).unwrap();
        prop_assert_eq!(forwards.digest_for(&scope(IMAGE)), backwards.digest_for(&scope(IMAGE)));
        let (one, other) = (
            decided_on(&forwards, &said, &report),
            decided_on(&backwards, &said, &report),
        );
        prop_assert_eq!(one.decision, other.decision);
        prop_assert_eq!(one.reasons, other.reasons);
        prop_assert_eq!(one.allowed_by, other.allowed_by);
        prop_assert_eq!(one.valid_until, other.valid_until);
        prop_assert_eq!(one.report, other.report);
    }

    #[test]
    fn the_decision_is_never_stricter_than_what_was_asked(text in any_policy("p"), some in findings()) {
        let outcome = decided(&set(&text), IMAGE, &report(some, vec![]));
        let asked = outcome.reasons.iter().map(|reason| reason.action).max();
        prop_assert!(outcome.decision <= asked.unwrap_or(Decision::Allow));
    }

    #[test]
    fn no_text_makes_the_reader_panic(text in "(apiVersion|kind|spec|rules|when|[-:{}\\[\\]'&*!|> \n]|sluicegate/v1|Policy){0,40}") {
        let file = SourceFile { name: "x.yaml".into(), text };
        if let Err(errors) = PolicySet::parse(&[file]) {
            prop_assert!(!errors.0.is_empty());
        }
    }
}

#[test]
fn a_verdict_holds_until_its_first_exception_ends() {
    let bad = report(vec![finding("CVE-1", Severity::Low, None, true)], vec![]);
    let later = exception_until("2026-07-15").replace("name: e", "name: later");
    let text = [policy("  rules: []"), later, exception_until("2026-06-10")].concat();
    let outcome = decided(&set(&text), IMAGE, &bad);
    assert_eq!(
        outcome.valid_until,
        Some("2026-06-11T00:00:00Z".parse().unwrap())
    );
}
