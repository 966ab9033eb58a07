//! The golden corpus: what every part of the scanner gives for fixed inputs, pinned beside its
//! revision.
//!
//! Facts, inventories and verdicts are kept under revisions, and those that a forgotten revision
//! leaves in place decide on for ever. So a changed output fails here until the revision is raised.
//! Whoever changes an output on purpose raises the revision that the failure names and pins anew:
//! `SLUICEGATE_GOLDEN=write cargo test -p sluicegate-scanner golden`. An input that is added to a
//! corpus changes its digest as well: whoever adds one and changes nothing else removes the part's
//! line from `pinned.txt` first.

mod archives;
mod artifacts;
mod feeds;
mod files;
mod images;
mod judging;
mod naming;
mod pins;
/// How findings are kept, which is how they are pinned.
#[path = "../../../proxy/engine/src/ledger/stored/finding.rs"]
mod stored;
mod systems;
mod transcript;

use std::collections::BTreeSet;
use std::path::Path;

use crate::plugins::{PARTS, plugins};

use self::pins::Row;
use self::transcript::Transcript;

/// What a person types to pin anew.
const COMMAND: &str = "cargo test -p sluicegate-scanner golden";

#[test]
fn no_output_changes_under_the_revision_it_had() {
    let mut now: Vec<Row> = files::rows();
    now.extend(crate::matchers::golden::answers().into_iter().map(matcher));
    now.extend(feeds::rows());
    now.extend([archives::layer(), archives::facts(), images::row()]);
    now.extend(naming::rows());
    now.extend([artifacts::row(), judging::row()]);
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/golden/pinned.txt");
    assert_eq!(names(&now), registered(), "every part has a corpus");
    pins::settle(&now, &path, COMMAND);
}

fn matcher((info, answers): (crate::MatcherInfo, Vec<(String, String)>)) -> Row {
    let mut transcript = Transcript::default();
    for (input, output) in answers {
        transcript.note(input, &output);
    }
    transcript.row(&format!("match/{}", info.name), info.revision.into())
}

fn names(rows: &[Row]) -> BTreeSet<String> {
    rows.iter().map(|row| row.name.clone()).collect()
}

/// Names everything that has a revision.
fn registered() -> BTreeSet<String> {
    let plugins = plugins().into_iter().map(|plugin| plugin.name);
    let parts = PARTS.iter().map(|(name, _)| (*name).to_owned());
    plugins.chain(parts).collect()
}

/// Gives the revision of a part that is no plugin.
fn revision_of(part: &str) -> u32 {
    let found = PARTS.iter().find(|(name, _)| *name == part);
    found.unwrap().1
}
