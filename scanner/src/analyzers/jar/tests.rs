//! Java archives built in code.

use std::io::Write;

use sluicegate_model::coverage::GapKind;
use sluicegate_model::package::Evidence;

use crate::analyzer::{Analyzer, SpooledFile};
use crate::analyzers::archive::Archives;
use crate::analyzers::archive::tests::zip as jar;
use crate::analyzers::tests::analyze;
use crate::facts::Observations;
use crate::limits::Limits;

fn properties(artifact: &str, version: &str) -> Vec<u8> {
    format!("#Generated\r\nversion={version}\r\ngroupId=org.x\r\nartifactId={artifact}\r\n")
        .into_bytes()
}

/// The entries of an archive: names and contents.
type Entries<'a> = &'a [(&'a str, &'a [u8])];

/// A package's name, its version, and where inside the file it was.
type Found = (String, String, String);

fn found(path: &str, content: &[u8]) -> (Vec<Found>, Vec<(GapKind, bool)>) {
    let found = analyze(&Archives::default(), path, content);
    let packages = found.packages.into_iter().map(|found| {
        let mark = match found.evidence {
            Evidence::Inferred => "inferred ",
            _ => "",
        };
        let name = format!("{mark}{}", found.package.name);
        (name, found.package.version, found.inside)
    });
    let gaps = found.gaps.into_iter().map(|gap| (gap.kind, gap.fatal));
    (packages.collect(), gaps.collect())
}

fn entry(name: &str, version: &str, inside: &str) -> Found {
    (name.to_owned(), version.to_owned(), inside.to_owned())
}

mod evidence;

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
    let stated = b"<project><parent><groupId>org.p</groupId><version>7</version></parent>\
                   <artifactId>b</artifactId></project>";
    let manifest = b"Manifest-Version: 1.0\r\nImplementation-Version: 4.5\r\n\r\n";
    let table: [(&str, Entries<'_>, Found); 4] = [
        (
            "lib/a-1.2.3.jar",
            &[(pom, b"<project/>"), ("A.class", b"")],
            entry("org.x:a", "1.2.3", ""),
        ),
        (
            "a.jar",
            &[(pom, b"<project/>"), ("META-INF/MANIFEST.MF", manifest)],
            entry("org.x:a", "4.5", ""),
        ),
        (
            "lib/b-7.jar",
            &[(pom, stated), ("A.class", b"")],
            entry("org.p:b", "7", ""),
        ),
        (
            "b.jar",
            &[(pom, stated), (POM, &properties("b", "8"))],
            entry("org.x:b", "8", ""),
        ),
    ];
    for (path, entries, wanted) in table {
        assert_eq!(found(path, &jar(entries)), (vec![wanted], vec![]), "{path}");
    }
}

#[test]
fn places_and_well_known_classes_identify() {
    let version = b"Implementation-Version: 9.0.1\n";
    let core = "org/springframework/core/A.class";
    let sbt = b"Implementation-Vendor-Id: org.json4s\n";
    let table: [(&str, Entries<'_>, Found); 6] = [
        (
            "lib/json4s-core_2.12-3.7.0-M11.jar",
            &[("META-INF/MANIFEST.MF", sbt), ("A.class", b"")],
            entry("org.json4s:json4s-core_2.12", "3.7.0-M11", ""),
        ),
        (
            "lib/org.x.a-2.jar",
            &[(POM, &properties("org.x.a", "2")), ("A.class", b"")],
            entry("org.x:org.x.a", "2", ""),
        ),
        (
            "root/.m2/repository/org/x/a/1.0/a-1.0.jar",
            &[("A.class", b"")],
            entry("org.x:a", "1.0", ""),
        ),
        (
            "lib/spring-core-5.3.17.jar",
            &[(core, b"")],
            entry("org.springframework:spring-core", "5.3.17", ""),
        ),
        (
            "lib/spring-core-5.3.17.jar",
            &[("META-INF/versions/9/org/springframework/core/A.class", b"")],
            entry("org.springframework:spring-core", "5.3.17", ""),
        ),
        (
            "usr/local/tomcat/lib/catalina.jar",
            &[
                ("META-INF/MANIFEST.MF", version),
                ("org/apache/catalina/A.class", b""),
            ],
            entry("org.apache.tomcat:tomcat-catalina", "9.0.1", ""),
        ),
    ];
    for (path, entries, wanted) in table {
        assert_eq!(found(path, &jar(entries)), (vec![wanted], vec![]), "{path}");
    }
}

#[test]
fn what_is_only_guessed_is_a_gap_and_known_by_its_name() {
    let unidentified = vec![(GapKind::JarUnidentified, false)];
    let vendor = b"Implementation-Vendor-Id: org.guess\n";
    let bundle = b"Bundle-SymbolicName: org.guess.x\nBundle-Version: 1.0\n";
    let manifest = "META-INF/MANIFEST.MF";
    let table: [(&str, Entries<'_>, Vec<Found>); 6] = [
        (
            "x-1.0.jar",
            &[(manifest, vendor), ("A.class", b"")],
            vec![entry("inferred x", "1.0", "")],
        ),
        (
            "x.jar",
            &[(manifest, bundle), ("A.class", b"")],
            vec![entry("inferred x", "1.0", "")],
        ),
        (
            "y.jar",
            &[(manifest, bundle), ("A.class", b"")],
            vec![entry("inferred y", "1.0", "")],
        ),
        (
            "x-1.0.jar",
            &[("A.class", b"")],
            vec![entry("inferred x", "1.0", "")],
        ),
        // The name says one thing and the classes another.
        (
            "spring-core-5.3.17.jar",
            &[("org/other/A.class", b"")],
            vec![entry("inferred spring-core", "5.3.17", "")],
        ),
        // Only a shaded part says who it is.
        (
            "x-1.0.jar",
            &[(POM, &properties("a", "2.0")), ("A.class", b"")],
            vec![entry("org.x:a", "2.0", ""), entry("inferred x", "1.0", "")],
        ),
    ];
    for (path, entries, wanted) in table {
        let outcome = found(path, &jar(entries));
        assert_eq!(outcome, (wanted, unidentified.clone()), "{path}");
    }
}

#[test]
fn resources_and_parts_of_a_java_runtime_need_no_identity() {
    let runtime = b"Implementation-Title: Java Runtime Environment\n";
    let manifest = "META-INF/MANIFEST.MF";
    assert_eq!(found("x.jar", &jar(&[("text", b"")])), (vec![], vec![]));
    let own = jar(&[(manifest, runtime), ("jdk/internal/jrtfs/A.class", b"")]);
    assert_eq!(
        found("usr/lib/jvm/x/lib/jrt-fs.jar", &own),
        (vec![], vec![])
    );
    let forged = jar(&[(manifest, runtime), ("org/x/A.class", b"")]);
    assert_eq!(
        found("rt.jar", &forged).1,
        [(GapKind::JarUnidentified, false)]
    );
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

#[test]
fn large_archives_are_read_from_a_spool_and_into_one() {
    let inner = jar(&[(POM, &properties("a", "1.0"))]);
    let padded = [vec![0; 33 << 20], inner].concat();
    let outer = jar(&[("lib/padded.jar", &padded)]);
    let mut file = tempfile::tempfile().unwrap();
    file.write_all(&outer).unwrap();
    let (limits, mut found) = (Limits::default(), Observations::default());
    let spooled = SpooledFile {
        path: "app.jar",
        content: &file,
        size_bytes: u64::try_from(outer.len()).unwrap(),
        limits: &limits,
    };
    Archives::default()
        .analyze_spooled(spooled, &mut found)
        .unwrap();
    assert_eq!(found.gaps, []);
    assert_eq!(found.packages[0].inside, "lib/padded.jar");
}
