//! Orderly stops, a damaged store and a full disk: what was judged stays judged.

use std::process::Command;
use std::time::Duration;

use http::{Method, StatusCode};
use rand::{Rng as _, SeedableRng as _};
use sluicegate_tests::image::{Image, ImageBuilder};
use sluicegate_tests::layer::{self, Compression};
use sluicegate_tests::rootfs;

use crate::scene::{Scene, clean, rounds, within};

/// Builds a small image: refused where `seed` is odd.
fn small(seed: u64) -> Image {
    let package = if seed % 2 == 1 { "libbad" } else { "libgood" };
    let system = rootfs::alpine(&[(package, "1.0-r0", package)]);
    ImageBuilder::new()
        .layer(
            system
                .file("etc/seed", seed.to_string())
                .layer(Compression::Gzip),
        )
        .layer(layer::noise(seed, 60_000, Compression::Gzip))
        .build()
}

#[tokio::test]
async fn verdict_and_membership_survive_an_orderly_restart_without_upstream() {
    let mut scene = Scene::start("hold").await;
    let image = clean(61_000);
    scene.push("app", &image).await;
    let path = "/v2/lib/app/manifests/1";
    assert_eq!(
        scene.proxy.ask(Method::GET, path).await.status,
        StatusCode::OK
    );
    assert!(scene.proxy.terminate().success(), "{}", scene.proxy.log());
    scene.registry.stop();
    scene.proxy.restart().await;
    assert_eq!(
        scene.proxy.ask(Method::GET, path).await.body,
        image.manifest
    );
    for blob in image.blobs() {
        let reply = scene
            .proxy
            .ask(Method::GET, &format!("/v2/lib/app/blobs/{}", blob.digest))
            .await;
        assert_eq!(reply.body_digest, blob.digest);
    }
}

#[tokio::test]
async fn damaged_verdict_store_never_turns_a_refusal_into_an_allow() {
    let mut scene = Scene::start("hold").await;
    let image = small(61_101);
    scene.push("app", &image).await;
    let path = "/v2/lib/app/manifests/1";
    assert_eq!(
        scene.proxy.ask(Method::GET, path).await.status,
        StatusCode::FORBIDDEN
    );
    let mut random = rand::rngs::StdRng::seed_from_u64(61_101);
    for _ in 0..rounds(5, 50) {
        scene.proxy.kill();
        damage(&scene.proxy.data().join("verdicts"), &mut random);
        scene.proxy.restart().await;
        let reply = scene.proxy.ask(Method::GET, path).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{}", scene.proxy.log());
    }
}

/// Flips bytes in every file of a directory, whatever it is called.
fn damage(folder: &std::path::Path, random: &mut rand::rngs::StdRng) {
    let mut damaged = 0;
    for entry in std::fs::read_dir(folder).expect("the verdict store is a directory") {
        let path = entry.expect("read an entry").path();
        if path.is_dir() {
            continue;
        }
        let mut bytes = std::fs::read(&path).expect("read a store file");
        for _ in 0..8.min(bytes.len()) {
            let at = random.random_range(0..bytes.len());
            bytes[at] ^= 0x41;
            damaged += 1;
        }
        std::fs::write(&path, bytes).expect("write a store file");
    }
    assert!(damaged > 0, "nothing to damage in {}", folder.display());
}

/// A small file system of its own, unmounted on drop.
struct SmallDisk(tempfile::TempDir);

impl SmallDisk {
    fn mount(megabytes: u32) -> Self {
        let directory = tempfile::tempdir().expect("make a directory");
        let size = format!("size={megabytes}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(directory.path())
            .status()
            .expect("run mount");
        assert!(
            mounted.success(),
            "mounting needs root; tests/run asks for it"
        );
        Self(directory)
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        let _ = Command::new("umount")
            .arg("--lazy")
            .arg(self.0.path())
            .status();
    }
}

#[tokio::test]
async fn full_disk_refuses_cold_pulls_serves_warm_ones_and_recovers_by_itself() {
    let disk = SmallDisk::mount(48);
    let data = disk.0.path().join("data").display().to_string();
    let scene = Scene::start_with(|builder| builder.data(&data)).await;
    let (warm, cold) = (clean(61_300), clean(61_301));
    scene.push("warm", &warm).await;
    scene.push("cold", &cold).await;
    let ask = async |name: &str| {
        scene
            .proxy
            .ask(Method::GET, &format!("/v2/lib/{name}/manifests/1"))
            .await
    };
    assert_eq!(ask("warm").await.status, StatusCode::OK);
    let filler = disk.0.path().join("filler");
    let mut file = std::fs::File::create(&filler).expect("create a file");
    let piece = vec![0_u8; 64 * 1024];
    while std::io::Write::write_all(&mut file, &piece).is_ok() {}
    // An open file keeps its space after removal.
    drop(file);
    let refused = ask("cold").await;
    assert_eq!(
        refused.status,
        StatusCode::SERVICE_UNAVAILABLE,
        "{}",
        refused.text()
    );
    assert!(!refused.header("retry-after").is_empty(), "{refused:?}");
    let blob = format!("/v2/lib/warm/blobs/{}", warm.layers[1].digest);
    assert_eq!(
        scene.proxy.ask(Method::GET, &blob).await.body_digest,
        warm.layers[1].digest
    );
    std::fs::remove_file(&filler).expect("remove a file");
    within(
        Duration::from_secs(10),
        "cold pulls work again",
        async || ask("cold").await.status == StatusCode::OK,
    )
    .await;
}
