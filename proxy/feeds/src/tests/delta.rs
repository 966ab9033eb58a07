//! New records one by one: few requests, nothing skipped, and the archive where that is the better
//! way or the only one.

use std::collections::BTreeSet;
use std::io::Write as _;
use std::path::Path;

use serde_json::{Value, json};
use sluicegate_scanner::feeds::{FeedDirectory, FeedIndex, build_index};
use tempfile::TempDir;

use super::site::{Fault, Site};
use super::{LATER, NOON, at, mirror, sync};
use crate::mirror::{Mirror, Synced};

const MORNING: &str = "2026-11-23T06:00:00Z";
const NEXT_DAY: &str = "2026-11-24T13:00:00Z";
const ARCHIVE: &str = "PyPI/all.zip";
const DELTA: &str = "PyPI/delta.zip";
const LIST: &str = "PyPI/modified_id.csv";

/// A record on the package of its own name.
fn record(id: &str, modified: &str) -> Value {
    json!({"id": id, "modified": modified, "affected": [{
        "package": {"ecosystem": "PyPI", "name": id.to_lowercase()},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}],
    }]})
}

fn stamp(record: &Value) -> (&str, &str) {
    (
        record["modified"].as_str().unwrap(),
        record["id"].as_str().unwrap(),
    )
}

fn put_archive(site: &Site, records: &[Value]) {
    let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
    for record in records {
        let name = format!("{}.json", stamp(record).1);
        zip.start_file(name, zip::write::SimpleFileOptions::default())
            .unwrap();
        zip.write_all(record.to_string().as_bytes()).unwrap();
    }
    site.put(ARCHIVE, zip.finish().unwrap().into_inner());
}

/// Publishes list and single records, not the archive.
fn announce(site: &Site, records: &[Value]) {
    let row = |record: &Value| format!("{},{}\n", stamp(record).0, stamp(record).1);
    let list: String = records.iter().map(row).collect();
    site.put(LIST, list.into_bytes());
    for record in records {
        let path = format!("PyPI/{}.json", stamp(record).1);
        site.put(&path, record.to_string().into_bytes());
    }
}

/// A mirror of two records, synced at noon.
async fn synced() -> (Site, Mirror, TempDir, Vec<Value>) {
    let site = Site::start(&["PyPI"]).await;
    let records = vec![record("A", MORNING), record("B", MORNING)];
    put_archive(&site, &records);
    announce(&site, &records);
    let home = tempfile::tempdir().unwrap();
    let mirror = mirror(&site, home.path());
    let synced = sync(&mirror, NOON).await.unwrap();
    assert_eq!(synced.changed, [ARCHIVE]);
    assert_eq!(synced.confirmed, Some(at(NOON)));
    site.take_seen();
    (site, mirror, home, records)
}

async fn sync_well(mirror: &Mirror, time: &str) -> Synced {
    let synced = sync(mirror, time).await.unwrap();
    assert_eq!(synced.problems, [""; 0]);
    assert_eq!(synced.confirmed, Some(at(time)));
    synced
}

/// Gives the paths of the ecosystem that were asked for.
fn asked(site: &Site) -> BTreeSet<String> {
    let seen = site.take_seen().into_iter().map(|seen| seen.path);
    seen.filter(|path| path.starts_with("PyPI/")).collect()
}

fn set(paths: &[&str]) -> BTreeSet<String> {
    paths.iter().map(|&path| path.to_owned()).collect()
}

/// Lists which of some packages the copy has an advisory on.
fn known(mirror: &Mirror, names: &[&str]) -> String {
    let out = tempfile::tempdir().unwrap();
    let path = mirror.directory().to_owned();
    let index = build_index(
        &[FeedDirectory::at(path)],
        out.path(),
        at(NEXT_DAY),
        &|_| {},
    );
    let index = FeedIndex::open(&index.unwrap()).unwrap();
    assert_eq!(index.problems(), []);
    let has = |name: &&&str| !index.advisories("PyPI", name).unwrap().is_empty();
    names.iter().filter(has).copied().collect()
}

fn is_here(mirror: &Mirror, path: &str) -> bool {
    mirror.directory().join(path).exists()
}

#[tokio::test]
async fn few_new_records_come_one_by_one() {
    let (site, mirror, _home, mut records) = synced().await;
    records.extend([record("C", "2026-11-23T12:01:00Z"), record("D", MORNING)]);
    // D has the time of records that are here, and the list need not be in order.
    announce(&site, &records);
    let synced = sync_well(&mirror, LATER).await;
    assert_eq!(synced.changed, [DELTA]);
    assert_eq!(synced.advisories, 2);
    assert_eq!(
        asked(&site),
        set(&[LIST, "PyPI/C.json", "PyPI/D.json"]),
        "neither the archive nor what is here"
    );
    assert_eq!(known(&mirror, &["a", "b", "c", "d"]), "abcd");
    sync_well(&mirror, LATER).await;
    let seen = site.take_seen();
    let of_ecosystem: Vec<_> = seen
        .iter()
        .filter(|s| s.path.starts_with("PyPI/"))
        .collect();
    assert!(matches!(of_ecosystem.as_slice(), [list] if list.is_conditional));
}

#[tokio::test]
async fn withdrawn_record_is_retracted() {
    let (site, mirror, _home, mut records) = synced().await;
    records[0]["modified"] = json!("2026-11-23T12:01:00Z");
    records[0]["withdrawn"] = json!("2026-11-23T12:01:00Z");
    announce(&site, &records);
    sync_well(&mirror, LATER).await;
    assert_eq!(known(&mirror, &["a", "b"]), "b");
}

#[tokio::test]
async fn many_new_records_come_with_the_archive() {
    let (site, mirror, _home, mut records) = synced().await;
    records.push(record("C", "2026-11-23T12:01:00Z"));
    announce(&site, &records);
    sync_well(&mirror, LATER).await;
    records.extend((0..=500).map(|number| record(&format!("N-{number}"), LATER)));
    announce(&site, &records);
    put_archive(&site, &records);
    site.take_seen();
    let synced = sync_well(&mirror, LATER).await;
    assert_eq!(synced.changed, [ARCHIVE]);
    assert_eq!(asked(&site), set(&[LIST, ARCHIVE]));
    assert!(!is_here(&mirror, DELTA), "the archive has all it had");
    assert_eq!(known(&mirror, &["a", "c", "n-500"]), "acn-500");
}

#[tokio::test]
async fn record_that_cannot_be_had_stays_new() {
    let (site, mirror, _home, mut records) = synced().await;
    records.extend([record("C", LATER), record("D", LATER)]);
    announce(&site, &records);
    site.fail("PyPI/C.json", vec![Fault::Status(503, &[]); 4]);
    let synced = sync(&mirror, LATER).await.unwrap();
    assert!(synced.problems[0].contains("answered 503"), "{synced:?}");
    assert_eq!(synced.confirmed, Some(at(NOON)), "an advisory is missing");
    site.take_seen();
    sync_well(&mirror, LATER).await;
    assert!(asked(&site).contains("PyPI/C.json"));
    assert_eq!(known(&mirror, &["a", "b", "c", "d"]), "abcd");
}

#[tokio::test]
async fn cut_record_is_fetched_again_and_another_documents_never_taken() {
    let (site, mirror, _home, mut records) = synced().await;
    records.push(record("C", LATER));
    announce(&site, &records);
    site.fail("PyPI/C.json", [Fault::CutAt(10)]);
    sync_well(&mirror, LATER).await;
    assert_eq!(known(&mirror, &["c"]), "c");
    records.push(record("D", LATER));
    announce(&site, &records);
    site.put("PyPI/D.json", b"<html>sign in</html>".to_vec());
    site.take_seen();
    sync_well(&mirror, LATER).await;
    let paths = asked(&site);
    assert!(
        paths.contains(ARCHIVE),
        "the archive may have it: {paths:?}"
    );
    assert_eq!(known(&mirror, &["c", "d"]), "c");
    announce(&site, &records);
    sync_well(&mirror, LATER).await;
    assert_eq!(known(&mirror, &["c", "d"]), "cd", "it stayed new");
}

#[tokio::test]
async fn archive_that_lags_behind_takes_nothing_away() {
    let (site, mirror, _home, mut records) = synced().await;
    records.push(record("C", LATER));
    announce(&site, &records);
    sync_well(&mirror, LATER).await;
    // The next day's archive has a new record, and not yet the one that came alone.
    let mut lagging = records[..2].to_vec();
    lagging.push(record("E", LATER));
    put_archive(&site, &lagging);
    records.push(lagging[2].clone());
    announce(&site, &records);
    site.take_seen();
    let synced = sync_well(&mirror, NEXT_DAY).await;
    assert_eq!(synced.changed, [ARCHIVE]);
    assert_eq!(asked(&site), set(&[LIST, ARCHIVE]));
    assert_eq!(known(&mirror, &["a", "b", "c", "e"]), "abce");
}

#[tokio::test]
async fn deleted_records_go_within_a_day() {
    let (site, mirror, _home, mut records) = synced().await;
    records.push(record("C", LATER));
    announce(&site, &records);
    sync_well(&mirror, LATER).await;
    // A and C are gone, from the archive and from the list.
    announce(&site, &records[1..2]);
    put_archive(&site, &records[1..2]);
    sync_well(&mirror, LATER).await;
    assert_eq!(known(&mirror, &["a", "b", "c"]), "abc", "not yet");
    sync_well(&mirror, NEXT_DAY).await;
    assert_eq!(known(&mirror, &["a", "b", "c"]), "b");
    assert!(!is_here(&mirror, DELTA));
}

#[tokio::test]
async fn mirror_without_a_usable_list_is_asked_for_archives() {
    for list in [None, Some(&b"<html>sign in</html>"[..]), Some(b"")] {
        let (site, mirror, _home, mut records) = synced().await;
        records.push(record("C", LATER));
        put_archive(&site, &records);
        match list {
            Some(list) => site.put(LIST, list.to_vec()),
            None => site.remove(LIST),
        }
        let synced = sync_well(&mirror, LATER).await;
        assert_eq!(synced.changed, [ARCHIVE], "{list:?}");
        assert_eq!(asked(&site), set(&[LIST, ARCHIVE]));
        assert_eq!(known(&mirror, &["a", "b", "c"]), "abc");
        assert_eq!(sync_well(&mirror, LATER).await.unchanged, 1);
    }
}

#[tokio::test]
async fn listed_record_that_the_mirror_lacks_is_asked_for_again() {
    let (site, mirror, _home, mut records) = synced().await;
    records.push(record("C", LATER));
    announce(&site, &records);
    site.remove("PyPI/C.json");
    for _ in 0..2 {
        sync_well(&mirror, LATER).await;
        assert_eq!(asked(&site), set(&[LIST, ARCHIVE, "PyPI/C.json"]));
    }
    announce(&site, &records);
    sync_well(&mirror, LATER).await;
    assert_eq!(known(&mirror, &["a", "b", "c"]), "abc");
}

#[tokio::test]
async fn damaged_delta_costs_an_archive_and_no_advisory() {
    for damage in [&b""[..], b"no zip", b"PK\x03\x04"] {
        let (site, mirror, _home, mut records) = synced().await;
        records.push(record("C", LATER));
        announce(&site, &records);
        sync_well(&mirror, LATER).await;
        std::fs::write(mirror.directory().join(DELTA), damage).unwrap();
        site.take_seen();
        sync_well(&mirror, LATER).await;
        assert_eq!(asked(&site), set(&[LIST, ARCHIVE, "PyPI/C.json"]));
        assert_eq!(known(&mirror, &["a", "b", "c"]), "abc");
    }
}

/// Copies the files of a mirror's directory, as they are between two steps of a sync.
fn files(mirror: &Mirror) -> Vec<(String, Vec<u8>)> {
    let names = ["mirror.json", ARCHIVE, DELTA, "PyPI/held.csv"];
    let read = |name: &str| std::fs::read(mirror.directory().join(name));
    names
        .iter()
        .filter_map(|name| Some(((*name).to_owned(), read(name).ok()?)))
        .collect()
}

fn put_back(directory: &Path, files: &[(String, Vec<u8>)], names: &[&str]) {
    for name in names {
        match files.iter().find(|(known, _)| known == name) {
            Some((_, content)) => std::fs::write(directory.join(name), content).unwrap(),
            None => std::fs::remove_file(directory.join(name)).unwrap_or_default(),
        }
    }
}

#[tokio::test]
async fn sync_that_ends_between_two_steps_skips_nothing() {
    // What the step before the end left as it was, in the order of the steps.
    let ends: [&[&str]; 4] = [
        &["mirror.json", "PyPI/held.csv", DELTA, ARCHIVE],
        &["mirror.json", "PyPI/held.csv", DELTA],
        &["mirror.json", "PyPI/held.csv"],
        &["mirror.json"],
    ];
    for end in ends {
        for is_archive_new in [false, true] {
            let (site, mirror, _home, mut records) = synced().await;
            records.push(record("C", LATER));
            announce(&site, &records);
            sync_well(&mirror, LATER).await;
            let before = files(&mirror);
            records.push(record("D", NEXT_DAY));
            announce(&site, &records);
            let mut time = LATER;
            if is_archive_new {
                put_archive(&site, &records);
                time = NEXT_DAY;
            }
            sync_well(&mirror, time).await;
            put_back(mirror.directory(), &before, end);
            sync_well(&mirror, NEXT_DAY).await;
            assert_eq!(
                known(&mirror, &["a", "b", "c", "d"]),
                "abcd",
                "{end:?}, new archive: {is_archive_new}"
            );
        }
    }
}

#[tokio::test]
async fn lost_memory_costs_an_archive_and_no_advisory() {
    for lost in ["mirror.json", "PyPI/held.csv"] {
        let (site, mirror, _home, mut records) = synced().await;
        records.push(record("C", LATER));
        announce(&site, &records);
        sync_well(&mirror, LATER).await;
        records.push(record("D", LATER));
        announce(&site, &records);
        std::fs::write(mirror.directory().join(lost), b"{").unwrap();
        sync_well(&mirror, LATER).await;
        assert_eq!(known(&mirror, &["a", "b", "c", "d"]), "abcd", "{lost}");
    }
}
