//! What every adapter of the port to content promises, and the hands with which it is tried.
//!
//! Each promise is a function that takes how contents are made: by their capacity in bytes, with
//! what has to live as long as they do. [`content_suite!`](crate::content_suite) makes tests of all.

use std::future::poll_fn;
use std::io::{self, Read as _};
use std::pin::Pin;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use futures_util::Stream as _;
use sluicegate_model::Digest;
use tokio::time::timeout;

use crate::content::{
    BlobBody, BlobFailure, BlobSource, BlobWriter, Content, ContentError, DocumentKind, Growth,
    PackedDocument, StoredBlob, stream,
};

/// A capacity that nothing here fills.
pub const GENEROUS: u64 = 1 << 30;
/// Long enough that a body which has bytes to give would have given them.
const QUIET: Duration = Duration::from_millis(30);

/// Makes a test of each promise.
#[macro_export]
macro_rules! content_suite {
    ($new:expr) => {
        $crate::content_suite! { $new =>
            gives_back_what_was_stored,
            serves_exactly_the_range_asked_for,
            refuses_content_that_is_not_what_its_digest_says,
            late_joiner_gets_the_first_byte_at_once_and_the_last_only_after_proof,
            serves_a_range_of_a_blob_that_is_still_arriving,
            wrong_bytes_cut_every_body_and_leave_nothing_behind,
            short_and_long_content_fails,
            abandoned_download_fails_its_readers,
            scanner_reads_along_and_ends_only_after_proof,
            evicts_the_least_recently_used_but_never_what_is_pinned,
            reader_outlives_eviction,
            documents_are_found_by_kind_and_key,
        }
    };
    ($new:expr => $($promise:ident,)*) => {
        $(
            #[tokio::test]
            async fn $promise() {
                $crate::testkit::content::$promise($new).await;
            }
        )*
    };
}

/// Makes bytes that no two offsets near each other share.
pub fn content(len: usize) -> Bytes {
    let word = |n: u32| n.wrapping_mul(2_654_435_761).to_le_bytes();
    (0..).flat_map(word).take(len).collect()
}

/// Stores content whole.
pub async fn put(store: &dyn Content, content: &Bytes) -> StoredBlob {
    let digest = Digest::of(content);
    store.put(&digest, content.clone()).await.unwrap()
}

/// Begins a blob of this content.
pub fn growing(store: &dyn Content, content: &Bytes) -> BlobWriter {
    store
        .begin(&Digest::of(content), Some(content.len() as u64))
        .unwrap()
}

/// Appends content in pieces that are larger than what is gathered.
pub async fn append_all(writer: &mut BlobWriter, content: &Bytes) {
    for at in (0..content.len()).step_by(300_000) {
        let piece = content.slice(at..content.len().min(at + 300_000));
        writer.append(piece).await.unwrap();
    }
}

/// Starts a body for all of a blob.
pub fn whole(source: BlobSource) -> BlobBody {
    let len = source.total_len().unwrap();
    stream(source, 0..len, None).unwrap()
}

/// Waits for the next piece of a body.
pub async fn next(body: &mut BlobBody) -> Option<io::Result<Bytes>> {
    poll_fn(|context| Pin::new(&mut *body).poll_next(context)).await
}

/// Reads a body to its end.
pub async fn collect(mut body: BlobBody) -> io::Result<Bytes> {
    let mut read = Vec::new();
    while let Some(piece) = next(&mut body).await {
        read.extend_from_slice(&piece?);
    }
    Ok(read.into())
}

/// Reads until the body has nothing to give for a while.
pub async fn read_until_quiet(body: &mut BlobBody) -> Vec<u8> {
    let mut read = Vec::new();
    while let Ok(Some(piece)) = timeout(QUIET, next(body)).await {
        read.extend_from_slice(&piece.unwrap());
    }
    read
}

/// Reads until the body is cut.
pub async fn error_of(body: &mut BlobBody) -> io::Error {
    let cut = async {
        loop {
            if let Err(error) = next(body).await.expect("the body ended as if whole") {
                return error;
            }
        }
    };
    timeout(Duration::from_secs(10), cut)
        .await
        .expect("the body was not cut")
}

/// What is proven is found, and given whole.
pub async fn gives_back_what_was_stored<G>(new: impl Fn(u64) -> (G, Arc<dyn Content>)) {
    let (_home, store) = new(GENEROUS);
    let content = content(700_001);
    let digest = Digest::of(&content);
    let mut writer = growing(&*store, &content);
    append_all(&mut writer, &content).await;
    assert!(store.lookup(&digest).is_none(), "visible before its proof");
    writer.commit().await.unwrap();

    let stored = store.lookup(&digest).unwrap();
    assert_eq!((stored.digest(), stored.len()), (&digest, 700_001));
    assert!(store.used_bytes() >= 700_001);
    assert_eq!(store.capacity_bytes(), GENEROUS);
    let mut middle = [0; 1_000];
    let bytes = stored.open().unwrap();
    bytes.read_exact_at(&mut middle, 300_000).unwrap();
    assert_eq!(middle[..], content[300_000..301_000]);
    assert!(bytes.read_exact_at(&mut middle, 700_000).is_err());
    let source = BlobSource::Stored(stored);
    let mut scanned = Vec::new();
    let mut reader = source.sync_reader().unwrap();
    reader.read_to_end(&mut scanned).unwrap();
    assert_eq!(scanned, content);
    assert_eq!(collect(whole(source)).await.unwrap(), content);
    assert_eq!(store.read(&digest, 1 << 20).await.unwrap(), Some(content));
    assert!(matches!(
        store.read(&digest, 1 << 10).await,
        Err(ContentError::TooLarge { len: 700_001, .. })
    ));
}

/// Ranges are given to the byte; past the end there is nothing.
pub async fn serves_exactly_the_range_asked_for<G>(new: impl Fn(u64) -> (G, Arc<dyn Content>)) {
    let (_home, store) = new(GENEROUS);
    let content = content(1_000_000);
    let stored = put(&*store, &content).await;
    for range in [
        0..0,
        0..1,
        999_999..1_000_000,
        262_143..786_433,
        0..1_000_000,
    ] {
        let body = stream(BlobSource::Stored(stored.clone()), range.clone(), None).unwrap();
        let [start, end] = [range.start, range.end].map(|at| usize::try_from(at).unwrap());
        assert_eq!(body.left_bytes(), range.end - range.start);
        assert_eq!(collect(body).await.unwrap(), content.slice(start..end));
    }
    assert!(stream(BlobSource::Stored(stored), 0..1_000_001, None).is_err());
}

/// What is stored whole has to be what its digest says.
pub async fn refuses_content_that_is_not_what_its_digest_says<G>(
    new: impl Fn(u64) -> (G, Arc<dyn Content>),
) {
    let (_home, store) = new(GENEROUS);
    let digest = Digest::of(b"wanted");
    assert!(matches!(
        store.put(&digest, Bytes::from_static(b"other")).await,
        Err(ContentError::DigestMismatch { .. })
    ));
    assert!(store.lookup(&digest).is_none());
}

/// Readers of a growing blob get all but its tail, and that once it is proven.
pub async fn late_joiner_gets_the_first_byte_at_once_and_the_last_only_after_proof<G>(
    new: impl Fn(u64) -> (G, Arc<dyn Content>),
) {
    let (_home, store) = new(GENEROUS);
    let content = content(1_000_000);
    let mut writer = growing(&*store, &content);
    append_all(&mut writer, &content).await;
    writer.show().await.unwrap();
    let mut body = whole(BlobSource::Growing(writer.blob()));

    let mut read = read_until_quiet(&mut body).await;
    assert_eq!(read.len(), 1_000_000 - 65_536);

    writer.commit().await.unwrap();
    read.extend_from_slice(&collect(body).await.unwrap());
    assert_eq!(read, content);
}

/// Ranges of a growing blob are given as they arrive.
pub async fn serves_a_range_of_a_blob_that_is_still_arriving<G>(
    new: impl Fn(u64) -> (G, Arc<dyn Content>),
) {
    let (_home, store) = new(GENEROUS);
    let content = content(1_000_000);
    let mut writer = growing(&*store, &content);
    let source = BlobSource::Growing(writer.blob());
    let early = stream(source.clone(), 100_000..500_000, None).unwrap();
    let tail = stream(source, 999_000..1_000_000, None).unwrap();
    let (early, tail) = (tokio::spawn(collect(early)), tokio::spawn(collect(tail)));
    append_all(&mut writer, &content).await;
    assert_eq!(
        early.await.unwrap().unwrap(),
        content.slice(100_000..500_000)
    );
    assert!(!tail.is_finished());
    writer.commit().await.unwrap();
    assert_eq!(tail.await.unwrap().unwrap(), content.slice(999_000..));
}

/// A blob of another digest fails for everybody, and is not kept.
pub async fn wrong_bytes_cut_every_body_and_leave_nothing_behind<G>(
    new: impl Fn(u64) -> (G, Arc<dyn Content>),
) {
    let (_home, store) = new(GENEROUS);
    let content = content(400_000);
    let digest = Digest::of(b"something else");
    let mut writer = store.begin(&digest, Some(400_000)).unwrap();
    let blob = writer.blob();
    let mut body = whole(BlobSource::Growing(Arc::clone(&blob)));
    writer.append(content).await.unwrap();
    assert!(matches!(
        writer.commit().await,
        Err(ContentError::DigestMismatch { .. })
    ));
    error_of(&mut body).await;
    let failure = blob.finished().await.unwrap_err();
    assert!(matches!(*failure, BlobFailure::DigestMismatch { .. }));
    assert!(store.lookup(&digest).is_none());
    assert_eq!(store.used_bytes(), 0);
}

/// A blob has the length that was announced.
pub async fn short_and_long_content_fails<G>(new: impl Fn(u64) -> (G, Arc<dyn Content>)) {
    let (_home, store) = new(GENEROUS);
    let content = content(1000);
    let digest = Digest::of(&content);
    let mut short = store.begin(&digest, Some(1001)).unwrap();
    short.append(content.clone()).await.unwrap();
    assert!(matches!(
        short.commit().await,
        Err(ContentError::LengthMismatch {
            wanted: 1001,
            got: 1000,
            ..
        })
    ));
    let mut long = store.begin(&digest, Some(999)).unwrap();
    let blob = long.blob();
    assert!(matches!(
        long.append(content).await,
        Err(ContentError::LengthMismatch {
            wanted: 999,
            got: 1000,
            ..
        })
    ));
    assert!(matches!(blob.growth(), Growth::Failed(_)));
    assert!(long.commit().await.is_err());
    assert!(store.lookup(&digest).is_none());
}

/// A writer that is dropped has failed.
pub async fn abandoned_download_fails_its_readers<G>(new: impl Fn(u64) -> (G, Arc<dyn Content>)) {
    let (_home, store) = new(GENEROUS);
    let content = content(300_000);
    let mut writer = growing(&*store, &content);
    let blob = writer.blob();
    let mut body = whole(BlobSource::Growing(Arc::clone(&blob)));
    writer.append(content.slice(..1000)).await.unwrap();
    drop(writer);
    error_of(&mut body).await;
    assert_eq!(*blob.finished().await.unwrap_err(), BlobFailure::Abandoned);
    assert_eq!(store.used_bytes(), 0);
}

/// The scanner reads every byte as it arrives, and hears of failures.
pub async fn scanner_reads_along_and_ends_only_after_proof<G>(
    new: impl Fn(u64) -> (G, Arc<dyn Content>),
) {
    let (_home, store) = new(GENEROUS);
    let content = content(900_000);
    let reader = |writer: &BlobWriter| BlobSource::Growing(writer.blob()).sync_reader();
    let mut writer = growing(&*store, &content);
    let mut read_along = reader(&writer).unwrap();
    let scanner = tokio::task::spawn_blocking(move || {
        let mut read = Vec::new();
        read_along.read_to_end(&mut read).map(|_| read)
    });
    append_all(&mut writer, &content).await;
    assert!(!scanner.is_finished());
    writer.commit().await.unwrap();
    assert_eq!(scanner.await.unwrap().unwrap(), content);

    let mut writer = growing(&*store, &content);
    let mut read_along = reader(&writer).unwrap();
    writer.append(content.slice(..10)).await.unwrap();
    writer.fail(BlobFailure::Upstream("connection reset".into()));
    let error = read_along.read_to_end(&mut Vec::new()).unwrap_err();
    assert!(error.to_string().contains("connection reset"));
}

/// What was used longest ago goes first, and what somebody holds never.
pub async fn evicts_the_least_recently_used_but_never_what_is_pinned<G>(
    new: impl Fn(u64) -> (G, Arc<dyn Content>),
) {
    let (_home, store) = new(250_000);
    let [a, b, c, d] = [1, 2, 3, 4].map(|seed: usize| content(100_000 + seed));
    let pin = store.pin(&Digest::of(&a));
    for content in [&a, &b, &c] {
        put(&*store, content).await;
    }
    let present = |content: &Bytes| store.lookup(&Digest::of(content)).is_some();
    assert!(present(&a) && !present(&b) && present(&c));
    drop(pin);
    assert!(present(&c));
    put(&*store, &d).await;
    assert!(!present(&a) && present(&c) && present(&d));
    assert!((200_007..250_000).contains(&store.used_bytes()));
}

/// What somebody reads stays readable; who comes later finds it gone.
pub async fn reader_outlives_eviction<G>(new: impl Fn(u64) -> (G, Arc<dyn Content>)) {
    let (_home, store) = new(GENEROUS);
    let content = content(2_000_000);
    let stored = put(&*store, &content).await;
    let body = whole(BlobSource::Stored(stored.clone()));
    store.remove(stored.digest());
    assert_eq!(collect(body).await.unwrap(), content);
    let gone = stream(BlobSource::Stored(stored), 0..1, None).unwrap_err();
    assert_eq!(gone.kind(), io::ErrorKind::NotFound);
}

/// Documents replace those of their kind and key, and no others.
pub async fn documents_are_found_by_kind_and_key<G>(new: impl Fn(u64) -> (G, Arc<dyn Content>)) {
    let (_home, store) = new(GENEROUS);
    let (facts, verdict) = (DocumentKind::Facts, DocumentKind::Verdict);
    let get = async |kind, key| store.document(kind, key).await.unwrap();
    for kind in DocumentKind::ALL {
        assert_eq!(get(kind, "one").await, None);
        assert_eq!(store.document_bytes(kind, "one").await.unwrap(), None);
    }
    let long = b"{\"components\":[]}".repeat(1000);
    store.put_document(facts, "one", vec![1]).await.unwrap();
    let replaced = store.put_document(facts, "one", long.clone());
    replaced.await.unwrap();
    let packed = ["one", "two"].map(|key| PackedDocument::new(verdict, key, key.as_bytes()));
    let packed = packed.map(Result::unwrap).to_vec();
    store.put_documents(packed).await.unwrap();
    store.put_documents(Vec::new()).await.unwrap();
    assert_eq!(get(facts, "one").await, Some(long));
    let stated = store.document_bytes(facts, "one").await.unwrap();
    assert_eq!(stated, Some(17_000));
    assert_eq!(get(verdict, "one").await, Some(b"one".to_vec()));
    assert_eq!(get(facts, "two").await, None);
    store.remove_document(verdict, "one").await.unwrap();
    store.remove_document(verdict, "one").await.unwrap();
    assert_eq!(get(verdict, "one").await, None);
    assert_eq!(get(verdict, "two").await, Some(b"two".to_vec()));
}
