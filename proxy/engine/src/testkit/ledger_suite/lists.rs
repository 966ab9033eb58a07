//! Lists of verdicts: every filter, every page.

use sluicegate_model::Digest;
use sluicegate_model::verdict::{Decision, Verdict};

use super::{Subject, finding, many_findings, put, repository, second, verdict};
use crate::ledger::{Ledger, LedgerError, Order, Summary, VerdictFilter};

/// Makes a filter.
pub fn only(set: impl FnOnce(&mut VerdictFilter)) -> VerdictFilter {
    let mut filter = VerdictFilter::default();
    set(&mut filter);
    filter
}

pub async fn lists_newest_first_page_by_page(subject: &mut dyn Subject) {
    let ledger = subject.ledger();
    for number in 0..700 {
        let verdict = verdict("app", &number.to_string(), number, Vec::new());
        put(ledger, &verdict).await;
    }
    let mut after = None;
    let mut seen = Vec::new();
    loop {
        let filter = VerdictFilter::default();
        let page = ledger
            .list_verdicts(&filter, 256, after.as_deref())
            .await
            .unwrap();
        seen.extend(
            page.items
                .iter()
                .map(|verdict| verdict.provenance.decided_at),
        );
        after = page.next;
        if after.is_none() {
            break;
        }
    }
    let expected: Vec<_> = (0..700).rev().map(second).collect();
    assert_eq!(seen, expected);
    for cursor in ["zz", "00", ""] {
        let filter = VerdictFilter::default();
        let listed = ledger.list_verdicts(&filter, 1, Some(cursor)).await;
        assert!(matches!(listed, Err(LedgerError::Cursor(_))), "{cursor:?}");
    }
}

/// Whoever reads all of them sees each once, whatever is made anew meanwhile, and can go on behind any.
pub async fn verdicts_keep_their_place_in_the_order_of_first_judgements(subject: &mut dyn Subject) {
    for number in 0..20 {
        let verdict = verdict("app", &number.to_string(), number, many_findings());
        put(subject.ledger(), &verdict).await;
    }
    let filter = only(|filter| filter.order = Order::FirstJudged);
    let (mut seen, mut after) = (Vec::new(), None);
    for round in 0.. {
        let ledger = subject.ledger();
        let page = ledger.list_verdicts(&filter, 7, after.as_deref()).await;
        let page = page.unwrap();
        assert_eq!(page.items.len(), page.behind.len());
        // Half of the page is taken, as by whoever has no room for more.
        let taken = page.items.len().min(4);
        seen.extend(page.items.iter().take(taken).map(|it| it.digest.clone()));
        after = page.behind.get(taken - 1).cloned();
        if taken == page.items.len() && page.next.is_none() {
            break;
        }
        for (name, at) in [("0", 100), ("19", 200), (&format!("new {round}"), 300)] {
            let anew = verdict("app", name, at + round, vec![finding("CVE-2", "zlib")]);
            put(ledger, &anew).await;
        }
        if round == 1 {
            subject.restart().await;
        }
        assert!(round < 20, "there is no end of it");
    }
    let first = (0..20).map(|number| verdict("app", &number.to_string(), 0, Vec::new()).digest);
    let first: Vec<Digest> = first.collect();
    assert_eq!(seen.get(..20), Some(&first[..]));
    let news = seen.len() - 20;
    seen.sort();
    seen.dedup();
    assert_eq!(seen.len(), 20 + news, "one was listed twice");
    let ledger = subject.ledger();
    for (order, cursor) in [(Order::FirstJudged, "zz"), (Order::FirstJudged, "")] {
        let filter = only(|filter| filter.order = order);
        let listed = ledger.list_summaries(&filter, 1, Some(cursor)).await;
        assert!(matches!(listed, Err(LedgerError::Cursor(_))), "{cursor:?}");
    }
    let decided = only(|filter| {
        (filter.order, filter.since) = (Order::FirstJudged, Some(second(100)));
        filter.vulnerability = Some("CVE-2".into());
    });
    let found = pages(ledger, &decided).await;
    assert_eq!(
        found.get(..2),
        Some(&[first[0].clone(), first[19].clone()][..])
    );
}

pub async fn every_filter_selects_exactly_its_verdicts(subject: &mut dyn Subject) {
    let ledger = subject.ledger();
    let [clean, small, large] = three(ledger).await;
    let many = &large.findings[7];
    let cases = [
        (only(|_| {}), vec![&large, &small, &clean]),
        (
            only(|f| f.repository = Some(repository("a"))),
            vec![&small, &clean],
        ),
        (
            only(|f| f.digest = Some(large.digest.clone())),
            vec![&large],
        ),
        (only(|f| f.decision = Some(Decision::Allow)), vec![&clean]),
        (
            only(|f| f.vulnerability = Some("cve-1".into())),
            vec![&small],
        ),
        (
            only(|f| f.vulnerability = Some("GHSA-CVE-1".into())),
            vec![&small],
        ),
        (
            only(|f| f.vulnerability = Some(many.id.clone())),
            vec![&large],
        ),
        (only(|f| f.vulnerability = Some("openssl".into())), vec![]),
        (only(|f| f.package = Some("OpenSSL".into())), vec![&small]),
        (
            only(|f| f.package = Some(many.package.name.clone())),
            vec![&large],
        ),
        (
            only(|f| {
                f.vulnerability = Some("CVE-1".into());
                f.package = Some("OPENSSL".into());
                f.digest = Some(small.digest.clone());
            }),
            vec![&small],
        ),
        (
            only(|f| {
                f.vulnerability = Some("CVE-1".into());
                f.digest = Some(large.digest.clone());
            }),
            vec![],
        ),
        (only(|f| f.since = Some(second(2))), vec![&large, &small]),
        (only(|f| f.until = Some(second(2))), vec![&clean]),
        (
            only(|f| (f.since, f.until) = (Some(second(2)), Some(second(3)))),
            vec![&small],
        ),
    ];
    for (filter, expected) in cases {
        assert_listed(ledger, &filter, expected).await;
    }
}

/// Writes a verdict without findings, one with a finding and one with many.
pub async fn three(ledger: &dyn Ledger) -> [Verdict; 3] {
    let all = [
        verdict("a", "clean", 1, Vec::new()),
        verdict("a", "small", 2, vec![finding("CVE-1", "openssl")]),
        verdict("b", "large", 3, many_findings()),
    ];
    for verdict in &all {
        put(ledger, verdict).await;
    }
    all
}

/// Takes a filter for one that selects these verdicts, whole and in short.
pub async fn assert_listed(ledger: &dyn Ledger, filter: &VerdictFilter, expected: Vec<&Verdict>) {
    let page = ledger.list_verdicts(filter, 9, None).await.unwrap();
    let found: Vec<&Verdict> = page.items.iter().collect();
    assert_eq!(found, expected, "{filter:?}");
    assert_eq!(page.next, None);
    let short = ledger.list_summaries(filter, 9, None).await.unwrap();
    let expected: Vec<Summary> = expected.into_iter().map(Summary::of).collect();
    assert_eq!(short.items, expected, "{filter:?}");
}

/// Reads a list page by page.
pub async fn pages(ledger: &dyn Ledger, filter: &VerdictFilter) -> Vec<Digest> {
    let (mut shown, mut after) = (Vec::new(), None);
    loop {
        let page = ledger.list_summaries(filter, 999, after.as_deref()).await;
        let page = page.unwrap();
        shown.extend(page.items.into_iter().map(|summary| summary.digest));
        after = page.next;
        if after.is_none() {
            return shown;
        }
    }
}

pub async fn what_replaces_a_verdict_is_found_by_its_own_names(subject: &mut dyn Subject) {
    let [before, after] = [("CVE-OLD", 1), ("CVE-NEW", 2)].map(|(id, at)| {
        let both = vec![finding("CVE-BOTH", "kept"), finding(id, id)];
        verdict("app", "image", at, both)
    });
    put(subject.ledger(), &before).await;
    subject.settle().await;
    put(subject.ledger(), &after).await;
    for step in 0..4 {
        for (id, count) in [("CVE-OLD", 0), ("CVE-NEW", 1), ("CVE-BOTH", 1)] {
            let filter = only(|f| f.vulnerability = Some(id.into()));
            let found = pages(subject.ledger(), &filter).await;
            assert_eq!(found.len(), count, "{id} at {step}");
        }
        let filter = only(|f| f.package = Some("cve-old".into()));
        assert!(pages(subject.ledger(), &filter).await.is_empty());
        if step % 2 == 0 {
            subject.restart().await;
        } else {
            subject.settle().await;
        }
    }
}
