//! Findings that a second evaluation reproduces, one for one: of Debian and Alpine systems, and of
//! thousands of questions about Python packages.
//!
//! The real feeds and systems are asked where `SLUICEGATE_TEST_DATA` adds them; a small feed always.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use sluicegate_model::Digest;
use sluicegate_model::finding::FindingKind;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Component, Ecosystem, Evidence, Package, PackageType, Standing};
use sluicegate_model::report::Report;
use sluicegate_scanner::feeds::{FeedDirectory, FeedIndex, build_index};
use sluicegate_scanner::{LayerInput, Limits, judge, merge, scan_layer};
use sluicegate_tests::feeds::{self, Advisory};
use sluicegate_tests::layer::Archive;
use sluicegate_tests::rootfs;

use crate::evaluation::{self, text};

/// The moment of judging: the ends of support are no part of these answers.
fn now() -> jiff::Timestamp {
    "2026-11-25T00:00:00Z".parse().expect("a time")
}

/// Builds an index of the feeds; every record of them can be read.
fn index(feeds: &Path, home: &Path) -> FeedIndex {
    let directory = FeedDirectory::at(feeds);
    let path = build_index(&[directory], home, now(), &|_| {}).expect("build an index");
    let index = FeedIndex::open(&path).expect("open the index");
    assert!(index.problems().is_empty(), "{:?}", index.problems());
    index
}

/// Makes a feed directory of some folders of another one.
fn part(feeds: &Path, home: &Path, folders: &[&str]) -> PathBuf {
    let part = home.join("part");
    std::fs::create_dir(&part).expect("make a directory");
    for folder in folders {
        std::os::unix::fs::symlink(feeds.join(folder), part.join(folder)).expect("link a folder");
    }
    part
}

fn inventory(root: &Path) -> Inventory {
    let facts = scan_layer(
        File::open(root).expect("open a root archive"),
        &Limits::default(),
    );
    let digest = Digest::of(b"root");
    let layer = LayerInput {
        digest: &digest,
        facts: &facts,
    };
    merge(None, &[layer])
}

/// Gives `package id` for each vulnerability of a system's package.
fn answers(report: &Report) -> BTreeSet<String> {
    let findings = report.findings.iter();
    let weak = findings.filter(|finding| finding.kind == FindingKind::Vulnerability);
    weak.map(|finding| format!("{} {}", finding.package.name, finding.id))
        .collect()
}

#[track_caller]
fn assert_same(what: &str, ours: &BTreeSet<String>, theirs: &BTreeSet<String>) {
    println!("{what}: {} answers", ours.len());
    let more: Vec<_> = ours.difference(theirs).take(9).collect();
    let less: Vec<_> = theirs.difference(ours).take(9).collect();
    assert_eq!(
        (ours.len(), &more, &less),
        (theirs.len(), &Vec::new(), &Vec::new()),
        "{what}: ours alone, theirs alone"
    );
}

#[test]
fn a_small_debian_and_alpine_are_judged_as_by_hand() {
    let home = tempfile::tempdir().expect("make a directory");
    let feeds = home.path().join("feeds");
    let debian =
        |id: &str, package: &str, fixed: &str| Advisory::new(id, "Debian:12", package, fixed);
    let alpine =
        |id: &str, package: &str, fixed: &str| Advisory::new(id, "Alpine:v3.20", package, fixed);
    let advisories = [
        debian("DEBIAN-CVE-2024-0001", "openssl", "3.0.11-1~deb12u3"),
        debian("DEBIAN-CVE-2024-0002", "openssl", "3.0.11-1~deb12u2"),
        debian("DEBIAN-CVE-2024-0003", "zlib", ""),
        debian("DEBIAN-CVE-2024-0004", "libssl3", "9"),
        debian("DSA-1-1", "glibc", "1:2.36").alias("CVE-2024-0005"),
        alpine("ALPINE-CVE-2024-0006", "busybox", "1.36.1-r30"),
        alpine("ALPINE-CVE-2024-0007", "busybox", "1.36.1_rc1"),
        alpine("ALPINE-CVE-2024-0008", "musl", "1.2.05-r0"),
    ];
    feeds::write(&feeds, &[], &advisories);
    let status = "Package: libssl3\nStatus: install ok installed\nArchitecture: amd64\n\
        Source: openssl (3.0.11-1~deb12u2)\nVersion: 3.0.11-1~deb12u2+b1\n\n\
        Package: zlib1g\nStatus: hold ok installed\nArchitecture: amd64\nSource: zlib\n\
        Version: 1:1.2.13\n\nPackage: libc6\nStatus: deinstall ok config-files\n\
        Architecture: amd64\nSource: glibc\nVersion: 2.36-9\n\n";
    let installed = "P:ssl_client\nV:1.36.1-r29\nA:x86_64\no:busybox\n\n\
        P:musl\nV:1.2.5-r0\nA:x86_64\no:musl\n\n";
    let roots = [
        (
            "Debian:12",
            Archive::new()
                .file("etc/os-release", "ID=debian\nVERSION_ID=12\n")
                .file("var/lib/dpkg/status", status),
            &["libssl3 CVE-2024-0001", "zlib1g CVE-2024-0003"][..],
        ),
        (
            "Alpine:v3.20",
            Archive::new()
                .file("etc/os-release", "ID=alpine\nVERSION_ID=3.20.3\n")
                .file("lib/apk/db/installed", installed),
            &["ssl_client CVE-2024-0006"],
        ),
    ];
    let index = index(&feeds, home.path());
    for (ecosystem, root, by_hand) in roots {
        let path = home.path().join("root.tar");
        std::fs::write(&path, root.finish()).expect("write a root archive");
        let ours = answers(&judge(&inventory(&path), &index, now()));
        let by_hand: BTreeSet<String> = by_hand.iter().map(|line| (*line).to_owned()).collect();
        assert_same(ecosystem, &ours, &by_hand);
        let theirs = evaluation::run(&[text(&feeds), ecosystem, text(&path)]);
        assert_same(ecosystem, &ours, &theirs);
    }
}

#[tokio::test]
async fn real_systems_have_the_findings_of_a_second_evaluation() {
    let (Some(feeds), Some(images)) = (rootfs::extra("feeds"), rootfs::extra("images")) else {
        println!("SLUICEGATE_TEST_DATA adds no feeds: no further cases");
        return;
    };
    let home = tempfile::tempdir().expect("make a directory");
    let folders = ["Debian:11", "Debian:12", "Debian:13", "Alpine:v3.4"];
    let index = index(&part(&feeds, home.path(), &folders), home.path());
    let mut roots = vec![(
        "Alpine:v3.4",
        images.join("alpine-rootfs-3.4.0-x86_64.tar.gz"),
    )];
    for (ecosystem, release) in folders.into_iter().zip(["bullseye", "bookworm", "trixie"]) {
        roots.push((ecosystem, rootfs::debian_archive(release).await));
    }
    for (ecosystem, root) in roots {
        let report = judge(&inventory(&root), &index, now());
        let theirs = evaluation::run(&[text(&feeds), ecosystem, text(&root)]);
        assert_same(ecosystem, &answers(&report), &theirs);
    }
}

#[test]
fn python_packages_have_the_advisories_that_python_packaging_says() {
    let Some(feeds) = rootfs::extra("feeds") else {
        println!("SLUICEGATE_TEST_DATA adds no feeds: no further cases");
        return;
    };
    if !evaluation::has_packaging() {
        println!("python-packaging is not installed: no further cases");
        return;
    }
    let home = tempfile::tempdir().expect("make a directory");
    let index = index(&part(&feeds, home.path(), &["PyPI"]), home.path());
    let questions = evaluation::run(&["pypi", text(&feeds), "questions"]);
    assert!(questions.len() > 2_000, "{} questions", questions.len());
    let asked = questions.iter().filter_map(|line| line.split_once(' '));
    let report = judge(
        &Inventory {
            components: asked.map(|(name, version)| python(name, version)).collect(),
            platform: "linux/amd64".into(),
            ..Inventory::default()
        },
        &index,
        now(),
    );
    let ours = report.findings.iter().flat_map(|finding| {
        let (name, version) = (&finding.package.name, &finding.package.version);
        let records = finding.advisories.iter();
        records.map(move |record| format!("{name} {version} {record}"))
    });
    let theirs = evaluation::run(&["pypi", text(&feeds), "answers"]);
    assert_same("PyPI", &ours.collect(), &theirs);
}

fn python(name: &str, version: &str) -> Component {
    Component {
        package: Package::of_language(PackageType::Python, name, version),
        ecosystem: Some(Ecosystem::new("PyPI")),
        purl: format!("pkg:pypi/{name}@{version}"),
        path: "evidence".into(),
        layer: Digest::of(b"root"),
        evidence: Evidence::Installed,
        standing: Standing::Own,
        linked: Vec::new(),
        platform: String::new(),
    }
}
