//! What pipelines say images hold: judged by the service's policies, listed as theirs, taken back in one
//! command, and nothing that a pull ever rests on.

use std::ffi::OsStr;
use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use sluicegate_tests::image::Image;
use sluicegate_tests::keys::{Holder, Keys};
use sluicegate_tests::process::{Outcome, run_with};
use sluicegate_tests::proxy::program;
use sluicegate_tests::wire::{Call, Reply};
use tempfile::TempDir;

use crate::stage::{REPO, Stage, clean, eventually, manifest_path, vulnerable};

/// The repositories that the pipeline's key knows of.
const TEAM: &str = "up.test/team/**";

/// A machine that builds images: its data is not the service's.
struct Pipeline<'a> {
    stage: &'a Stage,
    key: &'a Holder,
    home: TempDir,
}

impl<'a> Pipeline<'a> {
    fn of(stage: &'a Stage, key: &'a Holder) -> Self {
        let home = tempfile::tempdir().expect("make a directory");
        Self { stage, key, home }
    }

    fn layout(&self, image: &Image) -> String {
        let folder = self.home.path().join(image.digest.hex());
        image.write_layout(&folder, &json!({}));
        format!("oci:{}", folder.display())
    }

    /// Inspects an image under a name that the variable gives.
    async fn inspect(&self, name: &str, image: &Image, more: &[&str]) -> Outcome {
        let (data, layout) = (self.home.path().display().to_string(), self.layout(image));
        let service = format!("http://{}", self.stage.proxy.api_address());
        let mut arguments = vec!["inspect-image", "--data", &data, "--format", "json"];
        arguments.extend(more);
        arguments.push(&layout);
        let variables = [
            ("SLUICEGATE_SERVICE", service.as_str()),
            ("SLUICEGATE_REPO_NAME", name),
            ("SERVICE_ACCESS_KEY", &self.key.access),
            ("SLUICEGATE_SECRET_KEY", &self.key.secret),
        ];
        let variables = variables.map(|(name, value)| (name, OsStr::new(value)));
        let program = program().display().to_string();
        run_with(&program, &arguments, &variables, Duration::from_secs(60)).await
    }

    /// Sends a body as a report.
    async fn send(&self, body: &Value) -> Reply {
        let address = self.stage.proxy.api_address();
        let call = Call::new(Method::POST, address, "/api/v1/reports");
        let call = call.header("content-type", "application/json");
        self.key.on(call.body(body.to_string())).send().await
    }
}

async fn listed(stage: &Stage, query: &str) -> Vec<Value> {
    let reply = stage.proxy.api(&format!("/api/v1/verdicts?{query}")).await;
    reply.json()["items"].as_array().expect("items").clone()
}

/// Says of an image that there is nothing in it.
fn nothing_in(image: &Image, repository: &str) -> Value {
    let inventory = json!({"platform": "linux/amd64", "distro": null, "components": [],
        "declared": [], "gaps": [], "layers": []});
    let scanned = json!({"content": "image", "inventory": inventory,
        "scanned_at": "2026-11-28T00:00:00Z", "scan_ms": 1});
    json!({"format": 1, "repository": repository, "digest": image.digest, "tags": ["1"],
        "scanned": scanned})
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_pipeline_is_told_what_the_service_decides_and_its_word_is_listed_as_its_own() {
    let stage = Stage::hold().await;
    let keys = Keys(&stage.proxy);
    let key = keys.make("ci", "scanner", &["--repositories", TEAM]).await;
    let pipeline = Pipeline::of(&stage, &key);
    let (bad, good) = (vulnerable(71_001), clean(71_002));
    let refused = pipeline.inspect("team/app:7", &bad, &[]).await;
    assert_eq!(refused.status, 1, "{}", refused.text());
    let verdict: Value = serde_json::from_str(&refused.stdout).expect("JSON");
    assert_eq!(verdict["repository"], "up.test/team/app");
    assert_eq!(verdict["tags"], json!(["7"]));
    assert_eq!(verdict["reported_by"], "key:ci");
    assert!(
        verdict["read_by"]
            .as_str()
            .expect("a reader")
            .starts_with("sluicegate/")
    );
    assert_eq!(verdict["findings"][0]["id"], "CVE-2026-1111");
    let allowed = pipeline.inspect("team/app", &good, &[]).await;
    assert_eq!(allowed.status, 0, "{}", allowed.text());

    // What it may not: another's repository, policies of its own, somebody else's secret.
    let foreign = pipeline.inspect("other/app", &bad, &[]).await;
    assert_eq!(foreign.status, 3, "{}", foreign.text());
    assert!(
        foreign.stderr.contains("up.test/other/app"),
        "{}",
        foreign.text()
    );
    let wrong = Holder {
        secret: "x".repeat(43),
        ..key.clone()
    };
    let guessed = Pipeline::of(&stage, &wrong)
        .inspect("team/app", &bad, &[])
        .await;
    assert_eq!(guessed.status, 3, "{}", guessed.text());
    let puller = keys.make("nodes", "puller", &[]).await;
    let lacking = Pipeline::of(&stage, &puller)
        .inspect("team/app", &bad, &[])
        .await;
    assert_eq!(lacking.status, 3, "{}", lacking.text());

    let theirs = listed(&stage, "reported_by=key:ci").await;
    assert_eq!(theirs.len(), 2);
    assert!(theirs.iter().all(|item| item["reported_by"] == "key:ci"));
    assert_eq!(listed(&stage, "reported_by=key:nodes").await.len(), 0);

    // New advisories reach what was reported.
    stage.publish_advisory_on("goodlib");
    let is_found = async || {
        let found = listed(&stage, "reported_by=key:ci&package=goodlib").await;
        found.len() == 1
    };
    eventually("a new advisory on what was reported", is_found).await;
    let events = stage.proxy.api("/api/v1/events").await.json();
    let event = &events["items"][0];
    assert_eq!(event["reported_by"], "key:ci", "{events}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_lie_lets_nothing_pass_and_is_taken_back_in_one_command() {
    let stage = Stage::hold().await;
    let everywhere = Keys(&stage.proxy).make("leaked", "scanner", &[]).await;
    let pipeline = Pipeline::of(&stage, &everywhere);
    let image = vulnerable(71_003);
    stage.upstream.add(REPO, "1", &image);
    let name = format!("up.test/{REPO}");
    let told = pipeline.send(&nothing_in(&image, &name)).await;
    assert_eq!(told.status, 200, "{}", told.text());
    assert_eq!(told.json()["packages"], 0);
    let pulled = stage.get(&manifest_path(REPO, "1")).await;
    assert_eq!(pulled.status, 403, "{}", pulled.text());
    let told = pipeline.send(&nothing_in(&image, &name)).await;
    assert_eq!(told.status, 200, "{}", told.text());
    let path = manifest_path(REPO, image.digest.as_str());
    assert_eq!(stage.get(&path).await.status, 403);
    // What is shown of the digest is what was seen here; what was said, where it is asked for.
    let shown = |query: &str| format!("/api/v1/verdicts/{}{query}", image.digest);
    let ours = stage.proxy.api(&shown("")).await.json();
    assert_eq!(
        (&ours["decision"], ours.get("reported_by")),
        (&json!("refuse"), None)
    );
    let said = stage
        .proxy
        .api(&shown("?reported_by=key:leaked"))
        .await
        .json();
    assert_ne!(said["decision"], "refuse");
    let held = stage.proxy.api("/api/v1/packages?name=badlib").await.json();
    assert_eq!(held["items"].as_array().expect("items").len(), 1, "{held}");

    let data = stage.proxy.data().display().to_string();
    let withdraw = [
        "verdicts",
        "withdraw",
        "--reported-by",
        "key:leaked",
        "--data",
        &data,
    ];
    let outcome = sluicegate_tests::proxy::sluicegate(&withdraw).await;
    let outcome = outcome.expect_ok("withdraw");
    assert!(
        outcome.stdout.starts_with("forgotten: 1 verdict on"),
        "{}",
        outcome.text()
    );
    assert_eq!(listed(&stage, "reported_by=*").await.len(), 0);
    assert_eq!(stage.get(&path).await.status, 403);
    assert_eq!(
        stage
            .proxy
            .api(&shown("?reported_by=key:leaked"))
            .await
            .status,
        404
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_is_no_report_is_refused_before_it_is_believed() {
    let stage = Stage::hold().await;
    let key = Keys(&stage.proxy).make("ci", "scanner", &[]).await;
    let pipeline = Pipeline::of(&stage, &key);
    let image = clean(71_004);
    let good = nothing_in(&image, "team/app");
    let with = |member: &str, value: Value| {
        let mut body = good.clone();
        body[member] = value;
        body
    };
    for (body, words) in [
        (with("format", json!(2)), "newer release"),
        (with("digest", json!("latest")), "no report"),
        (with("scanned", json!(7)), "no report"),
        (with("repository", json!("Team App")), "repository"),
        (
            with("repository", json!("x".repeat(20_000))),
            "text of more",
        ),
    ] {
        let reply = pipeline.send(&body).await;
        assert_eq!(reply.status, 400, "{words}: {}", reply.text());
        assert!(reply.text().contains(words), "{words}: {}", reply.text());
    }
    let address = stage.proxy.api_address();
    let call = Call::new(Method::POST, address, "/api/v1/reports");
    let form = call.header("content-type", "text/plain").body("{}");
    assert_eq!(key.on(form).send().await.status, 415);
    assert_eq!(listed(&stage, "").await.len(), 0);
}
