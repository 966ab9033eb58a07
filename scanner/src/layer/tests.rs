//! Whole layers, built in code, through the whole pipeline.

use std::io::{self, Write as _};

use sluicegate_model::digest::Digest;

use super::*;
use crate::analyzers::tests::zip;
use crate::facts::FileDigests;
use crate::testing::{Layer, gzip, scan};

fn small() -> Vec<u8> {
    let status = "Package: a\nStatus: install ok installed\nVersion: 1\n";
    Layer::new()
        .dir("var")
        .file("var/lib/dpkg/status", status)
        .tar()
}

fn kinds(facts: &LayerFacts) -> Vec<GapKind> {
    facts.gaps.iter().map(|gap| gap.kind).collect()
}

fn files(facts: &LayerFacts) -> usize {
    let is_file = |event: &&crate::facts::Event| matches!(event, crate::facts::Event::File(_));
    facts.events.iter().filter(is_file).count()
}

#[test]
fn every_compression_gives_the_same_facts() {
    let tar = small();
    let (front, back) = tar.split_at(700);
    let mut skippable = vec![0x50, 0x2a, 0x4d, 0x18, 3, 0, 0, 0, 1, 2, 3];
    skippable.extend(zstd::encode_all(front, 3).unwrap());
    skippable.extend([0x5f, 0x2a, 0x4d, 0x18, 0, 0, 0, 0]);
    skippable.extend(zstd::encode_all(back, 3).unwrap());
    let plain = scan(&tar);
    assert_eq!(plain.diff_id, Some(DiffId(Digest::of(&tar))));
    assert_eq!(
        (plain.gaps.as_slice(), files(&plain), plain.is_tar()),
        (&[][..], 1, true)
    );
    assert_eq!(plain.uncompressed_bytes, u64::try_from(tar.len()).unwrap());
    for stored in [gzip(&tar), [gzip(front), gzip(back)].concat(), skippable] {
        let facts = LayerFacts {
            stored: plain.stored,
            ..scan(&stored)
        };
        assert_eq!(facts, plain, "but for how it is stored");
    }
}

#[test]
fn bytes_after_a_compressed_stream_are_a_fatal_gap() {
    for stream in [gzip(&small()), zstd::encode_all(&small()[..], 3).unwrap()] {
        for garbage in [&b"x"[..], b"\0\0\0\0\0\0\0\0", b"garbage and more"] {
            let facts = scan(&[&stream, garbage].concat());
            assert_eq!(kinds(&facts), [GapKind::StreamGarbage]);
            assert!(facts.gaps[0].fatal);
        }
    }
}

#[test]
fn a_cut_or_damaged_stream_is_a_fatal_gap_without_identity() {
    let gzip = gzip(&small());
    let zstd = zstd::encode_all(&small()[..], 3).unwrap();
    let mut damaged = gzip.clone();
    let middle = damaged.len() / 2;
    damaged[middle] ^= 0xff;
    for stored in [
        &gzip[..gzip.len() - 5],
        &gzip[..12],
        &damaged,
        &zstd[..zstd.len() - 5],
        &zstd[..6],
    ] {
        let facts = scan(stored);
        assert_eq!(facts.diff_id, None);
        assert!(facts.gaps.iter().any(|gap| gap.fatal), "{:?}", facts.gaps);
    }
}

#[test]
fn bytes_after_the_archives_end_are_hashed_and_flagged() {
    let mut tar = small();
    tar.extend([0; 4096]);
    assert_eq!(scan(&tar).gaps, []);
    tar.extend(b"hidden");
    let facts = scan(&tar);
    assert_eq!(kinds(&facts), [GapKind::StreamGarbage]);
    assert_eq!(facts.diff_id, Some(DiffId(Digest::of(&tar))));
}

/// Gives its content, then an error; notes that it was read to its end.
struct Failing<'a> {
    content: &'a [u8],
    ended: &'a mut bool,
    error: Option<io::ErrorKind>,
}

impl Read for Failing<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        if self.content.is_empty() {
            *self.ended = true;
            return self.error.map_or(Ok(0), |kind| Err(kind.into()));
        }
        self.content.read(into)
    }
}

#[test]
fn a_source_that_fails_is_a_fatal_gap_with_its_reason() {
    let stored = gzip(&small());
    for cut in [0, 3, stored.len() - 1, stored.len()] {
        let mut ended = false;
        let source = Failing {
            content: &stored[..cut],
            ended: &mut ended,
            error: Some(io::ErrorKind::ConnectionReset),
        };
        let facts = scan_layer(source, &Limits::default());
        assert_eq!(kinds(&facts), [GapKind::LayerUnreadable], "cut at {cut}");
        assert!(
            facts.gaps[0].detail.contains("connection reset"),
            "{:?}",
            facts.gaps
        );
        assert_eq!(facts.diff_id, None);
    }
}

#[test]
fn the_source_is_read_to_its_end_whatever_happens() {
    let tar = small();
    let long = [tar.as_slice(), &vec![0; 600_000]].concat();
    let garbage = [gzip(&tar).as_slice(), &vec![7; 600_000]].concat();
    let tight = Limits {
        max_uncompressed_bytes: 512,
        max_entries: 0,
        ..Limits::default()
    };
    for (stored, limits) in [
        (&long, &Limits::default()),
        (&garbage, &Limits::default()),
        (&long, &tight),
    ] {
        let mut ended = false;
        let source = Failing {
            content: stored,
            ended: &mut ended,
            error: None,
        };
        scan_layer(source, limits);
        assert!(ended);
    }
}

#[test]
fn budgets_end_in_a_fatal_gap() {
    let many = (0..20)
        .fold(Layer::new(), |layer, number| {
            layer.symlink(&format!("link{number}"), "x")
        })
        .tar();
    let zeros = zstd::encode_all(&vec![0; 1 << 20][..], 19).unwrap();
    let all = Limits::default();
    for (stored, limits) in [
        (
            &many,
            Limits {
                max_entries: 5,
                ..all.clone()
            },
        ),
        (
            &many,
            Limits {
                max_uncompressed_bytes: 2_000,
                ..all.clone()
            },
        ),
        (
            &many,
            Limits {
                max_kept_name_bytes: 20,
                ..all.clone()
            },
        ),
        (
            &zeros,
            Limits {
                max_ratio: 100,
                ratio_free_bytes: 1 << 18,
                ..all.clone()
            },
        ),
    ] {
        let facts = scan_layer(stored.as_slice(), &limits);
        assert_eq!(kinds(&facts), [GapKind::Budget], "{:?}", facts.gaps);
        assert!(facts.gaps[0].fatal);
    }
}

#[test]
fn a_spool_that_cannot_be_written_is_an_interruption_and_not_a_fact() {
    let program = [b"\x7fELF".as_slice(), &vec![0; 33 << 20]].concat();
    let layer = Layer::new().file("bin/large", program).tar();
    let nowhere = Limits {
        spool_dir: Some("/nowhere/at/all".into()),
        ..Limits::default()
    };
    let facts = crate::scan_layer(layer.as_slice(), &nowhere);
    assert!(facts.was_interrupted(), "{facts:?}");
    let facts = scan(&layer);
    assert!(!facts.was_interrupted(), "{facts:?}");
}

#[test]
fn a_scan_that_is_asked_to_stop_ends_in_a_fatal_gap() {
    let limits = Limits::default();
    limits.stop.request();
    for stored in [small(), gzip(&small())] {
        let mut ended = false;
        let source = Failing {
            content: &stored,
            ended: &mut ended,
            error: None,
        };
        let facts = scan_layer(source, &limits);
        assert_eq!(kinds(&facts), [GapKind::Interrupted]);
        assert!(facts.gaps[0].fatal && ended);
    }
}

#[test]
fn large_zstd_windows_are_given_and_larger_ones_are_a_fatal_gap() {
    let mut encoder = zstd::stream::Encoder::new(Vec::new(), 1).unwrap();
    encoder.window_log(24).unwrap();
    encoder.write_all(&small()).unwrap();
    let large = encoder.finish().unwrap();
    let frames = [
        large.as_slice(),
        &zstd::encode_all(&[0; 1024][..], 1).unwrap(),
    ]
    .concat();
    let facts = scan(&frames);
    assert_eq!((facts.gaps.as_slice(), files(&facts)), (&[][..], 1));
    let beyond = b"\x28\xb5\x2f\xfd\0\x89\x01\0\0";
    assert_eq!(kinds(&scan(beyond)), [GapKind::Budget]);
}

#[test]
fn a_table_of_contents_in_a_layer_is_an_ordinary_file() {
    let toc = r#"{"version":1,"entries":[{"name":"var/lib/dpkg/status","type":"reg","size":0}]}"#;
    let status = "Package: a\nStatus: install ok installed\nVersion: 1\n";
    let seekable = |toc: &str| {
        Layer::new()
            .file(".prefetch.landmark", "\x0f")
            .file("var/lib/dpkg/status", status)
            .file("stargz.index.json", toc)
            .facts()
    };
    let (with, without) = (seekable(toc), seekable(""));
    assert_eq!(with.gaps, []);
    assert_eq!(with.events, without.events);
}

/// The size of a file of holes.
const VAST: u64 = 1 << 40;

#[test]
fn a_vast_sparse_file_costs_nothing_unless_it_is_wanted() {
    let vast = |name: &str, end: &[u8]| {
        let (size, stored_at) = (VAST.to_string(), VAST - end.len() as u64);
        let records = [
            ("GNU.sparse.major", &b"1"[..]),
            ("GNU.sparse.minor", b"0"),
            ("GNU.sparse.name", name.as_bytes()),
            ("GNU.sparse.realsize", size.as_bytes()),
        ];
        let mut tar = Vec::new();
        let mut builder = tar::Builder::new(&mut tar);
        builder.append_pax_extensions(records).unwrap();
        builder.finish().unwrap();
        drop(builder);
        tar.truncate(tar.len() - 1024);
        let map = format!("1\n{stored_at}\n{}\n", end.len());
        let map = [map.as_bytes(), &[0; 512]].concat();
        let stored = [&map[..512], end].concat();
        tar.extend(Layer::new().file("made-up", &stored).tar());
        scan(&tar)
    };
    assert_eq!(vast("var/data", b"").gaps, []);
    assert_eq!(vast("var/data", b"no archive").events, []);
    let wanted = vast("var/lib/dpkg/status", b"");
    let [crate::facts::Event::File(file)] = wanted.events.as_slice() else {
        panic!("the file is an event: {wanted:?}");
    };
    assert_eq!(file.found.gaps[0].kind, GapKind::FileTooLarge);
    let archive = vast("var/data", &zip(&[("a", b"content")]));
    let [crate::facts::Event::File(file)] = archive.events.as_slice() else {
        panic!("the file is an event: {archive:?}");
    };
    assert_eq!(file.found.gaps[0].kind, GapKind::NestedArchive);
}

#[test]
fn tells_archives_from_other_content() {
    for content in [&b""[..], b"{}", b"not an archive", &[b'x'; 2048]] {
        let facts = scan(content);
        assert!(!facts.is_tar());
        assert!(facts.gaps.iter().all(|gap| gap.fatal), "{:?}", facts.gaps);
    }
    assert!(scan(&[0; 1024]).is_tar());
    assert_eq!(scan(&[0; 1024]).gaps, []);
}

#[test]
fn facts_survive_storage() {
    let facts = scan(&small());
    assert_eq!(LayerFacts::from_bytes(&facts.to_bytes()).unwrap(), facts);
    assert!(LayerFacts::from_bytes(b"").is_err());
    assert!(LayerFacts::from_bytes(b"\x01damaged").is_err());
}

proptest::proptest! {
    #[test]
    fn damage_is_never_a_panic_and_always_read_alike(
        hits in proptest::collection::vec((0..4_096_usize, proptest::prelude::any::<u8>()), 1..8),
        cut in 0..4_096_usize,
        compress in proptest::prelude::any::<bool>(),
    ) {
        let mut tar = Layer::new()
            .pax("path", "etc/os-release")
            .file("x", "ID=debian\n")
            .symlink("lib", "usr/lib")
            .hardlink("a", "x")
            .tar();
        for (at, byte) in hits {
            let at = at % tar.len();
            tar[at] = byte;
        }
        tar.truncate(tar.len() - cut % 600);
        let stored = if compress { gzip(&tar) } else { tar };
        let facts = scan(&stored);
        proptest::prop_assert!(!kinds(&facts).contains(&GapKind::AnalyzerFailed));
        proptest::prop_assert_eq!(&facts, &scan(&stored));
        crate::testing::image(&[facts]);
    }
}

#[test]
fn a_large_program_has_the_digests_of_its_content_in_memory_and_in_a_spool() {
    for mib in [1, 9, 40] {
        let mut program = b"\x7fELF".to_vec();
        program.resize(mib << 20, b'.');
        program.extend_from_slice(b"\0BusyBox v1.36.1 (2024-01-01)\0");
        let facts = Layer::new().file("usr/bin/tool", &program).facts();
        let [crate::facts::Event::File(file)] = facts.events.as_slice() else {
            panic!("{} events of {mib} MiB", facts.events.len());
        };
        assert!(!file.found.packages.is_empty());
        assert_eq!(file.digests, Some(FileDigests::of(&program)), "{mib} MiB");
    }
}

#[test]
fn an_entry_that_readers_differ_on_is_there_for_each() {
    let package = r#"{"name":"lodash","version":"4.17.4"}"#;
    let mut tar = Layer::new().file("package.json", package).tar();
    // GNU's header has times there, which these are not: Go takes them for the path's beginning.
    tar[345..368].copy_from_slice(b"app/node_modules/lodash");
    let mut header = tar::Header::new_old();
    header.as_mut_bytes().copy_from_slice(&tar[..512]);
    header.set_cksum();
    tar[..512].copy_from_slice(header.as_bytes());
    let facts = scan(&tar);
    assert_eq!(kinds(&facts), [GapKind::AmbiguousLayer]);
    let gap = &facts.gaps[0];
    let path = "app/node_modules/lodash/package.json";
    assert_eq!((gap.fatal, gap.path.as_deref()), (false, Some(path)));
    for words in [
        path,
        "Go, Python",
        "\"package.json\" to GNU tar, libarchive",
    ] {
        assert!(gap.detail.contains(words), "{gap:?}");
    }
    let inventory = crate::testing::image(&[facts]);
    let mut paths = inventory.components.iter().map(|found| found.path.as_str());
    assert!(
        paths.any(|found| found == path),
        "{:?}",
        inventory.components
    );
}

#[test]
fn a_directory_that_a_layer_removes_and_has_files_below_is_ambiguous() {
    let status = |layer: Layer| {
        let facts = layer.file("var/lib/dpkg/status", "").facts();
        let gaps = facts.gaps.iter();
        let path = |gap: &Gap| gap.path.clone().unwrap_or_default();
        gaps.map(|gap| (gap.kind, gap.fatal, path(gap)))
            .collect::<Vec<_>>()
    };
    for removed in ["var/lib/dpkg", "var/lib", "var"] {
        let (above, name) = removed.rsplit_once('/').unwrap_or(("", removed));
        let whiteout = format!("{above}/.wh.{name}");
        let gap = (GapKind::AmbiguousLayer, false, removed.to_owned());
        assert_eq!(status(Layer::new().file(&whiteout, "")), [gap], "{removed}");
    }
    for other in ["var/lib/.wh.apk", "var/.wh.li", ".wh.v"] {
        assert_eq!(status(Layer::new().file(other, "")), [], "{other}");
    }
}
