//! Pins the rows of each version: what is written is the newest, and every one is read.
//!
//! A line of a pinned file is a row's name and its bytes, escaped where they are no printable ASCII.

use std::collections::HashMap;
use std::fs::File;
use std::sync::Arc;

use serde_json::json;
use sluicegate_engine::events::{
    BlockedPulls, Event, ExceptionEnding, GraceEnding, Happening, LetThrough, LossReason,
    ScannerLoss, StaleFeed, difference,
};
use sluicegate_engine::ledger::{
    BasisNumber, InPackage, RecordedImage, Stamp, Summary, TagHistory, TagRecord, Weaknesses,
    stored, term,
};
use sluicegate_model::Domain;
use sluicegate_model::snapshot::SnapshotId;

use super::super::head::SummaryRow;
use super::super::index::IndexEntry;
use super::super::pull_row::PullRow;
use super::super::record_row::RecordRow;
use super::super::rows::{BasisRow, ImageRow, MemberRow, VerdictBody, VerdictRow};
use super::super::{event_rows, version};
use super::*;

/// Those of every version, the oldest first.
const PINNED: [&str; 3] = [
    include_str!("versions/0.txt"),
    include_str!("versions/1.txt"),
    include_str!("versions/2.txt"),
];

fn body(op: Op) -> Vec<u8> {
    match op {
        Op::Put { body, .. } => body.to_vec(),
        Op::Delete { key } => panic!("{key:?} is removed"),
    }
}

fn row(row: &impl serde::Serialize) -> Vec<u8> {
    body(rows::put(Key::from(&b"key"[..]), row).unwrap())
}

fn verdict_row(row: &VerdictRow) -> Vec<u8> {
    body(rows::put_verdict(Key::from(&b"key"[..]), row).unwrap())
}

fn event(event: &Event) -> Vec<u8> {
    [version::begin(), stored::event_text(event).unwrap()].concat()
}

/// An event about no verdict.
fn lost() -> Event {
    let loss = ScannerLoss {
        scanner: "site".into(),
        enrolment: "1".into(),
        reason: LossReason::Away,
        last_seen: None,
        detail: None,
    };
    Event::new(8, second(1), Happening::ScannerLost(loss))
}

/// One event of every other kind that is about no difference.
fn others() -> Vec<(&'static str, Vec<u8>)> {
    let (digest, repository) = (Digest::of(b"manifest"), repository("app"));
    let rule = || "critical".to_owned().into();
    let blocked = BlockedPulls {
        repository: Some(repository.clone()),
        tag: Some("1".parse().unwrap()),
        digest: Some(digest.clone()),
        policy: Some("prod".into()),
        rule: Some(rule()),
        message: Some("1 finding".into()),
        client: "192.0.2.1".into(),
        principal: None,
        count: 3,
        first: second(1),
        last: second(2),
    };
    let exception = ExceptionEnding {
        exception: "until-june".into(),
        vulnerability: "CVE-1".into(),
        images: vec!["up.test/*".into()],
        owner: None,
        file: "p.yaml".into(),
        ends: second(9),
        days_before: 7,
    };
    let feed = StaleFeed {
        family: Some("Debian".into()),
        newest: Some(second(1)),
        at_most_seconds: Some(60),
        expired: None,
    };
    let grace = GraceEnding {
        digest: digest.clone(),
        repository: repository.clone(),
        policy: "prod".into(),
        rule: rule(),
        since: second(1),
        ends: second(9),
    };
    let glass = LetThrough {
        digest,
        repository,
        by: "root".into(),
        reason: "it burns".into(),
        until: second(9),
    };
    let rows = [
        ("blocked", Happening::PullBlocked(blocked)),
        ("exception", Happening::ExceptionEnding(exception)),
        ("feed", Happening::FeedStale(feed)),
        ("grace", Happening::GraceEnding(grace)),
        ("glass", Happening::BreakGlass(glass)),
    ];
    let row = |(name, happened)| (name, event(&Event::new(9, second(1), happened)));
    let listed = IndexEntry::between(0, &[], &term::of_verdict(&samples::verdict()));
    let first = [
        ("logged", self::row(&listed)),
        ("told", self::row(&second(9))),
        ("recorded", self::row(&recorded())),
    ];
    first.into_iter().chain(rows.map(row)).collect()
}

/// What is recorded of an image that had one weakness and has another.
fn recorded() -> RecordRow {
    let package = InPackage {
        name: "zlib".to_owned(),
        version: "1".to_owned(),
    };
    let one = |id: &str| Weaknesses([(package.clone(), [id.to_owned()].into())].into());
    let nothing = Weaknesses::default();
    let mut row = RecordRow::of(&RecordedImage {
        repository: repository("app"),
        digest: Digest::of(b"manifest"),
        domain: Domain::Here,
    });
    row.turn(second(1), true, (&one("CVE-1"), &nothing));
    row.turn(second(2), false, (&one("CVE-2"), &one("CVE-1")));
    row
}

/// Who pulled an image: two clients that are named, one that is not, and one that waits.
fn pulled() -> PullRow {
    let once = |time: i64, principal: Option<&str>| json!({"time": time, "client": "192.0.2.1", "principal": principal, "user_agent": "agent/1"});
    let client = |name: &str, pulls: u64| json!({"client": name, "principal": null, "pulls": pulls, "last": 1_700_000_000_000_000_000_i64});
    let row = json!({
        "first": once(1_700_000_000_000_000_000, None),
        "last": once(1_700_000_000_000_000_001, Some("ci")),
        "pulls": 300,
        "refused": 1,
        "clients": [client("192.0.2.1", 2), client("192.0.2.2", 290)],
        "others": [[(1_u64 << 48) - 1, 8]],
        "pending": [[7, 1]],
    });
    serde_json::from_value(row).unwrap()
}

/// Writes one row of every kind.
fn written() -> Vec<(&'static str, Vec<u8>)> {
    let (new, mut old) = (samples::verdict(), samples::verdict());
    old.findings.truncate(2);
    old.provenance.feeds = SnapshotId::NO_FEEDS;
    let change =
        Happening::VerdictChanged(Box::new(difference((&old, &old.findings), &new).unwrap()));
    let changed = Event::new(7, second(1), change);
    let (summary, digest) = (Summary::of(&new), Digest::of(b"manifest"));
    let [text, everything] = [&new, &samples::verdict_with_everything()]
        .map(|verdict| stored::verdict_text(verdict).unwrap());
    let media_type = "application/x".to_owned();
    let inline = VerdictBody::Inline(b"compressed".into());
    let elsewhere = VerdictBody::Document(format!("{} {digest}", repository("app")));
    let based = VerdictBody::Based {
        stamp: Box::new(Stamp::of(&summary)),
        text: digest.clone(),
        text_bytes: 100,
        is_document: false,
    };
    let member = MemberRow {
        media_type: media_type.clone(),
        blobs: vec![digest.clone()],
        children: Vec::new(),
    };
    let tag = TagRecord {
        digest: digest.clone(),
        media_type,
        checked_at: second(2),
    };
    let mut tagged = TagHistory::default();
    assert!(tagged.note(None, &tag));
    let image = ImageRow {
        analyzers: 1 << 31,
        number: 300,
    };
    let verdict = |body, basis| verdict_row(&VerdictRow::of(&summary, body, BasisNumber(basis)));
    let rows = vec![
        ("text", text),
        ("everything", everything),
        ("verdict", verdict(inline, 0)),
        ("document", verdict(elsewhere, 0)),
        ("based", verdict(based.clone(), 0)),
        ("numbered", verdict(based, 300)),
        (
            "basis",
            row(&BasisRow {
                number: BasisNumber(300),
                basis: digest.clone(),
            }),
        ),
        ("summary", row(&SummaryRow::of(&summary, true).unwrap())),
        ("event", event(&changed)),
        ("lost", event(&lost())),
        ("head", row(&changed.seq)),
        ("member", row(&member)),
        ("tag", row(&tag)),
        ("tagged", row(&tagged)),
        ("image", row(&image)),
        ("pulled", row(&pulled())),
    ];
    rows.into_iter().chain(others()).collect()
}

/// Reads a row and writes it again; none where it cannot be read.
fn again(name: &str, bytes: &[u8]) -> Option<Vec<u8>> {
    match name {
        "text" | "everything" => {
            let verdict = stored::read_verdict(bytes)?;
            stored::verdict_text(&verdict).ok()
        }
        "verdict" | "document" | "based" | "numbered" => {
            rows::read_verdict(bytes).map(|read| verdict_row(&read))
        }
        "basis" => rows::read::<BasisRow>(bytes).map(|read| row(&read)),
        "summary" => {
            let read: SummaryRow = rows::read(bytes)?;
            Some(row(&SummaryRow::of(&read.summary()?, true).unwrap()))
        }
        "event" | "lost" | "blocked" | "exception" | "feed" | "grace" | "glass" => {
            event_rows::read(bytes).map(|read| event(&read))
        }
        "head" => rows::read::<u64>(bytes).map(|read| row(&read)),
        "member" => rows::read::<MemberRow>(bytes).map(|read| row(&read)),
        "tag" => rows::read::<TagRecord>(bytes).map(|read| row(&read)),
        "tagged" => rows::read::<TagHistory>(bytes).map(|read| row(&read)),
        "told" => rows::read::<jiff::Timestamp>(bytes).map(|read| row(&read)),
        "recorded" => rows::read::<RecordRow>(bytes).map(|read| row(&read)),
        "image" => rows::read::<ImageRow>(bytes).map(|read| row(&read)),
        "pulled" => rows::read::<PullRow>(bytes).map(|read| row(&read)),
        "logged" => rows::read::<IndexEntry>(bytes).map(|read| row(&read)),
        name => panic!("no kind of row is called {name}"),
    }
}

fn pinned(text: &str) -> Vec<(&str, Vec<u8>)> {
    let lines = text.lines().map(|line| line.split_once(' ').unwrap());
    lines
        .map(|(name, bytes)| (name, unescaped(bytes)))
        .collect()
}

fn escaped(rows: &[(&str, Vec<u8>)]) -> String {
    let line = |(name, bytes): &(&str, Vec<u8>)| {
        let bytes = bytes.escape_ascii().to_string().replace("\\\"", "\"");
        format!("{name} {bytes}\n")
    };
    rows.iter().map(line).collect()
}

fn unescaped(text: &str) -> Vec<u8> {
    let (mut bytes, mut left) = (Vec::new(), text.bytes());
    while let Some(byte) = left.next() {
        let escape = (byte == b'\\').then(|| left.next().unwrap());
        bytes.push(match escape {
            None => byte,
            Some(b'n') => b'\n',
            Some(b'r') => b'\r',
            Some(b't') => b'\t',
            Some(b'x') => hex::decode([left.next().unwrap(), left.next().unwrap()]).unwrap()[0],
            Some(itself) => itself,
        });
    }
    bytes
}

#[test]
fn what_is_written_is_the_newest_version() {
    assert_eq!(escaped(&written()), PINNED[PINNED.len() - 1]);
}

#[test]
fn rows_of_every_version_are_read_and_say_the_same() {
    let newest: HashMap<_, _> = written().into_iter().collect();
    for (number, text) in PINNED.iter().enumerate() {
        for (name, bytes) in pinned(text) {
            let read = again(name, &bytes);
            assert_eq!(
                read.as_ref(),
                Some(&newest[name]),
                "{name} of version {number}"
            );
        }
    }
}

#[test]
fn rows_of_a_later_version_are_missing_and_told_of() {
    let (name, mut row) = written().swap_remove(2);
    row[2] += 1;
    let log = tempfile::NamedTempFile::new().unwrap();
    let writer = Arc::new(File::create(log.path()).unwrap());
    let subscriber = tracing_subscriber::fmt().with_writer(writer).finish();
    let told = || {
        let told = fs::read_to_string(log.path()).unwrap();
        told.matches("of a later version").count()
    };
    tracing::subscriber::with_default(subscriber, || {
        // Where another test tells it for the first time in the process at this moment, it may be
        // settled there that nobody listens: that is asked anew until this is heard.
        for _ in 0..1_000 {
            if told() > 0 {
                break;
            }
            tracing::callsite::rebuild_interest_cache();
            assert_eq!(again(name, &row), None);
        }
        let before = told();
        let mut refused = 0;
        for (name, mut bytes) in written() {
            if matches!(name, "text" | "everything") {
                continue;
            }
            bytes[2] += 1;
            assert_eq!(again(name, &bytes), None, "{name}");
            refused += 1;
        }
        assert_eq!((told() - before, refused), (22, 22));
    });
}

#[tokio::test]
async fn a_verdict_of_a_later_version_is_none_and_is_made_anew() {
    let (_directory, records) = records();
    let verdict = verdict("app", "image", 0, vec![finding("CVE-1", "zlib")]);
    put(&records, &verdict).await;
    let all = Key::from(&[][..]);
    let rows = records.store.page(&all, None, 99).await.unwrap();
    let versioned = rows
        .into_iter()
        .filter(|(_, body)| body.starts_with(&[0x80, 0]));
    let later = versioned.map(|(key, body)| {
        let mut body = body.to_vec();
        body[2] = u8::MAX;
        let body = body.into();
        Op::Put { key, body }
    });
    let later: Vec<Op> = later.collect();
    assert_eq!(later.len(), 3, "verdict, summary, names: {later:?}");
    records.store.apply(later).await.unwrap();
    let records = Records::new(records.store, records.content);
    let (scope, digest) = (&verdict.scope(), &verdict.digest);
    let known = records.known_verdict(scope, digest).await.unwrap();
    assert_eq!((known.verdict(), &known.mark), (None, &None));
    let filter = VerdictFilter::default();
    let listed = records.list_verdicts(&filter, 9, None).await.unwrap();
    assert!(listed.items.is_empty());
    put(&records, &verdict).await;
    let listed = records.list_verdicts(&filter, 9, None).await.unwrap();
    assert_eq!(listed.items, [verdict]);
}
