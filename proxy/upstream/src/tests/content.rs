//! What is handed out is what was asked for, whole, and no larger than it may be.

use std::io::Write as _;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use bytes::Bytes;
use flate2::Compression;
use flate2::write::GzEncoder;
use futures_util::{StreamExt, stream};
use http::Response;
use http_body_util::{BodyExt, StreamBody};
use hyper::body::Frame;
use sluicegate_model::media_type::OCI_MANIFEST;
use sluicegate_model::{Digest, Reference};
use tokio::sync::Notify;

use super::nobody;
use crate::fake::{Fake, Seen, answer};
use crate::{MAX_MANIFEST_BYTES, UpstreamError};

fn tag() -> Reference {
    "1".parse().unwrap()
}

#[tokio::test]
async fn a_manifest_arrives_with_its_own_digest_and_type() {
    let fake = Fake::start(|seen: Seen| async move {
        assert_eq!(seen.method, "GET");
        answer(
            200,
            &[(
                "content-type",
                "application/vnd.oci.image.manifest.v1+json; charset=utf-8",
            )],
            "{}",
        )
    })
    .await;
    let manifest = fake.upstream().manifest("library/a", &tag()).await.unwrap();
    assert_eq!(manifest.digest, Digest::of(b"{}"));
    assert_eq!(
        (&manifest.bytes[..], manifest.media_type.as_str()),
        (&b"{}"[..], OCI_MANIFEST)
    );
    let seen = fake.seen().pop().unwrap();
    assert_eq!(seen.target, "/v2/library/a/manifests/1");
    assert_eq!(seen.headers.get_all("accept").iter().count(), 4);
}

#[tokio::test]
async fn refuses_content_of_another_digest() {
    let other = Digest::of(b"other");
    let header = other.to_string();
    let fake = Fake::start(move |seen: Seen| {
        let header = header.clone();
        async move {
            if seen.target.ends_with("lying-header") {
                return answer(200, &[("docker-content-digest", &header)], "{}");
            }
            answer(200, &[], "{}")
        }
    })
    .await;
    let upstream = fake.upstream();
    for reference in [Reference::Digest(other), "lying-header".parse().unwrap()] {
        let outcome = upstream.manifest("a", &reference).await;
        assert!(
            matches!(outcome, Err(UpstreamError::DigestMismatch { .. })),
            "{outcome:?}"
        );
    }
}

#[tokio::test]
async fn a_manifest_that_was_packed_on_the_way_has_the_digest_of_its_content() {
    let content = br#"{"schemaVersion":2}"#;
    let right = Digest::of(content);
    let header = right.to_string();
    let fake = Fake::start(move |_| {
        let header = header.clone();
        async move {
            let mut packed = GzEncoder::new(Vec::new(), Compression::fast());
            packed.write_all(content).unwrap();
            let headers = [
                ("content-encoding", "gzip"),
                ("content-type", OCI_MANIFEST),
                ("docker-content-digest", &*header),
            ];
            answer(200, &headers, packed.finish().unwrap())
        }
    })
    .await;
    let upstream = fake.upstream();
    for reference in [tag(), Reference::Digest(right.clone())] {
        let manifest = upstream.manifest("a", &reference).await.unwrap();
        assert_eq!(
            (&manifest.bytes[..], &manifest.digest),
            (&content[..], &right)
        );
    }
    let other = Reference::Digest(Digest::of(b"other"));
    let outcome = upstream.manifest("a", &other).await;
    assert!(
        matches!(outcome, Err(UpstreamError::DigestMismatch { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn an_endless_manifest_is_left_at_the_limit() {
    let sent = Arc::new(AtomicUsize::new(0));
    let counter = Arc::clone(&sent);
    let fake = Fake::start(move |_| {
        let counter = Arc::clone(&counter);
        async move {
            let endless = stream::repeat_with(move || {
                counter.fetch_add(65_536, Ordering::SeqCst);
                Ok(Frame::data(Bytes::from(vec![b' '; 65_536])))
            });
            Response::new(StreamBody::new(endless).boxed_unsync())
        }
    })
    .await;
    let outcome = fake.upstream().manifest("a", &tag()).await;
    assert!(
        matches!(
            outcome,
            Err(UpstreamError::TooLarge {
                limit: MAX_MANIFEST_BYTES,
                ..
            })
        ),
        "{outcome:?}"
    );
    // Socket buffers hold the rest.
    assert!(sent.load(Ordering::SeqCst) < 4 * MAX_MANIFEST_BYTES);
}

#[tokio::test]
async fn a_rate_limit_is_passed_on_with_its_wait() {
    let fake = Fake::start(|_| async {
        let headers = [
            ("retry-after", "3600"),
            ("ratelimit-remaining", "0;w=21600"),
        ];
        let body = r#"{"errors":[{"code":"TOOMANYREQUESTS","message":"slow\ndown"}]}"#;
        answer(429, &headers, body)
    })
    .await;
    let error = fake.upstream().manifest("a", &tag()).await.unwrap_err();
    assert_eq!(fake.seen().len(), 1, "an hour is not waited for");
    assert_eq!(
        error.to_string(),
        "manifest a 1 of up.test: upstream limits the rate of requests, try again in 3600 s \
         (slow down, ratelimit-remaining 0;w=21600)"
    );
    let UpstreamError::RateLimited { retry_after, .. } = error else {
        panic!("{error:?}");
    };
    assert_eq!(retry_after, Some(Duration::from_hours(1)));
}

#[tokio::test]
async fn trouble_that_passes_is_waited_out() {
    let count = Arc::new(AtomicUsize::new(0));
    let fake = Fake::start(move |_| {
        let number = count.fetch_add(1, Ordering::SeqCst);
        async move {
            match number {
                0 => answer(503, &[], ""),
                1 => answer(429, &[("retry-after", "0")], ""),
                _ => answer(200, &[], "{}"),
            }
        }
    })
    .await;
    assert!(fake.upstream().manifest("a", &tag()).await.is_ok());
}

#[tokio::test]
async fn absence_is_told_at_once() {
    let fake = Fake::start(|_| async { answer(404, &[], "") }).await;
    let upstream = fake.upstream();
    let outcome = upstream.manifest("a", &tag()).await;
    assert!(matches!(outcome, Err(UpstreamError::NotFound { .. })));
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test]
async fn head_tells_type_and_digest() {
    let digest = Digest::of(b"{}").to_string();
    let fake = Fake::start(move |seen: Seen| {
        let digest = digest.clone();
        async move {
            assert_eq!(seen.method, "HEAD");
            let headers = [
                ("content-type", OCI_MANIFEST),
                ("content-length", "2"),
                ("docker-content-digest", &digest),
            ];
            answer(200, &headers, "{}")
        }
    })
    .await;
    let upstream = fake.upstream();
    let head = upstream.head_manifest("a", &tag()).await.unwrap();
    let head = head.expect("the upstream says it");
    assert_eq!(head.digest, Digest::of(b"{}"));
    assert_eq!(head.media_type, OCI_MANIFEST);
}

#[tokio::test]
async fn a_blob_resumes_where_the_upstream_lets_it() {
    const BLOB: &[u8] = b"0123456789";
    let fake = Fake::start(|seen: Seen| async move {
        let range = seen
            .headers
            .get("range")
            .and_then(|range| range.to_str().ok());
        match (seen.target.contains("/ignores/"), range) {
            (false, Some("bytes=4-")) => {
                let body = Bytes::from_static(&BLOB[4..]);
                answer(206, &[("content-range", "bytes 4-9/10")], body)
            }
            (false, Some(_)) => answer(206, &[("content-range", "bytes 0-9/10")], BLOB),
            _ => answer(200, &[], BLOB),
        }
    })
    .await;
    let upstream = fake.upstream();
    let digest = Digest::of(BLOB);
    for (path, start) in [("honours", 4), ("ignores/x", 0)] {
        let mut body = upstream.blob(path, &digest, 4).await.unwrap();
        assert_eq!((body.offset, body.total_len), (start, Some(10)), "{path}");
        let piece = body.chunk().await.unwrap().unwrap();
        assert_eq!(piece, &BLOB[usize::try_from(start).unwrap()..]);
        assert!(body.chunk().await.unwrap().is_none());
    }
    let wrong_start = upstream.blob("honours", &digest, 5).await;
    assert!(matches!(wrong_start, Err(UpstreamError::Protocol { .. })));
}

#[tokio::test]
async fn a_cut_blob_is_an_error_that_can_be_retried() {
    let half_arrived = Arc::new(Notify::new());
    let signal = Arc::clone(&half_arrived);
    let fake = Fake::start(move |_| {
        let half_arrived = Arc::clone(&signal);
        async move {
            let half = stream::iter([Ok(Frame::data(Bytes::from_static(b"half")))]);
            let cut = stream::once(async move {
                half_arrived.notified().await;
                Err(std::io::Error::other("cut"))
            });
            let body = StreamBody::new(half.chain(cut)).boxed_unsync();
            Response::builder()
                .header("content-length", 8)
                .body(body)
                .unwrap()
        }
    })
    .await;
    let upstream = fake.upstream();
    let mut body = upstream.blob("a", &Digest::of(b"x"), 0).await.unwrap();
    assert_eq!(body.chunk().await.unwrap().unwrap(), "half");
    half_arrived.notify_one();
    let error = body.chunk().await.unwrap_err();
    assert!(
        matches!(error, UpstreamError::Cut { received: 4, .. }),
        "{error:?}"
    );
    assert!(error.is_retryable());
}

#[tokio::test]
async fn a_head_that_is_no_success_says_nothing() {
    for status in [400, 401, 403, 404, 405, 406, 410, 500, 501, 502, 503] {
        let fake = Fake::start(move |_| async move { answer(status, &[], "") }).await;
        let head = fake.upstream().head_manifest("a", &tag()).await;
        assert!(matches!(head, Ok(None)), "{status}: {head:?}");
    }
    let digest = Digest::of(b"{}").to_string();
    let (kind, right) = (
        ("content-type", OCI_MANIFEST),
        ("docker-content-digest", &*digest),
    );
    for headers in [
        vec![kind],
        vec![right],
        vec![("content-type", "text/html"), right],
        vec![kind, ("docker-content-digest", "x")],
    ] {
        let headers: Vec<_> = headers
            .iter()
            .map(|(n, v)| ((*n).to_owned(), (*v).to_owned()))
            .collect();
        let fake = Fake::start(move |_| {
            let headers = headers.clone();
            async move {
                let headers: Vec<_> = headers.iter().map(|(n, v)| (&**n, &**v)).collect();
                answer(200, &headers, "")
            }
        })
        .await;
        let head = fake.upstream().head_manifest("a", &tag()).await;
        assert!(matches!(head, Ok(None)), "{head:?}");
    }
    let fake = Fake::start(|_| async { answer(429, &[], "") }).await;
    let head = fake.upstream().head_manifest("a", &tag()).await;
    assert!(head.is_err(), "a limit is one for GET as well: {head:?}");
}

#[tokio::test]
async fn an_upstream_that_is_not_there_is_said_so() {
    let mut options = Fake::start(|_| async { answer(200, &[], "") })
        .await
        .options();
    options.url = format!("http://{}", nobody()).parse().unwrap();
    let statuses = Arc::new(std::sync::Mutex::new(Vec::new()));
    let noted = Arc::clone(&statuses);
    let observer = Arc::new(move |name: &str, status| {
        assert_eq!(name, "up.test");
        noted.lock().unwrap().push(status);
    });
    let upstream = crate::Upstream::new(options, Some(observer)).unwrap();
    let outcome = upstream.manifest("a", &tag()).await;
    assert!(
        matches!(outcome, Err(UpstreamError::Connect { .. })),
        "{outcome:?}"
    );
    assert_eq!(*statuses.lock().unwrap(), [0, 0, 0], "three attempts");
}

#[tokio::test]
async fn what_a_request_is_part_of_is_passed_on() {
    let fake = Fake::start(|_| async { answer(404, &[], "") }).await;
    let mut options = fake.options();
    let _absent = fake.upstream().manifest("a", &tag()).await;
    options.trace = || Some("00-of-us-01".to_owned());
    let upstream = crate::Upstream::new(options, None).unwrap();
    let _absent = upstream.manifest("a", &tag()).await;
    let seen = fake.seen();
    let told = seen.iter().map(|seen| seen.headers.get("traceparent"));
    let told: Vec<_> = told
        .map(|told| told.and_then(|it| it.to_str().ok()))
        .collect();
    assert_eq!(told, [None, Some("00-of-us-01")]);
}
