//! Targets for the index of JARs and for Trivy's database, of which one is made.

use std::path::Path;

use sluicegate_model::archive::Sha1Digest;
use sluicegate_scanner::jars::{JarIndex, JarsBuilder, add_trivy};

use super::Target;

pub fn targets() -> Vec<Target> {
    vec![
        Target::new("jar-index", index, vec![small_index()]),
        Target::new(
            "trivy-java-db",
            database,
            vec![b"SQLite format 3\0".to_vec()],
        ),
    ]
}

fn in_directory(data: &[u8], name: &str, read: impl FnOnce(&Path)) {
    let home = tempfile::tempdir().expect("make a directory");
    let path = home.path().join(name);
    std::fs::write(&path, data).expect("write a file");
    read(&path);
}

fn index(data: &[u8]) {
    in_directory(data, "jars.idx", |path| {
        let Ok(index) = JarIndex::open(path) else {
            return;
        };
        for first in [0, 1, 0x7f, 0x80, 0xff] {
            if let Ok(found) = index.lookup(&Sha1Digest([first; 20])) {
                assert!(found.len() <= 8, "of one digest");
            }
        }
    });
}

fn database(data: &[u8]) {
    in_directory(data, "trivy-java.db", |path| {
        let mut builder = JarsBuilder::at(&path.with_extension("idx")).expect("begin an index");
        if add_trivy(&mut builder, path, &mut |_| {}).is_ok() {
            let written = builder.finish(jiff::Timestamp::UNIX_EPOCH, "fuzzed");
            assert!(written.is_ok(), "{written:?}");
        }
    });
}

fn small_index() -> Vec<u8> {
    let home = tempfile::tempdir().expect("make a directory");
    let path = home.path().join("jars.idx");
    let mut builder = JarsBuilder::at(&path).expect("begin an index");
    for first in [1, 0x80] {
        let digest = Sha1Digest([first; 20]);
        builder
            .add(&digest, ("org.acme", "tool", "1.0"))
            .expect("add an archive");
    }
    let written = builder.finish(jiff::Timestamp::UNIX_EPOCH, "a seed");
    written.expect("write an index");
    std::fs::read(&path).expect("read it")
}
