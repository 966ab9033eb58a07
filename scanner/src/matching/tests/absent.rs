//! Weaknesses of what is not there: parts of a module that are not linked, other platforms, a kernel
//! of which there are headers.

use super::*;

const NET: &str = "golang.org/x/net";

/// A record on the packages of a module.
fn on_parts(id: &str, module: &str, parts: Value) -> Value {
    let mut record = record(id, "Go", module, "99.0.0");
    record["affected"][0]["ecosystem_specific"] = json!({"imports": parts});
    record
}

/// A module of which these packages are linked.
fn module(name: &str, linked: &[&str]) -> Component {
    Component {
        linked: linked.iter().map(|path| (*path).to_owned()).collect(),
        ..component(PackageType::Go, "Go", name, "v0.1.0")
    }
}

fn judged(platform: &str, component: Component, records: &[Value]) -> Vec<Finding> {
    let (_home, feeds) = feeds(records);
    let component = Component {
        platform: platform.to_owned(),
        ..component
    };
    judge(&inventory(vec![component]), &feeds, now()).findings
}

#[test]
fn a_weakness_in_a_package_that_is_not_linked_is_listed_as_not_affecting() {
    use FindingStatus::{Affected, NotAffected};
    let http2 = json!([{"path": "golang.org/x/net/http2"}]);
    let either = json!([{"path": "golang.org/x/net/http2"}, {"path": "golang.org/x/net/html"}]);
    let root = json!([{"path": NET}]);
    let other = json!([{"path": "golang.org/x/netx/http2"}]);
    for (parts, linked, wanted) in [
        (&http2, &["html", "http2"][..], Affected),
        (&http2, &["html", "http2/hpack"], NotAffected),
        (&http2, &[], Affected),
        (&either, &["html"], Affected),
        (&either, &["idna"], NotAffected),
        (&root, &[".", "html"], Affected),
        (&root, &["html"], NotAffected),
        // Of what lies elsewhere than the module, its list says nothing.
        (&other, &["html"], Affected),
        (&json!([]), &["html"], Affected),
    ] {
        let record = on_parts("GO-1", NET, parts.clone());
        let findings = judged("linux/amd64", module(NET, linked), &[record]);
        let statuses: Vec<_> = findings.iter().map(|finding| finding.status).collect();
        assert_eq!(statuses, [wanted], "{parts} {linked:?}");
        let is_told = findings[0]
            .detail
            .as_deref()
            .is_some_and(|detail| detail.contains(NET));
        assert_eq!(is_told, wanted == NotAffected, "{:?}", findings[0].detail);
    }
    let library = on_parts("GO-2", "stdlib", json!([{"path": "net/http"}]));
    for (linked, wanted) in [
        (&["net", "runtime"], NotAffected),
        (&["net/http", "runtime"], Affected),
    ] {
        let findings = judged("", module("stdlib", linked), std::slice::from_ref(&library));
        assert_eq!(findings[0].status, wanted, "{linked:?}");
    }
}

#[test]
fn records_on_parts_speak_for_others_on_the_same_weakness() {
    let on = |path: &str| on_parts("GO-1", NET, json!([{"path": path}]));
    let plain = with(
        record("GHSA-1", "Go", NET, "99.0.0"),
        "aliases",
        json!(["GO-1"]),
    );
    for (path, wanted) in [
        ("golang.org/x/net/http2", FindingStatus::NotAffected),
        ("golang.org/x/net/html", FindingStatus::Affected),
    ] {
        let records = [on(path), plain.clone()];
        let findings = judged("", module(NET, &["html"]), &records);
        let found: Vec<_> = findings
            .iter()
            .map(|it| (it.advisories.len(), it.status))
            .collect();
        assert_eq!(found, [(2, wanted)], "{path}");
    }
}

#[test]
fn a_weakness_of_another_platform_is_no_finding() {
    let windows = || json!({"path": "golang.org/x/sys/windows", "goos": ["windows"]});
    let small = || json!({"path": "golang.org/x/sys/cpu", "goarch": ["386"]});
    let arm = json!({"path": "golang.org/x/sys", "goos": ["linux"], "goarch": ["arm64"]});
    for (parts, platform, is_found) in [
        (json!([windows()]), "linux/amd64", false),
        (json!([windows()]), "windows/amd64", true),
        (json!([windows()]), "", true),
        (json!([windows()]), "/", true),
        (json!([windows()]), "/amd64", true),
        (json!([windows(), small()]), "linux/amd64", false),
        (json!([windows(), small()]), "linux/386", true),
        (json!([arm]), "linux/arm64", true),
        (json!([arm]), "linux/", true),
        (json!([arm]), "linux/amd64", false),
    ] {
        let name = "golang.org/x/sys";
        let record = on_parts("GO-1", name, parts.clone());
        let plain = with(
            super::record("GHSA-1", "Go", name, "99.0.0"),
            "aliases",
            json!(["GO-1"]),
        );
        let other = super::record("GO-2", "Go", name, "99.0.0");
        let findings = judged(platform, module(name, &[]), &[record, plain, other]);
        let is_there = findings.iter().any(|finding| finding.id != "GO-2");
        assert_eq!(is_there, is_found, "{parts} {platform}");
        assert!(findings.iter().any(|finding| finding.id == "GO-2"));
    }
}

#[test]
fn headers_of_a_kernel_have_none_of_its_weaknesses() {
    use FindingStatus::{Affected, NotAffected};
    let deb = |name: &str, source: &str| {
        from_source(
            component(PackageType::Deb, "Debian:12", name, "1"),
            source,
            "1",
        )
    };
    for (package, wanted) in [
        (deb("linux-libc-dev", "linux"), NotAffected),
        (deb("linux-headers-6.1.0-9-amd64", "linux"), NotAffected),
        (deb("linux-image-6.1.0-9-amd64", "linux"), Affected),
        (deb("linux-libc-dev", "openssl"), Affected),
        (deb("openssl", "openssl"), Affected),
    ] {
        let records = ["linux", "openssl"].map(|name| record(name, "Debian:12", name, "2"));
        let name = package.package.name.clone();
        let findings = judged("", package, &records);
        assert_eq!(findings[0].status, wanted, "{name}");
    }
}

/// Lists the packages of a report with the status of what was found on each.
fn statuses(report: &Report) -> Vec<(&str, FindingStatus)> {
    let findings = report.findings.iter();
    let mut statuses: Vec<_> = findings
        .map(|found| (found.package.name.as_str(), found.status))
        .collect();
    statuses.sort_unstable();
    statuses
}

#[test]
fn headers_of_a_kernel_do_not_answer_for_the_kernel() {
    use FindingStatus::{Affected, NotAffected};
    let (_home, feeds) = feeds(&[record("UBUNTU-CVE-2024-1", "Ubuntu:22.04", "linux", "6")]);
    // In the order in which a database has them: what holds headers only stands first.
    let wanted = [
        ("linux-headers-5.15.0-91", NotAffected),
        ("linux-headers-5.15.0-91-generic", NotAffected),
        ("linux-image-unsigned-5.15.0-91-generic", Affected),
        ("linux-libc-dev", NotAffected),
        ("linux-modules-5.15.0-91-generic", Affected),
        ("linux-tools-common", Affected),
    ];
    let installed = wanted.map(|(name, _)| {
        let installed = component(PackageType::Deb, "Ubuntu:22.04", name, "5.15.0-91.101");
        from_source(installed, "linux", "5.15.0-91.101")
    });
    let known = KnownPackages::default();
    for round in ["asked", "known", "known in another order"] {
        let mut installed = installed.to_vec();
        if round.ends_with("order") {
            installed.reverse();
        }
        let report = judge_knowing(&inventory(installed), &feeds, &known, now());
        assert_eq!(statuses(&report), wanted, "{round}");
    }
}

#[test]
fn packages_are_told_the_same_together_as_each_alone() {
    let names = [
        "kernel",
        "kernel-devel",
        "kernel-headers",
        "linux",
        "linux-api-headers",
        "linux-glibc-devel",
        "linux-headers",
        "linux-headers-6.1.0-9-amd64",
        "linux-image-6.1.0-9-amd64",
        "linux-libc-dev",
        "linux-libc-headers-dev",
        "linux-modules-6.1.0-9",
    ];
    let kinds = [
        (PackageType::Deb, "Debian:12"),
        (PackageType::Deb, "Ubuntu:22.04"),
        (PackageType::Apk, "Alpine:v3.20"),
        (PackageType::Apk, "Wolfi"),
        (PackageType::Rpm, "AlmaLinux:9"),
    ];
    let (mut records, mut installed) = (Vec::new(), Vec::new());
    for (number, (package_type, ecosystem)) in kinds.into_iter().enumerate() {
        for source in ["linux", "kernel", "linux-headers"] {
            let id = format!("CVE-2024-{number}{source}");
            records.push(record(&id, ecosystem, source, "2-r1"));
            for name in names {
                let own = component(package_type, ecosystem, name, "1-r0");
                let own = from_source(own, source, "1-r0");
                let mut foreign = own.clone();
                foreign.standing = Standing::ThirdParty;
                for mut it in [own, foreign] {
                    it.purl = format!("pkg:{ecosystem}/{source}/{name}?{:?}", it.standing);
                    it.package.architecture = Some("x86_64".to_owned());
                    installed.push(it);
                }
            }
        }
    }
    let (_home, feeds) = feeds(&records);
    let told = |components: Vec<Component>| {
        let findings = judge(&inventory(components), &feeds, now()).findings;
        findings.into_iter().map(|it| format!("{it:?}"))
    };
    let mut apart: Vec<String> = installed
        .iter()
        .flat_map(|it| told(vec![it.clone()]))
        .collect();
    let mut together: Vec<String> = told(installed.clone()).collect();
    apart.sort();
    together.sort();
    assert!(!apart.is_empty());
    assert_eq!(together, apart);
}
