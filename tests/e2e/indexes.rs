//! Indexes pass byte for byte, wait for their children, and each child is gated alone.

use http::{Method, StatusCode};
use serde_json::json;
use sluicegate_tests::clients::docker::Docker;
use sluicegate_tests::clients::skopeo;
use sluicegate_tests::image::{self, Flavour, Index};

use crate::scene::{self, Scene};

fn multi(amd64: &str, arm64: &str, flavour: Flavour, seed: u64) -> Index {
    let child = |package: &str, platform: &str, seed: u64| {
        scene::with_package(package, seed)
            .flavour(flavour)
            .platform(platform)
            .build()
    };
    let children = vec![
        child(amd64, "linux/amd64", seed),
        child(arm64, "linux/arm64/v8", seed + 1),
    ];
    image::index(children, flavour)
}

#[tokio::test]
async fn index_with_an_allowed_child_passes_unchanged_and_its_refused_child_does_not() {
    for (flavour, seed) in [(Flavour::Oci, 40_000), (Flavour::Docker, 40_010)] {
        let scene = Scene::start("hold").await;
        let index = multi("libgood", "libbad", flavour, seed);
        scene.registry.push_index("lib/multi", "1", &index).await;
        let reply = scene
            .proxy
            .ask(Method::GET, "/v2/lib/multi/manifests/1")
            .await;
        assert_eq!(
            (reply.status, &reply.body),
            (StatusCode::OK, &index.manifest)
        );
        assert_eq!(reply.header("content-type"), index.media_type);
        let child = |at: usize| format!("/v2/lib/multi/manifests/{}", index.children[at].digest);
        assert_eq!(
            scene.proxy.ask(Method::GET, &child(0)).await.status,
            StatusCode::OK
        );
        assert_eq!(
            scene.proxy.ask(Method::GET, &child(1)).await.status,
            StatusCode::FORBIDDEN
        );
        let listed = scene.proxy.verdict(index.digest.as_str()).await;
        assert_eq!(listed["index"], json!(true), "{listed}");
    }
}

#[tokio::test]
async fn index_whose_child_for_this_platform_is_refused_is_refused() {
    let scene = Scene::start("hold").await;
    let index = multi("libbad", "libgood", Flavour::Oci, 40_100);
    scene.registry.push_index("lib/multi", "1", &index).await;
    for method in [Method::HEAD, Method::GET] {
        let reply = scene
            .proxy
            .ask(method.clone(), "/v2/lib/multi/manifests/1")
            .await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{method}");
    }
}

#[tokio::test]
async fn docker_and_skopeo_pull_through_an_index() {
    let scene = Scene::start("hold").await;
    let index = multi("libgood", "libgood", Flavour::Oci, 40_200);
    scene.registry.push_index("lib/multi", "1", &index).await;
    let reference = scene.proxy.reference("lib/multi:1");
    let docker = Docker::shared().await;
    docker.pull(&reference).await.expect_ok("docker pull");
    assert_eq!(docker.digest(&reference).await, index.digest.as_str());
    docker.remove(&reference).await.expect_ok("docker image rm");
    let target = tempfile::tempdir().expect("make a directory");
    skopeo::copy_with(&["--all"], &reference, target.path())
        .await
        .expect_ok("skopeo copy --all");
    assert_eq!(skopeo::manifest(target.path()), index.manifest);
}

#[tokio::test]
async fn signature_passes_and_an_unknown_artifact_does_not() {
    let scene = Scene::start("hold").await;
    let part = |kind: &'static str| [(kind, bytes::Bytes::from_static(b"{\"test\": true}"))];
    let signature = image::artifact(
        "application/vnd.dev.cosign.artifact.sig.v1+json",
        &part("application/vnd.dev.cosign.simplesigning.v1+json"),
        None,
    );
    scene.registry.push("lib/app", "sig", &signature).await;
    let reply = scene
        .proxy
        .ask(Method::GET, "/v2/lib/app/manifests/sig")
        .await;
    assert_eq!(
        (reply.status, &reply.body),
        (StatusCode::OK, &signature.manifest)
    );
    let blob = format!("/v2/lib/app/blobs/{}", signature.layers[0].digest);
    assert_eq!(
        scene.proxy.ask(Method::GET, &blob).await.status,
        StatusCode::OK
    );
    let odd = image::artifact(
        "application/vnd.test.odd",
        &part("application/vnd.test.part"),
        None,
    );
    scene.registry.push("lib/app", "odd", &odd).await;
    let reply = scene
        .proxy
        .ask(Method::GET, "/v2/lib/app/manifests/odd")
        .await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn manifest_that_could_be_two_things_is_refused() {
    let scene = Scene::start("hold").await;
    let upstream = sluicegate_tests::fault::FaultUpstream::start().await;
    drop(scene);
    let good = scene::clean(40_300);
    let mut both: serde_json::Value = serde_json::from_slice(&good.manifest).expect("our own");
    both["manifests"] = json!([good.descriptor()]);
    let both = image::image(
        &both,
        &good.media_type,
        good.config.clone(),
        good.layers.clone(),
        "",
    );
    upstream.add("lib/both", "1", &both);
    let text = String::from_utf8(good.manifest.to_vec())
        .expect("our own")
        .replacen("{", "{\"layers\":[],", 1);
    let mut twice = good.clone();
    twice.manifest = text.into();
    twice.digest = sluicegate_model::Digest::of(&twice.manifest);
    upstream.add("lib/twice", "1", &twice);
    let feed = scene::feed();
    let builder = sluicegate_tests::proxy::ProxyBuilder::new(&upstream.url()).feed(feed.path());
    let proxy = builder.policy("prod.yaml", scene::POLICY).start().await;
    for name in ["both", "twice"] {
        let reply = proxy
            .ask(Method::GET, &format!("/v2/lib/{name}/manifests/1"))
            .await;
        assert!(!reply.status.is_success(), "{name}: {reply:?}");
        for blob in good.blobs() {
            let reply = proxy
                .ask(
                    Method::GET,
                    &format!("/v2/lib/{name}/blobs/{}", blob.digest),
                )
                .await;
            assert!(!reply.status.is_success(), "{name} sent {}", blob.digest);
        }
    }
}
