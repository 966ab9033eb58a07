//! Blobs that arrive broken: cut, shortened, lengthened, corrupted, stalled, slow.
//!
//! No broken blob ever completes, and every cut resumes. In stream mode the client reads the layer
//! while it arrives, so that it would see every mistake; in hold mode it would see a wrong status.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant};

use rand::Rng as _;
use sluicegate_tests::fault::Fault;
use sluicegate_tests::seeds::rng;
use sluicegate_tests::waiting::moment;
use sluicegate_tests::wire::Reply;

use crate::rounds;
use crate::stage::{Stage, assert_whole, clean_image};

/// Longest time for a pull that began before the upstream was healed to end.
const HEALED_WITHIN: Duration = Duration::from_secs(5);
/// Bytes that may be fetched again for each cut: one piece of the upstream's.
const REFETCHED_PER_CUT: u64 = 64 * 1024;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_blob_resumes_and_the_client_sees_one_good_answer() {
    let stage = Arc::new(Stage::start("stream").await);
    let (wanted, cuts) = (Arc::new(AtomicU64::new(0)), Arc::new(AtomicU64::new(0)));
    rounds::all("cuts", |seed| {
        let (stage, wanted, cuts) = (stage.clone(), wanted.clone(), cuts.clone());
        async move {
            let (mut rng, repository) = (rng(seed), format!("lib/cut-{seed}"));
            let large = rng.random_range(100_000..800_000);
            let image = clean_image(seed, large);
            stage.upstream.add(&repository, "1", &image);
            let layer = &image.layers[1];
            let places = places(&mut rng, layer.bytes.len() as u64);
            // Each answer starts where the one before ended, and its own bytes are counted.
            let starts = std::iter::once(0).chain(places.iter().copied());
            let faults = starts
                .zip(&places)
                .map(|(from, to)| Fault::CutAt(to - from));
            stage.upstream.script(layer.digest.as_str(), faults);
            stage.pulls(&repository, "1", &image).await;
            let asked = stage.upstream.count("GET", layer.digest.as_str());
            assert_eq!(asked, places.len() + 1, "requests for {places:?}");
            wanted.fetch_add(image.size(), Ordering::Relaxed);
            cuts.fetch_add(places.len() as u64, Ordering::Relaxed);
        }
    })
    .await;
    let fetched = stage.upstream.body_bytes();
    let (wanted, cuts) = (wanted.load(Ordering::Relaxed), cuts.load(Ordering::Relaxed));
    let again = fetched - wanted;
    eprintln!("cuts: {cuts} cuts of {wanted} bytes, {again} bytes fetched again");
    assert!(again <= cuts * REFETCHED_PER_CUT, "{again} bytes again");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_cut_blob_arrives_from_an_upstream_that_ignores_ranges() {
    let stage = Arc::new(Stage::start("stream").await);
    stage.upstream.ignore_range();
    rounds::all("cuts without Range", |seed| {
        let stage = stage.clone();
        async move {
            let (mut rng, repository) = (rng(seed), format!("lib/whole-{seed}"));
            let image = clean_image(seed, rng.random_range(100_000..400_000));
            stage.upstream.add(&repository, "1", &image);
            let layer = &image.layers[1];
            let places = places(&mut rng, layer.bytes.len() as u64);
            let faults = places.iter().map(|place| Fault::CutAt(*place));
            stage.upstream.script(layer.digest.as_str(), faults);
            stage.pulls(&repository, "1", &image).await;
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_wrong_blob_never_completes_and_a_healed_upstream_serves_the_next_pull() {
    let stream = Arc::new(Stage::start("stream").await);
    let hold = Arc::new(Stage::start("hold").await);
    rounds::all("wrong bytes", |seed| {
        let (stream, hold) = (stream.clone(), hold.clone());
        async move {
            wrong_in_stream_mode(&stream, seed).await;
            wrong_in_hold_mode(&hold, seed).await;
        }
    })
    .await;
}

async fn wrong_in_stream_mode(stage: &Stage, seed: u64) {
    let (mut rng, repository) = (rng(seed), format!("lib/wrong-{seed}"));
    let image = clean_image(seed, rng.random_range(50_000..600_000));
    stage.upstream.add(&repository, "1", &image);
    let layer = &image.layers[1];
    let size = layer.bytes.len() as u64;
    let fault = wrong(&mut rng, size);
    stage.upstream.always(layer.digest.as_str(), fault.clone());
    let manifest = stage.manifest(&repository, "1").await;
    assert_eq!(manifest.status, 200, "{}", manifest.text());
    let broken = stage.blob(&repository, layer).await;
    assert!(
        !is_whole(&broken) && broken.body_bytes < size,
        "{fault:?} completed"
    );
    assert!(!stage.has_on_disk(layer), "{fault:?} was cached");
    let verdict = format!("/api/v1/verdicts/{}", image.digest);
    let verdict = stage.proxy.api(&verdict).await;
    assert_eq!(verdict.status, 404, "{fault:?}: {}", verdict.text());
    stage.upstream.heal_at(layer.digest.as_str());
    // A download that began before is still on its way to its end.
    let healed = Instant::now();
    while !is_whole(&stage.blob(&repository, layer).await) {
        assert!(healed.elapsed() < HEALED_WITHIN, "{fault:?} lingers");
    }
    stage.pulls(&repository, "1", &image).await;
}

async fn wrong_in_hold_mode(stage: &Stage, seed: u64) {
    let (mut rng, repository) = (rng(seed), format!("lib/wrong-{seed}"));
    let image = clean_image(seed, rng.random_range(50_000..600_000));
    stage.upstream.add(&repository, "1", &image);
    let at = rng.random_range(0..3);
    let blob = image.blobs().nth(at).expect("config and two layers");
    let fault = wrong(&mut rng, blob.bytes.len() as u64);
    stage.upstream.script(blob.digest.as_str(), [fault.clone()]);
    let manifest = stage.manifest(&repository, "1").await;
    let status = manifest.status;
    assert_eq!(status, 502, "{fault:?} in blob {at}: {}", manifest.text());
    assert!(!stage.has_on_disk(blob), "{fault:?} was cached");
    stage.pulls(&repository, "1", &image).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_stalled_blob_is_asked_for_again_while_the_client_hops() {
    let stage = Arc::new(Stage::start("hold").await);
    rounds::all("stalls", |seed| {
        let stage = stage.clone();
        async move {
            let (mut rng, repository) = (rng(seed), format!("lib/stall-{seed}"));
            let image = clean_image(seed, 200_000);
            stage.upstream.add(&repository, "1", &image);
            let layer = &image.layers[1];
            let at = rng.random_range(0..layer.bytes.len() as u64);
            stage
                .upstream
                .script(layer.digest.as_str(), [Fault::StallAt(at)]);
            stage.pulls(&repository, "1", &image).await;
            assert_eq!(stage.upstream.count("GET", layer.digest.as_str()), 2);
        }
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_slow_upstream_serves_everybody_in_the_end() {
    let stage = Arc::new(Stage::start("stream").await);
    stage.upstream.limit_to(1_500_000);
    rounds::all("slow", |seed| {
        let stage = stage.clone();
        async move {
            let (mut rng, repository) = (rng(seed), format!("lib/slow-{seed}"));
            let image = clean_image(seed, rng.random_range(1_000..400_000));
            stage.upstream.add(&repository, "1", &image);
            let late = async {
                moment(&mut rng, Duration::ZERO..Duration::from_millis(500)).await;
                // A client that comes while the blob arrives reads it from its first byte.
                assert_whole(
                    &stage.blob(&repository, &image.layers[1]).await,
                    &image.layers[1],
                );
            };
            let manifest = stage.manifest(&repository, "1").await;
            assert_eq!(manifest.status, 200, "{}", manifest.text());
            tokio::join!(stage.pulls(&repository, "1", &image), late);
            assert_eq!(
                stage.upstream.count("GET", image.layers[1].digest.as_str()),
                1
            );
        }
    })
    .await;
}

fn is_whole(reply: &Reply) -> bool {
    reply.status == 200 && reply.whole
}

/// Picks 1 to 20 places to cut, in order; none at the very end.
fn places(rng: &mut impl rand::Rng, size: u64) -> Vec<u64> {
    let count = rng.random_range(1..=20);
    let places: BTreeSet<u64> = (0..count).map(|_| rng.random_range(1..size)).collect();
    places.into_iter().collect()
}

/// Picks a way in which an answer is complete and still not the blob.
fn wrong(rng: &mut impl rand::Rng, size: u64) -> Fault {
    match rng.random_range(0..3) {
        0 => Fault::ShortenTo(rng.random_range(0..size)),
        1 => Fault::LengthenBy(rng.random_range(1..1000)),
        _ => Fault::CorruptAt(rng.random_range(0..size)),
    }
}
