//! A database as Trivy makes it, of one page for each table.

use super::*;

const PAGE: usize = 4_096;

/// A value of a row.
#[derive(Clone)]
enum Value {
    Null,
    Number(u8),
    Text(&'static str),
    Bytes(Vec<u8>),
}
use Value::{Bytes, Null, Number, Text};

/// Writes a leaf of rows, each with its number; the first page begins after the file's header.
fn leaf(start: usize, rows: &[(u8, Vec<Value>)]) -> Vec<u8> {
    let mut page = vec![0; PAGE];
    let mut end = PAGE;
    page[start] = 13;
    page[start + 4] = u8::try_from(rows.len()).unwrap();
    for (at, (id, values)) in rows.iter().enumerate() {
        let (mut types, mut body) = (Vec::new(), Vec::new());
        for value in values {
            let (kind, bytes) = match value {
                Null => (0, Vec::new()),
                Number(number) => (1, vec![*number]),
                Text(text) => (13 + 2 * text.len(), text.as_bytes().to_vec()),
                Bytes(bytes) => (12 + 2 * bytes.len(), bytes.clone()),
            };
            if kind > 127 {
                types.push(u8::try_from(0x80 | kind >> 7).unwrap());
            }
            types.push(u8::try_from(kind & 0x7f).unwrap());
            body.extend(bytes);
        }
        let head = u8::try_from(types.len() + 1).unwrap();
        let record = [vec![head], types, body].concat();
        let length = u8::try_from(record.len()).unwrap();
        assert!(length < 128, "a varint of one byte");
        let cell = [vec![length, *id], record].concat();
        end -= cell.len();
        page[end..end + cell.len()].copy_from_slice(&cell);
        let place = u16::try_from(end).unwrap().to_be_bytes();
        page[start + 8 + 2 * at..start + 10 + 2 * at].copy_from_slice(&place);
    }
    page
}

fn table(id: u8, name: &'static str, root: u8) -> (u8, Vec<Value>) {
    let row = vec![
        Text("table"),
        Text(name),
        Text(name),
        Number(root),
        Text("CREATE"),
    ];
    (id, row)
}

fn database(artifacts: &[(u8, Vec<Value>)], indices: &[(u8, Vec<Value>)]) -> Vec<u8> {
    let mut schema = leaf(100, &[table(1, "artifacts", 2), table(2, "indices", 3)]);
    schema[..16].copy_from_slice(b"SQLite format 3\0");
    schema[16..18].copy_from_slice(&[0x10, 0]);
    [schema, leaf(0, artifacts), leaf(0, indices)].concat()
}

fn artifact(id: u8, group: &'static str, name: &'static str) -> (u8, Vec<Value>) {
    (id, vec![Null, Text(group), Text(name)])
}

fn archive(id: u8, artifact: u8, version: &'static str, digest: &[u8]) -> (u8, Vec<Value>) {
    let digest = Bytes(digest.to_vec());
    (
        id,
        vec![Number(artifact), Text(version), digest, Text("jar")],
    )
}

/// Makes an index of a database; an error in words.
fn read(database: &[u8]) -> Result<(u64, JarIndex), String> {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("trivy-java.db");
    fs::write(&path, database).unwrap();
    let index = home.path().join("jars.idx");
    let mut builder = JarsBuilder::at(&index).unwrap();
    let added = add_trivy(&mut builder, &path, &mut |_| {});
    let added = added.map_err(|error| error.to_string())?;
    builder.finish(of(), "").unwrap();
    Ok((added, JarIndex::open(&index).unwrap()))
}

#[test]
fn its_archives_are_named_as_it_names_them() {
    let artifacts = [
        artifact(4, "org.acme", "tool"),
        artifact(7, "org.acme", "other"),
    ];
    let indices = [
        archive(1, 4, "1.0", &digest("one").0),
        archive(2, 7, "2.0", &digest("two").0),
    ];
    let (added, index) = read(&database(&artifacts, &indices)).unwrap();
    assert_eq!(added, 2);
    let found = |content| shown(&index.lookup(&digest(content)).unwrap());
    assert_eq!(found("one"), ["org.acme:tool:1.0"]);
    assert_eq!(found("two"), ["org.acme:other:2.0"]);
}

#[test]
fn a_row_that_is_not_whole_stops_it_and_is_told() {
    let known = [artifact(4, "org.acme", "tool")];
    for (artifacts, indices, wanted) in [
        (
            &known[..],
            vec![archive(1, 4, "1.0", b"short")],
            "no SHA-1 of 20 bytes",
        ),
        (
            &known,
            vec![archive(1, 5, "1.0", &[0; 20])],
            "no artifact that is listed",
        ),
        (
            &known,
            vec![(1, vec![Number(4), Null, Bytes(vec![0; 20])])],
            "has no version",
        ),
        (
            &[(4, vec![Null, Text("g")])],
            Vec::new(),
            "no group and name",
        ),
        (&known, Vec::new(), "holds no archive"),
    ] {
        let error = read(&database(artifacts, &indices)).unwrap_err();
        assert!(error.contains(wanted), "{error}");
    }
    let whole = database(&known, &[archive(1, 4, "1.0", &[0; 20])]);
    let error = read(&whole[..PAGE]).unwrap_err();
    assert!(error.contains("reading at 4096 of 4096"), "{error}");
    let schema = leaf(100, &[table(1, "artifacts", 2)]);
    let without = [&whole[..100], &schema[100..], &whole[PAGE..]].concat();
    let error = read(&without).unwrap_err();
    assert!(error.contains("no tables artifacts and indices"), "{error}");
}
