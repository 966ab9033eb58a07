//! Promises of the decision log: chain, durability of form, repair, and what counts as a pull.

use std::fs;
use std::path::Path;

use jiff::{SignedDuration, Timestamp};
use sluicegate_model::Digest;
use sluicegate_model::verdict::Decision;
use tempfile::TempDir;

use super::open::FILE_NAME;
use super::*;
use crate::durable::Disk;

fn open_log() -> (TempDir, DecisionLog) {
    let directory = tempfile::tempdir().unwrap();
    let (log, report) = DecisionLog::open(directory.path()).unwrap();
    assert_eq!((report.last_seq, report.torn), (0, None));
    (directory, log)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn entry(second: i64) -> Entry {
    Entry {
        time: at(second),
        client: "192.0.2.1".into(),
        user_agent: Some("a \"quoted\"\nagent".into()),
        principal: None,
        repository: "up.test/app".parse().unwrap(),
        tag: Some("1".parse().unwrap()),
        digest: Digest::of(b"image"),
        decision: if second % 2 == 0 {
            Decision::Allow
        } else {
            Decision::Refuse
        },
        policy: Some("default".into()),
        rule: None,
        verdict: None,
        count: 1,
    }
}

fn pull(method: PullMethod, image: &str) -> Pull {
    Pull {
        client: "192.0.2.1".parse().unwrap(),
        user_agent: None,
        principal: None,
        repository: "up.test/app".parse().unwrap(),
        tag: None,
        digest: Digest::of(image.as_bytes()),
        method,
        decision: Decision::Allow,
        policy: None,
        rule: None,
        verdict: None,
    }
}

fn get(image: &str) -> Pull {
    pull(PullMethod::Get, image)
}

fn head(image: &str) -> Pull {
    pull(PullMethod::Head, image)
}

fn counts(directory: &Path) -> Vec<u64> {
    let page = read(directory, &DecisionFilter::default(), None, 1000).unwrap();
    page.items.iter().rev().map(|line| line.count).collect()
}

fn edit(directory: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let path = directory.join(FILE_NAME);
    let mut bytes = fs::read(&path).unwrap();
    change(&mut bytes);
    fs::write(&path, bytes).unwrap();
}

async fn log_of(lines: i64) -> TempDir {
    let (directory, log) = open_log();
    for number in 0..lines {
        log.append(entry(number)).await.unwrap();
    }
    directory
}

#[tokio::test]
async fn lines_have_exactly_the_promised_fields_in_order() {
    let directory = log_of(1).await;
    let text = fs::read_to_string(directory.path().join(FILE_NAME)).unwrap();
    let line: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    let mut names: Vec<_> = line
        .keys()
        .map(|name| (text.find(&format!("\"{name}\":")), name))
        .collect();
    names.sort();
    let names: Vec<_> = names.into_iter().map(|(_, name)| name.as_str()).collect();
    let promised = "seq time client user_agent principal repository tag digest decision policy rule verdict count prev hash";
    assert_eq!(names.join(" "), promised);
    assert_eq!(text.lines().count(), 1, "a client's newline split the line");
}

#[tokio::test]
async fn chain_goes_on_after_a_restart() {
    let directory = log_of(3).await;
    let (log, report) = DecisionLog::open(directory.path()).unwrap();
    assert_eq!((report.last_seq, report.torn), (3, None));
    assert_eq!(log.append(entry(3)).await.unwrap(), 4);
    let report = verify(directory.path()).unwrap();
    assert!(report.is_sound());
    assert_eq!((report.lines, report.last_seq), (4, 4));
}

#[tokio::test]
async fn concurrent_appends_are_all_there_with_their_own_numbers() {
    let (directory, log) = open_log();
    let appends = (0..300).map(|number| {
        let log = log.clone();
        tokio::spawn(async move { log.append(entry(number)).await.unwrap() })
    });
    let mut numbers = Vec::new();
    for append in appends.collect::<Vec<_>>() {
        numbers.push(append.await.unwrap());
    }
    numbers.sort_unstable();
    assert_eq!(numbers, (1..=300).collect::<Vec<_>>());
    assert_eq!(verify(directory.path()).unwrap().lines, 300);
}

#[tokio::test]
async fn second_process_may_read_but_not_write() {
    let (directory, log) = open_log();
    log.append(entry(0)).await.unwrap();
    assert!(matches!(
        DecisionLog::open(directory.path()),
        Err(LogError::InUse(_))
    ));
    assert_eq!(counts(directory.path()), [1]);
}

#[tokio::test]
async fn every_torn_end_is_set_aside_and_the_chain_goes_on() {
    let whole = log_of(3).await;
    let bytes = fs::read(whole.path().join(FILE_NAME)).unwrap();
    let newlines = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let ends: Vec<usize> = newlines.map(|(at, _)| at + 1).collect();
    for cut in (0..bytes.len())
        .step_by(7)
        .chain(ends.iter().map(|end| end - 1))
    {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(FILE_NAME), &bytes[..cut]).unwrap();
        let kept = ends.iter().filter(|end| **end <= cut).count() as u64;
        let (log, report) = DecisionLog::open(directory.path()).unwrap();
        assert_eq!(report.last_seq, kept, "cut at {cut}");
        assert_eq!(
            report.torn.is_some(),
            cut > 0 && !ends.contains(&cut),
            "cut at {cut}"
        );
        if let Some(torn) = report.torn {
            assert_eq!(fs::metadata(torn.kept_at).unwrap().len(), torn.bytes);
        }
        assert_eq!(log.append(entry(9)).await.unwrap(), kept + 1);
        assert!(verify(directory.path()).unwrap().is_sound(), "cut at {cut}");
    }
}

#[tokio::test]
async fn blocks_of_zeros_after_a_power_cut_are_set_aside() {
    let directory = log_of(3).await;
    edit(directory.path(), |bytes| {
        bytes.resize(bytes.len() + 200_000, 0);
    });
    let (_log, report) = DecisionLog::open(directory.path()).unwrap();
    assert_eq!(report.last_seq, 3);
    assert_eq!(report.torn.unwrap().bytes, 200_000);
}

#[tokio::test]
async fn verify_finds_every_edit_in_the_middle() {
    let original = log_of(5).await;
    let lines: Vec<Vec<u8>> = fs::read(original.path().join(FILE_NAME))
        .unwrap()
        .split_inclusive(|byte| *byte == b'\n')
        .map(<[u8]>::to_vec)
        .collect();
    let write = |lines: &[&Vec<u8>]| {
        let all: Vec<u8> = lines.iter().flat_map(|line| line.iter().copied()).collect();
        edit(original.path(), |bytes| *bytes = all);
        verify(original.path()).unwrap()
    };
    let [first, second, third, fourth, fifth] = &lines[..] else {
        panic!("five lines")
    };
    assert!(write(&[first, second, third, fourth, fifth]).is_sound());
    let hole = write(&[first, second, fourth, fifth]);
    assert_eq!((hole.fault_count, hole.faults[0].line), (1, 3));
    assert_eq!(
        hole.faults[0].kind,
        FaultKind::Unlinked {
            wanted_seq: 3,
            got_seq: 4
        }
    );
    assert!(
        !write(&[second, third, fourth, fifth]).is_sound(),
        "the first line is gone"
    );
    assert!(
        !write(&[first, third, second, fourth, fifth]).is_sound(),
        "two lines swapped"
    );
    assert!(
        !write(&[first, second, second, third]).is_sound(),
        "a line twice"
    );
    for at in (0..third.len()).step_by(5) {
        let mut altered = third.clone();
        altered[at] ^= 1;
        assert!(
            !write(&[first, second, &altered, fourth, fifth]).is_sound(),
            "byte {at}"
        );
    }
    let endless = vec![b'x'; 200_000];
    assert!(!write(&[first, &endless, b"\n".to_vec().as_ref(), second, third]).is_sound());
}

#[tokio::test]
async fn lists_newest_first_with_filters_and_pages() {
    let directory = log_of(500).await;
    let seqs = |filter: &DecisionFilter, after, limit| {
        let page = read(directory.path(), filter, after, limit).unwrap();
        (
            page.items.iter().map(|line| line.seq).collect::<Vec<_>>(),
            page.next,
        )
    };
    let all = DecisionFilter::default();
    assert_eq!(seqs(&all, None, 3), (vec![500, 499, 498], Some(498)));
    assert_eq!(seqs(&all, Some(498), 2), (vec![497, 496], Some(496)));
    assert_eq!(seqs(&all, Some(3), 2), (vec![2, 1], None));
    let refused = DecisionFilter {
        decision: Some(Decision::Refuse),
        since: Some(at(490)),
        until: Some(at(496)),
        ..DecisionFilter::default()
    };
    assert_eq!(seqs(&refused, None, 9), (vec![496, 494, 492], None));
    let elsewhere = DecisionFilter {
        repository: Some("up.test/other".parse().unwrap()),
        ..DecisionFilter::default()
    };
    assert_eq!(seqs(&elsewhere, None, 9), (vec![], None));
    let nothing = tempfile::tempdir().unwrap();
    assert!(
        read(nothing.path(), &all, None, 9)
            .unwrap()
            .items
            .is_empty()
    );
    assert!(verify(nothing.path()).unwrap().is_sound());
}

#[tokio::test]
async fn get_is_logged_at_once_and_its_repeats_with_the_next_line() {
    let (directory, log) = open_log();
    let pulls = PullLog::new(log);
    for second in [0, 1, 599] {
        pulls.record(get("a"), at(second)).await.unwrap();
        assert_eq!(counts(directory.path()), [1]);
    }
    pulls.record(get("b"), at(599)).await.unwrap();
    pulls.record(get("a"), at(600)).await.unwrap();
    assert_eq!(counts(directory.path()), [1, 1, 3]);
}

#[tokio::test]
async fn head_counts_only_when_no_get_follows_within_a_minute() {
    let (directory, log) = open_log();
    let pulls = PullLog::new(log);
    pulls.record(head("followed"), at(0)).await.unwrap();
    pulls.record(head("alone"), at(0)).await.unwrap();
    pulls.record(head("alone"), at(1)).await.unwrap();
    pulls.record(get("followed"), at(30)).await.unwrap();
    pulls.settle(at(59)).await.unwrap();
    assert_eq!(counts(directory.path()), [1]);
    pulls.settle(at(60)).await.unwrap();
    pulls.settle(at(200)).await.unwrap();
    assert_eq!(counts(directory.path()), [1, 1]);
    pulls.record(head("late"), at(300)).await.unwrap();
    pulls.drain(at(301)).await.unwrap();
    let page = read(directory.path(), &DecisionFilter::default(), None, 9).unwrap();
    let logged: Vec<_> = page.items.iter().map(|line| line.digest.clone()).collect();
    assert_eq!(
        logged,
        ["late", "alone", "followed"].map(|image| Digest::of(image.as_bytes()))
    );
}

#[tokio::test]
async fn heads_within_ten_minutes_of_a_line_are_repeats() {
    let (directory, log) = open_log();
    let pulls = PullLog::new(log);
    pulls.record(get("a"), at(0)).await.unwrap();
    for second in [100, 200, 300] {
        pulls.record(head("a"), at(second)).await.unwrap();
        pulls.settle(at(second + 60)).await.unwrap();
    }
    pulls.record(head("a"), at(400)).await.unwrap();
    pulls.record(get("a"), at(401)).await.unwrap();
    pulls.record(get("a"), at(700)).await.unwrap();
    assert_eq!(counts(directory.path()), [1, 5]);
}

#[tokio::test]
async fn changed_decision_and_another_client_are_lines_of_their_own() {
    let (directory, log) = open_log();
    let pulls = PullLog::new(log);
    pulls.record(get("a"), at(0)).await.unwrap();
    let refused = Pull {
        decision: Decision::Refuse,
        ..get("a")
    };
    pulls.record(refused, at(1)).await.unwrap();
    let other = Pull {
        client: "192.0.2.2".parse().unwrap(),
        ..get("a")
    };
    pulls.record(other, at(2)).await.unwrap();
    assert_eq!(counts(directory.path()), [1, 1, 1]);
}

#[tokio::test]
async fn clock_that_jumps_back_hides_no_pull() {
    let (directory, log) = open_log();
    let pulls = PullLog::new(log);
    pulls.record(get("a"), at(1000)).await.unwrap();
    pulls.record(get("a"), at(0)).await.unwrap();
    let far = at(0)
        .saturating_add(SignedDuration::from_hours(24))
        .unwrap();
    pulls.record(get("a"), far).await.unwrap();
    assert_eq!(counts(directory.path()), [1, 1, 1]);
}

#[tokio::test]
async fn who_pulled_is_told_newest_first_and_counted_past_its_bound() {
    let (directory, log) = open_log();
    let by = |client: String, second| Entry {
        client,
        count: 2,
        ..entry(second)
    };
    for number in 0..23 {
        log.append(by(format!("192.0.2.{number}"), number))
            .await
            .unwrap();
    }
    log.append(by("192.0.2.5".into(), 30)).await.unwrap();
    let elsewhere = Entry {
        repository: "up.test/other".parse().unwrap(),
        ..entry(31)
    };
    log.append(elsewhere).await.unwrap();
    let asked = |name: &str, second| Asked {
        repository: "up.test/app".parse().unwrap(),
        digest: Digest::of(name.as_bytes()),
        until: at(second),
    };
    let wanted = [
        asked("image", 60),
        asked("unheard of", 60),
        asked("image", 1),
    ];
    let found = pulled_by(directory.path(), &wanted).unwrap();
    let [pulled, nobody, earlier] = found.as_slice() else {
        panic!("{found:?}");
    };
    let clients: Vec<_> = pulled
        .clients
        .iter()
        .map(|p| (&*p.client, p.pulls))
        .collect();
    assert_eq!(
        clients[..3],
        [("192.0.2.5", 4), ("192.0.2.22", 2), ("192.0.2.21", 2)]
    );
    assert_eq!(pulled.clients[0].last, at(30));
    assert_eq!(pulled.clients[0].decision, Decision::Allow);
    assert_eq!(
        (clients.len(), pulled.others, pulled.complete),
        (20, 3, true)
    );
    assert_eq!((&nobody.clients[..], nobody.others), (&[][..], 0));
    let clients: Vec<_> = earlier.clients.iter().map(|p| &*p.client).collect();
    assert_eq!(clients, ["192.0.2.1", "192.0.2.0"]);
}

#[tokio::test]
async fn heads_of_a_clock_that_jumped_ahead_and_back_hold_up_no_others() {
    let (directory, log) = open_log();
    let pulls = PullLog::new(log);
    let year = 365 * 24 * 3600;
    pulls.record(head("ahead"), at(10 * year)).await.unwrap();
    pulls.record(head("back"), at(0)).await.unwrap();
    pulls.settle(at(60)).await.unwrap();
    assert_eq!(counts(directory.path()), [1, 1]);
    pulls.record(get("ahead"), at(61)).await.unwrap();
    pulls.record(get("ahead"), at(10 * year)).await.unwrap();
    assert_eq!(
        counts(directory.path()),
        [1, 1, 2],
        "windows end whichever way it jumps"
    );
}

#[tokio::test]
async fn after_a_sync_that_failed_nothing_is_acknowledged_until_one_succeeds() {
    let directory = tempfile::tempdir().unwrap();
    let disk = Disk::default();
    let (log, _) = DecisionLog::open_on(directory.path(), &disk).unwrap();
    let pulls = PullLog::new(log.clone());
    pulls.record(get("a"), at(0)).await.unwrap();
    pulls.prove().await.unwrap();
    disk.let_fail(true);
    pulls.prove().await.unwrap();
    assert!(pulls.record(get("b"), at(1)).await.is_err());
    for _ in 0..2 {
        assert!(pulls.prove().await.is_err(), "blobs stop as well");
        assert!(
            pulls.record(get("a"), at(2)).await.is_err(),
            "a repeat as well"
        );
    }
    assert_eq!(counts(directory.path()), [1]);

    disk.let_fail(false);
    pulls.prove().await.unwrap();
    pulls.record(get("b"), at(3)).await.unwrap();
    assert_eq!(counts(directory.path()), [1, 1]);
    assert_eq!(log.append(entry(4)).await.unwrap(), 3);
    assert!(verify(directory.path()).unwrap().is_sound());
}
