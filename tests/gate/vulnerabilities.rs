//! One weakness over all images: which have or had it, since when, who pulled them, who allowed it; the
//! same after a restart and after the stop.

use http::{Method, StatusCode};
use serde_json::{Value, json};
use sluicegate_tests::feeds::{self, Advisory};
use sluicegate_tests::image::{Flavour, Image, index};
use sluicegate_tests::keys::{Holder, Keys};
use sluicegate_tests::proxy::sluicegate;
use sluicegate_tests::wire::{Call, Reply};

use crate::stage::{REPO, Stage, USUAL, eventually, manifest_path, patiently, vulnerable};

const ID: &str = "CVE-2026-1111";
const PATH: &str = "/api/v1/vulnerabilities/CVE-2026-1111";
const EXCEPTION: &str = "apiVersion: sluicegate/v1
kind: Exception
metadata: {name: badlib-not-reachable, author: a.lopez, ticket: SEC-1412}
spec: {id: CVE-2026-1111, images: [up.test/lib/app], statement: not called, expiresAt: 2099-01-31}
";

async fn stage() -> Stage {
    Stage::with(|proxy, _| {
        let proxy = proxy.flag("--trusted-proxies", "127.0.0.0/8");
        let proxy = proxy.policy("policy.yaml", USUAL);
        proxy.policy("exception.yaml", EXCEPTION)
    })
    .await
}

/// Asks for a manifest from an address until the answer is no hop.
async fn pull_from(stage: &Stage, address: &str, repository: &str, reference: &str) -> Reply {
    let path = manifest_path(repository, reference);
    let call = || stage.call(Method::GET, &path);
    patiently(|| call().header("x-forwarded-for", address)).await
}

async fn asked(stage: &Stage, path: &str) -> Value {
    let reply = stage.proxy.api(path).await;
    assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.text());
    reply.json()
}

async fn asked_by(stage: &Stage, key: &Holder, path: &str) -> Value {
    let call = Call::new(Method::GET, stage.proxy.api_address(), path);
    let reply = key.on(call).send().await;
    assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.text());
    reply.json()
}

/// Gives the only image of an answer.
#[track_caller]
fn only(answer: &Value) -> &Value {
    let items = answer["items"].as_array().expect("items");
    assert_eq!(items.len(), 1, "{answer:#}");
    &items[0]
}

fn counts(answer: &Value) -> (&Value, &Value) {
    (&answer["have"], &answer["had"])
}

/// Pulls an image by tag and through an index, where an exception allows it, and elsewhere, where none
/// does.
async fn pull_everywhere(stage: &Stage, image: &Image) {
    let both = index(vec![image.clone()], Flavour::Oci);
    stage.upstream.add(REPO, "1", image);
    stage.upstream.add_index(REPO, "multi", &both);
    stage.upstream.add("lib/other", "1", image);
    let digest = image.digest.as_str();
    for (address, repository, reference, status) in [
        ("203.0.113.9", REPO, "1", StatusCode::OK),
        ("203.0.113.10", REPO, "multi", StatusCode::OK),
        ("203.0.113.10", REPO, digest, StatusCode::OK),
        ("203.0.113.11", "lib/other", "1", StatusCode::FORBIDDEN),
    ] {
        let reply = pull_from(stage, address, repository, reference).await;
        assert_eq!(reply.status, status, "{reference}: {}", reply.text());
    }
}

/// Asserts what is told of the image that is refused.
#[track_caller]
fn assert_refused(item: &Value) {
    assert_eq!(item["decision"], "refuse");
    assert_eq!(item["allowed_by"], json!([]));
    let pulled = &item["pulled"];
    assert_eq!(
        (&pulled["pulls"], &pulled["refused"], &pulled["first"]),
        (&json!(0), &json!(1), &Value::Null),
        "{item:#}"
    );
}

/// Asserts what is told of the image that an exception allows.
#[track_caller]
fn assert_allowed(item: &Value) {
    assert_eq!(item["tags"], json!(["1"]));
    assert_eq!(item["platform"], "linux/amd64");
    let packages = json!([{"name": "badlib", "version": "1.0"}]);
    assert_eq!(
        (&item["state"], &item["packages"]),
        (&json!("present"), &packages)
    );
    assert_eq!(
        (&item["decision"], &item["withdrawn_at"]),
        (&json!("allow"), &Value::Null)
    );
    let allowed = json!([{"name": "badlib-not-reachable", "id": ID, "author": "a.lopez",
        "ticket": "SEC-1412", "statement": "not called", "until": "2099-02-01T00:00:00Z"}]);
    assert_eq!(item["allowed_by"], allowed, "{item:#}");
    let pulled = &item["pulled"];
    assert_eq!(
        (&pulled["pulls"], &pulled["refused"]),
        (&json!(2), &json!(0)),
        "{pulled:#}"
    );
    assert_eq!(pulled["first"]["client"], "203.0.113.9");
    assert_eq!(pulled["last"]["client"], "203.0.113.10");
    assert_eq!(pulled["clients"].as_array().map(Vec::len), Some(2));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_weakness_is_told_with_its_images_its_pullers_and_who_allowed_it_also_when_it_is_gone() {
    let mut stage = stage().await;
    let image = vulnerable(750);
    pull_everywhere(&stage, &image).await;
    let answer = asked(&stage, PATH).await;
    assert_eq!(counts(&answer), (&json!(2), &json!(0)), "{answer:#}");
    assert_eq!(answer["id"], ID);
    let of_other = asked(&stage, &format!("{PATH}?repository=lib/other")).await;
    assert_refused(only(&of_other));
    let of_app = asked(&stage, &format!("{PATH}?repository=lib/app")).await;
    let item = only(&of_app);
    assert_eq!(item["digest"], image.digest.as_str());
    assert_allowed(item);
    let verdict = asked(&stage, item["verdict"].as_str().expect("a path")).await;
    assert_eq!(verdict["repository"], item["repository"]);
    let by_alias = asked(
        &stage,
        "/api/v1/vulnerabilities/ghsa-aaaa-aaaa-aaaa?state=present",
    )
    .await;
    assert_eq!(by_alias["items"], answer["items"]);

    let nothing = Advisory::new("GHSA-dddd-dddd-dddd", "PyPI", "nothing", "2.0");
    feeds::write(stage.feeds(), &[], &[nothing]);
    // The start reads feeds at once; and nothing of what is told may be in memory alone.
    stage.proxy.kill();
    stage.proxy.restart().await;
    eventually("the weakness is withdrawn", async || {
        counts(&asked(&stage, PATH).await) == (&json!(0), &json!(2))
    })
    .await;
    let gone = asked(&stage, PATH).await;
    let of_app = asked(
        &stage,
        &format!("{PATH}?repository=lib/app&state=withdrawn"),
    )
    .await;
    let was = only(&of_app);
    assert_eq!(
        (&was["state"], &was["first_seen"]),
        (&json!("withdrawn"), &item["first_seen"])
    );
    assert_eq!(
        (&was["last_seen"], &was["packages"]),
        (&was["withdrawn_at"], &item["packages"])
    );
    assert_eq!(
        (&was["allowed_by"], &was["pulled"]),
        (&json!([]), &item["pulled"])
    );
    assert!(
        was["withdrawn_at"].as_str() > was["first_seen"].as_str(),
        "{was:#}"
    );

    assert!(stage.proxy.terminate().success());
    let data = stage.proxy.data().display().to_string();
    let arguments = ["vulnerabilities", ID, "--data", &data, "--format", "json"];
    let stopped = sluicegate(&arguments).await.expect_ok("ask the directory");
    let stopped: Value = serde_json::from_str(&stopped.stdout).expect("JSON");
    assert_eq!(stopped, gone);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn nobody_is_told_of_images_or_pulls_that_they_may_not_know_of() {
    let stage = stage().await;
    let image = vulnerable(751);
    stage.upstream.add(REPO, "1", &image);
    let reply = pull_from(&stage, "203.0.113.9", REPO, "1").await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    let keys = Keys(&stage.proxy);
    let scope = |name: &'static str| ["--repositories", name];
    let of_lib = keys.make("lib", "auditor", &scope("up.test/lib/**")).await;
    let of_other = keys
        .make("other", "auditor", &scope("up.test/other/**"))
        .await;
    let pipeline = keys.make("pipeline", "scanner", &[]).await;

    let told = asked_by(&stage, &of_lib, PATH).await;
    assert_eq!(counts(&told), (&json!(1), &json!(0)));
    assert_eq!(only(&told)["pulled"]["first"]["client"], "203.0.113.9");
    assert_eq!(only(&told)["allowed_by"][0]["author"], "a.lopez");
    let nothing = json!({"id": ID, "have": 0, "had": 0, "items": [], "next": null});
    assert_eq!(asked_by(&stage, &of_other, PATH).await, nothing);
    let named = format!("{PATH}?repository=lib/app");
    assert_eq!(asked_by(&stage, &of_other, &named).await, nothing);
    let verdicts_alone = asked_by(&stage, &pipeline, PATH).await;
    let item = only(&verdicts_alone);
    assert_eq!(item.get("pulled"), None, "{item:#}");
    assert_eq!(item["allowed_by"][0]["name"], "badlib-not-reachable");
    assert_eq!(item["allowed_by"][0]["author"], Value::Null);

    let never = asked(&stage, "/api/v1/vulnerabilities/CVE-1999-0001").await;
    assert_eq!(
        (counts(&never), &never["items"]),
        ((&json!(0), &json!(0)), &json!([]))
    );
    for wrong in [
        format!("{PATH}?colour=red"),
        format!("{PATH}?state=gone"),
        format!("{PATH}?after=x"),
        format!("/api/v1/vulnerabilities/{}", "x".repeat(101)),
    ] {
        let reply = stage.proxy.api(&wrong).await;
        assert_eq!(
            reply.status,
            StatusCode::BAD_REQUEST,
            "{wrong}: {}",
            reply.text()
        );
    }

    let row = shown_row(&stage).await;
    for part in [
        "present",
        "up.test/lib/app",
        "badlib 1.0",
        "203.0.113.9",
        "allow",
        "badlib-not-reachable (a.lopez, SEC-1412)",
    ] {
        assert!(row.contains(part), "{part}: {row}");
    }
}

/// Gives the first row of the command's table.
async fn shown_row(stage: &Stage) -> String {
    let arguments = ["vulnerabilities", "cve-2026-1111"];
    let shown = stage.proxy.command(&arguments).await;
    let shown = shown.expect_ok("show a weakness");
    let headline = "cve-2026-1111: 1 image has it";
    assert!(shown.stderr.contains(headline), "{}", shown.text());
    shown.stdout.lines().nth(1).expect("a row").to_owned()
}
