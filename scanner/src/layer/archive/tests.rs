//! Headers as tools write them, and as someone who wants readers to disagree would.

use tar::Builder;

use super::*;
use crate::layer::chunks::channel;
use crate::testing::Layer;

/// Lists kinds and names, or says why not.
fn list(tar: &[u8]) -> Result<Vec<(Kind, String)>, String> {
    let (sender, mut reader) = channel();
    sender.send(tar.to_vec());
    drop(sender);
    let mut archive = Archive::new(&mut reader);
    let mut entries = Vec::new();
    loop {
        match archive.next(&Limits::default()) {
            Ok(Some(entry)) => {
                entries.push((entry.kind, String::from_utf8(entry.name).unwrap()));
            }
            Ok(None) => return Ok(entries),
            Err(error) => return Err(error.to_string()),
        }
    }
}

fn header(kind: EntryType, name: &str, size: u64) -> Header {
    let mut header = Header::new_gnu();
    header.set_entry_type(kind);
    header.set_path(name).unwrap();
    header.set_size(size);
    header.set_cksum();
    header
}

fn blocks(parts: &[&[u8]]) -> Vec<u8> {
    let mut tar = Vec::new();
    for part in parts {
        tar.extend_from_slice(part);
        tar.resize(tar.len().next_multiple_of(512), 0);
    }
    tar.resize(tar.len() + 1024, 0);
    tar
}

#[test]
fn reads_what_the_tar_crate_writes() {
    let long = "d/".repeat(120) + "file";
    let mut builder = Builder::new(Vec::new());
    for (kind, name) in [
        (EntryType::Directory, "dir/"),
        (EntryType::Regular, long.as_str()),
        (EntryType::Fifo, "pipe"),
    ] {
        let mut header = Header::new_gnu();
        header.set_entry_type(kind);
        header.set_size(0);
        builder.append_data(&mut header, name, io::empty()).unwrap();
    }
    let mut link = Header::new_gnu();
    link.set_entry_type(EntryType::Symlink);
    link.set_size(0);
    builder.append_link(&mut link, "link", &long).unwrap();
    let wanted = [
        (Kind::Directory, "dir/".to_owned()),
        (Kind::File, long.clone()),
        (Kind::Special, "pipe".to_owned()),
        (Kind::Symlink, "link".to_owned()),
    ];
    assert_eq!(list(&builder.into_inner().unwrap()).unwrap(), wanted);
}

#[test]
fn a_name_of_pax_beats_that_of_gnu_and_the_header() {
    let tar = Layer::new()
        .pax("path", "by-pax")
        .file("by-header", "x")
        .file("next", "")
        .tar();
    let names: Vec<_> = list(&tar)
        .unwrap()
        .into_iter()
        .map(|(_, name)| name)
        .collect();
    assert_eq!(names, ["by-pax", "next"]);
}

#[test]
fn refuses_what_readers_take_differently() {
    let file = header(EntryType::Regular, "file", 3);
    let long_name = header(EntryType::GNULongName, "././@LongLink", 2);
    let endless = header(EntryType::GNULongName, "././@LongLink", 2 * MIB);
    let global = header(EntryType::XGlobalHeader, "g", 9);
    let mut damaged = file.clone();
    damaged.as_mut_bytes()[0] ^= 1;
    let table: [(&str, Vec<u8>); 10] = [
        (
            "long name past its size",
            blocks(&[long_name.as_bytes(), b"abc\0", file.as_bytes(), b"abc"]),
        ),
        (
            "two sizes",
            Layer::new().pax("size", "1").file("file", "content").tar(),
        ),
        (
            "no content has a size",
            blocks(&[header(EntryType::Link, "x", 3).as_bytes(), b"abc"]),
        ),
        (
            "single empty block",
            blocks(&[file.as_bytes(), b"abc", &[0; 512], file.as_bytes(), b"abc"]),
        ),
        (
            "two long names",
            blocks(&[
                long_name.as_bytes(),
                b"a\0",
                long_name.as_bytes(),
                b"b\0",
                file.as_bytes(),
                b"abc",
            ]),
        ),
        (
            "long name without a bound",
            blocks(&[endless.as_bytes(), b"a"]),
        ),
        (
            "global name",
            blocks(&[global.as_bytes(), b"9 path=x\n", file.as_bytes(), b"abc"]),
        ),
        ("checksum", blocks(&[damaged.as_bytes(), b"abc"])),
        (
            "extension without entry",
            blocks(&[long_name.as_bytes(), b"a\0"]),
        ),
        ("cut", file.as_bytes()[..300].to_vec()),
    ];
    for (what, tar) in table {
        assert!(list(&tar).is_err(), "{what} was taken");
    }
}

#[test]
fn a_long_name_cut_at_a_slash_is_still_a_files() {
    let long = "d/".repeat(60) + "file";
    let tar = Layer::new()
        .pax("path", &long)
        .file(&long[..100], "x")
        .tar();
    assert_eq!(list(&tar).unwrap(), [(Kind::File, long)]);
    let typed = Layer::new().file("dir/", "").tar();
    assert!(list(&typed).is_err());
    let mut untyped = header(EntryType::Regular, "dir/", 0);
    untyped.as_old_mut().linkflag = [0];
    untyped.set_cksum();
    let tar = blocks(&[untyped.as_bytes()]);
    assert_eq!(list(&tar).unwrap(), [(Kind::Directory, "dir/".to_owned())]);
}

#[test]
fn refuses_numbers_that_stop_other_readers() {
    for field in [&b"00x0644\0"[..], b"\xac0000\0\0\0"] {
        let mut damaged = header(EntryType::Regular, "file", 0);
        damaged.as_old_mut().mode.copy_from_slice(field);
        damaged.set_cksum();
        assert!(list(&blocks(&[damaged.as_bytes()])).is_err());
    }
}

#[test]
fn sparse_files_are_known_and_passed_over() {
    let mut sparse = header(EntryType::GNUSparse, "holes", 512);
    sparse.as_gnu_mut().unwrap().isextended = [1];
    sparse.set_cksum();
    let next = header(EntryType::Regular, "next", 0);
    let tar = blocks(&[sparse.as_bytes(), &[0; 512], &[7; 512], next.as_bytes()]);
    let wanted = [
        (Kind::Sparse, "holes".to_owned()),
        (Kind::File, "next".to_owned()),
    ];
    assert_eq!(list(&tar).unwrap(), wanted);
    let by_pax = Layer::new()
        .pax("GNU.sparse.name", "holes")
        .file("GNUSparseFile.0/holes", "map")
        .tar();
    assert_eq!(list(&by_pax).unwrap(), [(Kind::Sparse, "holes".to_owned())]);
}

#[test]
fn an_archive_may_end_without_a_marker() {
    let tar = Layer::new().file("a", "x").tar();
    let unmarked = &tar[..1024];
    assert_eq!(list(unmarked).unwrap(), [(Kind::File, "a".to_owned())]);
    assert!(list(&tar[..700]).is_err());
}
