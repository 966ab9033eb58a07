//! What the upstream is asked: one token, one request a blob, however many clients wait.

use http::{Method, StatusCode};
use sluicegate_tests::fault::{Auth, Fault, FaultUpstream};
use sluicegate_tests::image::Image;
use sluicegate_tests::proxy::{Proxy, ProxyBuilder, UPSTREAM};
use sluicegate_tests::registry::{PASSWORD, USER};
use tempfile::TempDir;

use crate::scene::{self, POLICY, clean};

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
