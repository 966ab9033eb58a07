//! Keeps the digests of an image's files, so that lists of malicious ones can be asked about it later.
//!
//! Files that later layers hide are kept as well: whoever has the image has them.

use std::collections::{BTreeMap, BTreeSet};

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::hashed::{HashedFile, HashedLayer};
use sluicegate_model::inventory::Inventory;
use sluicegate_model::weakness::MALWARE;

use crate::facts::ToldFile;
use crate::image::layers::LayerInput;
use crate::image::told::PresentFile;
use crate::path;

/// Most files of one image whose digests are kept.
const MAX_FILES: usize = 400_000;

/// The files of an image that have digests, as they are collected.
#[derive(Default)]
pub(super) struct Hashes {
    /// By the place of their layer.
    layers: BTreeMap<usize, BTreeSet<HashedFile>>,
    kept: usize,
    left_out: u64,
}

impl Hashes {
    /// Takes the files that are in the merged image, and those that later layers hide.
    pub(super) fn of(
        present: &BTreeSet<PresentFile>,
        hidden: &[(usize, &ToldFile)],
        layers: &[LayerInput<'_>],
    ) -> Self {
        let mut hashes = Self::default();
        for PresentFile { path, layer, told } in present {
            let (first, end) = *told;
            let input = layers.get(*layer);
            let told = input.and_then(|input| input.facts.told.get(first..end));
            for file in told.unwrap_or_default() {
                hashes.take(*layer, path, file, false);
            }
        }
        for (layer, file) in hidden {
            hashes.take(*layer, &file.path, file, true);
        }
        hashes
    }

    fn take(&mut self, layer: usize, path: &str, file: &ToldFile, is_hidden: bool) {
        let Some(sha256) = file.told.sha256 else {
            return;
        };
        if self.kept >= MAX_FILES {
            self.left_out += 1;
            return;
        }
        let hashed = HashedFile {
            path: path::shown(path).into(),
            sha256,
            is_hidden,
        };
        let is_new = self.layers.entry(layer).or_default().insert(hashed);
        self.kept += usize::from(is_new);
    }

    /// Puts them into an inventory.
    pub(super) fn add_to(self, inventory: &mut Inventory, layers: &[LayerInput<'_>]) {
        if self.left_out > 0 {
            let detail = format!(
                "detector {MALWARE} keeps the digests of {MAX_FILES} files of an image: those of {} more are \
                 not looked up",
                self.left_out
            );
            let gap = Gap::partial(GapKind::PluginFailed, detail);
            inventory.gaps.push(gap);
        }
        let kept = self.layers.into_iter();
        inventory.hashed.extend(kept.filter_map(|(layer, files)| {
            Some(HashedLayer {
                layer: layers.get(layer)?.digest.clone(),
                files: files.into_iter().collect(),
            })
        }));
    }
}
