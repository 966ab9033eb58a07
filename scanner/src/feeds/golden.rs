//! The layout of an index without what differs from one machine to the next.

use std::path::Path;

use super::layout::{PREAMBLE_BYTES, Preamble, Tables};
use super::{formats, sources};

/// Gives everything in an index file but where its feeds lie and when they were written.
pub(crate) fn layout(path: &Path) -> Vec<u8> {
    let file = std::fs::read(path).unwrap();
    let preamble = Preamble::from_bytes(file[..PREAMBLE_BYTES].try_into().unwrap()).unwrap();
    let end = usize::try_from(preamble.tables.offset).unwrap();
    let length = usize::try_from(preamble.tables.length).unwrap();
    let (tables, keys) = file[end..].split_at(length);
    let mut tables: Tables = postcard::from_bytes(tables).unwrap();
    tables.source_fingerprint = String::new();
    let tables = postcard::to_stdvec(&tables).unwrap();
    [&file[PREAMBLE_BYTES..end], &tables, keys].concat()
}

#[test]
fn an_index_is_built_again_under_other_readers() {
    let (formats, now) = (formats(), sources::readers(&formats()));
    for index in 0..formats.len() {
        let mut raised = formats.clone();
        raised[index].revision += 1;
        assert_ne!(sources::readers(&raised), now);
    }
    for matcher in crate::matchers() {
        assert!(now.contains(&format!("match {} {}\n", matcher.name, matcher.revision)));
    }
}
