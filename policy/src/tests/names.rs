//! What names alone decide, and lists of what is allowed.

use sluicegate_model::Tag;

use super::*;
use crate::AskedName;

/// Asks by digest, perhaps after a name that was allowed.
fn by_digest(was_led_to: bool) -> AskedName<'static> {
    AskedName::Digest {
        digest: &DIGEST,
        was_led_to,
    }
}

/// Tells which rules refuse a name: a tag, or what is asked for without one.
fn refused(set: &PolicySet, repository: &str, tag: Result<&str, AskedName<'_>>) -> Vec<String> {
    let scope = scope(repository);
    let refusal = match tag {
        Ok(tag) => {
            let tag: Tag = tag.parse().unwrap();
            set.refuses_name(&scope, Some(AskedName::Tag(&tag)), now())
        }
        Err(name) => set.refuses_name(&scope, Some(name), now()),
    };
    let reasons = refusal.map(|refusal| refusal.reasons).unwrap_or_default();
    reasons
        .iter()
        .map(|reason| reason.rule.to_string())
        .collect()
}

#[test]
fn a_name_is_refused_by_repository_tag_or_digest() {
    let by = |image: &str| {
        set(&policy(&format!(
            "  rules: [{{id: r, image: {image}, action: refuse}}]"
        )))
    };
    for (image, repository, tag, wanted) in [
        ("{repositories: ['docker.io/**']}", IMAGE, Ok("1"), true),
        (
            "{repositories: ['docker.io/**']}",
            IMAGE,
            Err(by_digest(false)),
            true,
        ),
        (
            "{repositories: ['docker.io/**']}",
            "quay.io/a/b",
            Ok("1"),
            false,
        ),
        ("{tags: latest}", IMAGE, Ok("latest"), true),
        ("{tags: [latest, '*-dev']}", IMAGE, Ok("2.1-dev"), true),
        ("{tags: latest}", IMAGE, Ok("1"), false),
        ("{tags: '*'}", IMAGE, Err(by_digest(false)), false),
        ("{digestOnly: false}", IMAGE, Ok("1"), true),
        ("{digestOnly: false}", IMAGE, Err(by_digest(false)), false),
        (
            "{unless: {repositories: ['quay.io/**']}}",
            IMAGE,
            Ok("1"),
            true,
        ),
        ("{unless: {digestOnly: true}}", IMAGE, Ok("1"), true),
        // What else is asked is for the verdict to say.
        (
            "{repositories: ['docker.io/**'], user: root}",
            IMAGE,
            Ok("1"),
            false,
        ),
        ("{unless: {user: root}}", IMAGE, Ok("1"), false),
    ] {
        let found = refused(&by(image), repository, tag);
        assert_eq!(found == ["r"], wanted, "{image} on {repository} {tag:?}");
    }
}

#[test]
fn a_list_of_what_is_allowed_refuses_the_rest() {
    let set = set(&policy(
        "  default: refuse\n  rules:\n    \
         - {id: base, image: {repositories: ['docker.io/library/*'], tags: ['1.*', stable]}, action: allow}\n    \
         - {id: own, image: {repositories: ['registry.corp.example/**']}, action: allow}\n    \
         - {id: signed, image: {repositories: ['ghcr.io/**'], labels: {team: x}}, action: allow}",
    ));
    for (repository, tag, wanted) in [
        (IMAGE, Ok("1.2"), true),
        (IMAGE, Ok("stable"), true),
        (IMAGE, Ok("2.0"), false),
        (IMAGE, Err(by_digest(false)), false),
        (IMAGE, Err(by_digest(true)), true),
        ("registry.corp.example/a/b", Ok("x"), true),
        ("registry.corp.example/a/b", Err(by_digest(false)), true),
        ("ghcr.io/a/b", Ok("x"), true),
        ("quay.io/a/b", Ok("1.2"), false),
    ] {
        let rules = refused(&set, repository, tag);
        assert_eq!(rules.is_empty(), wanted, "{repository} {tag:?}");
        assert!(rules.iter().all(|rule| rule == "not-listed"));
    }
    let clean = report(vec![], vec![]);
    for (repository, wanted) in [
        (IMAGE, Decision::Allow),
        ("registry.corp.example/a/b", Decision::Allow),
        ("ghcr.io/a/b", Decision::Refuse),
        ("quay.io/a/b", Decision::Refuse),
    ] {
        assert_eq!(decided(&set, repository, &clean).decision, wanted);
    }
    assert!(set.lists_names(&scope(IMAGE)));
}

#[test]
fn what_refuses_a_name_refuses_the_verdict_too_unless_it_names_a_tag() {
    let clean = report(vec![], vec![]);
    for (image, wanted) in [
        ("{repositories: ['docker.io/**']}", Decision::Refuse),
        ("{tags: latest}", Decision::Allow),
    ] {
        let rules = format!("  rules: [{{id: r, image: {image}, action: refuse}}]");
        let outcome = decided(&set(&policy(&rules)), IMAGE, &clean);
        assert_eq!(outcome.decision, wanted, "{image}");
    }
}

#[test]
fn a_repository_is_refused_as_a_whole_where_no_name_in_it_could_be_allowed() {
    for (spec, wanted) in [
        (
            "  rules: [{id: r, image: {repositories: ['docker.io/**']}, action: refuse}]",
            true,
        ),
        (
            "  rules: [{id: r, image: {tags: '*'}, action: refuse}]",
            false,
        ),
        ("  default: refuse", true),
        (
            "  default: refuse\n  rules: [{id: r, image: {tags: '*'}, action: allow}]",
            false,
        ),
        (
            "  default: refuse\n  rules: [{id: r, image: {user: root}, action: allow}]",
            false,
        ),
    ] {
        let found = set(&policy(spec)).refuses_name(&scope(IMAGE), None, now());
        assert_eq!(found.is_some(), wanted, "{spec}");
    }
}

#[test]
fn a_mode_is_a_ceiling_for_names_and_the_strictest_of_several_policies_wins() {
    let refusing = |name: &str, mode: &str, id: &str| {
        policy(&format!(
            "  mode: {mode}\n  rules: [{{id: {id}, image: {{tags: latest}}, action: refuse}}]"
        ))
        .replace("name: p", &format!("name: {name}"))
    };
    for mode in ["audit", "annotate"] {
        let set = set(&refusing("p", mode, "r"));
        assert_eq!(refused(&set, IMAGE, Ok("latest")), [""; 0], "{mode}");
        let tag: Tag = "latest".parse().unwrap();
        let noted = set.notes_name(&scope(IMAGE), AskedName::Tag(&tag), now());
        let wanted = "sluicegate: policy \"p\" annotates: the image has the tag latest";
        assert_eq!(noted.as_deref(), (mode == "annotate").then_some(wanted));
        let other = set.notes_name(&scope(IMAGE), by_digest(false), now());
        assert_eq!(other, None);
    }
    let listing = policy("  default: refuse").replace("name: p", "name: c");
    let both = [
        refusing("a", "audit", "lax"),
        refusing("b", "enforce", "strict"),
        listing,
    ];
    let set = set(&both.join("---\n"));
    assert_eq!(refused(&set, IMAGE, Ok("latest")), ["strict", "not-listed"]);
}

#[test]
fn findings_allow_nothing_and_refuse_what_is_listed() {
    let text =
        policy("  default: refuse\n  rules:\n    - {id: a, when: {kev: false}, action: allow}");
    let found = mistakes(&text);
    assert_eq!((found.len(), found[0].0), (1, 7), "{found:?}");
    let set = set(&policy(
        "  default: refuse\n  rules:\n    \
         - {id: a, image: {repositories: ['docker.io/**']}, action: allow}\n    \
         - {id: k, when: {kev: true}, action: refuse}",
    ));
    let exploited = report(vec![finding("CVE-1", Severity::Low, None, true)], vec![]);
    let outcome = decided(&set, IMAGE, &exploited);
    assert_eq!(outcome.reasons[0].rule.as_str(), "k");
    assert_eq!(outcome.reasons.len(), 1);
}

#[test]
fn whoever_is_refused_by_a_name_is_told_by_which_rule() {
    let rule = "{id: pinned, image: {repositories: ['docker.io/**'], digestOnly: false}, \
                action: refuse, message: 'Ask by digest; see #platform'}";
    let set = set(&policy(&format!("  rules: [{rule}]")));
    let tag: Tag = "latest".parse().unwrap();
    let refusal = set.refuses_name(&scope(IMAGE), Some(AskedName::Tag(&tag)), now());
    assert_eq!(
        refusal.unwrap().message(),
        "sluicegate: refused by policy \"p\", rule \"pinned\": the image is in docker.io/** and is \
         asked for by a tag. Ask by digest; see #platform"
    );
}

#[test]
fn policies_without_names_leave_every_name_to_the_verdict() {
    let set = PolicySet::built_in();
    assert_eq!(refused(&set, IMAGE, Ok("latest")), [""; 0]);
    assert!(!set.lists_names(&scope(IMAGE)));
}

#[test]
fn a_refusal_says_no_more_than_people_read() {
    let patterns: Vec<String> = (0..500).map(|at| format!("'docker.io/**/{at}'")).collect();
    let rule = format!(
        "{{unless: {{repositories: [{}]}}, labels: {{a: {}}}}}",
        patterns.join(", "),
        "x".repeat(1_000)
    );
    let set = set(&policy(&format!(
        "  rules: [{{id: r, image: {rule}, action: refuse}}]"
    )));
    let outcome = decided(&set, IMAGE, &report(vec![], vec![]));
    let said = &outcome.reasons[0].message;
    assert!(said.len() < 500 && said.contains("and 497 more"), "{said}");
    assert!(said.ends_with(", or nobody knows"), "{said}");
}
