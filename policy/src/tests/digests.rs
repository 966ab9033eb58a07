//! Bindings and exceptions that name one image by its digest.

use super::*;

const OTHER: &str = "sha256:bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb";

fn exploited() -> Report {
    report(vec![finding("CVE-1", Severity::Low, None, true)], vec![])
}

fn bound(policy: &str, name: &str, image: &str) -> String {
    format!(
        "---\napiVersion: sluicegate/v1\nkind: Binding\nmetadata: {{name: {name}}}\n\
         spec: {{policy: {policy}, repositories: ['{image}']}}\n"
    )
}

#[test]
fn an_exception_is_on_the_image_that_it_names_and_no_other() {
    let on = |image: &str| {
        let images = format!("images: ['{image}'],");
        decided(&set(&exception(&images)), IMAGE, &exploited()).decision
    };
    let own = DIGEST.to_string();
    for (image, wanted) in [
        (format!("{IMAGE}@{own}"), Decision::Allow),
        (format!("docker.io/**@{own}"), Decision::Allow),
        (format!("quay.io/**@{own}"), Decision::Refuse),
        (format!("{IMAGE}@{OTHER}"), Decision::Refuse),
    ] {
        assert_eq!(on(&image), wanted, "{image}");
    }
}

#[test]
fn a_policy_is_bound_to_one_image_and_the_built_in_one_is_for_the_others() {
    let audit = policy("  mode: audit");
    let own = format!("{IMAGE}@{}", DIGEST.as_str());
    let other = format!("{IMAGE}@{OTHER}");
    for (image, name, wanted) in [
        (&own, "p", Decision::Allow),
        (&other, "default", Decision::Refuse),
    ] {
        let set = set(&[audit.clone(), bound("p", "b", image)].concat());
        let outcome = decided(&set, IMAGE, &exploited());
        assert_eq!(
            (outcome.policy.name.as_str(), outcome.decision),
            (name, wanted)
        );
        // What may be decided by in the repository is one digest for all of its images.
        let names: Vec<String> = set
            .documents_for(&scope(IMAGE))
            .into_iter()
            .map(|document| document.name)
            .collect();
        assert_eq!(names, ["p", "default", "b"]);
        assert_eq!(outcome.policy.digest, set.digest_for(&scope(IMAGE)));
        assert_eq!(set.documents_for(&scope("quay.io/a/b")).len(), 1);
    }
}

#[test]
fn a_digest_in_a_rule_is_no_repository() {
    for image in [format!("{IMAGE}@{OTHER}"), format!("{IMAGE}:1.*")] {
        let rule =
            format!("  rules: [{{id: r, image: {{repositories: ['{image}']}}, action: refuse}}]");
        let found = mistakes(&policy(&rule));
        assert!(found[0].2.contains("repositories alone"), "{found:?}");
    }
}
