//! Bindings that name askers: whom they set apart, and by which policies those are judged.

use sluicegate_model::{Audience, Domain, Principal, Repository};

use super::*;
use crate::{Asker, PolicyDocument};

/// One policy for everybody, one for production, and one for a network.
const FILE: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: open}
spec: {mode: audit}
---
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: strict}
spec: {onInconclusive: refuse}
---
apiVersion: sluicegate/v1
kind: Binding
metadata: {name: prod}
spec: {policy: strict, repositories: ['up.test/**'], clients: ['key:prod-*', 'cert:node-*']}
---
apiVersion: sluicegate/v1
kind: Binding
metadata: {name: office}
spec: {policy: default, repositories: ['up.test/*'], clients: ['10.0.0.0/8']}
";

fn parsed(text: &str) -> PolicySet {
    let file = SourceFile {
        name: "p.yaml".into(),
        text: text.into(),
    };
    PolicySet::parse(&[file]).unwrap()
}

fn audience(set: &PolicySet, repository: &str, key: Option<&str>, address: &str) -> Audience {
    let repository: Repository = repository.parse().unwrap();
    let principal = key.map(|name| Principal::Key(name.to_owned()));
    let asker = Asker {
        principal: principal.as_ref(),
        address: address.parse().unwrap(),
    };
    set.audience(&repository, &asker)
}

fn of(bindings: &[&str]) -> Audience {
    Audience::of_bindings(bindings.iter().map(|name| (*name).to_owned()))
}

fn for_whom(repository: &str, audience: &Audience) -> Scope {
    Scope {
        audience: audience.clone(),
        domain: Domain::Here,
        ..scope(repository)
    }
}

#[test]
fn those_to_whom_the_same_bindings_apply_are_judged_alike() {
    let set = parsed(FILE);
    for (repository, key, address, wanted) in [
        ("up.test/app", None, "192.0.2.1", &[][..]),
        ("up.test/app", Some("ci"), "192.0.2.1", &[]),
        ("up.test/app", Some("prod-1"), "192.0.2.1", &["prod"]),
        ("up.test/app", Some("prod-2"), "192.0.2.9", &["prod"]),
        (
            "up.test/app",
            Some("prod-1"),
            "10.1.1.1",
            &["office", "prod"],
        ),
        ("up.test/app", None, "10.1.1.1", &["office"]),
        ("up.test/deep/app", Some("prod-1"), "10.1.1.1", &["prod"]),
        ("else.test/app", Some("prod-1"), "10.1.1.1", &[]),
    ] {
        let found = audience(&set, repository, key, address);
        assert_eq!(found, of(wanted), "{repository} {key:?} {address}");
    }
    assert_eq!(
        audience(
            &PolicySet::built_in(),
            "up.test/app",
            Some("prod-1"),
            "10.1.1.1"
        ),
        Audience::EVERYBODY
    );
}

#[test]
fn each_audience_has_its_own_policies_and_its_own_digest() {
    let set = parsed(FILE);
    let policies = |bindings: &[&str]| {
        let documents = set.documents_for(&for_whom("up.test/app", &of(bindings)));
        let policies = documents
            .into_iter()
            .filter(|it| it.kind == crate::document::POLICY);
        let names: Vec<String> = policies.map(|PolicyDocument { name, .. }| name).collect();
        names.join("+")
    };
    assert_eq!(policies(&[]), "open");
    assert_eq!(policies(&["prod"]), "open+strict");
    assert_eq!(policies(&["office"]), "open+default");
    assert_eq!(policies(&["office", "prod"]), "open+strict+default");
    let digest = |bindings: &[&str]| set.digest_for(&for_whom("up.test/app", &of(bindings)));
    let all = [&[][..], &["prod"], &["office"], &["office", "prod"]].map(digest);
    let distinct: std::collections::BTreeSet<_> = all.iter().collect();
    assert_eq!(distinct.len(), all.len());
    for bindings in [&[][..], &["prod"], &["office"]] {
        let documents = set.documents_for(&for_whom("up.test/app", &of(bindings)));
        assert_eq!(crate::digest_of_documents(&documents), digest(bindings));
    }
}

#[test]
fn a_changed_text_is_another_digest_for_the_same_audience() {
    let (before, after) = (
        parsed(FILE),
        parsed(&FILE.replace("policy: strict", "policy: open")),
    );
    let asked = |set: &PolicySet| audience(set, "up.test/app", Some("prod-1"), "192.0.2.1");
    assert_eq!(asked(&before), asked(&after));
    let scope = for_whom("up.test/app", &asked(&before));
    assert_ne!(before.digest_for(&scope), after.digest_for(&scope));
    let everybody = for_whom("up.test/app", &Audience::EVERYBODY);
    assert_ne!(
        before.digest_for(&everybody),
        after.digest_for(&everybody),
        "strict is bound to nobody now"
    );
}

#[test]
fn an_audience_is_known_while_every_binding_still_tells_it_apart() {
    let set = parsed(FILE);
    let knows = |set: &PolicySet, repository: &str, bindings: &[&str]| {
        set.knows(&for_whom(repository, &of(bindings)))
    };
    assert!(knows(&set, "up.test/app", &[]) && knows(&set, "else.test/app", &[]));
    assert!(knows(&set, "up.test/app", &["office", "prod"]));
    assert!(!knows(&set, "up.test/app", &["gone", "prod"]));
    assert!(
        !knows(&set, "up.test/deep/app", &["office"]),
        "it does not apply there"
    );
    let for_everybody = parsed(&FILE.replace(", clients: ['10.0.0.0/8']", ""));
    assert!(!knows(&for_everybody, "up.test/app", &["office"]));
    assert!(knows(&for_everybody, "up.test/app", &["prod"]));
}

#[test]
fn lists_of_clients_have_their_mistakes_told_with_their_places() {
    for (clients, wanted) in [
        ("[]", "wanted at least one client"),
        (
            "['prod']",
            "wanted key:NAME, cert:NAME, a network or an address",
        ),
        ("['10.0.0.0/40']", "wanted key:NAME"),
        ("key:ci", "wanted a list"),
    ] {
        let text = FILE.replace("['10.0.0.0/8']", clients);
        let file = SourceFile {
            name: "p.yaml".into(),
            text,
        };
        let errors = PolicySet::parse(&[file]).unwrap_err().to_string();
        assert!(errors.contains(wanted), "{clients}: {errors}");
        assert!(errors.contains("p.yaml:19:"), "{errors}");
    }
}
