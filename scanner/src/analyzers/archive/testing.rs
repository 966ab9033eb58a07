//! Archives of every kind, built in code.

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
