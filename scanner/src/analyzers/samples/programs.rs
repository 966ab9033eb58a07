//! Programs and Java archives.

use std::io::Write as _;

use super::{Sample, texts};
use crate::analyzers::archive::tests::zip;
use crate::analyzers::binary::testing::{elf, elf_of, go_functions};

pub(super) fn of(analyzer: &str) -> Option<Vec<Sample>> {
    Some(match analyzer {
        "binary/content" => binaries(),
        "binary/jvm-release" => texts(&JVM),
        "language/quarkus" => texts(&QUARKUS),
        _ => return None,
    })
}

const QUARKUS: [(&str, &str); 3] = [
    ("quarkus-app-dependencies.txt", "g:a::jar:1\r\n"),
    (
        "app/quarkus-app-dependencies.txt",
        "io.quarkus:quarkus-core::jar:2.7.0.Final\nio.netty:netty-x:linux-x86_64:jar:4.1.0.Final\n",
    ),
    (
        "app/quarkus-app-dependencies.txt",
        "x:y::pom:1\n::::\ntext\n",
    ),
];

const JVM: [(&str, &str); 4] = [
    (
        "opt/java/release",
        "IMPLEMENTOR=\"Eclipse Adoptium\"\nJAVA_RUNTIME_VERSION=\"17.0.9+9\"\nJAVA_VERSION=\"17.0.9\"\n",
    ),
    ("opt/java/release", "JAVA_VERSION=\"1.8.0_402\"\n"),
    (
        "opt/java/release",
        "JAVA_VERSION=\"21.0.1\"\r\nIMPLEMENTOR=\"Oracle Corporation\"\r\n",
    ),
    ("opt/x/release", "VERSION=\"12\"\nJAVA_VERSION=\"\"\n"),
];

/// Go's build information since 1.18.
fn go(toolchain: &str, modules: &str) -> Vec<u8> {
    let modules = [&[7; 16], modules.as_bytes(), &[9; 16]].concat();
    let mut form = [b"\xff Go buildinf:".as_slice(), &[8, 2], &[0; 16]].concat();
    for text in [toolchain.as_bytes(), &modules] {
        let mut length = text.len();
        while length >= 0x80 {
            form.push(0x80 | u8::try_from(length & 0x7f).unwrap());
            length >>= 7;
        }
        form.push(u8::try_from(length).unwrap());
        form.extend(text);
    }
    form
}

/// A Go program with its build information.
pub(crate) fn go_program(toolchain: &str, modules: &str) -> Vec<u8> {
    elf(&[(".go.buildinfo", &go(toolchain, modules))])
}

fn crates(json: &str) -> Vec<u8> {
    let mut encoder = flate2::write::ZlibEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(json.as_bytes()).unwrap();
    encoder.finish().unwrap()
}

fn texts_in(texts: &[&str]) -> Vec<u8> {
    elf(&[(".rodata", format!("\0{}\0", texts.join("\0")).as_bytes())])
}

/// Functions of a Go program and of what is linked into it.
const FUNCTIONS: [&str; 5] = [
    "runtime.main",
    "main.main",
    "a/b/c.F",
    "c/d.G",
    "net/http.(*Client).Do",
];

fn binaries() -> Vec<Sample> {
    [listed(), products(), odd()].concat()
}

/// Programs that list what is in them.
fn listed() -> Vec<Sample> {
    let modules = "path\ta/b\nmod\ta/b\tv1.0.0\t\ndep\tc/d\tv2.0.0+incompatible\th1:x=\ndep\te/f\tv1.0.0\n=>\tg/h\tv1.1.0\th1:y=\nbuild\tvcs.revision=0a1b2c3d4e5f0a1b2c3d4e5f0a1b2c3d4e5f0a1b\nbuild\tvcs.time=2024-01-02T03:04:05Z\n";
    let devel = "path\ta/b\nmod\ta/b\t(devel)\t\nbuild\t-ldflags=\"-X main.version=v9.8.7\"\n";
    let linked = crates(
        r#"{"packages":[{"name":"app","version":"0.1.0","source":"local","root":true,"dependencies":[1]},{"name":"serde","version":"1.0.2","source":"crates.io"},{"name":"syn","version":"2.0.1","source":"crates.io","kind":"build"},{"name":"fork","version":"0.3.0","source":"git"}]}"#,
    );
    vec![
        (
            "usr/bin/linked",
            elf(&[
                (".go.buildinfo", &go("go1.22.1", modules)),
                (".gopclntab", &go_functions(0xf1, true, false, &FUNCTIONS)),
            ]),
        ),
        (
            "usr/bin/go",
            elf(&[(".go.buildinfo", &go("go1.22.1", modules))]),
        ),
        (
            "usr/bin/devel",
            elf(&[(".data", &go("go1.21-20240101-RC00", devel))]),
        ),
        (
            "usr/bin/big",
            elf_of(
                &[(".go.buildinfo", &go("devel +abc", modules))],
                false,
                true,
            ),
        ),
        (
            "usr/local/go/bin/go",
            go_program("go1.22.1", "path\tcmd/go\nbuild\t-compiler=gc\n"),
        ),
        (
            "usr/bin/tip",
            go_program("go1.27-devel_0a1b2c3", "mod\ta/b\tv1.0.0+dirty\t\n"),
        ),
        ("usr/bin/rust", elf(&[(".dep-v0", &linked)])),
        ("usr/bin/odd-rust", elf(&[(".dep-v0", b"not compressed")])),
    ]
}

/// Programs whose texts name them.
fn products() -> Vec<Sample> {
    let many: Vec<String> = (10..40).map(|n| format!("BusyBox v1.{n}.0")).collect();
    let many: Vec<&str> = many.iter().map(String::as_str).collect();
    vec![
        ("usr/bin/nginx", texts_in(&["nginx version: nginx/1.25.3"])),
        (
            "usr/bin/busybox",
            texts_in(&["BusyBox v1.36.1 (2024-01-01)"]),
        ),
        (
            "usr/lib/libssl.so",
            texts_in(&[
                "OpenSSL 3.0.11 19 Sep 2023",
                "built on: x",
                "OPENSSLDIR: \"/usr\"",
            ]),
        ),
        (
            "usr/bin/python",
            texts_in(&["PYTHONINSPECT", "3.2.0", "ucd_3_2_0", "3.11.2"]),
        ),
        (
            "usr/bin/redis",
            texts_in(&[
                "redis_version:%s",
                "7.0.0",
                "7.0.15builder-17051234560000000000",
            ]),
        ),
        ("usr/bin/mariadb", texts_in(&["5.5.5-10.11.6-MariaDB"])),
        ("usr/bin/many", texts_in(&many)),
        ("usr/bin/none", texts_in(&["see nginx/1.25.3", "3.11.2"])),
    ]
}

/// Programs in which nothing is read.
fn odd() -> Vec<Sample> {
    vec![
        ("usr/bin/packed", elf(&[("UPX!", b"UPX!UPX!UPX0UPX1")])),
        (
            "usr/bin/pe",
            [
                b"MZ".as_slice(),
                &[0; 58],
                &[64, 0, 0, 0],
                b"PE\0\0",
                &[0; 64],
            ]
            .concat(),
        ),
        (
            "usr/bin/macho",
            [&[0xcf, 0xfa, 0xed, 0xfe][..], &[0; 60]].concat(),
        ),
        ("usr/bin/cut", b"\x7fELF".to_vec()),
    ]
}

pub(super) fn properties(artifact: &str, version: &str) -> Vec<u8> {
    format!("#Generated\r\nversion={version}\r\ngroupId=org.x\r\nartifactId={artifact}\r\n").into()
}

pub(super) fn jars() -> Vec<Sample> {
    [named_inside(), named_by_place(), nested()].concat()
}

const POM: &str = "META-INF/maven/org.x/a/pom.properties";
const MANIFEST: &str = "META-INF/MANIFEST.MF";

/// Archives that say who they are.
fn named_inside() -> Vec<Sample> {
    let pom_xml = "META-INF/maven/org.x/a/pom.xml";
    let (a, b) = (properties("a", "1.0"), properties("b", "2.0"));
    let stated = b"<project><parent><groupId>org.p</groupId><version>7</version></parent><artifactId>b</artifactId></project>";
    vec![
        (
            "app/shaded.jar",
            zip(&[(POM, &a), ("META-INF/maven/org.x/b/pom.properties", &b)]),
        ),
        (
            "lib/a-1.2.3.jar",
            zip(&[(pom_xml, b"<project/>"), ("A.class", b"")]),
        ),
        ("lib/b-7.jar", zip(&[(pom_xml, stated), ("A.class", b"")])),
        (
            "lib/json4s-core_2.12-3.7.0-M11.jar",
            zip(&[
                (MANIFEST, b"Implementation-Vendor-Id: org.json4s\n"),
                ("A.class", b""),
            ]),
        ),
    ]
}

/// Archives that are known by where they lie, by their classes, or not at all.
fn named_by_place() -> Vec<Sample> {
    vec![
        (
            "root/.m2/repository/org/x/a/1.0/a-1.0.jar",
            zip(&[("A.class", b"")]),
        ),
        (
            "lib/spring-core-5.3.17.jar",
            zip(&[("org/springframework/core/A.class", b"")]),
        ),
        (
            "lib/spring-core-5.3.17.jar",
            zip(&[("org/other/A.class", b"")]),
        ),
        (
            "x-1.0.jar",
            zip(&[
                (MANIFEST, b"Implementation-Vendor-Id: org.guess\n"),
                ("A.class", b""),
            ]),
        ),
        (
            "x.jar",
            zip(&[
                (
                    MANIFEST,
                    b"Bundle-SymbolicName: org.guess.x\nBundle-Version: 1.0\n",
                ),
                ("A.class", b""),
            ]),
        ),
        (
            "usr/lib/jvm/x/lib/jrt-fs.jar",
            zip(&[
                (
                    MANIFEST,
                    b"Implementation-Title: Java Runtime Environment\n",
                ),
                ("jdk/internal/jrtfs/A.class", b""),
            ]),
        ),
    ]
}

/// Archives in archives, and what is none.
fn nested() -> Vec<Sample> {
    let a = properties("a", "1.0");
    let one = zip(&[(POM, &a)]);
    let middle = zip(&[("WEB-INF/lib/inner.jar", &one)]);
    let mut deep = one.clone();
    for _ in 0..8 {
        deep = zip(&[("inner.jar", &deep)]);
    }
    let launched = [b"#!/bin/sh\nexec java -jar \"$0\"\n".as_slice(), &one].concat();
    vec![
        ("app.ear", zip(&[("web.war", &middle)])),
        ("app/launched.jar", launched),
        ("x.jar", zip(&[("text", b"")])),
        (
            "x.jar",
            zip(&[(
                POM,
                b"version=${project.version}\ngroupId=g\nartifactId=a\n",
            )]),
        ),
        ("x.jar", zip(&[("bad.jar", b"PK broken"), (POM, &a)])),
        ("x.jar", deep),
        ("plugins/p.hpi", one.clone()),
        ("anywhere", one),
        ("x.jar", b"not a zip".to_vec()),
    ]
}
