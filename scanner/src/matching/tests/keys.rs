//! Which advisories are asked about a package: names, sources, releases, streams.

use super::*;

fn rpm(ecosystem: &str, name: &str, version: &str) -> Component {
    component(PackageType::Rpm, ecosystem, name, version)
}

fn ids(report: &Report) -> Vec<&str> {
    let mut ids: Vec<&str> = report.findings.iter().map(|f| f.id.as_str()).collect();
    ids.sort_unstable();
    ids
}

#[test]
fn asks_rpm_packages_by_their_own_name_and_then_by_their_source() {
    let mut both = record("ALSA-1", "AlmaLinux:8", "perl-Errno", "1.28-420");
    let of_perl = record("ALSA-1", "AlmaLinux:8", "perl", "4:5.26.3-420");
    let more = of_perl["affected"][0].clone();
    both["affected"].as_array_mut().expect("a list").push(more);
    let (_home, feeds) = feeds(&[
        both,
        record("ALSA-2", "AlmaLinux:8", "perl", "4:5.26.3-421"),
        record("ALSA-3", "AlmaLinux:8", "perl", "4:5.26.3-419"),
    ]);
    let installed = rpm("AlmaLinux:8", "perl-Errno", "1.28-420");
    let installed = from_source(installed, "perl", "5.26.3-420");
    let report = judge(&inventory(vec![installed]), &feeds, now());
    assert_eq!(
        ids(&report),
        ["ALSA-2"],
        "the first is fixed by its own version, the last by the source's, epoch or not"
    );
    assert_eq!(report.findings[0].fixed.as_deref(), Some("4:5.26.3-421"));
    assert_eq!(report.findings[0].status, FindingStatus::Affected);
}

#[test]
fn keeps_the_epoch_of_rpm_packages_that_are_named() {
    let (_home, feeds) = feeds(&[
        record("ALSA-1", "AlmaLinux:8", "openssl", "1:1.1.1k-9"),
        record("ALSA-2", "AlmaLinux:8", "openssl", "2.0-1"),
    ]);
    let installed = rpm("AlmaLinux:8", "openssl", "1:1.1.1k-7");
    let report = judge(&inventory(vec![installed]), &feeds, now());
    assert_eq!(ids(&report), ["ALSA-1"]);
}

#[test]
fn asks_packages_built_in_a_module_within_their_stream() {
    let erratum = |id: &str, stream: &str, fixed: &str| {
        let summary = format!("Important: nodejs:{stream} security update");
        let on_nodejs = record(id, "AlmaLinux:8", "nodejs", fixed);
        with(on_nodejs, "summary", json!(summary))
    };
    let (_home, feeds) = feeds(&[
        erratum("ALSA-16", "16", "1:16.20.2-4.module_el8.9.0+1+a"),
        erratum("ALSA-18", "18", "1:18.18.2-1.module_el8.9.0+2+b"),
    ]);
    let mut installed = rpm("AlmaLinux:8", "nodejs", "1:16.19.1-1.module_el8.7.0+9+c");
    let unlabelled = judge(&inventory(vec![installed.clone()]), &feeds, now());
    let statuses: Vec<_> = unlabelled.findings.iter().map(|f| f.status).collect();
    assert_eq!(statuses, [FindingStatus::Unknown; 2]);
    installed = from_source(installed, "nodejs", "16.19.1-1.module_el8.7.0+9+c");
    if let Some(source) = &mut installed.package.source {
        source.module = Some("nodejs:16:8070020230101:d1e2:x86_64".to_owned());
    }
    let report = judge(&inventory(vec![installed]), &feeds, now());
    assert_eq!(ids(&report), ["ALSA-16"]);
    assert_eq!(report.findings[0].status, FindingStatus::Affected);
    assert_eq!(report.findings[0].severity, Severity::High);
}

#[test]
fn asks_alpines_relatives_by_both_names() {
    let (_home, feeds) = feeds(&[
        record("CGA-1", "Wolfi", "openssl", "3.2-r1"),
        record("CGA-2", "Wolfi", "libssl3", "3.2-r1"),
        record("ALPINE-CVE-2024-0002", "Alpine:v3.20", "libssl3", "3.2-r1"),
    ]);
    let installed = |ecosystem| {
        let installed = component(PackageType::Apk, ecosystem, "libssl3", "3.2-r0");
        from_source(installed, "openssl", "3.2-r0")
    };
    let report = judge(&inventory(vec![installed("Wolfi")]), &feeds, now());
    assert_eq!(ids(&report), ["CGA-1", "CGA-2"]);
    let report = judge(&inventory(vec![installed("Alpine:v3.20")]), &feeds, now());
    assert_eq!(ids(&report), [""; 0], "Alpine names sources only");
}

#[test]
fn asks_every_module_of_a_suse_release() {
    let of = |id: &str, product: &str| record(id, &format!("SUSE:{product}"), "libx", "2-1");
    let (_home, feeds) = feeds(&[
        of("SUSE-1", "Linux Enterprise Module for Basesystem 15 SP7"),
        of("SUSE-2", "Linux Enterprise Module for Basesystem 15 SP6"),
        of("SUSE-3", "Linux Enterprise Server 15 SP7-LTSS"),
        of("SUSE-4", "Linux Enterprise Micro 5.5"),
    ]);
    let asked = |ecosystem: &str| {
        let report = judge(
            &inventory(vec![rpm(ecosystem, "libx", "1-1")]),
            &feeds,
            now(),
        );
        let ids = report.findings.iter().map(|found| found.id.clone());
        ids.collect::<Vec<_>>()
    };
    assert_eq!(asked("SUSE:Linux Enterprise Server 15 SP7"), ["SUSE-1"]);
    assert_eq!(asked("SUSE:Linux Enterprise Micro 5.5"), ["SUSE-4"]);
    let unloaded = judge(
        &inventory(vec![rpm(
            "SUSE:Linux Enterprise Server 12 SP5",
            "libx",
            "1-1",
        )]),
        &feeds,
        now(),
    );
    assert_eq!(unloaded.coverage.status, CoverageStatus::Unscannable);
}

#[test]
fn asks_red_hats_base_repositories_and_no_extended_release() {
    let of = |id: &str, tail: &str| {
        let ecosystem = format!("Red Hat:{tail}");
        record(id, &ecosystem, "libx", "2-1.el9")
    };
    let (_home, feeds) = feeds(&[
        of("RHSA-1", "enterprise_linux:9::baseos"),
        of("RHSA-2", "enterprise_linux:9::appstream"),
        of("RHSA-3", "rhel_eus:9.4::baseos"),
        of("RHSA-4", "enterprise_linux:8::baseos"),
    ]);
    let installed = rpm("Red Hat:enterprise_linux:9::baseos", "libx", "1-1.el9");
    let report = judge(&inventory(vec![installed]), &feeds, now());
    assert_eq!(ids(&report), ["RHSA-1", "RHSA-2"]);
    assert_eq!(report.coverage.status, CoverageStatus::Complete);
}

#[test]
fn gives_the_fixes_of_ubuntu_pro_to_packages_of_it_alone() {
    let mut unfixed = record("UBUNTU-CVE-2024-0001", "Ubuntu:18.04:LTS", "x", "2");
    unfixed["affected"][0]["ranges"][0]["events"] = json!([{"introduced": "0"}]);
    let pro = record(
        "UBUNTU-CVE-2024-0001",
        "Ubuntu:Pro:18.04:LTS",
        "x",
        "1.1+esm2",
    );
    let mut both = unfixed.clone();
    let more = pro["affected"][0].clone();
    both["affected"].as_array_mut().expect("a list").push(more);
    let (_home, feeds) = feeds(&[both]);
    let asked = |version: &str| {
        let installed = component(PackageType::Deb, "Ubuntu:18.04:LTS", "x", version);
        let report = judge(&inventory(vec![installed]), &feeds, now());
        let found = report.findings.first().cloned();
        found.map(|found| (found.source, found.fixed))
    };
    let base = ("Ubuntu:18.04:LTS".to_owned(), None);
    assert_eq!(asked("1.1"), Some(base));
    let attached = (
        "Ubuntu:Pro:18.04:LTS".to_owned(),
        Some("1.1+esm2".to_owned()),
    );
    assert_eq!(asked("1.1+esm1"), Some(attached));
    assert_eq!(asked("1.1+esm2"), None);
}

#[test]
fn compares_each_language_in_its_own_order() {
    let (_home, feeds) = feeds(&[
        record("A-1", "Go", "stdlib", "1.21.0-rc.2"),
        record("A-2", "RubyGems", "rack", "2.0.0.rc1"),
        record("A-3", "NuGet", "Newtonsoft.Json", "13.0.1"),
        record("A-4", "Packagist", "Symfony/Http-Kernel", "4.4.13"),
        record("A-5", "crates.io", "serde_yaml", "0.8.4"),
        record("A-6", "Hex", "plug", "1.3.2"),
        record("A-7", "CRAN", "readxl", "1.4.1"),
        record("A-8", "Bitnami", "redis", "7.2.5"),
    ]);
    let report = judge(
        &inventory(vec![
            component(PackageType::Go, "Go", "stdlib", "1.21rc1"),
            component(PackageType::Gem, "RubyGems", "rack", "2.0.0.alpha"),
            component(PackageType::Nuget, "NuGet", "newtonsoft.json", "12.0.3"),
            component(
                PackageType::Composer,
                "Packagist",
                "symfony/http-kernel",
                "v4.4.1",
            ),
            component(PackageType::Cargo, "crates.io", "serde-yaml", "0.8.3"),
            component(PackageType::Hex, "Hex", "Plug", "1.3.1"),
            component(PackageType::Cran, "CRAN", "readxl", "1.4-0"),
            component(PackageType::Bitnami, "Bitnami", "redis", "7.2.4-0"),
        ]),
        &feeds,
        now(),
    );
    let wanted = ["A-1", "A-2", "A-3", "A-4", "A-5", "A-6", "A-7", "A-8"];
    assert_eq!(ids(&report), wanted);
    assert_eq!(report.coverage.status, CoverageStatus::Complete);
}
