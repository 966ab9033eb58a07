//! Bindings and Exceptions that name tags: a tag that is not known loosens nothing.

use proptest::prelude::*;
use proptest::test_runner::{Config, RngSeed};
use sluicegate_model::{Audience, Repository, Tag};

use super::*;

fn bound(policy: &str, name: &str, image: &str) -> String {
    format!(
        "---\napiVersion: sluicegate/v1\nkind: Binding\nmetadata: {{name: {name}}}\n\
         spec: {{policy: {policy}, repositories: ['{image}']}}\n"
    )
}

fn excepted(name: &str, id: &str, image: &str) -> String {
    format!(
        "---\napiVersion: sluicegate/v1\nkind: Exception\n\
         metadata: {{name: {name}, author: a, ticket: T-1}}\n\
         spec: {{id: {id}, images: ['{image}'], statement: x, expiresAt: 2026-06-30}}\n"
    )
}

fn exploited() -> Report {
    report(vec![finding("CVE-1", Severity::Low, None, true)], vec![])
}

fn asked(set: &PolicySet, repository: &str, tag: Option<&str>) -> Scope {
    let name: Repository = repository.parse().unwrap();
    let tag: Option<Tag> = tag.map(|tag| tag.parse().unwrap());
    Scope {
        audience: set.by_tag(Audience::EVERYBODY, &name, tag.as_ref()),
        ..scope(repository)
    }
}

fn by(set: &PolicySet, tag: Option<&str>) -> Outcome {
    decided_in(set, &asked(set, IMAGE, tag), &exploited())
}

#[test]
fn an_exception_on_tags_is_on_what_is_asked_for_by_them_alone() {
    let text = excepted("e", "CVE-1", &format!("{IMAGE}:8.*"));
    let set = set(&text);
    for (tag, wanted) in [
        (Some("8.3"), Decision::Allow),
        (Some("8.3-fpm"), Decision::Allow),
        (Some("9.0"), Decision::Refuse),
        (Some("18.3"), Decision::Refuse),
        (None, Decision::Refuse),
    ] {
        assert_eq!(by(&set, tag).decision, wanted, "{tag:?}");
    }
    let other = asked(&set, "docker.io/library/other", Some("8.3"));
    assert_eq!(other.audience, Audience::EVERYBODY);
}

#[test]
fn a_binding_on_tags_is_for_them_and_beside_the_others_where_the_tag_is_not_known() {
    let strict = policy("  rules: [{id: r, when: {severityAtLeast: low}, action: refuse}]");
    let set = set(&[strict, bound("p", "b", &format!("{IMAGE}:prod-*"))].concat());
    for (tag, wanted) in [
        (Some("prod-1"), "p"),
        (Some("dev"), "default"),
        (None, "default+p"),
    ] {
        let mut names: Vec<String> = (by(&set, tag).policy.name.split('+'))
            .map(str::to_owned)
            .collect();
        names.sort();
        assert_eq!(names.join("+"), wanted, "{tag:?}");
    }
}

#[test]
fn a_looser_policy_on_tags_loosens_nothing_that_is_asked_for_by_digest() {
    let set = set(&[
        policy("  mode: audit"),
        bound("p", "b", &format!("{IMAGE}:dev-*")),
    ]
    .concat());
    for (tag, wanted) in [
        (Some("dev-1"), Decision::Allow),
        (Some("1"), Decision::Refuse),
        (None, Decision::Refuse),
    ] {
        assert_eq!(by(&set, tag).decision, wanted, "{tag:?}");
    }
}

#[test]
fn tags_that_the_same_documents_mean_are_judged_together_and_kept_apart_from_others() {
    let set = set(&excepted("e", "CVE-1", &format!("{IMAGE}:8.*")));
    let of = |tag| asked(&set, IMAGE, tag).audience;
    assert_eq!(of(Some("8.1")), of(Some("8.2")));
    assert_eq!(of(Some("8.1")).bindings(), ["tag:exception/e"]);
    assert_eq!(of(Some("9")).bindings(), ["tag:other"]);
    assert_eq!(of(None), Audience::EVERYBODY);
    for tag in [Some("8.1"), Some("9"), None] {
        assert!(set.knows(&asked(&set, IMAGE, tag)));
    }
    // Where nothing names tags any more, nobody is judged so.
    let built_in = PolicySet::built_in();
    for tag in ["8.1", "9"] {
        assert!(!built_in.knows(&asked(&set, IMAGE, Some(tag))));
    }
    assert!(!built_in.names_tags() && set.names_tags());
}

#[test]
fn what_surely_refuses_a_repository_is_bound_to_no_tag() {
    let closed = policy("  rules: [{id: r, image: {repositories: ['**']}, action: refuse}]");
    let set = set(&[closed, bound("p", "b", &format!("{IMAGE}:8.*"))].concat());
    let refused = |name: Option<crate::AskedName<'_>>, tag| {
        let scope = asked(&set, IMAGE, tag);
        set.refuses_name(&scope, name, now()).is_some()
    };
    let tags: [Tag; 2] = ["8.1".parse().unwrap(), "9".parse().unwrap()];
    let by_digest = crate::AskedName::Digest {
        digest: &DIGEST,
        was_led_to: false,
    };
    assert!(refused(Some(crate::AskedName::Tag(&tags[0])), Some("8.1")));
    assert!(!refused(Some(crate::AskedName::Tag(&tags[1])), Some("9")));
    assert!(refused(Some(by_digest), None));
    assert!(!refused(None, None));
}

/// Policies of which some are bound to some tags, and exceptions on some.
fn documents() -> impl Strategy<Value = String> {
    let image = prop::sample::select(vec!["", ":1", ":2", ":*"]);
    let bindings = prop::collection::vec((0..4_usize, image.clone()), 0..5);
    let exceptions = prop::collection::vec((1..3_usize, image), 0..3);
    (bindings, exceptions).prop_map(|(bindings, exceptions)| {
        let mut texts = Vec::new();
        let mut bound_to = vec![Vec::new(); 3];
        for (at, (policy, image)) in bindings.into_iter().enumerate() {
            let name = ["p0", "p1", "p2", "default"][policy];
            if let Some(own) = bound_to.get_mut(policy) {
                own.push(at);
            }
            texts.push(bound(name, &format!("b{at}"), &format!("{IMAGE}{image}")));
        }
        for (at, (id, image)) in exceptions.into_iter().enumerate() {
            let (name, id) = (format!("e{at}"), format!("CVE-{id}"));
            texts.push(excepted(&name, &id, &format!("{IMAGE}{image}")));
        }
        let bodies = [
            "  mode: audit",
            "  rules: [{id: r, when: {kev: true}, action: annotate}]",
            "  rules: [{id: r, when: {severityAtLeast: low}, action: refuse}]",
        ];
        let policies = bodies.iter().enumerate().map(|(at, body)| {
            format!(
                "---\n{}",
                policy(body).replace("name: p}", &format!("name: p{at}}}"))
            )
        });
        // A policy that nothing binds covers everything.
        let policies = policies
            .zip(&bound_to)
            .filter(|(_, bound)| !bound.is_empty());
        texts.extend(policies.map(|(text, _)| text));
        texts.concat()
    })
}

proptest! {
    #![proptest_config(Config {
        cases: 400,
        rng_seed: RngSeed::Fixed(31),
        ..Config::default()
    })]

    #[test]
    fn no_tag_is_never_looser_than_any(text in documents()) {
        let set = set(&text);
        let found = report(
            vec![
                finding("CVE-1", Severity::Low, None, true),
                finding("CVE-2", Severity::High, None, false),
            ],
            vec![],
        );
        let decision = |tag| decided_in(&set, &asked(&set, IMAGE, tag), &found).decision;
        let unknown = decision(None);
        for tag in ["1", "2", "3"] {
            prop_assert!(unknown >= decision(Some(tag)), "{tag}: {text}");
        }
    }
}
