//! Archives of one odd entry and one plain one after it, every field of the first at random.
//!
//! Most fields are as tools write them, so that an archive has one or two things wrong with it and
//! not all of them.

use std::collections::BTreeSet;

use rand::Rng as _;
use rand::rngs::StdRng;
use sluicegate_tests::seeds::pick;

use crate::archives::entry;

/// The content of the odd entry, which one of its names makes a package of.
pub const ODD: &[u8] = b"Name: odd\nVersion: 1\n\n";
/// The content of the entry after it.
pub const PLAIN: &[u8] = b"Name: plain\nVersion: 1\n\n";

const MAGICS: [&[u8; 8]; 10] = [
    b"ustar\x0000",
    b"ustar  \0",
    b"ustar\0  ",
    b"ustar\0\0\0",
    b"ustar\0x9",
    b"ustar 00",
    b"ustar \0\0",
    b"ustarx00",
    b"\0\0\0\0\0\0\0\0",
    b"USTAR\x0000",
];
const FLAGS: [u8; 22] = *b"0000000\0\0\0\x35\x35122367SZDA";
const NAMES: [&[u8]; 12] = [
    b"x.dist-info/METADATA",
    b"a/x.dist-info/METADATA",
    b"./x.dist-info/METADATA",
    b"a//x.dist-info/METADATA",
    b"x.dist-info/METADATA/",
    b"./",
    b".",
    b"",
    b"dir",
    b"dir/",
    b"dir//",
    b"/x.dist-info/METADATA",
];
const PREFIXES: [&[u8]; 10] = [
    b"p",
    b"p/q",
    b"p/q/",
    b"14000000000\x0014000000000\0",
    b"14000000000 14000000000 ",
    b"\x80\0\0\0\0\0\0\0\0\0\0\x01",
    b"\0p",
    b"12345670123\0p/q",
    b"p\xc3\xa9",
    b"9",
];
const TARGETS: [&[u8]; 3] = [b"first", b"./first", b"a/first"];
const STAR_TIMES: [&[u8]; 3] = [b"", b"14000000000 14000000000 ", b"x"];
const LONG_NAMES: [&[u8]; 3] = [b"l/y.dist-info/METADATA\0", b"l/dir/\0", b"l/y\0after"];
const GLOBAL_NAMES: [&[u8]; 2] = [b"pax_global_header", b"GlobalHead.1"];
const GLOBAL_RECORDS: [&[u8]; 2] = [b"13 comment=x\n", b"15 path=g/path\n"];
const NUMBERS: [&[u8]; 14] = [
    b"0",
    b" 0 ",
    b"        ",
    b"\0\0",
    b"-1",
    b"+1",
    b"0o1",
    b"1_0",
    b"9",
    b"12\x0034",
    b"12 34",
    b"\0 12",
    b"\x80\0\0\0\0\0\0\x01",
    b"\xff\xff\xff\xff\xff\xff\xff\xff",
];

/// Gives the archive of a seed.
pub fn archive(rng: &mut StdRng) -> Vec<u8> {
    let mut tar = Vec::new();
    if rng.random_ratio(1, 3) {
        entry(&mut tar, b'0', b"first", b"", b"first");
    }
    extensions(rng, &mut tar);
    odd(rng, &mut tar);
    entry(&mut tar, b'0', b"z.dist-info/METADATA", b"", PLAIN);
    tar.resize(tar.len() + 1024, 0);
    tar
}

fn odd(rng: &mut StdRng, tar: &mut Vec<u8>) {
    let mut block = [0; 512];
    let flag = FLAGS[rng.random_range(0..FLAGS.len())];
    let has_content = matches!(flag, 0 | b'0' | b'7' | b'S' | b'Z');
    let content = if has_content && !rng.random_ratio(1, 6) {
        ODD
    } else {
        b""
    };
    name(rng, &mut block);
    let zeros: &[u8] = b"00000000000";
    for (at, length) in [(100, 8), (108, 8), (116, 8), (136, 12), (329, 8), (337, 8)] {
        let plain = if at > 300 && rng.random_ratio(1, 3) {
            b""
        } else {
            &zeros[..length - 1]
        };
        let number = if rng.random_ratio(1, 100) {
            pick(rng, &NUMBERS)
        } else {
            plain
        };
        put(&mut block, at, length, number);
    }
    size(rng, &mut block, content.len());
    block[156] = flag;
    if matches!(flag, b'1' | b'2') || rng.random_ratio(1, 8) {
        put(&mut block, 157, 100, pick(rng, &TARGETS));
    }
    let magic = MAGICS[if rng.random() {
        rng.random_range(0..2)
    } else {
        rng.random_range(0..10)
    }];
    put(&mut block, 257, 8, magic);
    if rng.random_ratio(1, 6) {
        put(&mut block, 265, 32, b"\xc3\xbcser");
    }
    if rng.random() {
        prefix(rng, &mut block);
    }
    if flag == b'S' {
        sparse(rng, &mut block, content.len());
    }
    if rng.random_ratio(1, 6) {
        put(&mut block, 508, 4, b"tar\0");
        put(&mut block, 476, 24, pick(rng, &STAR_TIMES));
    }
    sum(rng, &mut block);
    tar.extend(block);
    tar.extend(content);
    tar.resize(tar.len().next_multiple_of(512), 0);
}

fn put(block: &mut [u8; 512], at: usize, most: usize, text: &[u8]) {
    let text = &text[..text.len().min(most)];
    block[at..at + text.len()].copy_from_slice(text);
}

fn name(rng: &mut StdRng, block: &mut [u8; 512]) {
    if rng.random_ratio(1, 8) {
        // The field full to its end.
        let full = [vec![b'd'; 79], b"/x.dist-info/METADATA".to_vec()].concat();
        put(block, 0, 100, &full);
    } else {
        put(block, 0, 100, pick(rng, &NAMES));
    }
}

fn prefix(rng: &mut StdRng, block: &mut [u8; 512]) {
    match rng.random_range(0..4) {
        // Past what star has, past what ustar has, and full to the end.
        0 => put(block, 345, 155, &[b'p'; 140]),
        1 => put(block, 345, 155, &[b'p'; 155]),
        _ => put(block, 345, 155, pick(rng, &PREFIXES)),
    }
}

fn size(rng: &mut StdRng, block: &mut [u8; 512], size: usize) {
    let octal = format!("{size:o}");
    let text = match rng.random_range(0..80) {
        0 => format!("{octal:>11} "),
        1 => format!("{octal:>12}"),
        2 => format!("{size:012o}"),
        3 => format!("\0{size:010o}"),
        4 => format!("{octal} "),
        5 => format!("{octal}x"),
        6 => format!("0o{octal}"),
        7 => format!("-{octal}"),
        8 => format!("+{octal}"),
        9 => " ".repeat(12),
        10 => String::new(),
        11 => {
            block[124] = if rng.random() { 0x80 } else { 0x90 };
            block[135] = u8::try_from(size).expect("a small size");
            return;
        }
        12 => {
            block[124..136].fill(0xff);
            return;
        }
        _ => format!("{size:011o}"),
    };
    put(block, 124, 12, text.as_bytes());
}

fn sum(rng: &mut StdRng, block: &mut [u8; 512]) {
    block[148..156].fill(b' ');
    let unsigned: i32 = block.iter().map(|byte| i32::from(*byte)).sum();
    let signed: i32 = block.iter().map(|byte| i32::from(byte.cast_signed())).sum();
    let text = match rng.random_range(0..50) {
        0 | 1 => format!("{signed:06o}\0 "),
        2 => format!("{unsigned:07o}\0"),
        3 => format!("{unsigned:>7o} "),
        4 => format!("{unsigned:o}\0"),
        5 => format!("\0{unsigned:06o}\0"),
        6 => format!("{unsigned:o}x"),
        7 => format!("{:06o}\0 ", unsigned + 1),
        8 => format!("0o{unsigned:o}\0"),
        9 => {
            block[148..156].fill(0);
            block[148] = 0x80;
            block[152..156].copy_from_slice(&unsigned.to_be_bytes());
            return;
        }
        _ => format!("{unsigned:06o}\0 "),
    };
    put(block, 148, 8, text.as_bytes());
}

/// The map of the old GNU form, mostly right.
fn sparse(rng: &mut StdRng, block: &mut [u8; 512], stored: usize) {
    if rng.random_ratio(1, 8) {
        return;
    }
    block[345..500].fill(0);
    let hole = rng.random_range(0..3) * 512_usize;
    put(block, 386, 12, format!("{hole:011o}").as_bytes());
    put(block, 398, 12, format!("{stored:011o}").as_bytes());
    put(block, 483, 12, format!("{:011o}", hole + stored).as_bytes());
}

/// Extended headers before the odd entry: none mostly, else one or two, in either order.
fn extensions(rng: &mut StdRng, tar: &mut Vec<u8>) {
    let mut seen = BTreeSet::new();
    for _ in 0..*pick(rng, &[&0, &0, &0, &0, &1, &1, &1, &2]) {
        let kind = rng.random_range(0..7);
        // Two of a kind are refused, whether readers agree on them or not.
        if !seen.insert(kind.clamp(1, 4)) {
            continue;
        }
        match kind {
            0 | 1 => {
                let name = pick(rng, &LONG_NAMES);
                entry(tar, b'L', b"././@LongLink", b"", name);
            }
            2 => entry(tar, b'K', b"././@LongLink", b"", b"l/target\0"),
            // After another it parts that one from its entry for some readers.
            3 if seen.len() > 1 => {}
            3 => {
                let name = pick(rng, &GLOBAL_NAMES);
                let record = pick(rng, &GLOBAL_RECORDS);
                entry(tar, b'g', name, b"", record);
            }
            _ => {
                let records = records(rng);
                entry(tar, b'x', b"PaxHeaders/x", b"", &records);
            }
        }
    }
}

fn records(rng: &mut StdRng) -> Vec<u8> {
    let size = ODD.len().to_string();
    let real = (ODD.len() + 512).to_string();
    let map = format!("512,{size}");
    let forms: [&[(&str, &str)]; 13] = [
        &[("path", "x/y.dist-info/METADATA")],
        &[("path", "x/dir/")],
        &[("path", "x//y.dist-info/METADATA"), ("mtime", "1.5")],
        &[("linkpath", "x/target")],
        &[("size", &size)],
        &[("size", "0")],
        &[("comment", "none"), ("SCHILY.xattr.user.a", "b")],
        &[("path", "x/1"), ("path", "x/2.dist-info/METADATA")],
        &[
            ("GNU.sparse.size", &real),
            ("GNU.sparse.numblocks", "1"),
            ("GNU.sparse.offset", "512"),
            ("GNU.sparse.numbytes", &size),
        ],
        &[
            ("GNU.sparse.size", &real),
            ("GNU.sparse.numblocks", "1"),
            ("GNU.sparse.name", "s/y.dist-info/METADATA"),
            ("GNU.sparse.map", &map),
        ],
        &[
            ("GNU.sparse.name", "s/y.dist-info/METADATA"),
            ("path", "x/after.dist-info/METADATA"),
            ("GNU.sparse.size", &real),
            ("GNU.sparse.numblocks", "1"),
            ("GNU.sparse.map", &map),
        ],
        &[("GNU.sparse.name", "s/y.dist-info/METADATA")],
        &[("SUN.holesdata", " 0 512"), ("SCHILY.realsize", &real)],
    ];
    let form = forms[rng.random_range(0..forms.len())];
    form.iter()
        .map(|(key, value)| record(key, value))
        .collect::<Vec<_>>()
        .concat()
}

/// Writes a record, its own length before it.
fn record(key: &str, value: &str) -> Vec<u8> {
    let rest = format!(" {key}={value}\n");
    let length = (1..4)
        .map(|digits| rest.len() + digits)
        .find(|length| length.to_string().len() + rest.len() == *length)
        .expect("a short record");
    format!("{length}{rest}").into_bytes()
}
