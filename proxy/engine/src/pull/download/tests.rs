//! Blobs of an upstream in memory that drips, limits, cuts and lies; minutes are made tenths of a
//! second.

use std::collections::BTreeMap;

use crate::content::stream;
use crate::testkit::MemoryContent;
use crate::testkit::MemoryLedger;
use crate::testkit::{Fault, MemoryOrigin};

use super::*;

const SIZE: usize = 1 << 20;
const HURRIED: Pace = Pace {
    window: Duration::from_millis(500),
    least_bytes: 4_096,
    look_again: Duration::from_millis(20),
};
/// Far longer than the window.
const LONG: Duration = Duration::from_secs(2);

/// Downloads from an upstream.
fn downloads(upstream: &MemoryOrigin) -> Downloads {
    let content = Arc::new(MemoryContent::new(1 << 30));
    let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::default());
    let upstreams = Arc::new(upstream.clone());
    Downloads::at_pace(content, ledger, upstreams, HURRIED)
}

/// Makes an upstream whose blob comes a byte now and then.
fn dripping() -> MemoryOrigin {
    let upstream = MemoryOrigin::default();
    upstream.push_blob("app", &vec![b'x'; SIZE]);
    upstream.fail("blobs", Fault::Drips);
    upstream
}

fn blob() -> (Repository, Descriptor) {
    let blob = Descriptor {
        media_type: "x/y".into(),
        digest: Digest::of(&vec![b'x'; SIZE]),
        size: SIZE as u64,
        platform: None,
        urls: Vec::new(),
        artifact_type: None,
        annotations: BTreeMap::new(),
    };
    ("up.test/app".parse().unwrap(), blob)
}

#[tokio::test]
async fn a_drip_ends_when_nobody_waits_and_the_next_request_starts_anew() {
    let upstream = dripping();
    let downloads = downloads(&upstream);
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
    assert_eq!(upstream.asked().len(), 1);

    let again = downloads.ensure(&repository, &blob).await.unwrap();
    let failed = downloads.stored(&blob.digest, &again).await;
    assert!(
        matches!(failed, Err(PullError::Forsaken(_))),
        "without a pull as well"
    );
    assert_eq!(upstream.asked().len(), 2);
}

#[tokio::test]
async fn a_client_that_reads_along_keeps_a_drip_going() {
    let downloads = downloads(&dripping());
    let (repository, blob) = blob();
    let source = downloads.ensure(&repository, &blob).await.unwrap();
    let body = stream(source.clone(), 0..SIZE as u64, None).unwrap();
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

/// Waits until a blob is whole, for somebody who waits for it.
async fn pulled(downloads: &Downloads, blob: &Descriptor) -> Result<(), PullError> {
    let (interest, client) = (Arc::<Interest>::default(), Waiting::default());
    interest.join(client.seen_from_afar());
    let repository = "up.test/app".parse().unwrap();
    let image = Digest::of(b"image");
    let source = downloads.ensure_for(&image, &interest, &repository, blob);
    downloads.stored(&blob.digest, &source.await?).await
}

#[tokio::test]
async fn a_limit_is_waited_for_more_often_than_silence_is_borne() {
    let upstream = MemoryOrigin::default();
    upstream.push_blob("app", b"layer");
    let limit = Fault::Limited {
        times: usize::try_from(MAX_IDLE_ATTEMPTS).unwrap() + 1,
        retry_after: Some(Duration::ZERO),
    };
    upstream.fail("blobs", limit);
    let downloads = downloads(&upstream);
    pulled(&downloads, &named(b"layer")).await.unwrap();
}

#[tokio::test]
async fn a_blob_that_is_cut_goes_on_where_it_was_also_if_all_comes_again() {
    for again in [false, true] {
        let upstream = MemoryOrigin::default();
        upstream.push_blob("app", b"0123456789");
        for after in [4, 7, 2] {
            upstream.fail("blobs", Fault::Cut(after));
            if again {
                upstream.fail("blobs", Fault::IgnoresRange);
            }
        }
        let downloads = downloads(&upstream);
        pulled(&downloads, &named(b"0123456789")).await.unwrap();
    }
}

#[tokio::test]
async fn what_is_not_there_or_another_blob_is_told_apart() {
    let upstream = MemoryOrigin::default();
    let downloads = downloads(&upstream);
    let absent = pulled(&downloads, &named(b"layer")).await;
    assert!(
        matches!(absent, Err(PullError::AbsentBlob(_))),
        "{absent:?}"
    );
    upstream.push_blob("app", b"layer");
    upstream.fail("blobs", Fault::OtherBytes);
    let damaged = pulled(&downloads, &named(b"layer")).await;
    assert!(matches!(damaged, Err(PullError::Damaged(_))), "{damaged:?}");
    upstream.mend("blobs");
    pulled(&downloads, &named(b"layer")).await.unwrap();
}

#[tokio::test]
async fn a_limit_that_outlasts_every_client_is_passed_on_with_its_end() {
    let upstream = MemoryOrigin::default();
    let limit = Fault::Limited {
        times: 9,
        retry_after: Some(Duration::from_hours(1)),
    };
    upstream.fail("blobs", limit);
    let downloads = downloads(&upstream);
    let failed = pulled(&downloads, &blob().1).await.unwrap_err();
    assert_eq!(failed.retry_after(), Some(Duration::from_hours(1)));
    assert_eq!(upstream.asked().len(), 1);
}

#[tokio::test]
async fn whether_an_upstream_says_where_a_blob_ends_is_known_with_its_first_answer() {
    for is_told in [true, false] {
        let upstream = MemoryOrigin::default();
        upstream.push_blob("app", b"0123456789");
        if !is_told {
            upstream.fail("blobs", Fault::Untold);
        }
        let downloads = downloads(&upstream);
        let (repository, _) = blob();
        let source = downloads
            .ensure(&repository, &named(b"0123456789"))
            .await
            .unwrap();
        let BlobSource::Growing(growing) = &source else {
            panic!("it is on its way");
        };
        assert_eq!(growing.end_is_told().await, is_told);
        growing.finished().await.unwrap();
        assert!(source.end_is_known(), "once it is here, its end is");
    }
}
