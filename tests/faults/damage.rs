//! Damage on disk: the program starts, says what it lost, and never allows what it refused.

use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use rand::Rng as _;
use rand::rngs::StdRng;
use sluicegate_tests::proxy::verify_log;
use sluicegate_tests::seeds::rng;

use crate::rounds::seeds;
use crate::stage::{Stage, blob_file, clean_image, flawed_image, plain_image};

/// Rounds with the other engine; what else is kept is damaged with the first.
const REDB_ROUNDS: usize = 8;
/// Longest start over damaged files.
const START: Duration = Duration::from_secs(5);

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_store_means_scan_again_and_never_allow() {
    damage_again_and_again("sled", &["verdicts", "content", "feeds"], seeds()).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_store_of_redb_means_scan_again_and_never_allow() {
    let seeds = seeds().into_iter().take(REDB_ROUNDS).collect();
    damage_again_and_again("redb", &["verdicts.redb"], seeds).await;
}

async fn damage_again_and_again(store: &str, folders: &[&str], seeds: Vec<u64>) {
    let mut stage = Stage::with(|builder| builder.flag("--store", store)).await;
    let (clean, flawed) = (clean_image(1, 50_000), flawed_image(2, 50_000));
    stage.upstream.add("lib/app", "1", &clean);
    stage.upstream.add("lib/flawed", "1", &flawed);
    let mut slowest = Duration::ZERO;
    eprintln!("damage: {store}, seeds {seeds:?}");
    for seed in &seeds {
        let mut rng = rng(*seed);
        stage.pulls("lib/app", "1", &clean).await;
        assert_eq!(stage.manifest("lib/flawed", "1").await.status, 403);
        stage.proxy.kill();
        let folder = folders[rng.random_range(0..folders.len())];
        let done = damage(&stage.proxy.data().join(folder), &mut rng);
        let is_down = rng.random();
        if is_down {
            stage.upstream.stop();
        }
        let started = Instant::now();
        stage.proxy.restart().await;
        slowest = slowest.max(started.elapsed());
        let what = format!("seed {seed}: {done:?}, upstream down: {is_down}");
        for reference in ["1", flawed.digest.as_str()] {
            let refused = stage.manifest("lib/flawed", reference).await;
            assert!(!refused.status.is_success(), "{what}: allowed");
            for blob in flawed.blobs() {
                let reply = stage.blob("lib/flawed", blob).await;
                assert!(!reply.status.is_success(), "{what}: allowed a blob");
            }
        }
        for blob in clean.blobs() {
            let reply = stage.blob("lib/app", blob).await;
            let is_wrong = reply.status == 200 && reply.whole && reply.body_digest != blob.digest;
            assert!(!is_wrong, "{what}: wrong bytes of {}", blob.digest);
        }
        if is_down {
            stage.upstream.start_again().await;
        }
    }
    stage.pulls("lib/app", "1", &clean).await;
    let log = verify_log(&stage.proxy.data()).await;
    assert!(log.ok(), "{}", log.text());
    eprintln!(
        "damage: {store}, {} rounds, slowest start {slowest:?}",
        seeds.len()
    );
    assert!(slowest <= START, "start took {slowest:?}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_blob_that_rots_on_disk_is_neither_served_nor_judged_by_what_it_became() {
    let mut stage = Stage::start("hold").await;
    for seed in seeds() {
        let mut rng = rng(seed);
        let (clean, flawed) = (clean_image(seed, 50_000), plain_image("flawed", seed));
        let (app, bad) = (format!("lib/app-{seed}"), format!("lib/flawed-{seed}"));
        stage.upstream.add(&app, "1", &clean);
        stage.upstream.add(&bad, "1", &flawed);
        stage.pulls(&app, "1", &clean).await;
        assert_eq!(stage.manifest(&bad, "1").await.status, 403);
        stage.proxy.kill();
        // What was known of the images is lost, so that their blobs on disk are read once more.
        for lost in ["verdicts", "content/documents"] {
            std::fs::remove_dir_all(stage.proxy.data().join(lost)).expect("lose what was known");
        }
        for blob in clean.blobs() {
            let bytes = std::fs::read(blob_file(&stage.proxy, blob)).expect("read a blob");
            let keep = rng.random_range(0..bytes.len());
            std::fs::write(blob_file(&stage.proxy, blob), &bytes[..keep]).expect("cut a blob");
        }
        // The name of the package becomes another one, and all lengths stay.
        let layer = blob_file(&stage.proxy, &flawed.layers[0]);
        let text = std::fs::read(&layer).expect("read a blob");
        std::fs::write(&layer, renamed(&text)).expect("change a blob");
        stage.proxy.restart().await;
        let refused = stage.manifest(&bad, "1").await;
        assert_eq!(refused.status, 403, "seed {seed}: {}", refused.text());
        stage.pulls(&app, "1", &clean).await;
    }
}

/// Replaces `flawed` by `sounds` wherever it stands.
fn renamed(content: &[u8]) -> Vec<u8> {
    let mut renamed = content.to_vec();
    let (from, to) = (b"flawed", b"sounds");
    for at in 0..content.len() - from.len() {
        if content[at..].starts_with(from) {
            renamed[at..at + to.len()].copy_from_slice(to);
        }
    }
    renamed
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_torn_last_line_of_the_log_is_set_aside_and_a_hole_is_found() {
    let mut stage = Stage::start("hold").await;
    let image = clean_image(1, 1_000);
    stage.upstream.add("lib/app", "1", &image);
    stage.pulls("lib/app", "1", &image).await;
    stage.proxy.kill();
    let log = stage.proxy.data().join("decisions/decisions.jsonl");
    let whole = std::fs::read(&log).expect("read the log");
    let torn = [&whole[..], &whole[..whole.len() / 2]].concat();
    std::fs::write(&log, torn).expect("tear the log");
    stage.proxy.restart().await;
    stage.pulls("lib/app", "1", &image).await;
    let verified = verify_log(&stage.proxy.data()).await;
    assert!(verified.ok(), "{}", verified.text());
    stage.proxy.kill();
    let text = std::fs::read_to_string(&log).expect("read the log");
    assert_eq!(text.lines().count(), 2, "a line of each process: {text}");
    let holed: String = text
        .lines()
        .skip(1)
        .map(|line| format!("{line}\n"))
        .collect();
    std::fs::write(&log, holed).expect("cut a hole");
    let verified = verify_log(&stage.proxy.data()).await;
    assert_ne!(verified.status, 0, "{}", verified.text());
}

/// Damages one to four files below a folder; says how.
fn damage(folder: &Path, rng: &mut StdRng) -> Vec<String> {
    let mut files = Vec::new();
    files_below(folder, &mut files);
    files.sort();
    assert!(!files.is_empty(), "{folder:?} is empty");
    let mut done = Vec::new();
    for _ in 0..rng.random_range(1..=4) {
        let path = &files[rng.random_range(0..files.len())];
        let Ok(mut bytes) = std::fs::read(path) else {
            continue;
        };
        match rng.random_range(0..3) {
            0 => {
                std::fs::remove_file(path).expect("remove a file");
                done.push(format!("removed {path:?}"));
                continue;
            }
            1 => bytes.truncate(rng.random_range(0..=bytes.len())),
            _ => {
                for _ in 0..rng.random_range(1..8) {
                    if bytes.is_empty() {
                        break;
                    }
                    let at = rng.random_range(0..bytes.len());
                    bytes[at] ^= 1 << rng.random_range(0..8);
                }
            }
        }
        std::fs::write(path, bytes).expect("damage a file");
        done.push(format!("changed {path:?}"));
    }
    done
}

fn files_below(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in std::fs::read_dir(folder).expect("list a directory") {
        let path = entry.expect("read an entry").path();
        if path.is_dir() {
            files_below(&path, found);
        } else {
            found.push(path);
        }
    }
}
