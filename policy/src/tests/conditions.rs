//! What each condition means for a finding, known or not.

use sluicegate_model::package::{Ecosystem, LayerOrigin};

use super::*;

/// Tells whether a rule with these conditions refuses a finding.
fn refuses(rule: &str, finding: &Finding) -> bool {
    let text = policy(&format!("  rules: [{{id: r, {rule}, action: refuse}}]"));
    let outcome = decided(&set(&text), IMAGE, &report(vec![finding.clone()], vec![]));
    outcome.decision == Decision::Refuse
}

fn any_finding() -> Finding {
    finding("CVE-2021-0001", Severity::High, Some("2"), false)
}

fn at(time: &str) -> Timestamp {
    time.parse().unwrap()
}

#[test]
fn a_score_is_reached_or_not_and_an_unknown_one_never_is() {
    for (cvss, wanted) in [
        (Some(9.8), true),
        (Some(7.5), true),
        (Some(7.4), false),
        (None, false),
    ] {
        let finding = Finding {
            cvss,
            ..any_finding()
        };
        let rule = "when: {cvssAtLeast: 7.5}";
        assert_eq!(refuses(rule, &finding), wanted, "{cvss:?}");
    }
    for odd in ["-1", "10.1", "high"] {
        let text = policy(&format!(
            "  rules: [{{id: r, when: {{cvssAtLeast: {odd}}}, action: refuse}}]"
        ));
        assert!(mistakes(&text)[0].2.contains("from 0 to 10"), "{odd}");
    }
}

#[test]
fn ids_are_all_names_of_a_weakness_in_any_letter_case() {
    let finding = Finding {
        aliases: vec!["GHSA-jfh8-c2jp-5v3q".into()],
        advisories: vec!["DSA-5020-1".into()],
        ..any_finding()
    };
    for (ids, wanted) in [
        ("cve-2021-0001", true),
        ("[CVE-1999-0001, ghsa-JFH8-c2jp-5v3q]", true),
        ("[dsa-5020-1]", true),
        ("CVE-2021-00011", false),
    ] {
        let rule = format!("when: {{ids: {ids}}}");
        assert_eq!(refuses(&rule, &finding), wanted, "{ids}");
    }
    let empty = policy("  rules: [{id: r, when: {ids: []}, action: refuse}]");
    assert_eq!(mistakes(&empty)[0].1, 31);
}

#[test]
fn an_ecosystem_is_meant_by_its_name_or_its_familys() {
    let own = |name: Option<&str>| {
        let mut finding = any_finding();
        finding.package.ecosystem = name.map(Ecosystem::new);
        finding
    };
    for (wanted, name, holds) in [
        ("Debian", Some("Debian:12"), true),
        ("'Debian:12'", Some("Debian:12"), true),
        ("'Debian:11'", Some("Debian:12"), false),
        ("[npm, debian]", Some("Debian:12"), true),
        ("npm", Some("PyPI"), false),
        ("npm", None, false),
    ] {
        let rule = format!("when: {{ecosystem: {wanted}}}");
        assert_eq!(refuses(&rule, &own(name)), holds, "{wanted}: {name:?}");
    }
}

#[test]
fn a_path_is_one_of_the_places_and_may_be_one_that_is_not_named() {
    let in_places = |paths: &[&str], copies| Finding {
        paths: paths.iter().map(|path| (*path).to_owned()).collect(),
        copies,
        ..any_finding()
    };
    for (rule, finding, wanted) in [
        ("when: {path: 'app/**'}", in_places(&[], 1), true),
        ("when: {path: /app/*.jar}", in_places(&[], 1), true),
        ("when: {path: opt/**}", in_places(&[], 1), false),
        (
            "when: {path: [opt/*, srv/*]}",
            in_places(&["app/a", "opt/a"], 2),
            true,
        ),
        (
            "when: {path: opt/**}",
            in_places(&["app/a", "app/b"], 3),
            true,
        ),
        (
            "when: {path: opt/**}",
            in_places(&["app/a", "app/b"], 2),
            false,
        ),
    ] {
        assert_eq!(refuses(rule, &finding), wanted, "{rule}: {finding:?}");
    }
}

#[test]
fn a_layer_is_the_bases_or_its_own_and_an_unknown_one_may_be_either() {
    let (base, own) = (Some(LayerOrigin::Base), Some(LayerOrigin::Own));
    for (rule, origin, wanted) in [
        ("when: {layer: base}", base, true),
        ("when: {layer: base}", own, false),
        ("when: {layer: own}", own, true),
        ("when: {layer: own}", base, false),
        ("when: {layer: base}", None, true),
        ("when: {layer: own}", None, true),
        ("unless: {layer: base}", base, false),
        ("unless: {layer: base}", own, true),
        ("unless: {layer: base}", None, true),
        ("unless: {layer: own}", None, true),
    ] {
        let mut finding = any_finding();
        finding.package.layer_origin = origin;
        assert_eq!(refuses(rule, &finding), wanted, "{rule}: {origin:?}");
    }
}

#[test]
fn a_range_means_versions_in_it_and_those_that_cannot_be_compared() {
    let of_version = |version: &str| {
        let mut finding = any_finding();
        finding.package.version = version.into();
        finding
    };
    let rule = "when: {package: {purl: 'pkg:maven/org.apache.*/log4j-core', \
                vers: 'vers:maven/>=2.0|<2.15'}}";
    for (version, wanted) in [
        ("2.0", true),
        ("2.14", true),
        ("2.15", false),
        ("1.9", false),
        ("new", true),
    ] {
        assert_eq!(refuses(rule, &of_version(version)), wanted, "{version}");
    }
    let other = rule.replace("log4j-core'", "log4j-api'");
    assert!(!refuses(&other, &of_version("2.14")));
}

#[test]
fn a_range_that_means_nothing_is_refused_where_it_stands() {
    for (package, part) in [
        (
            "{purl: 'pkg:maven/a/b', vers: 'vers:npm/>=2'}",
            "compared as",
        ),
        (
            "{purl: 'pkg:maven/a/b@1', vers: 'vers:maven/>=2'}",
            "no range",
        ),
        (
            "{purl: 'pkg:maven/a/b', vers: 'vers:conda/>=2'}",
            "have no order",
        ),
        (
            "{purl: 'pkg:maven/a/b', vers: '>=2'}",
            "no range of versions",
        ),
        ("{purl: 'pkg:maven/a/b'}", "\"vers\" is missing"),
        ("{vers: 'vers:maven/>=2'}", "\"purl\" is missing"),
    ] {
        let text = policy(&format!(
            "  rules:\n    - id: r\n      when: {{package: {package}}}\n      action: refuse"
        ));
        let found = mistakes(&text);
        assert_eq!((found.len(), found[0].0), (1, 7), "{package}: {found:?}");
        assert!(found[0].2.contains(part), "{package}: {found:?}");
    }
}

#[test]
fn an_advisory_is_older_or_newer_and_an_unknown_date_is_neither() {
    let known_since = |published| Finding {
        published,
        ..any_finding()
    };
    for (published, is_older, is_newer) in [
        (Some(at("2026-05-25T12:00:00Z")), true, false),
        (Some(at("2026-05-25T12:00:01Z")), false, true),
        (Some(at("2026-06-09T00:00:00Z")), false, false),
        (None, false, false),
    ] {
        let finding = known_since(published);
        let told = |rule| refuses(rule, &finding);
        assert_eq!(told("when: {olderThan: 7d}"), is_older, "{published:?}");
        assert_eq!(told("when: {newerThan: 7d}"), is_newer, "{published:?}");
    }
}

#[test]
fn a_fix_exists_for_so_long_and_an_unknown_time_counts_as_long_enough() {
    let with_fix = |fixed: Option<&str>, fix_published| Finding {
        fixed: fixed.map(Into::into),
        fix_published,
        ..any_finding()
    };
    for (finding, wanted) in [
        (with_fix(Some("2"), Some(at("2026-05-25T12:00:00Z"))), true),
        (with_fix(Some("2"), Some(at("2026-05-25T12:00:01Z"))), false),
        (with_fix(Some("2"), None), true),
        (with_fix(Some("2"), Some(at("2099-01-01T00:00:00Z"))), true),
        (with_fix(None, Some(at("2020-01-01T00:00:00Z"))), false),
        (with_fix(None, None), false),
    ] {
        let rule = "when: {fixAvailableFor: 7d}";
        assert_eq!(refuses(rule, &finding), wanted, "{finding:?}");
    }
}

#[test]
fn a_verdict_ends_when_an_advisory_or_a_fix_becomes_old_enough() {
    let finding = Finding {
        published: Some(at("2026-05-31T12:00:00Z")),
        fix_published: Some(at("2026-06-01T00:00:00Z")),
        ..any_finding()
    };
    for (when, wanted) in [
        ("olderThan: 2d", Some(at("2026-06-02T12:00:00Z"))),
        ("newerThan: 2d", Some(at("2026-06-02T12:00:00Z"))),
        ("fixAvailableFor: 2d", Some(at("2026-06-03T00:00:00Z"))),
        (
            "newerThan: 2d, fixAvailableFor: 2d",
            Some(at("2026-06-02T12:00:00Z")),
        ),
        ("olderThan: 12h", None),
        ("olderThan: 2d, kev: true", None),
    ] {
        let text = policy(&format!(
            "  rules: [{{id: r, when: {{{when}}}, action: refuse}}]"
        ));
        let outcome = decided(&set(&text), IMAGE, &report(vec![finding.clone()], vec![]));
        assert_eq!(outcome.valid_until, wanted, "{when}");
    }
}

#[test]
fn unless_spares_what_its_whole_block_holds_for() {
    let old = Finding {
        published: Some(at("2026-01-01T00:00:00Z")),
        ..any_finding()
    };
    let new = Finding {
        published: Some(at("2026-05-31T12:00:00Z")),
        ..any_finding()
    };
    for (rule, finding, wanted) in [
        ("unless: {newerThan: 7d}", &old, true),
        ("unless: {newerThan: 7d}", &new, false),
        ("unless: {newerThan: 7d, kev: true}", &new, true),
        (
            "when: {fixable: true}, unless: {newerThan: 7d}",
            &new,
            false,
        ),
        (
            "when: {fixable: false}, unless: {newerThan: 7d}",
            &old,
            false,
        ),
        ("unless: {newerThan: 7d}", &any_finding(), true),
        ("unless: {ids: CVE-2021-0001}", &old, false),
    ] {
        assert_eq!(refuses(rule, finding), wanted, "{rule}");
    }
}

#[test]
fn what_is_not_known_spares_nothing() {
    let mut odd = any_finding();
    odd.package.version = "new".into();
    let somewhere = Finding {
        paths: vec!["opt/a".into()],
        copies: 2,
        ..any_finding()
    };
    let range = "{purl: 'pkg:maven/**', vers: 'vers:maven/>=2'}";
    for (block, finding) in [
        (format!("{{package: {range}}}"), &odd),
        ("{path: opt/**}".into(), &somewhere),
        ("{fixAvailableFor: 0d}".into(), &any_finding()),
        ("{olderThan: 0d}".into(), &any_finding()),
        ("{cvssAtLeast: 0}".into(), &any_finding()),
        (
            "{severityAtLeast: low}".into(),
            &Finding {
                severity: Severity::Unknown,
                ..any_finding()
            },
        ),
    ] {
        assert!(refuses(&format!("unless: {block}"), finding), "{block}");
    }
}

#[test]
fn unless_alone_chooses_what_rules_see_unasked_and_spares_of_any_kind() {
    let informational = Finding {
        kind: FindingKind::Informational,
        ..any_finding()
    };
    let rule = "when: {kind: informational}, unless: {ids: CVE-2021-0001}";
    assert!(!refuses("unless: {kev: true}", &informational));
    assert!(refuses("when: {kind: informational}", &informational));
    assert!(!refuses(rule, &informational));
}

#[test]
fn a_rule_without_conditions_and_an_unless_that_spares_everything_are_mistakes() {
    let said = |rule: &str| {
        let text = policy(&format!(
            "  rules:\n    - {{id: r, {rule}, action: refuse}}"
        ));
        let found = mistakes(&text);
        assert_eq!((found.len(), found[0].0), (1, 6), "{rule}: {found:?}");
        found[0].2.clone()
    };
    assert!(said("message: x").contains("is missing"));
    assert!(said("unless: {}").contains("would never hit"));
    assert!(said("when: {kev: true}, unless: {}").contains("would never hit"));
}
