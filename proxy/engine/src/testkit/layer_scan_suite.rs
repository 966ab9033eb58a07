//! What every scanner of layers promises, and what is promised of the layers that it scans.

use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::future::join_all;
use sluicegate_model::manifest::Descriptor;
use sluicegate_model::{Digest, Domain, Repository};
use sluicegate_scanner::{LayerFacts, Limits, PluginSet, scan_layer, scan_layer_again};

use super::MemoryContent;
use crate::content::{BlobSource, Content, DocumentKind};
use crate::memory::Memory;
use crate::plugins::ActivePlugins;
use crate::scan::layers::{Found, ImageOf, Layers};
use crate::scan::{
    AskedLayer, EarlierFacts, LayerScan, LayerScanError, ScannedLayer, facts_key, to_keep,
};

/// Longer than a document takes that is written without anybody waiting.
const SOON: Duration = Duration::from_secs(30);

/// A scanner, and the layers that it can have.
struct Bench {
    scan: Arc<dyn LayerScan>,
    content: Arc<dyn Content>,
    layers: Vec<Bytes>,
}

/// Proves what is promised of the scanners that `over` makes, each for layers that it can have.
pub async fn prove(over: impl AsyncFn(Vec<Bytes>) -> Arc<dyn LayerScan>) {
    let new = async || {
        let broken = Bytes::from_static(b"this is no archive");
        let layers = vec![layer("one"), layer("other"), broken];
        Bench {
            scan: over(layers.clone()).await,
            content: Arc::new(MemoryContent::new(1 << 30)),
            layers,
        }
    };
    facts_are_those_of_the_layer_that_was_asked_for(new().await).await;
    what_an_earlier_scan_found_changes_nothing(new().await).await;
    what_is_no_archive_is_a_fatal_gap(new().await).await;
    a_layer_that_cannot_be_had_has_no_facts(new().await).await;
    a_layer_is_scanned_once_whoever_asks(new().await).await;
    what_was_cut_short_is_not_kept(new().await).await;
}

/// Makes a layer of one empty file.
pub fn layer(name: &str) -> Bytes {
    let mut header = [0; 512];
    let mut put = |at: usize, text: &[u8]| header[at..at + text.len()].copy_from_slice(text);
    put(0, name.as_bytes());
    put(100, b"0000644\0");
    put(124, b"00000000000\0");
    put(148, b"        0");
    put(257, b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    [&header[..], &[0; 1024]].concat().into()
}

fn app() -> Repository {
    "up.test/lib/app".parse().unwrap()
}

fn described(layer: &Bytes) -> Descriptor {
    Descriptor {
        media_type: "application/vnd.oci.image.layer.v1.tar".to_owned(),
        digest: Digest::of(layer),
        size: layer.len() as u64,
        platform: None,
        urls: Vec::new(),
        artifact_type: None,
        annotations: [].into(),
    }
}

fn facts(layer: &Bytes) -> LayerFacts {
    scan_layer(&layer[..], &Limits::default())
}

impl Bench {
    fn domain(&self) -> Domain {
        self.scan.domain(&app())
    }

    /// Gives a layer's bytes, if they are needed.
    async fn bytes(&self, layer: &Bytes) -> Option<BlobSource> {
        if !self.domain().is_here() {
            return None;
        }
        let stored = self.content.put(&Digest::of(layer), layer.clone()).await;
        Some(BlobSource::Stored(stored.unwrap()))
    }

    async fn ask(
        &self,
        layer: &Bytes,
        earlier: Option<EarlierFacts>,
    ) -> Result<ScannedLayer, LayerScanError> {
        let bytes = self.bytes(layer).await;
        let asked = AskedLayer {
            repository: &app(),
            domain: &self.domain(),
            layer: &described(layer),
            plugins: &ActivePlugins::built_in(),
            bytes: bytes.as_ref(),
            earlier,
        };
        self.scan.scan(asked).await
    }

    /// Keeps what the scanner says; whatever is kept of layers is there for all.
    fn layers_by(&self, scan: Arc<dyn LayerScan>) -> Layers {
        Layers::new(scan, Arc::clone(&self.content), Memory::default())
    }

    async fn found(&self, layers: &Layers, layer: &Bytes) -> Arc<LayerFacts> {
        let (bytes, described) = (self.bytes(layer).await, described(layer));
        let (repository, domain) = (&app(), &self.domain());
        let image = ImageOf {
            repository,
            domain,
            plugins: &ActivePlugins::built_in(),
        };
        let found = layers.of(image, &described, bytes.as_ref()).await;
        let found: Found = found.unwrap();
        let brought = layers.bring(image, [(&described.digest, &found)].into_iter());
        brought.await.unwrap().unwrap().remove(0)
    }

    async fn kept(&self, layer: &Bytes) -> Option<Vec<u8>> {
        let key = facts_key(&self.domain(), &Digest::of(layer));
        let kept = self.content.document(DocumentKind::Facts, &key);
        kept.await.unwrap()
    }
}

async fn facts_are_those_of_the_layer_that_was_asked_for(bench: Bench) {
    for layer in &bench.layers {
        let scanned = bench.ask(layer, None).await.unwrap();
        assert_eq!(*scanned.layer(), Digest::of(layer));
        assert_eq!(*scanned.facts(), facts(layer));
    }
}

async fn what_an_earlier_scan_found_changes_nothing(bench: Bench) {
    let layer = &bench.layers[0];
    let nobody = PluginSet::new(Vec::new());
    let blind = scan_layer_again(&layer[..], &Limits::default(), &nobody, None);
    let earlier = EarlierFacts {
        facts: Arc::new(blind),
        room: Memory::default().share(1).await,
    };
    let scanned = bench.ask(layer, Some(earlier)).await.unwrap();
    assert_eq!(*scanned.facts(), facts(layer));
}

async fn what_is_no_archive_is_a_fatal_gap(bench: Bench) {
    let broken = bench.ask(&bench.layers[2], None).await.unwrap();
    let facts = broken.facts();
    assert!(facts.gaps.iter().any(|gap| gap.fatal), "{facts:?}");
    assert!(!facts.was_interrupted(), "it is so every time");
}

async fn a_layer_that_cannot_be_had_has_no_facts(bench: Bench) {
    let nowhere = layer("nowhere");
    let bytes = bench.domain().is_here().then(|| {
        let len = nowhere.len() as u64;
        let writer = bench.content.begin(&Digest::of(&nowhere), Some(len));
        // Nobody writes it any longer.
        BlobSource::Growing(writer.unwrap().blob())
    });
    let (repository, domain) = (&app(), &bench.domain());
    let asked = AskedLayer {
        repository,
        domain,
        layer: &described(&nowhere),
        plugins: &ActivePlugins::built_in(),
        bytes: bytes.as_ref(),
        earlier: None,
    };
    match bench.scan.scan(asked).await {
        Ok(scanned) => assert!(scanned.facts().gaps.iter().any(|gap| gap.fatal)),
        Err(LayerScanError::Away) => assert!(bytes.is_none(), "it had to look only"),
        Err(LayerScanError::Bytes(_)) => assert!(bytes.is_some(), "it was given none"),
        Err(error) => panic!("{error}"),
    }
    let (layers, described) = (
        bench.layers_by(Arc::clone(&bench.scan)),
        described(&nowhere),
    );
    let image = ImageOf {
        repository,
        domain,
        plugins: &ActivePlugins::built_in(),
    };
    if let Ok(found) = layers.of(image, &described, bytes.as_ref()).await {
        let brought = layers.bring(image, [(&described.digest, &found)].into_iter());
        let facts = brought.await.unwrap().unwrap().remove(0);
        assert!(facts.gaps.iter().any(|gap| gap.fatal), "{facts:?}");
    }
    assert_eq!(bench.kept(&nowhere).await, None);
}

/// Counts what is asked, and cuts the first answers short.
#[derive(Debug)]
struct Counted {
    scan: Arc<dyn LayerScan>,
    asked: AtomicUsize,
    cut_short: usize,
}

impl Counted {
    fn over(bench: &Bench, cut_short: usize) -> Arc<Self> {
        Arc::new(Self {
            scan: Arc::clone(&bench.scan),
            asked: AtomicUsize::new(0),
            cut_short,
        })
    }

    fn asked(&self) -> usize {
        self.asked.load(Ordering::Relaxed)
    }
}

#[async_trait]
impl LayerScan for Counted {
    fn domain(&self, repository: &Repository) -> Domain {
        self.scan.domain(repository)
    }

    fn read_by(&self, domain: &Domain) -> Option<String> {
        self.scan.read_by(domain)
    }

    async fn scan(&self, asked: AskedLayer<'_>) -> Result<ScannedLayer, LayerScanError> {
        let before = self.asked.fetch_add(1, Ordering::Relaxed);
        let scanned = self.scan.scan(asked).await?;
        if before < self.cut_short {
            let facts = LayerFacts::stopped();
            return Ok(ScannedLayer::of(scanned.layer().clone(), facts));
        }
        Ok(scanned)
    }
}

async fn a_layer_is_scanned_once_whoever_asks(bench: Bench) {
    let (layer, scan) = (&bench.layers[0], Counted::over(&bench, 0));
    let layers = bench.layers_by(scan.clone());
    let found = join_all((0..8).map(|_| bench.found(&layers, layer))).await;
    assert!(found.iter().all(|found| **found == facts(layer)));
    assert_eq!(scan.asked(), 1);
    let kept = async {
        while bench.kept(layer).await.is_none() {
            tokio::task::yield_now().await;
        }
    };
    tokio::time::timeout(SOON, kept).await.expect("it is kept");
    assert_eq!(bench.kept(layer).await, to_keep(&facts(layer)));
    // Whoever comes later, and knows only what is kept.
    let later = bench.layers_by(scan.clone());
    assert_eq!(*bench.found(&later, layer).await, facts(layer));
    assert_eq!(scan.asked(), 1);
    assert_eq!(
        *bench.found(&later, &bench.layers[1]).await,
        facts(&bench.layers[1])
    );
    assert_eq!(scan.asked(), 2, "the other is another");
}

async fn what_was_cut_short_is_not_kept(bench: Bench) {
    let (layer, scan) = (&bench.layers[0], Counted::over(&bench, 2));
    let layers = bench.layers_by(scan.clone());
    for attempt in 1..=2 {
        let cut = bench.found(&layers, layer).await;
        assert!(cut.gaps.iter().any(|gap| gap.fatal), "{cut:?}");
        assert_eq!(scan.asked(), attempt);
        assert_eq!(bench.kept(layer).await, None);
    }
    assert_eq!(*bench.found(&layers, layer).await, facts(layer));
}
