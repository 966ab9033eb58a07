//! Archives of every kind and in every dress.

use super::Sample;
use super::languages::{wheels, yarns};
use super::programs::{jars, properties};
use crate::analyzers::archive::testing::{asar, behind, bzip2, phar, tar, tgz, xz};
use crate::analyzers::archive::tests::zip;
use crate::testing::gzip;

pub(super) fn of(analyzer: &str) -> Option<Vec<Sample>> {
    let all = || [jars(), wheels(), yarns(), java(), marked(), others()].concat();
    (analyzer == "archive/content").then(all)
}

const POM: &str = "META-INF/maven/org.x/a/pom.properties";
const PACKAGE: &[u8] = br#"{"name":"lodash","version":"4.17.4","license":"MIT"}"#;
const INSTALLED: &[u8] = br#"{"packages":[{"name":"a/b","version":"v1"}]}"#;
const METADATA: &[u8] = b"Name: a\nVersion: 1\n";

/// Java archives that neither name nor first bytes show.
fn java() -> Vec<Sample> {
    let a = properties("a", "1.0");
    let late: [(&str, &[u8]); 3] = [("x/y.txt", b"text"), ("A.class", b""), (POM, &a)];
    let modules: [(&str, &[u8]); 2] = [
        ("classes/A.class", b""),
        ("classes/META-INF/maven/org.x/a/pom.properties", &a),
    ];
    let below: [(&str, &[u8]); 4] = [
        ("A.class", b""),
        ("BOOT-INF/classes/META-INF/maven/org.x/a/pom.properties", &a),
        (
            "WEB-INF/classes/com/thoughtworks/xstream/XStream.class",
            b"",
        ),
        ("IMPL-JARS/x/gson-2.8.5.jar/com/google/gson/Gson.class", b""),
    ];
    vec![
        ("app/data.bin", zip(&late)),
        ("app/run", behind(b"#!/bin/sh\nexec java -jar $0\n", &late)),
        ("app/text", behind(b"any text", &late)),
        ("app/classes", zip(&[("org/x/A.class", b"")])),
        ("app/x.jmod", behind(b"JM\x01\0", &modules)),
        ("app/below.war", zip(&below)),
        ("app/jar.gz", gzip(&zip(&late))),
        ("app/lib.tgz", tgz(&[("lib/a.jar", &zip(&late))])),
        ("app/inner.zip", zip(&[("lib/data", &zip(&late))])),
    ]
}

/// Java archives that builds other than Maven's have marked, or that nothing but their name tells.
fn marked() -> Vec<Sample> {
    let class: (&str, &[u8]) = ("net/y/A.class", b"");
    let manifest = |text: &'static [u8]| ("META-INF/MANIFEST.MF", text);
    let modules: (&str, &[u8]) = (
        "META-INF/io.netty.versions.properties",
        b"netty-codec.version=4.1.49.Final\nnetty-buffer.version=4.1.49.Final\n",
    );
    let native: (&str, &[u8]) = ("META-INF/native-image/org.x/core/a.json", b"");
    let plugin = manifest(b"Group-Id: g\nShort-Name: git\nPlugin-Version: 4.2.0 (x)\n");
    let title = manifest(b"Implementation-Title: com.x#a;1.5\n");
    let vendor = manifest(b"Implementation-Vendor-Id: net.y\n");
    let bundle = manifest(b"Bundle-SymbolicName: org.x.a\nBundle-Version: 1.2.3.v2020-07\n");
    let android = zip(&[("META-INF/androidx.core_x.version", b"1.2.0\n"), class]);
    vec![
        ("lib/merged-1.0.jar", zip(&[modules, class])),
        ("lib/core-9.0.56.jar", zip(&[native, class])),
        ("plugins/git.jpi", zip(&[plugin, class])),
        ("lib/a-1.5.jar", zip(&[title, class])),
        ("lib/b-1.5.jar", zip(&[title, class])),
        ("lib/y-core-2.0.jar", zip(&[vendor, class])),
        ("plugins/org.x.a_1.2.3.v2020-07.jar", zip(&[bundle, class])),
        ("lib/x.aar", zip(&[("classes.jar", &android)])),
        (
            "lib/ui-2.9.2.jar",
            zip(&[("META-INF/resources/ui.js", b"")]),
        ),
        ("lib/dom4j-1.6.1.jar", zip(&[("org/dom4j/A.class", b"")])),
        (
            "lib/dom4j-2.1.1-tests.jar",
            zip(&[("org/dom4j/A.class", b"")]),
        ),
    ]
}

/// Archives of the other languages, and what holds none of their packages.
fn others() -> Vec<Sample> {
    let installed: [(&str, &[u8]); 2] = [
        ("vendor/composer/installed.json", INSTALLED),
        ("vendor/composer/autoload_real.php", b"<?php"),
    ];
    let program: [(&str, &[u8]); 2] = [("__main__.py", b""), ("a/b.py", b"")];
    vec![
        (
            "app/app.asar",
            asar(&[("node_modules/lodash/package.json", PACKAGE)]),
        ),
        ("app/lodash.tgz", tgz(&[("package/package.json", PACKAGE)])),
        ("app/tool.phar", phar(&installed)),
        ("app/tool", phar(&installed[1..])),
        (
            "app/pex",
            behind(
                b"#!/usr/bin/python\n",
                &[(".deps/a.whl", &zip(&[("a-1.dist-info/METADATA", METADATA)]))],
            ),
        ),
        ("app/zipapp", zip(&program)),
        ("app/data.zip", zip(&[("text", b"nothing")])),
        (
            "app/a.tar.xz",
            xz(&tar(&[("package/package.json", PACKAGE)]), 1),
        ),
        (
            "app/a.tbz2",
            bzip2(&tar(&[("package/package.json", PACKAGE)])),
        ),
        ("app/large.xz", xz(b"text", 19)),
        (
            "app/root.tar",
            tar(&[("lib/apk/db/installed", b"P:a\nV:1\n")]),
        ),
        (
            "usr/share/doc/a/changelog.gz",
            gzip(b"a (1) unstable; urgency=low\n"),
        ),
    ]
}
