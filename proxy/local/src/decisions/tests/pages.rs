//! Pages and filters: what they list, and how little they read for it.

use sluicegate_model::verdict::Reason;

use super::Order::{Newest, Oldest};
use super::*;

fn page(order: Order, after: Option<u64>, limit: usize) -> PageOf {
    PageOf {
        order,
        after,
        limit,
    }
}

fn seqs(directory: &Path, filter: &DecisionFilter, of: PageOf) -> (Vec<u64>, Option<u64>) {
    let page = read(directory, filter, of).unwrap();
    let seqs = page.items.iter().map(|line| line.seq).collect();
    (seqs, page.next)
}

#[tokio::test]
async fn pages_go_on_where_the_one_before_ended_in_both_orders() {
    let directory = log_of(500).await;
    let all = DecisionFilter::default();
    let seqs = |order, after, limit| seqs(directory.path(), &all, page(order, after, limit));
    assert_eq!(seqs(Newest, None, 3), (vec![500, 499, 498], Some(498)));
    assert_eq!(seqs(Newest, Some(498), 2), (vec![497, 496], Some(496)));
    assert_eq!(seqs(Newest, Some(3), 2), (vec![2, 1], None));
    assert_eq!(seqs(Newest, Some(1), 2), (vec![], None));
    assert_eq!(seqs(Newest, Some(9_000), 1), (vec![500], Some(500)));
    assert_eq!(seqs(Oldest, None, 3), (vec![1, 2, 3], Some(3)));
    assert_eq!(seqs(Oldest, Some(3), 2), (vec![4, 5], Some(5)));
    assert_eq!(seqs(Oldest, Some(498), 5), (vec![499, 500], None));
    assert_eq!(seqs(Oldest, Some(500), 5), (vec![], None));
    for seq in 1..=500 {
        let line = read_line(directory.path(), seq).unwrap().unwrap();
        assert_eq!(line.seq, seq);
    }
    assert_eq!(read_line(directory.path(), 0).unwrap(), None);
    assert_eq!(read_line(directory.path(), 501).unwrap(), None);
    let nothing = tempfile::tempdir().unwrap();
    let empty = read(nothing.path(), &all, page(Newest, None, 9)).unwrap();
    assert!(empty.items.is_empty());
    assert!(verify(nothing.path()).unwrap().is_sound());
}

#[tokio::test]
async fn a_page_of_a_long_log_reads_what_it_shows() {
    let directory = log_of(10_000).await;
    let all = DecisionFilter::default();
    for (of, first) in [
        (page(Newest, None, 100), 10_000),
        (page(Newest, Some(5_000), 100), 4_999),
        (page(Oldest, Some(5_000), 100), 5_001),
    ] {
        let page = read(directory.path(), &all, of).unwrap();
        assert_eq!(page.items[0].seq, first);
        assert_eq!(page.searched.lines, 100);
        assert!(page.searched.bytes < 100_000, "{:?}", page.searched);
    }
}

#[tokio::test]
async fn filters_say_how_far_they_looked_and_end_by_themselves() {
    let directory = tempfile::tempdir().unwrap();
    let (log, _) = DecisionLog::open(directory.path()).unwrap();
    let long = |second| LogEntry {
        user_agent: Some("x".repeat(500)),
        basis: Grounds {
            reasons: vec![Reason {
                rule: "r".to_owned().into(),
                action: Decision::Refuse,
                message: "m".repeat(500),
                findings: (0..1_000).map(|n| format!("CVE-2026-{n:07}")).collect(),
            }],
            ..Grounds::default()
        },
        ..entry(second)
    };
    for number in 0..1_200 {
        log.append(long(number)).await.unwrap();
    }
    let nothing = DecisionFilter {
        client: Some("203.0.113.9".into()),
        ..DecisionFilter::default()
    };
    let mut after = None;
    let mut pages = 0;
    let mut looked_at = 0;
    loop {
        let page = read(directory.path(), &nothing, page(Newest, after, 10)).unwrap();
        assert!(page.items.is_empty());
        assert!(
            page.searched.bytes < 17 * 1024 * 1024,
            "{:?}",
            page.searched
        );
        looked_at += page.searched.lines;
        pages += 1;
        after = page.next;
        if after.is_none() {
            break;
        }
        assert_eq!(page.searched.to_seq, after);
    }
    assert!(pages > 1, "the log is longer than one page may read");
    assert_eq!(looked_at, 1_200, "no line twice, none left out");
}

/// Gives a filter of one field, or of a few.
fn only(set: impl FnOnce(&mut DecisionFilter)) -> DecisionFilter {
    let mut filter = DecisionFilter::default();
    set(&mut filter);
    filter
}

/// Writes lines that differ, each in one thing, and lines that only look as if.
async fn varied_log() -> TempDir {
    let (directory, log) = open_log();
    let spoken = Grounds {
        reasons: vec![Reason {
            rule: "fixable".to_owned().into(),
            action: Decision::Refuse,
            message: "says \"rule\":\"forged\" and CVE-2026-9".into(),
            findings: vec!["CVE-2026-1".into(), "GHSA-aaaa".into()],
        }],
        ..Grounds::default()
    };
    let changed = |second, set: &dyn Fn(&mut LogEntry)| {
        let mut entry = entry(second);
        set(&mut entry);
        entry
    };
    let entries = [
        entry(0),
        changed(1, &|entry| entry.basis = spoken.clone()),
        changed(2, &|entry| entry.principal = Some("key:ci".into())),
        changed(3, &|entry| entry.repository = Some("up.test/other".into())),
        changed(4, &|entry| entry.client = Some("2001:db8::1".into())),
        changed(5, &|entry| entry.asked = Some(Digest::of(b"index"))),
        LogEntry::new(at(6), LineKind::Policy),
        changed(7, &|entry| {
            entry.user_agent = Some("\"client\":\"203.0.113.9\"".into());
        }),
    ];
    for entry in entries {
        log.append(entry).await.unwrap();
    }
    directory
}

#[tokio::test]
async fn every_filter_finds_its_lines_and_no_others() {
    let directory = varied_log().await;
    let named = |id: &str| only(|filter| filter.vulnerability = Some(id.into()));
    let ruled = |rule: &str| only(|filter| filter.rule = Some(rule.to_owned().into()));
    let asked_by = |client: &str| only(|filter| filter.client = Some(client.into()));
    for (filter, wanted) in [
        (ruled("fixable"), &[2][..]),
        (ruled("forged"), &[]),
        (named("cve-2026-1"), &[2]),
        (named("ghsa-AAAA"), &[2]),
        (named("CVE-2026-9"), &[]),
        (only(|f| f.principal = Some("key:ci".into())), &[3]),
        (
            only(|f| f.repository = Some("up.test/other".parse().unwrap())),
            &[4],
        ),
        (asked_by("2001:db8::1"), &[5]),
        (asked_by("203.0.113.9"), &[]),
        (only(|f| f.digests = vec![Digest::of(b"index")]), &[6]),
        (only(|f| f.kind = Some(LineKind::Policy)), &[7]),
        (only(|f| f.since = Some(at(6))), &[8, 7]),
        (only(|f| f.until = Some(at(1))), &[1]),
        (
            only(|f| (f.since, f.until) = (Some(at(3)), Some(at(5)))),
            &[5, 4],
        ),
    ] {
        let (found, _) = seqs(directory.path(), &filter, page(Newest, None, 100));
        assert_eq!(found, wanted, "{filter:?}");
        let (mut found, _) = seqs(directory.path(), &filter, page(Oldest, None, 100));
        found.reverse();
        assert_eq!(found, wanted, "{filter:?}");
    }
}

#[tokio::test]
async fn a_line_is_bounded_whatever_is_put_into_it() {
    let (directory, log) = open_log();
    let evil = "\u{1}".repeat(5_000);
    let mut verdict = verdict(Decision::Refuse);
    verdict.reasons = vec![
        Reason {
            rule: evil.clone().into(),
            action: Decision::Refuse,
            message: evil.clone(),
            findings: vec!["CVE-2026-1".into(); 20_000],
        };
        100
    ];
    verdict.allowed_by = vec![evil.clone(); 1_000];
    let pull = Pull {
        who: Who {
            user_agent: Some(evil.clone()),
            principal: Some(Principal::Key(evil)),
            ..from("192.0.2.1")
        },
        rests_on: Some(Arc::new(verdict)),
        ..get("a")
    };
    PullLog::new(log).record(pull, at(0)).await.unwrap();
    let text = fs::read(directory.path().join(Decisions::FILE)).unwrap();
    assert!(text.len() <= 64 * 1024, "{}", text.len());
    let line = lines(directory.path()).pop().unwrap();
    let ids = &line.reasons[0].findings;
    assert!(ids.last().unwrap().ends_with("more)"), "{:?}", ids.last());
    assert!(verify(directory.path()).unwrap().is_sound());
}
