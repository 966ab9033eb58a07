//! A plugin that is swapped again and again while clients pull: no request fails, and no verdict is of two
//! sets.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::Value;
use sluicegate_tests::guests::saying;
use sluicegate_tests::image::Image;
use sluicegate_tests::wire::Call;

use crate::stage::{PATIENCE, REPO, Stage, clean, eventually, manifest_path};

/// Images that are pulled in turn.
const IMAGES: u64 = 12;
/// How often the plugin is swapped.
const SWAPS: usize = 6;
/// Between two requests: 200 a second.
const PACE: Duration = Duration::from_millis(5);

/// Puts one of two versions in force, by a rename: neither is ever half there.
fn put(directory: &Path, version: usize) {
    let manifest = format!(
        r#"{{"name":"acme","version":"{version}.0.0","kind":"detector","abi":1,"claims":[{{"name":"METADATA"}}]}}"#
    );
    // Of a severity that the built-in policy lets through.
    let finding = format!(
        r#"{{"findings":[{{"id":"ACME-{version}","severity":"low","summary":"it is version {version}"}}]}}"#
    );
    let aside = directory.join(".next");
    std::fs::write(&aside, saying(&manifest, &finding)).expect("write a plugin");
    std::fs::rename(&aside, directory.join("acme.wasm")).expect("put it in its place");
}

async fn version_in_force(stage: &Stage) -> Value {
    let status = stage.proxy.api("/api/v1/status").await.json();
    status["plugins"]["fed"][0]["version"].clone()
}

/// Pulls the images in turn, 200 times a second however long each takes, until told to end; gives how many
/// answers there were of each kind.
async fn pull(call: impl Fn(usize) -> Call, end: &tokio::sync::Notify) -> BTreeMap<u16, usize> {
    let (mut pace, mut under_way) = (tokio::time::interval(PACE), tokio::task::JoinSet::new());
    let mut number = 0;
    loop {
        tokio::select! {
            () = end.notified() => break,
            _ = pace.tick() => {
                let call = call(number);
                under_way.spawn(async move { call.send().await.status.as_u16() });
                number += 1;
            }
        }
    }
    let mut answers = BTreeMap::new();
    for status in under_way.join_all().await {
        *answers.entry(status).or_default() += 1;
    }
    answers
}

/// Notes by which set a verdict was made, and what the plugin says in it.
async fn note(stage: &Stage, image: &Image, said: &mut BTreeMap<String, BTreeSet<String>>) {
    let verdict = stage.proxy.verdict(image.digest.as_str()).await;
    let set = verdict["provenance"]["scanner"].as_str().expect("a set");
    let findings = verdict["findings"].as_array().expect("findings");
    let ids = findings.iter().filter_map(|it| it["id"].as_str());
    let own: Vec<&str> = ids.filter(|id| id.starts_with("ACME-")).collect();
    assert_eq!(own.len(), 1, "{verdict}");
    said.entry(set.to_owned()).or_default().insert(own.concat());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_plugin_is_swapped_under_load_and_nobody_notices() {
    let place = tempfile::tempdir().expect("make a directory");
    put(place.path(), 1);
    let directory = place.path().display().to_string();
    let stage = Stage::with(|proxy, _| proxy.flag("--plugin", &directory)).await;
    let images: Vec<Image> = (0..IMAGES).map(|it| clean(900 + it)).collect();
    for (number, image) in images.iter().enumerate() {
        stage.upstream.add(REPO, &number.to_string(), image);
        stage.pull(REPO, &number.to_string(), image).await;
    }
    let address = stage.proxy.address();
    let call = |number: usize| {
        let tag = (number % images.len()).to_string();
        Call::new(Method::GET, address, &manifest_path(REPO, &tag)).limit(PATIENCE)
    };
    let end = tokio::sync::Notify::new();
    let mut said = BTreeMap::new();
    let swapping = async {
        for swap in 0..SWAPS {
            let version = 2 - swap % 2;
            put(place.path(), version);
            eventually("the other version is in force", async || {
                for image in &images {
                    note(&stage, image, &mut said).await;
                }
                version_in_force(&stage).await == format!("{version}.0.0")
            })
            .await;
        }
        end.notify_one();
    };
    let (answers, ()) = tokio::join!(pull(call, &end), swapping);
    // A held request is sent round until its verdict is there; nothing else is an answer.
    let good = [StatusCode::OK, StatusCode::TEMPORARY_REDIRECT].map(|it| it.as_u16());
    assert!(answers.keys().all(|it| good.contains(it)), "{answers:?}");
    assert!(answers[&200] > 200, "{answers:?}");
    for image in &images {
        note(&stage, image, &mut said).await;
    }
    assert_eq!(said.len(), 2, "one name for each set: {said:?}");
    assert!(said.values().all(|ids| ids.len() == 1), "{said:?}");
    let ids: BTreeSet<&String> = said.values().flatten().collect();
    assert_eq!(ids.len(), 2, "{said:?}");
}
