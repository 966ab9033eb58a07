//! Archives of every kind, built in code.

use std::io::Write;

use bzip2::write::BzEncoder;

use crate::testing::{Layer, gzip};

use super::tests::zip;

/// Names and contents.
pub(crate) type Entries<'a> = &'a [(&'a str, &'a [u8])];

/// Writes a tar archive.
pub(crate) fn tar(entries: Entries<'_>) -> Vec<u8> {
    let layer = Layer::new();
    let add = |layer: Layer, (name, content): &(&str, &[u8])| layer.file(name, content);
    entries.iter().fold(layer, add).tar()
}

/// Writes a compressed tar archive.
pub(crate) fn tgz(entries: Entries<'_>) -> Vec<u8> {
    gzip(&tar(entries))
}

/// Compresses with bzip2.
pub(crate) fn bzip2(content: &[u8]) -> Vec<u8> {
    let mut encoder = BzEncoder::new(Vec::new(), bzip2::Compression::fast());
    encoder.write_all(content).unwrap();
    encoder.finish().unwrap()
}

/// Writes an xz stream of one block, stored in chunks, whose header asks for a dictionary of 4 KiB
/// doubled so many times.
pub(crate) fn xz(content: &[u8], doublings: u8) -> Vec<u8> {
    const NO_CHECK: [u8; 2] = [0, 0];
    let summed = |bytes: &[u8]| [bytes, &crc32fast::hash(bytes).to_le_bytes()].concat();
    let padded = |mut bytes: Vec<u8>| {
        bytes.resize(bytes.len().next_multiple_of(4), 0);
        bytes
    };
    let head = summed(&[2, 0, 0x21, 1, doublings * 2, 0, 0, 0]);
    let mut block = head.clone();
    for (index, chunk) in content.chunks(65_536).enumerate() {
        let length = u16::try_from(chunk.len() - 1).unwrap().to_be_bytes();
        block.push(if index == 0 { 1 } else { 2 });
        block.extend(length);
        block.extend_from_slice(chunk);
    }
    block.push(0);
    let mut list = vec![0, 1];
    for number in [block.len(), content.len()] {
        list.extend(varied(number));
    }
    let list = summed(&padded(list));
    let start = summed(&NO_CHECK);
    let back = u32::try_from(list.len() / 4 - 1).unwrap().to_le_bytes();
    let end = [back.as_slice(), &NO_CHECK].concat();
    let end = [&crc32fast::hash(&end).to_le_bytes(), end.as_slice(), b"YZ"].concat();
    [
        b"\xfd7zXZ\0".as_slice(),
        &start[..],
        &padded(block),
        &list,
        &end,
    ]
    .concat()
}

/// Writes a number in sevens of bits. Source: The .xz File Format 1.2.1, section 1.2.
fn varied(mut number: usize) -> Vec<u8> {
    let mut bytes = Vec::new();
    while number >= 0x80 {
        bytes.push(u8::try_from(number & 0x7f).unwrap() | 0x80);
        number >>= 7;
    }
    bytes.push(u8::try_from(number).unwrap());
    bytes
}

/// Writes a zip archive behind other bytes.
pub(crate) fn behind(preamble: &[u8], entries: Entries<'_>) -> Vec<u8> {
    [preamble, &zip(entries)].concat()
}

/// Writes an Electron archive.
pub(crate) fn asar(entries: Entries<'_>) -> Vec<u8> {
    let mut root = serde_json::json!({"files": {}});
    let mut content = Vec::new();
    for (name, bytes) in entries {
        let mut node = &mut root;
        for part in name.split('/') {
            node = &mut node["files"][part];
        }
        *node = serde_json::json!({"size": bytes.len(), "offset": content.len().to_string()});
        content.extend_from_slice(bytes);
    }
    let list = root.to_string();
    let padded = list.len().next_multiple_of(4);
    let number = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
    let mut archive = [
        number(4),
        number(padded + 8),
        number(padded + 4),
        number(list.len()),
    ]
    .concat();
    archive.extend_from_slice(list.as_bytes());
    archive.resize(16 + padded, 0);
    archive.extend(content);
    archive
}

/// Writes a PHP archive whose second half of entries is compressed.
pub(crate) fn phar(entries: Entries<'_>) -> Vec<u8> {
    let number = |number: usize| u32::try_from(number).unwrap().to_le_bytes();
    let (mut list, mut content) = (Vec::new(), Vec::new());
    for (index, (name, bytes)) in entries.iter().enumerate() {
        let is_packed = index * 2 >= entries.len();
        let packed = if is_packed {
            deflated(bytes)
        } else {
            bytes.to_vec()
        };
        list.extend(number(name.len()));
        list.extend_from_slice(name.as_bytes());
        let flags = if is_packed { 0x11a4 } else { 0x1a4 };
        for field in [bytes.len(), 0, packed.len(), 0, flags, 0] {
            list.extend(number(field));
        }
        content.extend(packed);
    }
    let (count, none) = (number(entries.len()), number(0));
    let start = [count.as_slice(), &[0x11, 0, 0, 0, 1, 0], &none, &none];
    let list = [start.concat(), list].concat();
    let stub = b"<?php Phar::mapPhar(); __HALT_COMPILER(); ?>\r\n";
    [
        stub.as_slice(),
        &number(list.len()),
        &list,
        &content,
        b"signatureGBMB",
    ]
    .concat()
}

fn deflated(bytes: &[u8]) -> Vec<u8> {
    use std::io::Write as _;
    let mut encoder =
        flate2::write::DeflateEncoder::new(Vec::new(), flate2::Compression::default());
    encoder.write_all(bytes).unwrap();
    encoder.finish().unwrap()
}
