//! Judging as a whole: identities, ratings, coverage and order of the report.

use std::fs::File;
use std::io::Write;

use serde_json::{Value, json};
use sluicegate_model::Digest;
use sluicegate_model::coverage::CoverageStatus;
use sluicegate_model::finding::{FindingKind, FindingStatus};
use sluicegate_model::package::{
    Ecosystem, Evidence, Package, PackageType, SourcePackage, Standing,
};
use sluicegate_model::severity::Severity;
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

use super::*;
use crate::feeds::{FeedDirectory, build_index};

mod absent;
mod digests;
mod groups_of_names;
mod informational;
mod keys;
mod many;
mod owners;
mod removed;
mod severities;
mod tracker;

/// Feeds made of records, each put into the folder of every ecosystem it affects.
fn feeds(records: &[Value]) -> (TempDir, FeedIndex) {
    let home = TempDir::new().expect("temporary directory");
    let index = index(home.path(), records);
    (home, index)
}

/// An index of records and of what else lies in the feed directory at `home`.
fn index(home: &std::path::Path, records: &[Value]) -> FeedIndex {
    let root = home.join("feeds");
    let mut folders: BTreeMap<String, Vec<&Value>> = BTreeMap::new();
    for record in records {
        for affected in record["affected"].as_array().expect("affected") {
            let ecosystem = affected["package"]["ecosystem"]
                .as_str()
                .expect("ecosystem");
            folders
                .entry(ecosystem.to_owned())
                .or_default()
                .push(record);
        }
    }
    for (folder, records) in folders {
        std::fs::create_dir_all(root.join(&folder)).expect("create folder");
        let file = File::create(root.join(&folder).join("all.zip")).expect("create zip");
        let mut zip = zip::ZipWriter::new(file);
        for (number, record) in records.iter().enumerate() {
            zip.start_file(format!("{number}.json"), SimpleFileOptions::default())
                .expect("start entry");
            zip.write_all(record.to_string().as_bytes())
                .expect("write entry");
        }
        zip.finish().expect("finish zip");
    }
    std::fs::create_dir_all(root.join("kev")).expect("create folder");
    let kev = json!({"vulnerabilities": [{"cveID": "CVE-2021-44228"}]});
    std::fs::write(
        root.join("kev/known_exploited_vulnerabilities.json"),
        kev.to_string(),
    )
    .expect("write");
    let path = build_index(&[FeedDirectory::at(root)], home, now(), &|_| {}).expect("build index");
    FeedIndex::open(&path).expect("open index")
}

fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().expect("a time")
}

/// A record on all versions of `name` below `fixed`.
fn record(id: &str, ecosystem: &str, name: &str, fixed: &str) -> Value {
    json!({"id": id, "modified": "2026-01-01T00:00:00Z", "affected": [
        {"package": {"ecosystem": ecosystem, "name": name},
         "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}]})
}

fn with(mut record: Value, key: &str, value: Value) -> Value {
    record[key] = value;
    record
}

fn component(package_type: PackageType, ecosystem: &str, name: &str, version: &str) -> Component {
    Component {
        package: Package {
            name: name.into(),
            version: version.into(),
            package_type,
            architecture: None,
            source: None,
            licence: None,
        },
        ecosystem: Some(Ecosystem::new(ecosystem)),
        purl: format!("pkg:x/{name}@{version}"),
        path: format!("evidence/{name}"),
        layer: Digest::of(b"layer"),
        evidence: Evidence::Installed,
        standing: Standing::Own,
        linked: Vec::new(),
        platform: String::new(),
    }
}

fn from_source(mut component: Component, name: &str, version: &str) -> Component {
    component.package.source = Some(SourcePackage {
        name: name.into(),
        version: version.into(),
        module: None,
    });
    component
}

fn python(name: &str, version: &str) -> Component {
    component(PackageType::Python, "PyPI", name, version)
}

fn inventory(components: Vec<Component>) -> Inventory {
    Inventory {
        components,
        platform: "linux/amd64".into(),
        ..Inventory::default()
    }
}

fn shown(report: &Report) -> Vec<(&str, &str)> {
    report
        .findings
        .iter()
        .map(|finding| (finding.id.as_str(), finding.package.name.as_str()))
        .collect()
}

#[test]
fn asks_distributions_by_source_and_languages_by_normal_name() {
    let (_home, feeds) = feeds(&[
        record("DEBIAN-CVE-2024-0001", "Debian:12", "openssl", "3.0-2"),
        record("DEBIAN-CVE-2024-0002", "Debian:12", "libssl3", "9"),
        record("ALPINE-CVE-2024-0003", "Alpine:v3.18", "busybox", "1.36-r5"),
        with(
            record("PYSEC-1", "PyPI", "Foo.Bar", "2"),
            "aliases",
            json!(["CVE-2024-0004"]),
        ),
        record("CVE-2024-0005", "Maven", "g:a", "2.15.0"),
        record("CVE-2024-0006", "npm", "@s/p", "2.0.0"),
    ]);
    let deb = component(PackageType::Deb, "Debian:12", "libssl3", "1:7+b1");
    let apk = component(PackageType::Apk, "Alpine:v3.18", "ssl_client", "1.36-r4");
    let report = judge(
        &inventory(vec![
            from_source(deb, "openssl", "3.0-1"),
            from_source(apk, "busybox", "1.36-r4"),
            python("foo_bar", "1.0"),
            component(PackageType::Maven, "Maven", "g:a", "2.14.1"),
            component(PackageType::Npm, "npm", "@s/p", "1.9.9"),
            component(PackageType::Npm, "npm", "@s/p", "2.0.0"),
        ]),
        &feeds,
        now(),
    );
    let expected = [
        ("CVE-2024-0001", "libssl3"),
        ("CVE-2024-0003", "ssl_client"),
        ("CVE-2024-0004", "foo_bar"),
        ("CVE-2024-0005", "g:a"),
        ("CVE-2024-0006", "@s/p"),
    ];
    assert_eq!(shown(&report), expected);
    assert_eq!(report.coverage.status, CoverageStatus::Complete);
    let first = &report.findings[0];
    assert_eq!(first.package.version, "1:7+b1");
    assert_eq!(first.fixed.as_deref(), Some("3.0-2"));
    assert_eq!(first.advisories, ["DEBIAN-CVE-2024-0001"]);
    assert_eq!(first.source, "Debian:12");
}

#[test]
fn makes_one_finding_of_many_records_about_one_weakness() {
    let critical =
        json!([{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:C/C:H/I:H/A:H"}]);
    let glad = record("x_GLAD-1", "Maven", "l:core", "2.15.0");
    let ghsa = record("GHSA-1", "Maven", "l:core", "2.15.0");
    let (_home, feeds) = feeds(&[
        with(
            with(glad, "aliases", json!(["CVE-2021-44228"])),
            "severity",
            critical,
        ),
        with(
            with(ghsa, "aliases", json!(["CVE-2021-44228"])),
            "database_specific",
            json!({"severity": "HIGH"}),
        ),
        with(
            record("x_NONE-1", "Maven", "l:core", "2.16.0"),
            "aliases",
            json!(["GHSA-1"]),
        ),
    ]);
    let installed = component(PackageType::Maven, "Maven", "l:core", "2.14.1");
    let report = judge(&inventory(vec![installed]), &feeds, now());
    assert_eq!(report.findings.len(), 1);
    let finding = &report.findings[0];
    assert_eq!(finding.id, "CVE-2021-44228");
    assert_eq!(finding.aliases, ["GHSA-1", "x_GLAD-1", "x_NONE-1"]);
    assert_eq!(finding.advisories, ["GHSA-1", "x_GLAD-1", "x_NONE-1"]);
    assert_eq!(
        finding.severity,
        Severity::High,
        "GitHub's word, not the highest"
    );
    assert!(finding.kev);
    assert_eq!(finding.fixed.as_deref(), Some("2.16.0"));
}

#[test]
fn takes_the_severity_of_an_alias_where_the_record_has_none() {
    let scored =
        json!([{"type": "CVSS_V3", "score": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}]);
    let (_home, feeds) = feeds(&[
        with(
            record("A-1", "PyPI", "x", "2"),
            "aliases",
            json!(["CVE-2024-0001"]),
        ),
        with(
            with(record("B-1", "PyPI", "x", "2"), "aliases", json!(["A-1"])),
            "severity",
            scored,
        ),
        record("C-1", "PyPI", "x", "2"),
    ]);
    let report = judge(&inventory(vec![python("x", "1")]), &feeds, now());
    let rated: Vec<_> = report
        .findings
        .iter()
        .map(|f| (f.id.as_str(), f.severity, f.cvss))
        .collect();
    let expected = [
        ("CVE-2024-0001", Severity::Critical, Some(9.8)),
        ("C-1", Severity::Unknown, None),
    ];
    assert_eq!(rated, expected);
}

#[test]
fn splits_an_advisory_into_the_cves_it_fixes() {
    let dsa = record("DSA-1-1", "Debian:12", "x", "2");
    let (_home, feeds) = feeds(&[
        with(dsa, "upstream", json!(["CVE-2024-0002", "CVE-2024-0001"])),
        record("DEBIAN-CVE-2024-0001", "Debian:12", "x", "2"),
    ]);
    let installed = component(PackageType::Deb, "Debian:12", "x", "1");
    let report = judge(&inventory(vec![installed]), &feeds, now());
    let advisories: Vec<_> = report
        .findings
        .iter()
        .map(|f| (f.id.as_str(), f.advisories.join(" ")))
        .collect();
    let expected = [
        ("CVE-2024-0001", "DEBIAN-CVE-2024-0001 DSA-1-1".to_owned()),
        ("CVE-2024-0002", "DSA-1-1".to_owned()),
    ];
    assert_eq!(advisories, expected);
}

#[test]
fn keeps_what_cannot_be_compared_as_unknown() {
    let mut rangeless = record("PYSEC-2", "PyPI", "odd", "2");
    rangeless["affected"][0]["ranges"] = json!([]);
    let mut git_only = record("PYSEC-3", "PyPI", "odd", "2");
    git_only["affected"][0]["ranges"] = json!([{"type": "GIT", "events": [{"introduced": "0"}]}]);
    let (_home, feeds) = feeds(&[
        record("PYSEC-1", "PyPI", "legacy", "2"),
        rangeless,
        git_only,
    ]);
    let report = judge(
        &inventory(vec![python("legacy", "2004d"), python("odd", "1")]),
        &feeds,
        now(),
    );
    let statuses: Vec<_> = report
        .findings
        .iter()
        .map(|f| (f.id.as_str(), f.status))
        .collect();
    let expected = ["PYSEC-1", "PYSEC-2", "PYSEC-3"].map(|id| (id, FindingStatus::Unknown));
    assert_eq!(statuses, expected);
    let kinds: Vec<_> = report.coverage.gaps.iter().map(|gap| gap.kind).collect();
    assert_eq!(kinds, [GapKind::UnknownRange, GapKind::UnknownRange]);
    assert_eq!(report.coverage.status, CoverageStatus::Partial);
}

/// Lists the packages with the kinds of their findings.
fn kinds(report: &Report) -> Vec<(&str, FindingKind)> {
    let findings = report.findings.iter();
    let mut kinds: Vec<_> = findings
        .map(|finding| (finding.package.name.as_str(), finding.kind))
        .collect();
    kinds.sort_unstable();
    kinds
}

#[test]
fn calls_malware_by_its_name() {
    let (_home, feeds) = feeds(&[
        record("MAL-2024-1", "npm", "evil", "9.0.0"),
        with(
            record("GHSA-1", "npm", "also-evil", "9.0.0"),
            "aliases",
            json!(["MAL-2024-2"]),
        ),
        record("GHSA-2", "npm", "weak", "9.0.0"),
    ]);
    let installed = |name| component(PackageType::Npm, "npm", name, "1.0.0");
    let names = ["also-evil", "evil", "weak"];
    let report = judge(&inventory(names.map(installed).to_vec()), &feeds, now());
    let expected = [
        ("also-evil", FindingKind::Malware),
        ("evil", FindingKind::Malware),
        ("weak", FindingKind::Vulnerability),
    ];
    assert_eq!(kinds(&report), expected);
}

#[test]
fn counts_packages_that_no_feed_speaks_of() {
    let (_home, feeds) = feeds(&[record("A", "PyPI", "x", "2")]);
    let npm = || component(PackageType::Npm, "npm", "p", "1.0.0");
    let status = |components| judge(&inventory(components), &feeds, now()).coverage;

    let partial = status(vec![python("y", "1"), npm(), npm()]);
    assert_eq!(partial.status, CoverageStatus::Partial);
    assert!(
        partial.gaps[0].detail.starts_with("2 packages of npm"),
        "{partial:?}"
    );

    let nothing_matched = status(vec![npm()]);
    assert_eq!(nothing_matched.status, CoverageStatus::Unscannable);

    let os = component(PackageType::Deb, "Debian:99", "x", "1");
    assert_eq!(
        status(vec![python("y", "1"), os]).status,
        CoverageStatus::Unscannable
    );

    let mut homeless = component(PackageType::Deb, "x", "x", "1");
    homeless.ecosystem = None;
    assert_eq!(
        status(vec![python("y", "1"), homeless]).status,
        CoverageStatus::Unscannable
    );

    assert_eq!(status(Vec::new()).status, CoverageStatus::Complete);
    let without_feeds = judge(&inventory(vec![npm()]), &FeedIndex::empty(), now());
    assert_eq!(without_feeds.coverage.status, CoverageStatus::Unscannable);
    assert_eq!(without_feeds.feeds.as_str(), "none");
}

#[test]
fn carries_the_gaps_of_scanning() {
    let mut scanned = inventory(Vec::new());
    scanned.gaps = vec![Gap::fatal(GapKind::LayerUnreadable, "x")];
    let report = judge(&scanned, &FeedIndex::empty(), now());
    assert_eq!(report.coverage.status, CoverageStatus::Unscannable);
}

#[test]
fn asks_long_term_ubuntu_releases_under_their_own_suffix() {
    let (_home, feeds) = feeds(&[record("UBUNTU-CVE-2024-0001", "Ubuntu:22.04:LTS", "x", "2")]);
    let installed = component(PackageType::Deb, "Ubuntu:22.04", "x", "1");
    let report = judge(&inventory(vec![installed]), &feeds, now());
    assert_eq!(shown(&report), [("CVE-2024-0001", "x")]);
    assert_eq!(report.findings[0].source, "Ubuntu:22.04:LTS");
}

#[test]
fn orders_findings_worst_first_whatever_the_order_of_components() {
    let severity = |word: &str| json!({"severity": word});
    let (_home, feeds) = feeds(&[
        with(
            record("CVE-2024-0003", "PyPI", "x", "2"),
            "database_specific",
            severity("LOW"),
        ),
        with(
            record("CVE-2024-0002", "PyPI", "x", "2"),
            "database_specific",
            severity("HIGH"),
        ),
        record("CVE-2021-44228", "PyPI", "x", "2"),
        record("CVE-2024-0001", "PyPI", "y", "2"),
    ]);
    let report = judge(
        &inventory(vec![python("x", "1"), python("y", "1")]),
        &feeds,
        now(),
    );
    let reversed = judge(
        &inventory(vec![python("y", "1"), python("x", "1")]),
        &feeds,
        now(),
    );
    assert_eq!(report, reversed);
    let expected = [
        ("CVE-2021-44228", "x"),
        ("CVE-2024-0002", "x"),
        ("CVE-2024-0003", "x"),
        ("CVE-2024-0001", "y"),
    ];
    assert_eq!(shown(&report), expected);
}

#[test]
fn makes_a_damaged_index_a_fatal_gap() {
    let (home, feeds) = feeds(&[record("A", "PyPI", "x", "2")]);
    drop(feeds);
    let path = std::fs::read_dir(home.path())
        .expect("list")
        .filter_map(|entry| entry.ok().map(|entry| entry.path()))
        .find(|path| path.extension().is_some_and(|ending| ending == "feeds"))
        .expect("the index");
    let mut content = std::fs::read(&path).expect("read");
    // Past the preamble lies the first block.
    content[80] ^= 1;
    std::fs::write(&path, content).expect("write");
    let damaged = FeedIndex::open(&path).expect("blocks are checked when they are read");
    let report = judge(&inventory(vec![python("x", "1")]), &damaged, now());
    assert_eq!(report.coverage.status, CoverageStatus::Unscannable);
}
