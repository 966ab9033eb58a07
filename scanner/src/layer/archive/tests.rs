//! Headers as tools write them, and as someone who wants readers to disagree would.

use tar::{Builder, EntryType, Header};

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
                for (_, reading) in entry.readings {
                    let name = String::from_utf8(reading.name).unwrap();
                    entries.push((reading.kind, name));
                }
            }
            Ok(None) => return Ok(entries),
            Err(error) => return Err(error.to_string()),
        }
    }
}

/// Gives each entry's name and content.
fn contents(tar: &[u8]) -> Result<Vec<(String, Vec<u8>)>, ArchiveError> {
    let (sender, mut reader) = channel();
    sender.send(tar.to_vec());
    drop(sender);
    let mut archive = Archive::new(&mut reader);
    let mut entries = Vec::new();
    while let Some(entry) = archive.next(&Limits::default())? {
        let (mut content, mut piece) = (Vec::new(), 1);
        // Pieces of growing size, so that they end within holes and within data.
        while content.len() < usize::try_from(entry.size_bytes).unwrap() {
            archive.read_content(&mut content, piece)?;
            piece = piece * 3 + 1;
        }
        let (_, reading) = entry.readings.into_iter().next().unwrap();
        entries.push((String::from_utf8(reading.name).unwrap(), content));
    }
    Ok(entries)
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
    let table: [(&str, Vec<u8>); 11] = [
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
            "global header named as a file",
            blocks(&[
                header(EntryType::XGlobalHeader, "etc/passwd", 0).as_bytes(),
                file.as_bytes(),
                b"abc",
            ]),
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
    let both = [Kind::File, Kind::Directory].map(|kind| (kind, "dir/".to_owned()));
    assert_eq!(list(&typed).unwrap(), both);
    let mut untyped = header(EntryType::Regular, "dir/", 0);
    untyped.as_old_mut().linkflag = [0];
    untyped.set_cksum();
    let tar = blocks(&[untyped.as_bytes()]);
    assert_eq!(list(&tar).unwrap(), [(Kind::Directory, "dir/".to_owned())]);
}

#[test]
fn a_size_of_pax_alone_or_beside_one_that_readers_read_differently_counts() {
    let by_pax = |size: &[u8; 12]| {
        let pax = Layer::new().pax("size", "3").tar();
        let mut file = header(EntryType::Regular, "file", 3);
        file.as_old_mut().size = *size;
        file.set_cksum();
        list(&blocks(&[&pax[..1024], file.as_bytes(), b"abc"]))
    };
    let wanted = Ok(vec![(Kind::File, "file".to_owned())]);
    for size in [b"00000000003\0", &[0; 12], b"\x000000000003\0"] {
        assert_eq!(by_pax(size), wanted, "{}", size.escape_ascii());
    }
    for size in [b"00000000002\0", b"00000000000\0", b"\x000000000002\0"] {
        assert!(by_pax(size).is_err(), "{} was taken", size.escape_ascii());
    }
}

#[test]
fn what_a_reader_looks_for_in_content_after_a_damaged_header_is_refused() {
    let hidden = header(EntryType::Regular, "hidden", 0);
    let around = |pax: Option<&str>, change: &dyn Fn(&mut Header)| {
        let mut file = header(EntryType::Regular, "file", 512);
        change(&mut file);
        let pax = pax.map_or_else(Vec::new, |size| {
            Layer::new().pax("size", size).tar()[..1024].to_vec()
        });
        list(&blocks(&[&pax, file.as_bytes(), hidden.as_bytes()]))
    };
    let plain = around(None, &|file| file.set_cksum());
    assert_eq!(plain, Ok(vec![(Kind::File, "file".to_owned())]));
    // A sum that libarchive reads as none.
    let by_libarchive = around(None, &|file| {
        file.set_cksum();
        let sum = &mut file.as_old_mut().cksum;
        sum.copy_within(0..7, 1);
        sum[0] = 0;
    });
    // A size that GNU tar reads as none.
    let by_gnu_tar = around(Some("512"), &|file| {
        file.as_old_mut().size = [b' '; 12];
        file.set_cksum();
    });
    for found in [by_libarchive, by_gnu_tar] {
        let why = found.unwrap_err();
        assert!(why.contains("look for the next one"), "{why}");
    }
}

/// A header with a prefix, its fields as `change` leaves them, and what all readers name it.
fn prefixed(change: impl FnOnce(&mut [u8; 512])) -> Vec<String> {
    let mut block = header(EntryType::Regular, "package.json", 0);
    block.as_mut_bytes()[345..370].copy_from_slice(b"app/node_modules/lodash\0\0");
    change(block.as_mut_bytes());
    block.set_cksum();
    let listed = list(&blocks(&[block.as_bytes()])).unwrap();
    listed.into_iter().map(|(_, name)| name).collect()
}

#[test]
fn a_prefix_counts_for_whom_it_counts() {
    let whole = "app/node_modules/lodash/package.json";
    let magic = |magic: &'static [u8; 8]| {
        move |block: &mut [u8; 512]| block[257..265].copy_from_slice(magic)
    };
    assert_eq!(prefixed(magic(b"ustar\x0000")), [whole]);
    assert_eq!(prefixed(magic(b"ustar\0xy")), [whole]);
    // A time of GNU's header that is no number: Go, and Python at all times, takes it for a prefix.
    assert_eq!(prefixed(magic(b"ustar  \0")), [whole, "package.json"]);
    assert_eq!(prefixed(magic(b"ustar 00")), ["package.json", whole]);
    assert_eq!(prefixed(magic(&[0; 8])), ["package.json", whole]);
    // Of star's form Go takes 131 bytes.
    let star = prefixed(|block| {
        block[345..476].fill(b'p');
        block[476] = b'q';
        block[477..500].fill(0);
        block[476..500].copy_from_slice(b"14000000000 14000000000 ");
        magic(b"ustar\x0000")(block);
        block[508..512].copy_from_slice(b"tar\0");
    });
    assert_eq!(star.len(), 2, "{star:?}");
    assert_eq!(star[0], "p".repeat(131) + "/package.json");
}

#[test]
fn which_long_name_counts_depends_on_the_reader() {
    let long = header(EntryType::GNULongName, "././@LongLink", 4);
    let pax = Layer::new().pax("path", "pax").tar();
    let pax = &pax[..1024];
    let file = header(EntryType::Regular, "file", 0);
    for tar in [
        [long.as_bytes(), b"gnu\0".as_slice(), pax, file.as_bytes()],
        [pax, long.as_bytes(), b"gnu\0", file.as_bytes()],
    ] {
        let names = list(&blocks(&tar)).unwrap();
        let names: Vec<_> = names.into_iter().map(|(_, name)| name).collect();
        assert_eq!(names, ["gnu", "pax"]);
    }
}

#[test]
fn sums_of_signed_bytes_are_sums() {
    let mut block = header(EntryType::Regular, "file", 0);
    block.as_mut_bytes()[265..268].copy_from_slice(b"\xc3\xbcx");
    block.set_cksum();
    let signed = block.cksum().unwrap() - 512;
    block.as_mut_bytes()[148..156].copy_from_slice(format!("{signed:06o}\0 ").as_bytes());
    let wanted = [(Kind::File, "file".to_owned())];
    assert_eq!(list(&blocks(&[block.as_bytes()])).unwrap(), wanted);
}

#[test]
fn refuses_numbers_that_stop_runtimes() {
    let with_mode = |field: &[u8; 8]| {
        let mut damaged = header(EntryType::Regular, "file", 0);
        damaged.as_old_mut().mode.copy_from_slice(field);
        damaged.set_cksum();
        list(&blocks(&[damaged.as_bytes()]))
    };
    assert!(with_mode(b"00x0644\0").is_err());
    // One that stops others only is read, and said.
    assert!(with_mode(b"\xac0000\0\0\0").is_ok());
}

/// A file with a hole in its middle and one at its end, or with more pieces than one header lists.
fn with_holes(pieces: u64, dir: &std::path::Path) -> Vec<u8> {
    let mut content = vec![b'a'; 5_000];
    for piece in 1..pieces {
        content.resize(content.len() + 70_000, 0);
        content.extend(piece.to_string().repeat(900).into_bytes());
    }
    content.resize(content.len() + 100_000, 0);
    let file = std::fs::File::create(dir.join("holes")).unwrap();
    for (at, block) in content.chunks(4_096).enumerate() {
        if block.iter().any(|byte| *byte != 0) {
            let at = u64::try_from(at).unwrap() * 4_096;
            std::os::unix::fs::FileExt::write_all_at(&file, block, at).unwrap();
        }
    }
    file.set_len(content.len().try_into().unwrap()).unwrap();
    content
}

#[test]
fn sparse_files_are_read_as_gnu_tar_stored_them() {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("next"), "plain").unwrap();
    for pieces in [1, 2, 40] {
        let content = with_holes(pieces, dir.path());
        for form in [
            &["--format=gnu"][..],
            &["--format=pax", "--sparse-version=0.0"],
            &["--format=pax", "--sparse-version=0.1"],
            &["--format=pax", "--sparse-version=1.0"],
        ] {
            let tar = std::process::Command::new("tar")
                .args(["--sparse", "--hole-detection=raw", "-c"])
                .args(form)
                .args(["holes", "next"])
                .current_dir(dir.path())
                .output()
                .unwrap()
                .stdout;
            assert!(tar.len() < content.len(), "{form:?} stored the holes");
            let read = contents(&tar).unwrap();
            assert_eq!(read.len(), 2, "{form:?}");
            assert_eq!(read[0].0, "holes", "{form:?}");
            assert!(read[0].1 == content, "{form:?} with {pieces} pieces");
            assert_eq!(read[1], ("next".to_owned(), b"plain".to_vec()), "{form:?}");
        }
    }
}

#[test]
fn sparse_files_that_readers_take_differently_are_refused() {
    let by_pax = |records: &[(&str, &str)], content: &str| {
        let mut builder = Builder::new(Vec::new());
        let records: Vec<_> = records
            .iter()
            .map(|(key, value)| (format!("GNU.sparse.{key}"), *value))
            .collect();
        let records = records
            .iter()
            .map(|(key, value)| (key.as_str(), value.as_bytes()));
        builder.append_pax_extensions(records).unwrap();
        let size = content.len().try_into().unwrap();
        let file = header(EntryType::Regular, "file", size);
        builder.append(&file, content.as_bytes()).unwrap();
        contents(&builder.into_inner().unwrap())
    };
    let listed = [("size", "9"), ("numblocks", "1"), ("map", "2,3")];
    let read = by_pax(&listed, "abc").unwrap();
    assert_eq!(read, [("file".to_owned(), b"\0\0abc\0\0\0\0".to_vec())]);
    let newest = [("major", "1"), ("minor", "0"), ("realsize", "9")];
    for (records, content) in [
        (&listed[..], "abcd"),
        (&listed[1..], "abc"),
        (&[("name", "other")], "abc"),
        (&[("size", "9"), ("numblocks", "2"), ("map", "2,3")], "abc"),
        (&[("size", "4"), ("numblocks", "1"), ("map", "2,3")], "abc"),
        (&[("major", "2"), ("minor", "0"), ("realsize", "9")], "abc"),
        (&newest, "1\n0\n"),
        (&newest, "99999999999\n"),
        (&newest, "x\n"),
    ] {
        assert!(
            by_pax(records, content).is_err(),
            "{records:?} {content:?} was taken"
        );
    }
    // A map that goes on though not every piece of it is used.
    for (used, taken) in [(0, false), (3, false), (4, true)] {
        let mut file = header(EntryType::GNUSparse, "holes", 0);
        for at in 0..used * 2 {
            file.as_mut_bytes()[386 + at * 12] = b'0';
        }
        file.as_mut_bytes()[482] = 1;
        file.set_cksum();
        let read = contents(&blocks(&[file.as_bytes(), &[0; 512]]));
        assert_eq!(read.is_ok(), taken, "{used} pieces");
    }
    let huge = header(EntryType::GNUSparse, "holes", 512);
    assert!(contents(&blocks(&[huge.as_bytes(), &[7; 512]])).is_err());
}

#[test]
fn an_archive_may_end_without_a_marker() {
    let tar = Layer::new().file("a", "x").tar();
    let unmarked = &tar[..1024];
    assert_eq!(list(unmarked).unwrap(), [(Kind::File, "a".to_owned())]);
    assert!(list(&tar[..700]).is_err());
}
