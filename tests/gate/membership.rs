//! Content is shared, membership is not; a blob leaves only by a manifest that allows it.

use std::time::Duration;

use http::StatusCode;
use sluicegate_tests::fault::Fault;
use sluicegate_tests::image::{Image, ImageBuilder};
use sluicegate_tests::layer::{Compression, noise};

use crate::stage::{REPO, Stage, base, blob_path, clean, eventually, manifest_path, python};

/// A second repository of the same upstream.
const OTHER: &str = "lib/other";

#[tokio::test]
async fn a_manifest_that_names_another_repositorys_blob_does_not_get_it() {
    let stage = Stage::hold().await;
    let image = clean(41);
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    // The other repository has the manifest and the config, and not one of the layers.
    let thief = Image {
        layers: Vec::new(),
        ..image.clone()
    };
    stage.upstream.add(OTHER, "1", &thief);
    stage.get(&manifest_path(OTHER, "1")).await;
    for layer in &image.layers {
        for path in [
            blob_path(OTHER, &layer.digest),
            format!("{}?sluicegate-hop=9", blob_path(OTHER, &layer.digest)),
        ] {
            assert_eq!(stage.get(&path).await.status, StatusCode::NOT_FOUND);
            assert_eq!(stage.head(&path).await.status, StatusCode::NOT_FOUND);
        }
    }
}

#[tokio::test]
async fn a_repository_that_lacks_a_blob_does_not_spoil_it_for_the_one_that_has_it() {
    let stage = Stage::hold().await;
    let image = clean(42);
    let thief = Image {
        layers: Vec::new(),
        ..image.clone()
    };
    stage.upstream.add(OTHER, "1", &thief);
    stage.upstream.add(REPO, "1", &image);
    let theirs = stage.get(&manifest_path(OTHER, "1")).await;
    assert!(!theirs.status.is_success(), "{}", theirs.status);
    stage.pull(REPO, "1", &image).await;
    let (theirs, ours) = (manifest_path(OTHER, "1"), manifest_path(REPO, "1"));
    let (theirs, ours) = tokio::join!(stage.get(&theirs), stage.get(&ours));
    assert_eq!(ours.status, StatusCode::OK, "{}", ours.text());
    drop(theirs);
}

#[tokio::test]
async fn two_repositories_pulling_at_once_are_each_asked_about_their_own() {
    let stage = Stage::hold().await;
    let image = clean(43);
    let thief = Image {
        layers: Vec::new(),
        ..image.clone()
    };
    stage.upstream.add(OTHER, "1", &thief);
    stage.upstream.add(REPO, "1", &image);
    let (theirs, ours) = (manifest_path(OTHER, "1"), manifest_path(REPO, "1"));
    let (_, ours) = tokio::join!(stage.get(&theirs), stage.get(&ours));
    assert_eq!(
        ours.status,
        StatusCode::OK,
        "another's 404 is not ours: {}",
        ours.text()
    );
    let layer = &image.layers[2].digest;
    assert_eq!(
        stage.get(&blob_path(REPO, layer)).await.status,
        StatusCode::OK
    );
    assert_eq!(
        stage.get(&blob_path(OTHER, layer)).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn downloads_that_fail_elsewhere_one_after_the_other_cost_nobody_a_pull() {
    let stage = Stage::hold().await;
    let image = clean(46);
    let thief = Image {
        layers: Vec::new(),
        ..image.clone()
    };
    stage.upstream.add(OTHER, "1", &thief);
    stage.upstream.add(REPO, "1", &image);
    for (count, layer) in (1..).zip(&image.layers) {
        let late = Fault::Delay(Duration::from_millis(300 * count));
        stage
            .upstream
            .always(&format!("/v2/{OTHER}/blobs/{}", layer.digest), late);
    }
    let (theirs, ours) = (manifest_path(OTHER, "1"), manifest_path(REPO, "1"));
    let ours_once_theirs_runs = async {
        eventually("the other pull fetches its layers", async || {
            stage.upstream.count("GET", &format!("/v2/{OTHER}/blobs/")) > image.layers.len()
        })
        .await;
        stage.get(&ours).await
    };
    let (theirs, ours) = tokio::join!(stage.get(&theirs), ours_once_theirs_runs);
    assert_eq!(ours.status, StatusCode::OK, "{}", ours.text());
    // Their own manifest is theirs, and what is in it may be known from ours by then. What their
    // upstream does not have never leaves under their name.
    let statuses = [StatusCode::NOT_FOUND, StatusCode::OK];
    assert!(statuses.contains(&theirs.status), "{}", theirs.text());
    for layer in &image.layers {
        let reply = stage.get(&blob_path(OTHER, &layer.digest)).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND, "{}", reply.text());
    }
}

#[tokio::test]
async fn a_layer_shared_with_a_refused_image_stays_served_by_the_allowed_one() {
    let stage = Stage::hold().await;
    let allowed = clean(44);
    let refused = ImageBuilder::new()
        .layer(base())
        .layer(python("badlib", 44))
        .layer(noise(449, 10_000, Compression::Gzip))
        .build();
    stage.upstream.add(REPO, "good", &allowed);
    stage.upstream.add(REPO, "bad", &refused);
    for (first, second) in [("good", "bad"), ("bad", "good")] {
        stage.get(&manifest_path(REPO, first)).await;
        stage.get(&manifest_path(REPO, second)).await;
    }
    let status = async |digest| stage.get(&blob_path(REPO, digest)).await.status;
    let shared = base().digest;
    assert_eq!(status(&shared).await, StatusCode::OK, "the shared base");
    assert_eq!(
        status(&refused.layers[1].digest).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(
        status(&refused.layers[2].digest).await,
        StatusCode::FORBIDDEN
    );
    assert_eq!(status(&refused.config.digest).await, StatusCode::FORBIDDEN);
    let unknown = sluicegate_model::Digest::of(b"nobody lists this");
    assert_eq!(status(&unknown).await, StatusCode::NOT_FOUND);
    assert_eq!(
        status(&refused.digest).await,
        StatusCode::NOT_FOUND,
        "a manifest is no blob"
    );
}

#[tokio::test]
async fn an_evicted_blob_is_fetched_again() {
    let mut stage = Stage::hold().await;
    let image = clean(45);
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    stage.proxy.kill();
    std::fs::remove_dir_all(stage.proxy.data().join("content")).expect("lose the content");
    stage.proxy.restart().await;
    for blob in image.blobs() {
        let reply = stage.get(&blob_path(REPO, &blob.digest)).await;
        assert_eq!(
            (reply.status, reply.body_digest),
            (StatusCode::OK, blob.digest.clone())
        );
    }
}

#[tokio::test]
async fn a_size_in_a_manifest_that_is_not_the_blobs_is_no_way_to_half_a_blob() {
    let stage = Stage::hold().await;
    let image = clean(46);
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    let size = image.layers[2].bytes.len();
    for wrong in [size - 1_000, size + 1_000] {
        let text = String::from_utf8(image.manifest.to_vec()).expect("JSON");
        let text = text.replace(&format!("\"size\":{size}"), &format!("\"size\":{wrong}"));
        let document = serde_json::from_str(&text).expect("JSON");
        let liar = sluicegate_tests::image::image(
            &document,
            &image.media_type,
            image.config.clone(),
            image.layers.clone(),
            &image.platform,
        );
        stage.upstream.add(OTHER, &wrong.to_string(), &liar);
        let reply = stage.get(&manifest_path(OTHER, &wrong.to_string())).await;
        assert!(!reply.status.is_success(), "size {wrong}: {}", reply.status);
    }
}
