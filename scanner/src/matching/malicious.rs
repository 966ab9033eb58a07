//! Files that a list knows as malicious, by their digests: looked up whenever an image is judged, so that
//! another list needs no byte of a layer.

use std::collections::BTreeSet;

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::finding::FindingKind;
use sluicegate_model::hashed::{ContentHash, HashedFile};
use sluicegate_model::inventory::Inventory;
use sluicegate_model::severity::Severity;
use sluicegate_model::weakness::{FoundWeakness, MALWARE, Weakness};

use crate::feeds::FeedIndex;
use crate::hash_list::{HashList, Threat};

/// The name under which images are listed that have files to ask about: whatever changes in a list may
/// concern them.
pub const FILES_BY_DIGEST: &str = "files by their digests";

/// Most malicious contents that are told of one image, and most places of all of them.
const MAX_CONTENTS: usize = 1_000;
const MAX_PLACES: usize = 20_000;

/// Digits of a digest in the id of a finding.
const ID_DIGITS: usize = 12;

/// What lists say of an image's files.
#[derive(Debug, Default)]
pub(super) struct Malicious {
    pub(super) found: Vec<FoundWeakness>,
    /// Why there may be more.
    pub(super) gaps: Vec<Gap>,
}

/// Asks the lists in force about the files of an inventory. Where nobody hashed those, nothing is known of
/// them.
pub(super) fn malicious(inventory: &Inventory, feeds: &FeedIndex) -> Malicious {
    let lists = feeds.hash_lists();
    let mut malicious = Malicious::default();
    if !lists.are_in_force() {
        return malicious;
    }
    if lists.is_one_unread() {
        let detail = "a list of malicious files cannot be read";
        malicious.gaps.push(Gap::fatal(GapKind::NoFeed, detail));
    }
    if !inventory.detectors.iter().any(|it| it == MALWARE) {
        let detail = "a list of malicious files is in force, and whoever read the image did not hash its files";
        let gap = Gap::fatal(GapKind::PluginFailed, detail);
        malicious.gaps.push(gap);
        return malicious;
    }
    let mut contents: BTreeSet<ContentHash> = BTreeSet::new();
    let mut left_out = 0_u64;
    for layer in &inventory.hashed {
        for file in &layer.files {
            let Some((list, threat)) = lists.lookup(file.sha256) else {
                continue;
            };
            let is_known = contents.contains(&file.sha256);
            let has_room = is_known || contents.len() < MAX_CONTENTS;
            if !has_room || malicious.found.len() >= MAX_PLACES {
                left_out += 1;
                continue;
            }
            contents.insert(file.sha256);
            malicious.found.push(FoundWeakness {
                plugin: MALWARE.to_owned(),
                layer: layer.layer.clone(),
                weakness: weakness(file, list, threat),
            });
        }
    }
    if left_out > 0 {
        let detail = format!("{left_out} more files are malicious by a list than are told");
        let gap = Gap::partial(GapKind::Budget, detail);
        malicious.gaps.push(gap);
    }
    malicious
}

fn weakness(file: &HashedFile, list: &HashList, threat: Threat<'_>) -> Weakness {
    let digest = hex::encode(threat.sha256);
    let day = list.of().map(|of| format!(" of {of}")).unwrap_or_default();
    let name = if threat.name.is_empty() {
        "a malicious file"
    } else {
        threat.name
    };
    Weakness {
        id: format!("MALWARE-{}", digest.get(..ID_DIGITS).unwrap_or(&digest)),
        aliases: Vec::new(),
        kind: FindingKind::Malware,
        severity: Severity::Critical,
        summary: format!(
            "{name}, by the list {:?}{day}; SHA-256 {digest}",
            list.title()
        ),
        package: None,
        remedy: Vec::new(),
        path: file.path.to_string(),
        line: None,
        column: None,
        // One content is one finding, wherever it lies.
        hash: Some(file.sha256.to_string()),
        is_hidden: file.is_hidden,
    }
}
