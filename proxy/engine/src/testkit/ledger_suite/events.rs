//! Events: one for each difference, with the verdict or not at all.

use sluicegate_model::Digest;
use sluicegate_model::access::Reach;
use sluicegate_model::snapshot::SnapshotId;
use sluicegate_model::verdict::{Decision, RuleId, Verdict};

use super::{Subject, finding, repository, second, verdict};
use crate::events::{
    BlockedPulls, CauseKind, Direction, EventKind, ExceptionEnding, GraceEnding, Happening,
    LetThrough, LossReason, OTHERS, ScannerLoss, StaleFeed,
};
use crate::ledger::{EventFilter, Known, Ledger, Once, Replacement};

/// Replaces the stored verdict by this one, and tells what changed.
pub async fn replace(ledger: &dyn Ledger, verdict: &Verdict) -> bool {
    let (scope, digest) = (&verdict.scope(), &verdict.digest);
    let known = ledger.known_verdict(scope, digest).await.unwrap();
    write(ledger, verdict, &known).await
}

pub async fn write(ledger: &dyn Ledger, verdict: &Verdict, known: &Known) -> bool {
    let replacement = Replacement::new(&mut verdict.clone(), known).unwrap();
    ledger.replace_verdicts(vec![replacement]).await.unwrap() == [true]
}

pub async fn seqs(ledger: &dyn Ledger, filter: &EventFilter, after: Option<u64>) -> Vec<u64> {
    let page = ledger.list_events(filter, 9, after).await.unwrap();
    page.items.iter().map(|event| event.seq).collect()
}

pub async fn each_difference_is_one_event_and_no_difference_is_none(subject: &mut dyn Subject) {
    let ledger = subject.ledger();
    let clean = verdict("app", "image", 0, Vec::new());
    let mut bad = verdict("app", "image", 1, vec![finding("CVE-1", "zlib")]);
    bad.provenance.feeds = SnapshotId::of_content(b"newer");
    let mut again = bad.clone();
    again.provenance.decided_at = second(2);
    for verdict in [&clean, &bad, &again, &clean] {
        assert!(replace(ledger, verdict).await);
    }
    let all = EventFilter::default();
    let page = ledger.list_events(&all, 9, None).await.unwrap();
    let [better, worse] = &page.items[..] else {
        panic!("{page:?}")
    };
    assert_eq!((worse.seq, better.seq), (1, 2));
    assert_eq!(worse.time, second(1));
    let (worse, better) = (worse.change().unwrap(), better.change().unwrap());
    assert_eq!(worse.direction, Direction::Worse);
    assert_eq!(worse.decision.after, Decision::Refuse);
    assert_eq!(worse.findings.added.ids, ["CVE-1"]);
    let feeds = worse.cause.feeds.as_ref().unwrap();
    let newer = bad.provenance.feeds.as_str();
    assert_eq!((&*feeds.from, &*feeds.to), ("none", newer));
    assert_eq!(worse.cause.policy, None);
    assert_eq!(better.direction, Direction::Better);
    assert_eq!(better.findings.removed.count, 1);
}

pub async fn what_is_about_no_verdict_is_told_once_in_its_turn_to_those_who_know_of_all(
    subject: &mut dyn Subject,
) {
    let ledger = subject.ledger();
    replace(ledger, &verdict("app", "image", 0, Vec::new())).await;
    let loss = ScannerLoss {
        scanner: "site".into(),
        enrolment: "1".into(),
        reason: LossReason::Away,
        last_seen: Some(second(2)),
        detail: None,
    };
    let lost = || Happening::ScannerLost(loss.clone());
    assert_eq!(ledger.tell(second(3), lost()).await.unwrap(), 1);
    let found = vec![finding("CVE-1", "zlib")];
    replace(ledger, &verdict("app", "image", 4, found)).await;
    subject.restart().await;
    let ledger = subject.ledger();
    assert_eq!(ledger.tell(second(5), lost()).await.unwrap(), 3);
    let all = EventFilter::default();
    assert_eq!(seqs(ledger, &all, None).await, [3, 2, 1]);
    let told = ledger.event(1).await.unwrap().unwrap();
    assert_eq!((told.time, &told.happened), (second(3), &lost()));
    let of = |kind| EventFilter {
        kind: Some(kind),
        ..all.clone()
    };
    assert_eq!(
        seqs(ledger, &of(EventKind::ScannerLost), None).await,
        [3, 1]
    );
    assert_eq!(
        seqs(ledger, &of(EventKind::VerdictChanged), None).await,
        [2]
    );
    let within = EventFilter {
        reach: Reach::of(&["up.test/**".to_owned()]),
        ..all
    };
    assert_eq!(seqs(ledger, &within, None).await, [2]);
}

pub async fn what_is_told_once_is_told_again_only_when_that_may_be_forgotten(
    subject: &mut dyn Subject,
) {
    let once = |name: &str, until| Once {
        name: name.to_owned(),
        until: second(until),
    };
    let tell = async |ledger: &dyn Ledger, at, name, until| {
        let (family, once) = (Some("npm".to_owned()), once(name, until));
        let stale = Happening::FeedStale(StaleFeed {
            family,
            newest: None,
            at_most_seconds: Some(60),
            expired: None,
        });
        ledger.tell_once(second(at), stale, &once).await.unwrap()
    };
    let ledger = subject.ledger();
    assert_eq!(tell(ledger, 1, "one", 10).await, Some(1));
    assert_eq!(tell(ledger, 2, "one", 10).await, None);
    assert_eq!(tell(ledger, 3, "two", 99).await, Some(2));
    subject.restart().await;
    let ledger = subject.ledger();
    assert_eq!(tell(ledger, 9, "one", 10).await, None);
    assert_eq!(tell(ledger, 10, "one", 20).await, Some(3));
    assert_eq!(tell(ledger, 11, "two", 99).await, None);
    assert_eq!(seqs(ledger, &EventFilter::default(), None).await, [3, 2, 1]);
}

pub async fn every_kind_is_found_by_what_it_is_about_and_heard_by_whom_that_concerns(
    subject: &mut dyn Subject,
) {
    let ledger = subject.ledger();
    for (number, happened) in (1..).zip(of_every_kind()) {
        assert_eq!(
            ledger.tell(second(number), happened).await.unwrap(),
            u64::try_from(number).unwrap()
        );
    }
    subject.restart().await;
    let ledger = subject.ledger();
    let kept = ledger.list_events(&EventFilter::default(), 99, None).await;
    let kept: Vec<Happening> = kept
        .unwrap()
        .items
        .into_iter()
        .map(|it| it.happened)
        .collect();
    let told: Vec<Happening> = of_every_kind().into_iter().rev().collect();
    assert_eq!(kept, told, "as they were told");
    let only = |set: fn(&mut EventFilter)| {
        let mut filter = EventFilter::default();
        set(&mut filter);
        filter
    };
    let cases = [
        (only(|f| f.kind = Some(EventKind::PullBlocked)), vec![2, 1]),
        (only(|f| f.kind = Some(EventKind::ExceptionEnding)), vec![3]),
        (only(|f| f.kind = Some(EventKind::FeedStale)), vec![4]),
        (only(|f| f.kind = Some(EventKind::GraceEnding)), vec![5]),
        (only(|f| f.kind = Some(EventKind::BreakGlass)), vec![6]),
        (only(|f| f.repository = Some(repository("a"))), vec![5, 1]),
        (
            only(|f| f.digest = Some(Digest::of(b"image"))),
            vec![6, 5, 1],
        ),
        (
            only(|f| f.reach = Reach::of(&["up.test/a".into()])),
            vec![5, 3, 1],
        ),
        (
            only(|f| f.reach = Reach::of(&["up.test/b".into()])),
            vec![6, 3],
        ),
        (only(|f| f.reach = Reach::of(&["up.test/c".into()])), vec![]),
    ];
    for (filter, expected) in cases {
        assert_eq!(seqs(ledger, &filter, None).await, expected, "{filter:?}");
    }
}

pub async fn each_receiver_has_its_own_position(subject: &mut dyn Subject) {
    let ledger = subject.ledger();
    assert_eq!(ledger.delivered_event("webhook").await.unwrap(), None);
    for (receiver, seq) in [("webhook", 3), ("soc", 1), ("soc", 2)] {
        ledger.put_delivered_event(receiver, seq).await.unwrap();
    }
    subject.restart().await;
    let ledger = subject.ledger();
    assert_eq!(ledger.delivered_event("webhook").await.unwrap(), Some(3));
    assert_eq!(ledger.delivered_event("soc").await.unwrap(), Some(2));
    assert_eq!(ledger.delivered_event("so").await.unwrap(), None);
}

/// One of every kind that is about no difference, and one of many pulls.
fn of_every_kind() -> Vec<Happening> {
    let digest = || Digest::of(b"image");
    let blocked = BlockedPulls {
        repository: Some(repository("a")),
        tag: Some("1".parse().unwrap()),
        digest: Some(digest()),
        policy: Some("prod".into()),
        rule: Some(RuleId::NOT_LISTED),
        message: Some("no rule allows it".into()),
        client: "192.0.2.1".into(),
        principal: Some("key:ci".into()),
        count: 3,
        first: second(1),
        last: second(2),
    };
    let others = BlockedPulls {
        repository: None,
        tag: None,
        digest: None,
        policy: None,
        rule: None,
        message: None,
        client: OTHERS.into(),
        principal: None,
        ..blocked.clone()
    };
    vec![
        Happening::PullBlocked(blocked),
        Happening::PullBlocked(others),
        Happening::ExceptionEnding(ExceptionEnding {
            exception: "until-june".into(),
            vulnerability: "CVE-1".into(),
            images: vec!["up.test/a".into(), "up.test/b".into()],
            owner: Some("platform".into()),
            file: "p.yaml".into(),
            ends: second(9),
            days_before: 7,
        }),
        Happening::FeedStale(StaleFeed {
            family: Some("Debian".into()),
            newest: Some(second(1)),
            at_most_seconds: Some(604_800),
            expired: None,
        }),
        Happening::GraceEnding(GraceEnding {
            digest: digest(),
            repository: repository("a"),
            policy: "prod".into(),
            rule: RuleId::NOT_LISTED,
            since: second(1),
            ends: second(9),
        }),
        Happening::BreakGlass(LetThrough {
            digest: digest(),
            repository: repository("b"),
            by: "root".into(),
            reason: "it burns".into(),
            until: second(9),
        }),
    ]
}

pub async fn whoever_came_second_tells_nothing_and_numbers_have_no_holes(
    subject: &mut dyn Subject,
) {
    let ledger = subject.ledger();
    let clean = verdict("app", "image", 0, Vec::new());
    let bad = verdict("app", "image", 1, vec![finding("CVE-1", "zlib")]);
    replace(ledger, &clean).await;
    let known = ledger
        .known_verdict(&clean.scope(), &clean.digest)
        .await
        .unwrap();
    assert!(write(ledger, &bad, &known).await);
    assert!(!write(ledger, &bad, &known).await);
    replace(ledger, &clean).await;
    assert_eq!(seqs(ledger, &EventFilter::default(), None).await, [2, 1]);
    subject.restart().await;
    replace(subject.ledger(), &bad).await;
    assert_eq!(subject.ledger().last_event().await.unwrap(), 3);
}

pub async fn every_filter_of_events_selects_exactly_its_own(subject: &mut dyn Subject) {
    let ledger = subject.ledger();
    for (at, name) in [(1, "a"), (2, "b"), (7_200, "a")] {
        replace(ledger, &verdict(name, "image", 0, Vec::new())).await;
        let found = vec![finding("CVE-1", "zlib")];
        replace(ledger, &verdict(name, "image", at, found)).await;
    }
    let only = |set: fn(&mut EventFilter)| {
        let mut filter = EventFilter::default();
        set(&mut filter);
        filter
    };
    // The third image was judged clean anew in between, which is an event too.
    let cases = [
        (only(|_| {}), None, vec![4, 3, 2, 1]),
        (only(|_| {}), Some(3), vec![2, 1]),
        (
            only(|f| f.repository = Some(repository("b"))),
            None,
            vec![2],
        ),
        (only(|f| f.since = Some(second(5))), None, vec![4]),
        (
            only(|f| f.kind = Some(EventKind::VerdictChanged)),
            Some(2),
            vec![1],
        ),
        (only(|f| f.digest = Some(Digest::of(b"no"))), None, vec![]),
        (
            only(|f| f.direction = Some(Direction::Better)),
            None,
            vec![3],
        ),
        (only(|f| f.direction = Some(Direction::Other)), None, vec![]),
        (
            only(|f| f.cause = Some(CauseKind::Time)),
            None,
            vec![4, 3, 2, 1],
        ),
        (only(|f| f.cause = Some(CauseKind::Feeds)), None, vec![]),
        (
            only(|f| f.vulnerability = Some("cve-1".into())),
            None,
            vec![4, 3, 2, 1],
        ),
        (
            only(|f| f.vulnerability = Some("CVE-2".into())),
            None,
            vec![],
        ),
        (only(|f| f.until = Some(second(2))), None, vec![3, 1]),
    ];
    for (filter, after, expected) in cases {
        assert_eq!(seqs(ledger, &filter, after).await, expected, "{filter:?}");
    }
    let page = ledger.list_events(&only(|_| {}), 2, None).await.unwrap();
    assert_eq!(page.next, Some(3));
}
