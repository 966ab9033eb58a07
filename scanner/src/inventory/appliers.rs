//! Who may lay an image's layers over each other, where that decides what it holds.
//!
//! One applier's outcome is enough for an honest image. Where a layer has an entry that readers of
//! archives take differently, or reaches through the layers below it, each that differs takes stock,
//! and the image is taken to hold what any of them leaves behind.

use std::collections::BTreeSet;

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Component, Evidence};

use crate::facts::Reader;
use crate::image::layers::LayerInput;
use crate::image::tree::{Applier, Storage};

/// Gives the appliers beside the usual one that may leave something else behind.
///
/// `departs` tells whether a layer came to something through those below.
pub(super) fn others(layers: &[LayerInput<'_>], departs: bool) -> Vec<Applier> {
    let mut appliers = Vec::new();
    if departs {
        appliers.push(Applier {
            storage: Storage::Apart,
            ..Applier::USUAL
        });
    }
    let mut views = BTreeSet::from([view(layers, Applier::USUAL.reader)]);
    for reader in Reader::ALL {
        if views.insert(view(layers, reader)) {
            appliers.push(Applier {
                reader,
                ..Applier::USUAL
            });
        }
    }
    appliers
}

/// Gives which of the events that readers differ on a reader has, in order.
fn view(layers: &[LayerInput<'_>], reader: Reader) -> Vec<bool> {
    let disputed = layers.iter().flat_map(|layer| &layer.facts.disputed);
    disputed.map(|event| event.readers.has(reader)).collect()
}

/// Adds what another applier leaves behind, and says so where it is something else.
pub(super) fn unite(inventory: &mut Inventory, other: Inventory, applier: Applier) {
    let detail = match applier.storage {
        Storage::Apart => "unpacked apart and joined by an overlay file system, the layers leave",
        Storage::Within => "to some readers of archives the layers leave",
    };
    let say = |what: &str| Gap::partial(GapKind::AmbiguousLayer, format!("{detail} {what}"));
    let more = add(&mut inventory.components, other.components);
    let declared = add(&mut inventory.declared, other.declared);
    if let Some(path) = more.or(declared) {
        inventory.gaps.push(say("other packages behind").at(path));
    }
    inventory.archives.extend(other.archives);
    inventory.archives.sort();
    inventory.archives.dedup();
    if inventory.distro.is_none() {
        inventory.distro = other.distro;
    } else if other.distro.is_some() && other.distro != inventory.distro {
        let gap = say("another operating system behind");
        inventory.gaps.push(Gap { fatal: true, ..gap });
    }
    inventory.gaps.extend(other.gaps);
    inventory.gaps.sort();
    inventory.gaps.dedup();
}

/// Adds the components that are not there; gives the path of the first that one of the two lacks.
///
/// What one applier has removed and another has not is there.
fn add(into: &mut Vec<Component>, other: Vec<Component>) -> Option<String> {
    let is_there = |component: &&Component| component.evidence != Evidence::Historical;
    let key = |component: &Component| (component.path.clone(), component.package.clone());
    let there: BTreeSet<_> = into.iter().filter(is_there).map(key).collect();
    let there_too: BTreeSet<_> = other.iter().filter(is_there).map(key).collect();
    let first = there.symmetric_difference(&there_too).next();
    let first = first.map(|(path, _)| path.clone());
    into.retain(|known| is_there(&known) || !there_too.contains(&key(known)));
    let known: BTreeSet<_> = into.iter().map(key).collect();
    into.extend(other.into_iter().filter(|new| !known.contains(&key(new))));
    into.sort();
    first
}
