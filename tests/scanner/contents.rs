//! Files that are not what they should be: floods, lies and damage in the formats of analyzers.

use std::io::{Cursor, Write as _};

use rand::Rng as _;
use rand::rngs::StdRng;
use sluicegate_tests::seeds::pick;

/// Texts in the formats of package databases and metadata, to be damaged.
const TEXTS: [&str; 11] = [
    "Package: a\nStatus: install ok installed\nVersion: 1:2.3-4\nSource: b (1)\nArchitecture: all\n\n",
    "P:musl\nV:1.2.3-r4\nC:Q1AAAAAAAAAAAAAAAAAAAAAAAAAAA=\no:musl\nF:lib\nR:x\n\n",
    "Metadata-Version: 2.1\nName: a\nVersion: 1\n\nbody\n",
    "ID=debian\nVERSION_ID=\"12\nID='alpine\n",
    "%NAME%\nzlib\n\n%VERSION%\n1-1\n\n%FILES%\na\n\n",
    "Gem::Specification.new do |s|\n s.name = \"a\".freeze\n s.version = \"1\"\nend\n",
    "Package: a\nVersion: 1\nBuilt: R 4.3.1; ; 2024-01-01; unix\n",
    "{application, a, [{vsn, \"1\"}, {modules, []}]}.\n",
    "a\t1\t2\t3\t(none)\tb-1.src.rpm\t1\tx86_64\n",
    "[[package]]\nname = \"a\"\nversion = \"1\"\n",
    "[metadata]\nname=a\nversion=1\n",
];

const JSON: [&str; 6] = [
    "{\"name\":\"a\",\"version\":\"1\"}",
    "{\"packages\":[{\"name\":\"a/b\",\"version\":\"1\"}],\"versions\":{}}",
    "{\"libraries\":{\"A/1.0\":{\"type\":\"package\"}},\"targets\":{\"t\":{\"A/1.0\":{}}}}",
    "{\"bomFormat\":\"CycloneDX\",\"components\":[{\"name\":\"a\",\"version\":\"1\",\"purl\":\"pkg:npm/a@1\"}]}",
    "{\"spdxVersion\":\"SPDX-2.3\",\"packages\":[{\"name\":\"a\",\"versionInfo\":\"1\"}]}",
    "{\"lockfileVersion\":3,\"packages\":{\"node_modules/a\":{\"version\":\"1\"}}}",
];

/// First bytes of binary formats.
const MAGICS: [&[u8]; 12] = [
    b"\x7fELF\x02\x01\x01\0\0\0\0\0\0\0\0\0\x02\0\x3e\0\x01\0\0\0",
    b"\x7fELF\x01\x02\x01\0",
    b"SQLite format 3\0\x10\0\x01\x01\0\x40\x20\x20",
    b"RpmP\0\0\0\0",
    b"\0\0\0\0\0\0\0\0\0\0\0\0\x61\x15\x06\0\x09\0\0\0\0\x10\0\0",
    b"\x37\x7f\x06\x82",
    b"PK\x03\x04",
    b"PK\x05\x06\0\0\0\0\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\0\0",
    b"\x1f\x8b\x08\0\0\0\0\0",
    b"\x28\xb5\x2f\xfd\x04\x58",
    b"MZ\x90\0",
    b"\xff Go buildinf:\x08\x02",
];

/// Makes a file's content; `starts` is what its claim wants first.
pub fn content(rng: &mut StdRng, starts: &[u8]) -> Vec<u8> {
    let mut content = starts.to_vec();
    match rng.random_range(0..10) {
        0..=2 => text(rng, &mut content),
        3 | 4 => json(rng, &mut content),
        5 | 6 => binary(rng, &mut content),
        7 => content.extend(archive(rng, 3)),
        8 => content.extend(noise(rng, 3_000)),
        _ => {}
    }
    if rng.random_ratio(2, 3) {
        damage(rng, &mut content, starts.len());
    }
    content
}

/// Changes a few bytes from `from` on, and may cut the end.
pub fn damage(rng: &mut StdRng, content: &mut Vec<u8>, from: usize) {
    if content.len() <= from {
        return;
    }
    for _ in 0..rng.random_range(1..6) {
        let at = rng.random_range(from..content.len());
        content[at] = *[0, 0xff, b'\n', b' ', rng.random()]
            .get(rng.random_range(0..5))
            .expect("five");
    }
    if rng.random_ratio(1, 3) {
        content.truncate(rng.random_range(from..content.len()));
    }
}

pub fn noise(rng: &mut StdRng, most: usize) -> Vec<u8> {
    let mut bytes = vec![0; rng.random_range(0..most)];
    rng.fill(bytes.as_mut_slice());
    bytes
}

fn text(rng: &mut StdRng, content: &mut Vec<u8>) {
    let text = TEXTS[rng.random_range(0..TEXTS.len())];
    let times = pick(rng, &[&1, &3, &500]);
    content.extend(text.repeat(*times).into_bytes());
    match rng.random_range(0..6) {
        // One endless line.
        0 => content.extend(vec![b'x'; 1 << 20]),
        // The same field again, and a continuation of nothing.
        1 => content.extend(b"Package: b\nPackage: c\n\n continued\nVersion: \xff\xfe\n"),
        2 => content.extend(vec![b'\n'; 10_000]),
        _ => {}
    }
}

fn json(rng: &mut StdRng, content: &mut Vec<u8>) {
    match rng.random_range(0..5) {
        0 => content.extend(vec![b'['; 200_000]),
        1 => content.extend("{\"a\":".repeat(50_000).into_bytes()),
        2 => content.extend(
            format!(
                "{{\"name\":\"{}\",\"version\":1e999999}}",
                "\\u0000".repeat(1_000)
            )
            .into_bytes(),
        ),
        _ => content.extend(JSON[rng.random_range(0..JSON.len())].as_bytes()),
    }
}

/// A header of some binary format, then numbers that are small, vast or just wrong.
fn binary(rng: &mut StdRng, content: &mut Vec<u8>) {
    content.extend(MAGICS[rng.random_range(0..MAGICS.len())]);
    for _ in 0..rng.random_range(0..800) {
        let number: u32 = match rng.random_range(0..5) {
            0 => 0,
            1 => u32::MAX,
            2 => rng.random_range(0..0x2000),
            3 => 1 << rng.random_range(0..32),
            _ => rng.random(),
        };
        content.extend(number.to_le_bytes());
    }
}

/// A zip archive, with others inside `depth` levels down.
fn archive(rng: &mut StdRng, depth: u32) -> Vec<u8> {
    let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
    let options = zip::write::SimpleFileOptions::default();
    for number in 0..rng.random_range(0..4) {
        let names = [
            "META-INF/MANIFEST.MF",
            "META-INF/maven/g/a/pom.properties",
            "a.class",
            "lib/b.jar",
        ];
        let name = format!("{number}/../{}", names[rng.random_range(0..names.len())]);
        let name = name
            .split_once("../")
            .map_or("", |(_, name)| name)
            .to_owned();
        let inner = match rng.random_range(0..4) {
            0 if depth > 0 => archive(rng, depth - 1),
            1 => vec![0; 1 << 20],
            2 => b"groupId=g\nartifactId=a\nversion=1\n".to_vec(),
            _ => noise(rng, 500),
        };
        // A repeated name is refused by the writer, which is as good as fewer files.
        if zip.start_file(name, options).is_ok() {
            zip.write_all(&inner).expect("write in memory");
        }
    }
    let mut bytes = zip.finish().expect("write in memory").into_inner();
    if rng.random_ratio(1, 2) {
        damage(rng, &mut bytes, 0);
    }
    bytes
}
