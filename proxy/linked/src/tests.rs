//! Pulls and scanners that meet: what is promised of scanners of layers, and what becomes of answers
//! that are late, repeated, about something else, or never come.

use std::collections::HashMap;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use jiff::Timestamp;
use sluicegate_accounts::testkit::MemoryBookStore;
use sluicegate_accounts::vouched::BookParts;
use sluicegate_engine::identity::{Presented, Who};
use sluicegate_engine::instance_key::{InstanceKey, KEY_BYTES};
use sluicegate_engine::memory::Memory;
use sluicegate_engine::plugins::{ActivePlugins, Plugins};
use sluicegate_engine::scan::{AskedLayer, LayerScan, LayerScanError, ScanHere, ScannedLayer};
use sluicegate_engine::testkit::layer_scan_suite::{self, layer};
use sluicegate_engine::testkit::{MemoryAudit, MemoryContent, MemoryOrigin};
use sluicegate_model::access::Rights;
use sluicegate_model::clock::Clock;
use sluicegate_model::secret::Secret;
use sluicegate_model::{Digest, Repository};
use sluicegate_scanner::{Limits, scan_layer};

use crate::book::{Book, ScannerState, WantedScanner};
use crate::credential::Credential;
use crate::desk::TakeError;
use crate::leases::{Given, LEASE};
use crate::linked::Linked;
use crate::recheck::{Recheck, RecheckParts};
use crate::remote::RemoteScan;
use crate::results::ResultError;
use crate::roll::{ChangeError, Member, RollParts};
use crate::task::{Assigned, LayerTask, Task};

mod kept;
mod lost;
mod plugins;

const NAME: &str = "eu-west";
const PATIENCE: Duration = Duration::from_secs(20);

struct Bench {
    linked: Linked,
    store: MemoryBookStore<Book>,
    log: Arc<MemoryAudit>,
}

fn somebody() -> Who {
    Presented::from_address([192, 0, 2, 1].into()).by(None, Rights::everywhere(&[]))
}

fn repository() -> Repository {
    "up.test/lib/app".parse().unwrap()
}

fn wanted(patterns: &[&str]) -> WantedScanner {
    WantedScanner {
        name: Some(NAME.to_owned()),
        repositories: patterns.iter().map(|text| (*text).to_owned()).collect(),
        life: None,
    }
}

impl Bench {
    async fn over(store: MemoryBookStore<Book>, logged: Option<Digest>) -> Self {
        let log = Arc::new(MemoryAudit::default());
        let parts = RollParts {
            book: BookParts {
                store: Arc::new(store.clone()),
                log: log.clone(),
                clock: Clock::from_fn(|| Timestamp::from_second(1_800_000_000).unwrap()),
            },
            instance: InstanceKey::of(&[7; KEY_BYTES]),
        };
        let linked = Linked::new(parts, Memory::default());
        linked.take_up(logged).await.unwrap();
        Self { linked, store, log }
    }

    /// Gives what the log tells of the scanners.
    fn logged(&self) -> Option<Digest> {
        let lines = self.log.keys();
        lines.iter().rev().find_map(|line| line.book.clone())
    }

    async fn new() -> Self {
        Self::over(MemoryBookStore::default(), None).await
    }

    /// Links and enrols a scanner.
    async fn member(&self, patterns: &[&str]) -> (Member, Credential) {
        let roll = self.linked.roll();
        let issued = roll.link(wanted(patterns), &somebody()).await.unwrap();
        let credential = Credential::random();
        let (key, by) = (&issued.linking_key, somebody());
        let enrolled = roll.enrol(key, &credential, "0.1.0", &by).await;
        (enrolled.unwrap(), credential)
    }

    fn scan(&self) -> Arc<RemoteScan> {
        self.scan_and_again(1 << 40, &MemoryOrigin::default())
    }

    /// Has one of so many layers scanned again, from this registry.
    fn scan_and_again(&self, one_in: u64, origin: &MemoryOrigin) -> Arc<RemoteScan> {
        let here = Arc::new(ScanHere::new(Limits::default(), Memory::default()));
        let scan_by = HashMap::from([("up.test".to_owned(), NAME.to_owned())]);
        let recheck = Recheck::new(RecheckParts {
            instance: InstanceKey::of(&[7; KEY_BYTES]),
            one_in,
            here: here.clone(),
            content: Arc::new(MemoryContent::new(1 << 30)),
            origins: Arc::new(origin.clone()),
            linked: self.linked.clone(),
        });
        let linked = self.linked.clone();
        let told = (scan_by, Plugins::default());
        Arc::new(RemoteScan::new(here, linked, told, recheck))
    }

    /// Has a layer scanned by whoever comes.
    fn asked(
        &self,
        bytes: &Bytes,
    ) -> tokio::task::JoinHandle<Result<ScannedLayer, LayerScanError>> {
        asked_by(self.scan(), bytes)
    }

    async fn taken(&self, member: &Member) -> Given<Assigned> {
        let work = self.linked.desk().work(member, "0.1.0", 1, PATIENCE);
        let mut given = work.await;
        assert_eq!(given.len(), 1, "{given:?}");
        given.remove(0)
    }

    async fn answer(
        &self,
        member: &Member,
        given: &Given<Assigned>,
        layer: &Digest,
        sent: impl Into<Bytes>,
    ) -> Result<(), TakeError> {
        let desk = self.linked.desk();
        desk.take_facts(member, &given.lease, layer, sent.into())
            .await
    }
}

/// Has a layer scanned by whoever this asks.
fn asked_by(
    scan: Arc<RemoteScan>,
    bytes: &Bytes,
) -> tokio::task::JoinHandle<Result<ScannedLayer, LayerScanError>> {
    asked_with(scan, bytes, &ActivePlugins::built_in())
}

/// Has a layer scanned with these plugins by whoever this asks.
fn asked_with(
    scan: Arc<RemoteScan>,
    bytes: &Bytes,
    plugins: &Arc<ActivePlugins>,
) -> tokio::task::JoinHandle<Result<ScannedLayer, LayerScanError>> {
    let (task, plugins) = (task(bytes), Arc::clone(plugins));
    tokio::spawn(async move {
        let asked = AskedLayer {
            repository: &repository(),
            domain: &scan.domain(&repository()),
            layer: &task.descriptor(),
            plugins: &plugins,
            bytes: None,
            earlier: None,
        };
        scan.scan(asked).await
    })
}

fn task(bytes: &Bytes) -> LayerTask {
    LayerTask {
        repository: repository(),
        digest: Digest::of(bytes),
        media_type: "application/vnd.oci.image.layer.v1.tar".to_owned(),
        size: bytes.len() as u64,
    }
}

fn facts(bytes: &Bytes) -> Vec<u8> {
    scan_layer(&bytes[..], &Limits::default()).to_bytes()
}

/// A scanner that reaches these layers, and does what it is asked.
async fn dutiful(linked: Linked, member: Member, layers: Vec<Bytes>) {
    loop {
        let given = linked.desk().work(&member, "0.1.0", 4, PATIENCE).await;
        for Given { lease, task } in given {
            let Task::Layer(task) = task.task else {
                panic!("no layer");
            };
            let bytes = layers.iter().find(|bytes| Digest::of(bytes) == task.digest);
            let answered = match bytes {
                Some(bytes) => {
                    let sent = facts(bytes).into();
                    let desk = linked.desk();
                    desk.take_facts(&member, &lease, &task.digest, sent).await
                }
                None => linked
                    .desk()
                    .take_failure(&member, &lease, "not within reach"),
            };
            answered.unwrap();
        }
    }
}

#[tokio::test]
async fn it_promises_what_every_scanner_of_layers_does() {
    layer_scan_suite::prove(async |layers| {
        let bench = Bench::new().await;
        let (member, _) = bench.member(&[]).await;
        tokio::spawn(dutiful(bench.linked.clone(), member, layers));
        let scan: Arc<dyn LayerScan> = bench.scan();
        scan
    })
    .await;
}

#[tokio::test(start_paused = true)]
async fn an_answer_is_taken_once_and_for_its_own_layer_only() {
    let bench = Bench::new().await;
    let (member, _) = bench.member(&[]).await;
    let (one, other) = (layer("one"), layer("other"));
    let scanning = bench.asked(&one);
    let given = bench.taken(&member).await;
    assert_eq!(given.task.task, Task::Layer(task(&one)));
    let (digest, sent) = (Digest::of(&one), facts(&one));
    let others = Digest::of(&other);
    let wrong = bench.answer(&member, &given, &others, facts(&other));
    assert!(matches!(wrong.await, Err(TakeError::OtherLayer { .. })));
    bench
        .answer(&member, &given, &digest, sent.clone())
        .await
        .unwrap();
    let scanned = scanning.await.unwrap().unwrap();
    assert_eq!(
        (scanned.layer(), scanned.facts().to_bytes()),
        (&digest, sent.clone())
    );
    let repeated = bench.answer(&member, &given, &digest, sent).await;
    assert!(matches!(repeated, Err(TakeError::NotHeld)));
}

#[tokio::test(start_paused = true)]
async fn a_late_answer_changes_nothing_and_the_next_one_counts() {
    let bench = Bench::new().await;
    tokio::spawn(bench.linked.clone().run());
    let (member, _) = bench.member(&[]).await;
    let one = layer("one");
    let scanning = bench.asked(&one);
    let first = bench.taken(&member).await;
    tokio::time::sleep(LEASE + Duration::from_secs(2)).await;
    let digest = Digest::of(&one);
    let late = bench.answer(&member, &first, &digest, facts(&one)).await;
    assert!(matches!(late, Err(TakeError::NotHeld)));
    let second = bench.taken(&member).await;
    assert!(second.lease.work == first.lease.work && second.lease.fence > first.lease.fence);
    bench
        .answer(&member, &second, &digest, facts(&one))
        .await
        .unwrap();
    assert!(scanning.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn a_lease_that_is_renewed_is_waited_for() {
    let bench = Bench::new().await;
    tokio::spawn(bench.linked.clone().run());
    let (member, _) = bench.member(&[]).await;
    let one = layer("one");
    let scanning = bench.asked(&one);
    let given = bench.taken(&member).await;
    for _ in 0..60 {
        tokio::time::sleep(Duration::from_secs(10)).await;
        let own = std::slice::from_ref(&given.lease);
        assert_eq!(bench.linked.desk().renew(&member, own), own);
    }
    assert!(!scanning.is_finished());
    bench
        .answer(&member, &given, &Digest::of(&one), facts(&one))
        .await
        .unwrap();
    assert!(scanning.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn without_a_scanner_nobody_waits_for_ever_and_nothing_is_found() {
    let bench = Bench::new().await;
    tokio::spawn(bench.linked.clone().run());
    let one = layer("one");
    let begun = tokio::time::Instant::now();
    let nobody = bench.asked(&one).await.unwrap();
    assert!(matches!(nobody, Err(LayerScanError::Away)));
    assert_eq!(begun.elapsed(), Duration::ZERO, "none is linked");
    let (member, _) = bench.member(&[]).await;
    let away = bench.asked(&one).await.unwrap();
    assert!(matches!(away, Err(LayerScanError::Away)));
    let waited = begun.elapsed();
    assert!(
        waited >= Duration::from_mins(1) && waited < Duration::from_secs(70),
        "{waited:?}"
    );
    let shown = bench.linked.list().remove(0);
    assert!(shown.standing.is_away && shown.state == ScannerState::Enrolled);
    // Whoever waits meanwhile is given what it finds once it is back.
    let scanning = bench.asked(&one);
    let given = bench.taken(&member).await;
    assert!(!bench.linked.list()[0].standing.is_away);
    bench
        .answer(&member, &given, &Digest::of(&one), facts(&one))
        .await
        .unwrap();
    assert!(scanning.await.unwrap().is_ok());
}

#[tokio::test(start_paused = true)]
async fn what_cannot_be_read_ends_the_work_without_facts() {
    let bench = Bench::new().await;
    let (member, _) = bench.member(&[]).await;
    let one = layer("one");
    let digest = Digest::of(&one);
    let mut heavy = facts(&one);
    heavy[1..9].copy_from_slice(&u64::MAX.to_le_bytes());
    for sent in [heavy, b"no facts".to_vec(), Vec::new()] {
        let scanning = bench.asked(&one);
        let given = bench.taken(&member).await;
        let refused = bench.answer(&member, &given, &digest, sent).await;
        assert!(matches!(refused, Err(TakeError::Result(_))), "{refused:?}");
        assert!(matches!(scanning.await.unwrap(), Err(LayerScanError::Away)));
        let again = bench.answer(&member, &given, &digest, facts(&one)).await;
        assert!(matches!(again, Err(TakeError::NotHeld)));
    }
    let long = vec![0; crate::results::MAX_SENT_BYTES + 1];
    let scanning = bench.asked(&one);
    let given = bench.taken(&member).await;
    let refused = bench.answer(&member, &given, &digest, long).await;
    assert!(matches!(
        refused,
        Err(TakeError::Result(ResultError::TooLong))
    ));
    assert!(scanning.await.unwrap().is_err());
}

#[tokio::test(start_paused = true)]
async fn who_is_revoked_in_the_middle_has_nothing_taken() {
    let bench = Bench::new().await;
    let (member, credential) = bench.member(&[]).await;
    let (roll, one) = (bench.linked.roll(), layer("one"));
    let address = [192, 0, 2, 1].into();
    let presented = credential.to_secret();
    assert_eq!(
        roll.prove(address, &presented).await.as_deref(),
        Some(&member)
    );
    let scanning = bench.asked(&one);
    let given = bench.taken(&member).await;
    bench.linked.revoke(NAME, &somebody()).await.unwrap();
    assert!(matches!(scanning.await.unwrap(), Err(LayerScanError::Away)));
    let digest = Digest::of(&one);
    let late = bench.answer(&member, &given, &digest, facts(&one));
    assert!(matches!(late.await, Err(TakeError::NotHeld)));
    assert_eq!(roll.prove(address, &presented).await, None);
    assert_eq!(roll.named(NAME), None);
    let rules: Vec<_> = bench.log.keys().iter().map(|line| line.rule).collect();
    assert_eq!(
        rules,
        ["scanner-linked", "scanner-enrolled", "scanner-revoked"]
    );
    let words: String = bench
        .log
        .keys()
        .iter()
        .map(|line| line.words.clone())
        .collect();
    assert!(!words.contains(credential.secret.expose()), "{words}");
}

#[tokio::test(start_paused = true)]
async fn who_is_suspended_gets_nothing_and_is_told_of() {
    let bench = Bench::new().await;
    let (member, _) = bench.member(&[]).await;
    bench
        .linked
        .suspend(&member.enrolment, "it said what is not so")
        .await;
    bench.linked.suspend(&member.enrolment, "again").await;
    assert_eq!(bench.linked.roll().named(NAME), None);
    let shown = bench.linked.list().remove(0);
    assert_eq!(shown.state, ScannerState::Suspended);
    let lines = bench.log.keys();
    assert_eq!((lines.len(), lines[2].rule), (3, "scanner-suspended"));
}

#[tokio::test(start_paused = true)]
async fn a_scanner_has_no_say_beyond_its_repositories() {
    let bench = Bench::new().await;
    let (member, _) = bench.member(&["up.test/other/**"]).await;
    let domain = |name: &str| bench.scan().domain(&name.parse().unwrap());
    assert!(domain("up.test/lib/app").is_here(), "this machine scans it");
    assert_eq!(domain("up.test/other/app"), member.domain);
    assert!(domain("elsewhere.test/other/app").is_here());
    // Without any scanner nobody's word counts, and none that was linked before.
    bench.linked.revoke(NAME, &somebody()).await.unwrap();
    let nobody = domain("up.test/other/app");
    assert!(!nobody.is_here() && nobody != member.domain);
    let (again, _) = bench.member(&["up.test/other/**"]).await;
    assert_ne!(again.domain, member.domain);
}

#[tokio::test(start_paused = true)]
async fn who_waits_for_work_is_let_go_when_the_service_stops_or_the_time_is_over() {
    let bench = Bench::new().await;
    let (member, _) = bench.member(&[]).await;
    let begun = tokio::time::Instant::now();
    let desk = bench.linked.desk();
    assert!(desk.work(&member, "0.1.0", 1, PATIENCE).await.is_empty());
    assert_eq!(begun.elapsed(), PATIENCE);
    let closing = async {
        tokio::time::sleep(Duration::from_secs(1)).await;
        bench.linked.close();
    };
    let (given, ()) = tokio::join!(desk.work(&member, "0.1.0", 1, PATIENCE), closing);
    assert_eq!((given.len(), begun.elapsed().as_secs()), (0, 21));
}

#[tokio::test(start_paused = true)]
async fn what_nobody_waits_for_any_longer_is_not_given() {
    let bench = Bench::new().await;
    let (member, _) = bench.member(&[]).await;
    let (one, other) = (layer("one"), layer("other"));
    let scanning = bench.asked(&one);
    tokio::task::yield_now().await;
    scanning.abort();
    let _cancelled = scanning.await;
    let _scanning = bench.asked(&other);
    assert_eq!(
        bench.taken(&member).await.task.task,
        Task::Layer(task(&other))
    );
}

#[tokio::test]
async fn what_is_scanned_again_and_found_otherwise_suspends() {
    let (one, other) = (layer("one"), layer("other"));
    for (said, is_there, wanted) in [
        (&one, true, ScannerState::Enrolled),
        (&other, true, ScannerState::Suspended),
        // What this machine cannot have proves nothing.
        (&other, false, ScannerState::Enrolled),
    ] {
        let (bench, origin) = (Bench::new().await, MemoryOrigin::default());
        if is_there {
            origin.push_blob(repository().path(), &one);
        }
        let (member, _) = bench.member(&[]).await;
        let scan = bench.scan_and_again(1, &origin);
        let scanning = asked_by(scan, &one);
        let given = bench.taken(&member).await;
        let digest = Digest::of(&one);
        let sent = facts(said);
        bench.answer(&member, &given, &digest, sent).await.unwrap();
        scanning.await.unwrap().unwrap();
        let looked = async {
            while bench.linked.list()[0].state == ScannerState::Enrolled {
                tokio::time::sleep(Duration::from_millis(10)).await;
            }
        };
        let limit = match wanted {
            ScannerState::Suspended => Duration::from_secs(30),
            _ => Duration::from_millis(500),
        };
        let _until = tokio::time::timeout(limit, looked).await;
        assert_eq!(bench.linked.list()[0].state, wanted);
    }
}
