//! A gate over an upstream of this process, and what it wrote.

use std::net::{IpAddr, Ipv4Addr};
use std::time::Duration;

use jiff::Timestamp;
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Reference, media_type};
use sluicegate_scanner::Limits;
use tokio::sync::watch;

use super::super::*;
use super::images::Image;
use crate::content::Content;
use crate::engine::{Engine, Ports, Ways};
use crate::identity::Who;
use crate::instance_key::InstanceKey;
use crate::memory::Memory;
use crate::pull::patience::Patience;
use crate::rejudge::Rejudge;
use crate::scan::{LayerScan, ScanHere};
use crate::testkit::{
    self, MemoryAudit, MemoryContent, MemoryLedger, MemoryOrigin, MemorySnapshots, NoTally,
};

/// Longer than any answer takes that comes.
const PATIENT: Duration = Duration::from_mins(1);
/// Shorter than an upstream that does not answer.
const IMPATIENT: Duration = Duration::from_millis(50);

pub(super) struct Stage {
    pub(super) gate: Gate,
    pub(super) rejudge: Rejudge,
    pub(super) ledger: Arc<MemoryLedger>,
    pub(super) upstream: MemoryOrigin,
    pub(super) audit: Arc<MemoryAudit>,
    pub(super) snapshots: Arc<MemorySnapshots>,
    pub(super) content: Arc<dyn Content>,
    _stop: watch::Sender<bool>,
    draining: watch::Receiver<bool>,
}

impl Stage {
    pub(super) fn new(mode: GateMode) -> Self {
        let here = ScanHere::new(Limits::default(), Memory::default());
        Self::scanned_by(Arc::new(here), mode)
    }

    /// Makes one whose layers somebody scans.
    pub(super) fn scanned_by(layer_scan: Arc<dyn LayerScan>, mode: GateMode) -> Self {
        let upstream = MemoryOrigin::default();
        let audit = Arc::<MemoryAudit>::default();
        let snapshots = Arc::<MemorySnapshots>::default();
        let content: Arc<dyn Content> = Arc::new(MemoryContent::new(1 << 30));
        let ledger = Arc::<MemoryLedger>::default();
        let ports = Ports {
            content: Arc::clone(&content),
            ledger: Arc::clone(&ledger) as Arc<dyn Ledger>,
            origins: Arc::new(upstream.clone()),
            layer_scan,
            audit: audit.clone(),
            snapshots: snapshots.clone(),
            tally: Arc::new(NoTally),
            clock: Clock::from_fn(Timestamp::now),
            key: InstanceKey::of(&[7; 32]),
        };
        let engine = Engine::new(ports, ways(mode));
        let (stop, draining) = watch::channel(false);
        Self {
            gate: engine.gate,
            rejudge: engine.rejudge,
            ledger,
            upstream,
            audit,
            snapshots,
            content,
            _stop: stop,
            draining,
        }
    }

    /// Makes one whose upstream has an image in `app`, under the tag `1`.
    pub(super) fn with(mode: GateMode, image: &Image) -> Self {
        let stage = Self::new(mode);
        stage.push("app", "1", image);
        stage
    }

    /// Puts an image into a repository of the upstream, under its digest and a tag.
    pub(super) fn push(&self, path: &str, tag: &str, image: &Image) {
        self.push_manifest(path, tag, media_type::OCI_MANIFEST, &image.manifest);
        for blob in image.blobs() {
            self.upstream.push_blob(path, &blob.bytes);
        }
    }

    /// Puts a manifest or an index there.
    pub(super) fn push_manifest(&self, path: &str, tag: &str, kind: &str, bytes: &[u8]) {
        self.upstream.push_manifest(path, tag, kind, bytes);
    }

    /// Lets the upstream wait with a blob.
    pub(super) fn withhold(&self, digest: &Digest) {
        self.upstream.withhold(digest.as_str());
    }

    /// Lets it give out everything.
    pub(super) fn release(&self) {
        self.upstream.release();
    }

    fn asked(path: &str, head: bool, patience: Patience) -> Asked {
        Asked {
            repository: repository(path),
            head,
            who: Who {
                client: IpAddr::V4(Ipv4Addr::LOCALHOST),
                user_agent: Some("table/1".to_owned()),
                principal: None,
            },
            hides_reasons: false,
            patience,
        }
    }

    /// Asks as somebody who waits for every answer.
    pub(super) fn get(&self, path: &str) -> Asked {
        let patience = Patience::begin(PATIENT, false, self.draining.clone());
        Self::asked(path, false, patience)
    }

    pub(super) fn head(&self, path: &str) -> Asked {
        Asked {
            head: true,
            ..self.get(path)
        }
    }

    /// Asks as somebody who hardly waits, and comes back or not.
    pub(super) fn impatient(&self, path: &str, head: bool, comes_back: bool) -> Asked {
        let patience = Patience::begin(IMPATIENT, comes_back, self.draining.clone());
        Self::asked(path, head, patience)
    }

    /// Asks for a manifest; gives the answer in a word or two.
    pub(super) async fn manifest(&self, asked: &Asked, reference: &str) -> String {
        let reference: Reference = reference.parse().unwrap();
        match self.gate.serve_manifest(asked, &reference).await {
            Ok(ManifestAnswer::Serve(served, _)) => match &served.get().verdict {
                Some(verdict) => format!("serve {}", verdict.decision),
                None => "serve".to_owned(),
            },
            Ok(ManifestAnswer::Announce(_)) => "announce".to_owned(),
            Ok(ManifestAnswer::Drip(..)) => "drip".to_owned(),
            Ok(ManifestAnswer::Refuse(_)) => "refuse".to_owned(),
            Ok(ManifestAnswer::NotYet(ended)) => format!("{ended:?}"),
            Err(error) => told(&error),
        }
    }

    /// Asks for all of a blob; gives the answer in a word or two.
    pub(super) async fn blob(&self, asked: &Asked, digest: &Digest) -> String {
        let whole = |size| (!asked.head).then_some(0..size);
        match self.gate.serve_blob(asked, digest, whole).await {
            Ok(BlobAnswer::Serve(_, None)) => "headers".to_owned(),
            Ok(BlobAnswer::Serve(blob, Some(cleared))) => {
                match testkit::content::collect(cleared.into_inner()).await {
                    Ok(bytes) if Digest::of(&bytes) == blob.digest => "whole".to_owned(),
                    Ok(_) => "other bytes".to_owned(),
                    Err(_) => "cut".to_owned(),
                }
            }
            Ok(BlobAnswer::Refuse(_)) => "refuse".to_owned(),
            Ok(BlobAnswer::NotYet(ended)) => format!("{ended:?}"),
            Err(error) => told(&error),
        }
    }

    /// Gives the lines of the log of pulls, each in a few words.
    pub(super) fn log(&self) -> Vec<String> {
        let told = self.audit.pulls().into_iter().map(|pull| {
            let decision = pull.decision();
            let given = if decision == Decision::Refuse {
                "kept"
            } else {
                "given"
            };
            format!("{decision} {given}")
        });
        told.collect()
    }

    /// Tells whether a manifest has left.
    pub(super) async fn has_left(&self, path: &str, digest: &Digest) -> bool {
        let ledger = &self.gate.parts.ledger;
        ledger.is_released(&repository(path), digest).await.unwrap()
    }
}

fn told(error: &PullError) -> String {
    let words = format!("{error:?}");
    words
        .split(['(', ' ', '{'])
        .next()
        .unwrap_or_default()
        .to_owned()
}

pub(super) fn repository(path: &str) -> Repository {
    format!("up.test/{path}").parse().unwrap()
}

fn ways(mode: GateMode) -> Ways {
    Ways {
        mode,
        platforms: Arc::new(["linux/amd64".parse().unwrap()]),
        tag_ttl: Duration::from_mins(1),
        memory: Memory::default(),
        give_way: || (),
    }
}
