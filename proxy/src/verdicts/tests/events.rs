//! Events: one for each difference, with the verdict or not at all.

use super::*;
use sluicegate_engine::events::{CauseKind, Direction, EventKind, difference};

/// Replaces the stored verdict by this one, and tells what changed.
async fn replace(records: &Records, verdict: &Verdict) -> bool {
    let (repository, digest) = (&verdict.repository, &verdict.digest);
    let known = records.known_verdict(repository, digest).await.unwrap();
    write(records, verdict, &known).await
}

async fn write(records: &Records, verdict: &Verdict, known: &Known) -> bool {
    let change = known
        .verdict
        .as_ref()
        .and_then(|old| difference(old, verdict));
    let replacement = Replacement::new(verdict, known).unwrap().told_as(change);
    records.replace_verdicts(vec![replacement]).await.unwrap() == [true]
}

async fn seqs(records: &Records, filter: &EventFilter, after: Option<u64>) -> Vec<u64> {
    let page = records.list_events(filter, 9, after).await.unwrap();
    page.items.iter().map(|event| event.seq).collect()
}

#[tokio::test]
async fn each_difference_is_one_event_and_no_difference_is_none() {
    let (_directory, records) = records();
    let clean = verdict("app", "image", 0, Vec::new());
    let mut bad = verdict("app", "image", 1, vec![finding("CVE-1", "zlib")]);
    bad.provenance.feeds = "newer".into();
    let mut again = bad.clone();
    again.provenance.decided_at = second(2);
    for verdict in [&clean, &bad, &again, &clean] {
        assert!(replace(&records, verdict).await);
    }
    let all = EventFilter::default();
    let page = records.list_events(&all, 9, None).await.unwrap();
    let [better, worse] = &page.items[..] else {
        panic!("{page:?}")
    };
    assert_eq!((worse.seq, better.seq), (1, 2));
    assert_eq!(worse.time, second(1));
    assert_eq!(worse.change.direction, Direction::Worse);
    assert_eq!(worse.change.decision.after, Decision::Refuse);
    assert_eq!(worse.change.findings.added.ids, ["CVE-1"]);
    let feeds = worse.change.cause.feeds.as_ref().unwrap();
    assert_eq!((&*feeds.from, &*feeds.to), ("none", "newer"));
    assert_eq!(worse.change.cause.policy, None);
    assert_eq!(better.change.direction, Direction::Better);
    assert_eq!(better.change.findings.removed.count, 1);
}

#[tokio::test]
async fn whoever_came_second_tells_nothing_and_numbers_have_no_holes() {
    let (directory, records) = records();
    let clean = verdict("app", "image", 0, Vec::new());
    let bad = verdict("app", "image", 1, vec![finding("CVE-1", "zlib")]);
    replace(&records, &clean).await;
    let known = records
        .known_verdict(&clean.repository, &clean.digest)
        .await
        .unwrap();
    assert!(write(&records, &bad, &known).await);
    assert!(!write(&records, &bad, &known).await);
    replace(&records, &clean).await;
    assert_eq!(seqs(&records, &EventFilter::default(), None).await, [2, 1]);
    let content = ContentStore::open(directory.path(), 1 << 30).unwrap();
    let later = Records::new(Arc::clone(&records.store), content);
    replace(&later, &bad).await;
    assert_eq!(later.last_event().await.unwrap(), 3);
}

#[tokio::test]
async fn every_filter_of_events_selects_exactly_its_own() {
    let (_directory, records) = records();
    for (at, name) in [(1, "a"), (2, "b"), (7_200, "a")] {
        replace(&records, &verdict(name, "image", 0, Vec::new())).await;
        let found = vec![finding("CVE-1", "zlib")];
        replace(&records, &verdict(name, "image", at, found)).await;
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
        assert_eq!(seqs(&records, &filter, after).await, expected, "{filter:?}");
    }
    let page = records.list_events(&only(|_| {}), 2, None).await.unwrap();
    assert_eq!(page.next, Some(3));
}

#[test]
fn ids_are_told_once_worst_first_and_bounded() {
    let old = verdict("app", "image", 0, vec![finding("CVE-0", "old")]);
    let mut findings: Vec<Finding> = (0..80)
        .map(|n| finding(&format!("CVE-1{n:02}"), "zlib"))
        .collect();
    findings.push(finding("CVE-100", "another"));
    findings.push(Finding {
        kev: true,
        ..finding("CVE-9", "zlib")
    });
    let new = verdict("app", "image", 1, findings);
    let change = difference(&old, &new).unwrap();
    assert_eq!(change.direction, Direction::Other);
    assert_eq!(change.findings.added.count, 82);
    assert_eq!(change.findings.added.ids.len(), 50);
    assert_eq!(
        change.findings.added.ids[..3],
        ["CVE-9", "CVE-100", "CVE-101"]
    );
    assert_eq!(change.findings.removed.ids, ["CVE-0"]);
}
