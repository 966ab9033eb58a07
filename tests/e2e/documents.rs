//! The documents that the field exchanges: what they list, and whether others accept them.

use http::{Method, StatusCode};
use serde_json::Value;
use sluicegate_formats::Format;
use sluicegate_formats::answers::VerdictAnswer;
use sluicegate_model::form::ReadAs;
use sluicegate_model::inventory::Inventory;
use sluicegate_tests::image::ImageBuilder;
use sluicegate_tests::layer::Compression;
use sluicegate_tests::proxy::sluicegate;
use sluicegate_tests::{rootfs, schemas};

use crate::scene::{BAD, Scene, bad};

async fn sbom(scene: &Scene, digest: &str, query: &str) -> (StatusCode, String, Vec<u8>) {
    let path = format!("/api/v1/verdicts/{digest}/sbom{query}");
    let reply = scene.proxy.api(&path).await;
    let kind = reply.headers.get(http::header::CONTENT_TYPE);
    let kind = kind.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
    (reply.status, kind.to_owned(), reply.body.to_vec())
}

fn names<'a>(list: &'a Value, key: &str) -> Vec<(&'a str, &'a str)> {
    let text = |value: &'a Value| value.as_str().unwrap_or_default();
    let packages = list.as_array().expect("a list of packages").iter();
    packages
        .map(|package| (text(&package["name"]), text(&package[key])))
        .collect()
}

#[tokio::test]
async fn a_pulled_image_lists_its_packages_in_both_formats() {
    let scene = Scene::start("hold").await;
    let image = bad(91_000);
    scene.push("app", &image).await;
    let digest = image.digest.as_str();
    let (status, _, body) = sbom(&scene, digest, "").await;
    assert_eq!(status, StatusCode::NOT_FOUND, "before the first pull");
    let problem: Value = serde_json::from_slice(&body).expect("a problem");
    assert_eq!(problem["detail"], "no verdict on this digest");

    scene
        .proxy
        .ask(Method::GET, "/v2/lib/app/manifests/1")
        .await;
    let (status, kind, body) = sbom(&scene, digest, "?repository=up.test/lib/app").await;
    assert_eq!(status, StatusCode::OK);
    assert_eq!(kind, "application/vnd.cyclonedx+json; version=1.6");
    let bom: Value = serde_json::from_slice(&body).expect("JSON");
    let listed = names(&bom["components"], "version");
    assert!(listed.contains(&("libbad", "1.0-r0")), "{listed:?}");
    assert_eq!(bom["vulnerabilities"][0]["id"], BAD);

    let (status, kind, body) = sbom(&scene, digest, "?format=spdx").await;
    assert_eq!(
        (status, kind.as_str()),
        (StatusCode::OK, "application/spdx+json")
    );
    let document: Value = serde_json::from_slice(&body).expect("JSON");
    let listed = names(&document["packages"], "versionInfo");
    assert!(listed.contains(&("libbad", "1.0-r0")), "{listed:?}");

    for (query, wanted) in [
        ("?format=xml", StatusCode::BAD_REQUEST),
        ("?repository=up.test/lib/other", StatusCode::NOT_FOUND),
    ] {
        assert_eq!(sbom(&scene, digest, query).await.0, wanted, "{query}");
    }
}

/// Inspects the image where it lies: what a pull through the proxy listed is listed byte for byte.
async fn assert_inspection_lists_the_same(scene: &Scene, pulled: &[u8]) {
    let data = tempfile::tempdir().expect("make a directory");
    let data = data.path().to_str().expect("a readable path");
    let image = format!("{}/lib/app:1", scene.registry.address());
    let arguments = [
        "inspect-image",
        "--feed",
        "none",
        "--data",
        data,
        "--format",
        "cyclonedx",
        &image,
    ];
    let outcome = sluicegate(&arguments).await;
    let listed = |bill: &[u8]| {
        let bill: Value = serde_json::from_slice(bill).expect("JSON");
        let components = bill["components"].as_array().expect("a list").len();
        assert!(components > 80, "{components} components");
        (
            bill["components"].to_string(),
            bill["dependencies"].to_string(),
        )
    };
    assert!(
        listed(outcome.stdout.as_bytes()) == listed(pulled),
        "{}",
        outcome.stderr
    );
}

#[tokio::test]
async fn other_programs_accept_the_documents_of_a_real_image() {
    let scene = Scene::start("hold").await;
    let image = ImageBuilder::new()
        .layer(rootfs::debian(Compression::Zstd).await)
        .layer(rootfs::npm_minimist(Compression::Gzip).await)
        .build();
    scene.push("app", &image).await;
    scene
        .proxy
        .ask(Method::GET, "/v2/lib/app/manifests/1")
        .await;
    let digest = image.digest.as_str();
    let (_, _, cyclonedx) = sbom(&scene, digest, "").await;
    let (_, _, spdx) = sbom(&scene, digest, "?format=spdx").await;
    let verdict = serde_json::from_value(scene.proxy.verdict(digest).await);
    let ReadAs::<VerdictAnswer>(verdict) = verdict.expect("a verdict");
    let mut sarif = Vec::new();
    sluicegate_formats::write(Format::Sarif, &verdict, &Inventory::default(), &mut sarif)
        .expect("write SARIF");
    let documents: [(&str, &[u8]); 3] = [
        ("cyclonedx", &cyclonedx),
        ("spdx", &spdx),
        ("sarif", &sarif),
    ];
    schemas::validate(&documents)
        .await
        .expect_ok("validators of others");
    assert_inspection_lists_the_same(&scene, &cyclonedx).await;

    // A validator that accepts everything would prove nothing.
    let empty: &[u8] = b"{\"version\": \"2.1.0\"}";
    let refused = schemas::validate(&[("sarif", empty)]).await;
    refused.expect_failure("an empty document");
}
