//! Every route by every method in every state: what may leave and what may not.

use futures_util::future::join_all;
use http::{Method, StatusCode};
use sluicegate_tests::image::{Flavour, Image, Index, index};
use sluicegate_tests::wire::Reply;

use crate::stage::{
    REPO, STRICTER, Stage, USUAL, assert_no_content, blob_path, clean, dubious, eventually,
    manifest_path, vulnerable,
};

/// One request of the matrix.
struct Row {
    name: &'static str,
    path: String,
    range: Option<&'static str>,
    is_blob: bool,
}

/// Lists every route of an image that is a child of an index.
fn rows(repository: &str, image: &Image, index: &Index) -> Vec<Row> {
    let manifest = |name, reference: &str| Row {
        name,
        path: manifest_path(repository, reference),
        range: None,
        is_blob: false,
    };
    let blob = |name, digest, range| Row {
        name,
        path: blob_path(repository, digest),
        range,
        is_blob: true,
    };
    let layer = &image.layers[2].digest;
    vec![
        blob("config", &image.config.digest, None),
        blob("layer", layer, None),
        blob("layer from its middle", layer, Some("bytes=1000-")),
        blob("end of layer", layer, Some("bytes=-10")),
        blob("shared base layer", &image.layers[0].digest, None),
        manifest("index by tag", "multi"),
        manifest("index by digest", index.digest.as_str()),
        manifest("child of index by digest", image.digest.as_str()),
        manifest("manifest by tag", "1"),
    ]
}

/// Asks for every row by both methods at once and hands each reply to `check`.
async fn ask_all(stage: &Stage, rows: &[Row], check: impl Fn(&Row, &Method, &Reply)) {
    let asked = rows
        .iter()
        .flat_map(|row| [(row, Method::HEAD), (row, Method::GET)]);
    let replies = asked.map(async |(row, method)| {
        let mut call = stage.call(method.clone(), &row.path);
        if let Some(range) = row.range {
            call = call.header("range", range);
        }
        (row, method, call.send().await)
    });
    for (row, method, reply) in join_all(replies).await {
        check(row, &method, &reply);
    }
}

/// Checks that every route answers this status and that no content leaves.
async fn assert_all(stage: &Stage, image: &Image, rows: &[Row], status: StatusCode) {
    ask_all(stage, rows, |row, method, reply| {
        let what = format!("{method} {}: {}", row.name, reply.text());
        assert_eq!(reply.status, status, "{what}");
        assert_no_content(reply, image, &what);
    })
    .await;
}

/// Offers an image by tag and as the only child of an index.
fn offer(stage: &Stage, repository: &str, image: &Image) -> Index {
    let index = index(vec![image.clone()], Flavour::Oci);
    stage.upstream.add(repository, "1", image);
    stage.upstream.add_index(repository, "multi", &index);
    index
}

#[tokio::test]
async fn no_blob_leaves_before_its_manifest_was_asked_for() {
    let stage = Stage::hold().await;
    let image = clean(1);
    let index = offer(&stage, REPO, &image);
    let blobs: Vec<Row> = rows(REPO, &image, &index)
        .into_iter()
        .filter(|row| row.is_blob)
        .collect();
    assert_all(&stage, &image, &blobs, StatusCode::NOT_FOUND).await;
    assert_eq!(stage.upstream.body_bytes(), 0, "nothing was fetched for it");
}

#[tokio::test]
async fn nothing_leaves_while_the_image_is_scanned() {
    let stage = Stage::hold().await;
    let image = vulnerable(2);
    let index = offer(&stage, REPO, &image);
    stage.stall(&image.layers[2].digest, 100_000);
    let first = stage.once(Method::HEAD, &manifest_path(REPO, "1")).await;
    assert_eq!(first.status, StatusCode::TEMPORARY_REDIRECT);
    let rows = rows(REPO, &image, &index);
    assert_all(&stage, &image, &rows, StatusCode::TEMPORARY_REDIRECT).await;
}

#[tokio::test]
async fn an_allowed_image_leaves_byte_for_byte_on_every_route() {
    let stage = Stage::hold().await;
    let image = clean(3);
    let index = offer(&stage, REPO, &image);
    stage.get(&manifest_path(REPO, "multi")).await;
    stage.get(&manifest_path(REPO, "1")).await;
    let layer = image.layers[2].bytes.clone();
    ask_all(&stage, &rows(REPO, &image, &index), |row, method, reply| {
        let what = format!("{method} {}: {}", row.name, reply.status);
        let (status, body) = match row.name {
            "config" => (StatusCode::OK, image.config.bytes.clone()),
            "layer" => (StatusCode::OK, layer.clone()),
            // A range is for GET only.
            _ if row.range.is_some() && *method == Method::HEAD => (StatusCode::OK, layer.clone()),
            "layer from its middle" => (StatusCode::PARTIAL_CONTENT, layer.slice(1_000..)),
            "end of layer" => (StatusCode::PARTIAL_CONTENT, layer.slice(layer.len() - 10..)),
            "shared base layer" => (StatusCode::OK, image.layers[0].bytes.clone()),
            "index by tag" | "index by digest" => (StatusCode::OK, index.manifest.clone()),
            _ => (StatusCode::OK, image.manifest.clone()),
        };
        assert_eq!(reply.status, status, "{what}");
        assert_eq!(
            reply.header("content-length"),
            body.len().to_string(),
            "{what}"
        );
        if *method == Method::GET {
            assert_eq!(reply.body, body, "{what}");
        } else {
            assert_eq!(reply.body_bytes, 0, "{what}");
        }
    })
    .await;
}

#[tokio::test]
async fn a_refused_image_is_403_on_head_and_get_by_tag_and_digest_and_on_its_blobs() {
    let stage = Stage::hold().await;
    let image = vulnerable(4);
    let index = offer(&stage, REPO, &image);
    assert_eq!(
        stage.get(&manifest_path(REPO, "1")).await.status,
        StatusCode::FORBIDDEN
    );
    stage.get(&manifest_path(REPO, "multi")).await;
    let rows = rows(REPO, &image, &index);
    assert_all(&stage, &image, &rows, StatusCode::FORBIDDEN).await;
}

#[tokio::test]
async fn an_image_that_turned_bad_after_its_release_is_403_everywhere() {
    let stage = Stage::with(|proxy, _| proxy.policy("policy.yaml", USUAL)).await;
    let image = dubious(5);
    let index = offer(&stage, REPO, &image);
    assert_eq!(
        stage.get(&manifest_path(REPO, "multi")).await.status,
        StatusCode::OK
    );
    stage.pull(REPO, "1", &image).await;
    let fetched = stage.upstream.body_bytes();
    stage.proxy.write_policy("policy.yaml", STRICTER);
    let path = manifest_path(REPO, "1");
    eventually("the stricter policy is in force", async || {
        stage.head(&path).await.status == StatusCode::FORBIDDEN
    })
    .await;
    let rows = rows(REPO, &image, &index);
    assert_all(&stage, &image, &rows, StatusCode::FORBIDDEN).await;
    assert_eq!(
        stage.upstream.body_bytes(),
        fetched,
        "judged again from the inventory"
    );
}

#[tokio::test]
async fn another_repository_gets_nothing_of_an_image_it_does_not_have() {
    let stage = Stage::hold().await;
    let image = clean(6);
    let index = offer(&stage, REPO, &image);
    stage.get(&manifest_path(REPO, "multi")).await;
    stage.pull(REPO, "1", &image).await;
    let rows = rows("other/app", &image, &index);
    assert_all(&stage, &image, &rows, StatusCode::NOT_FOUND).await;
}
