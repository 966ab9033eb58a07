//! What somebody may try without a key, or with an old one: each is closed, and is told of.

use std::fs;
use std::time::{Duration, Instant};

use http::Method;
use sluicegate_tests::fault::FaultUpstream;
use sluicegate_tests::keys::{Holder, Keys};
use sluicegate_tests::proxy::{UPSTREAM, sluicegate};
use sluicegate_tests::wire::Call;

use crate::stage::{REPO, Stage, image_with, manifest_path};

async fn required() -> Stage {
    Stage::with(|proxy, _| proxy.flag("--registry-auth", "required")).await
}

/// Starts a service over a directory in the way that it was started before, and gives what it says
/// where it does not start.
async fn start_over(stage: &Stage) -> String {
    let data = stage.proxy.data().display().to_string();
    let upstream = FaultUpstream::start().await;
    let upstream = format!("{UPSTREAM}={}", upstream.url());
    let started = sluicegate(&[
        "serve",
        "--data",
        &data,
        "--listen",
        "127.0.0.1:0",
        "--api-listen",
        "127.0.0.1:0",
        "--feed",
        "none",
        "--upstream",
        &upstream,
    ])
    .await;
    assert_eq!(started.status, 3, "{started:?}");
    started.text()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_whose_keys_are_lost_damaged_or_old_does_not_start() {
    let mut stage = required().await;
    let keys = Keys(&stage.proxy);
    keys.make("ci", "puller", &[]).await;
    let file = stage.proxy.data().join("keys.json");
    let older = fs::read(&file).unwrap();
    keys.run(&["revoke", "ci"]).await.expect_ok("revoke");
    let newest = fs::read(&file).unwrap();
    stage.proxy.kill();
    fs::remove_file(&file).unwrap();
    assert!(start_over(&stage).await.contains("are missing"));
    fs::write(&file, &newest[..newest.len() / 2]).unwrap();
    assert!(start_over(&stage).await.contains("is damaged"));
    fs::write(&file, &older).unwrap();
    assert!(
        start_over(&stage)
            .await
            .contains("an older file was put back")
    );
    // Nor where what was seen of the log is taken away with it.
    fs::remove_file(&file).unwrap();
    fs::remove_file(stage.proxy.data().join("decisions/keys.seen")).unwrap();
    assert!(start_over(&stage).await.contains("are missing"));
    let data = stage.proxy.data().display().to_string();
    sluicegate(&["keys", "forget", "--data", &data])
        .await
        .expect_ok("forget");
    stage.proxy.restart().await;
    let refused = stage.once(Method::GET, "/v2/").await;
    assert_eq!(refused.status, 401, "no door was opened by it");
    Keys(&stage.proxy).make("ci", "puller", &[]).await;
    fs::write(&file, &newest).unwrap();
    stage.proxy.kill();
    assert!(
        start_over(&stage)
            .await
            .contains("an older file was put back")
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_last_key_ends_and_nobody_is_let_in() {
    let mut stage = required().await;
    stage.upstream.add(REPO, "1", &image_with("goodlib", 1));
    let only = Keys(&stage.proxy)
        .make("only", "admin", &["--expires", "2s"])
        .await;
    let path = manifest_path(REPO, "1");
    assert!(
        !only
            .on(stage.call(Method::GET, &path))
            .send()
            .await
            .status
            .is_client_error()
    );
    tokio::time::sleep(Duration::from_secs(2)).await;
    assert_eq!(
        only.on(stage.call(Method::GET, &path)).send().await.status,
        401,
        "expired"
    );
    stage.proxy.restart().await;
    assert_eq!(
        only.on(stage.call(Method::GET, &path)).send().await.status,
        401
    );
    assert_eq!(stage.once(Method::GET, &path).await.status, 401);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn guesses_are_slowed_and_the_one_who_knows_is_not() {
    let stage = required().await;
    stage.upstream.add(REPO, "1", &image_with("goodlib", 1));
    let ci = Keys(&stage.proxy).make("ci", "puller", &[]).await;
    let mut guessing = tokio::task::JoinSet::new();
    for guess in 0..100 {
        let wrong = Holder {
            secret: format!("guess-{guess}"),
            ..ci.clone()
        };
        let call = wrong.on(stage.call(Method::GET, "/v2/"));
        guessing.spawn(async move {
            let begun = Instant::now();
            (call.send().await.status.as_u16(), begun.elapsed())
        });
    }
    let begun = Instant::now();
    for _ in 0..20 {
        assert_eq!(
            ci.on(stage.call(Method::GET, "/v2/")).send().await.status,
            200
        );
    }
    assert!(
        begun.elapsed() < Duration::from_secs(5),
        "{:?}",
        begun.elapsed()
    );
    let told = guessing.join_all().await;
    assert!(told.iter().all(|(status, _)| *status == 401));
    let slowed = told
        .iter()
        .filter(|(_, took)| *took > Duration::from_millis(500))
        .count();
    assert!(slowed >= 90, "{slowed} of 100 were slowed");
    let log = stage.proxy.log();
    assert!(log.contains(&ci.access), "who was guessed at is told");
    assert!(
        !log.contains("guess-7") && !log.contains(&ci.secret),
        "a secret is in the log"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_client_calls_us_is_never_where_tokens_are() {
    let stage = Stage::with(|proxy, _| {
        proxy
            .flag("--registry-auth", "required")
            .flag("--name", "gate.corp:5000")
    })
    .await;
    for host in ["evil.example", "gate.corp:5000", "127.0.0.1"] {
        let call = stage.call(Method::GET, "/v2/").header("host", host);
        let call = call
            .header("x-forwarded-host", "evil.example")
            .header("x-forwarded-proto", "https");
        let reply = call.send().await;
        assert_eq!(
            reply.header("www-authenticate"),
            "Bearer realm=\"http://gate.corp:5000/token\",service=\"gate.corp:5000\"",
            "{host}"
        );
    }
    let ci = Keys(&stage.proxy).make("ci", "puller", &[]).await;
    for query in [
        format!("access_key={}&secret_key={}", ci.access, ci.secret),
        format!("account={}&password={}", ci.access, ci.secret),
    ] {
        let asked = stage
            .once(Method::GET, &format!("/token?service=x&{query}"))
            .await;
        assert_eq!(asked.status, 401, "keys in URLs are none");
        let asked = stage.once(Method::GET, &format!("/v2/?{query}")).await;
        assert_eq!(asked.status, 401);
    }
    assert!(!stage.proxy.log().contains(&ci.secret));
    let written = stage
        .call(Method::POST, "/token")
        .body("grant_type=password")
        .send()
        .await;
    assert_eq!(written.status, 405, "clients ask by GET then");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_this_machine_s_administrator_reaches_the_socket() {
    use std::os::unix::fs::PermissionsExt as _;
    let mut stage = required().await;
    let socket = stage.proxy.data().join("admin.sock");
    let mode = fs::metadata(&socket).unwrap().permissions().mode();
    assert_eq!(mode & 0o777, 0o600);
    let made = Keys(&stage.proxy).make("ci", "puller", &[]).await;
    // Over the network nobody makes a key without being an admin.
    let body = "{\"name\": \"mine\", \"role\": \"admin\"}";
    let call = || {
        Call::new(Method::POST, stage.proxy.api_address(), "/api/v1/keys")
            .header("content-type", "application/json")
            .body(body)
    };
    assert_eq!(call().send().await.status, 401);
    assert_eq!(made.on(call()).send().await.status, 403);
    let admin = Keys(&stage.proxy).make("root", "admin", &[]).await;
    let reply = admin.on(call()).send().await;
    assert_eq!(reply.status, 200, "{}", reply.text());
    let again = admin.on(call()).send().await;
    assert_eq!(again.status, 409, "{}", again.text());
    let lines = stage.proxy.api("/api/v1/decisions?type=key").await.json();
    let told: Vec<String> = lines["items"]
        .as_array()
        .unwrap()
        .iter()
        .map(|line| {
            format!(
                "{} {}",
                line["reasons"][0]["rule"].as_str().unwrap(),
                line["principal"].as_str().unwrap()
            )
        })
        .collect();
    let local = format!("local:{}", rustix_user());
    let local = |rule: &str| format!("{rule} {local}");
    let wanted = [
        "key-made root".to_owned(),
        "key-used root".to_owned(),
        local("key-made"),
        local("key-made"),
    ];
    assert_eq!(told, wanted);
    assert!(stage.proxy.terminate().success());
    assert!(!socket.exists(), "nobody answers there any more");
}

fn rustix_user() -> u32 {
    std::os::unix::fs::MetadataExt::uid(&fs::metadata("/proc/self").unwrap())
}
