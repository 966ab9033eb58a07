//! Names that policies refuse, and lists of names that they allow.

use sluicegate_model::{Digest, media_type};

use super::images::{good, index};
use super::stage::{Stage, repository};
use crate::gate::{GateMode, ReferrersAnswer};

/// Refuses a repository and a tag, and lists what is allowed in another.
const NAMES: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: names}
spec:
  rules:
    - {id: closed, image: {repositories: [up.test/closed]}, action: refuse}
    - {id: no-latest, image: {tags: latest}, action: refuse}
---
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: listed}
spec:
  default: refuse
  rules:
    - {id: releases, image: {tags: '1*'}, action: allow}
---
apiVersion: sluicegate/v1
kind: Binding
metadata: {name: listed}
spec: {policy: listed, repositories: [up.test/listed]}
";

fn stage(mode: GateMode) -> Stage {
    let stage = Stage::new(mode);
    stage.snapshots.set_policies(NAMES);
    stage
}

#[tokio::test]
async fn a_refused_name_is_logged_and_nothing_is_asked_of_the_upstream() {
    for mode in [GateMode::Hold, GateMode::Stream] {
        let (stage, image) = (stage(mode), good("one"));
        let digest = image.digest();
        for path in ["app", "closed", "listed"] {
            stage.push(path, "latest", &image);
        }
        for (path, reference, rule) in [
            ("closed", "1".to_owned(), "closed"),
            ("closed", digest.to_string(), "closed"),
            ("app", "latest".to_owned(), "no-latest"),
            ("listed", "2".to_owned(), "not-listed"),
            ("listed", digest.to_string(), "not-listed"),
        ] {
            for asked in [stage.get(path), stage.head(path)] {
                assert_eq!(stage.manifest(&asked, &reference).await, "refuse name");
                let line = stage.audit.names().pop().unwrap();
                assert_eq!(line.refusal.reasons[0].rule.as_str(), rule);
                assert_eq!(
                    (line.repository, line.is_head),
                    (repository(path), asked.head)
                );
                let named = line.tag.map(|tag| tag.to_string());
                let named = named.or(line.digest.map(|digest| digest.to_string()));
                assert_eq!(named, Some(reference.clone()));
            }
        }
        assert_eq!(stage.upstream.asked(), [""; 0], "{mode:?}");
        assert_eq!(stage.audit.pulls().len(), 0);
    }
}

#[tokio::test]
async fn nothing_is_refused_by_name_where_its_line_cannot_be_written() {
    let stage = stage(GateMode::Hold);
    stage.audit.let_fail(true);
    let answer = stage.manifest(&stage.get("closed"), "1").await;
    assert_ne!(answer, "refuse name");
    assert_eq!(stage.upstream.asked(), [""; 0]);
}

#[tokio::test]
async fn lists_of_a_refused_repository_are_not_asked_for() {
    let stage = stage(GateMode::Hold);
    let closed = stage.get("closed");
    assert!(stage.gate.refuses_repository(&closed).is_some());
    assert!(
        stage
            .gate
            .refuses_repository(&stage.get("listed"))
            .is_none()
    );
    let manifest = Digest::of(b"any");
    let listed = stage.gate.serve_referrers(&closed, &manifest, None).await;
    assert!(matches!(listed, Ok(ReferrersAnswer::RefuseName(_))));
    assert_eq!(stage.upstream.asked(), [""; 0]);
}

#[tokio::test]
async fn a_listed_tag_leads_to_its_digest_and_to_all_that_an_index_lists() {
    let (stage, image, other) = (stage(GateMode::Hold), good("one"), good("two"));
    let index = index(&[&image]);
    stage.push_manifest("listed", "1", media_type::OCI_INDEX, &index);
    stage.push("listed", "1-child", &image);
    stage.push("listed", "2", &other);
    let (outer, child) = (Digest::of(&index).to_string(), image.digest().to_string());
    let asked = || stage.get("listed");
    for digest in [&outer, &child] {
        assert_eq!(stage.manifest(&asked(), digest).await, "refuse name");
    }
    assert_eq!(
        stage.manifest(&stage.head("listed"), "1").await,
        "serve allow"
    );
    for digest in [&outer, &child] {
        assert_eq!(stage.manifest(&asked(), digest).await, "serve allow");
    }
    let other = other.digest().to_string();
    assert_eq!(stage.manifest(&asked(), &other).await, "refuse name");
    // Another list is another question.
    stage.snapshots.set_policies(&NAMES.replace("'1*'", "'3*'"));
    assert_eq!(stage.manifest(&asked(), &child).await, "refuse name");
}

#[tokio::test]
async fn what_was_pulled_before_its_repository_was_closed_is_refused_with_its_blobs() {
    let (stage, image) = (Stage::new(GateMode::Hold), good("one"));
    stage.push("closed", "1", &image);
    let asked = || stage.get("closed");
    assert_eq!(stage.manifest(&asked(), "1").await, "serve allow");
    stage.snapshots.set_policies(NAMES);
    assert_eq!(stage.manifest(&asked(), "1").await, "refuse name");
    for blob in image.blobs() {
        assert_eq!(stage.blob(&asked(), &blob.digest()).await, "refuse");
    }
}
