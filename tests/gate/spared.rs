//! What rules spare: a tag that falls back to what was allowed, and time for what was served before.

use http::StatusCode;
use serde_json::Value;

use sluicegate_tests::proxy::sluicegate;

use crate::stage::{
    REPO, Stage, blob_path, clean, eventually, image_with, manifest_path, vulnerable,
};

const FALLBACK: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: p}
spec:
  rules:
    - {id: critical, when: {severityAtLeast: critical}, action: refuse, fallback: lastAllowedDigest}
    - {id: high, when: {severityAtLeast: high}, action: annotate}
";
const GRACE: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: p}
spec:
  rules:
    - {id: critical, when: {severityAtLeast: critical}, action: refuse, graceForServed: 1h}
";

fn lines(stage: &Stage) -> Vec<Value> {
    let path = stage.proxy.data().join("decisions/decisions.jsonl");
    let text = std::fs::read_to_string(path).expect("read the log");
    let lines = text.lines();
    let lines = lines.map(|line| serde_json::from_str(line).expect("a line of JSON"));
    lines
        .filter(|line: &Value| line["type"] == "pull")
        .collect()
}

#[tokio::test]
async fn a_refused_tag_answers_with_the_newest_digest_that_is_allowed() {
    let stage =
        Stage::with(|proxy, _| proxy.policy("p.yaml", FALLBACK).flag("--tag-ttl", "0s")).await;
    let (old, bad) = (clean(540), vulnerable(541));
    let tag = manifest_path(REPO, "1");
    stage.upstream.add(REPO, "1", &bad);
    assert_eq!(
        stage.get(&tag).await.status,
        StatusCode::FORBIDDEN,
        "nothing to fall back to"
    );
    stage.upstream.add(REPO, "1", &old);
    stage.pull(REPO, "1", &old).await;
    stage.upstream.add(REPO, "1", &bad);
    for reply in [stage.head(&tag).await, stage.get(&tag).await] {
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        assert_eq!(reply.header("docker-content-digest"), old.digest.as_str());
        let warning = reply.header("warning");
        assert!(warning.contains(bad.digest.as_str()), "{warning}");
        assert!(warning.contains("rule 'critical'"), "{warning}");
    }
    assert_eq!(stage.get(&tag).await.body, old.manifest);
    let line = lines(&stage).pop().expect("a line");
    assert_eq!(line["asked"], bad.digest.as_str(), "{line}");
    assert_eq!(line["served"], old.digest.as_str(), "{line}");
    assert_eq!(line["decision"], "allow", "{line}");
    let by_digest = manifest_path(REPO, bad.digest.as_str());
    assert_eq!(stage.get(&by_digest).await.status, StatusCode::FORBIDDEN);
    // What is refused for something else as well has none.
    let stricter = FALLBACK.replace("action: refuse, fallback", "action: refuse, #");
    let stricter = stricter.replace("#: lastAllowedDigest}", "message: no}");
    stage.proxy.write_policy("p.yaml", &stricter);
    eventually("the policy is in force", async || {
        stage.get(&tag).await.status == StatusCode::FORBIDDEN
    })
    .await;
}

#[tokio::test]
async fn what_was_given_out_before_an_advisory_came_keeps_working_for_a_while() {
    let mut stage = Stage::with(|proxy, _| proxy.policy("p.yaml", GRACE)).await;
    let (given, asked, new) = (
        image_with("goodlib", 542),
        image_with("goodlib", 543),
        image_with("goodlib", 544),
    );
    for (tag, image) in [("given", &given), ("asked", &asked), ("new", &new)] {
        stage.upstream.add(REPO, tag, image);
    }
    stage.pull(REPO, "given", &given).await;
    assert_eq!(
        stage.head(&manifest_path(REPO, "asked")).await.status,
        StatusCode::OK
    );
    stage.publish_advisory_on("goodlib");
    stage.proxy.restart().await;
    let reply = stage.pull(REPO, "given", &given).await;
    let warning = reply.header("warning");
    assert!(warning.contains("CVE-2026-3333"), "{warning}");
    for tag in ["asked", "new"] {
        let refused = stage.get(&manifest_path(REPO, tag)).await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{tag}");
    }
    let verdict = format!("/api/v1/verdicts/{}", given.digest);
    let verdict = stage.proxy.api(&verdict).await.json();
    assert_eq!(verdict["decision"], "annotate", "{verdict}");
    assert_eq!(verdict["allowed_by"][0], "grace:critical", "{verdict}");
    assert_eq!(verdict["graces"][0]["rule"], "critical", "{verdict}");
    assert!(verdict["valid_until"].is_string(), "{verdict}");
    let line = lines(&stage);
    let line = line
        .iter()
        .find(|it| it["allowed_by"][0] == "grace:critical");
    assert!(line.is_some(), "the log says by what it was let through");
    // A change of the policy gives nothing: it is refused by what was never given time.
    let other = GRACE.replace("id: critical", "id: other");
    stage.proxy.write_policy("p.yaml", &other);
    eventually("the policy is in force", async || {
        stage.get(&manifest_path(REPO, "given")).await.status == StatusCode::FORBIDDEN
    })
    .await;
}

#[tokio::test]
async fn an_image_is_let_through_for_a_while_in_one_repository_and_everybody_is_told() {
    let mut stage = Stage::hold().await;
    let image = vulnerable(545);
    stage.upstream.add(REPO, "1", &image);
    stage.upstream.add("lib/other", "1", &image);
    let (here, elsewhere) = (manifest_path(REPO, "1"), manifest_path("lib/other", "1"));
    for path in [&here, &elsewhere] {
        assert_eq!(stage.get(path).await.status, StatusCode::FORBIDDEN);
    }
    let (name, data) = (
        format!("up.test/{REPO}"),
        stage.proxy.data().display().to_string(),
    );
    let digest = image.digest.to_string();
    let break_glass = async |time: &str, reason: &str| {
        let command = ["policy", "break-glass", &digest, "--repository", &name];
        let more = ["--for", time, "--reason", reason, "--data", &data];
        sluicegate(&[&command[..], &more].concat()).await
    };
    for (time, reason, wanted) in [
        ("25h", "too long", "at most 1440 min"),
        ("1h", " ", "a reason is needed"),
    ] {
        let refused = break_glass(time, reason).await;
        assert_ne!(refused.status, 0, "{}", refused.text());
        assert!(refused.stderr.contains(wanted), "{}", refused.text());
    }
    assert_eq!(stage.get(&here).await.status, StatusCode::FORBIDDEN);
    let told = break_glass("1h", "SEC-1: logins are down").await;
    assert!(
        told.expect_ok("policy break-glass")
            .stdout
            .contains(" is let through until ")
    );
    for _ in 0..2 {
        for path in [here.clone(), manifest_path(REPO, &digest)] {
            let reply = stage.get(&path).await;
            assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
            let warning = reply.header("warning");
            assert!(warning.contains("SEC-1: logins are down"), "{warning}");
        }
        for blob in image.blobs() {
            let path = blob_path(REPO, &blob.digest);
            assert_eq!(stage.get(&path).await.status, StatusCode::OK);
        }
        assert_eq!(stage.get(&elsewhere).await.status, StatusCode::FORBIDDEN);
        let verdict = format!("/api/v1/verdicts/{digest}?repository={name}");
        let verdict = stage.proxy.api(&verdict).await.json();
        assert_eq!(
            verdict["decision"], "refuse",
            "the verdict stays what it is"
        );
        stage.proxy.restart().await;
        eventually("it is let through again", async || {
            stage.get(&here).await.status == StatusCode::OK
        })
        .await;
    }
    let path = stage.proxy.data().join("decisions/decisions.jsonl");
    let text = std::fs::read_to_string(path).expect("read the log");
    let broken = text.lines().find(|line| line.contains("\"break-glass\""));
    let broken: Value = serde_json::from_str(broken.expect("a line")).expect("JSON");
    assert_eq!(broken["type"], "break-glass", "{broken}");
    assert_eq!(broken["asked"], digest.as_str(), "{broken}");
    assert_eq!(broken["repository"], name.as_str(), "{broken}");
    let pulls = lines(&stage);
    let through = pulls.iter().filter(|line| {
        let by = line["allowed_by"][0].as_str().unwrap_or_default();
        by.starts_with("break-glass:")
    });
    assert!(
        through.count() > 0,
        "the log says by whom it was let through"
    );
    let events = stage
        .proxy
        .api("/api/v1/events?type=break-glass")
        .await
        .json();
    assert_eq!(events["items"][0]["digest"], digest.as_str(), "{events}");
    let listed = stage.proxy.api("/api/v1/break-glass").await.json();
    assert_eq!(
        listed["items"][0]["reason"], "SEC-1: logins are down",
        "{listed}"
    );
    let status = stage.proxy.api("/api/v1/status").await.json();
    let shown = &status["break_glass"][0];
    assert_eq!(shown["digest"], digest.as_str(), "{status}");
    assert_eq!(shown["until"], listed["items"][0]["until"], "{status}");
}
