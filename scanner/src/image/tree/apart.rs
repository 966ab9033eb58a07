//! A layer as overlay file systems have it: unpacked where nothing else is, then joined to those below.
//!
//! What the layer names through a link of a lower layer it has in a directory of its own, which
//! hides the link and spares what the link leads to. A mark that empties the root empties nothing.
//!
//! Source: Linux, `Documentation/filesystems/overlayfs.rst`; containers/storage, `drivers/overlay`.

use super::{Event, FileRef, LayerFacts, Lost, NodeKind, PluginSet, ROOT, Tree};

/// A layer unpacked alone, with what it takes away.
struct Upper {
    tree: Tree,
    removed: Vec<Vec<String>>,
    emptied: Vec<Vec<String>>,
    lost: Lost,
}

impl Tree {
    /// Joins a layer to the tree.
    pub(super) fn apply_apart(
        &mut self,
        layer: usize,
        facts: &LayerFacts,
        plugins: &PluginSet,
    ) -> Lost {
        self.remove_named(facts, self.nodes.len(), |_| true);
        let upper = self.unpack_alone(layer, facts, plugins);
        self.spend_all_of(&upper.tree);
        for path in upper.removed {
            if upper.tree.find(&path).is_none() {
                self.make_parents(&path);
                self.remove(&path);
            }
        }
        for path in upper.emptied {
            // Overlay joins the roots of all layers, whatever they are marked as.
            if !path.is_empty() {
                self.make_directory(&path);
                self.empty(&path);
            }
        }
        let mut waiting = vec![(ROOT, Vec::new())];
        while let Some((at, path)) = waiting.pop() {
            if self.is_spent() {
                break;
            }
            match upper.tree.kind(at) {
                Some(NodeKind::Directory(children)) => {
                    self.make_directory(&path);
                    for (name, child) in children {
                        let below = [path.as_slice(), &[name.to_string()]].concat();
                        waiting.push((*child, below));
                    }
                }
                Some(NodeKind::File(file)) => self.insert(&path, NodeKind::File(*file)),
                Some(NodeKind::Symlink(target)) => {
                    self.insert(&path, NodeKind::Symlink(target.clone()));
                }
                None => {}
            }
        }
        upper.lost
    }

    fn unpack_alone(&self, layer: usize, facts: &LayerFacts, plugins: &PluginSet) -> Upper {
        let mut upper = Upper {
            tree: Self::new(self.applier),
            removed: Vec::new(),
            emptied: Vec::new(),
            lost: Lost::default(),
        };
        upper.tree.spend_all_of(self);
        for (index, event) in self.events(facts) {
            let file = FileRef {
                layer,
                event: index,
            };
            let placed = match event {
                Event::Whiteout { ambiguous, path } => upper.tree.locate(path).map(|at| {
                    if !ambiguous {
                        upper.removed.push(at);
                    }
                }),
                Event::Opaque(path) => {
                    let at = upper.tree.follow(path, true);
                    at.map(|at| upper.emptied.push(at))
                }
                Event::Directory(path) => {
                    let at = upper.tree.locate(path);
                    at.map(|at| upper.tree.make_directory(&at))
                }
                // A hard link to a file of a lower layer cannot be made.
                _ => upper.tree.place(event, file, None, plugins).map(|_| ()),
            };
            if placed.is_err() {
                upper.lost.endless.push(event.path().to_owned());
            }
        }
        upper
    }

    /// Makes the directories above a path, in the place of whatever else is there.
    fn make_parents(&mut self, path: &[String]) {
        if let Some((_, parents)) = path.split_last() {
            self.make_directory(parents);
        }
    }

    /// Makes a directory and those above it, in the place of whatever else is there.
    fn make_directory(&mut self, path: &[String]) {
        let mut at = ROOT;
        for (depth, name) in path.iter().enumerate() {
            let prefix = path.get(..=depth).unwrap_or_default();
            at = self.directory(at, name, prefix);
        }
    }

    /// Counts the work that was done on another tree for this one.
    fn spend_all_of(&self, other: &Self) {
        self.work.set(self.work.get().max(other.work.get()));
    }
}
