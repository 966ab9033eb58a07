//! Whose severity counts, and what is known by other names.

use super::*;

fn severity(word: &str) -> Value {
    json!({"severity": word})
}

fn vectors(texts: &[&str]) -> Value {
    let vector = |text: &&str| json!({"type": "CVSS_V3", "score": text});
    texts.iter().map(vector).collect()
}

const CRITICAL_V30: &str = "CVSS:3.0/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H";
const LOW_V31: &str = "CVSS:3.1/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N";

/// Severity and its source of the only finding.
fn rated(records: &[Value], installed: Component) -> (Severity, Option<String>) {
    let (_home, feeds) = feeds(records);
    let report = judge(&inventory(vec![installed]), &feeds, now());
    let [finding] = report.findings.as_slice() else {
        panic!("wanted one finding: {:?}", report.findings);
    };
    (finding.severity, finding.severity_source.clone())
}

#[test]
fn takes_a_distributions_own_word_before_any_vector() {
    let ubuntu = record("UBUNTU-CVE-2024-0001", "Ubuntu:22.04:LTS", "x", "2");
    let usn = record("USN-1-1", "Ubuntu:22.04:LTS", "x", "2");
    let own = json!([{"type": "Ubuntu", "score": "negligible"}, {"type": "CVSS_V3", "score": CRITICAL_V30}]);
    let records = [
        with(ubuntu, "severity", own),
        with(
            with(usn, "upstream", json!(["CVE-2024-0001"])),
            "severity",
            vectors(&[CRITICAL_V30]),
        ),
    ];
    let installed = component(PackageType::Deb, "Ubuntu:22.04:LTS", "x", "1");
    let wanted = Some("UBUNTU-CVE-2024-0001".to_owned());
    assert_eq!(rated(&records, installed), (Severity::Negligible, wanted));
}

#[test]
fn takes_githubs_record_then_the_newest_vector_and_never_the_worst() {
    let alias = |record| with(record, "aliases", json!(["CVE-2024-0001"]));
    let of = |id: &str, vector: &str| {
        let stated = vectors(&[vector]);
        with(alias(record(id, "PyPI", "x", "2")), "severity", stated)
    };
    let records = [of("PYSEC-1", CRITICAL_V30), of("PYSEC-2", LOW_V31)];
    let wanted = Some("CVSS:3.1 of PYSEC-2".to_owned());
    assert_eq!(rated(&records, python("x", "1")), (Severity::Low, wanted));

    let github = alias(record("GHSA-1", "PyPI", "x", "2"));
    let github = with(github, "database_specific", severity("MODERATE"));
    let [first, second] = records;
    let wanted = Some("GHSA-1".to_owned());
    assert_eq!(
        rated(&[first, second, github], python("x", "1")),
        (Severity::Medium, wanted)
    );
}

#[test]
fn takes_the_severity_of_a_record_on_the_same_cve_anywhere() {
    let debian = record("DEBIAN-CVE-2024-0001", "Debian:12", "python-x", "2");
    let alias = |record| with(record, "aliases", json!(["CVE-2024-0001"]));
    let pysec = with(
        alias(record("PYSEC-1", "PyPI", "x", "2")),
        "severity",
        vectors(&[CRITICAL_V30]),
    );
    let withdrawn = with(
        alias(record("GHSA-9", "PyPI", "x", "2")),
        "database_specific",
        severity("LOW"),
    );
    let withdrawn = with(withdrawn, "withdrawn", json!("2025-01-01T00:00:00Z"));
    let records = [debian.clone(), pysec, withdrawn];
    let installed = || component(PackageType::Deb, "Debian:12", "python-x", "1");
    let wanted = Some("alias CVSS:3.0 of PYSEC-1".to_owned());
    assert_eq!(rated(&records, installed()), (Severity::Critical, wanted));
    assert_eq!(rated(&[debian], installed()), (Severity::Unknown, None));
}

#[test]
fn knows_a_cve_by_a_name_that_another_record_shares() {
    let alias = |record, names: &[&str]| with(record, "aliases", json!(names));
    let (_home, feeds) = feeds(&[
        alias(record("GO-1", "Go", "g/m", "2.0.0"), &["GHSA-1"]),
        alias(
            record("GHSA-1", "npm", "other", "2.0.0"),
            &["CVE-2021-44228"],
        ),
        record("GO-2", "Go", "g/m", "2.0.0"),
    ]);
    let installed = component(PackageType::Go, "Go", "g/m", "v1.0.0");
    let report = judge(&inventory(vec![installed]), &feeds, now());
    let shown: Vec<_> = report
        .findings
        .iter()
        .map(|found| (found.id.as_str(), found.kev, found.aliases.join(" ")))
        .collect();
    let wanted = [
        ("CVE-2021-44228", true, "GHSA-1 GO-1".to_owned()),
        ("GO-2", false, String::new()),
    ];
    assert_eq!(shown, wanted);
}

#[test]
fn counts_the_records_of_each_ecosystem_that_state_no_severity() {
    let (_home, feeds) = feeds(&[
        record("A-1", "PyPI", "x", "2"),
        with(
            record("A-2", "PyPI", "x", "2"),
            "severity",
            vectors(&[LOW_V31]),
        ),
        record("A-3", "npm", "x", "2.0.0"),
    ]);
    let counted: Vec<_> = feeds
        .ecosystems()
        .iter()
        .map(|status| {
            (
                status.name.as_str(),
                status.records,
                status.without_severity,
            )
        })
        .collect();
    assert_eq!(counted, [("PyPI", 2, 1), ("npm", 1, 1)]);
}

/// Puts NVD's word on each CVE into the feed directory at `home`.
fn write_nvd(home: &std::path::Path, scores: &[(&str, f64)]) {
    let entry = |(id, score): &(&str, f64)| {
        let metric =
            json!({"source": "nvd@nist.gov", "type": "Primary", "cvssData": {"baseScore": score}});
        json!({"cve": {"id": id, "metrics": {"cvssMetricV31": [metric]}}})
    };
    let entries: Value = scores.iter().map(entry).collect();
    let document = json!({"vulnerabilities": entries}).to_string();
    let folder = home.join("feeds/nvd");
    std::fs::create_dir_all(&folder).expect("create folder");
    let packed = crate::testing::gzip(document.as_bytes());
    std::fs::write(folder.join("nvdcve-2.0-2024.json.gz"), packed).expect("write");
}

#[test]
fn takes_nvds_word_only_where_no_record_says_anything() {
    let home = TempDir::new().expect("temporary directory");
    write_nvd(
        home.path(),
        &[("CVE-2024-0001", 9.8), ("CVE-2024-0002", 9.8)],
    );
    let alias = |record, cve: &str| with(record, "aliases", json!([cve]));
    let github = alias(record("GHSA-1", "PyPI", "x", "2"), "CVE-2024-0002");
    let ubuntu = record("UBUNTU-CVE-2024-0001", "Ubuntu:22.04:LTS", "x", "2");
    let records = [
        record("DEBIAN-CVE-2024-0001", "Debian:12", "x", "2"),
        record("DEBIAN-CVE-2024-0002", "Debian:12", "y", "2"),
        record("DEBIAN-CVE-2024-0003", "Debian:12", "z", "2"),
        record("ALPINE-CVE-2024-0001", "Alpine:v3.20", "x", "2-r0"),
        alias(record("GO-2024-1", "Go", "g/m", "2.0.0"), "CVE-2024-0001"),
        alias(record("GEM-1", "RubyGems", "x", "2"), "CVE-2024-0001"),
        with(github, "database_specific", severity("LOW")),
        with(
            ubuntu,
            "severity",
            json!([{"type": "Ubuntu", "score": "low"}]),
        ),
    ];
    // Ubuntu's word on the same CVE would count for Debian before NVD's.
    let without_ubuntu = records.split_last().expect("records").1;
    let index_of = |records: &[Value]| index(home.path(), records);
    let rated = |feeds: &FeedIndex, installed: Component| {
        let report = judge(&inventory(vec![installed]), feeds, now());
        let [finding] = report.findings.as_slice() else {
            panic!("wanted one finding: {:?}", report.findings);
        };
        let source = finding.severity_source.clone().unwrap_or_default();
        (finding.severity, source, finding.cvss)
    };
    let feeds = index_of(without_ubuntu);
    let by_nvd = (Severity::Critical, "NVD".to_owned(), Some(9.8));
    let deb = |name| component(PackageType::Deb, "Debian:12", name, "1");
    for installed in [
        deb("x"),
        component(PackageType::Apk, "Alpine:v3.20", "x", "1-r0"),
        component(PackageType::Go, "Go", "g/m", "v1.0.0"),
        component(PackageType::Gem, "RubyGems", "x", "1"),
    ] {
        assert_eq!(rated(&feeds, installed.clone()), by_nvd, "{installed:?}");
    }
    let github = (Severity::Low, "alias GHSA-1".to_owned(), None);
    assert_eq!(rated(&feeds, deb("y")), github);
    let unknown = (Severity::Unknown, String::new(), None);
    assert_eq!(rated(&feeds, deb("z")), unknown);
    let feeds = index_of(&records);
    let ubuntu = (Severity::Low, "alias UBUNTU-CVE-2024-0001".to_owned(), None);
    assert_eq!(rated(&feeds, deb("x")), ubuntu);
}
