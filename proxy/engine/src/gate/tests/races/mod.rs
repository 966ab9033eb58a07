//! Races at the gate, each played under many schedules: a seed fixes when every call at an adapter
//! goes on, when clients come and go, and when the world changes beneath them.
//!
//! What must be true whatever the schedule is checked in `scene`, at every answer and at every piece
//! of a blob: nothing leaves that is not allowed under the policies of the question or of later
//! ones; a line is written before each answer; everybody gets one; each object is fetched once; no
//! verdict of earlier policies takes the place of a newer one. `SLUICEGATE_TEST_SEED=N` plays one
//! schedule again.

mod scene;
mod schedule;

use std::time::Duration;

use futures_util::future::{join, join_all};
use sluicegate_model::{Digest, Scope, Tag};

use super::images::{Blob, Image, bad, good, layer, unreadable};
use super::stage::repository;
use crate::gate::GateMode::{self, Hold, Stream};
use crate::ledger::Verdicts as _;
use scene::{Scene, Told};

/// First seed of every run: what fails fails for whoever broke it.
const FIRST_SEED: u64 = 1;
/// Schedules of each race.
const SCHEDULES: u64 = 50;
/// The same where a release is tested (`tests/run --long`).
const LONG_SCHEDULES: u64 = 2_000;
/// Steps within which something happens: a cold pull of one client takes about so many.
const STEPS: u64 = 120;

const LENIENT: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: lenient}
spec: {onInconclusive: annotate}
";
const STRICT: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: strict}
spec: {onInconclusive: refuse}
";

/// Says which schedule it was where a race ends badly.
struct Playing(u64);

impl Drop for Playing {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!(
                "to play this schedule again: SLUICEGATE_TEST_SEED={}",
                self.0
            );
        }
    }
}

/// Plays a race under many schedules, each on a clock of its own that stands still.
fn play(mode: GateMode, images: &[(&str, Image)], race: impl AsyncFn(&Scene)) {
    let named = std::env::var_os("SLUICEGATE_TEST_SEED");
    let named = named.map(|seed| seed.to_string_lossy().parse().unwrap());
    let is_long = std::env::var_os("SLUICEGATE_TEST_LONG").is_some();
    let schedules = if is_long { LONG_SCHEDULES } else { SCHEDULES };
    let seeds = named.map_or(FIRST_SEED..FIRST_SEED + schedules, |seed| seed..seed + 1);
    for seed in seeds {
        let _says = Playing(seed);
        play_once(seed, mode, images, &race);
    }
}

/// Plays a race under one schedule; gives its steps.
fn play_once(
    seed: u64,
    mode: GateMode,
    images: &[(&str, Image)],
    race: impl AsyncFn(&Scene),
) -> Vec<String> {
    let runtime = tokio::runtime::Builder::new_current_thread()
        .enable_time()
        .start_paused(true)
        .build()
        .unwrap();
    runtime.block_on(async {
        let scene = Scene::of(seed, mode, images);
        race(&scene).await;
        scene.assert_sound();
        scene.schedule.steps()
    })
}

/// Pulls as several clients, each of which comes at a moment of its own.
async fn pulled_by(scene: &Scene, clients: usize, path: &str, reference: &str) -> Vec<Told> {
    let clients = (0..clients).map(|number| async move {
        let client = format!("{path}:{reference}/{number}");
        scene.schedule.moment(&client, STEPS).await;
        scene.pull(&client, path, reference).await
    });
    join_all(clients).await
}

#[test]
fn a_policy_that_comes_in_force_in_the_middle_of_a_pull_decides_on_all_who_ask_from_then_on() {
    for mode in [Hold, Stream] {
        play(mode, &[("app", bad("middle"))], async |scene| {
            scene.put_in_force(LENIENT);
            let change = async {
                scene.schedule.moment("strict", 2 * STEPS).await;
                scene.put_in_force(STRICT);
                // Whatever is under way: who asks from now on gets nothing.
                let digest = bad("middle").digest();
                scene.pull("at once", "app", digest.as_str()).await
            };
            let (_, at_once) = join(pulled_by(scene, 4, "app", "1"), change).await;
            assert!(mode == Stream || at_once == Told::Refused);
            assert_eq!(scene.pull("late", "app", "1").await, Told::Refused);
            scene.assert_fetched_once(&[]);
        });
    }
}

#[test]
fn clients_that_leave_stop_nobody() {
    play(Hold, &[("app", good("left"))], async |scene| {
        let leaving = (0..3).map(|number| async move {
            let client = format!("leaves/{number}");
            let leaves = scene.schedule.moment(&client, STEPS);
            tokio::select! {
                biased;
                () = leaves => {}
                told = scene.pull(&client, "app", "1") => assert_eq!(told, Told::Served),
            }
        });
        let (_, told) = join(join_all(leaving), pulled_by(scene, 2, "app", "1")).await;
        assert_eq!(told, [Told::Served; 2]);
        scene.assert_fetched_once(&[]);
    });
}

#[test]
fn a_blob_that_two_repositories_share_leaves_the_one_that_allows_it() {
    let shared = layer("shared", 100);
    let ours = Image::of(vec![shared.clone(), layer("ours", 2_000)]);
    let theirs = bad("theirs");
    assert_eq!(theirs.layers[0].digest(), shared.digest());
    for mode in [Hold, Stream] {
        let images = [("ours", ours.clone()), ("theirs", theirs.clone())];
        play(mode, &images, async |scene| {
            let both = join(
                pulled_by(scene, 2, "ours", "1"),
                pulled_by(scene, 2, "theirs", "2"),
            );
            let (ours, theirs) = both.await;
            assert_eq!(ours, [Told::Served; 2]);
            if mode == Hold {
                assert_eq!(theirs, [Told::Refused; 2]);
            }
            // A manifest that claims the blob is no proof of having it.
            assert!(scene.blob("proven", "ours", &shared.digest()).await);
            assert!(!scene.blob("refused", "theirs", &shared.digest()).await);
            scene.assert_fetched_once(&[]);
        });
    }
}

#[test]
fn the_background_pass_and_pulls_keep_the_newest_verdict_and_every_tag() {
    play(
        Hold,
        &[("app", good("anew")), ("app", bad("anew"))],
        async |scene| {
            scene.put_in_force(LENIENT);
            join(
                scene.pull("first", "app", "1"),
                scene.pull("first too", "app", "2"),
            )
            .await;
            for tag in ["good", "bad"] {
                let image = if tag == "good" {
                    good("anew")
                } else {
                    bad("anew")
                };
                scene.stage.push("app", tag, &image);
            }
            let background = tokio::spawn(scene.stage.rejudge.clone().run());
            let changes = async {
                let last = STRICT.replace("strict", "last");
                for (name, policies) in [("strict", STRICT), ("last", last.as_str())] {
                    scene.schedule.moment(name, STEPS).await;
                    scene.put_in_force(policies);
                }
            };
            let pulls = join(
                pulled_by(scene, 2, "app", "good"),
                pulled_by(scene, 2, "app", "bad"),
            );
            join(pulls, changes).await;
            // Longer than the background waits before it looks again.
            tokio::time::sleep(Duration::from_secs(3)).await;
            while scene.stage.rejudge.progress().running {
                tokio::time::sleep(Duration::from_millis(1)).await;
            }
            background.abort();
            let app = Scope::for_all(repository("app"));
            for (image, tags) in [(good("anew"), ["1", "good"]), (bad("anew"), ["2", "bad"])] {
                let digest = image.digest();
                let verdict = scene.stage.ledger.verdict(&app, &digest).await;
                let verdict = verdict.unwrap().unwrap();
                let known: Vec<&str> = verdict.tags.iter().map(Tag::as_str).collect();
                assert_eq!(known, tags);
            }
        },
    );
}

#[test]
fn what_is_evicted_between_verdict_and_answer_is_fetched_again() {
    let image = Image::of(vec![layer("one", 2_000), layer("two", 3_000)]);
    play(Hold, &[("app", image.clone())], async |scene| {
        let blobs: Vec<Digest> = image.blobs().map(Blob::digest).collect();
        let evicted: Vec<Digest> = blobs.iter().chain(&blobs).cloned().collect();
        let evict = evicted
            .iter()
            .enumerate()
            .map(|(number, digest)| async move {
                let name = format!("evict {number}");
                scene.schedule.moment(&name, 2 * STEPS).await;
                scene.stage.content.evict(digest);
            });
        let (told, _) = join(pulled_by(scene, 3, "app", "1"), join_all(evict)).await;
        assert_eq!(told, [Told::Served; 3]);
        scene.assert_fetched_once(&evicted);
    });
}

#[test]
fn a_tag_that_moves_between_head_and_get_never_lends_its_verdict() {
    let images = [("app", good("before")), ("app", bad("after"))];
    play(Hold, &images, async |scene| {
        let (before, after) = (images[0].1.digest(), images[1].1.digest());
        scene.stage.push("app", "moving", &images[0].1);
        let moves = async {
            scene.schedule.moment("move", STEPS).await;
            scene.stage.push("app", "moving", &images[1].1);
        };
        let asks = (0..4).map(|number| async move {
            let client = format!("asks/{number}");
            scene.schedule.moment(&client, STEPS).await;
            scene.pull(&client, "app", "moving").await
        });
        join(join_all(asks), moves).await;
        assert_eq!(scene.pull("late", "app", "moving").await, Told::Refused);
        assert!(
            scene
                .manifest("by digest", "app", before.as_str(), false)
                .await
                .is_some()
        );
        assert_eq!(
            scene
                .manifest("by digest", "app", after.as_str(), false)
                .await,
            None
        );
        scene.assert_fetched_once(&[]);
    });
}

#[test]
fn a_layer_leaves_nobody_whole_before_the_verdict_that_refuses_it() {
    let image = Image::of(vec![
        layer("first", 3_000),
        layer("second", 5_000),
        unreadable("third"),
    ]);
    play(Stream, &[("app", image.clone())], async |scene| {
        pulled_by(scene, 3, "app", "1").await;
        for layer in &image.layers {
            assert!(!scene.blob("late", "app", &layer.digest()).await);
        }
        scene.assert_fetched_once(&[]);
    });
}

#[test]
fn a_seed_is_a_schedule() {
    let images = [("app", good("once"))];
    let steps = |seed| {
        play_once(seed, Hold, &images, async |scene: &Scene| {
            pulled_by(scene, 3, "app", "1").await;
        })
    };
    for seed in 1..6 {
        let mut played = Vec::new();
        // Which of two threads of the pool is first that began at one instant is nobody's choice.
        let is_played_again = (0..8).any(|_| {
            let steps = steps(seed);
            let is_known = played.contains(&steps);
            played.push(steps);
            is_known
        });
        assert!(is_played_again, "seed {seed}: {played:#?}");
    }
    assert_ne!(steps(1), steps(2));
}
