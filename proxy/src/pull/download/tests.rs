//! A blob that drips, from an upstream on this machine; minutes are made tenths of a second.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use sluicegate_engine::content::stream;
use sluicegate_engine::testkit::MemoryContent;
use sluicegate_engine::testkit::MemoryLedger;
use sluicegate_upstream::fake::{Fake, Seen, answer};
use sluicegate_upstream::{Upstream, UpstreamOptions};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;

const SIZE: u64 = 1 << 20;
const HURRIED: Pace = Pace {
    window: Duration::from_millis(500),
    least_bytes: 4_096,
    look_again: Duration::from_millis(20),
};
/// Far longer than the window.
const LONG: Duration = Duration::from_secs(2);

/// Downloads from an upstream at a URL.
fn downloads(url: &str) -> Downloads {
    let options = UpstreamOptions::anonymous("up.test", url.parse().unwrap());
    let upstream = Arc::new(Upstream::new(options, None).unwrap());
    let upstreams = Arc::new(Upstreams::new([("up.test".to_owned(), upstream)]));
    let content = Arc::new(MemoryContent::new(1 << 30));
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::default());
    Downloads::at_pace(content, ledger, upstreams, HURRIED)
}

/// Downloads from an upstream that sends a byte now and then; counts its requests.
async fn dripping() -> (Downloads, Arc<AtomicUsize>) {
    let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
    let url = format!("http://{}", listener.local_addr().unwrap());
    let requests = Arc::<AtomicUsize>::default();
    let counted = Arc::clone(&requests);
    tokio::spawn(async move {
        while let Ok((stream, _)) = listener.accept().await {
            counted.fetch_add(1, Ordering::SeqCst);
            tokio::spawn(drip(stream));
        }
    });
    let downloads = downloads(&url);
    (downloads, requests)
}

async fn drip(mut stream: TcpStream) {
    let mut head = [0; 4096];
    let _ = stream.read(&mut head).await;
    let answer = format!("HTTP/1.1 200 OK\r\nContent-Length: {SIZE}\r\n\r\n");
    let mut sent = stream.write_all(answer.as_bytes()).await;
    while sent.is_ok() {
        tokio::time::sleep(Duration::from_millis(10)).await;
        sent = stream.write_all(b"x").await;
    }
}

fn blob() -> (Repository, Descriptor) {
    let blob = Descriptor {
        media_type: "x/y".into(),
        digest: Digest::of(b"whatever it is"),
        size: SIZE,
        platform: None,
        urls: Vec::new(),
        artifact_type: None,
        annotations: BTreeMap::new(),
    };
    ("up.test/app".parse().unwrap(), blob)
}

#[tokio::test]
async fn a_drip_ends_when_nobody_waits_and_the_next_request_starts_anew() {
    let (downloads, requests) = dripping().await;
    let (repository, blob) = blob();
    let interest = Arc::<Interest>::default();
    let client = Waiting::default();
    interest.join(client.seen_from_afar());
    let source = downloads
        .ensure_for(&blob.digest, &interest, &repository, &blob)
        .await
        .unwrap();
    let BlobSource::Growing(growing) = &source else {
        panic!("it is on its way");
    };
    let waited = tokio::time::timeout(LONG, growing.finished());
    assert!(waited.await.is_err(), "somebody waits");
    drop(client);
    let failed = downloads.stored(&blob.digest, &source).await;
    let Err(PullError::Forsaken(words)) = failed else {
        panic!("{failed:?}");
    };
    assert!(words.contains("1 KiB/s"), "{words}");
    assert!(downloads.shared.content.lookup(&blob.digest).is_none());
    assert!(!downloads.arrives_from(&repository, &blob.digest));
    assert_eq!(requests.load(Ordering::SeqCst), 1);

    let again = downloads.ensure(&repository, &blob).await.unwrap();
    let failed = downloads.stored(&blob.digest, &again).await;
    assert!(
        matches!(failed, Err(PullError::Forsaken(_))),
        "without a pull as well"
    );
    assert_eq!(requests.load(Ordering::SeqCst), 2);
}

#[tokio::test]
async fn a_client_that_reads_along_keeps_a_drip_going() {
    let (downloads, _requests) = dripping().await;
    let (repository, blob) = blob();
    let source = downloads.ensure(&repository, &blob).await.unwrap();
    let body = stream(source.clone(), 0..SIZE, None).unwrap();
    let BlobSource::Growing(growing) = &source else {
        panic!("it is on its way");
    };
    let waited = tokio::time::timeout(LONG, growing.finished());
    assert!(waited.await.is_err());
    drop(body);
    let failed = growing.finished().await;
    assert!(failed.is_err(), "once nobody reads, it ends");
}

fn named(content: &[u8]) -> Descriptor {
    Descriptor {
        digest: Digest::of(content),
        size: content.len() as u64,
        ..blob().1
    }
}

#[tokio::test]
async fn an_upstream_that_bears_two_requests_gives_all_blobs_of_an_image() {
    for (status, wait) in [(429, ""), (429, "0"), (503, "")] {
        let now = Arc::<AtomicUsize>::default();
        let fake = Fake::start(move |seen: Seen| {
            let now = Arc::clone(&now);
            async move {
                if now.fetch_add(1, Ordering::SeqCst) >= 2 {
                    now.fetch_sub(1, Ordering::SeqCst);
                    let headers = [("retry-after", wait)];
                    return answer(status, if wait.is_empty() { &[] } else { &headers }, "");
                }
                tokio::time::sleep(Duration::from_millis(20)).await;
                now.fetch_sub(1, Ordering::SeqCst);
                let contents = (0..10_u8).map(|name| vec![name; 100]);
                let asked = |content: &Vec<u8>| seen.target.ends_with(Digest::of(content).as_str());
                answer(200, &[], contents.into_iter().find(asked).unwrap())
            }
        })
        .await;
        let downloads = downloads(&fake.url(""));
        let (repository, _) = blob();
        let (interest, client) = (Arc::<Interest>::default(), Waiting::default());
        interest.join(client.seen_from_afar());
        let image = Digest::of(b"image");
        for name in 0..10_u8 {
            let layer = named(&[name; 100]);
            let source = downloads.ensure_for(&image, &interest, &repository, &layer);
            source.await.unwrap();
        }
        for name in 0..10_u8 {
            let layer = named(&[name; 100]);
            let source = downloads.ensure_for(&image, &interest, &repository, &layer);
            let stored = downloads
                .stored(&layer.digest, &source.await.unwrap())
                .await;
            assert!(stored.is_ok(), "{status} {wait:?}: {stored:?}");
        }
    }
}

#[tokio::test]
async fn a_limit_that_outlasts_every_client_is_passed_on_with_its_end() {
    let fake = Fake::start(|_| async { answer(429, &[("retry-after", "3600")], "") }).await;
    let downloads = downloads(&fake.url(""));
    let (repository, layer) = blob();
    let source = downloads.ensure(&repository, &layer).await.unwrap();
    let failed = downloads.stored(&layer.digest, &source).await.unwrap_err();
    assert_eq!(failed.retry_after(), Some(Duration::from_hours(1)));
    assert!(
        failed.to_string().contains("try again in 3600 s"),
        "{failed}"
    );
    assert_eq!(fake.seen().len(), 1);
}

#[tokio::test]
async fn whether_an_upstream_says_where_a_blob_ends_is_known_with_its_first_answer() {
    let content = b"0123456789";
    let fake = Fake::start(move |seen: Seen| async move {
        let whole = answer(200, &[], &content[..]);
        if seen.target.contains("/told/") {
            return whole;
        }
        // Without a length, in pieces.
        let piece = Ok(hyper::body::Frame::data(Bytes::from_static(content)));
        let body = http_body_util::StreamBody::new(futures_util::stream::iter([piece]));
        http::Response::new(http_body_util::BodyExt::boxed_unsync(body))
    })
    .await;
    for (name, is_told) in [("told", true), ("untold", false)] {
        let downloads = downloads(&fake.url(""));
        let repository: Repository = format!("up.test/{name}/app").parse().unwrap();
        let source = downloads
            .ensure(&repository, &named(content))
            .await
            .unwrap();
        let BlobSource::Growing(growing) = &source else {
            panic!("it is on its way");
        };
        assert_eq!(growing.end_is_told().await, is_told, "{name}");
        growing.finished().await.unwrap();
        assert!(source.end_is_known(), "once it is here, its end is");
    }
}
