//! Lays an image's layers over each other and says what the image then holds.
//!
//! Facts of each layer are applied to one tree in order; what remains at the end is the image.
//! Along the way it is noted since which layer each package has been there without a break.
//! `inventory.rs` turns the outcome into components.

use std::collections::BTreeMap;

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::image_config::ImageConfig;

use super::history::Past;
use super::layers::{LayerInput, file_facts};
use super::merged::{Merged, MergedFile};
use super::presence::{self, Presence};
use super::tree::{Applier, Lost, MAX_WORK, Tree};
use super::{instructions, links, listed};
use crate::examples::examples;
use crate::facts::PathHash;
use crate::gaps::GapList;
use crate::plugin_set::PluginSet;

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

/// An image whose layers lie over each other.
pub(crate) struct Laid<'a> {
    pub(crate) merged: Merged<'a>,
    /// What databases said before they went.
    pub(crate) past: Past<'a>,
    /// What was known to be amiss, what the layers say of themselves, and what has no place.
    pub(crate) gaps: GapList,
}

/// Lays the layers over each other as `applier` does, base first; `known` is what is known to be amiss.
pub(crate) fn lay_over<'a>(
    applier: Applier,
    config: Option<&ImageConfig>,
    layers: &[LayerInput<'a>],
    known: Vec<Gap>,
    plugins: &'a PluginSet,
) -> Laid<'a> {
    let mut gaps = GapList::default();
    gaps.extend(known);
    let mut tree = Tree::new(applier);
    let mut presence = BTreeMap::new();
    let mut past = Past::new(plugins);
    for (index, layer) in layers.iter().enumerate() {
        let lost = tree.apply(index, layer.facts, plugins);
        let stated = layer.facts.gaps.iter().cloned();
        let own = stated.chain(endless(&lost)).chain(unread_links(&lost));
        gaps.extend(own.map(|gap| gap.in_layer(layer.digest.clone())));
        presence = presence::follow(&tree, layers, index, presence);
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
        databases: plugins.databases(),
        tree,
        files,
        witnesses,
        had_database: past.had_database(),
        remembered: Vec::new(),
        edited: Vec::new(),
        unread: unread_databases(layers),
        layers: instructions::of(config, layers),
    };
    let names = &plugins.tables().jar_names;
    gaps.extend(links::name_files(&mut merged, layers, names));
    listed::name_files(&mut merged, names);
    Laid { merged, past, gaps }
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
        named: Vec::new(),
        is_generated: false,
    })
}
