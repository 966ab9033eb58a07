//! `kill -9` under load: what was answered is there afterwards, and nothing half done is served.
//!
//! Each round the clients keep a list of what they were told; after the restart the program has to
//! know all of it. The rounds share one data directory, as crashes of one instance do.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, Mutex};
use std::time::{Duration, Instant};

use http::{Method, StatusCode};
use rand::Rng as _;
use rand::rngs::StdRng;
use serde_json::Value;
use sluicegate_model::Digest;
use sluicegate_tests::fault::{Fault, FaultUpstream};
use sluicegate_tests::image::Image;
use sluicegate_tests::proxy::{ProxyBuilder, UPSTREAM, verify_log};
use sluicegate_tests::seeds::{rng, seeds};
use sluicegate_tests::waiting::moment;
use sluicegate_tests::wire::{Call, Reply};

use crate::stage::{Stage, assert_store_sound, blob_path, clean_image, flawed_image};

/// Kills of an ordinary run.
const KILLS: u64 = 50;
/// Kills of an ordinary run with the other engine: what differs is the engine alone.
const REDB_KILLS: u64 = 8;
/// Kills of a run before a release.
const LONG_KILLS: u64 = 200;
/// New images of each round, every fourth of them one that is refused.
const IMAGES: u64 = 8;
/// Clients at a time.
const CLIENTS: usize = 6;
/// Longest restart.
const RESTART: Duration = Duration::from_secs(5);
/// How often the verdicts that the API shows are looked at.
const BETWEEN_LOOKS: Duration = Duration::from_millis(5);

/// What the clients were told in all rounds.
#[derive(Default)]
struct Told {
    /// The decision on each digest.
    verdicts: HashMap<Digest, &'static str>,
    /// How many processes answered a GET of each digest.
    pulls: BTreeMap<String, u64>,
}

/// What one process answered.
#[derive(Default)]
struct Heard {
    answers: HashMap<Digest, StatusCode>,
    shown: Vec<(Digest, String)>,
    wrong: Vec<String>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_answered_is_lost_and_nothing_partial_is_served_over_fifty_kills() {
    kill_again_and_again("sled", seeds(KILLS, LONG_KILLS, &[])).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nothing_answered_is_lost_on_redb_either() {
    kill_again_and_again("redb", seeds(REDB_KILLS, LONG_KILLS, &[])).await;
}

async fn kill_again_and_again(store: &str, seeds: Vec<u64>) {
    let upstream = FaultUpstream::start().await;
    let builder = ProxyBuilder::new(&upstream.url()).flag("--store", store);
    let mut stage = Stage::around(upstream, builder).await;
    let (mut told, mut images, mut slowest) = (Told::default(), Vec::new(), Duration::ZERO);
    eprintln!("kill: {store}, seeds {seeds:?}");
    for seed in &seeds {
        let mut rng = rng(*seed);
        let new = new_images(&stage, &mut rng);
        images.extend(new.iter().cloned());
        let heard = load(&stage, &images, new.len(), &mut rng).await;
        stage.proxy.kill();
        // The upstream must not hold what the next process asks for.
        stage.upstream.heal();
        let verified = verify_log(&stage.proxy.data()).await;
        assert!(verified.ok(), "seed {seed}: {}", verified.text());
        let started = Instant::now();
        stage.proxy.restart().await;
        slowest = slowest.max(started.elapsed());
        assert!(heard.wrong.is_empty(), "seed {seed}: {:?}", heard.wrong);
        told.take(heard);
        check(&stage, &told, *seed).await;
    }
    check_log(&stage, &told);
    assert!(assert_store_sound(&stage.proxy) > 0, "nothing was stored");
    eprintln!(
        "kill: {store}, {} kills, {} verdicts and {} pulls acknowledged, none lost; slowest restart {slowest:?}",
        seeds.len(),
        told.verdicts.len(),
        told.pulls.values().sum::<u64>()
    );
    assert!(slowest <= RESTART, "restart took {slowest:?}");
}

/// Offers this round's images; some blobs stall or are cut, so that the kill finds them half-way.
fn new_images(stage: &Stage, rng: &mut StdRng) -> Vec<(String, Image)> {
    let image = |number: u64| {
        let (seed, large) = (rng.random(), rng.random_range(1_000..300_000));
        let refused = number % 4 == 3;
        let image = if refused {
            flawed_image(seed, large)
        } else {
            clean_image(seed, large)
        };
        let repository = format!("lib/kill-{}", seed % 1_000_000_007);
        stage.upstream.add(&repository, "1", &image);
        let (layer, at) = (image.layers[1].digest.as_str(), rng.random_range(0..large));
        match rng.random_range(0..4) {
            0 => stage.upstream.script(layer, [Fault::StallAt(at as u64)]),
            1 => stage.upstream.script(layer, [Fault::CutAt(at as u64)]),
            _ => {}
        }
        (repository, image)
    };
    (0..IMAGES).map(image).collect()
}

/// Pulls from several clients at once for a random while, mostly the newest images.
async fn load(stage: &Stage, images: &[(String, Image)], newest: usize, rng: &mut StdRng) -> Heard {
    let heard = Arc::new(Mutex::new(Heard::default()));
    let mut clients = tokio::task::JoinSet::new();
    for _ in 0..CLIENTS {
        let mut order: Vec<(String, Image)> = images[images.len() - newest..].to_vec();
        order.extend((0..2).map(|_| images[rng.random_range(0..images.len())].clone()));
        let turn = rng.random_range(0..order.len());
        order.rotate_left(turn);
        let (address, heard) = (stage.proxy.address().to_owned(), heard.clone());
        clients.spawn(async move {
            for (repository, image) in order {
                pull(&address, &repository, &image, &heard).await;
            }
        });
    }
    let (api, watched) = (stage.proxy.api_address().to_owned(), heard.clone());
    let watch = tokio::spawn(async move { watch_verdicts(&api, &watched).await });
    moment(rng, Duration::ZERO..Duration::from_millis(600)).await;
    // The kill comes while they pull: they end with the process, on connections that break.
    stage.proxy.signal("KILL");
    clients.join_all().await;
    watch.abort();
    std::mem::take(&mut *heard.lock().expect("no client panics"))
}

/// Pulls an image and notes what was answered; a connection that breaks is no answer.
async fn pull(address: &str, repository: &str, image: &Image, heard: &Mutex<Heard>) {
    let ask = async |path: String| -> Option<Reply> {
        let call = Call::new(Method::GET, address, &path).limit(Duration::from_secs(5));
        call.try_send().await.ok()
    };
    let path = format!("/v2/{repository}/manifests/1");
    let Some(manifest) = ask(path).await else {
        return;
    };
    let decided = matches!(manifest.status.as_u16(), 200 | 403);
    if decided {
        let mut heard = heard.lock().expect("no client panics");
        heard.answers.insert(image.digest.clone(), manifest.status);
    }
    for blob in image.blobs() {
        let Some(reply) = ask(blob_path(repository, blob)).await else {
            return;
        };
        let complete = reply.status == 200 && reply.whole;
        let mut heard = heard.lock().expect("no client panics");
        if complete && reply.body_digest != blob.digest {
            let size = reply.body_bytes;
            heard
                .wrong
                .push(format!("{} served with {size} wrong bytes", blob.digest));
        }
        if manifest.status == 403 && reply.body_bytes > 4_096 {
            heard
                .wrong
                .push(format!("{} of a refused image", blob.digest));
        }
    }
}

/// Notes every verdict that the API shows.
async fn watch_verdicts(api: &str, heard: &Mutex<Heard>) {
    loop {
        let call = Call::new(Method::GET, api, "/api/v1/verdicts?limit=20");
        if let Ok(reply) = call.limit(Duration::from_secs(2)).try_send().await
            && reply.whole
            && reply.status == 200
        {
            let page = reply.json();
            let shown = page["items"].as_array().into_iter().flatten();
            let shown = shown.map(|item| (digest_of(&item["digest"]), text(&item["decision"])));
            heard.lock().expect("no client panics").shown.extend(shown);
        }
        tokio::time::sleep(BETWEEN_LOOKS).await;
    }
}

impl Told {
    fn take(&mut self, heard: Heard) {
        for (digest, status) in heard.answers {
            let decision = if status == 403 { "refuse" } else { "allow" };
            *self.pulls.entry(digest.to_string()).or_default() += 1;
            self.verdicts.insert(digest, decision);
        }
        for (digest, decision) in heard.shown {
            let decision = if decision == "refuse" {
                "refuse"
            } else {
                "allow"
            };
            self.verdicts.insert(digest, decision);
        }
    }
}

/// Asserts that every verdict ever told is still there and still says the same.
async fn check(stage: &Stage, told: &Told, seed: u64) {
    let mut known = HashMap::new();
    let mut after = String::new();
    loop {
        let path = format!("/api/v1/verdicts?limit=1000{after}");
        let page = stage.proxy.api(&path).await.json();
        for item in page["items"].as_array().expect("a list") {
            known.insert(digest_of(&item["digest"]), text(&item["decision"]));
        }
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    for (digest, decision) in &told.verdicts {
        let found = known.get(digest).map(String::as_str);
        assert_eq!(found, Some(*decision), "seed {seed}: verdict on {digest}");
    }
}

/// Asserts that the log holds a line of each process for each pull that it answered.
fn check_log(stage: &Stage, told: &Told) {
    let mut lines: BTreeMap<String, u64> = BTreeMap::new();
    let folder = std::fs::read_dir(stage.proxy.data().join("decisions")).expect("the log");
    for file in folder {
        let path = file.expect("a file of the log").path();
        let log = std::fs::read_to_string(&path).unwrap_or_default();
        for line in log.lines() {
            let Ok(line) = serde_json::from_str::<Value>(line) else {
                continue;
            };
            if line["type"] != "pull" {
                continue;
            }
            assert!(text(&line["repository"]).starts_with(UPSTREAM), "{line}");
            *lines.entry(text(&line["asked"])).or_default() += 1;
        }
    }
    for (digest, pulls) in &told.pulls {
        let logged = lines.get(digest).copied().unwrap_or_default();
        assert!(logged >= *pulls, "{digest}: {logged} lines, {pulls} pulls");
    }
}

fn digest_of(value: &Value) -> Digest {
    text(value).parse().expect("a digest")
}

fn text(value: &Value) -> String {
    value.as_str().unwrap_or_default().to_owned()
}
