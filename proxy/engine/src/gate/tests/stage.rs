//! A gate over an upstream of this process, and what it wrote.

use std::net::{IpAddr, Ipv4Addr};
use std::ops::Range;
use std::time::Duration;

use futures_util::StreamExt as _;
use jiff::Timestamp;
use sluicegate_model::access::Rights;
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Reference, media_type};
use sluicegate_scanner::Limits;
use tokio::sync::watch;
use tokio::time::Instant;

use super::super::*;
use super::images::Image;
use crate::attest::Attests;
use crate::break_glass::BreakGlass;
use crate::content::{BlobBody, Content};
use crate::engine::{Engine, Ports, Ways};
use crate::identity::Who;
use crate::instance_key::InstanceKey;
use crate::ledger::{Membership as _, Release};
use crate::memory::Memory;
use crate::plugins::Plugins;
use crate::pull::patience::Patience;
use crate::rejudge::Rejudge;
use crate::reports::Reports;
use crate::reread::Reread;
use crate::scan::{LayerScan, ScanHere};
use crate::snapshots::Snapshots;
use crate::testkit::{
    MemoryAudit, MemoryContent, MemoryLedger, MemoryOrigin, MemorySnapshots, NoTally, PlainWrites,
    Turns,
};

/// Longer than any answer takes that comes.
const PATIENT: Duration = Duration::from_mins(1);
/// How long an upstream's word on a tag is believed, where that is not looked at.
pub(super) const TAG_TTL: Duration = Duration::from_mins(1);
/// Room for all blobs of a test.
const CAPACITY_BYTES: u64 = 1 << 30;
/// How long a body gives nothing that is held. The clock of a test stands still, so that it passes
/// once nothing else can happen.
const SILENCE: Duration = Duration::from_secs(10);
/// Shorter than an upstream that does not answer.
const IMPATIENT: Duration = Duration::from_millis(50);

pub(super) struct Stage {
    pub(super) gate: Gate,
    pub(super) rejudge: Rejudge,
    pub(super) plugins: Plugins,
    pub(super) reread: Reread,
    pub(super) reports: Reports,
    pub(super) break_glass: BreakGlass,
    pub(super) upstream: MemoryOrigin,
    pub(super) ledger: Arc<MemoryLedger>,
    pub(super) audit: Arc<MemoryAudit>,
    pub(super) snapshots: Arc<MemorySnapshots>,
    pub(super) content: MemoryContent,
    stop: watch::Sender<bool>,
}

/// What a stage is made of, and what outlives it.
#[derive(Clone)]
struct Adapters {
    upstream: MemoryOrigin,
    ledger: Arc<MemoryLedger>,
    layer_scan: Arc<dyn LayerScan>,
    audit: Arc<MemoryAudit>,
    snapshots: Arc<MemorySnapshots>,
    content: MemoryContent,
    attests: Attests,
}

impl Default for Adapters {
    fn default() -> Self {
        Self {
            upstream: MemoryOrigin::default(),
            ledger: Arc::default(),
            layer_scan: Arc::new(ScanHere::new(Limits::default(), Memory::default())),
            audit: Arc::default(),
            snapshots: Arc::default(),
            content: MemoryContent::new(CAPACITY_BYTES),
            attests: PlainWrites::silent(),
        }
    }
}

impl Stage {
    pub(super) fn new(mode: GateMode) -> Self {
        Self::of(mode, TAG_TTL, Adapters::default())
    }

    /// Makes one whose layers somebody scans.
    pub(super) fn scanned_by(layer_scan: Arc<dyn LayerScan>, mode: GateMode) -> Self {
        let adapters = Adapters {
            layer_scan,
            ..Adapters::default()
        };
        Self::of(mode, TAG_TTL, adapters)
    }

    /// Makes one whose every call at an adapter takes a turn, and whose tags are asked for each
    /// time.
    pub(super) fn in_turns(mode: GateMode, turns: &Arc<dyn Turns>) -> Self {
        let turns = || Arc::clone(turns);
        let content = MemoryContent::new(CAPACITY_BYTES).in_turns(turns());
        let adapters = Adapters {
            upstream: MemoryOrigin::in_turns(turns()),
            ledger: Arc::new(MemoryLedger::in_turns(turns())),
            audit: Arc::new(MemoryAudit::in_turns(turns())),
            content,
            ..Adapters::default()
        };
        Self::of(mode, Duration::ZERO, adapters)
    }

    /// Makes one that knows what this one has written, and has its content no more.
    pub(super) fn started_again_without_content(&self) -> Self {
        let adapters = Adapters {
            upstream: self.upstream.clone(),
            ledger: Arc::clone(&self.ledger),
            audit: Arc::clone(&self.audit),
            snapshots: Arc::clone(&self.snapshots),
            ..Adapters::default()
        };
        Self::of(self.gate.parts.mode, TAG_TTL, adapters)
    }

    fn of(mode: GateMode, tag_ttl: Duration, adapters: Adapters) -> Self {
        let Adapters {
            upstream,
            ledger,
            layer_scan,
            audit,
            snapshots,
            content,
            attests,
        } = adapters;
        let ports = Ports {
            content: Arc::new(content.clone()),
            ledger: Arc::clone(&ledger) as Arc<dyn Ledger>,
            origins: Arc::new(upstream.clone()),
            layer_scan,
            audit: Arc::clone(&audit) as Arc<dyn Audit>,
            snapshots: Arc::clone(&snapshots) as Arc<dyn Snapshots>,
            tally: Arc::new(NoTally),
            clock: clock(),
            key: InstanceKey::of(&[7; 32]),
            attests,
        };
        let ways = ways(mode, tag_ttl);
        let plugins = ways.plugins.clone();
        let engine = Engine::new(ports, ways);
        Self {
            plugins,
            reread: engine.reread,
            gate: engine.gate,
            rejudge: engine.rejudge,
            reports: engine.reports,
            break_glass: engine.break_glass,
            upstream,
            ledger,
            audit,
            snapshots,
            content,
            stop: watch::Sender::new(false),
        }
    }

    /// Makes one that attaches what it says to images, whose upstream has one in `app`, under the tag `1`.
    pub(super) fn attesting(image: &Image) -> (Self, Attests) {
        let attests = PlainWrites::attests();
        (Self::attesting_by(&attests, image), attests)
    }

    /// Makes one that attaches what somebody else says.
    pub(super) fn attesting_by(attests: &Attests, image: &Image) -> Self {
        let adapters = Adapters {
            attests: attests.clone(),
            ..Adapters::default()
        };
        let stage = Self::of(GateMode::Hold, TAG_TTL, adapters);
        stage.push("app", "1", image);
        stage
    }

    /// Makes one that knows all that this one has written, and signs with the same key.
    pub(super) fn started_again(&self, attests: &Attests) -> Self {
        let adapters = Adapters {
            upstream: self.upstream.clone(),
            ledger: Arc::clone(&self.ledger),
            audit: Arc::clone(&self.audit),
            snapshots: Arc::clone(&self.snapshots),
            content: self.content.clone(),
            attests: attests.clone(),
            ..Adapters::default()
        };
        Self::of(self.gate.parts.mode, TAG_TTL, adapters)
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
                rights: Rights::everywhere(&[]),
            },
            hides_reasons: false,
            patience,
        }
    }

    /// Asks as somebody who waits for every answer.
    pub(super) fn get(&self, path: &str) -> Asked {
        let patience = Patience::begin(PATIENT, false, self.stop.subscribe());
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
        let patience = Patience::begin(IMPATIENT, comes_back, self.stop.subscribe());
        Self::asked(path, head, patience)
    }

    /// Begins to stop, as the program does when it is told to.
    pub(super) fn drain(&self) {
        self.stop.send_replace(true);
    }

    /// Tells where and for whom is judged who asks without a key.
    pub(super) fn scope(&self, path: &str) -> Scope {
        let asked = self.get(path);
        self.gate.scope(&asked, None)
    }

    /// Evicts content.
    pub(super) fn forget(&self, digest: &Digest) {
        Content::remove(&self.content, digest);
    }

    /// Has an image judged, so that its verdict is known from then on.
    pub(super) async fn judge(&self, path: &str, reference: &str) {
        let (asked, reference) = (self.get(path), reference.parse().unwrap());
        let (repository, who) = (&asked.repository, &asked.who);
        let judged = self.gate.judge_ahead(repository, who, &reference);
        judged.await.unwrap();
    }

    /// Records that a manifest has left at some time.
    pub(super) async fn mark_left(&self, path: &str, digest: &Digest) {
        let repository = repository(path);
        let marked = self
            .ledger
            .mark_released(&repository, digest, Release::Given);
        marked.await.unwrap();
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
            Ok(ManifestAnswer::RefuseName(_)) => "refuse name".to_owned(),
            Ok(ManifestAnswer::NotYet(ended)) => format!("{ended:?}"),
            Err(error) => told(&error),
        }
    }

    /// Asks for all of a blob; gives the answer in a word or two.
    pub(super) async fn blob(&self, asked: &Asked, digest: &Digest) -> String {
        let (answer, bytes) = self.part(asked, digest, |size| 0..size).await;
        match answer.as_str() {
            "ends" if Digest::of(&bytes) == *digest => "whole".to_owned(),
            "ends" => "other bytes".to_owned(),
            _ => answer,
        }
    }

    /// Asks for a part of a blob, and reads until nothing more comes; gives how that ended in a word
    /// or two, and what came.
    pub(super) async fn part(
        &self,
        asked: &Asked,
        digest: &Digest,
        wanted: impl Fn(u64) -> Range<u64> + Sync,
    ) -> (String, Vec<u8>) {
        let range = |size| (!asked.head).then(|| wanted(size));
        let word = match self.gate.serve_blob(asked, digest, range).await {
            Ok(BlobAnswer::Serve(_, Some(cleared))) => return read(cleared.into_inner()).await,
            Ok(BlobAnswer::Serve(_, None)) => "headers".to_owned(),
            Ok(BlobAnswer::Refuse(_)) => "refuse".to_owned(),
            Ok(BlobAnswer::NotYet(ended)) => format!("{ended:?}"),
            Err(error) => told(&error),
        };
        (word, Vec::new())
    }

    /// Asks for the referrers of a manifest; gives the answer in a word or two.
    pub(super) async fn referrers(&self, asked: &Asked, manifest: &Digest) -> String {
        match self.gate.serve_referrers(asked, manifest, None).await {
            Ok(ReferrersAnswer::List(list)) => {
                let list = list.get();
                format!(
                    "{} listed, {} unjudged",
                    list.referrers.len(),
                    list.unjudged
                )
            }
            Ok(ReferrersAnswer::Refuse(_)) => "refuse".to_owned(),
            Ok(ReferrersAnswer::RefuseName(_)) => "refuse name".to_owned(),
            Ok(ReferrersAnswer::NotYet(ended)) => format!("{ended:?}"),
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
        let repository = repository(path);
        let is_released = self.ledger.is_released(&repository, digest);
        is_released.await.unwrap()
    }
}

/// Reads a body until it ends, is cut, or gives nothing more for a while.
async fn read(mut body: BlobBody) -> (String, Vec<u8>) {
    let mut bytes = Vec::new();
    let word = loop {
        match tokio::time::timeout(SILENCE, body.next()).await {
            Ok(Some(Ok(piece))) => bytes.extend_from_slice(&piece),
            Ok(Some(Err(_))) => break "cut",
            Ok(None) => break "ends",
            Err(_) => break "held",
        }
    };
    (word.to_owned(), bytes)
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

/// The time of day, which stands still where the clock of the test does.
fn clock() -> Clock {
    let (began, started) = (Timestamp::now(), Instant::now());
    Clock::from_fn(move || began + started.elapsed())
}

fn ways(mode: GateMode, tag_ttl: Duration) -> Ways {
    Ways {
        plugins: Plugins::default(),
        mode,
        platforms: Arc::new(["linux/amd64".parse().unwrap()]),
        tag_ttl,
        break_glass_max: Duration::from_hours(24),
        memory: Memory::default(),
        give_way: || (),
    }
}
