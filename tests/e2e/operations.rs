//! What operators and auditors see: API, command line, log of decisions, health, metrics, limits.

use http::{Method, StatusCode};
use sluicegate_tests::proxy::{UPSTREAM, verify_log};

use crate::scene::{BAD, Scene, bad, clean};

/// The types of what the service attaches to an image, in order.
const ATTACHED: [&str; 4] = [
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.dev.sigstore.bundle.v0.3+json",
    "application/vnd.cyclonedx+json",
    "application/spdx+json",
];

#[tokio::test]
async fn verdict_and_decision_of_a_refused_pull_can_be_asked_for() {
    let scene = Scene::start("hold").await;
    let image = bad(90_000);
    scene.push("app", &image).await;
    scene
        .proxy
        .ask(Method::GET, "/v2/lib/app/manifests/1")
        .await;
    let digest = image.digest.as_str();

    let verdict = scene.proxy.verdict(digest).await;
    assert_eq!(verdict["decision"], "refuse");
    assert_eq!(verdict["policy"]["name"], "prod");
    assert_eq!(verdict["findings"][0]["id"], BAD);
    assert_eq!(verdict["findings"][0]["fixed"], "1.0-r1");
    assert_eq!(verdict["platform"], "linux/amd64");

    for filter in [
        "decision=refuse".to_owned(),
        format!("vulnerability={BAD}"),
        "package=libbad".to_owned(),
        format!("repository={UPSTREAM}/lib/app"),
        format!("digest={digest}"),
    ] {
        let listed = scene
            .proxy
            .api(&format!("/api/v1/verdicts?{filter}"))
            .await
            .json();
        assert_eq!(listed["items"][0]["digest"], digest, "{filter}: {listed}");
    }
    let none = scene
        .proxy
        .api("/api/v1/verdicts?decision=allow")
        .await
        .json();
    assert_eq!(none["items"].as_array().map(Vec::len), Some(0), "{none}");

    let decisions = scene.proxy.api("/api/v1/decisions").await.json();
    let line = &decisions["items"][0];
    assert_eq!(
        (&line["decision"], &line["asked"]),
        (&"refuse".into(), &digest.into()),
        "{line}"
    );
    assert_eq!(line["type"], "pull", "{line}");
    assert_eq!(line["reasons"][0]["rule"], "fixable-critical", "{line}");
    assert_eq!(line["served"], serde_json::Value::Null, "{line}");
}

#[tokio::test]
async fn command_line_answers_what_the_api_answers() {
    let scene = Scene::start("hold").await;
    let image = bad(90_100);
    scene.push("app", &image).await;
    scene
        .proxy
        .ask(Method::GET, "/v2/lib/app/manifests/1")
        .await;
    let digest = image.digest.as_str();
    let ask = async |arguments: &[&str]| {
        scene
            .proxy
            .command(arguments)
            .await
            .expect_ok(&arguments.join(" "))
            .stdout
    };
    assert!(ask(&["verdicts", "list"]).await.contains("refuse"));
    assert!(ask(&["verdicts", "show", digest]).await.contains(BAD));
    let shown = ask(&["verdicts", "show", digest, "--format", "json"]).await;
    let shown: serde_json::Value = serde_json::from_str(&shown).expect("JSON");
    assert_eq!(shown["digest"], digest);
    assert!(ask(&["decisions", "list"]).await.contains("lib/app"));
    verify_log(&scene.proxy.data())
        .await
        .expect_ok("decisions verify");
}

#[tokio::test]
async fn hole_in_the_decision_log_is_found() {
    let mut scene = Scene::start("hold").await;
    for seed in 0..3 {
        let name = format!("app{seed}");
        scene.push(&name, &clean(90_200 + seed)).await;
        scene
            .proxy
            .ask(Method::GET, &format!("/v2/lib/{name}/manifests/1"))
            .await;
    }
    verify_log(&scene.proxy.data())
        .await
        .expect_ok("decisions verify");
    scene.proxy.terminate();
    let data = scene.proxy.data();
    let log = find_log(&data);
    let text = std::fs::read_to_string(&log).expect("read the log");
    let lines: Vec<&str> = text.lines().collect();
    assert!(lines.len() >= 3, "{text}");
    std::fs::write(&log, format!("{}\n{}\n", lines[0], lines[2..].join("\n"))).expect("write");
    verify_log(&data)
        .await
        .expect_failure("decisions verify with a hole");
}

/// Finds the newest file of JSON lines with a chain in the data directory.
fn find_log(folder: &std::path::Path) -> std::path::PathBuf {
    let mut folders = vec![folder.to_path_buf()];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(&folder).expect("read a folder") {
            let path = entry.expect("read an entry").path();
            if path.is_dir() {
                folders.push(path);
            } else if std::fs::read_to_string(&path).is_ok_and(|text| {
                text.starts_with('{') && text.contains("\"prev\"") && text.contains("\"seq\"")
            }) {
                return path;
            }
        }
    }
    panic!("no decision log under {}", folder.display());
}

#[tokio::test]
async fn health_status_and_metrics_tell_what_happened() {
    let scene = Scene::start("hold").await;
    scene.push("good", &clean(90_300)).await;
    scene.push("evil", &bad(90_301)).await;
    for name in ["good", "evil"] {
        scene
            .proxy
            .ask(Method::GET, &format!("/v2/lib/{name}/manifests/1"))
            .await;
    }
    assert_eq!(scene.proxy.api("/healthz").await.status, StatusCode::OK);
    assert_eq!(scene.proxy.api("/readyz").await.status, StatusCode::OK);
    let metrics = scene.proxy.api("/metrics").await.text();
    for wanted in [
        "sluicegate_pulls_total{decision=\"allow\"} 1",
        "sluicegate_pulls_total{decision=\"refuse\"} 1",
        "sluicegate_scan_seconds_count 2",
        "sluicegate_upstream_requests_total{",
        "sluicegate_cache_bytes",
    ] {
        assert!(metrics.contains(wanted), "no {wanted} in {metrics}");
    }
    let status = scene.proxy.api("/api/v1/status").await;
    assert_eq!(status.status, StatusCode::OK);
    assert!(status.text().contains("Alpine:edge"), "{}", status.text());
    let missing = scene.proxy.api("/api/v1/verdicts/sha256:00").await;
    assert!(missing.status.is_client_error());
    assert_eq!(missing.header("content-type"), "application/problem+json");
}

#[tokio::test]
async fn tags_and_the_version_check_pass_through() {
    let scene = Scene::start("hold").await;
    let image = clean(90_500);
    scene.push("app", &image).await;
    scene.registry.push("lib/app", "2", &image).await;
    assert_eq!(
        scene.proxy.ask(Method::GET, "/v2/").await.status,
        StatusCode::OK
    );
    let tags = scene.proxy.ask(Method::GET, "/v2/lib/app/tags/list").await;
    assert_eq!(tags.status, StatusCode::OK, "{}", tags.text());
    let mut listed: Vec<String> =
        serde_json::from_value(tags.json()["tags"].clone()).expect("a list of tags");
    listed.sort();
    assert_eq!(listed, ["1", "2"]);
    let digest = &image.digest;
    let referrers = scene
        .proxy
        .ask(Method::GET, &format!("/v2/lib/app/referrers/{digest}"))
        .await;
    assert_eq!(referrers.status, StatusCode::OK, "{}", referrers.text());
    let referrers = referrers.json()["manifests"].clone();
    let kinds = referrers.as_array().expect("a list").iter();
    let kinds: Vec<_> = kinds.map(|it| it["artifactType"].clone()).collect();
    // The upstream has none; these say what was found here.
    assert_eq!(kinds, ATTACHED);
}
