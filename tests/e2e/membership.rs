//! Content is shared, membership is not: what one repository may serve says nothing of another.

use http::{Method, StatusCode};
use sluicegate_tests::fault::FaultUpstream;
use sluicegate_tests::image::ImageBuilder;
use sluicegate_tests::layer::{self, Archive, Compression};
use sluicegate_tests::proxy::{ProxyBuilder, UPSTREAM};
use sluicegate_tests::registry::Registry;

use crate::scene::{self, POLICY, Scene, bad, clean};

#[tokio::test]
async fn cached_image_of_another_repository_is_not_served() {
    let scene = Scene::start("hold").await;
    let image = clean(20_000);
    scene.push("mine", &image).await;
    let manifest = format!("/v2/lib/mine/manifests/{}", image.digest);
    assert_eq!(
        scene.proxy.ask(Method::GET, &manifest).await.status,
        StatusCode::OK
    );
    let elsewhere = manifest.replace("lib/mine", "lib/other");
    assert_eq!(
        scene.proxy.ask(Method::GET, &elsewhere).await.status,
        StatusCode::NOT_FOUND
    );
    for blob in image.blobs() {
        let url = format!("/v2/lib/other/blobs/{}", blob.digest);
        assert_eq!(
            scene.proxy.ask(Method::GET, &url).await.status,
            StatusCode::NOT_FOUND
        );
    }
}

#[tokio::test]
async fn layer_shared_with_an_allowed_image_is_served_and_the_others_are_not() {
    let scene = Scene::start("hold").await;
    let shared = layer::noise(20_100, 50_000, Compression::Gzip);
    let base = |package: &str| {
        scene::with_package(package, 20_101)
            .layer(shared.clone())
            .build()
    };
    let (good, evil) = (base("libgood"), base("libbad"));
    scene.push("app", &good).await;
    scene.registry.push("lib/app", "2", &evil).await;
    let ask = async |path: String| scene.proxy.ask(Method::GET, &path).await.status;
    assert_eq!(
        ask("/v2/lib/app/manifests/2".into()).await,
        StatusCode::FORBIDDEN
    );
    let url = |digest| format!("/v2/lib/app/blobs/{digest}");
    assert_eq!(ask(url(&shared.digest)).await, StatusCode::FORBIDDEN);
    assert_eq!(ask("/v2/lib/app/manifests/1".into()).await, StatusCode::OK);
    assert_eq!(ask(url(&shared.digest)).await, StatusCode::OK);
    assert_eq!(ask(url(&evil.config.digest)).await, StatusCode::FORBIDDEN);
    assert_eq!(
        ask(url(&evil.layers[0].digest)).await,
        StatusCode::FORBIDDEN
    );
}

#[tokio::test]
async fn artifact_does_not_clear_a_layer_of_a_refused_image() {
    let scene = Scene::start("hold").await;
    let evil = bad(20_200);
    scene.push("app", &evil).await;
    let parts = [(
        "application/vnd.dev.cosign.simplesigning.v1+json",
        evil.layers[0].bytes.clone(),
    )];
    let kind = "application/vnd.dev.cosign.artifact.sig.v1+json";
    let signature = sluicegate_tests::image::artifact(kind, &parts, Some(&evil));
    scene.registry.push("lib/app", "sig", &signature).await;
    let ask = async |path: String| scene.proxy.ask(Method::GET, &path).await.status;
    assert_eq!(
        ask("/v2/lib/app/manifests/1".into()).await,
        StatusCode::FORBIDDEN
    );
    let _ = ask("/v2/lib/app/manifests/sig".into()).await;
    let url = format!("/v2/lib/app/blobs/{}", evil.layers[0].digest);
    assert_eq!(ask(url).await, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn one_repository_has_one_name_however_it_is_spelled() {
    let scene = Scene::start("hold").await;
    let image = bad(20_300);
    scene.push("app", &image).await;
    let spellings = [
        "/v2/lib/app/manifests/1".to_owned(),
        format!("/v2/{UPSTREAM}/lib/app/manifests/1"),
        format!("/v2/lib/app/manifests/1?ns={UPSTREAM}"),
        format!("/v2/lib/app/manifests/1?ns={}", UPSTREAM.to_uppercase()),
        format!("/v2/lib/app/manifests/1?ns={UPSTREAM}:443"),
        format!("/v2/{}/lib/app/manifests/1", UPSTREAM.to_uppercase()),
    ];
    for path in &spellings {
        assert_eq!(
            scene.proxy.ask(Method::GET, path).await.status,
            StatusCode::FORBIDDEN,
            "{path}"
        );
    }
    let verdict = scene.proxy.verdict(image.digest.as_str()).await;
    assert_eq!(verdict["repository"], format!("{UPSTREAM}/lib/app"));
    assert!(
        verdict["other_repositories"]
            .as_array()
            .is_none_or(Vec::is_empty),
        "{verdict}"
    );
}

#[tokio::test]
async fn host_that_is_no_upstream_is_unknown() {
    let scene = Scene::start("hold").await;
    let reply = scene
        .proxy
        .ask(Method::GET, "/v2/lib/app/manifests/1?ns=evil.example")
        .await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND);
    assert_eq!(reply.json()["errors"][0]["code"], "NAME_UNKNOWN");
}

#[tokio::test]
async fn two_upstreams_keep_their_repositories_apart() {
    let (one, two) = (Registry::start().await, Registry::start().await);
    let feed = scene::feed();
    let builder = ProxyBuilder::new(&one.url())
        .flag("--upstream", &format!("two.test={}", two.url()))
        .feed(feed.path())
        .policy("prod.yaml", POLICY);
    let proxy = builder.start().await;
    let image = clean(20_400);
    one.push("lib/app", "1", &image).await;
    let here = format!("/v2/lib/app/manifests/{}", image.digest);
    let there = format!("/v2/two.test/lib/app/manifests/{}", image.digest);
    assert_eq!(proxy.ask(Method::GET, &here).await.status, StatusCode::OK);
    assert_eq!(
        proxy.ask(Method::GET, &there).await.status,
        StatusCode::NOT_FOUND
    );
}

#[tokio::test]
async fn foreign_layer_url_is_never_dialled() {
    let upstream = FaultUpstream::start().await;
    let sink = FaultUpstream::start().await;
    let layer = Archive::new().file("x", "y").layer(Compression::Gzip);
    let image = ImageBuilder::new().layer(layer).build();
    let mut document: serde_json::Value =
        serde_json::from_slice(&image.manifest).expect("our own manifest");
    document["layers"][0]["urls"] = serde_json::json!([format!("{}/layer", sink.url())]);
    let image = sluicegate_tests::image::image(
        &document,
        &image.media_type,
        image.config.clone(),
        image.layers.clone(),
        "linux/amd64",
    );
    upstream.add("lib/foreign", "1", &image);
    let proxy = ProxyBuilder::new(&upstream.url()).start().await;
    let reply = proxy.ask(Method::GET, "/v2/lib/foreign/manifests/1").await;
    assert!(
        reply.status == StatusCode::OK || reply.status == StatusCode::FORBIDDEN,
        "{reply:?}"
    );
    assert!(sink.seen().is_empty(), "{:?}", sink.seen());
}
