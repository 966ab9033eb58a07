//! Pushing to and pulling from the real upstream without the product.

use sluicegate_tests::clients::skopeo;
use sluicegate_tests::image::{self, Flavour, ImageBuilder};
use sluicegate_tests::layer::{Archive, Compression};
use sluicegate_tests::registry::{PASSWORD, Registry, SecureRegistry, USER};
use sluicegate_tests::wire;

fn three_layers() -> ImageBuilder {
    ImageBuilder::new()
        .layer(
            Archive::new()
                .file("etc/os-release", "ID=test\n")
                .layer(Compression::Gzip),
        )
        .layer(
            Archive::new()
                .directory("opt")
                .symlink("opt/a", "/etc")
                .layer(Compression::Zstd),
        )
        .layer(
            Archive::new()
                .whiteout("etc/os-release")
                .layer(Compression::Plain),
        )
}

#[tokio::test]
async fn skopeo_copies_an_image_built_in_code() {
    let registry = Registry::start().await;
    let image = three_layers().build();
    registry.push("lib/app", "1", &image).await;
    let target = tempfile::tempdir().expect("make a directory");
    let reference = format!("{}/lib/app:1", registry.address());
    skopeo::copy(&reference, target.path())
        .await
        .expect_ok("skopeo");
    assert_eq!(skopeo::manifest(target.path()), image.manifest);
}

#[tokio::test]
async fn skopeo_copies_a_docker_manifest_list_whole() {
    let registry = Registry::start().await;
    let child = |platform: &str| {
        let layer = Archive::new()
            .file("platform", platform)
            .layer(Compression::Gzip);
        ImageBuilder::new()
            .flavour(Flavour::Docker)
            .platform(platform)
            .layer(layer)
            .build()
    };
    let index = image::index(
        vec![child("linux/amd64"), child("linux/arm64/v8")],
        Flavour::Docker,
    );
    registry.push_index("lib/multi", "1", &index).await;
    let target = tempfile::tempdir().expect("make a directory");
    let reference = format!("{}/lib/multi:1", registry.address());
    skopeo::copy_with(&["--all"], &reference, target.path())
        .await
        .expect_ok("skopeo");
    assert_eq!(skopeo::manifest(target.path()), index.manifest);
}

#[tokio::test]
async fn registry_counts_what_is_asked_of_it() {
    let registry = Registry::start().await;
    let image = three_layers().build();
    registry.push("lib/app", "1", &image).await;
    let path = format!("/v2/lib/app/blobs/{}", image.layers[0].digest);
    let reply = wire::get(registry.address(), &path).await;
    assert_eq!(reply.body_digest, image.layers[0].digest);
    let asked = || {
        registry
            .accesses()
            .iter()
            .filter(|a| a.method == "GET" && a.path == path)
            .count()
    };
    while asked() == 0 {
        tokio::task::yield_now().await;
    }
    assert_eq!(asked(), 1);
}

#[tokio::test]
async fn secure_registry_serves_only_to_its_user() {
    let registry = SecureRegistry::start().await;
    let image = three_layers().build();
    registry.plain().push("lib/app", "1", &image).await;
    let target = tempfile::tempdir().expect("make a directory");
    let reference = registry.url().replace("https://", "") + "/lib/app:1";
    skopeo::copy(&reference, target.path())
        .await
        .expect_failure("skopeo without a password");
    let credentials = format!("--src-creds={USER}:{PASSWORD}");
    skopeo::copy_with(&[&credentials], &reference, target.path())
        .await
        .expect_ok("skopeo");
    assert_eq!(skopeo::manifest(target.path()), image.manifest);
    assert!(
        registry
            .accesses()
            .iter()
            .any(|access| access.status == 401)
    );
}
