//! Archives that do not state what they are, known by their digests.

use std::sync::Arc;

use sha1::Digest as _;
use sluicegate_model::archive::Sha1Digest;

use super::*;
use crate::analyzers::tests::zip;
use crate::change::{Reach, reach};
use crate::jars::{JarIndex, JarsBuilder};
use crate::testing::{Layer, image};

const CLASS: (&str, &[u8]) = ("org/acme/tool/Tool.class", b"code");
const LOG4J: (&str, &[u8]) = ("org/apache/logging/log4j/core/Logger.class", b"code");

/// Makes an index of archives: their bytes, and what they are published as.
fn jars(home: &TempDir, archives: &[(&[u8], [&str; 3])]) -> Arc<JarIndex> {
    let path = home.path().join("jars.idx");
    let mut builder = JarsBuilder::at(&path).unwrap();
    for (bytes, [group, artifact, version]) in archives {
        let digest = Sha1Digest(sha1::Sha1::digest(bytes).into());
        builder.add(&digest, (*group, *artifact, *version)).unwrap();
    }
    builder.finish(now(), "a test").unwrap();
    Arc::new(JarIndex::open(&path).unwrap())
}

fn advisories() -> (TempDir, FeedIndex) {
    feeds(&[
        record("CVE-2021-1", "Maven", "org.acme:tool", "2.0"),
        record(
            "CVE-2021-44228",
            "Maven",
            "org.apache.logging.log4j:log4j-core",
            "2.15.0",
        ),
    ])
}

fn holding(path: &str, bytes: &[u8]) -> Inventory {
    image(&[Layer::new().file(path, bytes).facts()])
}

/// Shows the components of an inventory by what is known of it: package, version, evidence.
fn held(inventory: &Inventory, feeds: &FeedIndex) -> Vec<String> {
    let named = with_archives_named(inventory, feeds);
    let shown = |it: &Component| {
        let evidence = format!("{:?}", it.evidence).to_lowercase();
        format!("{} {evidence} {}", it.purl, it.path)
    };
    named.components.iter().map(shown).collect()
}

fn kinds(report: &Report) -> Vec<GapKind> {
    report.coverage.gaps.iter().map(|gap| gap.kind).collect()
}

#[test]
fn an_archive_that_says_nothing_is_what_its_digest_says() {
    let bytes = zip(&[CLASS]);
    let (home, index) = advisories();
    let inventory = holding("app/x.jar", &bytes);
    assert_eq!(inventory.archives.len(), 1);
    let without = judge(&inventory, &index, now());
    assert_eq!(shown(&without), []);
    assert!(kinds(&without).contains(&GapKind::JarUnidentified));
    let before = index.snapshot().clone();
    let known = jars(&home, &[(&bytes, ["org.acme", "tool", "1.0"])]);
    let index = index.with_jars(Some(known));
    assert_ne!(*index.snapshot(), before);
    let with = judge(&inventory, &index, now());
    assert_eq!(shown(&with), [("CVE-2021-1", "org.acme:tool")]);
    assert_eq!(with.findings[0].package.evidence, Evidence::Digest);
    assert_eq!(with.findings[0].package.path, "app/x.jar");
    assert!(!kinds(&with).contains(&GapKind::JarUnidentified));
    assert_eq!((without.packages, with.packages), (0, 1));
    assert_eq!(
        held(&inventory, &index),
        ["pkg:maven/org.acme/tool@1.0 digest app/x.jar"]
    );
    let index = index.with_jars(None);
    assert_eq!(*index.snapshot(), before);
    assert_eq!(shown(&judge(&inventory, &index, now())), []);
}

#[test]
fn an_archive_in_another_is_known_by_its_own_bytes() {
    let inner = zip(&[CLASS]);
    let outer = zip(&[
        ("WEB-INF/lib/renamed.jar", &inner),
        ("WEB-INF/classes/a/B.class", b""),
    ]);
    let (home, index) = advisories();
    let known = jars(&home, &[(&inner, ["org.acme", "tool", "1.0"])]);
    let index = index.with_jars(Some(known));
    let inventory = holding("srv/app.war", &outer);
    let report = judge(&inventory, &index, now());
    assert_eq!(shown(&report), [("CVE-2021-1", "org.acme:tool")]);
    let path = &report.findings[0].package.path;
    assert_eq!(path, "srv/app.war/WEB-INF/lib/renamed.jar");
    let open: Vec<_> = report
        .coverage
        .gaps
        .iter()
        .filter_map(|gap| gap.path.as_deref())
        .collect();
    assert!(!open.contains(&path.as_str()), "{open:?}");
}

#[test]
fn what_an_archive_states_is_never_asked_for_by_its_digest() {
    let pom = "META-INF/maven/org.acme/tool/pom.properties";
    let text = b"groupId=org.acme\nartifactId=tool\nversion=3.0\n";
    let bytes = zip(&[CLASS, (pom, text)]);
    let inventory = holding("app/tool-3.0.jar", &bytes);
    assert_eq!(inventory.archives, []);
    let text_only = zip(&[("readme.txt", b"nothing that runs")]);
    assert_eq!(holding("app/docs.jar", &text_only).archives, []);
}

#[test]
fn a_name_is_corrected_and_other_artifacts_stay_beside_it() {
    let bytes = zip(&[LOG4J]);
    let inventory = holding("app/log4j-core-2.17.1.jar", &bytes);
    let (home, index) = advisories();
    let by_name = "pkg:maven/org.apache.logging.log4j/log4j-core@2.17.1";
    let at = "app/log4j-core-2.17.1.jar";
    assert_eq!(
        held(&inventory, &index),
        [format!("{by_name} installed {at}")]
    );
    let own = ["org.apache.logging.log4j", "log4j-core", "2.14.1"];
    let known = jars(&home, &[(&bytes, own)]);
    let index = index.with_jars(Some(known));
    let corrected = "pkg:maven/org.apache.logging.log4j/log4j-core@2.14.1";
    assert_eq!(
        held(&inventory, &index),
        [format!("{corrected} digest {at}")]
    );
    assert_eq!(shown(&judge(&inventory, &index, now())).len(), 1);
    let copied = jars(&home, &[(&bytes, ["org.copy", "log4j-core", "2.14.1"])]);
    let index = index.with_jars(Some(copied));
    let copy = "pkg:maven/org.copy/log4j-core@2.14.1";
    assert_eq!(
        held(&inventory, &index),
        [
            format!("{by_name} installed {at}"),
            format!("{copy} digest {at}")
        ]
    );
    let same = jars(
        &home,
        &[(&bytes, ["org.apache.logging.log4j", "log4j-core", "2.17.1"])],
    );
    let index = index.with_jars(Some(same));
    assert_eq!(held(&inventory, &index).len(), 1, "once, by its digest");
}

#[test]
fn a_damaged_index_is_a_gap_and_takes_nothing_away() {
    let bytes = zip(&[LOG4J]);
    let inventory = holding("app/log4j-core-2.14.1.jar", &bytes);
    let (home, index) = advisories();
    let known = jars(&home, &[(&bytes, ["org.copy", "log4j-core", "1"])]);
    let index = index.with_jars(Some(known));
    let path = home.path().join("jars.idx");
    let file = std::fs::OpenOptions::new().write(true).open(&path).unwrap();
    std::os::unix::fs::FileExt::write_all_at(&file, &[0xff; 24], 336).unwrap();
    let report = judge(&inventory, &index, now());
    assert_eq!(shown(&report).len(), 1, "by its name, as before");
    assert_eq!(report.coverage.status, CoverageStatus::Unscannable);
    assert!(kinds(&report).contains(&GapKind::NoFeed));
}

#[test]
fn another_index_of_jars_concerns_images_with_such_archives_and_no_others() {
    let (home, index) = advisories();
    let (_other, plain) = advisories();
    let asked = |earlier: &FeedIndex, later: &FeedIndex| match reach(earlier, later, &[], now()) {
        Ok(Reach::Packages(names)) => Vec::from_iter(names),
        other => panic!("{other:?}"),
    };
    assert_eq!(asked(&plain, &index), Vec::<String>::new());
    let known = jars(&home, &[(b"x", ["org.acme", "tool", "1.0"])]);
    let index = index.with_jars(Some(known));
    assert_eq!(asked(&plain, &index), [ARCHIVES_BY_DIGEST]);
    assert_eq!(asked(&index, &plain), [ARCHIVES_BY_DIGEST]);
}
