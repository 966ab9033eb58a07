//! Lays an image's layers over each other and says what the image then holds.
//!
//! Facts of each layer are applied to one tree in order; what remains at the end is the image.
//! Along the way it is noted since which layer each package has been there without a break.
//! `inventory.rs` turns the outcome into components.

pub(crate) mod examples;
pub(crate) mod history;
mod instructions;
pub(crate) mod ownership;
pub(crate) mod programs;
mod spellings;
pub(crate) mod stripped;
pub(crate) mod third_party;
pub(crate) mod votes;

use std::collections::BTreeMap;

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::digest::Digest;
use sluicegate_model::image_config::ImageConfig;
use sluicegate_model::inventory::Inventory;

use crate::facts::{Event, FileFacts, FoundPackage, LayerFacts, PathHash};
use crate::gaps::GapList;
use crate::inventory::{self, Merged, MergedFile};
use crate::overlay::{FileRef, Lost, MAX_WORK, Tree};
use crate::system;

use self::examples::examples;
use self::history::Past;

/// Where package managers keep databases that no analyzer reads yet.
/// Source: Nix; Guix; Portage; XBPS; CRUX pkgutils; FreeBSD pkg; Conary; swupd; Flatpak; snapd;
/// Container-Optimized OS; Bottlerocket.
const UNREAD_DATABASES: [&str; 14] = [
    "nix/var/nix/db/db.sqlite",
    "var/guix/db/db.sqlite",
    "var/lib/portage/world",
    "var/cache/edb/counter",
    "var/db/xbps/pkgdb-0.38.plist",
    "var/lib/pkg/db",
    "var/db/pkg/local.sqlite",
    "var/lib/conarydb/conarydb",
    "usr/share/clear/bundles/os-core",
    "var/lib/flatpak/repo/config",
    "var/lib/snapd/state.json",
    "etc/cos-package-info.json",
    "x86_64-bottlerocket-linux-gnu/sys-root/usr/share/bottlerocket/application-inventory.json",
    "aarch64-bottlerocket-linux-gnu/sys-root/usr/share/bottlerocket/application-inventory.json",
];

/// Raised with every change of what is made of the same facts: layers laid over each other, who
/// owns a file, what SBOMs may add, what the system is worth. It enters the scanner's fingerprint.
pub(crate) const MERGE_REVISION: u32 = 8;

/// A layer of an image: its blob digest and its facts.
#[derive(Clone, Copy, Debug)]
pub struct LayerInput<'a> {
    /// The digest of the layer's blob, as the manifest lists it.
    pub digest: &'a Digest,
    /// What the layer proves.
    pub facts: &'a LayerFacts,
}

/// Merges the layers, base first, into what the image holds.
pub fn merge(config: Option<&ImageConfig>, layers: &[LayerInput<'_>]) -> Inventory {
    lay_over(config, layers, check_config(config, layers))
}

/// Reads one layer that is part of no image: nothing says what it has to be.
pub(crate) fn merge_alone(layer: LayerInput<'_>) -> Inventory {
    lay_over(None, &[layer], Vec::new())
}

fn lay_over(config: Option<&ImageConfig>, layers: &[LayerInput<'_>], known: Vec<Gap>) -> Inventory {
    let mut gaps = GapList::default();
    gaps.extend(known);
    let mut tree = Tree::new();
    let mut presence = BTreeMap::new();
    let mut past = Past::default();
    for (index, layer) in layers.iter().enumerate() {
        let lost = tree.apply(index, layer.facts);
        let stated = layer.facts.gaps.iter().cloned();
        let own = stated.chain(endless(&lost)).chain(unread_links(&lost));
        gaps.extend(own.map(|gap| gap.in_layer(layer.digest.clone())));
        presence = follow(&tree, layers, index, presence);
        tree.spend(presence.len());
        past.observe(&tree, layers, index, &presence);
        if tree.is_spent() {
            let detail = format!("laying the layers over each other takes over {MAX_WORK} steps");
            gaps.push(Gap::fatal(GapKind::Budget, detail));
            break;
        }
    }
    let is_witness = |presence: &Presence| file_facts(layers, presence.file).is_none();
    let witnesses = presence
        .iter()
        .filter(|(_, presence)| is_witness(presence))
        .map(|(path, _)| path.clone())
        .collect();
    let files = presence
        .into_iter()
        .filter_map(|(path, presence)| merged_file(layers, path, presence))
        .collect();
    let mut merged = Merged {
        tree: &tree,
        files,
        witnesses,
        had_database: past.had_database(),
        remembered: Vec::new(),
        unread: unread_databases(layers),
        layers: instructions::of(config, layers),
    };
    let present = system::package_types(&merged);
    merged.remembered = past.vanished(&tree, layers, &present);
    inventory::assemble(config, &merged, gaps)
}

/// Says which paths of a layer have no place in the image.
fn endless(lost: &Lost) -> Option<Gap> {
    let first = lost.endless.first()?;
    let detail = format!(
        "the links above these paths never end: {}",
        examples(lost.endless.iter().map(String::as_str))
    );
    Some(Gap::fatal(GapKind::UnsafePath, detail).at(first.as_str()))
}

/// Says which hard links of a layer share content that was not read for what their names claim.
fn unread_links(lost: &Lost) -> Option<Gap> {
    let first = lost.unread_links.first()?;
    let detail = format!(
        "{} hard links share files that were not read under their own names: {}",
        lost.unread_links.len(),
        examples(lost.unread_links.iter().map(String::as_str))
    );
    Some(Gap::partial(GapKind::FileUnreadable, detail).at(first.as_str()))
}

/// Gives the package databases that some layer has and no analyzer reads.
fn unread_databases(layers: &[LayerInput<'_>]) -> Vec<&'static str> {
    let in_a_layer = |path: &&'static str| {
        let hash = PathHash::of(path);
        layers
            .iter()
            .any(|layer| layer.facts.plain_paths.contains(hash))
    };
    UNREAD_DATABASES.into_iter().filter(in_a_layer).collect()
}

/// A file that is there after a layer, and since which layer each of its packages is.
struct Presence {
    file: FileRef,
    since: Vec<usize>,
}

/// Carries presence over to the next layer.
fn follow(
    tree: &Tree,
    layers: &[LayerInput<'_>],
    layer: usize,
    mut before: BTreeMap<String, Presence>,
) -> BTreeMap<String, Presence> {
    let mut after = BTreeMap::new();
    for (path, file) in tree.files() {
        let presence = match before.remove(&path) {
            Some(same) if same.file == file => same,
            older => Presence {
                file,
                since: since(packages(layers, file), older.as_ref(), layers, layer),
            },
        };
        after.insert(path, presence);
    }
    after
}

/// Gives for each package the layer since which it is at this path.
fn since(
    now: &[FoundPackage],
    older: Option<&Presence>,
    layers: &[LayerInput<'_>],
    layer: usize,
) -> Vec<usize> {
    let known: BTreeMap<&FoundPackage, usize> = older
        .map(|older| {
            packages(layers, older.file)
                .iter()
                .zip(older.since.iter().copied())
                .collect()
        })
        .unwrap_or_default();
    now.iter()
        .map(|package| known.get(package).copied().unwrap_or(layer))
        .collect()
}

fn merged_file<'a>(
    layers: &[LayerInput<'a>],
    path: String,
    presence: Presence,
) -> Option<MergedFile<'a>> {
    let layer = layers.get(presence.file.layer)?;
    let facts = file_facts(layers, presence.file)?;
    let introduced = presence.since.iter().map(|index| {
        layers
            .get(*index)
            .map_or(layer.digest, |layer| layer.digest)
    });
    Some(MergedFile {
        path,
        layer: layer.digest,
        found: &facts.found,
        digests: facts.digests.as_ref(),
        introduced: introduced.collect(),
    })
}

fn packages<'a>(layers: &[LayerInput<'a>], file: FileRef) -> &'a [FoundPackage] {
    file_facts(layers, file).map_or(&[], |facts| &facts.found.packages)
}

fn file_facts<'a>(layers: &[LayerInput<'a>], file: FileRef) -> Option<&'a FileFacts> {
    match layers.get(file.layer)?.facts.events.get(file.event)? {
        Event::File(facts) => Some(facts),
        _ => None,
    }
}

fn check_config(config: Option<&ImageConfig>, layers: &[LayerInput<'_>]) -> Vec<Gap> {
    let Some(config) = config else {
        let detail = "the image's config could not be read, so its layers are not proven";
        return vec![Gap::fatal(GapKind::ConfigUnreadable, detail)];
    };
    let mut gaps = Vec::new();
    if !matches!(config.os.as_str(), "linux" | "") {
        let detail = format!("images for {:?} are not read", config.os);
        gaps.push(Gap::fatal(GapKind::UnsupportedOs, detail));
    }
    let (stated, got) = (config.rootfs.diff_ids.len(), layers.len());
    if stated != got {
        let detail = format!("the config lists {stated} layers, the manifest {got}");
        gaps.push(Gap::fatal(GapKind::DigestMismatch, detail));
    }
    for (layer, stated) in layers.iter().zip(&config.rootfs.diff_ids) {
        // A layer that was not read has said so itself.
        if let Some(got) = &layer.facts.diff_id
            && got != stated
        {
            let detail = format!("the layer's content is {got}, the config says {stated}");
            gaps.push(Gap::fatal(GapKind::DigestMismatch, detail).in_layer(layer.digest.clone()));
        }
        if layer.facts.diff_id.is_none() && layer.facts.gaps.iter().all(|gap| !gap.fatal) {
            let detail = "the layer's content could not be proven";
            gaps.push(Gap::fatal(GapKind::LayerUnreadable, detail).in_layer(layer.digest.clone()));
        }
    }
    gaps
}

#[cfg(test)]
mod evasion;
#[cfg(test)]
mod tests;
