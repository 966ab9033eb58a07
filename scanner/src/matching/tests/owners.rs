//! Whose a package is, and what follows for what advisories say of it.

use sluicegate_model::finding::QuietedBy;
use sluicegate_model::package::Owner;

use super::*;

/// A package of a language in a file that a system's package owns.
fn owned(component: Component, by: &Component) -> Component {
    let owner = Owner {
        package: by.package.clone(),
        ecosystem: by.ecosystem.clone(),
        purl: by.purl.clone(),
    };
    Component {
        standing: Standing::OwnedBy(Box::new(owner)),
        linked: Vec::new(),
        platform: String::new(),
        ..component
    }
}

fn urllib3(release: &str) -> Component {
    let version = format!("1.26.5-{release}");
    component(PackageType::Rpm, "AlmaLinux:9", "python3-urllib3", &version)
}

/// An erratum of AlmaLinux, which names what it mends as related.
fn erratum(id: &str, fixed: &str, related: &[&str]) -> Value {
    let record = record(id, "AlmaLinux:9", "python3-urllib3", fixed);
    with(record, "related", json!(related))
}

fn pypi(id: &str, cve: &str) -> Value {
    with(
        record(id, "PyPI", "urllib3", "2.0.7"),
        "aliases",
        json!([cve]),
    )
}

#[test]
fn a_finding_in_an_owners_file_is_reported_under_the_owner_and_quieted_by_its_errata() {
    let (_home, feeds) = feeds(&[
        erratum("ALSA-2024:1", "1.26.5-5.el9_4", &["CVE-2023-43804"]),
        erratum("ALSA-2026:1", "1.26.5-9.el9_8", &["CVE-2026-0001"]),
        pypi("PYSEC-1", "CVE-2023-43804"),
        pypi("PYSEC-2", "CVE-2026-0001"),
        pypi("PYSEC-3", "CVE-2099-0001"),
    ]);
    let owner = urllib3("8.el9_8");
    let inner = owned(python("urllib3", "1.26.5"), &owner);
    let report = judge(&inventory(vec![owner, inner]), &feeds, now());
    let said: Vec<_> = report
        .findings
        .iter()
        .map(|finding| {
            let own = finding.attributed.as_ref().map(|own| own.name.as_str());
            let name = finding.package.name.as_str();
            (finding.id.as_str(), name, own, finding.quieted_by)
        })
        .collect();
    let name = "python3-urllib3";
    let mut wanted = [
        ("ALSA-2026:1", name, None, None),
        (
            "CVE-2023-43804",
            name,
            Some("urllib3"),
            Some(QuietedBy::Owner),
        ),
        ("CVE-2026-0001", name, Some("urllib3"), None),
        ("CVE-2099-0001", name, Some("urllib3"), None),
    ];
    wanted.sort_by_key(|(id, ..)| *id);
    let mut said = said;
    said.sort_by_key(|(id, ..)| *id);
    assert_eq!(said, wanted);
}

#[test]
fn what_both_report_is_one_finding_with_both_names() {
    let py3_yaml = |version: &str| {
        let component = component(PackageType::Apk, "Alpine:v3.12", "py3-yaml", version);
        let yaml = owned(python("PyYAML", "5.3.1"), &component);
        vec![component, yaml]
    };
    let (_home, feeds) = feeds(&[
        record(
            "ALPINE-CVE-2020-14343",
            "Alpine:v3.12",
            "py3-yaml",
            "5.3.1-r2",
        ),
        with(
            record("PYSEC-1", "PyPI", "pyyaml", "5.4"),
            "aliases",
            json!(["CVE-2020-14343"]),
        ),
    ]);
    for (version, quieted) in [("5.3.1-r1", None), ("5.3.1-r2", Some(QuietedBy::Owner))] {
        let report = judge(&inventory(py3_yaml(version)), &feeds, now());
        let [finding] = report.findings.as_slice() else {
            panic!("{version}: {:?}", report.findings);
        };
        let own = finding.attributed.as_ref().expect("both names");
        assert_eq!(
            (
                finding.package.name.as_str(),
                own.name.as_str(),
                finding.quieted_by
            ),
            ("py3-yaml", "PyYAML", quieted),
            "{version}"
        );
    }
}

#[test]
fn an_owner_that_advisories_do_not_know_hides_nothing() {
    let (_home, feeds) = feeds(&[
        erratum("ALSA-2024:1", "1.20-1.el9", &["CVE-2023-43804"]),
        pypi("PYSEC-1", "CVE-2023-43804"),
    ]);
    let stranger = component(
        PackageType::Rpm,
        "AlmaLinux:9",
        "base-files",
        "1.26.5-1.el9",
    );
    for owner in [stranger, urllib3("99.el9")] {
        let inner = owned(python("urllib3", "1.26.5"), &owner);
        let report = judge(&inventory(vec![owner, inner]), &feeds, now());
        let [finding] = report.findings.as_slice() else {
            panic!("{:?}", report.findings);
        };
        assert_eq!(finding.package.name, "urllib3");
        assert_eq!(
            (finding.attributed.is_none(), finding.quieted_by),
            (true, None)
        );
    }
}

/// What the advisories say of packages whose builds are told apart below.
fn of_builds() -> [Value; 4] {
    [
        record(
            "DEBIAN-CVE-2024-0001",
            "Debian:12",
            "openssl",
            "3.0.11-1~deb12u1",
        ),
        record(
            "DEBIAN-CVE-2024-0002",
            "Debian:12",
            "openssl",
            "3.0.9-1+deb12u3",
        ),
        record("DEBIAN-CVE-2024-0003", "Debian:12", "openssl", "3.0.8-1"),
        record("DEBIAN-CVE-2024-0004", "Debian:12", "docker", "1:20.10-1"),
    ]
}

#[test]
fn somebody_elses_build_is_compared_as_the_distributions_and_unknown() {
    use FindingStatus::{Affected, Unknown};
    use Standing::{Own, ThirdParty};
    let (_home, feeds) = feeds(&of_builds());
    for (source, name, version, standing, wanted, status, gaps) in [
        ("openssl", "libssl3", "3.0.9-1", Own, 2, Affected, 0),
        ("openssl", "libssl3", "1:3.0.9-1", Own, 2, Unknown, 1),
        (
            "openssl",
            "libssl3",
            "3.0.9-1+rpt1",
            ThirdParty,
            2,
            Unknown,
            0,
        ),
        (
            "openssl",
            "libssl3",
            "9:3.0.9-1+rpt1",
            ThirdParty,
            2,
            Unknown,
            1,
        ),
        (
            "openssl",
            "libssl3",
            "3.0.9-1+deb12u3+rpt1",
            ThirdParty,
            1,
            Unknown,
            0,
        ),
        // That it is newer is no sign of somebody else.
        ("openssl", "libssl3", "3.5.0-1", Own, 0, Unknown, 0),
        ("openssl", "libssl3", "3.5.0-1", ThirdParty, 0, Unknown, 0),
        // Before the distribution raised the epoch its own packages had the lower one.
        ("docker", "docker", "20.11-1", Own, 1, Affected, 0),
        ("docker", "docker", "20.11-1", ThirdParty, 1, Unknown, 0),
        ("docker", "docker", "2:20.9-1", Own, 1, Unknown, 1),
    ] {
        let built = component(PackageType::Deb, "Debian:12", name, version);
        let component = Component {
            standing,
            linked: Vec::new(),
            platform: String::new(),
            ..from_source(built, source, version)
        };
        let report = judge(&inventory(vec![component]), &feeds, now());
        assert_eq!(report.findings.len(), wanted, "{version}");
        for finding in &report.findings {
            assert_eq!(finding.status, status, "{version}");
            assert!(finding.fixed.is_some(), "{version}");
        }
        let kinds = report.coverage.gaps.iter().map(|gap| gap.kind);
        let foreign = kinds.filter(|kind| *kind == GapKind::ThirdParty).count();
        assert_eq!(foreign, gaps, "{version}");
    }
}
