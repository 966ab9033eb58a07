//! A service in memory whose feeds, policies and clock are set by hand.

use std::sync::{Arc, Mutex};
use std::time::Duration;

use jiff::Timestamp;
use sluicegate_model::artifact::Content as Kind;
use sluicegate_model::clock::Clock;
use sluicegate_model::coverage::Coverage;
use sluicegate_model::finding::Finding;
use sluicegate_model::gate::GateMode;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::verdict::{Decision, Reason, RuleId, Verdict};
use sluicegate_model::{Digest, Scope};
use sluicegate_scanner::Limits;

use crate::content::{Content as _, DocumentKind};
use crate::engine::{Engine, Ports, Ways};
use crate::instance_key::InstanceKey;
use crate::ledger::Verdicts as _;
use crate::memory::Memory;
use crate::plugins::{ActivePlugins, Plugins};
use crate::pull::judge::Judge;
use crate::pull::verdict::{Image, verdict};
use crate::rejudge::Rejudge;
use crate::rejudge::reach::Seen;
use crate::scan::{ScanHere, Scanned};
use crate::snapshots::Snapshots as _;
use crate::testkit::{
    MemoryAudit, MemoryContent, MemoryLedger, MemoryOrigin, MemorySnapshots, NoTally, PlainWrites,
};

pub(super) struct World {
    pub(super) judge: Judge,
    pub(super) rejudge: Rejudge,
    pub(super) ledger: Arc<MemoryLedger>,
    pub(super) snapshots: Arc<MemorySnapshots>,
    content: MemoryContent,
    time: Arc<Mutex<Timestamp>>,
    /// What is remembered from pass to pass.
    seen: Option<Seen>,
    pub(super) images: Vec<(Scope, Digest, Scanned)>,
}

/// What a verdict tells whoever asks, without the probabilities that it names, and for how many days
/// something has been too old.
#[derive(Debug, PartialEq)]
pub(super) struct Answer {
    decision: Decision,
    reasons: Vec<Reason>,
    warnings: Vec<String>,
    coverage: Coverage,
    findings: Vec<Finding>,
}

impl Answer {
    pub(super) fn of(verdict: &Verdict) -> Self {
        let mut findings = verdict.findings.clone();
        for finding in &mut findings {
            finding.epss = None;
        }
        let mut reasons = verdict.reasons.clone();
        let stale = reasons
            .iter_mut()
            .filter(|it| it.rule == RuleId::STALE_FEEDS);
        stale.for_each(|reason| reason.message.clear());
        Self {
            decision: verdict.decision,
            reasons,
            warnings: verdict.warnings.clone(),
            coverage: verdict.coverage.clone(),
            findings,
        }
    }
}

impl World {
    pub(super) fn at(now: Timestamp) -> Self {
        let time = Arc::new(Mutex::new(now));
        Self::over(
            time,
            Arc::default(),
            Arc::default(),
            MemoryContent::new(1 << 30),
        )
    }

    fn over(
        time: Arc<Mutex<Timestamp>>,
        ledger: Arc<MemoryLedger>,
        snapshots: Arc<MemorySnapshots>,
        content: MemoryContent,
    ) -> Self {
        let told = Arc::clone(&time);
        let ports = Ports {
            content: Arc::new(content.clone()),
            ledger: Arc::clone(&ledger) as _,
            origins: Arc::new(MemoryOrigin::default()),
            layer_scan: Arc::new(ScanHere::new(Limits::default(), Memory::default())),
            audit: Arc::<MemoryAudit>::default(),
            snapshots: Arc::clone(&snapshots) as _,
            tally: Arc::new(NoTally),
            clock: Clock::from_fn(move || *told.lock().unwrap()),
            key: InstanceKey::of(&[7; 32]),
            attests: PlainWrites::silent(),
        };
        let ways = Ways {
            plugins: Plugins::default(),
            mode: GateMode::Hold,
            platforms: Vec::new().into(),
            tag_ttl: Duration::ZERO,
            break_glass_max: Duration::from_hours(24),
            memory: Memory::default(),
            give_way: || {},
        };
        let engine = Engine::new(ports, ways);
        Self {
            judge: engine.judge,
            rejudge: engine.rejudge,
            ledger,
            snapshots,
            content,
            time,
            seen: None,
            images: Vec::new(),
        }
    }

    /// Ends it and starts another over what is kept.
    pub(super) fn restarted(self) -> Self {
        let Self {
            ledger,
            snapshots,
            content,
            time,
            images,
            ..
        } = self;
        Self {
            images,
            ..Self::over(time, ledger, snapshots, content)
        }
    }

    pub(super) fn now(&self) -> Timestamp {
        *self.time.lock().unwrap()
    }

    pub(super) fn set(&self, now: Timestamp) {
        *self.time.lock().unwrap() = now;
    }

    /// Has an image scanned and judged.
    pub(super) async fn pull(&mut self, repository: &str, inventory: Inventory) {
        let scanned = Scanned {
            content: Kind::Image,
            inventory,
            scanned_at: self.now(),
            scan_ms: 1,
            read_by: None,
        };
        let body = serde_json::to_vec(&scanned).unwrap();
        let digest = Digest::of(self.images.len().to_string().as_bytes());
        let key = format!(
            "{}-{}",
            digest.hex(),
            ActivePlugins::built_in().fingerprint()
        );
        let kept = self
            .content
            .put_document(DocumentKind::Inventory, &key, body);
        kept.await.unwrap();
        let scope = Scope::for_all(repository.parse().unwrap());
        self.images.push((scope, digest, scanned));
        self.ask(self.images.len() - 1).await;
    }

    /// Gives what is current of an image, as a request finds it.
    pub(super) async fn ask(&self, image: usize) -> Arc<Verdict> {
        let (scope, digest, _) = &self.images[image];
        let current = self.judge.current(scope, digest).await;
        current.unwrap().unwrap()
    }

    /// Gives what is stored of it, made anew or not.
    pub(super) async fn stored(&self, image: usize) -> Verdict {
        let (scope, digest, _) = &self.images[image];
        self.ledger.verdict(scope, digest).await.unwrap().unwrap()
    }

    /// Judges it now, as if nothing were known of it.
    pub(super) fn judged_anew(&self, image: usize) -> Verdict {
        let (scope, digest, scanned) = &self.images[image];
        let in_force = self.snapshots.in_force();
        let image = Image {
            scope: scope.clone(),
            digest: digest.clone(),
            tags: Vec::new(),
            first_seen: Some(scanned.scanned_at),
            graces: Vec::new(),
            signatures: None,
        };
        verdict(
            image,
            scanned,
            (
                &in_force.policies,
                &in_force.advisories,
                ActivePlugins::built_in().scanner(),
            ),
            self.now(),
        )
    }

    /// Has the background do what it does after a change.
    pub(super) async fn bring_up(&mut self) {
        let has_ends = self.judge.is_due();
        let done = self.rejudge.bring_up(&mut self.seen, has_ends).await;
        done.unwrap();
    }

    /// Counts the verdicts that were ever written.
    pub(super) fn written(&self) -> usize {
        self.ledger.written().len()
    }
}
