//! The shape in which scans are kept, pinned beside its revision as the scanner's golden corpus is.

use std::path::Path;

use crate::fingerprint::{PARTS, VERDICTS};
use crate::ledger::stored;
use crate::scan::Scanned;
use sluicegate_model::Digest;
use sluicegate_model::artifact::{ArtifactKind, Content};
use sluicegate_model::inventory::Inventory;
use sluicegate_model::samples;
use sluicegate_model::verdict::Verdict;

#[path = "../../../../scanner/src/golden/pins.rs"]
mod pins;

use pins::Row;

#[test]
fn no_shape_changes_under_the_revision_it_had() {
    let rows: Vec<Row> = PARTS
        .iter()
        .chain([&VERDICTS])
        .map(|(name, revision)| {
            let text = match *name {
                "scanned" => kept(),
                "verdict" => decided(),
                new => panic!("{new} has no corpus"),
            };
            Row {
                name: (*name).to_owned(),
                revision: *revision,
                digest: Digest::of(text.as_bytes()).hex()[..32].to_owned(),
            }
        })
        .collect();
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src/pull/golden/pinned.txt");
    pins::settle(&rows, &path, "cargo test -p sluicegate-engine --lib golden");
}

/// The shape of a verdict.
fn decided() -> String {
    let verdict = Verdict {
        allowed_by: vec!["until-june".into()],
        ..samples::verdict()
    };
    String::from_utf8(stored::verdict_text(&verdict).unwrap()).unwrap()
}

/// The shape of what is kept, whatever is in the inventory: that has a revision of its own.
fn kept() -> String {
    let contents = [Content::Image, Content::Artifact(ArtifactKind::Helm)];
    contents
        .map(|content| {
            let scanned = Scanned {
                content,
                inventory: Inventory::default(),
                scanned_at: jiff::Timestamp::from_second(1_700_000_000).unwrap(),
                scan_ms: 7,
                read_by: None,
            };
            serde_json::to_string(&scanned).unwrap()
        })
        .join("\n")
}
