//! Promises of the decision log: its shape, its chain, and repair; each other part has its own file.

use std::fs;
use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use sluicegate_model::access::Rights;
use sluicegate_model::samples;
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Digest, Principal};
use tempfile::TempDir;

use super::line::Decisions;
use crate::chain::Chain as _;
use sluicegate_engine::audit::{Audit as _, Denial, Pull, PullMethod};
use sluicegate_engine::identity::Who;

use super::*;

mod earlier;
mod follow;
mod logged_book;
mod pages;
mod policies;
mod suite;
mod who;
mod windows;

fn open_log() -> (TempDir, DecisionLog) {
    let directory = tempfile::tempdir().unwrap();
    let (log, report) = DecisionLog::open(directory.path()).unwrap();
    assert_eq!((report.last_seq, report.torn), (0, None));
    (directory, log)
}

fn at(second: i64) -> Timestamp {
    Timestamp::from_second(1_700_000_000 + second).unwrap()
}

fn entry(second: i64) -> LogEntry {
    let decision = if second % 2 == 0 {
        Decision::Allow
    } else {
        Decision::Refuse
    };
    LogEntry {
        client: Some("192.0.2.1".into()),
        user_agent: Some("a \"quoted\"\nagent".into()),
        repository: Some("up.test/app".into()),
        tag: Some("1".into()),
        asked: Some(Digest::of(b"image")),
        served: Some(Digest::of(b"image")),
        decision: Some(decision),
        basis: Grounds {
            policy: Some("default".into()),
            ..Grounds::default()
        },
        ..LogEntry::new(at(second), LineKind::Pull)
    }
}

fn from(client: &str) -> Who {
    Who {
        client: client.parse().unwrap(),
        user_agent: None,
        principal: None,
        rights: Rights::everywhere(&[]),
    }
}

fn pull(method: PullMethod, image: &str) -> Pull {
    Pull {
        who: from("192.0.2.1"),
        repository: "up.test/app".parse().unwrap(),
        tag: None,
        digest: Digest::of(image.as_bytes()),
        in_place_of: None,
        leads_to: Vec::new(),
        method,
        rests_on: Some(Arc::new(verdict(Decision::Allow))),
    }
}

fn verdict(decision: Decision) -> Verdict {
    Verdict {
        decision,
        ..samples::verdict()
    }
}

fn refused(pull: Pull) -> Pull {
    Pull {
        rests_on: Some(Arc::new(verdict(Decision::Refuse))),
        ..pull
    }
}

fn get(image: &str) -> Pull {
    pull(PullMethod::Get, image)
}

fn head(image: &str) -> Pull {
    pull(PullMethod::Head, image)
}

/// Gives every line, as it was written.
fn lines(directory: &Path) -> Vec<DecisionLine> {
    let page = PageOf {
        order: Order::Oldest,
        after: None,
        limit: 10_000,
    };
    read(directory, &DecisionFilter::default(), page)
        .unwrap()
        .items
}

/// Gives the kind and count of every line.
fn told(directory: &Path) -> Vec<(LineKind, u64)> {
    let told = |line: &DecisionLine| (line.kind, line.count);
    lines(directory).iter().map(told).collect()
}

fn edit(directory: &Path, change: impl FnOnce(&mut Vec<u8>)) {
    let path = directory.join(Decisions::FILE);
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
    let text = fs::read_to_string(directory.path().join(Decisions::FILE)).unwrap();
    let line: serde_json::Map<String, serde_json::Value> = serde_json::from_str(&text).unwrap();
    let mut names: Vec<_> = line
        .keys()
        .map(|name| (text.find(&format!("\"{name}\":")), name))
        .collect();
    names.sort();
    let names: Vec<_> = names.into_iter().map(|(_, name)| name.as_str()).collect();
    let promised = "seq time type client user_agent principal repository tag asked served platform \
        decision reasons policy policies feeds fingerprint allowed_by count prev hash";
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
        Err(LogError::InUse(..))
    ));
    assert_eq!(lines(directory.path()).len(), 1);
}

#[tokio::test]
async fn every_torn_end_is_set_aside_and_the_chain_goes_on() {
    let whole = log_of(3).await;
    let bytes = fs::read(whole.path().join(Decisions::FILE)).unwrap();
    let newlines = bytes.iter().enumerate().filter(|(_, byte)| **byte == b'\n');
    let ends: Vec<usize> = newlines.map(|(at, _)| at + 1).collect();
    for cut in (0..bytes.len())
        .step_by(7)
        .chain(ends.iter().map(|end| end - 1))
    {
        let directory = tempfile::tempdir().unwrap();
        fs::write(directory.path().join(Decisions::FILE), &bytes[..cut]).unwrap();
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
    let lines: Vec<Vec<u8>> = fs::read(original.path().join(Decisions::FILE))
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
