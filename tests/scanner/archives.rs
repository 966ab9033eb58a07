//! Layers that no tool would write: every field of an archive's headers at an attacker's choice.

use std::io::Write as _;

use flate2::Compression;
use flate2::write::GzEncoder;
use rand::Rng as _;
use rand::rngs::StdRng;
use sluicegate_scanner::{PluginKind, plugins};
use sluicegate_tests::seeds::pick;

use crate::claims::{self, Claim};
use crate::contents::{content, damage, noise};

/// Names that mean something to whoever unpacks.
const NAMES: [&[u8]; 18] = [
    b"etc/os-release",
    b"var/lib/dpkg/status",
    b"./lib/apk/db/installed",
    b"/usr/lib/x.dist-info/METADATA",
    b"a/../../etc/passwd",
    b"a/../b",
    b"..",
    b"",
    b".wh.etc",
    b"var/.wh..wh..opq",
    b".wh.",
    b"a/.wh...",
    b".wh..wh.plnk",
    b"a\xff\xfe/b",
    "\u{202e}gnp.exe\u{0}x".as_bytes(),
    b"dir/",
    b"a/a/a/a/a",
    b"C:\\windows\\x",
];

/// Builds one layer of the kind that `seed` says, as a registry would hold it.
pub fn layer(seed: u64, rng: &mut StdRng) -> Vec<u8> {
    let mut tar = match seed % 10 {
        0..=3 => claimed_files(rng),
        4 => odd_entries(rng),
        5 => deep_paths(rng),
        6 => links(rng),
        7 => extended_headers(rng),
        8 => repeated(rng),
        _ => noise(rng, 20_000),
    };
    if rng.random_ratio(1, 3) {
        damage(rng, &mut tar, 0);
    }
    let mut stored = compressed(rng, &tar);
    if rng.random_ratio(1, 5) {
        damage(rng, &mut stored, 0);
    }
    if rng.random_ratio(1, 20) {
        stored.extend(noise(rng, 100));
    }
    stored
}

fn compressed(rng: &mut StdRng, tar: &[u8]) -> Vec<u8> {
    let gzip = |part: &[u8]| {
        let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
        encoder.write_all(part).expect("compress in memory");
        encoder.finish().expect("compress in memory")
    };
    let (front, back) = tar.split_at(rng.random_range(0..=tar.len()));
    match rng.random_range(0..5) {
        0 => gzip(tar),
        1 => [gzip(front), gzip(back)].concat(),
        2 => [front, back]
            .map(|part| zstd::bulk::compress(part, 1).expect("compress in memory"))
            .concat(),
        _ => tar.to_vec(),
    }
}

/// Writes one entry; `change` alters its header before the sum is made.
pub fn entry(tar: &mut Vec<u8>, kind: u8, name: &[u8], target: &[u8], content: &[u8]) {
    entry_with(tar, kind, name, target, content, |_| {});
}

fn entry_with(
    tar: &mut Vec<u8>,
    kind: u8,
    name: &[u8],
    target: &[u8],
    content: &[u8],
    change: impl FnOnce(&mut [u8; 512]),
) {
    let mut header = tar::Header::new_gnu();
    header.set_entry_type(tar::EntryType::new(kind));
    header.set_size(content.len() as u64);
    header.set_mode(0o644);
    if name.len() > 100 {
        entry(tar, b'L', b"././@LongLink", b"", &[name, b"\0"].concat());
    }
    let fields = header.as_gnu_mut().expect("a GNU header");
    let (name, target) = (
        &name[..name.len().min(100)],
        &target[..target.len().min(100)],
    );
    fields.name[..name.len()].copy_from_slice(name);
    fields.linkname[..target.len()].copy_from_slice(target);
    change(header.as_mut_bytes());
    header.set_cksum();
    tar.extend(header.as_bytes());
    tar.extend(content);
    tar.resize(tar.len().next_multiple_of(512), 0);
}

fn end(mut tar: Vec<u8>) -> Vec<u8> {
    tar.resize(tar.len() + 1024, 0);
    tar
}

/// Files where analyzers look, with contents that are not what they should be.
fn claimed_files(rng: &mut StdRng) -> Vec<u8> {
    let analyzers: Vec<_> = plugins()
        .into_iter()
        .filter(|plugin| plugin.kind == PluginKind::Analyzer)
        .collect();
    let mut tar = Vec::new();
    for _ in 0..rng.random_range(1..4) {
        let mut places: Vec<Claim> = claims::of(&analyzers[rng.random_range(0..analyzers.len())]);
        let place = places.swap_remove(rng.random_range(0..places.len()));
        let content = content(rng, &place.starts);
        entry(&mut tar, b'0', place.path.as_bytes(), b"", &content);
    }
    end(tar)
}

/// Every kind of entry under names that matter, with numbers of all forms.
fn odd_entries(rng: &mut StdRng) -> Vec<u8> {
    let mut tar = Vec::new();
    for _ in 0..rng.random_range(1..12) {
        let kind = *pick(
            rng,
            &[
                &b'0', &b'0', &b'5', &b'2', &b'1', &b'3', &b'6', &b'7', &b'S', &b'g', &b'x', &b'K',
                &0, &b'Z',
            ],
        );
        let name = pick(rng, &NAMES);
        let target = pick(rng, &NAMES);
        let content = if rng.random_ratio(1, 2) {
            noise(rng, 900)
        } else {
            Vec::new()
        };
        let number: [u8; 12] = *pick(
            rng,
            &[
                b"\x80\0\0\0\0\0\0\0\0\0\x10\0",
                b"\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff\xff",
                b"77777777777\0",
                b"-1\0\0\0\0\0\0\0\0\0\0",
                b"           \0",
            ],
        );
        let field = *pick(rng, &[&100_usize, &124, &124, &136, &329, &386, &398, &483]);
        let is_odd = rng.random_ratio(1, 3);
        entry_with(&mut tar, kind, name, target, &content, |header| {
            if is_odd {
                header[field..field + 12].copy_from_slice(&number);
            }
        });
    }
    end(tar)
}

fn deep_paths(rng: &mut StdRng) -> Vec<u8> {
    let mut tar = Vec::new();
    for _ in 0..rng.random_range(1..4) {
        let depth = *pick(rng, &[&10, &1_000, &2_040, &100_000]);
        let name = format!("{}x.dist-info/METADATA", "a/".repeat(depth));
        entry(
            &mut tar,
            b'0',
            name.as_bytes(),
            b"",
            b"Name: a\nVersion: 1\n",
        );
    }
    end(tar)
}

/// Links to themselves, to each other, above the root, and files through them.
fn links(rng: &mut StdRng) -> Vec<u8> {
    let mut tar = Vec::new();
    let names = ["a", "b", "a/b", "b/a", "c", "a/x.dist-info"];
    let targets = [
        "a",
        "b",
        "/a",
        "../..",
        "./b/../a",
        "c/c/c",
        "/",
        "",
        "x.dist-info",
        "..//b",
    ];
    for _ in 0..rng.random_range(1..60) {
        let name = pick(rng, &names);
        let target = pick(rng, &targets);
        match rng.random_range(0..5) {
            0 => entry(&mut tar, b'1', name.as_bytes(), target.as_bytes(), b""),
            1 => entry(&mut tar, b'5', name.as_bytes(), b"", b""),
            2 => {
                let name = format!("{name}/x.dist-info/METADATA");
                entry(
                    &mut tar,
                    b'0',
                    name.as_bytes(),
                    b"",
                    b"Name: a\nVersion: 1\n",
                );
            }
            _ => entry(&mut tar, b'2', name.as_bytes(), target.as_bytes(), b""),
        }
    }
    end(tar)
}

/// PAX records of any length, order and meaning.
fn extended_headers(rng: &mut StdRng) -> Vec<u8> {
    let mut tar = Vec::new();
    let keys = [
        "path",
        "linkpath",
        "size",
        "GNU.sparse.major",
        "GNU.sparse.minor",
        "GNU.sparse.realsize",
        "GNU.sparse.size",
        "GNU.sparse.numblocks",
        "GNU.sparse.map",
        "GNU.sparse.offset",
        "GNU.sparse.numbytes",
        "GNU.sparse.name",
        "comment",
        "SCHILY.xattr.user.a",
        "hdrcharset",
    ];
    let values = [
        "0",
        "1",
        "9",
        "18446744073709551615",
        "-1",
        "etc/os-release",
        "../x",
        "0,1",
        "0,512,9223372036854775807,1",
        "",
    ];
    for _ in 0..rng.random_range(1..6) {
        let mut records = Vec::new();
        for _ in 0..rng.random_range(0..8) {
            let (key, value) = (pick(rng, &keys), pick(rng, &values));
            let length = key.len() + value.len() + 3;
            let length = length
                + if length + 1 < 10 {
                    1
                } else if length + 2 < 100 {
                    2
                } else {
                    3
                };
            records.extend(format!("{length} {key}={value}\n").into_bytes());
        }
        if rng.random_ratio(1, 6) {
            let length = *pick(rng, &[&900_000, &1_100_000]);
            records.extend(format!("{length} comment=").into_bytes());
            records.resize(length, b'x');
            records.push(b'\n');
        }
        let kind = *pick(rng, &[&b'x', &b'x', &b'x', &b'g']);
        entry(
            &mut tar,
            kind,
            b"PaxHeaders/pax_global_header",
            b"",
            &records,
        );
        let content = content(rng, b"");
        entry(&mut tar, b'0', pick(rng, &NAMES), b"", &content);
    }
    end(tar)
}

/// The same paths again and again, as different things.
fn repeated(rng: &mut StdRng) -> Vec<u8> {
    let mut tar = Vec::new();
    for _ in 0..rng.random_range(2..200) {
        let kind = *pick(rng, &[&b'0', &b'0', &b'5', &b'2']);
        let name = NAMES[rng.random_range(0..4)];
        let content: &[u8] = if kind == b'0' {
            b"Package: a\nVersion: 1\n"
        } else {
            b""
        };
        entry(&mut tar, kind, name, b"etc", content);
    }
    end(tar)
}
