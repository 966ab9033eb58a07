//! Packages in archives that are called something else, start with something else, or lie in
//! archives of another kind: none is out of sight.

use std::io::Write;

use sluicegate_model::coverage::GapKind;
use sluicegate_model::inventory::Inventory;

use super::zip;
use crate::analyzers::archive::testing::{asar, behind, bzip2, phar, tar, tgz, xz};
use crate::testing::{Layer, gzip, image};

const PACKAGE: &[u8] = br#"{"name":"lodash","version":"4.17.4"}"#;
const INSTALLED: &[u8] = br#"{"packages":[{"name":"monolog/monolog","version":"1.0"}]}"#;
const METADATA: &[u8] = b"Metadata-Version: 2.1\nName: PyYAML\nVersion: 5.1\n\ntext\n";
const PROPERTIES: &[u8] =
    b"version=2.14.1\ngroupId=org.apache.logging.log4j\nartifactId=log4j-core\n";
const POM: &str = "META-INF/maven/org.apache.logging.log4j/log4j-core/pom.properties";
const LOG4J: &str = "org.apache.logging.log4j:log4j-core@2.14.1";
const LODASH: &str = "lodash@4.17.4";
const YAML: &str = "PyYAML@5.1";

fn scanned(path: &str, content: &[u8]) -> Inventory {
    image(&[Layer::new().file(path, content).facts()])
}

fn names(inventory: &Inventory) -> Vec<String> {
    let components = inventory.components.iter();
    let name = |package: &sluicegate_model::package::Package| {
        format!("{}@{}", package.name, package.version)
    };
    components
        .map(|component| name(&component.package))
        .collect()
}

fn kinds(inventory: &Inventory) -> Vec<GapKind> {
    inventory.gaps.iter().map(|gap| gap.kind).collect()
}

/// Asserts that one package, and nothing else, is found in each file.
fn finds(wanted: &str, files: &[(&str, Vec<u8>)]) {
    for (path, content) in files {
        let inventory = scanned(path, content);
        assert_eq!(names(&inventory), [wanted], "{path}: {:?}", inventory.gaps);
        assert_eq!(inventory.gaps, [], "{path}");
    }
}

/// Asserts that each file leaves a gap of a kind.
fn leaves(kind: GapKind, files: &[(&str, Vec<u8>)]) {
    for (path, content) in files {
        let inventory = scanned(path, content);
        assert!(kinds(&inventory).contains(&kind), "{path}: {inventory:?}");
    }
}

/// A JAR whose first entries say nothing.
fn late_jar() -> Vec<u8> {
    let padding: Vec<_> = (0..200)
        .map(|n| format!("a/long/name/of/{n}.txt"))
        .collect();
    let mut entries: Vec<(&str, &[u8])> = padding
        .iter()
        .map(|name| (name.as_str(), &b"text"[..]))
        .collect();
    entries.push((POM, PROPERTIES));
    zip(&entries)
}

#[test]
fn a_jar_is_one_whatever_it_is_called_or_starts_with() {
    let jar: [(&str, &[u8]); 1] = [(POM, PROPERTIES)];
    let program = [b"\x7fELF".as_slice(), &[7; 5_000]].concat();
    finds(
        LOG4J,
        &[
            ("opt/app/data", late_jar()),
            ("opt/app/picture.png", late_jar()),
            ("srv/x.class", late_jar()),
            (
                "opt/run",
                behind(b"#!/bin/sh\nexec java -jar \"$0\"\n", &jar),
            ),
            ("opt/run.txt", behind(b": plain text before\n", &jar)),
            ("opt/run.far", behind(&b"# far\n".repeat(20_000), &jar)),
            (
                "opt/x.jmod",
                behind(b"JM\x01\0", &[(&format!("classes/{POM}"), PROPERTIES)]),
            ),
        ],
    );
    let inventory = scanned("opt/program", &behind(&program, &jar));
    assert!(names(&inventory).contains(&LOG4J.to_owned()));
}

#[test]
fn archives_are_read_however_they_are_compressed() {
    let package = tar(&[("node_modules/lodash/package.json", PACKAGE)]);
    let nothing = xz(b"text", 1);
    let zeros = [0; 8];
    finds(
        LODASH,
        &[
            ("opt/a.tar.bz2", bzip2(&package)),
            ("opt/a", [bzip2(b""), bzip2(&package)].concat()),
            ("opt/a.tar.xz", xz(&package, 1)),
            ("opt/picture.png", xz(&package, 14)),
            (
                "opt/b.xz",
                xz(&zip(&[("package/package.json", PACKAGE)]), 1),
            ),
            (
                "opt/c.xz",
                [
                    xz(&package[..512], 1).as_slice(),
                    &zeros,
                    &xz(&package[512..], 1),
                ]
                .concat(),
            ),
        ],
    );
    assert_eq!(names(&scanned("opt/text.xz", &nothing)), [""; 0]);
    for cut in (0..nothing.len()).step_by(7) {
        assert_eq!(names(&scanned("opt/cut.xz", &nothing[..cut])), [""; 0]);
    }
    assert_eq!(kinds(&scanned("opt/text.xz", &nothing)), []);
}

#[test]
fn what_begins_behind_more_than_is_read_says_so() {
    let package = tar(&[("node_modules/lodash/package.json", PACKAGE)]);
    let comment = vec![b' '; 1_100_000];
    let late = Layer::new().pax("comment", &" ".repeat(1_100_000)).tar();
    let end = late.len() - 1_024;
    let list = phar(&[("vendor/composer/installed.json", INSTALLED)]);
    leaves(
        GapKind::NestedArchive,
        &[
            ("opt/a.tar", [&late[..end], &package].concat()),
            (
                "opt/tool.phar",
                [&b"#!/usr/bin/php\n"[..], &comment, &list].concat(),
            ),
        ],
    );
}

#[test]
fn a_stream_that_takes_more_memory_than_there_is_says_so() {
    let package = tar(&[("node_modules/lodash/package.json", PACKAGE)]);
    let wide = wide_zstd(&package);
    leaves(
        GapKind::NestedArchive,
        &[("opt/a.xz", xz(&package, 17)), ("opt/a.zst", wide)],
    );
}

/// Compresses with a window of 128 MiB.
fn wide_zstd(content: &[u8]) -> Vec<u8> {
    let mut encoder = zstd::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(27).unwrap();
    encoder.long_distance_matching(true).unwrap();
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

#[test]
fn classes_alone_are_unidentified_under_any_name() {
    let content = zip(&[("com/thoughtworks/xstream/XStream.class", b"")]);
    leaves(
        GapKind::JarUnidentified,
        &[
            ("opt/app/data", content.clone()),
            ("opt/app/data.zip", content.clone()),
            ("opt/app/x.bin", [b"text".as_slice(), &content].concat()),
        ],
    );
}

#[test]
fn records_below_another_class_path_count() {
    let archive = |directory: &str| zip(&[(&format!("{directory}{POM}"), PROPERTIES)]);
    finds(
        LOG4J,
        &[
            ("srv/app.war", archive("WEB-INF/classes/")),
            ("srv/app.jar", archive("BOOT-INF/classes/")),
            ("srv/b.jar", archive("IMPL-JARS/x/")),
            ("srv/c.jar", archive("private/class/path/")),
        ],
    );
    let named = "IMPL-JARS/x/gson-2.8.5.jar/com/google/gson/Gson.class";
    finds(
        "com.google.code.gson:gson@2.8.5",
        &[("srv/d.jar", zip(&[(named, b"")]))],
    );
    let own: (&str, &[u8]) = (
        "META-INF/maven/org.x/app/pom.properties",
        b"version=1\ngroupId=org.x\nartifactId=app\n",
    );
    let war = |class: &str| ("srv/app.war", zip(&[own, (class, b"")]));
    leaves(
        GapKind::JarUnidentified,
        &[
            war("WEB-INF/classes/com/thoughtworks/xstream/XStream.class"),
            war("BOOT-INF/classes/com/thoughtworks/xstream/XStream.class"),
            war("IMPL-JARS/x/com/thoughtworks/xstream/XStream.class"),
        ],
    );
    let (path, content) = war("WEB-INF/classes/org/x/A.class");
    assert_eq!(scanned(path, &content).gaps, []);
}

#[test]
fn archives_in_archives_of_other_kinds_are_read() {
    let jar = zip(&[(POM, PROPERTIES)]);
    finds(
        LOG4J,
        &[
            ("opt/lib.tgz", tgz(&[("lib/log4j-core-2.14.1.jar", &jar)])),
            ("opt/lib.tar", tar(&[("lib/data", &jar)])),
            ("opt/lib.zip", zip(&[("lib/log4j-core-2.14.1.jar", &jar)])),
            ("opt/lib", zip(&[("lib/data", &late_jar())])),
            ("opt/log4j-core-2.14.1.jar.gz", gzip(&jar)),
            ("opt/twice", gzip(&gzip(&jar))),
            (
                "opt/lib.zst",
                zstd::encode_all(tar(&[("x", &jar)]).as_slice(), 1).unwrap(),
            ),
        ],
    );
    let wheel = zip(&[("PyYAML-5.1.dist-info/METADATA", METADATA)]);
    finds(
        YAML,
        &[
            (
                "opt/wheels.tgz",
                tgz(&[("PyYAML-5.1-py3-none-any.whl", &wheel)]),
            ),
            (
                "opt/wheels.zip",
                zip(&[("PyYAML-5.1-py3-none-any.whl", &wheel)]),
            ),
            ("opt/x.gz", gzip(&wheel)),
        ],
    );
    finds(
        LODASH,
        &[
            ("opt/lodash.tgz", tgz(&[("package/package.json", PACKAGE)])),
            (
                "opt/m.zip",
                zip(&[("node_modules/lodash/package.json", PACKAGE)]),
            ),
            ("opt/m.gz", tgz(&[("lodash-4.17.4/package.json", PACKAGE)])),
        ],
    );
}

#[test]
fn electrons_and_phps_archives_are_read() {
    let modules: [(&str, &[u8]); 2] = [
        ("package.json", br#"{"name":"app","version":"1.0.0"}"#),
        ("node_modules/lodash/package.json", PACKAGE),
    ];
    finds(
        LODASH,
        &[
            ("opt/app/resources/app.asar", asar(&modules)),
            ("opt/app/data", asar(&modules)),
            (
                "opt/app.tgz",
                tgz(&[("resources/app.asar", &asar(&modules))]),
            ),
        ],
    );
    let vendor: [(&str, &[u8]); 2] = [
        ("index.php", b"<?php"),
        ("vendor/composer/installed.json", INSTALLED),
    ];
    let plain = [vendor[1], vendor[0]];
    finds(
        "monolog/monolog@1.0",
        &[
            ("opt/tool.phar", phar(&vendor)),
            ("usr/bin/tool", phar(&plain)),
            (
                "usr/bin/t",
                [b"#!/usr/bin/env php\n".as_slice(), &phar(&vendor)].concat(),
            ),
        ],
    );
    let stripped = phar(&[("vendor/composer/autoload_real.php", b"<?php")]);
    leaves(GapKind::StrippedMetadata, &[("opt/tool", stripped)]);
}

#[test]
fn python_programs_in_one_file_are_read() {
    let wheel = zip(&[
        ("PyYAML-5.1.dist-info/METADATA", METADATA),
        ("yaml.py", b""),
    ]);
    let start: (&str, &[u8]) = ("__main__.py", b"");
    let shebang = b"#!/usr/bin/env python3\n";
    let site = ("site-packages/PyYAML-5.1.dist-info/METADATA", METADATA);
    let deps = (".deps/PyYAML.whl/PyYAML-5.1.dist-info/METADATA", METADATA);
    let zipped = (".deps/PyYAML-5.1-py3-none-any.whl", wheel.as_slice());
    finds(
        YAML,
        &[
            ("usr/local/bin/shiv", behind(shebang, &[start, site])),
            ("usr/local/bin/pex", behind(shebang, &[start, deps])),
            ("usr/local/bin/zipped", behind(shebang, &[start, zipped])),
            ("opt/zipapp", zip(&[start, zipped])),
            ("opt/app.pex", behind(shebang, &[start, zipped])),
        ],
    );
    let nameless = behind(shebang, &[start, ("yaml/__init__.py", b"")]);
    leaves(
        GapKind::StrippedMetadata,
        &[
            ("usr/local/bin/app", nameless.clone()),
            ("opt/app.pyz", nameless),
            ("opt/zip", zip(&[start, ("yaml/__init__.pyc", b"")])),
        ],
    );
}

#[test]
fn what_is_not_read_in_archives_is_a_gap() {
    leaves(
        GapKind::NestedArchive,
        &[
            (
                "opt/root.tar.gz",
                tgz(&[("./lib/apk/db/installed", b"P:a\nV:1\n")]),
            ),
            (
                "opt/gems.tgz",
                tgz(&[("x/specifications/a-1.gemspec", b"")]),
            ),
            ("opt/app.zip", zip(&[("app/app.deps.json", b"{}")])),
        ],
    );
}

#[test]
fn archives_of_anything_else_are_no_gap_however_broken() {
    let good = zip(&[("text", b"nothing"), ("a.txt", &[b'x'; 9_000])]);
    let tar = tar(&[("text", b"nothing")]);
    let mut deep = good.clone();
    for _ in 0..3 {
        deep = zip(&[("inner", &deep)]);
    }
    for (path, content) in [
        ("usr/share/doc/a/changelog.gz", gzip(b"text only")),
        ("usr/share/cut.gz", gzip(&good)[..60].to_vec()),
        ("usr/share/good.zip", good.clone()),
        ("usr/share/cut.zip", good[..good.len() - 30].to_vec()),
        ("usr/share/cut.tar", tar[..600].to_vec()),
        ("usr/share/deep.zip", deep),
        (
            "usr/share/document.odt",
            zip(&[("mimetype", b"x"), ("content.xml", b"<a/>")]),
        ),
        ("usr/bin/script", b"#!/bin/sh\necho PK\n".to_vec()),
        ("usr/lib/code.php", b"<?php echo 1;".to_vec()),
        (
            "opt/project.tgz",
            tgz(&[("app/package.json", br#"{"name":"app","version":"1.0.0"}"#)]),
        ),
    ] {
        let inventory = scanned(path, &content);
        assert_eq!(
            (inventory.components.len(), kinds(&inventory)),
            (0, vec![]),
            "{path}"
        );
    }
}

#[test]
fn a_large_archive_behind_other_bytes_is_a_gap() {
    let large = behind(&vec![b'\n'; 9 << 20], &[(POM, PROPERTIES)]);
    leaves(GapKind::NestedArchive, &[("opt/x", large)]);
    let script = [b"#!/bin/sh\n".as_slice(), &vec![b'\n'; 9 << 20]].concat();
    finds(LOG4J, &[("opt/run", behind(&script, &[(POM, PROPERTIES)]))]);
}
