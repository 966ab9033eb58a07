//! `kill -9` while verdicts are made anew: each change is told once, however often it is cut.

use std::collections::BTreeMap;
use std::time::Duration;

use futures_util::StreamExt as _;
use serde_json::Value;
use sluicegate_tests::seeds::{rng, seeds};
use sluicegate_tests::waiting::{moment, within};

use crate::stage::{Stage, flawed_image};

/// Kills of an ordinary run, and of one before a release.
const KILLS: (u64, u64) = (8, 60);
/// Images: several batches of a pass.
const IMAGES: u64 = 150;
/// How long a pass over them may take.
const PASS: Duration = Duration::from_secs(60);
/// Two policies that decide otherwise on every image.
const POLICIES: [&str; 2] = ["refuse", "allow"];

fn policy(action: &str) -> String {
    format!(
        "apiVersion: sluicegate/v1\nkind: Policy\nmetadata: {{name: faults}}\nspec:\n  \
         onInconclusive: allow\n  rules:\n    \
         - {{id: flawed, when: {{package: \"pkg:pypi/flawed\"}}, action: {action}}}\n"
    )
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn each_change_is_one_event_over_kills_in_the_middle_of_a_pass() {
    let mut stage = Stage::start("hold").await;
    let numbers = futures_util::stream::iter(0..IMAGES);
    let pulls = numbers.map(async |number| {
        let (name, image) = (format!("lib/events-{number}"), flawed_image(number, 500));
        stage.upstream.add(&name, "1", &image);
        assert_eq!(stage.manifest(&name, "1").await.status, 403);
    });
    pulls.buffer_unordered(8).collect::<Vec<_>>().await;
    let seeds = seeds(KILLS.0, KILLS.1, &[]);
    eprintln!("events: seeds {seeds:?}");
    for (round, seed) in seeds.iter().enumerate() {
        let mut rng = rng(*seed);
        stage.proxy.kill();
        let action = POLICIES[(round + 1) % 2];
        stage.proxy.write_policy("faults.yaml", &policy(action));
        stage.proxy.restart().await;
        // A pass begins a second after the start.
        moment(
            &mut rng,
            Duration::from_millis(700)..Duration::from_millis(1_600),
        )
        .await;
    }
    stage.proxy.kill();
    stage.proxy.write_policy("faults.yaml", &policy("annotate"));
    stage.proxy.restart().await;
    let is_over = async || {
        let status = stage.proxy.api("/api/v1/status").await.json();
        let pass = &status["rejudge"];
        pass["running"] == false && pass["done"] == IMAGES
    };
    within(PASS, "the last pass ends", is_over).await;
    check(&stage).await;
}

/// Asserts that the events of each image lead from one decision to the next without a gap, the
/// last one to the decision that is in force, and that their numbers have no holes.
async fn check(stage: &Stage) {
    let mut events = list(stage, "events").await;
    events.reverse();
    let seqs: Vec<u64> = events.iter().filter_map(|e| e["seq"].as_u64()).collect();
    assert_eq!(seqs, (1..=events.len() as u64).collect::<Vec<_>>());
    let mut decisions: BTreeMap<String, Value> = BTreeMap::new();
    for event in &events {
        let digest = event["digest"].to_string();
        let known = decisions.insert(digest, event["decision"]["after"].clone());
        let before = known.unwrap_or_else(|| "refuse".into());
        assert_eq!(event["decision"]["before"], before, "{event}");
        assert_ne!(event["decision"]["after"], before, "{event}");
    }
    let verdicts = list(stage, "verdicts").await;
    assert_eq!(verdicts.len() as u64, IMAGES);
    for verdict in verdicts {
        let told = decisions.get(&verdict["digest"].to_string());
        assert_eq!(told, Some(&verdict["decision"]), "{}", verdict["digest"]);
    }
    eprintln!("events: {} told, none twice and none lost", events.len());
}

async fn list(stage: &Stage, what: &str) -> Vec<Value> {
    let mut items = Vec::new();
    let mut after = String::new();
    loop {
        let path = format!("/api/v1/{what}?limit=1000{after}");
        let page = stage.proxy.api(&path).await.json();
        items.extend(page["items"].as_array().expect("a list").clone());
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => return items,
        }
    }
}
