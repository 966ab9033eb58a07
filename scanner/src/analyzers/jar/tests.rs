//! Java archives built in code.

use std::io::Write;

use zip::ZipWriter;
use zip::write::SimpleFileOptions;

use super::*;
use crate::analyzers::tests::analyze;

fn jar(entries: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer
            .start_file(*name, SimpleFileOptions::default())
            .unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

fn properties(artifact: &str, version: &str) -> Vec<u8> {
    format!("#Generated\r\nversion={version}\r\ngroupId=org.x\r\nartifactId={artifact}\r\n")
        .into_bytes()
}

/// A package's name, its version, and where inside the file it was.
type Found = (String, String, String);

fn found(path: &str, content: &[u8]) -> (Vec<Found>, Vec<(GapKind, bool)>) {
    let found = analyze(&Jar, path, content);
    let packages = found
        .packages
        .into_iter()
        .map(|found| (found.package.name, found.package.version, found.inside));
    let gaps = found.gaps.into_iter().map(|gap| (gap.kind, gap.fatal));
    (packages.collect(), gaps.collect())
}

fn entry(name: &str, version: &str, inside: &str) -> Found {
    (name.to_owned(), version.to_owned(), inside.to_owned())
}

const POM: &str = "META-INF/maven/org.x/a/pom.properties";

#[test]
fn every_artifact_of_a_shaded_archive_counts() {
    let other = "META-INF/maven/org.x/b/pom.properties";
    let content = jar(&[
        (POM, &properties("a", "1.0")),
        (other, &properties("b", "2.0")),
    ]);
    let (packages, gaps) = found("app/a.jar", &content);
    assert_eq!(
        packages,
        [entry("org.x:a", "1.0", ""), entry("org.x:b", "2.0", "")]
    );
    assert_eq!(gaps, []);
}

#[test]
fn archives_inside_are_read() {
    let inner = jar(&[(POM, &properties("a", "1.0"))]);
    let middle = jar(&[("WEB-INF/lib/inner.jar", &inner)]);
    let (packages, gaps) = found("app.ear", &jar(&[("web.war", &middle)]));
    assert_eq!(
        packages,
        [entry("org.x:a", "1.0", "web.war/WEB-INF/lib/inner.jar")]
    );
    assert_eq!(gaps, []);
}

#[test]
fn bytes_before_the_archive_hide_nothing() {
    let mut content = b"#!/bin/sh\nexec java -jar \"$0\"\n".to_vec();
    content.extend(jar(&[(POM, &properties("a", "1.0"))]));
    assert_eq!(found("a.jar", &content).0.len(), 1);
}

#[test]
fn an_identity_can_come_from_the_pom_and_the_name() {
    let pom = "META-INF/maven/org.x/a/pom.xml";
    let (packages, gaps) = found(
        "lib/a-1.2.3.jar",
        &jar(&[(pom, b"<project/>"), ("A.class", b"")]),
    );
    assert_eq!(
        (packages, gaps),
        (vec![entry("org.x:a", "1.2.3", "")], vec![])
    );
    let manifest = b"Manifest-Version: 1.0\r\nImplementation-Version: 4.5\r\n\r\n";
    let content = jar(&[(pom, b"<project/>"), ("META-INF/MANIFEST.MF", manifest)]);
    assert_eq!(found("a.jar", &content).0, [entry("org.x:a", "4.5", "")]);
}

#[test]
fn code_without_an_identity_is_a_gap_and_resources_are_none() {
    let (packages, gaps) = found("x-1.0.jar", &jar(&[("A.class", b"")]));
    assert_eq!(
        (packages.len(), gaps),
        (0, vec![(GapKind::JarUnidentified, false)])
    );
    assert_eq!(found("x.jar", &jar(&[("text", b"")])), (vec![], vec![]));
}

#[test]
fn what_cannot_be_read_is_a_gap() {
    let good = jar(&[(POM, &properties("a", "1.0"))]);
    for content in [&b""[..], b"PK", b"not a zip", &good[..good.len() - 30]] {
        let (packages, gaps) = found("a.jar", content);
        assert_eq!(
            (packages.len(), gaps),
            (0, vec![(GapKind::FileUnreadable, false)])
        );
    }
    let nested = jar(&[("bad.jar", b"PK broken"), (POM, &properties("a", "1.0"))]);
    let (packages, gaps) = found("a.jar", &nested);
    assert_eq!(
        (packages.len(), gaps),
        (1, vec![(GapKind::FileUnreadable, false)])
    );
    let nameless = jar(&[(
        POM,
        b"version=${project.version}\ngroupId=g\nartifactId=a\n",
    )]);
    assert_eq!(
        found("a.jar", &nameless).1,
        [(GapKind::FileUnreadable, false)]
    );
}

#[test]
fn nesting_and_inflation_have_budgets() {
    let mut deep = jar(&[(POM, &properties("a", "1.0"))]);
    for _ in 0..8 {
        deep = jar(&[("inner.jar", &deep)]);
    }
    assert_eq!(found("a.jar", &deep).1, [(GapKind::Budget, true)]);
    let bomb = jar(&[(POM, &vec![b' '; 2 << 20])]);
    assert_eq!(found("a.jar", &bomb).1, [(GapKind::Budget, true)]);
}
