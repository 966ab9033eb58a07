//! Zip archives written by another writer, and by hand where no writer would write them.

use std::io::{Cursor, Write};

use sluicegate_model::coverage::GapKind;
use zip::ZipWriter;
use zip::write::SimpleFileOptions;

mod dressed;

use super::*;
use crate::facts::Observations;
use crate::limits::{Limits, MIB};

/// Writes an archive with compressed entries.
pub(crate) fn zip(entries: &[(&str, &[u8])]) -> Vec<u8> {
    written(entries, SimpleFileOptions::default())
}

fn written(entries: &[(&str, &[u8])], options: SimpleFileOptions) -> Vec<u8> {
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    for (name, content) in entries {
        writer.start_file(*name, options).unwrap();
        writer.write_all(content).unwrap();
    }
    writer.finish().unwrap().into_inner()
}

/// Reads every entry: names with what they hold, and the gaps.
fn read(content: &[u8]) -> (Vec<(String, Vec<u8>)>, Vec<GapKind>) {
    read_from(Source::Memory(content))
}

fn read_from(source: Source<'_>) -> (Vec<(String, Vec<u8>)>, Vec<GapKind>) {
    let limits = Limits::default();
    let (mut found, mut entries) = (Observations::default(), Vec::new());
    let unread = Unread::default();
    let mut reading = Reading::new(&limits, "x.zip", source.bytes(), &unread, &mut found);
    let outcome = reading.entries(source, "", &mut |reading, member| {
        if let Some(content) = reading.content(member, "", MIB) {
            entries.push((member.name().to_owned(), content));
        }
    });
    let mut gaps: Vec<_> = found.gaps.iter().map(|gap| gap.kind).collect();
    gaps.extend(outcome.is_err().then_some(GapKind::FileUnreadable));
    (entries, gaps)
}

fn names(content: &[u8]) -> Vec<String> {
    read(content).0.into_iter().map(|(name, _)| name).collect()
}

/// Finds the only place of `needle`.
fn place(content: &[u8], needle: &[u8]) -> usize {
    let found = content
        .windows(needle.len())
        .position(|part| part == needle);
    found.expect("the archive has these bytes")
}

#[test]
fn entries_come_out_as_they_went_in() {
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    let wide = SimpleFileOptions::default().large_file(true);
    for options in [SimpleFileOptions::default(), stored, wide] {
        let content = written(&[("a", b"one"), ("b/c", &[b'x'; 9_000])], options);
        for shift in [0, 1, 70_000] {
            let shifted = [vec![b'#'; shift], content.clone()].concat();
            let (entries, gaps) = read(&shifted);
            assert_eq!(gaps, [], "{options:?} {shift}");
            assert_eq!(entries[0], ("a".to_owned(), b"one".to_vec()));
            assert_eq!(entries[1].1.len(), 9_000);
        }
        let mut file = tempfile::tempfile().unwrap();
        file.write_all(&content).unwrap();
        let bytes = u64::try_from(content.len()).unwrap();
        let (entries, gaps) = read_from(Source::File {
            file: &file,
            from: 0,
            bytes,
        });
        assert_eq!((entries.len(), gaps), (2, vec![]));
    }
}

#[test]
fn many_entries_need_the_wide_end_record() {
    let names: Vec<_> = (0..70_000).map(|number| number.to_string()).collect();
    let entries: Vec<(&str, &[u8])> = names.iter().map(|name| (name.as_str(), &b""[..])).collect();
    for shift in [0, 5] {
        let content = [vec![b'#'; shift], zip(&entries)].concat();
        let (entries, gaps) = read(&content);
        assert_eq!((entries.len(), gaps), (70_000, vec![]), "{shift}");
    }
}

#[test]
fn repeated_names_are_all_read() {
    let mut content = zip(&[("aa", b"one"), ("ab", b"two")]);
    // Both the entry's header and its record are renamed.
    while let Some(at) = content.windows(2).position(|part| part == b"ab") {
        content[at + 1] = b'a';
    }
    assert_eq!(names(&content), ["aa", "aa"]);
}

#[test]
fn an_archive_in_the_comment_or_before_the_end_hides_nothing() {
    let inner = zip(&[("inner", b"")]);
    let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
    writer
        .start_file("outer", SimpleFileOptions::default())
        .unwrap();
    writer
        .set_raw_comment(inner.clone().into_boxed_slice())
        .unwrap();
    let commented = writer.finish().unwrap().into_inner();
    // The last end record is that of the inner archive; it fits as well as the outer one does.
    assert_eq!(names(&commented).len(), 1);
    let stored = SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored);
    assert_eq!(
        names(&written(&[("inner.jar", &inner)], stored)),
        ["inner.jar"]
    );
}

#[test]
fn what_contradicts_itself_is_a_gap() {
    let good = zip(&[("name", b"some content")]);
    let record = place(&good, b"PK\x01\x02");
    let end = place(&good, b"PK\x05\x06");
    let change = |at: usize, byte: u8| {
        let mut content = good.clone();
        content[at] = byte;
        content
    };
    let unreadable = GapKind::FileUnreadable;
    for (what, content, entries, gap) in [
        ("local name", change(30, b'X'), 0, unreadable),
        ("local method", change(8, 0), 0, unreadable),
        ("method not read", change(record + 10, 12), 0, unreadable),
        ("encrypted", change(record + 8, 1), 0, unreadable),
        (
            "checksum",
            change(record + 16, !good[record + 16]),
            0,
            unreadable,
        ),
        ("size", change(record + 24, 200), 0, unreadable),
        ("header elsewhere", change(record + 42, 3), 0, unreadable),
        ("header outside", change(record + 45, 0x7f), 0, unreadable),
        ("stated count", change(end + 10, 9), 1, unreadable),
        ("no record", change(record, b'X'), 0, unreadable),
        (
            "tail",
            [good.clone(), b"tail".to_vec()].concat(),
            1,
            GapKind::StreamGarbage,
        ),
        ("cut", good[..good.len() - 1].to_vec(), 0, unreadable),
    ] {
        let (found, gaps) = read(&content);
        assert_eq!((found.len(), gaps), (entries, vec![gap]), "{what}");
    }
}

#[test]
fn bytes_names_and_faults_have_budgets() {
    let large = zip(&[("large", &vec![0; 2 << 20])]);
    assert_eq!(read(&large), (vec![], vec![GapKind::Budget]));
    let long = "n".repeat(5_000);
    assert_eq!(read(&zip(&[(&long, b"")])), (vec![], vec![GapKind::Budget]));
    let names: Vec<_> = (0..1_000).map(|number| format!("{number:04}")).collect();
    let entries: Vec<(&str, &[u8])> = names
        .iter()
        .map(|name| (name.as_str(), &b"x"[..]))
        .collect();
    let mut broken = zip(&entries);
    while let Some(at) = broken.windows(4).position(|part| part == b"PK\x03\x04") {
        broken[at] = b'X';
    }
    let (found, gaps) = read(&broken);
    assert_eq!((found.len(), gaps.len()), (0, 256));
    assert_eq!(gaps.last(), Some(&GapKind::Budget));
}
