//! Names that policy refuses: a 403 like any, in the log like any, and no request upstream.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use sluicegate_tests::wire::Call;

use crate::stage::{Stage, clean, eventually, manifest_path};

const NAMES: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: names}
spec:
  onInconclusive: annotate
  rules:
    - id: no-latest
      image: {tags: latest}
      action: refuse
      message: Ask for a version
---
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: listed}
spec:
  default: refuse
  onInconclusive: annotate
  rules:
    - id: releases
      image: {repositories: [\"up.test/listed/*\"], tags: [\"1.*\"]}
      action: allow
---
apiVersion: sluicegate/v1
kind: Binding
metadata: {name: listed}
spec: {policy: listed, repositories: [\"up.test/listed/*\", \"up.test/closed/*\"]}
";

/// Gives the refusals in the log of pulls.
fn refusals(stage: &Stage) -> Vec<Value> {
    let path = stage.proxy.data().join("decisions/decisions.jsonl");
    let text = std::fs::read_to_string(path).expect("read the log");
    let lines = text
        .lines()
        .map(|line| serde_json::from_str(line).expect("a line of JSON"));
    lines
        .filter(|line: &Value| line["decision"] == "refuse")
        .collect()
}

#[tokio::test]
async fn a_refused_name_is_a_403_in_the_log_and_no_request_upstream() {
    for gate in ["hold", "stream"] {
        let stage =
            Stage::with(|proxy, _| proxy.flag("--gate", gate).policy("p.yaml", NAMES)).await;
        let image = clean(510);
        for (repository, tag) in [
            ("lib/app", "latest"),
            ("listed/app", "2.0"),
            ("closed/app", "1.0"),
        ] {
            stage.upstream.add(repository, tag, &image);
        }
        let digest = image.digest.as_str();
        for (repository, reference, rule) in [
            ("lib/app", "latest", "no-latest"),
            ("listed/app", "2.0", "not-listed"),
            ("listed/app", digest, "not-listed"),
            ("closed/app", "1.0", "not-listed"),
            ("closed/app", digest, "not-listed"),
        ] {
            let path = manifest_path(repository, reference);
            let head = stage.once(Method::HEAD, &path).await;
            assert_eq!(head.status, StatusCode::FORBIDDEN, "{path}");
            let get = stage.once(Method::GET, &path).await;
            assert_eq!(get.status, StatusCode::FORBIDDEN, "{path}");
            let (error, line) = (get.json(), refusals(&stage).pop().expect("a line"));
            let said = error["errors"][0]["message"].as_str().expect("a message");
            let wanted = format!(
                "sluicegate: refused by policy \"{}\", rule \"{rule}\": ",
                line["policy"].as_str().expect("a name")
            );
            assert!(said.starts_with(&wanted), "{said}");
            assert_eq!(line["reasons"][0]["rule"], rule, "{line}");
            assert_eq!(
                line["repository"],
                format!("up.test/{repository}"),
                "{line}"
            );
            assert_eq!(line["served"], Value::Null, "{line}");
        }
        for list in ["tags/list".to_owned(), format!("referrers/{digest}")] {
            let reply = stage
                .once(Method::GET, &format!("/v2/closed/app/{list}"))
                .await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{list}");
        }
        for image in ["lib/app:latest".to_owned(), format!("closed/app@{digest}")] {
            let scanned = scanned(&stage, &format!("up.test/{image}")).await;
            assert_eq!(scanned["decision"], "refuse", "{scanned}");
            let problem = scanned["images"][0]["problem"].as_str().expect("why");
            assert!(problem.starts_with("sluicegate: refused by"), "{problem}");
        }
        assert_eq!(stage.upstream.seen().len(), 0, "{gate}");
    }
}

/// Has an image judged ahead of its first pull, and gives what came of it.
async fn scanned(stage: &Stage, image: &str) -> Value {
    let call = Call::new(Method::POST, stage.proxy.api_address(), "/api/v1/scans");
    let call = call.header("content-type", "application/json");
    let begun = call.body(json!({"image": image}).to_string()).send().await;
    assert_eq!(begun.status, 202, "{}", begun.text());
    let at = begun.header("location").to_owned();
    eventually("the scan ends", async || {
        stage.proxy.api(&at).await.json()["state"] != "running"
    })
    .await;
    stage.proxy.api(&at).await.json()
}

#[tokio::test]
async fn a_listed_tag_is_pulled_as_clients_do_and_nothing_else() {
    let stage = Stage::with(|proxy, _| proxy.policy("p.yaml", NAMES)).await;
    let (image, other) = (clean(511), clean(512));
    stage.upstream.add("listed/app", "1.0", &image);
    stage.upstream.add("listed/app", "2.0", &other);
    let by_digest = manifest_path("listed/app", image.digest.as_str());
    assert_eq!(stage.get(&by_digest).await.status, StatusCode::FORBIDDEN);
    let head = stage.head(&manifest_path("listed/app", "1.0")).await;
    assert_eq!(head.status, StatusCode::OK);
    assert_eq!(stage.get(&by_digest).await.status, StatusCode::OK);
    let other = manifest_path("listed/app", other.digest.as_str());
    assert_eq!(stage.get(&other).await.status, StatusCode::FORBIDDEN);
}

#[tokio::test]
async fn an_image_cools_down_and_one_that_runs_as_root_is_refused() {
    let rule = |image: &str| {
        format!(
            "apiVersion: sluicegate/v1\nkind: Policy\nmetadata: {{name: p}}\nspec:\n  onInconclusive: \
             annotate\n  rules: [{{id: r, image: {image}, action: refuse}}]\n"
        )
    };
    let cooldown = rule("{firstSeenWithin: 30d}");
    let stage = Stage::with(|proxy, _| proxy.policy("p.yaml", &cooldown)).await;
    let image = clean(513);
    stage.upstream.add("lib/app", "1", &image);
    let path = manifest_path("lib/app", "1");
    let refused = stage.get(&path).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        refused
            .text()
            .contains("first seen here less than 30 days ago")
    );
    let verdict = stage.proxy.verdict(image.digest.as_str()).await;
    assert_eq!(verdict["first_seen"], verdict["provenance"]["scanned_at"]);
    assert_ne!(verdict["valid_until"], Value::Null);
    stage
        .proxy
        .write_policy("p.yaml", &rule("{unless: {user: root}}"));
    eventually("it runs as root, and so is not of those", async || {
        stage.get(&path).await.status == StatusCode::OK
    })
    .await;
    stage.proxy.write_policy("p.yaml", &rule("{user: root}"));
    eventually("it runs as root", async || {
        stage.get(&path).await.status == StatusCode::FORBIDDEN
    })
    .await;
}
