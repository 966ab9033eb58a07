//! Redirects are followed a few times, to public places, without what belongs to the upstream.

use sluicegate_model::{Digest, Reference};

use crate::fake::{Fake, Seen, answer};
use crate::{Upstream, UpstreamError};

const BLOB: &[u8] = b"the blob";

async fn redirecting_to(target: String) -> Fake {
    Fake::start(move |seen: Seen| {
        let target = target.clone();
        async move {
            match seen.authorization() {
                Some(_) => answer(307, &[("location", &target)], ""),
                None => answer(401, &[("www-authenticate", "Basic realm=\"r\"")], ""),
            }
        }
    })
    .await
}

async fn fetch(upstream: &Upstream) -> Result<Vec<u8>, UpstreamError> {
    let mut body = upstream.blob("a", &Digest::of(BLOB), 0).await?;
    let mut content = Vec::new();
    while let Some(piece) = body.chunk().await? {
        content.extend_from_slice(&piece);
    }
    Ok(content)
}

#[tokio::test]
async fn credentials_do_not_follow_a_redirect() {
    let storage = Fake::start(|_| async { answer(200, &[], BLOB) }).await;
    for target in [storage.foreign_url("/blob"), storage.url("/blob")] {
        let fake = redirecting_to(target).await;
        let upstream = fake.upstream_with_credentials(&["localhost"]);
        assert_eq!(fetch(&upstream).await.unwrap(), BLOB);
    }
    assert_eq!(storage.seen().len(), 2);
    for seen in storage.seen() {
        assert_eq!(seen.authorization(), None);
        assert_eq!(seen.headers["accept-encoding"], "identity");
    }
}

#[tokio::test]
async fn credentials_stay_off_when_a_chain_comes_back() {
    let fake = Fake::start(|seen: Seen| async move {
        let host = seen.headers["host"].to_str().unwrap();
        let port = host.rsplit(':').next().unwrap();
        match (seen.target.as_str(), seen.authorization()) {
            ("/home", _) => answer(200, &[], BLOB),
            ("/away", _) => {
                let home = format!("http://127.0.0.1:{port}/home");
                answer(302, &[("location", &home)], "")
            }
            (_, Some(_)) => {
                let away = format!("http://localhost:{port}/away");
                answer(307, &[("location", &away)], "")
            }
            (_, None) => answer(401, &[("www-authenticate", "Basic realm=\"r\"")], ""),
        }
    })
    .await;
    let upstream = fake.upstream_with_credentials(&["localhost"]);
    assert_eq!(fetch(&upstream).await.unwrap(), BLOB);
    let home = fake.seen().pop().unwrap();
    assert_eq!(
        (home.target.as_str(), home.authorization()),
        ("/home", None)
    );
}

#[tokio::test]
async fn private_places_are_not_reached_by_redirect() {
    let inside = Fake::start(|_| async { answer(200, &[], "secret") }).await;
    let port = inside.address.port();
    for target in [
        format!("http://localhost:{port}/"),
        format!("http://127.0.0.2:{port}/"),
        format!("http://[::1]:{port}/"),
        format!("http://[::ffff:127.0.0.1]:{port}/"),
        format!("http://2130706434:{port}/"),
        format!("http://0x7f.2:{port}/"),
        format!("http://x.localhost:{port}/"),
        "http://169.254.169.254/latest/meta-data/".to_owned(),
        "http://[fd00:ec2::254]/latest/".to_owned(),
        "http://metadata.google.internal/".to_owned(),
        "http://10.0.0.1/".to_owned(),
        "http://user@1.1.1.1/".to_owned(),
        "ftp://1.1.1.1/".to_owned(),
        "gopher://127.0.0.1/".to_owned(),
    ] {
        let fake = redirecting_to(target.clone()).await;
        let outcome = fetch(&fake.upstream_with_credentials(&[])).await;
        assert!(
            matches!(outcome, Err(UpstreamError::BadRedirect { .. })),
            "{target}: {outcome:?}"
        );
    }
    assert!(inside.seen().is_empty());
}

#[tokio::test]
async fn a_redirect_loop_ends() {
    let fake = Fake::start(|_| async { answer(302, &[("location", "/v2/a/again")], "") }).await;
    let reference: Reference = "1".parse().unwrap();
    let outcome = fake.upstream().manifest("a", &reference).await;
    assert!(
        matches!(outcome, Err(UpstreamError::BadRedirect { .. })),
        "{outcome:?}"
    );
    assert_eq!(fake.seen().len(), 6, "one request and five redirects");
}

#[tokio::test]
async fn refusal_by_the_storage_is_not_the_registrys_word() {
    let storage = Fake::start(|_| async { answer(404, &[], "expired") }).await;
    let fake = redirecting_to(storage.url("/blob")).await;
    let outcome = fetch(&fake.upstream_with_credentials(&[])).await;
    assert!(outcome.is_err_and(|error| error.is_retryable()));
}
