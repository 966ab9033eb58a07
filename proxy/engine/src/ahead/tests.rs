//! What ends, in memory, with a clock that is set by hand.

use std::sync::Mutex;

use sluicegate_model::verdict::{Decision, Grace, Reason};
use sluicegate_policy::FeedStanding;

use super::*;
use crate::events::Event;
use crate::ledger::{EventFilter, Events as _};
use crate::testkit::ledger_suite::{put, verdict};
use crate::testkit::{MemoryLedger, MemorySnapshots};

struct World {
    ahead: Ahead,
    ledger: Arc<MemoryLedger>,
    snapshots: Arc<MemorySnapshots>,
    time: Arc<Mutex<Timestamp>>,
}

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

impl World {
    fn at(now: &str) -> Self {
        Self::over(Arc::default(), Arc::default(), now)
    }

    fn over(ledger: Arc<MemoryLedger>, snapshots: Arc<MemorySnapshots>, now: &str) -> Self {
        let time = Arc::new(Mutex::new(at(now)));
        let told = Arc::clone(&time);
        let clock = Clock::from_fn(move || *told.lock().unwrap());
        Self {
            ahead: Ahead::new(ledger.clone(), snapshots.clone(), clock),
            ledger,
            snapshots,
            time,
        }
    }

    /// Begins anew over what is kept.
    fn restarted(&self) -> Self {
        let now = self.time.lock().unwrap().to_string();
        Self::over(self.ledger.clone(), self.snapshots.clone(), &now)
    }

    /// Looks at a moment and gives what was told at it.
    async fn told(&self, now: &str) -> Vec<Happening> {
        *self.time.lock().unwrap() = at(now);
        let before = self.ledger.last_event().await.unwrap();
        self.ahead.look().await.unwrap();
        let all = EventFilter::default();
        let page = self.ledger.list_events(&all, 99, None);
        let new = page.await.unwrap().items.into_iter().rev();
        let new = new.filter(|event| event.seq > before && event.change().is_none());
        new.map(|Event { happened, .. }| happened).collect()
    }
}

const EXCEPTION: &str = "apiVersion: sluicegate/v1
kind: Exception
metadata: {name: until-june, owner: platform}
spec: {id: CVE-1, images: [\"up.test/app\"], statement: x, expiresAt: 2026-06-30}
";

#[tokio::test]
async fn an_exception_is_told_of_seven_days_and_one_day_before_it_ends_and_no_more() {
    let world = World::at("2026-06-01T00:00:00Z");
    world.snapshots.set_policies(EXCEPTION);
    assert_eq!(world.told("2026-06-23T23:59:59Z").await, []);
    let told = world.told("2026-06-24T00:00:00Z").await;
    let [Happening::ExceptionEnding(ending)] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(
        (
            &*ending.exception,
            &*ending.vulnerability,
            ending.days_before
        ),
        ("until-june", "CVE-1", 7)
    );
    assert_eq!(ending.ends, at("2026-07-01T00:00:00Z"));
    assert_eq!(ending.owner.as_deref(), Some("platform"));
    assert_eq!(world.told("2026-06-25T00:00:00Z").await, []);
    let world = world.restarted();
    assert_eq!(
        world.told("2026-06-25T00:00:01Z").await,
        [],
        "also over restarts"
    );
    let told = world.told("2026-06-30T00:00:00Z").await;
    let [Happening::ExceptionEnding(ending)] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(ending.days_before, 1);
    assert_eq!(world.told("2026-07-01T00:00:00Z").await, [], "it is over");
    let longer = EXCEPTION.replace("2026-06-30", "2026-07-03");
    world.snapshots.set_policies(&longer);
    let told = world.told("2026-07-01T00:00:01Z").await;
    assert_eq!(told.len(), 1, "another end is told of: {told:?}");
}

#[tokio::test]
async fn an_imported_bundle_that_has_expired_is_told_of_once() {
    let world = World::at("2026-06-01T00:00:00Z");
    let expires = |text| FeedStanding {
        expires: Some(at(text)),
    };
    world
        .snapshots
        .set_standing(expires("2026-06-10T00:00:00Z"));
    assert_eq!(world.told("2026-06-09T00:00:00Z").await, []);
    let told = world.told("2026-06-10T00:00:00Z").await;
    let stale = StaleFeed {
        family: None,
        newest: None,
        at_most_seconds: None,
        expired: Some(at("2026-06-10T00:00:00Z")),
    };
    assert_eq!(told, [Happening::FeedStale(stale)]);
    let world = world.restarted();
    assert_eq!(world.told("2026-06-11T00:00:00Z").await, []);
    world
        .snapshots
        .set_standing(expires("2026-06-12T00:00:00Z"));
    assert_eq!(world.told("2026-06-11T00:00:01Z").await, []);
    assert_eq!(
        world.told("2026-06-12T00:00:00Z").await.len(),
        1,
        "the next one"
    );
}

const GRACED: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: prod}
spec: {rules: [{id: critical, graceForServed: 72h, when: {severityAtLeast: critical}, action: refuse}]}
";

#[tokio::test]
async fn a_grace_is_told_of_a_day_before_it_ends_where_the_image_rests_on_it() {
    let world = World::at("2026-06-01T00:00:00Z");
    world.snapshots.set_policies(GRACED);
    let grace = Grace {
        policy: "prod".into(),
        rule: "critical".to_owned().into(),
        since: at("2026-06-01T00:00:00Z"),
    };
    for (image, rests_on_it) in [("graced", true), ("mended", false)] {
        let mut verdict = verdict("app", image, 0, Vec::new());
        verdict.graces = vec![grace.clone()];
        verdict.reasons = vec![Reason {
            rule: grace.rule.clone(),
            action: Decision::Refuse,
            message: "1 finding".into(),
            findings: Vec::new(),
        }];
        if rests_on_it {
            verdict.decision = Decision::Annotate;
            verdict.allowed_by = vec!["grace:critical".into()];
        }
        put(&*world.ledger, &verdict).await;
    }
    assert_eq!(world.told("2026-06-02T23:59:59Z").await, []);
    let told = world.told("2026-06-03T00:00:00Z").await;
    let [Happening::GraceEnding(ending)] = &told[..] else {
        panic!("{told:?}")
    };
    assert_eq!(ending.digest, sluicegate_model::Digest::of(b"graced"));
    assert_eq!(
        (&*ending.policy, ending.rule.as_str(), ending.ends),
        ("prod", "critical", at("2026-06-04T00:00:00Z"))
    );
    let world = world.restarted();
    assert_eq!(world.told("2026-06-03T12:00:00Z").await, [], "once");
    assert_eq!(world.told("2026-06-04T00:00:00Z").await, [], "it is over");
}
