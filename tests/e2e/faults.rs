//! An upstream that cuts, corrupts, stalls, slows, challenges, overloads and redirects.
//!
//! No corrupted blob ever completes, every cut resumes, no credential reaches another host.

use std::time::Duration;

use http::{Method, StatusCode};
use rand::{Rng as _, SeedableRng as _};
use sluicegate_tests::fault::{Auth, Fault, FaultUpstream};
use sluicegate_tests::image::Image;
use sluicegate_tests::proxy::{Proxy, ProxyBuilder, UPSTREAM};
use sluicegate_tests::registry::{PASSWORD, USER};
use tempfile::TempDir;

use crate::scene::{self, POLICY, clean, rounds};

struct Faulty {
    upstream: FaultUpstream,
    proxy: Proxy,
    _feed: TempDir,
}

async fn faulty() -> Faulty {
    let upstream = FaultUpstream::start().await;
    let feed = scene::feed();
    let builder = ProxyBuilder::new(&upstream.url()).feed(feed.path());
    let proxy = builder.policy("prod.yaml", POLICY).start().await;
    Faulty {
        upstream,
        proxy,
        _feed: feed,
    }
}

/// Starts a proxy that has credentials for its upstream.
async fn with_credentials(upstream: &FaultUpstream) -> (Proxy, TempDir) {
    let secrets = tempfile::tempdir().expect("make a directory");
    let file = secrets.path().join("password");
    std::fs::write(&file, PASSWORD).expect("write a password");
    let config = format!(
        "upstreams:\n  {UPSTREAM}: {{url: \"{}\", username: {USER}, password_file: {}, \
         allow_insecure_credentials: true}}\n",
        upstream.url(),
        file.display()
    );
    let feed = scene::feed();
    let builder = ProxyBuilder::with_config(&config).feed(feed.path());
    let proxy = builder.policy("prod.yaml", POLICY).start().await;
    // The feed is read at start; only the password's directory must stay.
    (proxy, secrets)
}

async fn manifest(proxy: &Proxy, name: &str) -> StatusCode {
    proxy
        .ask(Method::GET, &format!("/v2/lib/{name}/manifests/1"))
        .await
        .status
}

async fn assert_whole(proxy: &Proxy, name: &str, image: &Image) {
    for blob in image.blobs() {
        let path = format!("/v2/lib/{name}/blobs/{}", blob.digest);
        let reply = proxy.ask(Method::GET, &path).await;
        assert_eq!(
            (reply.status, &reply.body_digest),
            (StatusCode::OK, &blob.digest),
            "{path}"
        );
    }
}

#[tokio::test]
async fn every_cut_is_resumed_and_nothing_is_fetched_twice() {
    let faulty = faulty().await;
    let mut random = rand::rngs::StdRng::seed_from_u64(50_000);
    for round in 0..rounds(20, 100) {
        let (image, name) = (clean(50_000 + round as u64), format!("cut{round}"));
        faulty.upstream.add(&format!("lib/{name}"), "1", &image);
        let size = image.layers[1].bytes.len() as u64;
        let cuts = [
            random.random_range(0..size / 2),
            random.random_range(0..size / 2),
        ];
        let before = faulty.upstream.body_bytes();
        faulty
            .upstream
            .script(image.layers[1].digest.as_str(), cuts.map(Fault::CutAt));
        assert_eq!(
            manifest(&faulty.proxy, &name).await,
            StatusCode::OK,
            "cuts at {cuts:?}"
        );
        let fetched = faulty.upstream.body_bytes() - before;
        // What was in a socket's buffer when a connection broke may be lost and asked for again.
        let lost = 2 * 256 * 1024;
        assert!(
            fetched <= image.size() + lost,
            "{fetched} of {}, cuts at {cuts:?}",
            image.size()
        );
        assert_whole(&faulty.proxy, &name, &image).await;
    }
}

#[tokio::test]
async fn cut_is_survived_where_upstream_ignores_range() {
    let faulty = faulty().await;
    faulty.upstream.ignore_range();
    let image = clean(50_200);
    faulty.upstream.add("lib/app", "1", &image);
    faulty
        .upstream
        .script(image.layers[1].digest.as_str(), [Fault::CutAt(100_000)]);
    assert_eq!(manifest(&faulty.proxy, "app").await, StatusCode::OK);
    assert_whole(&faulty.proxy, "app", &image).await;
}

#[tokio::test]
async fn corrupted_blob_never_completes_and_is_never_kept() {
    let faulty = faulty().await;
    let mut random = rand::rngs::StdRng::seed_from_u64(50_300);
    for round in 0..rounds(20, 100) {
        let (image, name) = (clean(50_300 + round as u64), format!("corrupt{round}"));
        faulty.upstream.add(&format!("lib/{name}"), "1", &image);
        let layer = &image.layers[1];
        let at = random.random_range(0..layer.bytes.len() as u64);
        faulty
            .upstream
            .always(layer.digest.as_str(), Fault::CorruptAt(at));
        let status = manifest(&faulty.proxy, &name).await;
        assert!(
            !status.is_success(),
            "served with byte {at} flipped: {status}"
        );
        let path = format!("/v2/lib/{name}/blobs/{}", layer.digest);
        let reply = faulty.proxy.ask(Method::GET, &path).await;
        assert!(!reply.status.is_success(), "byte {at} flipped: {reply:?}");
        faulty.upstream.heal();
        scene::within(
            Duration::from_secs(20),
            "healed upstream serves",
            async || manifest(&faulty.proxy, &name).await == StatusCode::OK,
        )
        .await;
        assert_whole(&faulty.proxy, &name, &image).await;
    }
}

#[tokio::test]
async fn shortened_blob_never_completes() {
    let faulty = faulty().await;
    let image = clean(50_500);
    faulty.upstream.add("lib/app", "1", &image);
    faulty
        .upstream
        .always(image.layers[1].digest.as_str(), Fault::ShortenTo(1_000));
    assert!(!manifest(&faulty.proxy, "app").await.is_success());
}

#[tokio::test]
async fn corrupted_manifest_is_not_served() {
    let faulty = faulty().await;
    let image = clean(50_600);
    faulty.upstream.add("lib/app", "1", &image);
    faulty.upstream.always("/manifests/", Fault::CorruptAt(30));
    assert!(!manifest(&faulty.proxy, "app").await.is_success());
    let by_digest = format!("/v2/lib/app/manifests/{}", image.digest);
    assert!(
        !faulty
            .proxy
            .ask(Method::GET, &by_digest)
            .await
            .status
            .is_success()
    );
}

#[tokio::test]
async fn failing_upstream_is_asked_again() {
    let faulty = faulty().await;
    for round in 0..rounds(20, 100) {
        let (image, name) = (clean(50_700 + round as u64), format!("flaky{round}"));
        faulty.upstream.add(&format!("lib/{name}"), "1", &image);
        let code = [500, 502, 503, 504][round % 4];
        let fault = Fault::Status(code, Vec::new());
        faulty
            .upstream
            .script(image.layers[1].digest.as_str(), [fault.clone()]);
        faulty
            .upstream
            .script(&format!("lib/{name}/manifests/"), [fault]);
        assert_eq!(
            manifest(&faulty.proxy, &name).await,
            StatusCode::OK,
            "after {code}"
        );
        assert_whole(&faulty.proxy, &name, &image).await;
    }
}

#[tokio::test]
async fn rate_limit_of_upstream_is_passed_on_with_its_reset_time() {
    let faulty = faulty().await;
    faulty.upstream.add("lib/app", "1", &clean(50_900));
    let headers = vec![
        ("retry-after", "120".to_owned()),
        ("ratelimit-remaining", "0;w=21600".into()),
    ];
    faulty
        .upstream
        .always("/manifests/", Fault::Status(429, headers));
    let reply = faulty
        .proxy
        .ask(Method::GET, "/v2/lib/app/manifests/1")
        .await;
    assert_eq!(reply.status, StatusCode::TOO_MANY_REQUESTS, "{reply:?}");
    assert!(!reply.header("retry-after").is_empty(), "{reply:?}");
    assert_eq!(reply.json()["errors"][0]["code"], "TOOMANYREQUESTS");
}

#[tokio::test]
async fn token_is_fetched_once_however_many_ask_and_renewed_when_revoked() {
    let upstream = FaultUpstream::start().await;
    upstream.demand(Auth::Token);
    let (proxy, _secrets) = with_credentials(&upstream).await;
    let image = clean(51_000);
    upstream.add("lib/app", "1", &image);
    let asks = (0..20).map(|_| manifest(&proxy, "app"));
    let answers = futures_util::future::join_all(asks).await;
    assert!(
        answers.iter().all(|status| *status == StatusCode::OK),
        "{answers:?}"
    );
    assert_eq!(upstream.count("GET", "/token"), 1);
    assert_whole(&proxy, "app", &image).await;
    upstream.revoke_tokens();
    let next = clean(51_001);
    upstream.add("lib/app", "2", &next);
    let reply = proxy.ask(Method::GET, "/v2/lib/app/manifests/2").await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
}

#[tokio::test]
async fn credentials_stay_with_their_host_across_redirects_and_realms() {
    let upstream = FaultUpstream::start().await;
    let sink = FaultUpstream::start().await;
    upstream.demand(Auth::Basic);
    let (proxy, _secrets) = with_credentials(&upstream).await;
    for round in 0..rounds(20, 100) {
        let (image, name) = (clean(51_100 + round as u64), format!("moved{round}"));
        upstream.add(&format!("lib/{name}"), "1", &image);
        sink.add(&format!("lib/{name}"), "1", &image);
        upstream.always("/blobs/", Fault::RedirectTo(sink.url()));
        assert_eq!(manifest(&proxy, &name).await, StatusCode::OK);
        assert_whole(&proxy, &name, &image).await;
    }
    assert!(sink.count("GET", "/blobs/") > 0, "no redirect was followed");
    // A realm on another host must not be given the password.
    upstream.demand(Auth::TokenFrom(
        sink.url().replace("127.0.0.1", "localhost"),
    ));
    upstream.heal();
    upstream.add("lib/realm", "1", &clean(51_300));
    let _ = manifest(&proxy, "realm").await;
    for seen in sink.seen() {
        assert!(
            seen.authorization().is_empty(),
            "the sink got a credential: {} {}",
            seen.method,
            seen.path
        );
        assert!(
            !format!("{:?}", seen.headers).contains("canary"),
            "{seen:?}"
        );
    }
    assert!(
        !proxy.log().contains(PASSWORD),
        "the password is in the log"
    );
}

#[tokio::test]
async fn redirect_to_a_private_address_of_another_host_is_not_followed() {
    let faulty = faulty().await;
    let sink = FaultUpstream::start().await;
    let image = clean(51_400);
    faulty.upstream.add("lib/app", "1", &image);
    sink.add("lib/app", "1", &image);
    let elsewhere = sink.url().replace("127.0.0.1", "localhost");
    faulty
        .upstream
        .always("/blobs/", Fault::RedirectTo(elsewhere));
    assert!(!manifest(&faulty.proxy, "app").await.is_success());
    assert!(sink.seen().is_empty(), "{:?}", sink.seen());
}

#[tokio::test]
async fn upstream_that_is_down_serves_warm_tags_as_stale() {
    let faulty = faulty().await;
    let image = clean(51_500);
    faulty.upstream.add("lib/app", "1", &image);
    assert_eq!(manifest(&faulty.proxy, "app").await, StatusCode::OK);
    faulty.upstream.stop();
    let reply = faulty
        .proxy
        .ask(Method::GET, "/v2/lib/app/manifests/1")
        .await;
    assert_eq!(
        (reply.status, &reply.body),
        (StatusCode::OK, &image.manifest)
    );
    assert_whole(&faulty.proxy, "app", &image).await;
    let cold = faulty
        .proxy
        .ask(Method::GET, "/v2/lib/cold/manifests/1")
        .await;
    assert!(cold.status.is_server_error(), "{cold:?}");
}

#[tokio::test]
async fn fifty_clients_of_one_cold_image_make_one_request_a_blob() {
    let faulty = faulty().await;
    let image = clean(51_600);
    faulty.upstream.add("lib/herd", "1", &image);
    faulty.upstream.limit_to(500_000);
    let asks = (0..50).map(|_| manifest(&faulty.proxy, "herd"));
    let answers = futures_util::future::join_all(asks).await;
    assert!(
        answers.iter().all(|status| *status == StatusCode::OK),
        "{answers:?}"
    );
    for blob in image.blobs() {
        assert_eq!(
            faulty.upstream.count("GET", blob.digest.as_str()),
            1,
            "{}",
            blob.digest
        );
    }
    assert!(faulty.upstream.count("GET", "/manifests/") <= 2);
}

#[tokio::test]
async fn held_request_is_sent_on_after_twenty_seconds_and_ends_in_the_verdict() {
    let faulty = faulty().await;
    let image = clean(51_700);
    faulty.upstream.add("lib/slow", "1", &image);
    faulty.upstream.limit_to(image.size() / 25);
    let reply = faulty
        .proxy
        .ask(Method::HEAD, "/v2/lib/slow/manifests/1")
        .await;
    assert_eq!(reply.status, StatusCode::OK, "{reply:?}");
    assert!(reply.hops >= 1, "{reply:?}");
}
