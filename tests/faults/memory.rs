//! Images and feeds that ask for memory: many at once stay within the bound, and each gets its
//! verdict, once.

use std::io::Write as _;
use std::time::Duration;

use futures_util::future::join_all;
use serde_json::Value;
use sluicegate_model::Digest;
use sluicegate_tests::feeds::{self, Advisory};
use sluicegate_tests::image::{Image, ImageBuilder};
use sluicegate_tests::layer::{Archive, Compression, Layer};
use sluicegate_tests::proxy::{Proxy, ProxyBuilder};
use sluicegate_tests::wire::{Call, Reply};
use tempfile::TempDir;

use crate::stage::{Stage, within};

/// Images at once of an ordinary run, and of one before a release.
const AT_ONCE: (usize, usize) = (8, 100);
/// Most memory of all of them together above an idle service, in KiB.
const MOST_KIB: u64 = 256 * 1024;
/// How long one pull may wait for its turn and for a program that is not optimised.
const PATIENCE: Duration = Duration::from_secs(900);
/// Copies of one package in one image.
const COPIES: usize = 40_000;
/// Advisories on it: ten times what an image lists, copy by copy.
const ADVISORIES: usize = 5;

fn at_once() -> usize {
    let is_long = std::env::var_os("SLUICEGATE_TEST_LONG").is_some();
    if is_long { AT_ONCE.1 } else { AT_ONCE.0 }
}

/// Makes a layer of many records of Node packages; no two seeds give the same bytes.
fn packages(seed: usize, count: usize, package: impl Fn(usize) -> String) -> Layer {
    let mut archive = Archive::new().file("seed", seed.to_string());
    for number in 0..count {
        let path = format!("srv/{number:06}/node_modules/p/package.json");
        archive = archive.file(&path, package(number));
    }
    archive.layer(Compression::Gzip)
}

fn copies(seed: usize) -> Image {
    let package = |_| r#"{"name":"copied","version":"1.0.0"}"#.to_owned();
    image(packages(seed, COPIES, package))
}

fn versions(seed: usize) -> Image {
    let package = |number| format!(r#"{{"name":"copied","version":"1.0.{number}"}}"#);
    image(packages(seed, COPIES, package))
}

fn lockfile(seed: usize) -> Image {
    let entry = |number| format!(r#""node_modules/p{number}":{{"version":"1.0.{number}"}}"#);
    let entries: Vec<_> = (0..100_000).map(entry).collect();
    let text = format!(
        r#"{{"lockfileVersion":3,"packages":{{{}}}}}"#,
        entries.join(",")
    );
    let archive = Archive::new().file("seed", seed.to_string());
    image(
        archive
            .file("srv/package-lock.json", text)
            .layer(Compression::Gzip),
    )
}

fn faults(seed: usize) -> Image {
    image(packages(seed, COPIES, |_| "{".to_owned()))
}

fn many_layers(seed: usize) -> Image {
    let package = |_| r#"{"name":"copied","version":"1.0.0"}"#.to_owned();
    let layer = packages(seed, 500, package);
    let repeated = (0..200).fold(ImageBuilder::new(), |image, _| image.layer(layer.clone()));
    repeated.build()
}

/// Makes a layer that no decoder reads without a window of 128 MiB.
fn window(seed: usize) -> Image {
    let zeros = vec![0; 130 << 20];
    let archive = Archive::new().file("seed", seed.to_string());
    let archive = archive.file("srv/zeros", zeros).finish();
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).expect("start an encoder");
    encoder.window_log(27).expect("ask for the window");
    encoder.write_all(&archive).expect("compress in memory");
    let bytes = encoder.finish().expect("compress in memory");
    let diff_id = Digest::of(&archive);
    image(Layer {
        diff_id,
        ..Layer::raw(bytes, Compression::Zstd)
    })
}

fn flawed(seed: usize) -> Image {
    let package = |_| r#"{"name":"flawed","version":"1.0.0"}"#.to_owned();
    image(packages(seed, 3, package))
}

fn image(layer: Layer) -> Image {
    ImageBuilder::new().layer(layer).build()
}

/// Starts a service whose feed has a few advisories on one package, and very many on another.
async fn start(records: usize) -> (Stage, TempDir) {
    let of = |package: &str, count: usize| -> Vec<Advisory> {
        let id = |number| format!("GHSA-{package}-{number:05}");
        let advisory = |number| Advisory::new(&id(number), "npm", package, "2.0.0").critical();
        (0..count).map(advisory).collect()
    };
    let feed = tempfile::tempdir().expect("make a directory");
    let mut advisories = of("copied", ADVISORIES);
    advisories.extend(of("flawed", records));
    feeds::write(feed.path(), &["npm", "PyPI"], &advisories);
    let directory = feed.path().to_owned();
    let describe = move |builder: ProxyBuilder| builder.feed(&directory);
    (Stage::with(describe).await, feed)
}

fn status_kib(proxy: &Proxy, field: &str) -> u64 {
    let path = format!("/proc/{}/status", proxy.id());
    let status = std::fs::read_to_string(path).expect("read the status of the process");
    let line = status.lines().find_map(|line| line.strip_prefix(field));
    let kib = line.and_then(|line| line.split_whitespace().nth(1)?.parse().ok());
    kib.expect("a number of KiB")
}

/// Forgets the most memory that the process has had.
fn forget_peak(proxy: &Proxy) {
    std::fs::write(format!("/proc/{}/clear_refs", proxy.id()), "5").expect("reset the peak");
}

async fn scans(proxy: &Proxy) -> u64 {
    let metrics = proxy.api("/metrics").await.text();
    let line = metrics
        .lines()
        .find_map(|line| line.strip_prefix("sluicegate_scan_seconds_count"));
    line.map_or(0, |count| count.trim().parse().expect("a number"))
}

async fn pull(stage: &Stage, name: &str) -> Reply {
    let path = format!("/v2/{name}/manifests/1");
    loop {
        let asked = Call::new(http::Method::GET, stage.proxy.address(), &path);
        let reply = asked.follow().limit(PATIENCE).send().await;
        // Past the last hop a client asks again.
        if reply.status != 503 && reply.whole {
            return reply;
        }
    }
}

/// Pulls images at once, cold and then warm; gives their verdicts.
async fn pull_all(stage: &Stage, images: &[(String, Image)]) -> Vec<Value> {
    for (name, image) in images {
        stage.upstream.add(name, "1", image);
    }
    let idle = status_kib(&stage.proxy, "VmRSS");
    forget_peak(&stage.proxy);
    let before = scans(&stage.proxy).await;
    for round in ["cold", "warm"] {
        let replies = join_all(images.iter().map(|(name, _)| pull(stage, name))).await;
        let peak = status_kib(&stage.proxy, "VmHWM").saturating_sub(idle);
        eprintln!(
            "memory: {round}, {} at once: {} MiB",
            images.len(),
            peak / 1_024
        );
        assert!(peak <= MOST_KIB, "{round}: {peak} KiB above {idle}");
        for ((name, _), reply) in images.iter().zip(replies) {
            let is_answer = matches!(reply.status.as_u16(), 200 | 403);
            assert!(is_answer, "{name}: {}", reply.text());
        }
        let scanned = scans(&stage.proxy).await - before;
        assert_eq!(
            scanned,
            images.len() as u64,
            "{round}: each is scanned once"
        );
    }
    let shown = images.iter().map(async |(_, image)| {
        let path = format!("/api/v1/verdicts/{}", image.digest);
        let asked = Call::new(http::Method::GET, stage.proxy.api_address(), &path);
        asked.limit(PATIENCE).send().await
    });
    let shown = join_all(shown).await;
    let peak = status_kib(&stage.proxy, "VmHWM").saturating_sub(idle);
    eprintln!(
        "memory: shown, {} at once: {} MiB",
        images.len(),
        peak / 1_024
    );
    assert!(peak <= MOST_KIB, "shown: {peak} KiB above {idle}");
    shown.iter().map(Reply::json).collect()
}

fn named(kind: &str, make: impl Fn(usize) -> Image, count: usize) -> Vec<(String, Image)> {
    let one = |number| (format!("lib/{kind}-{number}"), make(number));
    (0..count).map(one).collect()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn many_images_of_many_copies_stay_within_the_memory() {
    let (stage, _feed) = start(1).await;
    let verdicts = pull_all(&stage, &named("copies", copies, at_once())).await;
    for verdict in verdicts {
        let findings = verdict["findings"].as_array().expect("findings");
        assert_eq!(findings.len(), ADVISORIES);
        for finding in findings {
            assert_eq!(finding["copies"], COPIES);
            assert_eq!(finding["paths"].as_array().expect("paths").len(), 10);
        }
        assert_eq!(verdict["packages"], COPIES);
    }
    // The background pass has the same memory.
    let idle = status_kib(&stage.proxy, "VmRSS");
    forget_peak(&stage.proxy);
    let other =
        "apiVersion: sluicegate/v1\nkind: Policy\nmetadata: {name: other}\nspec: {mode: audit}\n";
    stage.proxy.write_policy("faults.yaml", other);
    let is_over = async || {
        let status = stage.proxy.api("/api/v1/status").await.json();
        let pass = &status["rejudge"];
        pass["running"] == false && pass["renewed"] == at_once()
    };
    within(PATIENCE, "every verdict is made anew", is_over).await;
    let peak = status_kib(&stage.proxy, "VmHWM").saturating_sub(idle);
    assert!(peak <= MOST_KIB, "the pass: {peak} KiB above {idle}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn images_that_ask_for_much_in_other_ways_stay_within_the_memory() {
    let (stage, _feed) = start(30_000).await;
    let count = at_once().div_ceil(5);
    let mut images = named("versions", versions, count);
    images.extend(named("lockfile", lockfile, count));
    images.extend(named("faults", faults, count));
    images.extend(named("layers", many_layers, count));
    images.extend(named("records", flawed, count));
    images.extend(named("window", window, count));
    let verdicts = pull_all(&stage, &images).await;
    let kinds = images.iter().map(|(name, _)| name.as_str());
    for (name, verdict) in kinds.zip(verdicts) {
        let findings = verdict["findings"].as_array().expect("findings").len();
        let gaps = verdict["coverage"]["gaps"].as_array().expect("gaps");
        let has_budget = gaps.iter().any(|gap| gap["kind"] == "budget");
        assert!(
            findings <= 20_000 && gaps.len() < 3_000,
            "{name}: {findings}"
        );
        if name.contains("versions") || name.contains("records") {
            assert_eq!((findings, has_budget), (20_000, true), "{name}");
        }
        if name.contains("faults") {
            assert_eq!(gaps.len(), 1_001, "{name}");
        }
    }
}
