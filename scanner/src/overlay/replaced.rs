//! What a layer replaces by files that no analyzer reads, of which it keeps only the hashes of names.
//!
//! A name may lead through links of the tree, `lib/x` to `usr/lib/x`, so everything is looked for
//! under each name that it has through a link to a directory.

use std::collections::BTreeSet;

use super::{Event, LayerFacts, NodeKind, ROOT, Tree, join};
use crate::facts::PathHash;

/// Most links to directories that names are followed through.
const MAX_LINKS: usize = 256;

impl Tree {
    /// Removes what the layer replaced, and all below it.
    pub(super) fn remove_replaced(&mut self, facts: &LayerFacts) {
        let is_replaced = |tree: &Self, child: usize, _: &str| {
            let hash = tree.nodes.get(child).map(|node| node.hash);
            hash.is_some_and(|hash| facts.plain_paths.contains(hash))
        };
        self.remove_below(ROOT, String::new(), is_replaced);
        let is_replaced = |tree: &Self, _: usize, path: &str| {
            tree.spend(path.len());
            facts.plain_paths.contains(PathHash::of(path))
        };
        // A link that the layer replaces leads nowhere for its other names.
        let is_other = |event: &Event| matches!(event, Event::Directory(_) | Event::Symlink { .. });
        let replaced = facts.events.iter().filter(|event| is_other(event));
        let replaced: BTreeSet<&str> = replaced.map(Event::path).collect();
        for link in self.links_to_directories() {
            if replaced.contains(link.as_str()) {
                continue;
            }
            let at = self
                .follow(&link, true)
                .ok()
                .and_then(|real| self.find(&real));
            if let Some(at) = at.filter(|at| *at != ROOT) {
                self.remove_below(at, link, is_replaced);
            }
        }
    }

    /// Removes the nodes below `at`, which is called `path` here, that `is_gone` names.
    fn remove_below(
        &mut self,
        at: usize,
        path: String,
        is_gone: impl Fn(&Self, usize, &str) -> bool,
    ) {
        let mut waiting = vec![(at, path)];
        while let Some((at, path)) = waiting.pop() {
            if self.is_spent() {
                return;
            }
            let Some(NodeKind::Directory(children)) = self.kind(at) else {
                continue;
            };
            let mut gone = Vec::new();
            for (name, child) in children {
                let below = join(&path, name);
                if is_gone(self, *child, &below) {
                    gone.push(name.clone());
                } else {
                    waiting.push((*child, below));
                }
            }
            if let Some(children) = self.children(at) {
                for name in gone {
                    children.remove(&name);
                }
            }
        }
    }

    /// Gives the links that may lead to a directory of the tree: their targets end in the name of
    /// one, or of another such link. Of thousands of links a system has few of these.
    fn links_to_directories(&self) -> Vec<String> {
        let (mut links, mut names) = (Vec::new(), BTreeSet::from(["", ".", ".."]));
        let mut waiting = vec![(ROOT, String::new(), "")];
        while let Some((at, path, name)) = waiting.pop() {
            match self.kind(at) {
                Some(NodeKind::Directory(children)) => {
                    names.insert(name);
                    for (entry, child) in children {
                        waiting.push((*child, join(&path, entry), entry));
                    }
                }
                Some(NodeKind::Symlink(target)) => links.push((path, name, target)),
                Some(NodeKind::File(_)) | None => {}
            }
        }
        let ends_in = |target: &str| {
            target
                .trim_end_matches('/')
                .rsplit('/')
                .next()
                .map(str::to_owned)
        };
        let mut found = Vec::new();
        // A link to a link to a directory is found in the second turn.
        for _ in 0..2 {
            let (known, rest): (Vec<_>, Vec<_>) = links.into_iter().partition(|(_, _, target)| {
                ends_in(target).is_some_and(|end| names.contains(end.as_str()))
            });
            names.extend(known.iter().map(|(_, name, _)| *name));
            found.extend(known.into_iter().map(|(path, _, _)| path));
            links = rest;
        }
        found.sort_by_cached_key(|path| (path.matches('/').count(), path.clone()));
        found.truncate(MAX_LINKS);
        found
    }
}
