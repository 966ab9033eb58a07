//! The index as a whole: what goes in comes out, and damage is an error, never an empty answer.

use std::fs::File;
use std::io::Write;
use std::path::{Path, PathBuf};

use flate2::Compression;
use flate2::write::GzEncoder;
use proptest::prelude::*;
use serde_json::{Value, json};
use sluicegate_model::package::Ecosystem;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

use super::cve::CveNumber;
use super::*;

mod severities;

const NOW: &str = "2026-06-01T00:00:00Z";

/// Writes `<directory>/<ecosystem>/all.zip` with one entry for each text.
fn write_archive(directory: &Path, ecosystem: &str, records: &[String]) {
    let folder = directory.join(ecosystem);
    std::fs::create_dir_all(&folder).expect("create folder");
    let mut zip = zip::ZipWriter::new(File::create(folder.join("all.zip")).expect("create zip"));
    for (number, record) in records.iter().enumerate() {
        zip.start_file(format!("X-{number}.json"), SimpleFileOptions::default())
            .expect("start entry");
        zip.write_all(record.as_bytes()).expect("write entry");
    }
    zip.finish().expect("finish zip");
}

/// A record that affects all versions below 2 of `name`.
fn record(id: &str, modified: &str, ecosystems: &[&str], name: &str) -> Value {
    let affected: Vec<Value> = ecosystems
        .iter()
        .map(|ecosystem| {
            json!({"package": {"ecosystem": ecosystem, "name": name}, "ranges": [
                {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "2"}]}]})
        })
        .collect();
    json!({"id": id, "modified": modified, "affected": affected})
}

fn build(directories: &[&Path], out: &Path) -> PathBuf {
    let directories: Vec<FeedDirectory> = directories
        .iter()
        .map(|path| FeedDirectory::at(*path))
        .collect();
    let now = NOW.parse().expect("a time");
    build_index(&directories, out, now, &|_| {}).expect("build index")
}

fn ids(index: &FeedIndex, ecosystem: &str, name: &str) -> Vec<String> {
    let advisories = index.advisories(ecosystem, name).expect("read advisories");
    advisories
        .iter()
        .map(|advisory| advisory.id.clone())
        .collect()
}

/// Builds from one archive and opens the outcome.
fn index_of(ecosystem: &str, records: &[Value]) -> (TempDir, FeedIndex) {
    let texts: Vec<String> = records.iter().map(ToString::to_string).collect();
    let home = TempDir::new().expect("temporary directory");
    write_archive(&home.path().join("feeds"), ecosystem, &texts);
    let path = build(&[&home.path().join("feeds")], &home.path().join("out"));
    let index = FeedIndex::open(&path).expect("open index");
    (home, index)
}

#[test]
fn answers_what_was_put_in() {
    let (_home, index) = index_of(
        "PyPI",
        &[
            record("PYSEC-2", "2026-01-02T00:00:00Z", &["PyPI"], "Foo_Bar"),
            record("PYSEC-1", "2026-01-01T00:00:00Z", &["PyPI"], "foo.bar"),
            record("PYSEC-3", "2026-01-03T00:00:00Z", &["npm"], "foo"),
        ],
    );
    assert_eq!(ids(&index, "PyPI", "foo-bar"), ["PYSEC-1", "PYSEC-2"]);
    assert_eq!(ids(&index, "PyPI", "foo"), Vec::<String>::new());
    assert!(index.has_ecosystem(&Ecosystem::new("PyPI")));
    assert!(!index.has_ecosystem(&Ecosystem::new("npm")));
    assert!(index.snapshot().as_str().starts_with("sha256:"));
    assert_eq!(index.packages(), 1);
}

#[test]
fn knows_nothing_when_empty() {
    let index = FeedIndex::empty();
    assert_eq!(index.snapshot().as_str(), "none");
    assert!(!index.has_ecosystem(&Ecosystem::new("PyPI")));
    assert_eq!(ids(&index, "PyPI", "django"), Vec::<String>::new());
}

#[test]
fn takes_each_release_from_its_own_folder_or_the_familys() {
    let home = TempDir::new().expect("temporary directory");
    let shared = record(
        "DSA-1",
        "2026-01-01T00:00:00Z",
        &["Debian:11", "Debian:12", "Debian"],
        "x",
    )
    .to_string();
    let feeds = home.path().join("releases");
    for release in ["Debian:11", "Debian:12"] {
        write_archive(&feeds, release, std::slice::from_ref(&shared));
    }
    let index = FeedIndex::open(&build(&[&feeds], home.path())).expect("open index");
    for release in ["Debian:11", "Debian:12"] {
        assert_eq!(ids(&index, release, "x"), ["DSA-1"]);
    }
    assert!(!index.has_ecosystem(&Ecosystem::new("Debian")));

    let whole = home.path().join("family");
    write_archive(&whole, "Debian", std::slice::from_ref(&shared));
    let both = FeedIndex::open(&build(&[&whole, &feeds], home.path())).expect("open index");
    assert_eq!(ids(&both, "Debian:12", "x"), ["DSA-1"]);
    assert!(!both.has_ecosystem(&Ecosystem::new("Debian:13")));
}

#[test]
fn lets_the_newest_state_of_a_record_win_and_drops_the_withdrawn() {
    let home = TempDir::new().expect("temporary directory");
    let (old, new) = (home.path().join("old"), home.path().join("new"));
    let mut withdrawn = record("B", "2026-02-01T00:00:00Z", &["npm"], "b");
    withdrawn["withdrawn"] = json!("2026-02-01T00:00:00Z");
    write_archive(
        &old,
        "npm",
        &[
            record("A", "2026-01-01T00:00:00Z", &["npm"], "a").to_string(),
            record("B", "2026-01-01T00:00:00Z", &["npm"], "b").to_string(),
        ],
    );
    write_archive(
        &new,
        "npm",
        &[
            record("A", "2026-02-01T00:00:00Z", &["npm"], "renamed").to_string(),
            withdrawn.to_string(),
        ],
    );
    for directories in [[&old, &new], [&new, &old]] {
        let directories: Vec<&Path> = directories.iter().map(|path| path.as_path()).collect();
        let index = FeedIndex::open(&build(&directories, home.path())).expect("open index");
        assert_eq!(ids(&index, "npm", "renamed"), ["A"]);
        assert_eq!(ids(&index, "npm", "a"), Vec::<String>::new());
        assert_eq!(ids(&index, "npm", "b"), Vec::<String>::new());
    }
}

#[test]
fn newer_state_in_the_folder_of_one_release_takes_nothing_from_another() {
    let home = TempDir::new().expect("temporary directory");
    let feeds = home.path().join("feeds");
    let both = ["Debian:11", "Debian:12"];
    let state = |modified| record("DSA-1", modified, &both, "x").to_string();
    write_archive(&feeds, "Debian:11", &[state("2026-02-01T00:00:00Z")]);
    write_archive(&feeds, "Debian:12", &[state("2026-01-01T00:00:00Z")]);
    let index = FeedIndex::open(&build(&[&feeds], home.path())).expect("open index");
    for release in both {
        assert_eq!(ids(&index, release, "x"), ["DSA-1"], "{release}");
    }
}

#[test]
fn delta_beside_an_archive_is_read_with_it() {
    let home = TempDir::new().expect("temporary directory");
    let feeds = home.path().join("feeds");
    let old = "2026-01-01T00:00:00Z";
    let records =
        ["A", "B", "C"].map(|id| record(id, old, &["npm"], &id.to_lowercase()).to_string());
    write_archive(&feeds, "npm", &records);
    let directories = [FeedDirectory::at(feeds.clone())];
    let before = source_fingerprint(&directories).expect("look at the feeds");
    let new = "2026-02-01T00:00:00Z";
    let mut withdrawn = record("B", new, &["npm"], "b");
    withdrawn["withdrawn"] = json!(new);
    let delta = home.path().join("delta");
    let changes = [
        record("A", new, &["npm"], "renamed"),
        withdrawn,
        record("D", new, &["npm"], "d"),
    ];
    write_archive(&delta, "npm", &changes.map(|change| change.to_string()));
    let place = feeds.join("npm").join(DELTA);
    std::fs::rename(delta.join("npm/all.zip"), &place).expect("put the delta beside it");
    let after = source_fingerprint(&directories).expect("look at the feeds");
    assert_ne!(before, after);
    let index = FeedIndex::open(&build(&[&feeds], home.path())).expect("open index");
    let names = ["a", "b", "c", "d", "renamed"];
    let found = names.map(|name| ids(&index, "npm", name).concat());
    assert_eq!(found, ["", "", "C", "D", "A"]);
    assert_eq!(index.ecosystems()[0].records, 3);
    std::fs::write(&place, b"no zip").expect("damage the delta");
    let index = FeedIndex::open(&build(&[&feeds], home.path())).expect("open index");
    assert_eq!(ids(&index, "npm", "a"), ["A"], "its archive still counts");
    assert_eq!(index.problems().len(), 1);
    assert!(index.problems()[0].record.is_none());
}

#[test]
fn of_a_directory_some_families_may_be_read() {
    let home = TempDir::new().expect("temporary directory");
    let feeds = home.path().join("feeds");
    let old = "2026-01-01T00:00:00Z";
    for ecosystem in ["Debian:12", "Debian:13", "npm"] {
        let records = [record("A", old, &[ecosystem], "a").to_string()];
        write_archive(&feeds, ecosystem, &records);
    }
    let directory = |families: &[&str]| {
        let families = families.iter().map(|&name| name.to_owned()).collect();
        [FeedDirectory::at(&feeds).only(families)]
    };
    let fingerprint =
        |families: &[&str]| source_fingerprint(&directory(families)).expect("look at the feeds");
    let now = NOW.parse().expect("a time");
    let path = build_index(&directory(&["Debian", "Go"]), home.path(), now, &|_| {});
    let index = FeedIndex::open(&path.expect("build index")).expect("open index");
    let read: Vec<&str> = index.ecosystems().iter().map(|it| &*it.name).collect();
    assert_eq!(read, ["Debian:12", "Debian:13"]);
    assert_eq!(ids(&index, "Debian:12", "a"), ["A"]);
    assert_eq!(index.source_fingerprint(), fingerprint(&["Go", "Debian"]));
    // Other families than those asked for may hold what a new file says of them.
    assert_ne!(fingerprint(&["Debian"]), fingerprint(&["Debian", "Go"]));
    let before = ["Debian", "npm"].map(|family| fingerprint(&[family]));
    write_archive(&feeds, "npm", &[]);
    let after = ["Debian", "npm"].map(|family| fingerprint(&[family]));
    assert_eq!(before[0], after[0]);
    assert_ne!(before[1], after[1]);
}

#[test]
fn ignores_times_in_the_future() {
    let (_home, index) = index_of(
        "npm",
        &[
            record("A", "2027-01-01T00:00:00Z", &["npm"], "a"),
            record("B", "2026-05-01T00:00:00Z", &["npm"], "b"),
        ],
    );
    let newest = |now: &str| {
        let knowledge = index.knowledge("npm", now.parse().expect("a time"));
        knowledge?.newest.map(|time| time.to_string())
    };
    assert_eq!(newest(NOW).as_deref(), Some("2026-05-01T00:00:00Z"));
    let shown = index.ecosystems()[0].newest.map(|time| time.to_string());
    assert_eq!(shown.as_deref(), Some("2026-05-01T00:00:00Z"));
    // A clock that is set back sees less, one that goes on sees more, with the same index.
    assert_eq!(newest("2026-04-30T00:00:00Z"), None);
    let later = newest("2027-02-01T00:00:00Z");
    assert_eq!(later.as_deref(), Some("2027-01-01T00:00:00Z"));
    assert!(
        index
            .knowledge("PyPI", NOW.parse().expect("a time"))
            .is_none()
    );
}

#[test]
fn loses_only_the_damaged_record() {
    let home = TempDir::new().expect("temporary directory");
    let feeds = home.path().join("feeds");
    let good = record("A", "2026-01-01T00:00:00Z", &["npm"], "a").to_string();
    let huge = format!("{{\"id\":\"H\",\"details\":\"{}\"}}", "x".repeat(17 << 20));
    write_archive(&feeds, "npm", &["{".to_owned(), good, huge]);
    write_archive(&feeds, "Maven", &[]);
    std::fs::write(feeds.join("Maven/all.zip"), b"not a zip").expect("write");
    let index = FeedIndex::open(&build(&[&feeds], home.path())).expect("open index");
    assert_eq!(ids(&index, "npm", "a"), ["A"]);
    let problems: Vec<_> = index
        .problems()
        .iter()
        .map(|problem| (problem.ecosystem.as_str(), problem.record.as_deref()))
        .collect();
    assert_eq!(
        problems,
        [
            ("Maven", None),
            ("npm", Some("X-0.json")),
            ("npm", Some("X-2.json"))
        ]
    );
    assert!(!index.has_ecosystem(&Ecosystem::new("Maven")));
}

#[test]
fn joins_exploit_tables_and_reports_their_odd_lines() {
    let home = TempDir::new().expect("temporary directory");
    let feeds = home.path().join("feeds");
    for folder in ["kev", "epss"] {
        std::fs::create_dir_all(feeds.join(folder)).expect("create folder");
    }
    let kev = json!({"vulnerabilities": [{"cveID": "CVE-2021-44228"}, {"cveID": "soon"}]});
    std::fs::write(
        feeds.join("kev/known_exploited_vulnerabilities.json"),
        kev.to_string(),
    )
    .expect("write");
    let file = File::create(feeds.join("epss/epss_scores.csv.gz")).expect("create");
    let mut gz = GzEncoder::new(file, Compression::fast());
    let table =
        "#model_version:v1\ncve,epss,percentile\nCVE-2021-44228,0.97,0.99\nCVE-2021-0001,7,1\n";
    gz.write_all(table.as_bytes()).expect("write");
    gz.finish().expect("finish");
    let index = FeedIndex::open(&build(&[&feeds], home.path())).expect("open index");
    let log4shell = CveNumber::parse("CVE-2021-44228").expect("a CVE");
    assert!(index.is_known_exploited(log4shell));
    assert_eq!(index.exploit_probability(log4shell), Some(0.97));
    let folders: Vec<_> = index
        .problems()
        .iter()
        .map(|p| p.ecosystem.as_str())
        .collect();
    assert_eq!(folders, ["kev", "epss"]);
}

#[test]
fn names_equal_content_equally_and_notices_touched_files() {
    let home = TempDir::new().expect("temporary directory");
    let feeds = home.path().join("feeds");
    let record_a = record("A", "2026-01-01T00:00:00Z", &["npm"], "a").to_string();
    let record_b = record("B", "2026-01-01T00:00:00Z", &["npm"], "b").to_string();
    write_archive(&feeds, "npm", &[record_a.clone(), record_b.clone()]);
    let directories = [FeedDirectory::at(feeds.clone())];
    let before = source_fingerprint(&directories).expect("fingerprint");
    let first = build(&[&feeds], &home.path().join("one"));
    let opened = FeedIndex::open(&first).expect("open index");
    assert_eq!(opened.source_fingerprint(), before);
    write_archive(&feeds, "npm", &[record_b, record_a.clone()]);
    assert_ne!(
        source_fingerprint(&directories).expect("fingerprint"),
        before
    );
    let same = build(&[&feeds], &home.path().join("two"));
    assert_eq!(same.file_name(), first.file_name());
    write_archive(&feeds, "npm", &[record_a]);
    let other = build(&[&feeds], &home.path().join("two"));
    assert_ne!(other.file_name(), first.file_name());
}

#[test]
fn says_that_a_feed_directory_is_missing() {
    let home = TempDir::new().expect("temporary directory");
    let missing = [FeedDirectory::at(home.path().join("nowhere"))];
    let now = NOW.parse().expect("a time");
    assert!(build_index(&missing, home.path(), now, &|_| {}).is_err());
    assert!(FeedIndex::open(&home.path().join("nowhere")).is_err());
}

/// Asks for the one advisory in a changed index file; damage must show as an error.
fn ask_damaged(content: &[u8], home: &Path) -> Result<usize, FeedError> {
    let path = home.join("damaged");
    std::fs::write(&path, content).expect("write");
    Ok(FeedIndex::open(&path)?.advisories("npm", "a")?.len())
}

#[test]
fn never_answers_from_a_damaged_index() {
    let home = TempDir::new().expect("temporary directory");
    let feeds = home.path().join("feeds");
    write_archive(
        &feeds,
        "npm",
        &[record("A", "2026-01-01T00:00:00Z", &["npm"], "a").to_string()],
    );
    let whole = std::fs::read(build(&[&feeds], home.path())).expect("read index");
    assert_eq!(ask_damaged(&whole, home.path()).ok(), Some(1));
    for length in 0..whole.len() {
        let outcome = ask_damaged(&whole[..length], home.path());
        assert!(outcome.is_err(), "cut to {length} bytes: {outcome:?}");
    }
    for bit in 0..whole.len() * 8 {
        let mut flipped = whole.clone();
        flipped[bit / 8] ^= 1 << (bit % 8);
        let outcome = ask_damaged(&flipped, home.path());
        assert!(outcome.is_err(), "bit {bit} flipped: {outcome:?}");
    }
}

proptest! {
    #[test]
    fn never_panics_on_a_record(text in "\\PC{0,200}") {
        let _ = formats::osv::parse(text.as_bytes());
    }
}
