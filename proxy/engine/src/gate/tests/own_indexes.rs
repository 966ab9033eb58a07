//! What is attached to an index: while nothing of it that is judged is refused, and what it names.

use std::time::Duration;

use jiff::SignedDuration;
use sluicegate_model::{Digest, media_type};

use super::images::{Image, bad, described, good, index, index_of, layer, unreadable};
use super::own::{listed, manifest, tag};
use super::stage::{Stage, repository};
use crate::attest::BUNDLE;
use crate::ledger::{Judged, Verdicts as _};

/// Puts an index over images, all of which are there; gives its digest.
fn push(stage: &Stage, images: &[&Image]) -> Digest {
    for image in images {
        stage.push("app", &image.digest().hex()[..8], image);
    }
    let bytes = index(images);
    stage.push_manifest("app", "all", media_type::OCI_INDEX, &bytes);
    Digest::of(&bytes)
}

#[tokio::test(start_paused = true)]
async fn what_is_attached_to_an_index_names_its_images_and_is_the_same_each_time() {
    let (one, two) = (good("one"), good("two"));
    let (stage, attests) = Stage::attesting(&one);
    let index = push(&stage, &[&one, &two]);
    let first = listed(&stage, &index, None).await;
    let kinds: Vec<_> = first.iter().map(|it| it.artifact_type.as_deref()).collect();
    assert_eq!(kinds, [Some(BUNDLE)]);
    let by_tag = manifest(&stage, &tag(&index)).await;
    for stage in [&stage, &stage.started_again(&attests)] {
        assert_eq!(listed(stage, &index, None).await, first);
        assert_eq!(manifest(stage, &tag(&index)).await, by_tag);
        let by_digest = manifest(stage, first[0].digest.as_str()).await;
        for blob in by_tag.1.iter().chain(&by_digest.1) {
            let asked = stage.get("app");
            assert_eq!(stage.blob(&asked, blob).await, "whole", "{blob}");
        }
    }
    // The images have their own.
    assert_eq!(listed(&stage, &one.digest(), None).await.len(), 4);
}

#[tokio::test(start_paused = true)]
async fn an_index_passes_with_one_image_and_is_attested_with_none_refused() {
    let (one, three) = (good("one"), bad("three"));
    let (stage, _) = Stage::attesting(&one);
    let index = push(&stage, &[&one, &three]);
    let asked = stage.get("app");
    assert_eq!(stage.manifest(&asked, "all").await, "serve allow");
    assert!(listed(&stage, &index, None).await.is_empty());
    assert_eq!(stage.manifest(&asked, &tag(&index)).await, "refuse");
}

#[tokio::test(start_paused = true)]
async fn what_no_platform_of_ours_runs_speaks_against_an_index_once_somebody_asked_for_it() {
    let ours = good("ours");
    let theirs = Image::built_for("arm64", vec![unreadable("theirs")]);
    let (stage, _) = Stage::attesting(&ours);
    let index = push(&stage, &[&ours, &theirs]);
    let before = listed(&stage, &index, None).await;
    assert_eq!(before.len(), 1);
    let (_, blobs) = manifest(&stage, before[0].digest.as_str()).await;
    let (asked, digest) = (stage.get("app"), theirs.digest());
    assert_eq!(stage.manifest(&asked, digest.as_str()).await, "refuse");
    assert!(listed(&stage, &index, None).await.is_empty());
    // Nor is what was signed before given to whoever knows its digest.
    let old = [tag(&index), before[0].digest.to_string()];
    for reference in old {
        assert_eq!(stage.manifest(&asked, &reference).await, "refuse");
    }
    assert_eq!(stage.blob(&asked, blobs.last().unwrap()).await, "refuse");
}

#[tokio::test(start_paused = true)]
async fn an_index_of_nothing_that_is_judged_or_of_indexes_has_nothing_attached() {
    let theirs = Image::built_for("arm64", vec![layer("theirs", 100)]);
    let (stage, _) = Stage::attesting(&good("other"));
    let alone = push(&stage, &[&theirs]);
    let asked = stage.get("app");
    assert!(listed(&stage, &alone, None).await.is_empty());
    assert_eq!(
        stage.manifest(&asked, &tag(&alone)).await,
        "UnknownManifest"
    );
    let one = good("one");
    push(&stage, &[&one]);
    let nest = index_of(vec![described(media_type::OCI_INDEX, &index(&[&one]))]);
    stage.push_manifest("app", "nest", media_type::OCI_INDEX, &nest);
    let nest = Digest::of(&nest);
    assert!(listed(&stage, &nest, None).await.is_empty());
    assert_eq!(stage.manifest(&asked, &tag(&nest)).await, "UnknownManifest");
}

/// Refuses all images of these tests for what somebody can answer for.
const NO_ROOT: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: none}
spec: {rules: [{id: root, action: refuse, image: {user: root}}]}
";

/// Lets an image through for an hour.
async fn let_through(stage: &Stage, image: &Digest) {
    let (asked, app) = (stage.get("app"), repository("app"));
    let hour = SignedDuration::from_hours(1);
    let through = stage
        .break_glass
        .let_through(&asked.who, (&app, image), "an outage", hour);
    through.await.unwrap();
}

#[tokio::test(start_paused = true)]
async fn what_somebody_let_through_is_served_and_never_attested() {
    let image = good("subject");
    let (stage, _) = Stage::attesting(&image);
    stage.snapshots.set_policies(NO_ROOT);
    let index = push(&stage, &[&image]);
    let asked = stage.get("app");
    for reference in ["1", "all"] {
        assert_eq!(stage.manifest(&asked, reference).await, "refuse");
    }
    let_through(&stage, &image.digest()).await;
    for (reference, subject) in [("1", image.digest()), ("all", index)] {
        assert_eq!(stage.manifest(&asked, reference).await, "serve annotate");
        assert!(listed(&stage, &subject, None).await.is_empty());
        let answer = stage.manifest(&asked, &tag(&subject)).await;
        assert_eq!(answer, "UnknownManifest");
    }
    // What is kept of it says what its verdict says.
    let scope = stage.scope("app");
    let verdict = stage.ledger.verdict(&scope, &image.digest()).await.unwrap();
    let signed = stage
        .gate
        .parts
        .attester
        .signed(verdict.unwrap())
        .await
        .unwrap();
    let envelope: serde_json::Value = serde_json::from_str(&signed.envelopes[0].text).unwrap();
    let said = base64::Engine::decode(
        &base64::engine::general_purpose::STANDARD,
        envelope["payload"].as_str().unwrap(),
    );
    let said = String::from_utf8(said.unwrap()).unwrap();
    assert!(said.contains("\"refuse\""), "{said}");
}

#[tokio::test(start_paused = true)]
async fn what_was_attested_before_an_image_was_let_through_is_kept_back_meanwhile() {
    let image = good("subject");
    let (stage, _) = Stage::attesting(&image);
    let first = listed(&stage, &image.digest(), None).await;
    stage.snapshots.set_policies(NO_ROOT);
    let_through(&stage, &image.digest()).await;
    let asked = stage.get("app");
    assert_eq!(stage.manifest(&asked, "1").await, "serve annotate");
    let answer = stage.manifest(&asked, first[0].digest.as_str()).await;
    assert_eq!(answer, "UnknownManifest");
    tokio::time::advance(Duration::from_hours(1)).await;
    let answer = stage
        .manifest(&stage.get("app"), first[0].digest.as_str())
        .await;
    assert!(answer.starts_with("refuse"), "{answer}");
}

#[tokio::test(start_paused = true)]
async fn what_was_attached_goes_with_the_verdict() {
    let (one, two) = (good("one"), good("two"));
    let (stage, _) = Stage::attesting(&one);
    let index = push(&stage, &[&one, &two]);
    let attester = &stage.gate.parts.attester;
    let mut pieces = Vec::new();
    for subject in [&one.digest(), &index] {
        let mut names = vec![tag(subject)];
        let list = listed(&stage, subject, None).await;
        names.extend(list.iter().map(|it| it.digest.to_string()));
        for name in names {
            let (digest, blobs) = manifest(&stage, &name).await;
            pieces.push(digest);
            pieces.extend(blobs);
        }
    }
    let app = repository("app");
    let mut there = Vec::new();
    for piece in &pieces {
        if attester.piece(&app, piece).await.unwrap().is_some() {
            there.push(piece);
        }
    }
    assert!(there.len() > 10, "{there:?}");
    let gone = Judged {
        digest: one.digest(),
        scope: stage.scope("app"),
    };
    let of_two = listed(&stage, &two.digest(), None).await;
    stage
        .ledger
        .remove_verdicts(std::slice::from_ref(&gone), None)
        .await
        .unwrap();
    attester.forget(&[gone]).await;
    for piece in there {
        assert!(
            attester.piece(&app, piece).await.unwrap().is_none(),
            "{piece}"
        );
    }
    assert_eq!(listed(&stage, &two.digest(), None).await, of_two);
}
