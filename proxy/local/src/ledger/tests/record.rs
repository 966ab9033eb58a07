//! The record and its rows: what is in the one is in the others, however the program ended.

use jiff::Timestamp;
use sluicegate_engine::ledger::term::Term;
use sluicegate_engine::ledger::{
    Bases as _, InPackage, Judged, Known, Record as _, RecordFilter, Weaknesses,
};
use sluicegate_engine::testkit::ledger_suite::bases;
use sluicegate_model::access::Reach;

use super::*;
use crate::durable::Disk;
use crate::ledger::record_row::RecordRow;
use crate::record::{TurnLog, verify};

struct Kept {
    home: TempDir,
    store: Arc<MemoryStore>,
}

impl Kept {
    fn new() -> Self {
        Self {
            home: tempfile::tempdir().unwrap(),
            store: Arc::new(MemoryStore::new()),
        }
    }

    fn records(&self) -> Records {
        let content = ContentStore::open(&self.home.path().join("content"), 1 << 30).unwrap();
        Records::new(Arc::clone(&self.store) as _, Arc::new(content))
    }

    fn recording(&self) -> Records {
        let (log, _) = TurnLog::open(&self.home.path().join("decisions")).unwrap();
        self.records().recording(log)
    }
}

async fn told(records: &Records, weakness: &str) -> Vec<(String, i64, Option<i64>)> {
    let filter = RecordFilter {
        reach: Reach::EVERYTHING,
        weakness: weakness.to_owned(),
        repository: None,
        is_there: None,
    };
    let page = records.recorded(&filter, 100, None).await.unwrap();
    let since = |time: Timestamp| time.as_second() - second(0).as_second();
    let items = page.items.into_iter().map(|it| {
        let withdrawn = it.withdrawn.map(since);
        (
            it.image.repository.to_string(),
            since(it.first_seen),
            withdrawn,
        )
    });
    items.collect()
}

#[tokio::test]
async fn what_was_recorded_before_a_crash_is_in_the_rows_afterwards() {
    let kept = Kept::new();
    let records = kept.recording();
    put(
        &records,
        &verdict("app", "a", 0, vec![finding("CVE-1", "zlib")]),
    )
    .await;
    let _rows = told(&records, "CVE-1").await;
    records.at_rest().await;
    // Recorded, and the program ends before a row is written or the verdict is.
    let gone = verdict("app", "a", 7, Vec::new());
    let known = records
        .known_verdict(&gone.scope(), &gone.digest)
        .await
        .unwrap();
    let new = Replacement::new(&mut gone.clone(), &known).unwrap();
    records
        .record(new.turn.into_iter().collect())
        .await
        .unwrap();
    drop(records);
    let records = kept.recording();
    let app = "up.test/app".to_owned();
    assert_eq!(told(&records, "CVE-1").await, [(app.clone(), 0, Some(7))]);
    // It is judged again, and the record says the same.
    put(&records, &gone).await;
    assert_eq!(told(&records, "CVE-1").await, [(app, 0, Some(7))]);
    let report = verify(&kept.home.path().join("decisions")).unwrap();
    assert_eq!((report.lines, report.is_sound()), (3, true));
}

#[tokio::test]
async fn rows_that_are_lost_are_made_anew_from_the_first_line_on() {
    let kept = Kept::new();
    let records = kept.recording();
    let first = [finding("CVE-1", "zlib"), finding("CVE-2", "zlib")];
    put(&records, &verdict("app", "a", 0, first.to_vec())).await;
    put(&records, &verdict("app", "a", 5, first[..1].to_vec())).await;
    let before = [told(&records, "CVE-1").await, told(&records, "CVE-2").await];
    records.at_rest().await;
    let row = Op::Delete {
        key: keys::record_row(0),
    };
    records.store.apply(vec![row]).await.unwrap();
    put(&records, &verdict("other", "b", 9, first[1..].to_vec())).await;
    let after = [told(&records, "CVE-1").await, told(&records, "CVE-2").await];
    assert_eq!(after[0], before[0]);
    let other = ("up.test/other".to_owned(), 9, None);
    assert_eq!(after[1], [vec![other], before[1].clone()].concat());
    // So they are where the record is another one than was read.
    records.at_rest().await;
    drop(records);
    std::fs::remove_dir_all(kept.home.path().join("decisions")).unwrap();
    let records = kept.recording();
    put(&records, &verdict("app", "a", 20, first.to_vec())).await;
    assert_eq!(
        told(&records, "CVE-2").await,
        [("up.test/app".to_owned(), 20, None)]
    );
}

#[tokio::test]
async fn verdicts_of_a_time_without_a_record_are_taken_into_it_once() {
    let kept = Kept::new();
    let records = kept.records();
    for number in 0..100 {
        let found = vec![finding("CVE-1", "zlib")];
        put(
            &records,
            &verdict("app", &number.to_string(), number, found),
        )
        .await;
    }
    drop(records);
    for _ in 0..2 {
        let records = kept.recording();
        records.make_index_whole().await.unwrap();
        assert_eq!(told(&records, "CVE-1").await.len(), 100);
        records.at_rest().await;
    }
    // All of them alike, so that two lines hold them.
    let report = verify(&kept.home.path().join("decisions")).unwrap();
    assert_eq!(report.lines, 100_u64.div_ceil(50) + 1);
}

#[tokio::test]
async fn nothing_is_decided_that_cannot_be_recorded() {
    let kept = Kept::new();
    let disk = Disk::default();
    let (log, _) = TurnLog::open_on(&kept.home.path().join("decisions"), &disk).unwrap();
    let records = kept.records().recording(log);
    let mut found = verdict("app", "a", 0, vec![finding("CVE-1", "zlib")]);
    disk.let_fail(true);
    let new = Replacement::new(&mut found, &Known::default()).unwrap();
    records.replace_verdicts(vec![new]).await.unwrap_err();
    let stored = records.verdict(&found.scope(), &found.digest).await;
    assert_eq!(stored.unwrap(), None);
    disk.let_fail(false);
    put(&records, &found).await;
    assert_eq!(told(&records, "CVE-1").await.len(), 1);
}

#[test]
fn a_row_is_bounded_whatever_an_image_was_found_to_have() {
    let image = crate::ledger::record_earlier::image_of(&Judged {
        digest: Digest::of(b"image"),
        scope: sluicegate_model::Scope::for_all("up.test/app".parse().unwrap()),
    });
    let mut row = RecordRow::of(&image);
    for round in 0..6 {
        let mut found = Weaknesses::default();
        for number in 0..8_000 {
            let package = InPackage {
                name: format!("{round} {number} {}", "x".repeat(180)),
                version: "y".repeat(200),
            };
            let id = format!("CVE-{round}-{number}");
            found.0.entry(package).or_default().insert(id);
        }
        row.turn(second(round), true, (&found, &Weaknesses::default()));
        let body = postcard::to_allocvec(&row).unwrap();
        assert!(body.len() < 256 * 1024, "{}", body.len());
    }
    let newest = row.told(Term::recorded("CVE-5-7999")).unwrap();
    assert_eq!((newest.first_seen, newest.withdrawn), (second(5), None));
    let earlier = row.told(Term::recorded("CVE-4-0")).unwrap();
    assert_eq!(earlier.withdrawn, Some(second(5)));
    assert_eq!(row.told(Term::recorded("CVE-0-0")), None);
}

#[tokio::test]
async fn what_verdicts_rest_on_is_recorded_once_whenever_it_is_another() {
    let kept = Kept::new();
    let records = kept.recording();
    for (policies, at) in [("one", 0), ("one", 1), ("two", 2), ("one", 3)] {
        let basis = bases::basis(policies);
        records.number_basis(&basis, second(at)).await.unwrap();
    }
    let text = fs::read_to_string(kept.home.path().join("decisions/record.jsonl")).unwrap();
    let line = |line: &str| -> serde_json::Value { serde_json::from_str(line).unwrap() };
    let told: Vec<_> = text.lines().map(line).collect();
    let policies: Vec<_> = told.iter().map(|it| it["policies"].as_str()).collect();
    let of = |text: &str| Digest::of(text.as_bytes()).to_string();
    let [one, two] = [of("one"), of("two")];
    assert_eq!(policies, [Some(&*one), Some(&*two), Some(&*one)]);
    assert!(told.iter().all(|it| it["images"] == serde_json::json!([])));
}
