//! Records on no weakness, and releases that have ranges of their own.

use super::*;

fn of_rustsec(id: &str, name: &str, stated: &str) -> Value {
    let mut record = record(id, "crates.io", name, "9.0.0");
    record["affected"][0]["database_specific"] = json!({"informational": stated});
    record
}

#[test]
fn a_record_on_no_weakness_is_of_a_kind_of_its_own() {
    let plain = record("RUSTSEC-4", "crates.io", "both", "9.0.0");
    let also = with(plain, "aliases", json!(["RUSTSEC-3"]));
    let (_home, feeds) = feeds(&[
        of_rustsec("RUSTSEC-1", "left", "unmaintained"),
        of_rustsec("RUSTSEC-2", "odd", "unsound"),
        of_rustsec("RUSTSEC-3", "both", "notice"),
        also,
    ]);
    let installed = |name| component(PackageType::Cargo, "crates.io", name, "1.0.0");
    let names = ["both", "left", "odd"];
    let report = judge(&inventory(names.map(installed).to_vec()), &feeds, now());
    let expected = [
        ("both", FindingKind::Vulnerability),
        ("left", FindingKind::Informational),
        ("odd", FindingKind::Vulnerability),
    ];
    assert_eq!(kinds(&report), expected);
}

#[test]
fn releases_that_go_does_not_know_have_ranges_of_their_own() {
    let mut record = record("GO-1", "Go", "github.com/grafana/grafana", "0");
    let affected = &mut record["affected"][0];
    affected["ranges"] = json!([{"type": "SEMVER", "events": [{"introduced": "0"}]}]);
    affected["ecosystem_specific"] = json!({"custom_ranges": [
        {"type": "ECOSYSTEM", "events": [{"introduced": "9.0.0"}, {"fixed": "9.1.8"}]}]});
    let (_home, feeds) = feeds(&[record]);
    let name = "github.com/grafana/grafana";
    let commit = "v0.0.0-20240131120000-0123456789ab";
    for (version, wanted) in [
        ("v12.4.0", None),
        ("v9.1.0", Some((FindingStatus::Affected, Some("9.1.8")))),
        ("(devel)", Some((FindingStatus::Unknown, None))),
        (commit, Some((FindingStatus::Unknown, None))),
    ] {
        let installed = component(PackageType::Go, "Go", name, version);
        let report = judge(&inventory(vec![installed]), &feeds, now());
        let found = report.findings.first();
        let found = found.map(|finding| (finding.status, finding.fixed.as_deref()));
        assert_eq!(found, wanted, "{version}");
    }
}

#[test]
fn what_no_feed_can_speak_of_is_not_laid_to_a_feed_that_is_loaded() {
    let (_home, feeds) = feeds(&[record("A", "Debian:12", "x", "2")]);
    let system = component(PackageType::Deb, "Debian:12", "x", "2");
    let product = component(PackageType::Generic, "Debian:12", "nginx", "1.27.0");
    let report = judge(&inventory(vec![system, product]), &feeds, now());
    let gaps = report.coverage.gaps.iter().map(|gap| gap.detail.as_str());
    let gaps: Vec<_> = gaps
        .filter(|detail| detail.contains("advisories"))
        .collect();
    assert_eq!(
        gaps,
        ["1 package of type generic: no advisories speak of them"]
    );
}
