//! Images as real tools make them: debootstrap, pip, npm, Debian's JARs, zstd layers, one over a
//! gibibyte, and vendors' root file systems where `SLUICEGATE_TEST_DATA` has them.

use std::collections::BTreeSet;

use http::{Method, StatusCode};
use serde_json::Value;
use sluicegate_tests::clients::podman::Podman;
use sluicegate_tests::image::{Image, ImageBuilder};
use sluicegate_tests::layer::{self, Archive, Compression, Layer};
use sluicegate_tests::proxy::ProxyBuilder;
use sluicegate_tests::registry::Registry;
use sluicegate_tests::rootfs;

use crate::scene::Scene;

/// Pulls an image with podman and gives its verdict.
async fn judged(scene: &Scene, name: &str, image: &Image) -> Value {
    let reference = scene.push(name, image).await;
    let reply = scene
        .proxy
        .ask(Method::GET, &format!("/v2/lib/{name}/manifests/1"))
        .await;
    let podman = Podman::new();
    let pulled = podman.pull(&reference).await;
    assert_eq!(
        pulled.ok(),
        reply.status == StatusCode::OK,
        "{}",
        pulled.text()
    );
    if pulled.ok() {
        assert_eq!(podman.digest(&reference).await, image.digest.as_str());
    }
    scene.proxy.verdict(image.digest.as_str()).await
}

fn found(verdict: &Value) -> Vec<(&str, &str, &str)> {
    let text = |value: &'_ Value, key: &str| -> usize { value[key].as_str().map_or(0, str::len) };
    let findings = verdict["findings"].as_array().expect("findings are a list");
    findings
        .iter()
        .inspect(|finding| assert!(text(finding, "id") > 0, "{finding}"))
        .map(|finding| {
            let package = &finding["package"];
            (
                finding["id"].as_str().unwrap_or_default(),
                package["name"].as_str().unwrap_or_default(),
                package["version"].as_str().unwrap_or_default(),
            )
        })
        .collect()
}

async fn on_debian(layer: Layer) -> Image {
    ImageBuilder::new()
        .layer(rootfs::debian(Compression::Zstd).await)
        .layer(layer)
        .build()
}

#[tokio::test]
async fn debian_with_a_finding_of_its_distribution_is_refused() {
    let scene = Scene::start("hold").await;
    let image = on_debian(layer::noise(80_000, 1_000, Compression::Gzip)).await;
    let verdict = judged(&scene, "debian", &image).await;
    assert_eq!(verdict["decision"], "refuse", "{verdict}");
    let found = found(&verdict);
    assert_eq!(found.len(), 1, "{found:?}");
    assert_eq!(
        (found[0].0, found[0].1),
        ("CVE-2099-0014", "bash"),
        "{found:?}"
    );
    assert_eq!(verdict["distro"]["ecosystem"], "Debian:12");
    assert_eq!(
        verdict["coverage"]["status"], "complete",
        "{}",
        verdict["coverage"]
    );
    assert!(
        verdict["packages"].as_u64().is_some_and(|count| count > 80),
        "{}",
        verdict["packages"]
    );
}

#[tokio::test]
async fn packages_that_pip_npm_and_debian_jars_bring_are_found() {
    let scene = Scene::start("hold").await;
    let cases = [
        (
            "pip",
            rootfs::pip_jinja2(Compression::Gzip).await,
            "CVE-2099-0011",
            "2.10",
        ),
        (
            "npm",
            rootfs::npm_minimist(Compression::Zstd).await,
            "CVE-2099-0012",
            "1.2.5",
        ),
        (
            "jars",
            rootfs::debian_jars(Compression::Plain).await,
            "CVE-2099-0013",
            "2.19.0",
        ),
    ];
    for (name, layer, id, version) in cases {
        let base = rootfs::alpine(&[("libgood", "1.0-r0", "libgood")]).layer(Compression::Gzip);
        let image = ImageBuilder::new().layer(base).layer(layer).build();
        let verdict = judged(&scene, name, &image).await;
        let found = found(&verdict);
        assert!(
            found.iter().any(|f| f.0 == id && f.2 == version),
            "{name}: {found:?}"
        );
        assert_eq!(verdict["decision"], "refuse", "{name}: {verdict}");
    }
}

#[tokio::test]
async fn package_removed_in_a_later_layer_is_not_found() {
    let scene = Scene::start("hold").await;
    let base = rootfs::alpine(&[("libgood", "1.0-r0", "libgood")]).layer(Compression::Gzip);
    let vulnerable = Archive::new()
        .file(
            "app/node_modules/minimist/package.json",
            "{\"name\":\"minimist\",\"version\":\"1.2.5\"}",
        )
        .layer(Compression::Gzip);
    let removed = Archive::new()
        .whiteout("app/node_modules")
        .layer(Compression::Gzip);
    let with = ImageBuilder::new()
        .layer(base.clone())
        .layer(vulnerable.clone())
        .build();
    let without = ImageBuilder::new()
        .layer(base)
        .layer(vulnerable)
        .layer(removed)
        .build();
    assert_eq!(judged(&scene, "with", &with).await["decision"], "refuse");
    let verdict = judged(&scene, "without", &without).await;
    assert_eq!(verdict["decision"], "allow", "{verdict}");
}

#[tokio::test]
async fn what_cannot_be_read_is_never_clean() {
    let scene = Scene::start("hold").await;
    let good = rootfs::alpine(&[("libgood", "1.0-r0", "libgood")]).layer(Compression::Gzip);
    let cut = Layer::raw(good.bytes.slice(..good.bytes.len() / 2), Compression::Gzip);
    let noise = Layer::raw(vec![0x55; 4_096], Compression::Gzip);
    let unknown = Archive::new()
        .file("etc/os-release", "ID=nobody\n")
        .layer(Compression::Gzip);
    let empty = Archive::new()
        .file("etc/os-release", "ID=alpine\nVERSION_ID=3.16.9\n")
        .file("lib/apk/db/installed", "")
        .layer(Compression::Gzip);
    let cases = [
        ("cut", cut),
        ("noise", noise),
        ("unknown", unknown),
        ("empty", empty),
    ];
    for (name, layer) in cases {
        let image = ImageBuilder::new().layer(layer).build();
        scene.push(name, &image).await;
        scene
            .proxy
            .ask(Method::GET, &format!("/v2/lib/{name}/manifests/1"))
            .await;
        let verdict = scene.proxy.verdict(image.digest.as_str()).await;
        assert_ne!(verdict["decision"], "allow", "{name}: {verdict}");
        assert_ne!(
            verdict["coverage"]["status"], "complete",
            "{name}: {verdict}"
        );
    }
}

#[tokio::test]
async fn image_over_a_gibibyte_is_judged_and_arrives_whole() {
    let scene = Scene::start("hold").await;
    let base = rootfs::alpine(&[("libgood", "1.0-r0", "libgood")]).layer(Compression::Gzip);
    let big = layer::noise(80_100, 560 * 1024 * 1024, Compression::Plain);
    let other = layer::noise(80_101, 500 * 1024 * 1024, Compression::Plain);
    let image = ImageBuilder::new()
        .layer(base)
        .layer(big)
        .layer(other)
        .build();
    assert!(image.size() > 1 << 30);
    scene.push("big", &image).await;
    let path = "/v2/lib/big/manifests/1";
    assert_eq!(
        scene.proxy.ask(Method::HEAD, path).await.status,
        StatusCode::OK
    );
    assert_eq!(
        scene.proxy.ask(Method::GET, path).await.body,
        image.manifest
    );
    for blob in image.blobs() {
        let reply = scene
            .proxy
            .ask(Method::GET, &format!("/v2/lib/big/blobs/{}", blob.digest))
            .await;
        assert_eq!(
            (reply.body_bytes, reply.body_digest),
            (blob.bytes.len() as u64, blob.digest.clone())
        );
    }
}

#[tokio::test]
async fn real_alpine_releases_are_judged_by_real_advisories() {
    let Some(feeds) = rootfs::extra("feeds") else {
        println!("SLUICEGATE_TEST_DATA adds no feeds: no further cases");
        return;
    };
    let registry = Registry::start().await;
    let proxy = ProxyBuilder::new(&registry.url())
        .feed(&feeds)
        .start()
        .await;
    // File, vulnerabilities that the feed knows in it, coverage: a release without a feed is never
    // complete, and one that nobody writes about any more is not either.
    let cases = [
        ("alpine-rootfs-3.4.0-x86_64.tar.gz", 32, "partial"),
        ("alpine-minirootfs-3.7.3-x86_64.tar.gz", 1, "partial"),
        ("alpine-minirootfs-3.10.9-x86_64.tar.gz", 0, "partial"),
        ("alpine-minirootfs-3.12.12-x86_64.tar.gz", 0, "partial"),
        ("alpine-minirootfs-3.16.9-x86_64.tar.gz", 0, "partial"),
        ("alpine-minirootfs-3.20.3-x86_64.tar.gz", 0, "unscannable"),
    ];
    for (at, (file, vulnerabilities, coverage)) in cases.into_iter().enumerate() {
        let path = rootfs::extra("images")
            .map(|folder| folder.join(file))
            .expect("images");
        let image = ImageBuilder::new()
            .layer(layer::from_tar_gz_file(&path))
            .build();
        registry.push(&format!("lib/alpine{at}"), "1", &image).await;
        proxy
            .ask(Method::GET, &format!("/v2/lib/alpine{at}/manifests/1"))
            .await;
        let verdict = proxy.verdict(image.digest.as_str()).await;
        assert_eq!(verdict["coverage"]["status"], coverage, "{file}: {verdict}");
        let ended = verdict["coverage"].to_string().contains("feed-ended");
        assert_eq!(ended, coverage == "partial", "{file}: {verdict}");
        // One vulnerability of a source package is a finding of each of its binary packages.
        let (ended, ids): (BTreeSet<&str>, BTreeSet<&str>) = found(&verdict)
            .into_iter()
            .map(|found| found.0)
            .partition(|id| id.starts_with("EOL-alpine-3."));
        assert_eq!(ids.len(), vulnerabilities, "{file}: {ids:?}");
        assert_eq!(ended.len(), 1, "{file}: {ended:?}");
    }
}
