//! Content is shared, membership is not: what one repository may serve says nothing of another.

use http::{Method, StatusCode};
use sluicegate_tests::fault::FaultUpstream;
use sluicegate_tests::image::ImageBuilder;
use sluicegate_tests::layer::{Archive, Compression};
use sluicegate_tests::proxy::ProxyBuilder;
use sluicegate_tests::registry::Registry;

use crate::scene::{self, POLICY, Scene, clean};

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
