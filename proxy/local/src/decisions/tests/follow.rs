//! The log read as it grows.

use jiff::Timestamp;

use super::*;

fn entry(number: i64) -> LogEntry {
    let at = Timestamp::from_second(1_700_000_000 + number).unwrap();
    LogEntry::new(at, LineKind::Pull)
}

async fn log(lines: i64) -> (tempfile::TempDir, DecisionLog) {
    let home = tempfile::tempdir().unwrap();
    let (log, _) = DecisionLog::open(home.path()).unwrap();
    let mut appending = tokio::task::JoinSet::new();
    for number in 0..lines {
        let log = log.clone();
        appending.spawn(async move { log.append(entry(number)).await.unwrap() });
    }
    appending.join_all().await;
    (home, log)
}

#[tokio::test]
async fn lines_are_given_in_order_from_any_position_and_none_twice() {
    let (home, log) = log(1_203).await;
    let reader = LogReader::of(home.path());
    let start = Position::before_the_first();
    let mut cursor = reader.find(start).await.unwrap().unwrap();
    let mut seqs = Vec::new();
    while cursor.is_before(log.end()) {
        // As after a start: from what is kept alone.
        let found = reader.find(cursor.position.clone()).await.unwrap();
        assert_eq!(found.as_ref(), Some(&cursor));
        let followed = reader.after(cursor, log.end()).await.unwrap();
        assert!(followed.lines.len() <= 500);
        seqs.extend(followed.lines.iter().map(|it| it.line.seq));
        cursor = followed.next;
    }
    assert_eq!(seqs, (1..=1_203).collect::<Vec<u64>>());
    assert_eq!(reader.last(log.end()).await.unwrap(), cursor);
    let again = reader.after(cursor, log.end()).await.unwrap();
    assert!(again.lines.is_empty());
}

#[tokio::test]
async fn a_position_of_another_log_is_not_found() {
    let (home, _log) = log(3).await;
    let reader = LogReader::of(home.path());
    for seq in [2, 9] {
        let hash = Digest::of(b"another");
        let found = reader.find(Position { seq, hash }).await.unwrap();
        assert_eq!(found, None);
    }
}

#[tokio::test]
async fn what_is_not_on_disk_for_good_is_not_given_and_what_is_damaged_is_counted() {
    let (home, log) = log(3).await;
    let reader = LogReader::of(home.path());
    let first = reader
        .find(Position::before_the_first())
        .await
        .unwrap()
        .unwrap();
    let of_one = reader.after(first.clone(), log.end()).await.unwrap().lines;
    let end = LogEnd {
        bytes: of_one[0].bytes.len() as u64 + 1,
        seq: 1,
    };
    assert_eq!(
        reader.after(first.clone(), end).await.unwrap().lines.len(),
        1
    );
    let path = home.path().join(Decisions::FILE);
    let text = std::fs::read_to_string(&path).unwrap();
    std::fs::write(&path, text.replacen("\"seq\":2", "\"seq\":7", 1)).unwrap();
    let followed = reader.after(first, log.end()).await.unwrap();
    let seqs: Vec<u64> = followed.lines.iter().map(|it| it.line.seq).collect();
    assert_eq!((seqs, followed.damaged), (vec![1, 3], 1));
    assert!(followed.lines[0].line.time > Timestamp::UNIX_EPOCH);
}
