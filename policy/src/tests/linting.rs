//! What is told of documents that load and surprise.

use std::collections::BTreeSet;

use super::*;
use crate::{Lacks, Seen};

fn document(kind: &str, name: &str, spec: &str) -> String {
    format!(
        "---\napiVersion: sluicegate/v1\nkind: {kind}\nmetadata: {{name: {name}}}\nspec: {spec}\n"
    )
}

fn rules(rules: &[&str]) -> String {
    let rules = rules.iter().enumerate();
    let rules = rules.map(|(number, rule)| format!("{{id: r{number}, {rule}}}"));
    format!("{{rules: [{}]}}", rules.collect::<Vec<_>>().join(", "))
}

/// Warnings of one policy with these rules, but for what it loosens.
fn of_rules(said: &[&str]) -> Vec<String> {
    let set = set(&document("Policy", "p", &rules(said)));
    let mut warnings = set.lint(now());
    warnings.retain(|warning| !warning.contains("switches the built-in policy off"));
    warnings
}

/// A copy of the built-in policy under a name of its own.
fn as_strict(name: &str) -> String {
    let text = built_in_text().replace("name: default", &format!("name: {name}"));
    format!("---\n{text}")
}

#[test]
fn the_built_in_policy_and_a_copy_of_it_surprise_nobody() {
    assert_eq!(PolicySet::built_in().lint(now()), [""; 0]);
    assert_eq!(set(&as_strict("p")).lint(now()), [""; 0]);
}

#[test]
fn rules_that_hit_everything_or_never_decide_are_told() {
    let critical = "when: {severityAtLeast: critical}, action: refuse";
    let high = "when: {severityAtLeast: high}, action: refuse";
    let hidden = |one: &str, by: &str| {
        vec![format!(
            "rule \"{one}\" of policy \"p\" never decides: rule \"{by}\" hits whatever it hits and asks for as much"
        )]
    };
    for (said, wanted) in [
        ([critical, high], hidden("r0", "r1")),
        ([high, critical], hidden("r1", "r0")),
        ([high, high], hidden("r1", "r0")),
        (
            [
                high,
                "when: {severityAtLeast: high, fixable: true}, action: annotate",
            ],
            hidden("r1", "r0"),
        ),
        (
            [
                "when: {package: \'pkg:maven/log4j/*\'}, action: refuse",
                "when: {package: \'pkg:maven/log4j/log4j@1\', kev: true}, action: refuse",
            ],
            hidden("r1", "r0"),
        ),
        (
            [
                "when: {epssAtLeast: 0.1}, action: refuse",
                "when: {epssAtLeast: 0.5, kind: vulnerability}, action: refuse",
            ],
            hidden("r1", "r0"),
        ),
        (
            [
                "when: {severityUnknown: false}, action: refuse",
                "when: {severityAtLeast: low}, action: annotate",
            ],
            hidden("r1", "r0"),
        ),
        // What is stricter, or hits something else, stands.
        ([high, "when: {kev: true}, action: refuse"], vec![]),
        (
            ["when: {severityAtLeast: high}, action: annotate", critical],
            vec![],
        ),
        (
            [
                "when: {kev: true, fixable: true}, action: refuse",
                "when: {kev: true}, action: refuse",
            ],
            hidden("r0", "r1"),
        ),
        (
            [
                "when: {package: \'pkg:maven/log4j/log4j@1\'}, action: refuse",
                "when: {package: \'pkg:maven/log4j/log4j@2\'}, action: refuse",
            ],
            vec![],
        ),
    ] {
        assert_eq!(of_rules(&said), wanted, "{said:?}");
    }
    let told = |rule: &str| of_rules(&[rule]).join("\n");
    assert!(told("when: {}, action: annotate").contains("empty `when`"));
    let never = "when: {severityAtLeast: low, severityUnknown: true}, action: refuse";
    assert!(told(never).contains("never hits"));
    assert!(
        told("when: {kev: true}, action: allow").contains("an Exception lets a finding through")
    );
}

#[test]
fn what_is_older_named_spared_or_of_an_image_hides_what_says_less() {
    for (one, other, hidden) in [
        (
            "when: {olderThan: 7d, cvssAtLeast: 7}, action: refuse",
            "when: {olderThan: 30d, cvssAtLeast: 9}, action: refuse",
            "\"r1\"",
        ),
        (
            "when: {newerThan: 7d}, action: refuse",
            "when: {newerThan: 30d}, action: refuse",
            "\"r0\"",
        ),
        (
            "when: {ids: [CVE-1, CVE-2]}, action: refuse",
            "when: {ids: cve-1}, unless: {kev: false}, action: refuse",
            "\"r1\"",
        ),
        (
            "when: {kev: true}, unless: {fixable: true}, action: refuse",
            "when: {kev: true}, action: refuse",
            "\"r0\"",
        ),
        (
            "image: {user: root}, action: refuse",
            "image: {user: root}, action: annotate",
            "\"r1\"",
        ),
        (
            "when: {kev: true}, image: {user: root}, action: refuse",
            "image: {user: root}, action: refuse",
            "",
        ),
    ] {
        let told = of_rules(&[one, other]).join("\n");
        let wanted = format!("rule {hidden} of policy \"p\" never decides");
        assert_eq!(
            told.starts_with(&wanted),
            !hidden.is_empty(),
            "{one}: {told}"
        );
    }
}

#[test]
fn a_rule_that_contradicts_itself_is_told() {
    let told = |rule: &str| of_rules(&[rule]).join("\n");
    for never in [
        "when: {newerThan: 7d, olderThan: 7d}, action: refuse",
        "when: {fixable: false, fixAvailableFor: 7d}, action: refuse",
        "when: {kev: true, fixable: true}, unless: {kev: true}, action: refuse",
    ] {
        assert!(told(never).contains("never hits"), "{never}");
    }
    for fine in [
        "when: {newerThan: 8d, olderThan: 7d}, action: refuse",
        "when: {kev: true}, unless: {kev: true, fixable: true}, action: refuse",
        "when: {kind: malware}, unless: {kind: vulnerability}, action: refuse",
        "image: {user: root}, action: refuse",
    ] {
        assert_eq!(told(fine), "", "{fine}");
    }
}

#[test]
fn a_policy_that_switches_the_built_in_one_off_and_is_looser_is_told() {
    let no_log4j = rules(&["when: {package: \'pkg:maven/log4j/log4j\'}, action: refuse"]);
    let loose = document("Policy", "loose", &no_log4j);
    let bound = |policy: &str, name: &str, repositories: &str| {
        let spec = format!("{{policy: {policy}, repositories: {repositories}}}");
        document("Binding", name, &spec)
    };
    let told = |documents: &[String]| set(&documents.concat()).lint(now()).join("\n");
    let alone = told(std::slice::from_ref(&loose));
    for part in [
        "policy \"loose\" switches the built-in policy off for every image",
        "known-exploited, malware, fixable-critical;",
    ] {
        assert!(alone.contains(part), "{alone}");
    }
    let team = bound("loose", "b", "['docker.io/team/*']");
    let for_team = told(&[loose.clone(), team.clone()]);
    assert!(
        for_team.contains("off for docker.io/team/* and"),
        "{for_team}"
    );
    let audit = told(&[document("Policy", "a", "{mode: audit}")]);
    assert!(audit.contains("(its mode is audit)"), "{audit}");
    assert!(audit.contains("images that cannot be scanned"), "{audit}");
    for kept in [
        vec![loose.clone(), as_strict("strict")],
        vec![
            loose.clone(),
            team.clone(),
            bound("default", "d", "['docker.io/**']"),
        ],
        vec![
            loose.clone(),
            team.clone(),
            bound("default", "d", "['docker.io/team/*', 'quay.io/**']"),
        ],
        vec![loose.clone(), bound("default", "d", "['**']")],
        vec![document(
            "Policy",
            "all",
            &rules(&[
                "when: {severityUnknown: false}, action: refuse",
                "when: {severityUnknown: true}, action: refuse",
                "when: {kev: true}, action: refuse",
                "when: {kind: malware}, action: refuse",
            ]),
        )],
    ] {
        assert_eq!(told(&kept), "", "{kept:?}");
    }
    let elsewhere = bound("default", "d", "['quay.io/**']");
    assert!(!told(&[loose, team, elsewhere]).is_empty());
}

#[test]
fn exceptions_without_effect_are_told() {
    let exception = |name: &str, id: &str, end: &str| {
        let spec = format!(
            "{{id: {id}, images: ['docker.io/library/app'], statement: x, expiresAt: {end}}}"
        );
        document("Exception", name, &spec)
    };
    let later = "2027-01-31";
    let told = |documents: &[String]| set(&documents.concat()).lint(now());
    let fine = [
        exception("a", "CVE-2021-44228", later),
        exception("b", "GHSA-jfh8-c2jp-5v3q", later),
        exception("c", "DSA-5000-1", later),
    ];
    assert_eq!(told(&fine), [""; 0]);
    let ended = told(&[exception("a", "CVE-2021-44228", "2026-05-31")]);
    let wanted = "exception \"a\" ended at 2026-06-01T00:00:00Z and has no effect";
    assert_eq!(ended, [wanted]);
    for id in [
        "CVE-2021",
        "cve-2021-44228",
        "CVE-21-44228",
        "CVE_2021_44228",
        "GHSA-JFH8-c2jp-5v3q",
    ] {
        let told = told(&[exception("a", id, later)]);
        assert!(told[0].contains("matches nothing known"), "{id}: {told:?}");
    }
}

#[test]
fn what_concerns_nothing_that_was_seen_is_told() {
    let strings = |texts: &[&str]| -> BTreeSet<String> {
        texts.iter().map(|&text| text.to_owned()).collect()
    };
    let exception = |name: &str, id: &str, image: &str| {
        let spec =
            format!("{{id: {id}, images: ['{image}'], statement: x, expiresAt: 2027-01-31}}");
        document("Exception", name, &spec)
    };
    let documents = [
        as_strict("p"),
        document("Binding", "b", "{policy: p, repositories: ['quay.io/**']}"),
        document(
            "Binding",
            "c",
            "{policy: p, repositories: ['docker.io/library/*']}",
        ),
        exception("known", "CVE-2021-44228", "docker.io/**"),
        exception("unknown", "CVE-2021-44229", "docker.io/**"),
        exception("elsewhere", "CVE-2021-44228", "quay.io/team/app"),
    ];
    let set = set(&documents.concat());
    let asked = strings(&["CVE-2021-44228", "CVE-2021-44229"]);
    assert_eq!(set.excepted_ids(), asked);
    let seen = Seen {
        repositories: strings(&["docker.io/library/app"]),
        ids: strings(&["CVE-2021-44228"]),
    };
    let wanted = [
        "binding \"b\" covers no repository that was seen",
        "exception \"elsewhere\" names no image that was seen",
        "exception \"unknown\" matches nothing known: no finding is called \"CVE-2021-44229\"",
    ];
    assert_eq!(set.lint_seen(&seen), wanted);
}

#[test]
fn what_policies_need_in_vain_is_told() {
    let said = rules(&[
        "when: {epssAtLeast: 0.1}, action: refuse",
        "when: {severityAtLeast: high}, action: refuse",
        "when: {severityAtLeast: low, fixable: true}, action: annotate",
        "when: {kev: true}, action: refuse",
        "when: {kev: false}, action: annotate",
    ]);
    let documents = [
        document("Policy", "p", &said),
        document(
            "Binding",
            "b",
            "{policy: p, repositories: ['docker.io/**']}",
        ),
    ];
    let set = set(&documents.concat());
    let all = Lacks {
        exploited: true,
        probabilities: true,
        severities: ["Alpine", "Debian"].map(str::to_owned).into(),
    };
    let covered = scope("docker.io/library/app");
    let told = set.unmet(Some(&covered), &all);
    let wanted = [
        "rule \"r3\" of policy \"p\" needs a list of known exploited vulnerabilities, and the loaded feeds have none",
        "rule \"r0\" of policy \"p\" needs EPSS scores, and the loaded feeds have none",
        "rules \"r1\", \"r2\" of policy \"p\" need severities, and the loaded feeds state none for Alpine, Debian; NVD's files would",
    ];
    assert_eq!(told, wanted);
    assert_eq!(set.unmet(Some(&covered), &Lacks::default()), [""; 0]);
    let elsewhere = scope("quay.io/team/app");
    let of_built_in = set.unmet(Some(&elsewhere), &all);
    assert!(
        of_built_in
            .iter()
            .all(|it| it.contains("policy \"default\""))
    );
    assert_eq!(of_built_in.len(), 2, "{of_built_in:?}");
    assert_eq!(set.unmet(None, &all).len(), 5);
}

#[test]
fn a_list_without_entries_and_rules_on_repositories_that_nobody_saw_are_told() {
    let empty = set(&document("Policy", "p", "{default: refuse}"));
    let told = empty.lint(now()).join("\n");
    assert!(told.contains("policy \"p\" refuses every image"), "{told}");
    let list = "{default: refuse, rules: [\
                {id: a, image: {repositories: [docker.io/**]}, action: allow}, \
                {id: b, image: {repositories: [quay.io/**]}, action: allow}]}";
    let list = set(&document("Policy", "p", list));
    let told = list.lint(now()).join("\n");
    assert!(!told.contains("refuses every image"), "{told}");
    assert!(!told.contains("changes nothing"), "{told}");
    let seen = Seen {
        repositories: [IMAGE.to_owned()].into(),
        ids: BTreeSet::new(),
    };
    assert_eq!(
        list.lint_seen(&seen),
        ["rule \"b\" of policy \"p\" names no repository that was seen"]
    );
}
