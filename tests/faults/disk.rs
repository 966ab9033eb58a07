//! A full disk: new images wait, what is here is served on, and space heals by itself.
//!
//! The data directory is a small file system of its own, which needs root, as most of these tests.

use std::fs::File;
use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::process::Command;
use std::time::Duration;

use http::Method;
use rand::Rng as _;
use sluicegate_tests::fault::FaultUpstream;
use sluicegate_tests::image::Image;
use sluicegate_tests::proxy::{ProxyBuilder, verify_log};
use sluicegate_tests::seeds::rng;
use sluicegate_tests::wire::Call;
use tempfile::TempDir;

use crate::rounds::seeds;
use crate::stage::{Stage, assert_store_sound, assert_whole, clean_image, flawed_image, within};

/// Size of the file system.
const SIZE_MIB: u64 = 64;
/// What the content store leaves free of it: one part in twenty.
const HEADROOM: u64 = SIZE_MIB * 1024 * 1024 / 20;
/// Longest time from free space to a cold pull.
const RECOVERED_WITHIN: Duration = Duration::from_secs(10);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_full_disk_stops_cold_pulls_only_and_heals_without_a_restart() {
    let disk = Disk::mount();
    let upstream = FaultUpstream::start().await;
    let builder = ProxyBuilder::new(&upstream.url())
        .data(&disk.data().display().to_string())
        .flag("--tag-ttl", "0s")
        // Far below the disk, so that it is never the cache itself that fills it.
        .flag("--cache-size", "20MiB");
    let stage = Stage::around(upstream, builder).await;
    let (clean, flawed) = (clean_image(1, 300_000), flawed_image(2, 300_000));
    stage.upstream.add("lib/app", "1", &clean);
    stage.upstream.add("lib/flawed", "1", &flawed);
    stage.pulls("lib/app", "1", &clean).await;
    assert_eq!(stage.manifest("lib/flawed", "1").await.status, 403);
    let (mut refused, mut slowest) = (0, Duration::ZERO);
    let seeds = seeds();
    eprintln!("disk: seeds {seeds:?}");
    for seed in &seeds {
        let mut rng = rng(*seed);
        let repository = format!("lib/cold-{seed}");
        let cold = clean_image(*seed, rng.random_range(300_000..900_000));
        stage.upstream.add(&repository, "1", &cold);
        let leave = match rng.random_range(0..4) {
            0 => 0,
            1 => rng.random_range(0..HEADROOM / 2),
            _ => rng.random_range(0..HEADROOM + 2 * cold.size()),
        };
        let filler = disk.fill(leave);
        refused += u32::from(is_refused(&stage, &repository, &cold, leave < HEADROOM).await);
        let other = u8::try_from(seed % 200).expect("small") + 10;
        serves_what_is_here(&stage, &clean, other).await;
        drop(filler);
        let took = within(RECOVERED_WITHIN, "a cold pull", async || {
            stage.manifest(&repository, "1").await.status == 200
        });
        slowest = slowest.max(took.await);
        stage.pulls(&repository, "1", &cold).await;
    }
    assert_store_sound(&stage.proxy);
    let verified = verify_log(&stage.proxy.data()).await;
    assert!(verified.ok(), "{}", verified.text());
    eprintln!(
        "disk: {} rounds, {refused} cold pulls refused, slowest recovery {slowest:?}",
        seeds.len()
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starting_on_a_full_disk_serves_what_is_here() {
    start_on_a_full_disk("sled", "verdicts.reserve").await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn starting_with_redb_on_a_full_disk_serves_what_is_here() {
    start_on_a_full_disk("redb", "verdicts.redb.reserve").await;
}

async fn start_on_a_full_disk(store: &str, reserve: &str) {
    let disk = Disk::mount();
    let upstream = FaultUpstream::start().await;
    let builder = ProxyBuilder::new(&upstream.url())
        .data(&disk.data().display().to_string())
        .flag("--store", store)
        .flag("--cache-size", "20MiB");
    let mut stage = Stage::around(upstream, builder).await;
    let (clean, flawed, cold) = (
        clean_image(1, 300_000),
        flawed_image(2, 300_000),
        clean_image(3, 300_000),
    );
    stage.upstream.add("lib/app", "1", &clean);
    stage.upstream.add("lib/flawed", "1", &flawed);
    stage.upstream.add("lib/cold", "1", &cold);
    stage.pulls("lib/app", "1", &clean).await;
    assert_eq!(stage.manifest("lib/flawed", "1").await.status, 403);
    let log = disk.data().join("decisions/decisions.jsonl");
    for (round, leave, ending) in [
        (0_u8, 0, "whole"),
        (1, 4096, "whole"),
        (2, 0, "torn"),
        (3, 0, "new advisories"),
        (4, HEADROOM / 2, "whole"),
        (5, 0, "stopped"),
    ] {
        if ending == "stopped" {
            assert!(stage.proxy.terminate().success());
        } else {
            stage.proxy.kill();
        }
        if ending == "torn" {
            let mut file = File::options()
                .append(true)
                .open(&log)
                .expect("open the log");
            file.write_all(b"{\"seq\":9,\"ti").expect("tear it");
        }
        if ending == "new advisories" {
            crate::stage::write_feed(stage.feed.path());
        }
        let filler = disk.fill(leave);
        stage.proxy.restart().await;
        let status = stage.proxy.api("/api/v1/status").await;
        assert_eq!(status.status, 200, "{}", status.text());
        serves_what_is_here(&stage, &clean, 20 + round).await;
        assert!(is_refused(&stage, "lib/cold", &cold, true).await);
        drop(filler);
        let reserve = disk.data().join(reserve);
        within(RECOVERED_WITHIN, "room for the next start", async || {
            reserve.exists()
        })
        .await;
    }
    let took = within(RECOVERED_WITHIN, "a cold pull", async || {
        stage.manifest("lib/cold", "1").await.status == 200
    });
    took.await;
    let verified = verify_log(&stage.proxy.data()).await;
    assert!(verified.ok(), "{}", verified.text());
    assert_store_sound(&stage.proxy);
}

/// Pulls a cold image; tells whether it was put off, as it must be where there is no room.
async fn is_refused(stage: &Stage, repository: &str, cold: &Image, must: bool) -> bool {
    let reply = stage.manifest(repository, "1").await;
    if !must && reply.status == 200 {
        for blob in cold.blobs() {
            assert_whole(&stage.blob(repository, blob).await, blob);
        }
        return false;
    }
    assert_eq!(reply.status, 503, "{}", reply.text());
    assert_ne!(reply.header("retry-after"), "", "no Retry-After");
    let word = reply.message();
    assert!(word.contains("full") || word.contains("room"), "{word}");
    for blob in cold.blobs().filter(|blob| stage.has_on_disk(blob)) {
        let file = std::fs::metadata(crate::stage::blob_file(&stage.proxy, blob));
        let size = file.expect("it is there").len();
        assert_eq!(size, blob.bytes.len() as u64, "short object");
    }
    true
}

/// Pulls by tag and digest, for the client that pulled before and for one that never did.
async fn serves_what_is_here(stage: &Stage, clean: &Image, other: u8) {
    for reference in ["1", clean.digest.as_str()] {
        let reply = stage.manifest("lib/app", reference).await;
        assert_eq!(reply.status, 200, "{reference}: {}", reply.text());
        let path = format!("/v2/lib/app/manifests/{reference}");
        let call = Call::new(Method::GET, stage.proxy.address(), &path).from_host(other);
        let reply = call.follow().send().await;
        assert_eq!(
            reply.status,
            200,
            "new client, {reference}: {}",
            reply.text()
        );
    }
    for blob in clean.blobs() {
        assert_whole(&stage.blob("lib/app", blob).await, blob);
    }
    let reply = stage.manifest("lib/flawed", "1").await;
    assert_eq!(reply.status, 403, "{}", reply.text());
}

/// A small file system, unmounted on drop.
struct Disk {
    directory: TempDir,
}

impl Disk {
    fn mount() -> Self {
        let directory = tempfile::tempdir().expect("make a directory");
        let size = format!("size={SIZE_MIB}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tmpfs"])
            .arg(directory.path())
            .status()
            .expect("run mount");
        assert!(mounted.success(), "mount needs root");
        Self { directory }
    }

    fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Fills it until so many bytes are left; dropping the filler frees them.
    fn fill(&self, leave: u64) -> Filler {
        let path = self.directory.path().join("filler");
        let mut file = File::create(&path).expect("make a filler");
        let piece = vec![0; 64 * 1024];
        let mut written = 0;
        // A short write says "full" as well as an error does.
        while let Ok(count) = file.write(&piece) {
            written += count as u64;
            if count == 0 {
                break;
            }
        }
        file.set_len(written.saturating_sub(leave))
            .expect("shrink the filler");
        Filler(path)
    }
}

impl Drop for Disk {
    fn drop(&mut self) {
        let path: &Path = self.directory.path();
        // Lazily: the program may still be ending.
        let _ = Command::new("umount").arg("-l").arg(path).status();
    }
}

struct Filler(PathBuf);

impl Drop for Filler {
    fn drop(&mut self) {
        let _ = std::fs::remove_file(&self.0);
    }
}
