//! Events: one for each difference, with the verdict or not at all.

use sluicegate_model::Digest;
use sluicegate_model::access::Reach;
use sluicegate_model::snapshot::SnapshotId;
use sluicegate_model::verdict::{Decision, Verdict};

use super::{Subject, finding, repository, second, verdict};
use crate::events::{CauseKind, Direction, EventKind, Happening, LossReason, ScannerLoss};
use crate::ledger::{EventFilter, Known, Ledger, Replacement};

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
