//! What is read of feeds: records of every database, known exploits and their odds, and the index.

use std::io::Write as _;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::{Value, json};
use tempfile::TempDir;
use zip::write::SimpleFileOptions;

use super::pins::Row;
use super::{Transcript, revision_of};
use crate::feeds::cve::CveNumber;
use crate::feeds::golden::layout;
use crate::feeds::{FeedDirectory, FeedIndex, NVD_FOLDER, build_index, formats};

pub(super) fn rows() -> Vec<Row> {
    let home = TempDir::new().unwrap();
    let path = build(home.path(), &records());
    let index = FeedIndex::open(&path).unwrap();
    let mut rows = vec![osv(&index)];
    let numbers = [
        "CVE-2021-44228",
        "CVE-2024-0001",
        "CVE-2024-99999",
        "CVE-1999-0001",
    ];
    let of_all = |ask: &dyn Fn(CveNumber) -> String| numbers.map(|text| ask(number(text)));
    let mut kev = Transcript::default();
    kev.note("known", &index.known_exploited());
    kev.note(
        "each",
        &of_all(&|cve| index.is_known_exploited(cve).to_string()),
    );
    kev.note(
        "broken",
        &problems(
            &home.path().join("2"),
            "kev/known_exploited_vulnerabilities.json",
        ),
    );
    rows.push(kev.row("feed/kev", revision("kev")));
    let mut epss = Transcript::default();
    epss.note(
        "each",
        &of_all(&|cve| format!("{:?}", index.exploit_probability(cve))),
    );
    epss.note(
        "broken",
        &problems(&home.path().join("3"), "epss/epss_scores.csv.gz"),
    );
    epss.note("known", &numbers);
    rows.push(epss.row("feed/epss", revision("epss")));
    let mut nvd = Transcript::default();
    nvd.note("known", &index.severities());
    nvd.note("day", &index.severities_of().map(|day| day.to_string()));
    nvd.note(
        "each",
        &of_all(&|cve| format!("{:?}", index.nvd_severity(cve))),
    );
    let broken = problems(&home.path().join("4"), "nvd/nvdcve-2.0-2024.json.gz");
    nvd.note("broken", &broken);
    rows.push(nvd.row("feed/nvd", revision("nvd")));
    let mut whole = Transcript::default();
    whole.note("layout", &hex::encode(layout(&path)));
    whole.note("snapshot", &index.snapshot());
    whole.note("ecosystems", &index.ecosystems());
    rows.push(whole.row("index", revision_of("index")));
    rows
}

fn revision(source: &str) -> u32 {
    let found = formats().into_iter().find(|found| found.name == source);
    found.unwrap().revision.into()
}

fn number(text: &str) -> CveNumber {
    CveNumber::parse(text).unwrap()
}

pub(super) fn now() -> Timestamp {
    "2026-06-01T00:00:00Z".parse().unwrap()
}

fn osv(index: &FeedIndex) -> Row {
    let mut transcript = Transcript::default();
    transcript.note("ecosystems", &index.ecosystems());
    // What is odd about severities is not of records, and is read elsewhere.
    let problems = index.problems().iter();
    let problems: Vec<_> = problems.filter(|it| it.ecosystem != NVD_FOLDER).collect();
    transcript.note("problems", &problems);
    transcript.note("packages", &index.packages());
    let known = format!("{:?}", index.all_knowledge(now()));
    transcript.note("knowledge", &known);
    for ecosystem in index.ecosystems() {
        for name in [
            "x",
            "foo-bar",
            "g:a",
            "@s/p",
            "nodejs",
            "perl-errno",
            "perl-Errno",
        ] {
            let found = index.advisories(&ecosystem.name, name).unwrap();
            transcript.note(format!("{} {name}", ecosystem.name), &found.as_ref());
        }
    }
    transcript.row("feed/osv", revision("osv"))
}

/// Gives what is said of a feed whose file is broken.
fn problems(home: &Path, file: &str) -> Vec<String> {
    let feeds = home.join("feeds");
    let file = feeds.join(file);
    std::fs::create_dir_all(file.parent().unwrap()).unwrap();
    std::fs::write(&file, b"broken").unwrap();
    let built = build_index(&[FeedDirectory::at(feeds)], home, now(), &|_| {});
    let index = FeedIndex::open(&built.unwrap()).unwrap();
    let place = home.display().to_string();
    let reasons = index.problems().iter();
    reasons
        .map(|problem| problem.reason.replace(&place, ""))
        .collect()
}

/// Builds an index of records, each in the folder of every ecosystem that it names.
pub(super) fn build(home: &Path, records: &[Value]) -> PathBuf {
    let feeds = home.join("feeds");
    let mut folders = std::collections::BTreeMap::<String, Vec<&Value>>::new();
    for record in records {
        let of = record["affected"].as_array().into_iter().flatten();
        for affected in of {
            let ecosystem = affected["package"]["ecosystem"].as_str().unwrap_or("PyPI");
            folders
                .entry(ecosystem.to_owned())
                .or_default()
                .push(record);
        }
    }
    for (folder, records) in folders {
        std::fs::create_dir_all(feeds.join(&folder)).unwrap();
        let file = std::fs::File::create(feeds.join(&folder).join("all.zip")).unwrap();
        let mut zip = zip::ZipWriter::new(file);
        for (number, record) in records.iter().enumerate() {
            zip.start_file(format!("{number}.json"), SimpleFileOptions::default())
                .unwrap();
            zip.write_all(record.to_string().as_bytes()).unwrap();
        }
        zip.start_file("broken.json", SimpleFileOptions::default())
            .unwrap();
        zip.write_all(b"{\"id\":").unwrap();
        zip.finish().unwrap();
    }
    for directory in ["kev", "epss", "nvd"] {
        std::fs::create_dir_all(feeds.join(directory)).unwrap();
    }
    let kev = json!({"vulnerabilities": [{"cveID": "CVE-2021-44228"}, {"cveID": "nonsense"}, {}]});
    std::fs::write(
        feeds.join("kev/known_exploited_vulnerabilities.json"),
        kev.to_string(),
    )
    .unwrap();
    let scores = "#model_version:v2025\ncve,epss,percentile\nCVE-2021-44228,0.97,0.99\nCVE-2024-0001,0.00043,0.1\nnonsense\nCVE-2024-0002,x,0\n";
    let scores = crate::testing::gzip(scores.as_bytes());
    std::fs::write(feeds.join("epss/epss_scores.csv.gz"), scores).unwrap();
    let metric = |source: &str, kind: &str, score: f64| json!({"source": source, "type": kind, "cvssData": {"baseScore": score}});
    let (by_nvd, by_cna) = ("nvd@nist.gov", "security@example.org");
    let nvd = json!({"format": "NVD_CVE", "vulnerabilities": [
        {"cve": {"id": "CVE-2021-44228", "sourceIdentifier": by_cna, "lastModified": "2026-05-01T01:02:03.456",
            "metrics": {"cvssMetricV31": [metric(by_nvd, "Primary", 10.0), metric(by_cna, "Secondary", 9.1)]}}},
        {"cve": {"id": "CVE-2024-0001", "vulnStatus": "Rejected", "metrics": {"cvssMetricV2": [metric(by_nvd, "Primary", 5.0)]}}},
        {"cve": {"id": "CVE-2024-99999", "metrics": {"cvssMetricV2": [metric(by_nvd, "Primary", 3.3)]}}},
        {"cve": {"id": "nonsense"}},
    ]});
    let nvd = crate::testing::gzip(nvd.to_string().as_bytes());
    std::fs::write(feeds.join("nvd/nvdcve-2.0-2024.json.gz"), nvd).unwrap();
    build_index(&[FeedDirectory::at(feeds)], home, now(), &|_| {}).unwrap()
}

/// A record on all versions of `name` below `fixed`.
pub(super) fn record(id: &str, ecosystem: &str, name: &str, fixed: &str) -> Value {
    json!({"id": id, "modified": "2026-01-01T00:00:00Z", "published": "2025-12-01T00:00:00Z",
        "affected": [{"package": {"ecosystem": ecosystem, "name": name},
        "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": fixed}]}]}]})
}

pub(super) fn with(mut record: Value, key: &str, value: Value) -> Value {
    record[key] = value;
    record
}

/// Records of every family, with everything that is read of one, and broken ones.
pub(super) fn records() -> Vec<Value> {
    let high = "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:N";
    let low = "CVSS:3.0/AV:L/AC:H/PR:H/UI:R/S:U/C:L/I:N/A:N";
    let four = "CVSS:4.0/AV:N/AC:L/AT:N/PR:N/UI:N/VC:H/VI:H/VA:H/SC:N/SI:N/SA:N";
    let vectors = |texts: &[&str]| -> Value {
        texts
            .iter()
            .map(|text| json!({"type": format!("CVSS_V{}", &text[5..6]), "score": text}))
            .collect()
    };
    let alias = |record, names: &[&str]| with(record, "aliases", json!(names));
    let mut records: Vec<Value> = families()
        .iter()
        .enumerate()
        .map(|(number, ecosystem)| record(&format!("X-{number}"), ecosystem, "x", "2-1"))
        .collect();
    records.extend([
        alias(record("PYSEC-1", "PyPI", "Foo_Bar", "2"), &["CVE-2024-0001"]),
        with(alias(record("GHSA-1", "PyPI", "foo.bar", "2.1"), &["CVE-2024-0001", "PYSEC-1"]), "database_specific", json!({"severity": "MODERATE"})),
        with(record("PYSEC-2", "PyPI", "x", "3"), "severity", vectors(&[high, low])),
        with(record("PYSEC-3", "PyPI", "x", "3"), "severity", vectors(&[four])),
        with(record("PYSEC-4", "PyPI", "x", "3"), "severity", vectors(&["CVSS:3.1/nonsense"])),
        with(record("PYSEC-5", "PyPI", "x", "3"), "withdrawn", json!("2026-02-01T00:00:00Z")),
        with(record("PYSEC-6", "PyPI", "x", "3"), "modified", json!("2099-01-01T00:00:00Z")),
        record("MAL-2024-1", "npm", "@s/p", "9"),
        record("GHSA-2", "Maven", "g:a", "2.15.0"),
        with(record("UBUNTU-CVE-2024-0001", "Ubuntu:22.04:LTS", "x", "2"), "severity", json!([{"type": "Ubuntu", "score": "negligible"}])),
        with(record("USN-1-1", "Ubuntu:22.04:LTS", "x", "2"), "upstream", json!(["CVE-2024-0001"])),
        with(record("ALSA-1", "AlmaLinux:8", "nodejs", "1:18.18.2-1.module_el8.9.0+2+b"), "summary", json!("Important: nodejs:18 security update")),
        alias(record("ALSA-2", "AlmaLinux:8", "perl-Errno", "1.28-420"), &["CVE-2021-44228"]),
        json!({"id": "CVE-2024-5", "modified": "2026-01-01T00:00:00Z", "affected": [
            {"package": {"ecosystem": "npm", "name": "x"}, "versions": ["1.0.0", "1.0.1"], "ecosystem_specific": {"severity": "high"}},
            {"package": {"ecosystem": "npm", "name": "x"}, "ranges": [{"type": "SEMVER", "events": [{"introduced": "2.0.0"}, {"last_affected": "2.5.0"}]}, {"type": "GIT", "repo": "x", "events": [{"introduced": "0"}]}]},
            {"package": {"ecosystem": "npm", "name": "foo-bar"}}]}),
        json!({"id": "DLA-1", "modified": "2026-01-01T00:00:00Z", "affected": [{"package": {"ecosystem": "Debian:12", "name": "x", "purl": "pkg:deb/debian/x?arch=source"}, "ecosystem_specific": {"urgency": "unimportant"}, "ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}]}]}]}),
        with_package(record("RUSTSEC-1", "crates.io", "x", "2.0.0"), "database_specific", json!({"informational": "unmaintained"})),
        with_package(record("RUSTSEC-2", "crates.io", "x", "2.0.0"), "ecosystem_specific", json!({"affects": {"os": ["windows"], "arch": ["x86_64"]}})),
        with_package(record("GO-1", "Go", "x", "v2.0.0"), "ecosystem_specific", json!({"imports": [{"path": "x", "goos": ["windows"]}, {"path": "x/y", "goarch": ["386"]}]})),
        with_package(record("GO-2", "Go", "x", "v9.0.0"), "ecosystem_specific", json!({"custom_ranges": [{"type": "ECOSYSTEM", "events": [{"introduced": "0"}, {"fixed": "0.5.0"}]}]})),
        json!({"affected": [{"package": {"ecosystem": "PyPI", "name": "x"}}]}),
        json!({"id": "EMPTY", "modified": "nonsense", "affected": [{"package": {"ecosystem": "PyPI"}}]}),
    ]);
    records
}

fn with_package(mut record: Value, key: &str, value: Value) -> Value {
    record["affected"][0][key] = value;
    record
}

/// An ecosystem of every family that a matcher answers for.
pub(super) fn families() -> Vec<String> {
    let release = |family: &str| match family {
        "Debian" | "AlmaLinux" | "Rocky Linux" | "Azure Linux" | "Mageia" | "Alpaquita" => {
            format!("{family}:8")
        }
        "Ubuntu" => "Ubuntu:22.04:LTS".to_owned(),
        "Alpine" => "Alpine:v3.20".to_owned(),
        "Red Hat" => "Red Hat:enterprise_linux:8::baseos".to_owned(),
        "SUSE" => "SUSE:Linux Enterprise Module for Basesystem 15 SP6".to_owned(),
        "openSUSE" => "openSUSE:Leap 15.6".to_owned(),
        "openEuler" => "openEuler:24.03-LTS-SP1".to_owned(),
        "Photon OS" => "Photon OS:4.0".to_owned(),
        other => other.to_owned(),
    };
    let matchers = crate::matchers();
    let families = matchers.iter().flat_map(|matcher| matcher.ecosystems);
    families.map(|family| release(family)).collect()
}
