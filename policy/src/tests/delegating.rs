//! What a delegated directory may say, and that nothing there reaches past its bounds.

use jiff::SignedDuration;
use proptest::prelude::*;

use super::*;
use crate::{LoadErrors, Sources, exceptions};

const DELEGATION: &str = "apiVersion: sluicegate/v1
kind: Delegation
metadata: {name: shop}
spec:
  directory: teams/shop
  repositories: [\"docker.io/shop/**\", \"quay.io/shop/*\"]
  maxExceptionLife: 90d
";

fn document(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: sluicegate/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"
    )
}

fn load(files: &[(&str, String)]) -> Result<PolicySet, LoadErrors> {
    let files: Vec<SourceFile> = sources(files);
    PolicySet::load(&Sources {
        files: &files,
        attached: &[],
        now: now(),
    })
}

fn sources(files: &[(&str, String)]) -> Vec<SourceFile> {
    let files = files.iter().map(|(name, text)| SourceFile {
        name: format!("./policies/{name}"),
        text: text.clone(),
    });
    files.collect()
}

/// Tells what is wrong with a file of the team.
fn told(name: &str, text: &str) -> String {
    let files = [("d.yaml", DELEGATION.to_owned()), (name, text.to_owned())];
    load(&files).map_or_else(|errors| errors.to_string(), |_| String::new())
}

fn excepted(images: &str, end: &str) -> String {
    let spec = format!("{{id: CVE-1, {images}statement: x, expiresAt: {end}}}");
    document("Exception", "e", &spec)
}

#[test]
fn an_exception_names_images_of_the_team_and_ends_soon_enough() {
    let own = "images: [docker.io/shop/app], ";
    for (images, end, wanted) in [
        (own, "2026-08-30", ""),
        ("images: ['docker.io/shop/**'], ", "2026-08-30", ""),
        ("images: ['quay.io/shop/a*'], ", "2026-08-30", ""),
        (
            own,
            "2026-08-31",
            "5:74: delegation \"shop\" lets an exception live for 90d from today",
        ),
        (
            "images: ['docker.io/**'], ",
            "2026-08-30",
            "5:28: delegation \"shop\" reaches docker.io/shop/**, quay.io/shop/* and not all of \"docker.io/**\"",
        ),
        (
            "images: ['quay.io/shop/**'], ",
            "2026-08-30",
            "and not all of \"quay.io/shop/**\"",
        ),
        (
            "images: [docker.io/shop/app, docker.io/library/php], ",
            "2026-08-30",
            "5:48: delegation",
        ),
        (
            "",
            "2026-08-30",
            "5:7: \"images\" is missing, which delegation \"shop\" wants",
        ),
    ] {
        let found = told("teams/shop/x/e.yaml", &excepted(images, end));
        assert!(found.contains(wanted), "{images}{end}: {found}");
        assert_eq!(
            found.is_empty(),
            wanted.is_empty(),
            "{images}{end}: {found}"
        );
        // Elsewhere all of it is the platform's to say.
        assert_eq!(told("teams/shop2/e.yaml", &excepted(images, end)), "");
    }
    let far = excepted(own, "2026-08-30");
    assert!(
        PolicySet::parse(&sources(&[
            ("d.yaml", DELEGATION.to_owned()),
            ("teams/shop/e.yaml", far)
        ]))
        .is_err()
    );
}

#[test]
fn one_that_need_not_name_images_is_on_those_of_the_team() {
    let files = [
        ("d.yaml", format!("{DELEGATION}  imagesRequired: false\n")),
        ("teams/shop/e.yaml", excepted("", "2026-08-30")),
    ];
    let set = load(&files).unwrap();
    let bad = report(vec![finding("CVE-1", Severity::Low, None, true)], vec![]);
    for (image, wanted) in [
        ("docker.io/shop/app", Decision::Allow),
        (IMAGE, Decision::Refuse),
    ] {
        assert_eq!(decided(&set, image, &bad).decision, wanted, "{image}");
    }
    let listed = exceptions(&sources(&files));
    assert_eq!(listed[0].images, ["docker.io/shop/**", "quay.io/shop/*"]);
}

#[test]
fn what_reaches_past_the_directory_is_a_mistake_with_its_place() {
    let bound = document(
        "Binding",
        "b",
        "{policy: p, repositories: ['docker.io/shop/**']}",
    );
    let policy = document("Policy", "p", "{mode: audit}");
    for (text, wanted) in [
        (format!("{policy}{bound}"), ""),
        (
            policy.clone(),
            "4:18: no binding names policy \"p\": it would cover every image",
        ),
        (
            format!("{policy}{}", bound.replace("shop/**", "**")),
            "delegation \"shop\" reaches docker.io/shop/**",
        ),
        (
            format!(
                "{policy}{}",
                bound.replace("repositories", "clients: ['key:*'], repositories")
            ),
            "clients: delegation \"shop\" reaches repositories, and no askers",
        ),
        (
            format!("{policy}{bound}")
                .replace("name: p", "name: default")
                .replace("policy: p", "policy: default"),
            "4:18: delegation \"shop\" does not reach the built-in policy",
        ),
        (
            DELEGATION.replace("name: shop", "name: sub"),
            "2:7: delegation \"shop\" hands this directory out",
        ),
    ] {
        let found = told("teams/shop/p.yaml", &text);
        assert!(found.contains(wanted), "{text}{found}");
        assert_eq!(found.is_empty(), wanted.is_empty(), "{found}");
    }
    let ignore = "a .trivyignore is on every image, which is beyond delegation \"shop\"";
    for (name, text) in [
        ("teams/shop/.trivyignore", "CVE-1\n"),
        (
            "teams/shop/a.trivyignore.yaml",
            "vulnerabilities: [{id: CVE-1}]\n",
        ),
    ] {
        let found = told(name, text);
        assert!(found.contains(&format!("{name}:1:1: {ignore}")), "{found}");
    }
    assert_eq!(told("teams/shop/.trivyignore", "# none\n"), "");
}

#[test]
fn only_the_directory_binds_its_policies_and_each_is_handed_out_once() {
    let policy = document("Policy", "p", "{mode: audit}");
    let bound = |name: &str| {
        document(
            "Binding",
            name,
            "{policy: p, repositories: ['docker.io/shop/**']}",
        )
    };
    let files = [
        ("d.yaml", format!("{DELEGATION}{}", bound("a"))),
        ("teams/shop/p.yaml", format!("{policy}{}", bound("b"))),
    ];
    let found = load(&files).unwrap_err().to_string();
    assert!(
        found.contains("policy \"p\" lies in the directory of delegation \"shop\", and only a binding there names it"),
        "{found}"
    );
    for directory in ["teams/shop", "teams/shop/x"] {
        let other = DELEGATION
            .replace("name: shop", "name: other")
            .replace("teams/shop", directory);
        let files = [("d.yaml", DELEGATION.to_owned()), ("e.yaml", other)];
        let found = load(&files).unwrap_err().to_string();
        assert!(
            found.contains("5:14: delegation \"shop\" holds this directory already"),
            "{found}"
        );
    }
}

#[test]
fn a_delegation_says_what_it_hands_out() {
    for (from, to, wanted) in [
        (
            "directory: teams/shop",
            "directory: ../shop",
            "5:14: wanted a path below",
        ),
        ("  directory: teams/shop\n", "", "\"directory\" is missing"),
        (
            "  maxExceptionLife: 90d\n",
            "",
            "\"maxExceptionLife\" is missing",
        ),
        ("90d", "soon", "7:21: \"soon\" is no duration"),
        ("docker.io/shop/**", "shop", "6:18: wanted a canonical name"),
        (
            "[\"docker.io/shop/**\", \"quay.io/shop/*\"]",
            "[]",
            "6:17: wanted at least one repository",
        ),
        (
            "maxExceptionLife: 90d",
            "maxExceptionLife: 90d\n  imagesRequired: maybe",
            "8:19: wanted true or false",
        ),
        (
            "directory:",
            "dir: x\n  directory:",
            "5:3: unknown key \"dir\"",
        ),
    ] {
        let text = DELEGATION.replace(from, to);
        let found = load(&[("d.yaml", text)]).unwrap_err().to_string();
        assert!(found.contains(wanted), "{found}");
    }
    let set = load(&[("d.yaml", DELEGATION.to_owned())]).unwrap();
    let named = |repository: &str| {
        let documents = set.documents_for(&scope(repository)).into_iter();
        documents.map(|it| it.kind).collect::<Vec<_>>()
    };
    assert_eq!(named("docker.io/shop/app"), ["policy", "delegation"]);
    assert_eq!(named(IMAGE), ["policy"]);
}

/// Files that a team may write: of some the set is refused, and those say nothing.
fn teams_files() -> impl Strategy<Value = Vec<String>> {
    let repositories = prop::sample::select(vec![
        "docker.io/shop/**",
        "docker.io/shop/app",
        "docker.io/**",
        "**/app",
        "quay.io/shop/*",
        "docker.io/library/app",
    ]);
    let name = prop::sample::select(vec!["own", "p", "default", "q"]);
    let mode = prop::sample::select(vec!["enforce", "annotate", "audit"]);
    let rules = prop::sample::select(vec![
        "[]",
        "[{id: r, when: {severityAtLeast: low}, action: refuse}]",
        "[{id: r, image: {user: root}, action: refuse}]",
    ]);
    let policy =
        (name.clone(), mode, rules, any::<bool>()).prop_map(|(name, mode, rules, listed)| {
            let default = if listed { "refuse" } else { "allow" };
            let spec = format!(
                "{{mode: {mode}, default: {default}, onInconclusive: allow, rules: {rules}}}"
            );
            document("Policy", name, &spec)
        });
    let binding = (0..9_u8, name, repositories.clone()).prop_map(|(at, name, repository)| {
        let spec = format!("{{policy: {name}, repositories: ['{repository}']}}");
        document("Binding", &format!("b{at}"), &spec)
    });
    let exception = (0..9_u8, 0..4_u8, prop::option::of(repositories), 0..120_i64).prop_map(
        |(at, id, repository, days)| {
            let images = repository.map(|it| format!("images: ['{it}'], "));
            let end = now() + SignedDuration::from_hours(24 * days);
            let spec = format!(
                "{{id: CVE-{id}, {}statement: x, expiresAt: {end}}}",
                images.unwrap_or_default()
            );
            document("Exception", &format!("e{at}"), &spec)
        },
    );
    let file = prop_oneof![2 => policy, 3 => binding, 2 => exception];
    prop::collection::vec(file, 1..5)
}

/// What the platform says, bound or not.
fn platform() -> impl Strategy<Value = String> {
    let policy =
        "{mode: MODE, onInconclusive: allow, rules: [{id: r, when: {kev: true}, action: refuse}]}";
    let mode = prop::sample::select(vec!["enforce", "audit"]);
    let bound = prop::option::of(prop::sample::select(vec![
        "docker.io/shop/**",
        "docker.io/library/**",
        "**",
    ]));
    prop::option::of((mode, bound)).prop_map(move |said| {
        let Some((mode, bound)) = said else {
            return String::new();
        };
        let policy = document("Policy", "p", &policy.replace("MODE", mode));
        let bound = bound.map(|to| {
            document(
                "Binding",
                "platform",
                &format!("{{policy: p, repositories: ['{to}']}}"),
            )
        });
        format!("{policy}{}", bound.unwrap_or_default())
    })
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(2_000))]

    #[test]
    fn a_delegated_file_never_reaches_past_its_bounds(
        platform in platform(),
        team in teams_files(),
        severity in prop::sample::select(vec![Severity::Low, Severity::Critical]),
        kev in any::<bool>(),
        gap in any::<bool>(),
    ) {
        let delegation = format!("{DELEGATION}  imagesRequired: false\n");
        let files = [("d.yaml", delegation), ("p.yaml", platform)];
        let without = load(&files).unwrap();
        let team: Vec<(String, String)> = team
            .into_iter()
            .enumerate()
            .map(|(at, text)| (format!("teams/shop/{at}.yaml"), text))
            .collect();
        let added = team.iter().map(|(name, text)| (name.as_str(), text.clone()));
        let all: Vec<(&str, String)> = files.iter().cloned().chain(added).collect();
        // What is refused says nothing.
        let Ok(with) = load(&all) else {
            return Ok(());
        };
        let gaps = if gap { vec![Gap::fatal(GapKind::OsUnknown, "x")] } else { vec![] };
        let found = report(vec![finding("CVE-1", severity, Some("2"), kev)], gaps);
        for repository in ["docker.io/library/app", "docker.io/other/app", "quay.io/shop/a/b"] {
            let (before, after) = (decided(&without, repository, &found), decided(&with, repository, &found));
            prop_assert_eq!(before.decision, after.decision);
            prop_assert_eq!(before.reasons, after.reasons);
            prop_assert_eq!(before.policy, after.policy);
            prop_assert_eq!(
                without.refuses_name(&scope(repository), None, now()),
                with.refuses_name(&scope(repository), None, now())
            );
        }
        // Within them, exceptions alone loosen.
        let plain: Vec<(&str, String)> = all
            .into_iter()
            .filter(|(_, text)| !text.contains("kind: Exception"))
            .collect();
        if let Ok(plain) = load(&plain) {
            for repository in ["docker.io/shop/app", "docker.io/shop/b", "quay.io/shop/app"] {
                let (before, after) = (decided(&without, repository, &found), decided(&plain, repository, &found));
                prop_assert!(before.decision <= after.decision, "{} {:?}", repository, after);
            }
        }
    }
}

#[test]
fn a_team_tightens_and_never_switches_the_built_in_policy_off() {
    let lenient = document("Policy", "own", "{mode: audit}");
    let bound = document(
        "Binding",
        "b",
        "{policy: own, repositories: ['docker.io/shop/**']}",
    );
    let files = [
        ("d.yaml", DELEGATION.to_owned()),
        ("teams/shop/p.yaml", format!("{lenient}{bound}")),
    ];
    let set = load(&files).unwrap();
    let bad = report(vec![finding("CVE-1", Severity::Low, None, true)], vec![]);
    let outcome = decided(&set, "docker.io/shop/app", &bad);
    assert_eq!(
        (outcome.decision, outcome.policy.name.as_str()),
        (Decision::Refuse, "own+default")
    );
    assert_eq!(set.lint(now()), [""; 0]);
    let strict = lenient.replace(
        "mode: audit",
        "rules: [{id: all, when: {fixable: true}, action: refuse}]",
    );
    let files = [
        ("d.yaml", DELEGATION.to_owned()),
        ("teams/shop/p.yaml", format!("{strict}{bound}")),
    ];
    let fixable = report(
        vec![finding("CVE-1", Severity::Low, Some("2"), false)],
        vec![],
    );
    let decision = |image: &str| decided(&load(&files).unwrap(), image, &fixable).decision;
    assert_eq!(decision("docker.io/shop/app"), Decision::Refuse);
    assert_eq!(decision(IMAGE), Decision::Allow);
}

#[test]
fn what_a_delegated_rule_asks_for_is_asked_for_where_it_applies() {
    let rule = "{rules: [{id: r, when: {kind: informational}, action: refuse}]}";
    let bound = "{policy: own, repositories: [docker.io/shop/app]}";
    let team = format!(
        "{}{}",
        document("Policy", "own", rule),
        document("Binding", "b", bound)
    );
    let files = [
        ("d.yaml", DELEGATION.to_owned()),
        ("teams/shop/p.yaml", team),
    ];
    let set = load(&files).unwrap();
    let asks = |place: Option<&Scope>| set.asks(FindingKind::Informational, place);
    assert!(asks(None) && asks(Some(&scope("docker.io/shop/app"))));
    assert!(!asks(Some(&scope("docker.io/shop/other"))));
}
