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
