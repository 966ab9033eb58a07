//! The age of what is known, by the ecosystems of the image, and the end of a release's advisories.

use std::fs::File;
use std::io::Write as _;

use serde_json::{Value, json};
use sluicegate_model::Digest;
use sluicegate_model::coverage::CoverageStatus;
use sluicegate_model::package::{Component, Distro, Evidence, Package, PackageType, Standing};
use sluicegate_model::report::Report;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

use super::*;
use crate::feeds::{FeedDirectory, build_index};
use crate::judge;

const NOW: &str = "2026-11-28T00:00:00Z";

fn at(text: &str) -> Timestamp {
    text.parse().unwrap()
}

fn record(id: &str, modified: &str, ecosystems: &[&str]) -> Value {
    let affected = |ecosystem: &&str| {
        json!({"package": {"ecosystem": ecosystem, "name": "tool"}, "ranges": [
            {"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "1"}]}]})
    };
    let affected: Vec<Value> = ecosystems.iter().map(affected).collect();
    json!({"id": id, "modified": modified, "affected": affected})
}

/// An index of these folders, made under the clock that `now` shows.
fn index(folders: &[(&str, &[Value])], now: &str) -> (TempDir, FeedIndex) {
    let home = TempDir::new().unwrap();
    let feeds = home.path().join("feeds");
    for (folder, records) in folders {
        std::fs::create_dir_all(feeds.join(folder)).unwrap();
        let file = File::create(feeds.join(folder).join("all.zip")).unwrap();
        let mut zip = zip::ZipWriter::new(file);
        for (number, record) in records.iter().enumerate() {
            let name = format!("{number}.json");
            zip.start_file(name, SimpleFileOptions::default()).unwrap();
            zip.write_all(record.to_string().as_bytes()).unwrap();
        }
        zip.finish().unwrap();
    }
    let directories = [FeedDirectory::at(feeds)];
    let path = build_index(&directories, home.path(), at(now), &|_| {}).unwrap();
    let index = FeedIndex::open(&path).unwrap();
    (home, index)
}

fn image(distro: Option<(&str, &str, &str)>, packages: &[(PackageType, &str)]) -> Inventory {
    let component = |(package_type, ecosystem): &(PackageType, &str)| Component {
        package: Package::of_language(*package_type, "tool", "2"),
        ecosystem: Some(Ecosystem::new(ecosystem)),
        purl: String::new(),
        path: String::new(),
        layer: Digest::of(b""),
        evidence: Evidence::Installed,
        standing: Standing::Own,
        linked: Vec::new(),
        platform: String::new(),
    };
    Inventory {
        components: packages.iter().map(component).collect(),
        distro: distro.map(|(id, version, ecosystem)| Distro {
            id: id.to_owned(),
            version: version.to_owned(),
            ecosystem: Some(Ecosystem::new(ecosystem)),
        }),
        platform: "linux/amd64".to_owned(),
        ..Inventory::default()
    }
}

fn alpine(release: &str) -> Inventory {
    let ecosystem = format!("Alpine:v{release}");
    let distro = Some(("alpine", release, ecosystem.as_str()));
    image(distro, &[(PackageType::Apk, &ecosystem)])
}

fn time(report: &Report) -> Option<String> {
    report.feed_time.map(|at| at.to_string())
}

fn ended(report: &Report) -> Option<&str> {
    let mut gaps = report.coverage.gaps.iter();
    let gap = gaps.find(|gap| gap.kind == GapKind::FeedEnded)?;
    Some(&gap.detail)
}

#[test]
fn only_the_families_that_an_image_uses_tell_how_old_its_advisories_are() {
    let (_home, feeds) = index(
        &[
            (
                "Debian:12",
                &[record("D-1", "2026-11-20T00:00:00Z", &["Debian:12"])],
            ),
            (
                "Debian:13",
                &[record("D-2", "2026-11-27T00:00:00Z", &["Debian:13"])],
            ),
            ("npm", &[record("N-1", "2022-05-23T00:00:00Z", &["npm"])]),
        ],
        NOW,
    );
    let debian = (PackageType::Deb, "Debian:12");
    let npm = (PackageType::Npm, "npm");
    let unknown = (PackageType::Gem, "RubyGems");
    for (packages, newest, families) in [
        // The family speaks for its releases: one may be quiet.
        (&[debian][..], Some("2026-11-27T00:00:00Z"), &["Debian"][..]),
        (
            &[debian, npm],
            Some("2022-05-23T00:00:00Z"),
            &["Debian", "npm"],
        ),
        (
            &[unknown, debian],
            Some("2026-11-27T00:00:00Z"),
            &["Debian"],
        ),
        (&[unknown], None, &[]),
        (&[], None, &[]),
    ] {
        let report = judge(&image(None, packages), &feeds, at(NOW));
        assert_eq!(time(&report).as_deref(), newest, "{packages:?}");
        let named = report.knowledge.iter().map(|known| known.family.as_str());
        assert_eq!(named.collect::<Vec<_>>(), families, "{packages:?}");
    }
}

#[test]
fn a_publication_counts_and_what_is_withdrawn_or_to_come_does_so_as_written() {
    let mut published = record("D-1", "2026-11-01T00:00:00Z", &["Debian:12"]);
    published["published"] = json!("2026-11-05T00:00:00Z");
    let mut withdrawn = record("D-2", "2026-11-09T00:00:00Z", &["Debian:12"]);
    withdrawn["withdrawn"] = json!("2026-11-09T00:00:00Z");
    let to_come = record("D-3", "2027-01-01T00:00:00Z", &["Debian:12"]);
    let of_others = record("D-4", "2026-11-20T00:00:00Z", &["npm"]);
    let image = image(None, &[(PackageType::Deb, "Debian:12")]);
    let mut all = vec![published];
    for (more, newest) in [
        (None, "2026-11-05T00:00:00Z"),
        (Some(withdrawn), "2026-11-09T00:00:00Z"),
        (Some(to_come), "2026-11-09T00:00:00Z"),
        (Some(of_others), "2026-11-09T00:00:00Z"),
    ] {
        all.extend(more);
        // An index made while the clock was ahead is as old as any.
        for built in [NOW, "2028-01-01T00:00:00Z"] {
            let (_home, feeds) = index(&[("Debian:12", &all)], built);
            assert_eq!(
                time(&judge(&image, &feeds, at(NOW))).as_deref(),
                Some(newest)
            );
        }
    }
}

#[test]
fn records_that_are_only_changed_anew_are_another_snapshot() {
    let snapshot = |modified: &str| {
        let records = [record("D-1", modified, &["Debian:12"])];
        let (_home, feeds) = index(&[("Debian:12", &records)], NOW);
        feeds.snapshot().clone()
    };
    let before = snapshot("2026-11-01T00:00:00Z");
    assert_eq!(before, snapshot("2026-11-01T00:00:00Z"));
    assert_ne!(before, snapshot("2026-11-02T00:00:00Z"));
}

/// Alpine as it is: some releases have ended, others go on, and records on both are changed for the
/// sake of the later one.
fn alpines() -> (TempDir, FeedIndex) {
    let fresh = "2026-11-27T00:00:00Z";
    let both = [record("A-2", fresh, &["Alpine:v3.10", "Alpine:v3.22"])];
    let old = record(
        "A-1",
        "2020-06-08T13:44:53Z",
        &["Alpine:v3.9", "Alpine:v3.10"],
    );
    let ended = [old, both[0].clone()];
    let goes_on = [record("A-3", "2026-11-20T00:00:00Z", &["Alpine:v3.20"])];
    let just_ended = [record("A-4", "2026-10-20T00:00:00Z", &["Alpine:v3.21"])];
    let none_of_its_own = [record("A-6", fresh, &["Alpine:v3.8", "Alpine:edge"])];
    let folders: [(&str, &[Value]); 5] = [
        ("Alpine:v3.10", &ended),
        ("Alpine:v3.20", &goes_on),
        ("Alpine:v3.21", &just_ended),
        ("Alpine:v3.8", &none_of_its_own),
        ("Alpine:v3.22", &both),
    ];
    index(&folders, NOW)
}

#[test]
fn advisories_of_a_release_end_with_its_support() {
    let (_home, feeds) = alpines();
    let ended_with = |release: &str| {
        let report = judge(&alpine(release), &feeds, at(NOW));
        let status = report.coverage.status;
        assert_eq!(ended(&report).is_some(), status == CoverageStatus::Partial);
        (ended(&report).map(str::to_owned), time(&report))
    };
    let (gap, newest) = ended_with("3.10");
    assert_eq!(
        gap.as_deref(),
        Some(
            "advisories on Alpine:v3.10 have ended with its support on 2021-05-01: the last of \
             its own is of 2020-06-08"
        )
    );
    assert_eq!(newest.as_deref(), Some("2020-06-08T13:44:53Z"));
    // Somebody goes on writing after the end.
    assert_eq!(ended_with("3.20").0, None);
    // The end was this month, and the last record is older.
    assert!(ended_with("3.21").0.unwrap().contains("2026-11-01"));
    // Nothing is of its own: what is known ends with the support.
    let (gap, newest) = ended_with("3.8");
    assert!(gap.unwrap().ends_with("on 2020-05-01: none is of its own"));
    assert_eq!(newest.as_deref(), Some("2020-05-02T00:00:00Z"));
    let (gap, newest) = ended_with("3.22");
    assert_eq!(gap, None);
    assert_eq!(newest.as_deref(), Some("2026-11-27T00:00:00Z"));
}

#[test]
fn what_is_no_package_of_the_ended_release_has_no_end() {
    let (_home, feeds) = index(
        &[
            (
                "Alpine:v3.10",
                &[record("A-1", "2020-06-08T00:00:00Z", &["Alpine:v3.10"])],
            ),
            ("npm", &[record("N-1", "2026-11-27T00:00:00Z", &["npm"])]),
        ],
        NOW,
    );
    let distro = Some(("alpine", "3.10.9", "Alpine:v3.10"));
    let report = judge(
        &image(distro, &[(PackageType::Npm, "npm")]),
        &feeds,
        at(NOW),
    );
    assert_eq!(
        ended(&report),
        None,
        "no package of the system was asked about"
    );
    let before = judge(&alpine("3.10"), &feeds, at("2021-04-30T00:00:00Z"));
    assert_eq!(ended(&before), None, "still mended");
    assert_eq!(before.valid_until, Some(at("2021-05-02T00:00:00Z")));
    assert!(ended(&judge(&alpine("3.10"), &feeds, at("2021-05-02T00:00:00Z"))).is_some());
}
