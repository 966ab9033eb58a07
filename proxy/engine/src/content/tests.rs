//! Rules on what of a blob may leave, and when; tried in memory, where minutes take no time.

use std::io::Read as _;
use std::time::Duration;

use tokio::sync::watch;

use super::*;
use crate::testkit::MemoryContent;
use crate::testkit::content::{
    GENEROUS, append_all, collect, content, growing, next, put, read_until_quiet, whole,
};

fn held_from(from: u64) -> (watch::Sender<Tail>, Option<TailHold>) {
    let (gate, state) = watch::channel(Tail::Held);
    (gate, Some(TailHold { from, state }))
}

#[tokio::test(start_paused = true)]
async fn withholds_a_quarter_of_a_small_blob_and_a_byte_of_the_smallest() {
    for (len, most) in [(1, 0), (2, 1), (8, 6), (100, 75), (400_000, 334_464)] {
        let store = MemoryContent::new(GENEROUS);
        let content = content(len);
        let mut writer = growing(&store, &content);
        writer.append(content.clone()).await.unwrap();
        writer.show().await.unwrap();
        let mut body = whole(BlobSource::Growing(writer.blob()));
        assert_eq!(read_until_quiet(&mut body).await.len(), most, "of {len}");
    }
}

#[tokio::test(start_paused = true)]
async fn held_tail_goes_only_when_released() {
    let store = MemoryContent::new(GENEROUS);
    let content = content(100_000);
    let stored = put(&store, &content).await;
    let (gate, hold) = held_from(75_000);
    let mut body = stream(BlobSource::Stored(stored), 0..100_000, hold).unwrap();
    let mut read = read_until_quiet(&mut body).await;
    assert_eq!(read.len(), 75_000);
    gate.send_replace(Tail::Released);
    read.extend_from_slice(&collect(body).await.unwrap());
    assert_eq!(read, content);
}

/// The verdict may be there, and the pull over, before the last bytes are kept for good.
#[tokio::test(start_paused = true)]
async fn released_tail_outlives_its_gate_until_it_is_durable() {
    let store = MemoryContent::new(GENEROUS);
    let content = content(100_000);
    let mut writer = growing(&store, &content);
    let (gate, hold) = held_from(75_000);
    let source = BlobSource::Growing(writer.blob());
    let mut body = stream(source, 0..100_000, hold).unwrap();
    append_all(&mut writer, &content).await;
    let mut read = read_until_quiet(&mut body).await;
    gate.send_replace(Tail::Released);
    drop(gate);
    read.extend_from_slice(&read_until_quiet(&mut body).await);
    assert!(read.len() < content.len(), "nobody vouches for the digest");
    tokio::time::advance(Duration::from_mins(1)).await;
    read.extend_from_slice(&read_until_quiet(&mut body).await);
    writer.commit().await.unwrap();
    read.extend_from_slice(&collect(body).await.unwrap());
    assert_eq!(read, content);
}

#[tokio::test(start_paused = true)]
async fn refused_tail_is_cut_two_seconds_later_also_when_the_gate_is_gone() {
    let store = MemoryContent::new(GENEROUS);
    let content = content(100_000);
    let stored = put(&store, &content).await;
    for refuse in [true, false] {
        let (gate, hold) = held_from(0);
        let source = BlobSource::Stored(stored.clone());
        let mut body = stream(source, 50_000..100_000, hold).unwrap();
        if refuse {
            gate.send_replace(Tail::Refused);
        } else {
            drop(gate);
        }
        let before = tokio::time::Instant::now();
        assert!(next(&mut body).await.unwrap().is_err(), "a held byte came");
        assert!(before.elapsed() >= Duration::from_secs(2));
        assert!(next(&mut body).await.is_none());
    }
}

#[tokio::test(start_paused = true)]
async fn the_scanner_does_not_wait_until_it_is_durable_and_clients_do() {
    let store = MemoryContent::new(GENEROUS);
    let content = content(1_000);
    let mut writer = growing(&store, &content);
    let source = BlobSource::Growing(writer.blob());
    append_all(&mut writer, &content).await;
    writer.show().await.unwrap();
    writer.blob().announce(Growth::Proven { len: 1_000 });
    let mut scanned = Vec::new();
    let mut reader = source.sync_reader().unwrap();
    reader.read_to_end(&mut scanned).unwrap();
    assert_eq!(scanned, content);
    let mut body = whole(source);
    assert_eq!(read_until_quiet(&mut body).await.len(), 750);
    writer.commit().await.unwrap();
    assert_eq!(collect(body).await.unwrap().len(), 250);
}

#[test]
fn a_sealed_document_is_itself_alone_and_damage_makes_it_none() {
    let kind = DocumentKind::Report;
    let packed = PackedDocument::new(kind, "key", b"body").unwrap();
    let open = |kind, key, sealed: &[u8]| PackedDocument::unseal(kind, key, sealed);
    assert_eq!(open(kind, "key", packed.sealed()), Some(b"body".to_vec()));
    assert_eq!(open(kind, "ke", packed.sealed()), None);
    assert_eq!(open(DocumentKind::Facts, "key", packed.sealed()), None);
    for at in 0..packed.sealed().len() {
        let mut damaged = packed.sealed().to_vec();
        damaged[at] ^= 1;
        assert_eq!(open(kind, "key", &damaged), None, "byte {at}");
        assert_eq!(open(kind, "key", &packed.sealed()[..at]), None);
    }
}
