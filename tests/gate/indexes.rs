//! Indexes: which children are judged, when an index is refused, and how far it may nest.

use http::StatusCode;
use serde_json::{Value, json};
use sluicegate_model::{Digest, media_type};
use sluicegate_tests::image::{
    Flavour, Image, ImageBuilder, blob_of, descriptor, image as document_image, index,
};

use crate::stage::{
    REPO, STRICTER, Stage, USUAL, base, blob_path, clean, dubious, eventually, manifest_path,
    python, vulnerable,
};

/// Builds an image for a platform.
fn on(platform: &str, package: &str, seed: u64) -> Image {
    ImageBuilder::new()
        .layer(base())
        .layer(python(package, seed))
        .platform(platform)
        .build()
}

/// Builds an index over descriptors written by the test.
fn index_of(children: Vec<Value>) -> Image {
    let document = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_INDEX,
        "manifests": children,
    });
    document_image(
        &document,
        media_type::OCI_INDEX,
        blob_of("{}"),
        Vec::new(),
        "linux/amd64",
    )
}

#[tokio::test]
async fn an_index_is_refused_if_all_wanted_children_are() {
    let stage = Stage::hold().await;
    let index = index(
        vec![vulnerable(60), on("linux/arm64", "goodlib", 60)],
        Flavour::Oci,
    );
    stage.upstream.add_index(REPO, "multi", &index);
    for reference in ["multi", index.digest.as_str()] {
        let path = manifest_path(REPO, reference);
        assert_eq!(stage.get(&path).await.status, StatusCode::FORBIDDEN);
        assert_eq!(stage.head(&path).await.status, StatusCode::FORBIDDEN);
    }
    let arm = stage
        .upstream
        .count("GET", index.children[1].digest.as_str());
    assert_eq!(arm, 0, "a platform that nobody wants is not pulled");
}

#[tokio::test]
async fn an_index_with_one_good_child_passes_byte_for_byte_and_each_child_is_gated_alone() {
    for flavour in [Flavour::Oci, Flavour::Docker] {
        let platforms = "linux/amd64,linux/arm64";
        let stage = Stage::with(|proxy, _| proxy.flag("--platforms", platforms)).await;
        let index = index(
            vec![vulnerable(61), on("linux/arm64", "goodlib", 61)],
            flavour,
        );
        stage.upstream.add_index(REPO, "multi", &index);
        let reply = stage.get(&manifest_path(REPO, "multi")).await;
        assert_eq!(
            (reply.status, &reply.body),
            (StatusCode::OK, &index.manifest)
        );
        assert_eq!(reply.header("docker-content-digest"), index.digest.as_str());
        assert_eq!(reply.header("content-type"), index.media_type);
        let status = async |child: &Image| {
            stage
                .get(&manifest_path(REPO, child.digest.as_str()))
                .await
                .status
        };
        assert_eq!(status(&index.children[0]).await, StatusCode::FORBIDDEN);
        assert_eq!(status(&index.children[1]).await, StatusCode::OK);
        let bad = &index.children[0].layers[1].digest;
        assert_eq!(
            stage.get(&blob_path(REPO, bad)).await.status,
            StatusCode::FORBIDDEN
        );
    }
}

#[tokio::test]
async fn an_index_is_refused_once_a_child_that_was_released_turns_bad() {
    let stage = Stage::with(|proxy, _| {
        proxy
            .policy("policy.yaml", USUAL)
            .flag("--platforms", "linux/amd64,linux/arm64")
    })
    .await;
    let released = index(
        vec![dubious(62), on("linux/arm64", "goodlib", 62)],
        Flavour::Oci,
    );
    let never = index(
        vec![dubious(63), on("linux/arm64", "goodlib", 63)],
        Flavour::Oci,
    );
    stage.upstream.add_index(REPO, "released", &released);
    stage.upstream.add_index(REPO, "never", &never);
    for tag in ["released", "never"] {
        assert_eq!(
            stage.get(&manifest_path(REPO, tag)).await.status,
            StatusCode::OK
        );
    }
    stage
        .pull(
            REPO,
            released.children[0].digest.as_str(),
            &released.children[0],
        )
        .await;
    stage.proxy.write_policy("policy.yaml", STRICTER);
    let path = manifest_path(REPO, "released");
    eventually("the index is refused", async || {
        stage.head(&path).await.status == StatusCode::FORBIDDEN
    })
    .await;
    assert_eq!(stage.get(&path).await.status, StatusCode::FORBIDDEN);
    let never = stage.get(&manifest_path(REPO, "never")).await;
    assert_eq!(never.status, StatusCode::OK, "nobody has its bad child");
}

#[tokio::test]
async fn a_platform_that_was_pulled_here_before_is_judged_with_every_index() {
    let stage = Stage::hold().await;
    let first = index(
        vec![clean(64), on("linux/arm64", "goodlib", 64)],
        Flavour::Oci,
    );
    let second = index(
        vec![clean(65), on("linux/arm64", "goodlib", 65)],
        Flavour::Oci,
    );
    stage.upstream.add_index(REPO, "first", &first);
    stage.upstream.add_index(REPO, "second", &second);
    stage.get(&manifest_path(REPO, "first")).await;
    stage
        .pull(REPO, first.children[1].digest.as_str(), &first.children[1])
        .await;
    assert_eq!(
        stage.get(&manifest_path(REPO, "second")).await.status,
        StatusCode::OK
    );
    let arm = &second.children[1];
    assert_eq!(stage.upstream.count("GET", arm.digest.as_str()), 1);
    assert_eq!(
        stage.upstream.count("GET", arm.layers[1].digest.as_str()),
        1
    );
}

#[tokio::test]
async fn an_attestation_child_is_not_waited_for() {
    let stage = Stage::hold().await;
    let image = clean(66);
    stage.upstream.add(REPO, "child", &image);
    let absent = clean(67);
    let mut attestation = absent.descriptor();
    attestation["platform"] = json!({"os": "unknown", "architecture": "unknown"});
    let index = index_of(vec![image.descriptor(), attestation]);
    stage.upstream.add(REPO, "multi", &index);
    assert_eq!(
        stage.get(&manifest_path(REPO, "multi")).await.status,
        StatusCode::OK
    );
    assert_eq!(stage.upstream.count("GET", absent.digest.as_str()), 0);
}

/// Builds indexes around indexes, outermost last.
fn nested(depth: usize, seed: u64) -> Vec<Image> {
    let mut chain = vec![clean(seed)];
    for _ in 0..depth {
        let inner = chain.last().expect("starts with the image");
        let child = descriptor(&inner.media_type, &inner.digest, inner.manifest.len());
        chain.push(index_of(vec![child]));
    }
    chain
}

#[tokio::test]
async fn indexes_nest_four_deep_and_no_deeper() {
    let stage = Stage::hold().await;
    for (depth, seed, is_served) in [(4, 68, true), (5, 69, false)] {
        let chain = nested(depth, seed);
        for (level, manifest) in chain.iter().enumerate() {
            stage
                .upstream
                .add(REPO, &format!("d{depth}-{level}"), manifest);
        }
        let path = manifest_path(REPO, &format!("d{depth}-{depth}"));
        let reply = stage.get(&path).await;
        assert_eq!(
            reply.status.is_success(),
            is_served,
            "{depth} deep: {}",
            reply.text()
        );
        if !is_served {
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{}", reply.text());
            assert_eq!(reply.json()["errors"][0]["code"], "MANIFEST_INVALID");
        }
    }
}

#[tokio::test]
async fn an_index_of_more_than_256_children_is_refused() {
    let stage = Stage::hold().await;
    let image = clean(70);
    stage.upstream.add(REPO, "child", &image);
    let mut other = image.descriptor();
    other["platform"] = json!({"os": "plan9", "architecture": "mips"});
    for (count, is_served) in [(256, true), (257, false)] {
        let mut children = vec![image.descriptor()];
        children.resize(count, other.clone());
        let index = index_of(children);
        stage.upstream.add(REPO, &count.to_string(), &index);
        let reply = stage.get(&manifest_path(REPO, &count.to_string())).await;
        assert_eq!(
            reply.status.is_success(),
            is_served,
            "{count}: {}",
            reply.text()
        );
    }
}

#[tokio::test]
async fn a_nest_of_indexes_costs_no_more_than_256_manifests() {
    let stage = Stage::hold().await;
    let mut outer = Vec::new();
    for number in 0..20 {
        let absent = |child: usize| {
            let name = format!("absent {number} {child}");
            descriptor(media_type::OCI_INDEX, &Digest::of(name.as_bytes()), 100)
        };
        let inner = index_of((0..20).map(absent).collect());
        stage.upstream.add(REPO, &format!("inner{number}"), &inner);
        outer.push(descriptor(
            &inner.media_type,
            &inner.digest,
            inner.manifest.len(),
        ));
    }
    stage.upstream.add(REPO, "outer", &index_of(outer));
    let reply = stage.get(&manifest_path(REPO, "outer")).await;
    assert!(reply.status.is_client_error(), "{}", reply.status);
    let asked = stage.upstream.count("GET", "/manifests/");
    assert!(asked <= 257, "{asked} manifests were asked for");
}

#[tokio::test]
async fn what_a_mirror_does_not_hold_has_no_say() {
    let platforms = "linux/amd64,linux/arm64";
    let stage = Stage::with(|proxy, _| proxy.flag("--platforms", platforms)).await;
    let missing = on("linux/amd64", "goodlib", 80);
    let (good, bad) = (
        on("linux/arm64", "goodlib", 81),
        on("linux/arm64", "badlib", 82),
    );
    let listing = |others: &[&Image]| {
        let children = std::iter::once(&missing).chain(others.iter().copied());
        index_of(children.map(Image::descriptor).collect())
    };
    for (tag, others, wanted) in [
        ("good", vec![&good], StatusCode::OK),
        ("bad", vec![&bad], StatusCode::FORBIDDEN),
        ("both", vec![&good, &bad], StatusCode::OK),
        ("none", vec![], StatusCode::OK),
    ] {
        let index = listing(&others);
        stage.upstream.add(REPO, tag, &index);
        for other in others {
            stage.upstream.add(REPO, other.digest.as_str(), other);
        }
        let reply = stage.get(&manifest_path(REPO, tag)).await;
        assert_eq!(reply.status, wanted, "{tag}: {}", reply.text());
    }
    let child = manifest_path(REPO, missing.digest.as_str());
    assert_eq!(stage.get(&child).await.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn entries_of_a_build_cache_are_no_children() {
    let stage = Stage::hold().await;
    let image = clean(83);
    let layer = json!({
        "mediaType": "application/vnd.oci.image.layer.v1.tar+gzip",
        "digest": image.layers[0].digest, "size": image.layers[0].bytes.len(),
    });
    let config = json!({
        "mediaType": "application/vnd.buildkit.cacheconfig.v0",
        "digest": Digest::of(b"cache"), "size": 5,
    });
    let cache = index_of(vec![layer, config]);
    stage.upstream.add(REPO, "cache", &cache);
    let reply = stage.get(&manifest_path(REPO, "cache")).await;
    assert_eq!(
        (reply.status, &reply.body),
        (StatusCode::OK, &cache.manifest)
    );
    for digest in [
        image.layers[0].digest.as_str(),
        Digest::of(b"cache").as_str(),
    ] {
        assert_eq!(stage.upstream.count("GET", digest), 0, "{digest}");
    }
}
