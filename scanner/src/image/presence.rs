//! Since which layer each package has been there without a break.

use std::collections::BTreeMap;

use super::layers::{LayerInput, packages};
use super::tree::{FileRef, Tree};
use crate::facts::FoundPackage;

/// A file that is there after a layer, and since which layer each of its packages is.
pub(crate) struct Presence {
    pub(crate) file: FileRef,
    pub(crate) since: Vec<usize>,
}

/// Carries presence over to the next layer.
pub(crate) fn follow(
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
