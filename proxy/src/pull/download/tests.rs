//! A blob that drips, from an upstream on this machine; minutes are made tenths of a second.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicUsize, Ordering};

use tempfile::TempDir;
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::{TcpListener, TcpStream};

use super::*;
use crate::upstream::{Upstream, UpstreamOptions};
use crate::verdicts::MemoryStore;

const SIZE: u64 = 1 << 20;
const HURRIED: Pace = Pace {
    window: Duration::from_millis(500),
    least_bytes: 4_096,
    look_again: Duration::from_millis(20),
};
/// Far longer than the window.
const LONG: Duration = Duration::from_secs(2);

/// Downloads from an upstream that sends a byte now and then; counts its requests.
async fn dripping() -> (TempDir, Downloads, Arc<AtomicUsize>) {
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
    let options = UpstreamOptions::anonymous("up.test", url.parse().unwrap());
    let upstream = Arc::new(Upstream::new(options, None).unwrap());
    let upstreams = Arc::new(Upstreams::new([("up.test".to_owned(), upstream)]));
    let home = tempfile::tempdir().unwrap();
    let content = ContentStore::open(home.path(), 1 << 30).unwrap();
    let records = Records::new(Arc::new(MemoryStore::new()), content.clone());
    let downloads = Downloads::at_pace(content, records, upstreams, false, HURRIED);
    (home, downloads, requests)
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
    let (_home, downloads, requests) = dripping().await;
    let (repository, blob) = blob();
    let interest = Arc::<Interest>::default();
    let client = Waiting::default();
    interest.join(client.seen_from_afar());
    let source = downloads
        .ensure_for(&interest, &repository, &blob)
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
    let (_home, downloads, _requests) = dripping().await;
    let (repository, blob) = blob();
    let source = downloads.ensure(&repository, &blob).await.unwrap();
    let body = crate::cache::stream(source.clone(), 0..SIZE, None).unwrap();
    let BlobSource::Growing(growing) = &source else {
        panic!("it is on its way");
    };
    let waited = tokio::time::timeout(LONG, growing.finished());
    assert!(waited.await.is_err());
    drop(body);
    let failed = growing.finished().await;
    assert!(failed.is_err(), "once nobody reads, it ends");
}
