//! NVD's files in an index: the newest state of each CVE, each file unpacked once.

use sluicegate_model::severity::Severity;

use super::*;

/// A file of NVD's: id, time of change, score; a score below 0 is none.
fn write(feeds: &Path, name: &str, entries: &[(&str, &str, f64)]) {
    let entry = |(id, modified, score): &(&str, &str, f64)| {
        let metric =
            json!({"source": "nvd@nist.gov", "type": "Primary", "cvssData": {"baseScore": score}});
        json!({"cve": {"id": id, "lastModified": modified, "metrics": {"cvssMetricV31": [metric]}}})
    };
    let entries: Vec<Value> = entries.iter().map(entry).collect();
    write_text(
        feeds,
        name,
        &json!({"vulnerabilities": entries}).to_string(),
    );
}

fn write_text(feeds: &Path, name: &str, text: &str) {
    let folder = feeds.join("nvd");
    std::fs::create_dir_all(&folder).expect("create folder");
    let packed = crate::testing::gzip(text.as_bytes());
    std::fs::write(folder.join(name), packed).expect("write file");
}

fn index(home: &Path) -> FeedIndex {
    let path = build(&[&home.join("feeds")], &home.join("out"));
    FeedIndex::open(&path).expect("open index")
}

fn score(index: &FeedIndex, cve: &str) -> Option<f64> {
    let cve = CveNumber::parse(cve).expect("a CVE");
    index.nvd_severity(cve).map(|(_, score)| score)
}

#[test]
fn newest_state_of_a_cve_counts_whichever_file_has_it() {
    let home = TempDir::new().expect("temporary directory");
    let feeds = home.path().join("feeds");
    let (old, new, future) = (
        "2026-01-01T00:00:00.000",
        "2026-05-02T10:00:00.000",
        "2027-01-01T00:00:00.000",
    );
    write(
        &feeds,
        "nvdcve-2.0-2024.json.gz",
        &[
            ("CVE-2024-0001", old, 5.0),
            ("CVE-2024-0002", new, 5.0),
            ("CVE-2024-0003", old, 5.0),
            ("CVE-2024-0004", old, 5.0),
        ],
    );
    write(
        &feeds,
        "nvdcve-2.0-modified.json.gz",
        &[
            ("CVE-2024-0001", new, 9.8),
            ("CVE-2024-0002", old, 9.8),
            ("CVE-2024-0003", new, -1.0),
            ("CVE-2024-0004", future, 9.8),
        ],
    );
    let index = index(home.path());
    let scores = [
        "CVE-2024-0001",
        "CVE-2024-0002",
        "CVE-2024-0003",
        "CVE-2024-0004",
        "CVE-2021-0001",
    ]
    .map(|cve| score(&index, cve));
    assert_eq!(scores, [Some(9.8), Some(5.0), None, Some(5.0), None]);
    assert_eq!(index.severities(), 3);
    assert_eq!(
        index.severities_of().map(|day| day.to_string()).as_deref(),
        Some("2026-05-02")
    );
    let critical = index.nvd_severity(CveNumber::parse("CVE-2024-0001").expect("a CVE"));
    assert_eq!(critical, Some((Severity::Critical, 9.8)));
    assert_eq!(index.problems(), []);
}

#[test]
fn a_changed_file_is_noticed_and_an_unchanged_one_not_unpacked_again() {
    let home = TempDir::new().expect("temporary directory");
    let feeds = home.path().join("feeds");
    let time = "2026-01-01T00:00:00.000";
    write(
        &feeds,
        "nvdcve-2.0-2023.json.gz",
        &[("CVE-2023-0001", time, 5.0)],
    );
    write(
        &feeds,
        "nvdcve-2.0-2024.json.gz",
        &[("CVE-2024-0001", time, 5.0)],
    );
    let before = index(home.path());
    // The same name, size and time: only what was kept of it can still know what it said.
    let kept = feeds.join("nvd/nvdcve-2.0-2023.json.gz");
    let (length, modified) = kept
        .metadata()
        .map(|it| (it.len(), it.modified()))
        .expect("look");
    std::fs::write(&kept, vec![0; usize::try_from(length).expect("small")]).expect("write");
    let file = File::options().write(true).open(&kept).expect("open");
    file.set_modified(modified.expect("a time"))
        .expect("set time");
    write(
        &feeds,
        "nvdcve-2.0-2024.json.gz",
        &[("CVE-2024-0001", time, 7.0), ("CVE-2024-0002", time, 7.0)],
    );
    let after = index(home.path());
    assert_ne!(after.source_fingerprint(), before.source_fingerprint());
    assert_ne!(after.snapshot(), before.snapshot());
    assert_eq!(score(&after, "CVE-2023-0001"), Some(5.0));
    assert_eq!(score(&after, "CVE-2024-0001"), Some(7.0));
    let parts = || std::fs::read_dir(home.path().join("out/nvd-parts")).expect("list");
    assert_eq!(
        parts().count(),
        2,
        "what was kept of the file before is gone"
    );
    // Damaged parts are made again, here from a file that is no longer any good.
    for part in parts() {
        std::fs::write(part.expect("entry").path(), b"SLGNVD\0\x01xxxxxxxx").expect("write");
    }
    let damaged = index(home.path());
    assert_eq!(score(&damaged, "CVE-2023-0001"), None);
    assert_eq!(score(&damaged, "CVE-2024-0001"), Some(7.0));
    let [problem] = damaged.problems() else {
        panic!("wanted one problem: {:?}", damaged.problems());
    };
    assert_eq!(
        (problem.ecosystem.as_str(), &problem.record),
        ("nvd", &None)
    );
}

#[test]
fn odd_entries_and_foreign_names_cost_only_themselves() {
    let home = TempDir::new().expect("temporary directory");
    let feeds = home.path().join("feeds");
    let time = "2026-01-01T00:00:00.000";
    write(
        &feeds,
        "nvdcve-2.0-2024.json.gz",
        &[("CVE-2024-0001", time, 5.0), ("GHSA-1", time, 5.0)],
    );
    write_text(
        &feeds,
        "nvdcve-2.0-2022.json.gz",
        "{\"vulnerabilities\": [{\"cve\"",
    );
    write_text(&feeds, "nvdcve-1.1-2024.json.gz", "not ours");
    write_text(&feeds, "nvdcve-2.0-2024.json.gz.new", "on its way");
    let index = index(home.path());
    assert_eq!(score(&index, "CVE-2024-0001"), Some(5.0));
    let records: Vec<_> = index
        .problems()
        .iter()
        .map(|it| it.record.as_deref())
        .collect();
    assert_eq!(records, [None, Some("GHSA-1")]);
}
