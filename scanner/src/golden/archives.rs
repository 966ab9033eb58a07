//! What is read of layers: every compression, every kind of entry, and what liars write.

use tar::EntryType;

use super::pins::Row;
use super::{Transcript, revision_of};
use crate::analyzers::samples;
use crate::facts::{FACTS_FORMAT, LayerFacts, Readers};
use crate::limits::{Limits, MIB};
use crate::plugin_set::PluginSet;
use crate::testing::{Layer, gzip};

/// Walking, decompression, budgets, and who is offered which file.
pub(super) fn layer() -> Row {
    let mut transcript = Transcript::default();
    transcript.note("limits", &format!("{:?}", Limits::default()));
    for (name, limits) in [("usual", Limits::default()), ("tight", tight())] {
        for (label, stored) in layers() {
            let facts = crate::scan_layer(stored.as_slice(), &limits);
            transcript.note(format!("{name} {label}"), &facts);
            transcript.note(format!("{name} {label} paths"), &paths(&facts));
        }
    }
    for path in claimed_paths() {
        transcript.note(&path, &claimants(&path));
    }
    transcript.row("layer", revision_of("layer"))
}

/// The shape in which facts are kept.
pub(super) fn facts() -> Row {
    let mut transcript = Transcript::default();
    for (label, stored) in layers() {
        let mut facts = crate::scan_layer(stored.as_slice(), &Limits::default());
        // Who read it changes with every analyzer, which is not the shape.
        facts.readers = Readers::default();
        let bytes = facts.to_bytes();
        let (format, rest) = bytes.split_first().unwrap();
        assert_eq!(*format, FACTS_FORMAT);
        // What facts weigh is the compiler's affair, what zstd makes of them its own.
        let (_weight, rest) = rest.split_at(8);
        let (names, packed) = rest.split_at(6);
        assert_eq!(names, b"\x02\0\0\0[]");
        let shape = zstd::decode_all(packed).unwrap();
        transcript.note(label, &hex::encode(shape));
    }
    transcript.row("facts", revision_of("facts"))
}

/// Names those who get a file, each by its bit.
fn claimants(path: &str) -> String {
    let claimants = PluginSet::built_in().by_path(path);
    let bits = claimants.places().iter().map(|place| 1_u128 << place);
    format!("Claimants({})", bits.sum::<u128>())
}

fn tight() -> Limits {
    Limits {
        max_uncompressed_bytes: MIB,
        max_entries: 4,
        max_name_bytes: 60,
        max_packages: 1,
        max_owned_files: 1,
        max_nested_depth: 1,
        max_nested_entries: 1,
        max_nested_bytes: 40,
        ..Limits::default()
    }
}

fn paths(facts: &LayerFacts) -> String {
    let mut bytes = Vec::new();
    facts.plain_paths.write(&mut bytes).unwrap();
    hex::encode(bytes)
}

/// Paths of every sample, and places that look like one.
fn claimed_paths() -> Vec<String> {
    let mut paths = Vec::new();
    for analyzer in PluginSet::built_in().analyzers() {
        for (path, _) in samples::of(analyzer.id().name) {
            paths.extend([path.to_owned(), format!("opt/{path}"), path.to_uppercase()]);
        }
    }
    paths.sort();
    paths.dedup();
    paths
}

/// One archive with a file of every analyzer.
fn everything() -> Layer {
    let mut layer = Layer::new();
    for analyzer in PluginSet::built_in().analyzers() {
        for (path, content) in samples::of(analyzer.id().name).into_iter().take(3) {
            if path.len() < 100 {
                layer = layer.file(path, content);
            }
        }
    }
    layer
}

fn small() -> Layer {
    let status = "Package: a\nStatus: install ok installed\nVersion: 1\n";
    Layer::new().dir("var").file("var/lib/dpkg/status", status)
}

fn layers() -> Vec<(&'static str, Vec<u8>)> {
    let tar = small().tar();
    let (front, back) = tar.split_at(700);
    let zstd = |bytes: &[u8]| zstd::encode_all(bytes, 3).unwrap();
    let mut skippable = vec![0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    skippable.extend(zstd(&tar));
    let cut = |bytes: Vec<u8>| bytes[..bytes.len() - 5].to_vec();
    let mut layers = vec![
        ("plain", tar.clone()),
        ("gzip", gzip(&tar)),
        ("two members", [gzip(front), gzip(back)].concat()),
        ("zstd", zstd(&tar)),
        ("two frames", [zstd(front), zstd(back)].concat()),
        ("skippable", skippable),
        ("cut gzip", cut(gzip(&tar))),
        ("cut zstd", cut(zstd(&tar))),
        ("gzip and more", [gzip(&tar), b"garbage".to_vec()].concat()),
        ("tar and more", [tar.clone(), b"hidden".to_vec()].concat()),
        ("two tars", [tar.clone(), tar.clone()].concat()),
        ("cut tar", tar[..700].to_vec()),
        ("nothing", Vec::new()),
        ("a document", b"{\"a\":1}".to_vec()),
        ("bzip2", b"BZh91AY&SY".to_vec()),
        ("xz", b"\xfd7zXZ\0\0\x04".to_vec()),
        ("everything", everything().tar()),
    ];
    layers.extend(
        entries()
            .into_iter()
            .map(|(label, layer)| (label, layer.tar())),
    );
    layers
}

/// Every kind of entry, and names with no place in an image.
fn entries() -> Vec<(&'static str, Layer)> {
    kinds().into_iter().chain(names()).collect()
}

const OS: &str = "ID=debian\nVERSION_ID=12\n";

fn kinds() -> Vec<(&'static str, Layer)> {
    vec![
        (
            "links",
            small()
                .symlink("lib", "usr/lib")
                .hardlink("x", "var/lib/dpkg/status"),
        ),
        (
            "devices",
            small()
                .entry(EntryType::Char, "dev/x", "", b"")
                .entry(EntryType::Fifo, "f", "", b""),
        ),
        (
            "whiteouts",
            small()
                .file("a/.wh.b", "")
                .file("c/.wh..wh..opq", "")
                .file(".wh.", ""),
        ),
        (
            "a whiteout of its own",
            small().file("var/lib/dpkg/.wh.status", ""),
        ),
        (
            "a whiteout of what it lies in",
            small().file("var/lib/.wh.dpkg", ""),
        ),
        ("twice", small().file("var/lib/dpkg/status", "")),
        (
            "sparse",
            Layer::new()
                .pax("GNU.sparse.major", "1")
                .pax("GNU.sparse.minor", "0")
                .file("x", "0\n"),
        ),
        (
            "global",
            Layer::new()
                .entry(EntryType::XGlobalHeader, "g", "", b"11 path=ab\n")
                .file("x", OS),
        ),
        (
            "unknown kind",
            Layer::new()
                .entry(EntryType::new(b'Q'), "q", "", b"x")
                .file("etc/os-release", OS),
        ),
        ("code", code()),
    ]
}

/// Names with no place in an image, or with several.
fn names() -> Vec<(&'static str, Layer)> {
    let long = format!("{}/etc/os-release", "d".repeat(120));
    vec![
        (
            "climbing",
            small().file("../etc/os-release", OS).file("a/../../b", OS),
        ),
        (
            "odd names",
            Layer::new()
                .file("./etc//os-release", OS)
                .file("/usr/lib/os-release", OS),
        ),
        ("no name", Layer::new().file("", OS)),
        (
            "not text",
            Layer::new().pax("path", "etc/os-release").file("x", OS),
        ),
        ("long", Layer::new().pax("path", &long).file("x", OS)),
    ]
}

/// Code that nobody names, and records beside it.
fn code() -> Layer {
    let mut layer = Layer::new().file("app/node_modules/a/package.json", "{}");
    for number in 0..6 {
        layer = layer.file(&format!("app/node_modules/b/{number}.js"), "x");
    }
    layer
        .file("usr/lib/python3/site-packages/yaml/__init__.py", "x")
        .file("usr/lib/ruby/gems/3.1.0/gems/rake-13.0.6/lib/rake.rb", "x")
        .file("usr/bin/none", "#!/bin/sh\n")
}
