//! An upstream that says nothing, or nearly nothing, is not waited for without end.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::{StreamExt, stream};
use http::Response;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use sluicegate_model::{Digest, Reference};

use crate::fake::{Answer, Fake, Seen, answer};
use crate::wire::Timing;
use crate::{Upstream, UpstreamError};

fn tag() -> Reference {
    "1".parse().unwrap()
}

fn hurried(fake: &Fake) -> Upstream {
    let timing = Timing {
        headers: Duration::from_millis(1500),
        stall: Duration::from_secs(1),
        small_body: Duration::from_millis(1500),
    };
    Upstream::with_timing(fake.options(), timing)
}

/// One byte, then one more after every pause.
fn drip(pause: Duration) -> Answer {
    let bytes = stream::repeat_with(|| Bytes::from_static(b" ")).then(move |byte| async move {
        tokio::time::sleep(pause).await;
        Ok::<_, Infallible>(Frame::data(byte))
    });
    let body = StreamBody::new(bytes).map_err(|never| match never {});
    Response::new(body.boxed_unsync())
}

#[tokio::test]
async fn headers_that_never_come_are_not_waited_for() {
    let fake = Fake::start(|_| std::future::pending()).await;
    let outcome = hurried(&fake).blob("a", &Digest::of(b""), 0).await;
    let Err(error @ UpstreamError::Timeout { .. }) = outcome else {
        panic!("{outcome:?}");
    };
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_body_that_stalls_is_left() {
    let fake = Fake::start(|_| async { drip(Duration::from_hours(1)) }).await;
    let mut body = hurried(&fake).blob("a", &Digest::of(b""), 0).await.unwrap();
    let outcome = body.chunk().await;
    assert!(
        matches!(
            outcome,
            Err(UpstreamError::Timeout {
                phase: "the next bytes",
                ..
            })
        ),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn a_manifest_that_drips_is_left_and_a_blob_is_not() {
    let fake = Fake::start(|_: Seen| async { drip(Duration::from_millis(20)) }).await;
    let upstream = hurried(&fake);
    let outcome = upstream.manifest("a", &tag()).await;
    assert!(
        matches!(
            outcome,
            Err(UpstreamError::Timeout {
                phase: "the whole body",
                ..
            })
        ),
        "{outcome:?}"
    );
    let mut body = upstream.blob("a", &Digest::of(b""), 0).await.unwrap();
    for _ in 0..40 {
        assert!(body.chunk().await.unwrap().is_some());
    }
}

#[tokio::test]
async fn blobs_that_say_nothing_leave_their_places_to_others() {
    let fake = Fake::start(|seen: Seen| async move {
        if seen.target.contains("/quiet/") {
            return drip(Duration::from_hours(1));
        }
        answer(200, &[], "blob")
    })
    .await;
    let timing = Timing {
        stall: Duration::from_secs(6),
        ..Timing::default()
    };
    let upstream = Upstream::with_timing(fake.options(), timing);
    let mut quiet = Vec::new();
    for name in 0..6_u8 {
        let mut body = upstream
            .blob("quiet/a", &Digest::of(&[name]), 0)
            .await
            .unwrap();
        quiet.push(tokio::spawn(async move { body.chunk().await }));
    }
    let body = upstream.blob("a", &Digest::of(b"other"), 0).await;
    assert!(body.is_ok(), "{body:?}");
    assert!(quiet.iter().all(|reading| !reading.is_finished()));
}
