//! Which files that fed plugins speak of are in the merged image.
//!
//! They are laid over each other in a tree of their own: directories, links and removals of all
//! layers, and of files only these. So the tree that analyzers' files are judged in is the same with
//! plugins and without.

use std::collections::BTreeSet;

use super::layers::LayerInput;
use super::tree::{Applier, FileRef, Tree};
use crate::facts::{DIRECTORY_ITSELF, Disputed, Event, LayerFacts, ReaderSet, ToldFile};
use crate::plugin_set::PluginSet;

/// A file of the merged image that plugins speak of.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct PresentFile {
    /// Where it is in the merged image.
    pub(crate) path: String,
    /// Which layer has it.
    pub(crate) layer: usize,
    /// Which of what the layer was told speaks of it: the first, and the one after the last.
    pub(crate) told: (usize, usize),
}

/// Gives the files that are there as `applier` lays the layers, and whether those that unpack layers
/// apart may leave something else. What cannot be placed counts as there.
pub(crate) fn present(
    applier: Applier,
    layers: &[LayerInput<'_>],
    plugins: &PluginSet,
) -> (BTreeSet<PresentFile>, bool) {
    let mut tree = Tree::new(applier);
    let mut present = BTreeSet::new();
    let shadows: Vec<Shadow> = layers.iter().map(|layer| Shadow::of(layer.facts)).collect();
    for (layer, shadow) in shadows.iter().enumerate() {
        let lost = if tree.is_spent() {
            shadow.paths().map(str::to_owned).collect()
        } else {
            tree.apply(layer, &shadow.facts, plugins).endless
        };
        let lost: BTreeSet<String> = lost.into_iter().collect();
        let files = shadow.files.iter().filter(|file| lost.contains(&file.path));
        present.extend(files.map(|file| file.present(file.path.clone(), layer)));
    }
    let named = tree.files().into_iter();
    let named = named.filter_map(|(path, FileRef { layer, event })| {
        let shadow = shadows.get(layer)?;
        let at = shadow.files.partition_point(|file| file.event < event);
        let file = shadow.files.get(at).filter(|file| file.event == event)?;
        Some(file.present(path, layer))
    });
    present.extend(named);
    (present, tree.departs())
}

/// Gives what was told of files that are not among those that are there, with the place of their layer: a
/// later one replaces or removes them.
pub(crate) fn hidden<'a>(
    present: &BTreeSet<PresentFile>,
    layers: &[LayerInput<'a>],
) -> Vec<(usize, &'a ToldFile)> {
    let there = present.iter().map(|file| (file.layer, file.told));
    let there: BTreeSet<(usize, (usize, usize))> = there.collect();
    let is_there = |layer: usize, told: usize| {
        let up_to = (layer, (told, usize::MAX));
        let before = there.range(..=up_to).next_back();
        before.is_some_and(|(of, (_, end))| *of == layer && told < *end)
    };
    let mut hidden = Vec::new();
    for (at, layer) in layers.iter().enumerate() {
        let facts: &'a LayerFacts = layer.facts;
        let told = facts.told.iter().enumerate();
        let gone = told.filter(|(number, _)| !is_there(at, *number));
        hidden.extend(gone.map(|(_, file)| (at, file)));
    }
    hidden
}

/// Gives paths of directories without the links on their ways, as the layers leave them; those whose links
/// never end as they are.
pub(crate) fn resolved(
    layers: &[LayerInput<'_>],
    plugins: &PluginSet,
    paths: &[String],
) -> Vec<String> {
    let mut tree = Tree::new(Applier::USUAL);
    for (layer, input) in layers.iter().enumerate() {
        tree.apply(layer, &Shadow::of(input.facts).facts, plugins);
    }
    let resolved = paths.iter().map(|path| {
        let inside = tree.resolve(&format!("{path}{DIRECTORY_ITSELF}"));
        let directory = inside.ok();
        let directory =
            directory.and_then(|it| it.strip_suffix(DIRECTORY_ITSELF).map(str::to_owned));
        directory.unwrap_or_else(|| path.clone())
    });
    resolved.collect()
}

/// A layer, of whose files only those are left that plugins speak of.
struct Shadow {
    facts: LayerFacts,
    /// In the order of their events.
    files: Vec<ShadowFile>,
}

struct ShadowFile {
    path: String,
    event: usize,
    told: (usize, usize),
}

impl ShadowFile {
    fn present(&self, path: String, layer: usize) -> PresentFile {
        PresentFile {
            path,
            layer,
            told: self.told,
        }
    }
}

impl Shadow {
    fn of(facts: &LayerFacts) -> Self {
        let mut shadow = Self {
            facts: LayerFacts {
                plain_paths: facts.plain_paths.clone(),
                ..LayerFacts::default()
            },
            files: Vec::new(),
        };
        let mut disputed = facts.disputed.iter().peekable();
        let mut next = 0;
        for (index, event) in facts.events.iter().enumerate() {
            next = shadow.take_told(facts, next, index);
            let own = disputed.next_if(|disputed| disputed.event == index);
            if !matches!(event, Event::File(_) | Event::Witness(_)) {
                let readers = own.map_or(ReaderSet::ALL, |own| own.readers);
                shadow.push(event.clone(), readers);
            }
        }
        shadow.take_told(facts, next, usize::MAX);
        shadow
    }

    /// Takes in what was told of files before an event, from a place among all that was told; gives
    /// the next place.
    fn take_told(&mut self, facts: &LayerFacts, from: usize, before: usize) -> usize {
        let mut next = from;
        while let Some(told) = facts.told.get(next).filter(|told| told.after <= before) {
            let is_same = |other: &&ToldFile| {
                (other.entry, other.readers, &other.path) == (told.entry, told.readers, &told.path)
            };
            let same = facts.told.iter().skip(next).take_while(is_same).count();
            self.files.push(ShadowFile {
                path: told.path.clone(),
                event: self.facts.events.len(),
                told: (next, next + same),
            });
            self.push(Event::Witness(told.path.clone()), told.readers);
            next += same;
        }
        next
    }

    fn push(&mut self, event: Event, readers: ReaderSet) {
        if readers != ReaderSet::ALL {
            self.facts.disputed.push(Disputed {
                event: self.facts.events.len(),
                readers,
            });
        }
        self.facts.events.push(event);
    }

    fn paths(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|file| file.path.as_str())
    }
}
