//! What is in force when the clock jumps, and what is made anew under another fingerprint.

use std::sync::Mutex;

use jiff::SignedDuration;
use sluicegate_model::artifact::Content;
use sluicegate_model::verdict::Decision;
use sluicegate_scanner::Limits;

use super::*;
use crate::content::{Content as _, DocumentKind};
use crate::ledger::Replacement;
use crate::memory::Memory;
use crate::origin::Origins;
use crate::plugins::{ActivePlugins, Plugins};
use crate::pull::download::Downloads;
use crate::pull::manifests::Manifests;
use crate::pull::waived::Waived;
use crate::scan::ScanHere;
use crate::testkit::{MemoryContent, MemoryLedger, MemoryOrigin, MemorySnapshots, NoTally};

/// A judge whose clock is set by hand.
struct Bench {
    judge: Judge,
    content: Arc<MemoryContent>,
    ledger: Arc<dyn Ledger>,
    time: Arc<Mutex<Timestamp>>,
    scope: Scope,
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
        let origins = || Arc::clone(&upstreams) as Arc<dyn Origins>;
        let downloads = Downloads::new(content.clone(), Arc::clone(&ledger), origins());
        let manifests = Manifests::new(content.clone(), Arc::clone(&ledger), origins());
        let ttl = Duration::from_mins(1);
        let records = Arc::clone(&ledger);
        let signed = Signed::new(ttl, records, manifests, origins(), clock.clone());
        let memory = Memory::default();
        let scan = Arc::new(ScanHere::new(Limits::default(), memory.clone()));
        let inventories =
            Inventories::new(content.clone(), memory, Plugins::default(), clock.clone());
        let (keeping, told) = (inventories.clone(), clock.clone());
        let jobs = Jobs::new(content.clone(), scan, keeping, downloads, told);
        let judge = Judge::new(
            (jobs, inventories),
            signed,
            Arc::<MemorySnapshots>::default(),
            Arc::clone(&ledger),
            clock,
            Arc::new(NoTally),
            Waived::default(),
        );
        Self {
            judge,
            content,
            ledger,
            time,
            scope: Scope::for_all("up.test/app".parse().unwrap()),
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
        let held = self
            .judge
            .scanned(&self.scope.sighting(&self.digest))
            .await
            .unwrap();
        let judged = self.judge.judge(&self.scope, &self.digest, &[], held);
        judged.await.unwrap()
    }

    async fn scan(&self) {
        let scanned = Scanned {
            content: Content::Image,
            inventory: sluicegate_model::samples::inventory(),
            scanned_at: self.now(),
            scan_ms: 1,
            read_by: None,
        };
        self.keep(&scanned, ActivePlugins::built_in().fingerprint())
            .await;
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
        let current = self.judge.current(&self.scope, &self.digest);
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
        assert!(bench.judge.warm(&bench.scope, &bench.digest).is_none());
        assert!(!bench.judge.judging().made(&made), "stored ones as well");
        assert!(bench.judge.is_due(), "the background pass looks at once");
        let anew = bench.current().await.unwrap();
        assert_eq!(anew.provenance.decided_at, today());
        assert_eq!(anew.provenance.scanned_at, today());
        assert!(
            bench.judge.judging().made(&anew),
            "made once, not at every pull"
        );
        assert!(bench.judge.warm(&bench.scope, &bench.digest).is_some());
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
    let plugins = ActivePlugins::built_in();
    let name = plugins.scanner();
    assert!(name.ends_with(plugins.verdict_fingerprint()), "{name}");
    let mut older = Verdict::clone(&made);
    older.provenance.scanner = name.replace(plugins.verdict_fingerprint(), &"0".repeat(32));
    assert!(
        !bench.judge.judging().made(&older),
        "its verdict is not current"
    );

    let other = Bench::new();
    let scanned = Scanned {
        content: Content::Image,
        inventory: sluicegate_model::samples::inventory(),
        scanned_at: today(),
        scan_ms: 1,
        read_by: None,
    };
    other.keep(&scanned, &"0".repeat(32)).await;
    assert!(
        other
            .judge
            .scanned(&other.scope.sighting(&other.digest))
            .await
            .is_none()
    );
    assert!(other.current().await.is_none(), "its bytes are read again");
}

#[tokio::test]
async fn a_verdict_that_is_made_for_a_tag_lists_it_at_once() {
    let bench = Bench::new();
    bench.scan().await;
    let tag: Tag = "1".parse().unwrap();
    let current = bench
        .judge
        .current_under(&bench.scope, &bench.digest, Some(&tag));
    let verdict = current.await.unwrap().unwrap();
    assert_eq!(verdict.tags, [tag]);
}

/// Replaces the verdict by one of another process, which has newer policies.
async fn judged_elsewhere(bench: &Bench, valid_until: Option<Timestamp>) -> Verdict {
    let (ledger, scope) = (&bench.ledger, &bench.scope);
    let known = ledger.known_verdict(scope, &bench.digest).await.unwrap();
    let mut verdict = known.verdict().unwrap();
    verdict.policy.digest = Digest::of(b"newer policies");
    verdict.decision = Decision::Refuse;
    verdict.valid_until = valid_until;
    let basis = Basis {
        policies: verdict.policy.digest.clone(),
        feeds: verdict.provenance.feeds.clone(),
        fingerprint: ActivePlugins::built_in().verdict_fingerprint().to_owned(),
    };
    let number = ledger
        .number_basis(&basis, Timestamp::UNIX_EPOCH)
        .await
        .unwrap();
    let new = Replacement::new(&mut verdict, &known).unwrap();
    let written = ledger.replace_verdicts(vec![new.resting_on(number)]);
    assert_eq!(written.await.unwrap(), [true]);
    verdict
}

#[tokio::test]
async fn a_verdict_on_what_has_not_come_here_yet_is_used_and_not_replaced() {
    let bench = Bench::new();
    let made = bench.pull().await;
    assert_eq!(made.decision, bench.current().await.unwrap().decision);
    let newer = judged_elsewhere(&bench, None).await;
    bench.judge.warm.invalidate_all();
    for _ in 0..2 {
        let current = bench.current().await.unwrap();
        assert_eq!(*current, newer);
    }
    let known = bench.ledger.verdict(&bench.scope, &bench.digest).await;
    assert_eq!(known.unwrap(), Some(newer));
}

#[tokio::test]
async fn one_that_has_ended_is_neither_used_nor_replaced() {
    let bench = Bench::new();
    bench.pull().await;
    let newer = judged_elsewhere(&bench, Some(today())).await;
    bench.judge.warm.invalidate_all();
    let current = bench.judge.current(&bench.scope, &bench.digest).await;
    assert!(matches!(current, Err(PullError::Broken(_))), "{current:?}");
    let known = bench.ledger.verdict(&bench.scope, &bench.digest).await;
    assert_eq!(known.unwrap(), Some(newer));
}

#[tokio::test]
async fn who_is_always_too_late_takes_what_others_decided_on_the_same_or_more() {
    let bench = Bench::new();
    let verdict = bench.pull().await;
    let (_, basis) = bench.judge.judging_in_order().await.unwrap();
    let others = async |tried| {
        let others = bench
            .judge
            .judged_by_others(&bench.scope, &bench.digest, tried);
        others.await
    };
    assert_eq!(*others(basis).await.unwrap(), *verdict);
    let ahead = BasisNumber(basis.0 + 1);
    assert!(
        others(ahead).await.is_err(),
        "it rests on less than was tried"
    );
    bench.set(today() - DAY);
    assert!(others(basis).await.is_err(), "it is not in force");
}
