//! Indexes: what their children's verdicts mean for them.

use serde_json::{Value, json};
use sluicegate_model::{Digest, media_type};

use super::images::{Image, bad, described, good, index, index_of, layer, unreadable};
use super::stage::Stage;
use crate::gate::GateMode;

/// Asks for an index over these children, of which the upstream has the first ones.
async fn answered(children: &[&Image], there: usize, left: Option<&Image>) -> String {
    let stage = Stage::new(GateMode::Hold);
    for (number, child) in children.iter().take(there).enumerate() {
        stage.push("app", &format!("child-{number}"), child);
    }
    if let Some(image) = left {
        stage.mark_left("app", &image.digest()).await;
    }
    let bytes = index(children);
    stage.push_manifest("app", "all", media_type::OCI_INDEX, &bytes);
    let answer = stage.manifest(&stage.get("app"), "all").await;
    // A passed index releases no child.
    for child in children
        .iter()
        .filter(|child| left.is_none_or(|it| it.digest() != child.digest()))
    {
        assert!(!stage.has_left("app", &child.digest()).await);
    }
    let released = stage.has_left("app", &Digest::of(&bytes)).await;
    // Where no child can be had there is no verdict, and nothing that was released.
    assert_eq!(released, answer == "serve allow", "{answer}");
    answer
}

#[tokio::test(start_paused = true)]
async fn an_index_is_refused_with_all_its_children_or_with_one_that_has_left() {
    let (one, two) = (good("one"), good("two"));
    let (three, four) = (bad("three"), bad("four"));
    for (children, there, left, wanted) in [
        (vec![&one, &two], 2, None, "serve allow"),
        (vec![&three, &four], 2, None, "refuse"),
        (vec![&one, &three], 2, None, "serve allow"),
        (vec![&one, &three], 2, Some(&three), "refuse"),
        (vec![&one, &three], 2, Some(&one), "serve allow"),
        // What the upstream does not have is no verdict.
        (vec![&one, &three], 1, None, "serve allow"),
        (vec![&three, &one], 1, None, "refuse"),
        (vec![&one, &three], 0, None, "serve"),
    ] {
        let answer = answered(&children, there, left).await;
        assert_eq!(answer, wanted, "{there} of {} children", children.len());
    }
}

#[tokio::test(start_paused = true)]
async fn each_child_is_gated_alone_when_it_is_asked_for() {
    let (one, three) = (good("one"), bad("three"));
    let stage = Stage::new(GateMode::Hold);
    stage.push("app", "one", &one);
    stage.push("app", "three", &three);
    stage.push_manifest("app", "all", media_type::OCI_INDEX, &index(&[&one, &three]));
    let asked = stage.get("app");
    assert_eq!(stage.manifest(&asked, "all").await, "serve allow");
    let digest = |image: &Image| image.digest().to_string();
    assert_eq!(stage.manifest(&asked, &digest(&one)).await, "serve allow");
    assert_eq!(stage.manifest(&asked, &digest(&three)).await, "refuse");
    let reference = digest(&three).parse().unwrap();
    let refused = stage.gate.serve_manifest(&asked, &reference).await;
    let Ok(super::super::ManifestAnswer::Refuse(refusal)) = refused else {
        panic!("not refused");
    };
    assert_eq!(refusal.platform.as_deref(), Some("linux/amd64"));
}

/// Asks for an index of these entries, of which the images are there.
async fn over(stage: &Stage, images: &[&Image], entries: Vec<Value>) -> String {
    for (number, image) in images.iter().enumerate() {
        stage.push("app", &format!("image-{number}"), image);
    }
    stage.push_manifest("app", "all", media_type::OCI_INDEX, &index_of(entries));
    stage.manifest(&stage.get("app"), "all").await
}

#[tokio::test(start_paused = true)]
async fn only_children_of_wanted_platforms_and_of_those_pulled_before_are_judged() {
    let (ours, theirs) = (
        good("ours"),
        Image::built_for("arm64", vec![unreadable("theirs")]),
    );
    for has_pulled_theirs in [false, true] {
        let stage = Stage::new(GateMode::Hold);
        if has_pulled_theirs {
            let earlier = Image::built_for("arm64", vec![layer("earlier", 100)]);
            stage.push("app", "earlier", &earlier);
            let asked = stage.get("app");
            assert_eq!(stage.manifest(&asked, "earlier").await, "serve allow");
        }
        let entries = vec![ours.described(), theirs.described()];
        let answer = over(&stage, &[&ours, &theirs], entries).await;
        assert_eq!(answer, "serve allow");
        let looked_at = stage.upstream.count(theirs.digest().as_str());
        assert_eq!(looked_at > 0, has_pulled_theirs);
        // One that is not looked at is gated all the same.
        let (asked, digest) = (stage.get("app"), theirs.digest());
        assert_eq!(stage.manifest(&asked, digest.as_str()).await, "refuse");
    }
}

#[tokio::test(start_paused = true)]
async fn an_entry_that_is_no_manifest_and_one_of_no_platform_are_no_children() {
    let child = good("child");
    let cache = described("application/vnd.buildkit.cacheconfig.v0", b"cache");
    let mut attestation = bad("attestation").described();
    attestation["platform"] = json!({"os": "unknown", "architecture": "unknown"});
    let stage = Stage::new(GateMode::Hold);
    let entries = vec![child.described(), cache, attestation];
    assert_eq!(over(&stage, &[&child], entries).await, "serve allow");
    for unasked in [Digest::of(b"cache"), bad("attestation").digest()] {
        assert_eq!(stage.upstream.count(unasked.as_str()), 0);
    }
}

#[tokio::test(start_paused = true)]
async fn indexes_nest_four_deep_and_no_deeper() {
    for (depth, wanted) in [(4, "serve allow"), (5, "Manifest")] {
        let stage = Stage::new(GateMode::Hold);
        let child = good("innermost");
        stage.push("app", "innermost", &child);
        let mut nest = index(&[&child]);
        for level in 1..depth {
            let tag = format!("level-{level}");
            stage.push_manifest("app", &tag, media_type::OCI_INDEX, &nest);
            nest = index_of(vec![described(media_type::OCI_INDEX, &nest)]);
        }
        stage.push_manifest("app", "all", media_type::OCI_INDEX, &nest);
        assert_eq!(stage.manifest(&stage.get("app"), "all").await, wanted);
    }
}

#[tokio::test(start_paused = true)]
async fn an_index_lists_256_children_and_no_more() {
    for (children, wanted) in [(255, "serve allow"), (256, "Manifest")] {
        let stage = Stage::new(GateMode::Hold);
        let child = good("the one that is there");
        let absent = (0..children).map(|number: usize| {
            described(media_type::OCI_MANIFEST, number.to_string().as_bytes())
        });
        let entries = std::iter::once(child.described()).chain(absent);
        assert_eq!(over(&stage, &[&child], entries.collect()).await, wanted);
    }
}

#[tokio::test(start_paused = true)]
async fn an_index_in_stream_mode_leaves_at_once_and_its_children_are_pulled() {
    let (one, three) = (good("one"), bad("three"));
    let stage = Stage::new(GateMode::Stream);
    let entries = vec![one.described(), three.described()];
    assert_eq!(over(&stage, &[&one, &three], entries).await, "serve");
    for (image, wanted) in [(&one, "serve allow"), (&three, "refuse")] {
        let (asked, digest) = (stage.get("app"), image.digest());
        stage.judge("app", digest.as_str()).await;
        assert_eq!(stage.manifest(&asked, digest.as_str()).await, wanted);
    }
}
