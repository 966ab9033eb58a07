//! Who scans layers, and what becomes of scans that fail or want much.

use std::io::Read;
use std::sync::Arc;

use bytes::Bytes;
use futures_util::FutureExt as _;
use sluicegate_model::manifest::Descriptor;
use sluicegate_model::media_type::OCI_MANIFEST;
use sluicegate_model::{Digest, Domain, Repository};
use sluicegate_scanner::{LayerFacts, Limits, scan_layer};

use super::*;
use crate::content::{BlobSource, Content};
use crate::memory::Memory;
use crate::plugins::ActivePlugins;
use crate::testkit::{MemoryContent, MemoryLayerScan, layer_scan_suite};

#[tokio::test]
async fn this_machine_keeps_the_promises_of_the_port() {
    let new = async |_: Vec<Bytes>| -> Arc<dyn LayerScan> {
        Arc::new(ScanHere::new(Limits::default(), Memory::default())) as _
    };
    layer_scan_suite::prove(new).await;
}

#[tokio::test]
async fn a_scanner_in_memory_keeps_the_promises_of_the_port() {
    let new = async |layers: Vec<Bytes>| -> Arc<dyn LayerScan> {
        Arc::new(MemoryLayerScan::reaching(layers)) as _
    };
    layer_scan_suite::prove(new).await;
}

fn is_fatal(facts: &LayerFacts) -> bool {
    facts.gaps.iter().any(|gap| gap.fatal)
}

fn layer(media_type: &str, urls: &[&str]) -> Descriptor {
    Descriptor {
        media_type: media_type.to_owned(),
        digest: Digest::of(b"layer"),
        size: 5,
        platform: None,
        urls: urls.iter().map(|url| (*url).to_owned()).collect(),
        artifact_type: None,
        annotations: [].into(),
    }
}

#[test]
fn what_lies_elsewhere_or_is_encrypted_is_not_scanned_and_never_clean() {
    let plain = "application/vnd.oci.image.layer.v1.tar";
    for (layer, wanted) in [
        (layer(plain, &[]), None),
        (layer(OCI_MANIFEST, &[]), None),
        (
            layer(plain, &["https://elsewhere.test/layer"]),
            Some(LayerFacts::foreign()),
        ),
        (
            layer(
                "application/vnd.docker.image.rootfs.foreign.diff.tar.gzip",
                &[],
            ),
            Some(LayerFacts::foreign()),
        ),
        (
            layer(&format!("{plain}+encrypted"), &[]),
            Some(LayerFacts::encrypted()),
        ),
    ] {
        let stands = unscanned(&layer);
        assert!(stands.as_ref().is_none_or(is_fatal));
        assert_eq!(stands, wanted, "{layer:?}");
    }
}

struct Panics;

impl Read for Panics {
    fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
        panic!("this reader always does");
    }
}

#[test]
fn a_scan_that_fails_is_a_fatal_gap() {
    let facts = scan_on_this_thread(Panics, &Limits::default(), &ActivePlugins::built_in(), None);
    assert!(is_fatal(&facts), "{facts:?}");
    assert!(!facts.was_interrupted());
}

/// A layer whose one file is read whole, and larger than scans hold without asking.
fn large() -> Bytes {
    let path = "lib/apk/db/installed";
    let mut tar = tar::Builder::new(Vec::new());
    let package = "P:musl\nV:1.2.3-r4\nA:x86_64\n";
    let content = format!("{package}{}\n", "T:a line of text\n".repeat(600_000));
    let mut header = tar::Header::new_gnu();
    header.set_size(content.len() as u64);
    tar.append_data(&mut header, path, content.as_bytes())
        .unwrap();
    tar.into_inner().unwrap().into()
}

#[tokio::test]
async fn a_layer_that_wants_much_memory_waits_for_its_share_and_nobody_for_it() {
    let repository: Repository = "up.test/app".parse().unwrap();
    let content = MemoryContent::new(1 << 30);
    let memory = Memory::default();
    let scan = ScanHere::new(Limits::default(), memory.clone());
    let others = memory.largest_share().await;
    let ask = async |bytes: Bytes| {
        let stored = content.put(&Digest::of(&bytes), bytes.clone()).await;
        let asked = AskedLayer {
            repository: &repository,
            domain: &Domain::Here,
            plugins: &ActivePlugins::built_in(),
            layer: &Descriptor {
                digest: Digest::of(&bytes),
                ..layer("", &[])
            },
            bytes: Some(&BlobSource::Stored(stored.unwrap())),
            earlier: None,
        };
        scan.scan(asked).await.unwrap()
    };
    let (large, small) = (large(), layer_scan_suite::layer("small"));
    let mut waiting = Box::pin(ask(large.clone()));
    // It gives its place back once it is known to want more.
    for _ in 0..8 {
        tokio::select! {
            biased;
            _ = &mut waiting => panic!("it took memory that is not free"),
            scanned = ask(small.clone()) => assert!(!is_fatal(scanned.facts())),
        }
    }
    assert!((&mut waiting).now_or_never().is_none());
    drop(others);
    let scanned = waiting.await;
    assert_eq!(*scanned.facts(), scan_layer(&large[..], &Limits::default()));
}
