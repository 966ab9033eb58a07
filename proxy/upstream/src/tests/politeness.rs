//! An upstream is asked for a few things at a time, and left alone when it says so.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use futures_util::StreamExt as _;
use futures_util::future::join_all;
use futures_util::stream;
use http::Response;
use http_body_util::{BodyExt as _, StreamBody};
use hyper::body::Frame;
use sluicegate_model::{Digest, Reference};

use crate::fake::{Answer, Fake, Seen, answer};
use crate::{BlobPart, Upstream, UpstreamError};

fn tag() -> Reference {
    "1".parse().unwrap()
}

/// How long a registry takes over a blob, so that several are asked for at a time.
const ANSWERS_AFTER: Duration = Duration::from_millis(20);

/// A registry that says 429 to whatever is asked beside `most` other blobs; counts what it said so.
async fn narrow(most: usize) -> (Fake, Arc<AtomicUsize>) {
    let (now, over) = (Arc::new(AtomicUsize::new(0)), Arc::new(AtomicUsize::new(0)));
    let counted = Arc::clone(&over);
    let fake = Fake::start(move |_| {
        let (now, over) = (Arc::clone(&now), Arc::clone(&counted));
        async move {
            if now.fetch_add(1, Ordering::SeqCst) >= most {
                now.fetch_sub(1, Ordering::SeqCst);
                over.fetch_add(1, Ordering::SeqCst);
                return answer(429, &[], "");
            }
            tokio::time::sleep(ANSWERS_AFTER).await;
            now.fetch_sub(1, Ordering::SeqCst);
            answer(200, &[], "blob")
        }
    })
    .await;
    (fake, over)
}

async fn fetch(upstream: &Upstream, name: usize) -> Result<(), UpstreamError> {
    let digest = Digest::of(name.to_string().as_bytes());
    let mut body = upstream.blob("a", &digest, 0).await?;
    while body.chunk().await?.is_some() {}
    Ok(())
}

#[tokio::test]
async fn an_image_of_forty_layers_brings_no_complaint_of_a_registry_that_bears_eight() {
    let (fake, over) = narrow(8).await;
    let upstream = fake.upstream();
    for fetched in join_all((0..40).map(|name| fetch(&upstream, name))).await {
        fetched.unwrap();
    }
    assert_eq!((fake.seen().len(), over.load(Ordering::SeqCst)), (40, 0));
    assert_eq!(
        upstream.load()[0].limit,
        8,
        "two more for forty clean answers"
    );
}

#[tokio::test]
async fn a_setting_bounds_what_is_asked_at_a_time() {
    let (fake, over) = narrow(2).await;
    let mut options = fake.options();
    options.max_requests = 2;
    let upstream = Upstream::new(options, None).unwrap();
    for fetched in join_all((0..10).map(|name| fetch(&upstream, name))).await {
        fetched.unwrap();
    }
    assert_eq!(over.load(Ordering::SeqCst), 0);
}

#[tokio::test]
async fn a_complaint_is_known_with_its_words_and_what_waits_goes_later() {
    let fake = Fake::start(|_| async {
        answer(
            429,
            &[("retry-after", "60")],
            r#"{"errors":[{"message":"slow"}]}"#,
        )
    })
    .await;
    let upstream = fake.upstream();
    let outcome = fetch(&upstream, 1).await;
    let Err(error @ UpstreamError::RateLimited { .. }) = outcome else {
        panic!("{outcome:?}");
    };
    assert_eq!(error.retry_after(), Some(Duration::from_mins(1)));
    let [blobs, manifests] = upstream.load();
    let (left, words) = blobs.paused.expect("it wants to be left alone");
    assert!(left > Duration::from_secs(50), "{left:?}");
    assert!(words.contains("slow") && words.contains("60 s"), "{words}");
    assert_eq!((blobs.limit, manifests.limit), (3, 6));
    // Whoever leaves the queue leaves nothing behind.
    let waiting = tokio::time::timeout(Duration::from_millis(50), fetch(&upstream, 2));
    assert!(waiting.await.is_err());
    assert_eq!((fake.seen().len(), upstream.load()[0].waiting), (1, 0));
}

#[tokio::test]
async fn who_would_wait_for_longer_than_anybody_does_is_told_so_at_once() {
    let fake = Fake::start(|_| async {
        tokio::time::sleep(ANSWERS_AFTER).await;
        answer(429, &[("retry-after", "77")], "")
    })
    .await;
    let mut options = fake.options();
    options.max_requests = 1;
    let upstream = Upstream::new(options, None).unwrap();
    let told = |outcome: Result<(), UpstreamError>| {
        let error = outcome.unwrap_err();
        assert!(
            matches!(error, UpstreamError::RateLimited { .. }),
            "{error}"
        );
        let left = error.retry_after().unwrap().as_secs();
        assert!((70..=77).contains(&left), "{error}");
        error.to_string()
    };
    // One asks, one waits for its turn meanwhile, one comes later.
    let at_once = tokio::time::timeout(Duration::from_secs(20), async {
        let (asks, waits) = tokio::join!(fetch(&upstream, 1), fetch(&upstream, 2));
        [asks, waits, fetch(&upstream, 3).await].map(told)
    });
    let words = at_once.await.expect("nobody waits");
    for (name, words) in (1..).zip(words) {
        let digest = Digest::of(i32::to_string(&name).as_bytes());
        assert!(words.contains(digest.as_str()), "{words}");
    }
    assert_eq!((fake.seen().len(), upstream.load()[0].waiting), (1, 0));
    // Manifests are asked for all the same: something else may stand for them.
    assert!(upstream.manifest("a", &tag()).await.is_err());
    assert_eq!(fake.seen().len(), 2);
}

/// A body whose first byte comes at once and whose second never does.
fn endless() -> Answer {
    let first = stream::iter([Ok(Frame::data(Bytes::from_static(b"x")))]);
    let body = StreamBody::new(first.chain(stream::pending())).boxed_unsync();
    Response::builder()
        .header("content-length", 1_000_000)
        .body(body)
        .unwrap()
}

#[tokio::test]
async fn manifests_and_proofs_do_not_wait_for_blobs_that_keep_all_places() {
    let fake = Fake::start(|seen: Seen| async move {
        match (
            seen.target.contains("/manifests/"),
            seen.headers.get("range"),
        ) {
            (true, _) => answer(200, &[], "{}"),
            (false, Some(_)) => answer(206, &[("content-range", "bytes 0-3/9")], "part"),
            (false, None) => endless(),
        }
    })
    .await;
    let upstream = fake.upstream();
    let mut bodies = Vec::new();
    for name in 0..6_u8 {
        bodies.push(upstream.blob("a", &Digest::of(&[name]), 0).await.unwrap());
    }
    assert_eq!(upstream.load()[0].running, 6);
    upstream.manifest("a", &tag()).await.unwrap();
    let part = upstream.blob_part("a", &Digest::of(b"x"), 0..4).await;
    assert!(matches!(part, Ok(BlobPart::Part(_))), "{part:?}");
    drop(bodies);
    assert_eq!(upstream.load()[0].running, 0);
}

#[tokio::test]
async fn a_registry_that_limits_manifests_is_asked_again() {
    for limit in [429, 503] {
        let count = Arc::new(AtomicUsize::new(0));
        let fake = Fake::start(move |_| {
            let number = count.fetch_add(1, Ordering::SeqCst);
            async move { answer(if number < 5 { limit } else { 200 }, &[], "{}") }
        })
        .await;
        let manifest = fake.upstream().manifest("a", &tag()).await;
        assert!(manifest.is_ok(), "{limit}: {manifest:?}");
    }
}
