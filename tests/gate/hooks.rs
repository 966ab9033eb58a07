//! What registries tell of pushes: an image is judged before anybody pulls it, once, and only where
//! whoever tells it knows the secret.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use sluicegate_tests::image::Image;
use sluicegate_tests::proxy::UPSTREAM;
use sluicegate_tests::wire::{Call, Reply};
use tempfile::TempDir;

use crate::stage::{REPO, Stage, clean, eventually, vulnerable};
use crate::webhook::hmac_sha256;

const SECRET: &str = "a secret of 24 bytes 123";

/// A stage whose service listens to registries, and where the secret is.
struct Listening {
    stage: Stage,
    secrets: TempDir,
}

impl Listening {
    async fn start(flags: &[(&str, &str)]) -> Self {
        let secrets = tempfile::tempdir().expect("make a directory");
        let file = secrets.path().join("hook");
        std::fs::write(&file, format!("{SECRET}\n")).expect("write the secret");
        let file = file.display().to_string();
        let stage = Stage::with(|proxy, _| {
            let proxy = proxy.flag("--hook-secret-file", &file);
            let set = |proxy: sluicegate_tests::proxy::ProxyBuilder,
                       (name, value): &(&str, &str)| {
                proxy.flag(name, value)
            };
            flags.iter().fold(proxy, set)
        })
        .await;
        Self { stage, secrets }
    }

    fn call(&self, registry: &str) -> Call {
        let path = format!("/api/v1/hooks/{registry}");
        Call::new(Method::POST, self.stage.proxy.api_address(), &path)
            .header("content-type", "application/json")
    }

    async fn harbor(&self, authorization: &str, body: &Value) -> Reply {
        let call = self.call("harbor").header("authorization", authorization);
        call.body(body.to_string()).send().await
    }

    async fn ghcr(&self, secret: &str, body: &Value) -> Reply {
        let body = body.to_string();
        let code = hex::encode(hmac_sha256(secret.as_bytes(), body.as_bytes()));
        let call = self.call("ghcr");
        let call = call.header("x-hub-signature-256", &format!("sha256={code}"));
        call.body(body.clone()).send().await
    }

    async fn notified(&self, outcome: &str) -> f64 {
        let text = self.stage.proxy.api("/metrics").await.text();
        let name = format!("sluicegate_hook_notifications_total{{outcome=\"{outcome}\"}} ");
        let value = text.lines().find_map(|line| line.strip_prefix(&name));
        value.map_or(0.0, |value| value.parse().expect("a number"))
    }

    async fn has_verdict(&self, image: &Image) -> bool {
        let path = format!("/api/v1/verdicts/{}", image.digest);
        self.stage.proxy.api(&path).await.status == StatusCode::OK
    }
}

fn of_harbor(image: &Image) -> Value {
    json!({
        "type": "PUSH_ARTIFACT",
        "event_data": {"resources": [{
            "digest": image.digest.to_string(),
            "tag": "1",
            "resource_url": format!("{UPSTREAM}/{REPO}:1"),
        }]},
    })
}

fn of_github(image: &Image) -> Value {
    json!({
        "action": "published",
        "registry_package": {"package_type": "CONTAINER", "package_version": {
            "package_url": format!("{UPSTREAM}/{REPO}:1"),
            "container_metadata": {"tag": {"name": "1", "digest": image.digest.to_string()}},
        }},
    })
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_push_that_is_told_of_is_judged_once_before_anybody_pulls_it() {
    let listening = Listening::start(&[]).await;
    let (stage, image) = (&listening.stage, vulnerable(431));
    stage.upstream.add(REPO, "1", &image);
    let told = listening.harbor(SECRET, &of_harbor(&image)).await;
    assert_eq!(told.status, StatusCode::ACCEPTED, "{}", told.text());
    let scan = told.json()["scans"][0].clone();
    let canonical = format!("{UPSTREAM}/{REPO}@{}", image.digest);
    assert_eq!(
        (&scan["image"], &scan["started"]),
        (&json!(canonical), &json!(true))
    );
    let path = format!("/api/v1/scans/{}", scan["id"].as_str().expect("an id"));
    eventually("the scan ends", async || {
        stage.proxy.api(&path).await.json()["state"] == "done"
    })
    .await;
    assert_eq!(stage.proxy.api(&path).await.json()["decision"], "refuse");
    assert!(listening.has_verdict(&image).await);
    // The same push in other words, by whoever proves it otherwise.
    let bearer = format!("Bearer {SECRET}");
    let generic = json!({"image": canonical});
    let generic = listening
        .call("generic")
        .header("authorization", &bearer)
        .body(generic.to_string());
    for again in [
        listening.harbor(&bearer, &of_harbor(&image)).await,
        listening.ghcr(SECRET, &of_github(&image)).await,
        generic.send().await,
    ] {
        assert_eq!(again.status, StatusCode::OK, "{}", again.text());
        let known = json!({"image": canonical, "id": scan["id"], "started": false});
        assert_eq!(again.json()["scans"], json!([known]));
    }
    let ping = listening
        .ghcr(SECRET, &json!({"zen": "x", "hook_id": 1}))
        .await;
    assert_eq!(ping.status, StatusCode::OK, "{}", ping.text());
    assert!(ping.json()["ignored"].is_string());
    for (outcome, wanted) in [("started", 1.0), ("known", 3.0), ("ignored", 1.0)] {
        assert_eq!(listening.notified(outcome).await, wanted, "{outcome}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn whoever_does_not_know_the_secret_starts_nothing() {
    let listening = Listening::start(&[]).await;
    let (stage, image) = (&listening.stage, clean(432));
    stage.upstream.add(REPO, "1", &image);
    let body = of_harbor(&image).to_string();
    for refused in [
        listening
            .harbor("another secret of 24 byt", &of_harbor(&image))
            .await,
        listening
            .ghcr("another secret of 24 byt", &of_github(&image))
            .await,
        listening.call("harbor").body(body.clone()).send().await,
        listening.call("generic").body("{").send().await,
    ] {
        assert_eq!(
            refused.status,
            StatusCode::UNAUTHORIZED,
            "{}",
            refused.text()
        );
        assert_eq!(refused.header("content-type"), "application/problem+json");
        assert!(!refused.text().contains(SECRET));
    }
    assert_eq!(listening.notified("refused").await, 4.0);
    let of_page = listening
        .call("harbor")
        .header("origin", "http://evil.example");
    let of_page = of_page.header("authorization", SECRET).body(body.clone());
    assert_eq!(of_page.send().await.status, StatusCode::FORBIDDEN);
    assert!(!listening.has_verdict(&image).await);
    assert!(!stage.proxy.log().contains(SECRET));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_makes_no_sense_is_told_and_starts_nothing() {
    let listening = Listening::start(&[]).await;
    let image = clean(433);
    listening.stage.upstream.add(REPO, "1", &image);
    let good = format!("{UPSTREAM}/{REPO}@{}", image.digest);
    let many: Vec<&str> = std::iter::repeat_n(good.as_str(), 65).collect();
    let foreign = json!({"images": [good, "10.0.0.1:5000/app:1"]});
    let long = format!("\"{}\"", "x".repeat(1024 * 1024));
    for (kind, body, status, words) in [
        ("text/plain", "{}".to_owned(), 415, "application/json"),
        ("application/json", "{".to_owned(), 400, "cannot be read"),
        ("application/json", long, 413, "1048576 bytes"),
        (
            "application/json",
            json!({"images": many}).to_string(),
            422,
            "names 65 images",
        ),
        (
            "application/json",
            foreign.to_string(),
            422,
            "10.0.0.1:5000",
        ),
    ] {
        let path = "/api/v1/hooks/generic";
        let call = Call::new(Method::POST, listening.stage.proxy.api_address(), path)
            .header("content-type", kind)
            .header("authorization", SECRET);
        let reply = call.body(body.clone()).send().await;
        assert_eq!(reply.status, status, "{words}: {}", reply.text());
        assert_eq!(reply.header("content-type"), "application/problem+json");
        let problem = reply.json();
        let detail = problem["detail"].as_str().expect("a detail");
        assert!(detail.contains(words), "{detail}");
    }
    assert_eq!(listening.notified("invalid").await, 5.0);
    assert!(!listening.has_verdict(&image).await);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_secret_is_no_key_and_changes_with_its_file() {
    let listening = Listening::start(&[("--api-auth", "required")]).await;
    let image = clean(434);
    listening.stage.upstream.add(REPO, "1", &image);
    let status = async |secret: &str| {
        let told = listening.harbor(secret, &of_harbor(&image)).await;
        told.status
    };
    assert_eq!(status(SECRET).await, StatusCode::ACCEPTED);
    let scans = Call::new(
        Method::POST,
        listening.stage.proxy.api_address(),
        "/api/v1/scans",
    )
    .header("content-type", "application/json")
    .header("authorization", &format!("Bearer {SECRET}"))
    .body("{\"image\":\"lib/app:1\"}");
    assert_eq!(scans.send().await.status, StatusCode::UNAUTHORIZED);
    let other = "the secret of the next year";
    std::fs::write(listening.secrets.path().join("hook"), other).expect("write the secret");
    assert_eq!(status(other).await, StatusCode::OK);
    assert_eq!(status(SECRET).await, StatusCode::UNAUTHORIZED);
    let log = listening.stage.proxy.log();
    assert!(!log.contains(other) && !log.contains(SECRET), "{log}");
}

#[tokio::test]
async fn without_a_secret_nobody_is_listened_to() {
    let stage = Stage::hold().await;
    for registry in ["harbor", "ghcr", "generic"] {
        let path = format!("/api/v1/hooks/{registry}");
        let call = Call::new(Method::POST, stage.proxy.api_address(), &path)
            .header("content-type", "application/json")
            .header("authorization", "Bearer ")
            .body("{}");
        let reply = call.send().await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND);
        assert!(
            reply.text().contains("hook_secret_file"),
            "{}",
            reply.text()
        );
    }
}
