//! Verdicts that are made anew by themselves: nobody pulls, and nothing is fetched.

use http::StatusCode;
use serde_json::{Value, json};
use sluicegate_tests::image::Image;
use sluicegate_tests::process::Outcome;
use sluicegate_tests::proxy::sluicegate;

use crate::stage::{
    REPO, STRICTER, Stage, USUAL, clean, dubious, eventually, manifest_path, vulnerable,
};

/// Waits until the verdict on an image says `decision`, as the API shows it.
async fn becomes(stage: &Stage, image: &Image, decision: &str) -> Value {
    let digest = image.digest.as_str();
    eventually("the verdict is made anew", async || {
        stage.proxy.verdict(digest).await["decision"] == decision
    })
    .await;
    stage.proxy.verdict(digest).await
}

async fn events(stage: &Stage) -> Vec<Value> {
    let page = stage.proxy.api("/api/v1/events").await.json();
    assert_eq!(page["next"], Value::Null);
    page["items"].as_array().expect("a list").clone()
}

async fn progress(stage: &Stage) -> Value {
    stage.proxy.api("/api/v1/status").await.json()["rejudge"].clone()
}

#[tokio::test]
async fn a_new_advisory_turns_a_verdict_and_its_withdrawal_turns_it_back() {
    let stage = Stage::hold().await;
    let image = clean(400);
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    let asked = stage.upstream.seen().len();
    let before = stage.proxy.verdict(image.digest.as_str()).await;

    stage.publish_advisory_on("goodlib");
    let refused = becomes(&stage, &image, "refuse").await;
    assert_eq!(refused["findings"][0]["id"], "CVE-2026-3333", "{refused}");
    assert_eq!(refused["tags"], before["tags"]);
    assert_ne!(
        refused["provenance"]["feeds"],
        before["provenance"]["feeds"]
    );
    // The verdict is there before the pass has counted it.
    eventually("the pass ends", async || {
        progress(&stage).await["running"] == false
    })
    .await;
    let progress = progress(&stage).await;
    assert_eq!(
        (
            &progress["total"],
            &progress["renewed"],
            &progress["skipped"]
        ),
        (&1.into(), &1.into(), &0.into()),
        "{progress}"
    );
    assert!(stage.metric("sluicegate_rejudged_total").await >= 1.0);
    let told = events(&stage).await;
    assert_eq!(told.len(), 1, "{told:?}");
    let event = &told[0];
    assert_eq!(event["type"], "verdict.changed");
    assert_eq!(event["digest"], image.digest.as_str());
    assert_eq!(event["direction"], "worse");
    assert_eq!(
        event["decision"],
        json!({"before": "allow", "after": "refuse"})
    );
    assert_eq!(
        event["findings"]["added"],
        json!({"count": 1, "ids": ["CVE-2026-3333"]})
    );
    let feeds =
        json!({"from": before["provenance"]["feeds"], "to": refused["provenance"]["feeds"]});
    assert_eq!(
        event["cause"],
        json!({"feeds": feeds, "policy": null, "scanner": null, "exceptions": null})
    );
    let client = &event["pulled_by"]["clients"][0];
    assert_eq!(
        (&client["client"], &client["pulls"], &client["decision"]),
        (&"127.0.0.1".into(), &1.into(), &"allow".into())
    );

    stage.publish_advisory_on("nothing-here");
    let allowed = becomes(&stage, &image, "allow").await;
    assert_eq!(allowed["findings"], Value::Array(Vec::new()));
    let told = events(&stage).await;
    assert_eq!(told.len(), 2, "{told:?}");
    assert_eq!(told[0]["direction"], "better");
    assert_eq!(
        told[0]["findings"]["removed"]["ids"],
        json!(["CVE-2026-3333"])
    );
    assert_eq!(stage.upstream.seen().len(), asked, "nobody was asked");
}

#[tokio::test]
async fn a_policy_change_reaches_images_that_nobody_pulls_also_after_a_kill() {
    let mut stage = Stage::with(|proxy, _| proxy.policy("policy.yaml", USUAL)).await;
    let image = dubious(401);
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    let asked = stage.upstream.seen().len();
    stage.proxy.write_policy("policy.yaml", STRICTER);
    becomes(&stage, &image, "refuse").await;

    stage.proxy.kill();
    stage.proxy.write_policy("policy.yaml", USUAL);
    stage.proxy.restart().await;
    becomes(&stage, &image, "annotate").await;
    let told = events(&stage).await;
    let directions: Vec<&Value> = told.iter().map(|event| &event["direction"]).collect();
    assert_eq!(directions, ["better", "worse"], "{told:?}");
    assert_eq!(told[1]["cause"]["feeds"], Value::Null);
    assert!(told[1]["cause"]["policy"]["to"].is_string(), "{told:?}");
    assert_eq!(stage.upstream.seen().len(), asked, "nobody was asked");
}

#[tokio::test]
async fn an_image_without_an_inventory_keeps_its_verdict_and_is_counted() {
    let stage = Stage::with(|proxy, _| proxy.policy("policy.yaml", USUAL)).await;
    let image = dubious(402);
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    let inventories = stage.proxy.data().join("content/documents/inventory");
    eventually("the inventory is kept", async || inventories.exists()).await;
    std::fs::remove_dir_all(&inventories).expect("remove the inventories");
    stage.proxy.write_policy("policy.yaml", STRICTER);
    eventually("it is counted", async || {
        progress(&stage).await["skipped"] == 1
    })
    .await;
    let verdict = stage.proxy.verdict(image.digest.as_str()).await;
    assert_eq!(verdict["decision"], "annotate", "the old one is shown");
    let pulled = stage.get(&manifest_path(REPO, "1")).await;
    assert_eq!(pulled.status, StatusCode::FORBIDDEN, "and never used");
}

#[tokio::test]
async fn where_a_package_is_is_known_without_a_finding() {
    let stage = Stage::hold().await;
    let (first, second) = (clean(403), clean(404));
    for (repository, image) in [(REPO, &first), ("lib/other", &first), (REPO, &second)] {
        let tag = image.digest.hex().get(..8).expect("a digest");
        stage.upstream.add(repository, tag, image);
        stage.pull(repository, tag, image).await;
    }
    let ask = async |query: &str| {
        let reply = stage.proxy.api(&format!("/api/v1/packages?{query}")).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        reply.json()
    };
    let mut found = Vec::new();
    let mut after = String::new();
    loop {
        let page = ask(&format!("name=GoodLib&limit=2{after}")).await;
        found.extend(page["items"].as_array().expect("a list").clone());
        assert_eq!(page["incomplete"], 0);
        match page["next"].as_str() {
            Some(next) => after = format!("&after={next}"),
            None => break,
        }
    }
    assert_eq!(found.len(), 3, "{found:?}");
    let item = found
        .iter()
        .find(|item| item["repository"] == "up.test/lib/other")
        .expect("the other repository");
    assert_eq!(item["digest"], first.digest.as_str());
    assert_eq!(item["layer"], first.layers[1].digest.as_str());
    assert_eq!(
        (&item["name"], &item["version"], &item["decision"]),
        (&"goodlib".into(), &"1.0".into(), &"allow".into())
    );
    let verdict = stage.proxy.api(item["verdict"].as_str().expect("a path"));
    assert_eq!(verdict.await.json()["repository"], "up.test/lib/other");
    let count = |page: Value| page["items"].as_array().expect("a list").len();
    assert_eq!(count(ask("name=goodlib&version=1.0").await), 3);
    assert_eq!(count(ask("name=goodlib&version=2.0").await), 0);
    assert_eq!(count(ask("name=unheard-of").await), 0);
    let inventories = stage.proxy.data().join("content/documents/inventory");
    std::fs::remove_dir_all(&inventories).expect("remove the inventories");
    let page = ask("name=goodlib").await;
    assert_eq!((&page["incomplete"], count(page.clone())), (&2.into(), 0));
    let nowhere = ask("name=unheard-of").await;
    assert_eq!(nowhere["incomplete"], 0, "their marks know");
    let nameless = stage.proxy.api("/api/v1/packages").await;
    assert_eq!(nameless.status, StatusCode::BAD_REQUEST);
}

#[tokio::test]
async fn where_a_weakness_is_is_listed_by_a_service_and_from_a_directory() {
    let mut stage = Stage::hold().await;
    let (bad, other) = (vulnerable(405), dubious(406));
    for (tag, image) in [("bad", &bad), ("other", &other)] {
        stage.upstream.add(REPO, tag, image);
        stage.get(&manifest_path(REPO, tag)).await;
    }
    let cases = [
        ("CVE-2026-1111", vec![&bad]),
        ("cve-2026-1111", vec![&bad]),
        ("ghsa-AAAA-aaaa-aaaa", vec![&bad]),
        ("CVE-2026-2222", vec![&other]),
        ("CVE-2026-9999", vec![]),
    ];
    let list = ["verdicts", "list", "--format", "json", "--vulnerability"];
    let digests = |outcome: Outcome| -> Vec<String> {
        let page: Value = serde_json::from_str(&outcome.stdout).expect("JSON");
        let items = page["items"].as_array().expect("a list").iter();
        items
            .map(|item| item["digest"].as_str().expect("a digest").to_owned())
            .collect()
    };
    for (id, images) in &cases {
        let expected: Vec<_> = images.iter().map(|i| i.digest.to_string()).collect();
        let listed = stage.proxy.command(&[&list[..], &[id]].concat()).await;
        assert_eq!(digests(listed.expect_ok(id)), expected, "{id}, service");
    }
    stage.proxy.terminate();
    let data = stage.proxy.data().display().to_string();
    for (id, images) in &cases {
        let expected: Vec<_> = images.iter().map(|i| i.digest.to_string()).collect();
        let listed = sluicegate(&[&list[..], &[id, "--data", &data]].concat()).await;
        assert_eq!(digests(listed.expect_ok(id)), expected, "{id}, directory");
    }
}
