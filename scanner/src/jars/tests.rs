//! The index of JARs: what goes in comes out, nothing else does, and damage is an error.

use std::fs;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sha1::Digest as _;
use sluicegate_model::archive::Sha1Digest;

use super::*;

mod trivy;

fn digest(text: &str) -> Sha1Digest {
    Sha1Digest(sha1::Sha1::digest(text).into())
}

fn of() -> Timestamp {
    "2026-11-01T00:00:00Z".parse().unwrap()
}

/// Writes an index of some archives, each by the text that is its content.
fn written(path: &Path, archives: &[(&str, [&str; 3])]) -> Written {
    let mut builder = JarsBuilder::at(path).unwrap();
    for (content, [group, artifact, version]) in archives {
        let coordinates = (*group, *artifact, *version);
        builder.add(&digest(content), coordinates).unwrap();
    }
    builder.finish(of(), "a test").unwrap()
}

fn shown(found: &[Coordinates]) -> Vec<String> {
    let shown = |it: &Coordinates| format!("{}:{}:{}", it.group, it.artifact, it.version);
    found.iter().map(shown).collect()
}

fn small(home: &Path) -> PathBuf {
    let path = home.join("jars.idx");
    written(
        &path,
        &[
            ("one", ["org.acme", "tool", "1.0"]),
            ("two", ["org.acme", "tool", "2.0"]),
            ("two", ["org.other", "tool", "2.0"]),
            ("two", ["org.acme", "tool", "2.0"]),
        ],
    );
    path
}

#[test]
fn an_archive_is_found_by_its_digest_under_every_name() {
    let home = tempfile::tempdir().unwrap();
    let index = JarIndex::open(&small(home.path())).unwrap();
    let found = |content| shown(&index.lookup(&digest(content)).unwrap());
    assert_eq!(found("one"), ["org.acme:tool:1.0"]);
    let mut two = found("two");
    two.sort();
    assert_eq!(two, ["org.acme:tool:2.0", "org.other:tool:2.0"]);
    assert_eq!(found("three"), Vec::<String>::new());
    assert_eq!((index.records(), index.of()), (3, of()));
    assert_eq!(index.source(), "a test");
}

#[test]
fn the_same_archives_make_the_same_file_and_others_another_name() {
    let home = tempfile::tempdir().unwrap();
    let [one, other] = ["a", "b"].map(|name| {
        let directory = home.path().join(name);
        fs::create_dir(&directory).unwrap();
        small(&directory)
    });
    assert_eq!(fs::read(&one).unwrap(), fs::read(&other).unwrap());
    let content = |path: &Path| *JarIndex::open(path).unwrap().content();
    let before = content(&one);
    written(&other, &[("one", ["org.acme", "tool", "1.1"])]);
    assert_ne!(before, content(&other));
}

#[test]
fn of_fifty_thousand_archives_each_is_found_and_no_other() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("jars.idx");
    let mut builder = JarsBuilder::at(&path).unwrap();
    let name = |number: u32| {
        (
            format!("tool-{}", number / 30),
            format!("1.{}", number % 30),
        )
    };
    for number in 0..50_000 {
        let (artifact, version) = name(number);
        let coordinates = ("org.acme", artifact.as_str(), version.as_str());
        builder
            .add(&digest(&number.to_string()), coordinates)
            .unwrap();
    }
    let written = builder.finish(of(), "").unwrap();
    assert_eq!(
        (written.archives, written.odd, written.alike),
        (50_000, 0, 0)
    );
    assert_eq!(written.bytes, fs::metadata(&path).unwrap().len());
    assert!(written.bytes < 32 * 50_000, "{written:?}");
    let index = JarIndex::open(&path).unwrap();
    for number in 0..50_000 {
        let (artifact, version) = name(number);
        let found = index.lookup(&digest(&number.to_string())).unwrap();
        assert_eq!(shown(&found), [format!("org.acme:{artifact}:{version}")]);
        let other = index.lookup(&digest(&format!("x{number}"))).unwrap();
        assert_eq!(other, []);
    }
}

#[test]
fn what_has_no_coordinates_or_too_many_is_left_out_and_counted() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("jars.idx");
    let long = "x".repeat(600);
    let versions: Vec<String> = (0..9).map(|number| number.to_string()).collect();
    let mut archives = vec![
        ("a", ["", "tool", "1"]),
        ("b", ["org.acme", "tool\n", "1"]),
        ("c", ["org.acme", "a:b", "1"]),
        ("d", ["org.acme", long.as_str(), "1"]),
        ("e", ["org.acme", "tool", long.as_str()]),
        ("f", ["org.acme", "tool", "1"]),
    ];
    archives.extend(versions.iter().map(|it| ("empty", ["g", "a", it.as_str()])));
    let written = written(&path, &archives);
    assert_eq!((written.archives, written.odd, written.alike), (1, 5, 9));
    let index = JarIndex::open(&path).unwrap();
    assert_eq!(index.lookup(&digest("empty")).unwrap(), []);
    assert_eq!(index.lookup(&digest("f")).unwrap().len(), 1);
}

#[test]
fn digests_that_nobody_has_made_of_archives_are_no_index() {
    let home = tempfile::tempdir().unwrap();
    let mut builder = JarsBuilder::at(&home.path().join("jars.idx")).unwrap();
    for number in 0..300_000_u32 {
        let mut bytes = [0; 20];
        bytes[8..12].copy_from_slice(&number.to_be_bytes());
        builder.add(&Sha1Digest(bytes), ("g", "a", "1")).unwrap();
    }
    let outcome = builder.finish(of(), "");
    assert!(matches!(outcome, Err(JarsError::Crowded)), "{outcome:?}");
    assert_eq!(
        fs::read_dir(home.path()).unwrap().count(),
        0,
        "nothing stays"
    );
}

#[test]
fn every_altered_byte_is_an_error_or_changes_no_answer() {
    let home = tempfile::tempdir().unwrap();
    let path = small(home.path());
    let whole = fs::read(&path).unwrap();
    let names = ["one", "two", "three"];
    let answers = |path: &Path| -> Result<Vec<Vec<Coordinates>>, JarsError> {
        let index = JarIndex::open(path)?;
        names.iter().map(|it| index.lookup(&digest(it))).collect()
    };
    let right = answers(&path).unwrap();
    for at in 0..whole.len() {
        let mut bytes = whole.clone();
        bytes[at] ^= 0x55;
        fs::write(&path, &bytes).unwrap();
        match answers(&path) {
            Err(error) => assert!(!error.to_string().is_empty()),
            Ok(found) => assert_eq!(found, right, "byte {at}"),
        }
    }
    for length in 0..whole.len() {
        fs::write(&path, &whole[..length]).unwrap();
        assert!(JarIndex::open(&path).is_err(), "cut at {length}");
    }
    fs::write(&path, [whole.as_slice(), b"x"].concat()).unwrap();
    let error = JarIndex::open(&path).unwrap_err().to_string();
    assert!(error.contains("and should have"), "{error}");
}

#[test]
fn a_repository_gives_its_archives_by_their_bytes_or_by_the_digests_beside_them() {
    let home = tempfile::tempdir().unwrap();
    let root = home.path().join("m2");
    let place = root.join("org/acme/tool/1.0");
    fs::create_dir_all(&place).unwrap();
    fs::write(place.join("tool-1.0.jar"), "bytes").unwrap();
    fs::write(place.join("tool-1.0-sources.jar"), "sources").unwrap();
    fs::write(place.join("tool-1.0.pom"), "pom").unwrap();
    let other = root.join("org/acme/other/2.0");
    fs::create_dir_all(&other).unwrap();
    let line = format!("{}  other-2.0.jar\n", digest("other"));
    fs::write(other.join("other-2.0.jar.sha1"), &line).unwrap();
    let path = home.path().join("jars.idx");
    for (digests, wanted) in [(Digests::Hashed, 1), (Digests::Sidecars, 2)] {
        let mut builder = JarsBuilder::at(&path).unwrap();
        let found = add_repository(&mut builder, &root, digests, &mut |_| {}).unwrap();
        assert_eq!(found, wanted);
        builder.finish(of(), "").unwrap();
        let index = JarIndex::open(&path).unwrap();
        let found = |content| shown(&index.lookup(&digest(content)).unwrap());
        assert_eq!(found("bytes"), ["org.acme:tool:1.0"]);
        assert_eq!(found("other").len() as u64, wanted - 1);
        assert_eq!(found("sources"), Vec::<String>::new());
    }
    fs::write(other.join("other-2.0.jar.sha1"), "none").unwrap();
    let mut builder = JarsBuilder::at(&path).unwrap();
    let error = add_repository(&mut builder, &root, Digests::Sidecars, &mut |_| {}).unwrap_err();
    assert!(error.to_string().contains("other-2.0.jar.sha1"), "{error}");
    let empty = home.path().join("empty");
    fs::create_dir(&empty).unwrap();
    let nothing = add_repository(&mut builder, &empty, Digests::Hashed, &mut |_| {});
    assert!(matches!(nothing, Err(JarsError::Empty(_))));
}

#[test]
fn what_is_no_database_of_trivys_is_told_with_its_name() {
    let home = tempfile::tempdir().unwrap();
    let path = home.path().join("trivy-java.db");
    fs::write(&path, "no database at all".repeat(100)).unwrap();
    let mut builder = JarsBuilder::at(&home.path().join("jars.idx")).unwrap();
    let error = add_trivy(&mut builder, &path, &mut |_| {})
        .unwrap_err()
        .to_string();
    assert!(
        error.contains("trivy-java.db as Trivy's database"),
        "{error}"
    );
    assert!(error.contains("no SQLite database"), "{error}");
}
