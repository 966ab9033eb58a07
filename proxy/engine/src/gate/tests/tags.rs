//! Bindings on tags at the gate: what is asked for by digest belongs to the pull by tag that led there,
//! and to none where nobody was led.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use sluicegate_model::{Digest, media_type};

use super::images::{Image, bad, index};
use super::stage::Stage;
use crate::gate::GateMode;
use crate::ledger::Verdicts as _;
use crate::pull::asked::Asked;

/// By tags of development anything goes, the built-in policy is for all else, and by those of
/// production nothing goes that could not be looked into.
const BY_TAGS: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: open}
spec: {mode: audit}
---
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: middle}
spec: {onInconclusive: annotate}
---
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: strict}
spec: {onInconclusive: refuse}
---
apiVersion: sluicegate/v1
kind: Binding
metadata: {name: dev}
spec: {policy: open, repositories: ['up.test/app:dev-*']}
---
apiVersion: sluicegate/v1
kind: Binding
metadata: {name: middle}
spec: {policy: middle, repositories: ['up.test/app:1', 'up.test/app:2']}
---
apiVersion: sluicegate/v1
kind: Binding
metadata: {name: prod}
spec: {policy: strict, repositories: ['up.test/app:prod-*']}
";

const A_MINUTE: Duration = Duration::from_mins(1);

fn stage(tags: &[&str], image: &Image) -> Stage {
    let stage = Stage::new(GateMode::Hold);
    stage.snapshots.set_policies(BY_TAGS);
    for tag in tags {
        stage.push("app", tag, image);
    }
    stage
}

/// Makes a request one of another machine.
fn from_elsewhere(mut asked: Asked) -> Asked {
    asked.who.client = IpAddr::V4(Ipv4Addr::new(192, 0, 2, 7));
    asked
}

async fn blobs(stage: &Stage, asked: &Asked, image: &Image) -> Vec<String> {
    let mut answers = Vec::new();
    for blob in image.blobs() {
        answers.push(stage.blob(asked, &blob.digest()).await);
    }
    answers.dedup();
    answers
}

#[tokio::test]
async fn a_digest_is_decided_by_the_tag_that_led_there() {
    let image = bad("one");
    let digest = image.digest().to_string();
    for (tag, wanted, blob) in [
        ("dev-1", "serve allow", "whole"),
        ("1", "serve annotate", "whole"),
        ("prod-1", "refuse", "refuse"),
        // No binding means it: the built-in policy.
        ("3", "refuse", "refuse"),
    ] {
        let stage = stage(&[tag], &image);
        for asked in [stage.head("app"), stage.get("app")] {
            assert_eq!(stage.manifest(&asked, tag).await, wanted, "{tag}");
            assert_eq!(stage.manifest(&asked, &digest).await, wanted, "{tag}");
        }
        assert_eq!(blobs(&stage, &stage.get("app"), &image).await, [blob]);
        // Whoever was led there by no tag gets the strictest of all.
        let elsewhere = from_elsewhere(stage.get("app"));
        assert_eq!(stage.manifest(&elsewhere, &digest).await, "refuse", "{tag}");
        assert_eq!(blobs(&stage, &elsewhere, &image).await, ["refuse"], "{tag}");
        assert_eq!(stage.ledger.count_verdicts().await.unwrap(), 2, "{tag}");
    }
}

#[tokio::test]
async fn what_one_tag_lets_through_another_does_not() {
    let image = bad("two-tags");
    let digest = image.digest().to_string();
    let stage = stage(&["dev-1", "3"], &image);
    for _ in 0..2 {
        for (tag, wanted) in [("dev-1", "serve allow"), ("3", "refuse")] {
            for reference in [tag, &digest, tag, &digest] {
                let asked = stage.get("app");
                assert_eq!(stage.manifest(&asked, reference).await, wanted, "{tag}");
            }
        }
    }
}

#[tokio::test]
async fn two_tags_of_one_binding_share_a_verdict() {
    let image = bad("shared");
    let stage = stage(&["1", "2"], &image);
    for tag in ["1", "2"] {
        let asked = stage.get("app");
        assert_eq!(stage.manifest(&asked, tag).await, "serve annotate");
    }
    assert_eq!(stage.ledger.count_verdicts().await.unwrap(), 1);
}

#[tokio::test]
async fn an_index_leads_to_its_children_by_the_same_tag() {
    let (one, two) = (bad("one"), bad("two"));
    let stage = stage(&["child"], &one);
    stage.push("app", "other-child", &two);
    let bytes = index(&[&one, &two]);
    stage.push_manifest("app", "dev-all", media_type::OCI_INDEX, &bytes);
    let outer = Digest::of(&bytes).to_string();
    let digests = [outer, one.digest().to_string(), two.digest().to_string()];
    for digest in &digests {
        let asked = stage.get("app");
        assert_ne!(stage.manifest(&asked, digest).await, "serve allow");
    }
    let head = stage.head("app");
    assert_eq!(stage.manifest(&head, "dev-all").await, "serve allow");
    for digest in &digests {
        let asked = stage.get("app");
        assert_eq!(stage.manifest(&asked, digest).await, "serve allow");
        let elsewhere = from_elsewhere(stage.get("app"));
        assert_eq!(stage.manifest(&elsewhere, digest).await, "refuse");
    }
    assert_eq!(blobs(&stage, &stage.get("app"), &two).await, ["whole"]);
}

#[tokio::test(start_paused = true)]
async fn a_digest_belongs_to_its_tag_for_ten_minutes_and_its_blobs_for_an_hour() {
    let image = bad("later");
    let digest = image.digest().to_string();
    let stage = stage(&["dev-1"], &image);
    let asked = || stage.get("app");
    assert_eq!(stage.manifest(&asked(), "dev-1").await, "serve allow");
    for (minutes, manifest, blob) in [
        (10, "serve allow", "whole"),
        (1, "refuse", "whole"),
        (49, "refuse", "whole"),
        (1, "refuse", "refuse"),
    ] {
        tokio::time::advance(minutes * A_MINUTE).await;
        assert_eq!(
            stage.manifest(&asked(), &digest).await,
            manifest,
            "{minutes}"
        );
        assert_eq!(blobs(&stage, &asked(), &image).await, [blob], "{minutes}");
    }
    assert_eq!(stage.manifest(&asked(), "dev-1").await, "serve allow");
    assert_eq!(stage.manifest(&asked(), &digest).await, "serve allow");
}

#[tokio::test(start_paused = true)]
async fn whoever_waits_for_a_verdict_by_digest_keeps_the_tag() {
    let image = bad("slow");
    let digest = image.digest().to_string();
    let stage = stage(&["dev-1"], &image);
    stage.withhold(&image.layers[1].digest());
    let impatient = || stage.impatient("app", false, true);
    for reference in ["dev-1", &digest, &digest, &digest] {
        assert_ne!(stage.manifest(&impatient(), reference).await, "refuse");
        tokio::time::advance(9 * A_MINUTE).await;
    }
    stage.release();
    let asked = stage.get("app");
    assert_eq!(stage.manifest(&asked, &digest).await, "serve allow");
}

#[tokio::test]
async fn tags_count_by_what_the_documents_in_force_say_of_them() {
    let image = bad("anew");
    let digest = image.digest().to_string();
    let stage = stage(&["dev-1"], &image);
    let asked = || stage.get("app");
    let allowed = ["serve allow", "serve allow", "whole"];
    let refused = ["refuse", "refuse", "refuse"];
    for (policies, wanted) in [
        (BY_TAGS.to_owned(), allowed),
        (BY_TAGS.replace("dev-*", "dev-2"), refused),
        (BY_TAGS.replace("app:dev-*", "app"), allowed),
        (BY_TAGS.to_owned(), allowed),
    ] {
        stage.snapshots.set_policies(&policies);
        for (reference, wanted) in [("dev-1", wanted[0]), (&digest, wanted[1])] {
            assert_eq!(stage.manifest(&asked(), reference).await, wanted);
        }
        assert_eq!(blobs(&stage, &asked(), &image).await, [wanted[2]]);
    }
}

/// Tags of development are listed one by one; whatever has no such tag is judged by what it holds.
const LISTED: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: all}
spec: {mode: audit}
---
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: listed}
spec: {default: refuse, onInconclusive: annotate, rules: [{id: known, image: {tags: [dev-1]}, action: allow}]}
---
apiVersion: sluicegate/v1
kind: Binding
metadata: {name: all}
spec: {policy: all, repositories: ['up.test/app']}
---
apiVersion: sluicegate/v1
kind: Binding
metadata: {name: dev}
spec: {policy: listed, repositories: ['up.test/app:dev-*']}
";

#[tokio::test(start_paused = true)]
async fn a_tag_leads_nobody_past_a_list_that_would_have_refused_it() {
    for (tag, by_digest) in [("1", "refuse name"), ("dev-1", "serve")] {
        let image = bad("listed");
        let stage = stage(&[tag], &image);
        stage.snapshots.set_policies(LISTED);
        let answer = stage.manifest(&stage.get("app"), tag).await;
        assert!(answer.starts_with("serve"), "{tag}: {answer}");
        let digest = image.digest().to_string();
        // Nobody knows by which tag another machine means it.
        let other = from_elsewhere(stage.get("app"));
        let answer = stage.manifest(&other, &digest).await;
        assert!(answer.starts_with(by_digest), "{tag}: {answer}");
    }
}
