//! What is in force when the clock jumps, and what is made anew under another fingerprint.

use std::sync::Mutex;

use jiff::SignedDuration;
use sluicegate_model::artifact::Content;
use sluicegate_scanner::Limits;

use super::*;
use crate::content::{Content as _, DocumentKind};
use crate::fingerprint::{fingerprint, verdict_fingerprint};
use crate::memory::Memory;
use crate::pull::download::Downloads;
use crate::scan::ScanHere;
use crate::testkit::{MemoryContent, MemoryLedger, MemoryOrigin, MemorySnapshots, NoTally};

/// A judge whose clock is set by hand.
struct Bench {
    judge: Judge,
    content: Arc<MemoryContent>,
    time: Arc<Mutex<Timestamp>>,
    repository: Repository,
    digest: Digest,
}

const DAY: SignedDuration = SignedDuration::from_hours(24);

fn today() -> Timestamp {
    "2026-11-28T00:00:00Z".parse().unwrap()
}

impl Bench {
    fn new() -> Self {
        let content = Arc::new(MemoryContent::new(1 << 30));
        let ledger: Arc<dyn Ledger> = Arc::new(MemoryLedger::default());
        let time = Arc::new(Mutex::new(today()));
        let told = Arc::clone(&time);
        let clock = Clock::from_fn(move || *told.lock().unwrap());
        let upstreams = Arc::new(MemoryOrigin::default());
        let downloads = Downloads::new(content.clone(), Arc::clone(&ledger), upstreams);
        let memory = Memory::default();
        let scan = Arc::new(ScanHere::new(Limits::default(), memory.clone()));
        let judge = Judge::new(
            Jobs::new(content.clone(), scan, memory, downloads, clock.clone()),
            Arc::<MemorySnapshots>::default(),
            ledger,
            clock,
            Arc::new(NoTally),
        );
        Self {
            judge,
            content,
            time,
            repository: "up.test/app".parse().unwrap(),
            digest: Digest::of(b"image"),
        }
    }

    fn set(&self, time: Timestamp) {
        *self.time.lock().unwrap() = time;
    }

    fn now(&self) -> Timestamp {
        *self.time.lock().unwrap()
    }

    /// Scans and judges the image now.
    async fn pull(&self) -> Arc<Verdict> {
        self.scan().await;
        let held = self.judge.scanned(&self.digest).await.unwrap();
        let judged = self.judge.judge(&self.repository, &self.digest, &[], held);
        judged.await.unwrap()
    }

    async fn scan(&self) {
        let scanned = Scanned {
            content: Content::Image,
            inventory: sluicegate_model::samples::inventory(),
            scanned_at: self.now(),
            scan_ms: 1,
        };
        self.keep(&scanned, fingerprint()).await;
    }

    async fn keep(&self, scanned: &Scanned, fingerprint: &str) {
        let key = format!("{}-{fingerprint}", self.digest.hex());
        let body = serde_json::to_vec(scanned).unwrap();
        let kept = self
            .content
            .put_document(DocumentKind::Inventory, &key, body);
        kept.await.unwrap();
    }

    async fn current(&self) -> Option<Arc<Verdict>> {
        let current = self.judge.current(&self.repository, &self.digest);
        current.await.unwrap()
    }
}

#[tokio::test]
async fn a_verdict_from_the_future_is_not_in_force_and_is_made_anew() {
    for ahead in [SignedDuration::from_mins(6), DAY, 3_650 * DAY] {
        let bench = Bench::new();
        bench.set(today() + ahead);
        let made = bench.pull().await;
        assert_eq!(made.provenance.decided_at, today() + ahead);
        assert!(!bench.judge.is_due());
        bench.set(today());
        assert!(bench.judge.warm(&bench.repository, &bench.digest).is_none());
        assert!(!bench.judge.basis().is_of(&made), "stored ones as well");
        assert!(bench.judge.is_due(), "the background pass looks at once");
        let anew = bench.current().await.unwrap();
        assert_eq!(anew.provenance.decided_at, today());
        assert_eq!(anew.provenance.scanned_at, today());
        assert!(
            bench.judge.basis().is_of(&anew),
            "made once, not at every pull"
        );
        assert!(bench.judge.warm(&bench.repository, &bench.digest).is_some());
    }
}

#[tokio::test]
async fn clocks_that_differ_by_little_make_nothing_anew() {
    let bench = Bench::new();
    bench.set(today() + SignedDuration::from_mins(4));
    let made = bench.pull().await;
    bench.set(today());
    let current = bench.current().await.unwrap();
    assert_eq!(current.provenance.decided_at, made.provenance.decided_at);
    assert!(!bench.judge.is_due());
}

#[tokio::test]
async fn a_verdict_from_the_past_stays_in_force() {
    let bench = Bench::new();
    let made = bench.pull().await;
    bench.set(today() + DAY);
    let current = bench.current().await.unwrap();
    assert_eq!(current.provenance.decided_at, made.provenance.decided_at);
}

#[tokio::test]
async fn what_was_kept_under_another_fingerprint_is_not_judged_from() {
    let bench = Bench::new();
    let made = bench.pull().await;
    let name = scanner_name();
    assert!(name.ends_with(verdict_fingerprint()), "{name}");
    let mut older = Verdict::clone(&made);
    older.provenance.scanner = name.replace(verdict_fingerprint(), &"0".repeat(32));
    assert!(
        !bench.judge.basis().is_of(&older),
        "its verdict is not current"
    );

    let other = Bench::new();
    let scanned = Scanned {
        content: Content::Image,
        inventory: sluicegate_model::samples::inventory(),
        scanned_at: today(),
        scan_ms: 1,
    };
    other.keep(&scanned, &"0".repeat(32)).await;
    assert!(other.judge.scanned(&other.digest).await.is_none());
    assert!(other.current().await.is_none(), "its bytes are read again");
}

#[tokio::test]
async fn a_verdict_that_is_made_for_a_tag_lists_it_at_once() {
    let bench = Bench::new();
    bench.scan().await;
    let tag: Tag = "1".parse().unwrap();
    let current = bench
        .judge
        .current_under(&bench.repository, &bench.digest, Some(&tag));
    let verdict = current.await.unwrap().unwrap();
    assert_eq!(verdict.tags, [tag]);
}
