//! Whose score counts, and what a file of NVD's may not do.

use std::fs::File;
use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use serde_json::{Value, json};

use super::*;
use crate::feeds::feed::EntryError;

fn metric(source: &str, kind: &str, score: f64) -> Value {
    json!({"source": source, "type": kind, "cvssData": {"baseScore": score}})
}

fn read_text(text: &[u8]) -> (Vec<Result<CveScore, EntryError>>, Result<(), String>) {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("nvd.json.gz");
    let mut file = GzEncoder::new(File::create(&path).unwrap(), Compression::fast());
    file.write_all(text).unwrap();
    file.finish().unwrap();
    let mut all = Vec::new();
    let outcome = Nvd.read(&path, &mut |entry| all.push(entry.said));
    (all, outcome.map_err(|error| error.to_string()))
}

fn scores(cve: Value) -> Option<(SeverityBasis, f64)> {
    let document = json!({"format": "NVD_CVE", "vulnerabilities": [{"cve": cve}]});
    let (all, outcome) = read_text(document.to_string().as_bytes());
    outcome.unwrap();
    all.into_iter().next().unwrap().unwrap().base
}

#[test]
fn the_publishers_score_counts_before_nvds_and_a_stopgap_last() {
    let (nvd, cna) = ("nvd@nist.gov", "security@apache.org");
    let of = |metrics: Value| json!({"id": "CVE-2021-44228", "sourceIdentifier": cna, "metrics": metrics});
    let primary = metric(nvd, "Primary", 9.8);
    for (metrics, wanted) in [
        (
            json!({"cvssMetricV31": [primary]}),
            Some((SeverityBasis::CvssV31, 9.8)),
        ),
        (
            json!({"cvssMetricV40": [primary], "cvssMetricV31": [metric(cna, "Secondary", 5.0)]}),
            Some((SeverityBasis::CvssV31, 5.0)),
        ),
        (
            json!({"cvssMetricV31": [primary, metric("x@y", "Secondary", 5.0)]}),
            Some((SeverityBasis::CvssV31, 5.0)),
        ),
        (
            json!({"cvssMetricV31": [metric(cna, "Primary", 4.0), metric("x@y", "Secondary", 5.0)]}),
            Some((SeverityBasis::CvssV31, 4.0)),
        ),
        (
            json!({"cvssMetricV31": [primary, metric(CISA, "Secondary", 5.0)]}),
            Some((SeverityBasis::CvssV31, 9.8)),
        ),
        (
            json!({"cvssMetricV2": [metric(nvd, "Primary", 7.5)], "cvssMetricV30": [metric(nvd, "Primary", 3.0)]}),
            Some((SeverityBasis::CvssV30, 3.0)),
        ),
        (
            json!({"cvssMetricV31": null, "ssvcV203": [{"source": "x"}]}),
            None,
        ),
        (
            json!({"cvssMetricV31": [metric(nvd, "Primary", 99.0)]}),
            None,
        ),
        (json!({}), None),
        (Value::Null, None),
    ] {
        assert_eq!(scores(of(metrics.clone())), wanted, "{metrics}");
    }
    let vector = json!({"cvssMetricV31": [{"source": nvd, "type": "Primary", "cvssData":
        {"vectorString": "CVSS:3.1/AV:N/AC:L/PR:N/UI:N/S:U/C:H/I:H/A:H"}}]});
    assert_eq!(scores(of(vector)), Some((SeverityBasis::CvssV31, 9.8)));
    let mut rejected = of(json!({"cvssMetricV31": [primary]}));
    rejected["vulnStatus"] = json!("Rejected");
    assert_eq!(scores(rejected), None);
}

#[test]
fn one_odd_entry_costs_only_itself() {
    let good = json!({"cve": {"id": "CVE-2024-0001", "lastModified": "2024-11-21T06:33:59.123"}});
    let odd = [
        json!({"cve": {"id": "GHSA-1"}}),
        json!({"cve": {"id": "CVE-2024-0002", "metrics": "none"}}),
        json!(7),
    ];
    let list: Vec<&Value> = odd.iter().chain([&good]).collect();
    let document = json!({"vulnerabilities": list, "timestamp": "x"});
    let (all, outcome) = read_text(document.to_string().as_bytes());
    outcome.unwrap();
    assert!(all[..3].iter().all(Result::is_err), "{all:?}");
    let read = all[3].as_ref().unwrap();
    assert_eq!(read.cve.to_string(), "CVE-2024-0001");
    assert_eq!(
        read.modified.unwrap().to_string(),
        "2024-11-21T06:33:59.123Z"
    );
}

#[test]
fn what_is_no_file_of_nvds_or_too_large_is_an_error() {
    let long = format!(
        "{{\"vulnerabilities\": [{{\"cve\": {{\"id\": \"{}\"}}}}]}}",
        "C".repeat(17 << 20)
    );
    let aside = format!(
        "{{\"format\": \"{}\", \"vulnerabilities\": []}}",
        "x".repeat(17 << 20)
    );
    for (text, wanted) in [
        ("", "EOF"),
        ("<html>", "expected"),
        ("{}", "no list of vulnerabilities"),
        ("[]", "an object with a list"),
        ("{\"vulnerabilities\": [{\"cve\"", "EOF"),
        ("{\"vulnerabilities\": []} x", "trailing"),
        (long.as_str(), "one CVE takes over"),
        (aside.as_str(), "one CVE takes over"),
    ] {
        let (_, outcome) = read_text(text.as_bytes());
        let error = outcome.unwrap_err();
        assert!(error.contains(wanted), "{wanted}: {error}");
    }
}
