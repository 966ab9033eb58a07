//! Which access keys the log knows of, by its lines and by what was seen of them before.

use sluicegate_engine::audit::{About, KeyLine};
use sluicegate_engine::instance_key::{InstanceKey, KEY_BYTES};

use super::*;
use crate::decisions::logged_book;

fn instance() -> InstanceKey {
    InstanceKey::of(&[1; KEY_BYTES])
}

fn found(directory: &Path) -> Option<Digest> {
    found_of(directory, About::Keys)
}

fn found_of(directory: &Path, about: About) -> Option<Digest> {
    logged_book(directory, &instance(), about).unwrap()
}

async fn record(log: &PullLog, keys: Option<&Digest>) {
    record_of(log, About::Keys, keys).await;
}

async fn record_of(log: &PullLog, about: About, book: Option<&Digest>) {
    let line = KeyLine {
        about,
        who: from("192.0.2.1"),
        rule: "key-made",
        words: "a key was made".to_owned(),
        book: book.cloned(),
    };
    log.record_key(line, Timestamp::UNIX_EPOCH).await.unwrap();
}

#[tokio::test]
async fn the_last_line_about_a_change_counts_whatever_came_since() {
    let home = tempfile::tempdir().unwrap();
    assert_eq!(found(home.path()), None, "there is no log");
    let (log, _) = DecisionLog::open(home.path()).unwrap();
    let log = PullLog::new(log);
    let (one, other) = (Digest::of(b"one"), Digest::of(b"other"));
    record(&log, None).await;
    assert_eq!(found(home.path()), None, "a use changes nothing");
    record(&log, Some(&one)).await;
    assert_eq!(found(home.path()), Some(one.clone()));
    for _ in 0..300 {
        record(&log, None).await;
    }
    assert_eq!(
        found(home.path()),
        Some(one.clone()),
        "by what was seen before"
    );
    let seen = home.path().join("keys.seen");
    let of_then = std::fs::read(&seen).unwrap();
    record(&log, Some(&other)).await;
    assert_eq!(found(home.path()), Some(other.clone()));
    // Whoever takes it away, puts an older one back or writes another one changes nothing.
    for put in [None, Some(of_then), Some(b"{}".to_vec())] {
        match put {
            None => std::fs::remove_file(&seen).unwrap(),
            Some(bytes) => std::fs::write(&seen, bytes).unwrap(),
        }
        assert_eq!(found(home.path()), Some(other.clone()));
    }
}

#[tokio::test]
async fn what_was_seen_of_another_log_proves_nothing() {
    let (home, shorter) = (tempfile::tempdir().unwrap(), tempfile::tempdir().unwrap());
    let keys = Digest::of(b"keys");
    let (log, _) = DecisionLog::open(home.path()).unwrap();
    let log = PullLog::new(log);
    for _ in 0..5 {
        record(&log, Some(&keys)).await;
    }
    assert_eq!(found(home.path()), Some(keys));
    let (log, _) = DecisionLog::open(shorter.path()).unwrap();
    record(&PullLog::new(log), None).await;
    std::fs::copy(
        home.path().join("keys.seen"),
        shorter.path().join("keys.seen"),
    )
    .unwrap();
    assert_eq!(found(shorter.path()), None);
}

#[tokio::test]
async fn what_was_seen_cannot_be_kept_and_is_found_all_the_same() {
    let home = tempfile::tempdir().unwrap();
    let (log, _) = DecisionLog::open(home.path()).unwrap();
    let keys = Digest::of(b"keys");
    record(&PullLog::new(log), Some(&keys)).await;
    // A directory is in the way, as a full disk would be.
    std::fs::create_dir(home.path().join("keys.seen.new")).unwrap();
    assert_eq!(found(home.path()), Some(keys));
}

#[tokio::test]
async fn keys_and_scanners_are_told_apart() {
    let home = tempfile::tempdir().unwrap();
    let (log, _) = DecisionLog::open(home.path()).unwrap();
    let log = PullLog::new(log);
    let (keys, scanners) = (Digest::of(b"keys"), Digest::of(b"scanners"));
    record_of(&log, About::Scanners, Some(&scanners)).await;
    assert_eq!(found(home.path()), None);
    record(&log, Some(&keys)).await;
    for _ in 0..2 {
        assert_eq!(found(home.path()), Some(keys.clone()));
        let told = found_of(home.path(), About::Scanners);
        assert_eq!(told.as_ref(), Some(&scanners));
    }
}
