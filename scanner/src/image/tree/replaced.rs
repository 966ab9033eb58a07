//! What a layer replaces by files that no analyzer reads, of which it keeps only the hashes of names.
//!
//! A name may lead through links of the tree, `lib/x` to `usr/lib/x`, so everything is looked for
//! under each name that it has through a link to a directory.

use std::collections::BTreeSet;

use super::{LayerFacts, NodeKind, ROOT, Tree, join};
use crate::facts::PathHash;

/// Most links to directories that names are followed through.
const MAX_LINKS: usize = 256;

impl Tree {
    /// Removes what the layer replaced, and all below it; gives the links to directories that may
    /// have led it to more, each with where it leads.
    pub(super) fn remove_replaced(&mut self, facts: &LayerFacts) -> Vec<(String, Vec<String>)> {
        if facts.plain_paths.is_empty() {
            return Vec::new();
        }
        // A link leads what the layer has below it until the layer replaces it, so links go last.
        self.remove_named(facts, self.nodes.len(), |kind| {
            !matches!(kind, NodeKind::Symlink(_))
        });
        let links = self.links_to_directories().into_iter();
        let leads = |link: String| Some((self.follow(&link, true).ok()?, link));
        let below_root = links.filter_map(leads).filter(|(real, _)| !real.is_empty());
        below_root.map(|(real, link)| (link, real)).collect()
    }

    /// Removes the links that the layer replaced, once it has come through them.
    pub(super) fn remove_replaced_links(&mut self, facts: &LayerFacts, own: usize) {
        self.remove_named(facts, own, |kind| matches!(kind, NodeKind::Symlink(_)));
    }

    /// Removes what is asked for of what lies at the very paths that the layer replaced, and all
    /// below it.
    pub(super) fn remove_named(
        &mut self,
        facts: &LayerFacts,
        own: usize,
        is_asked: impl Fn(&NodeKind) -> bool,
    ) {
        if facts.plain_paths.is_empty() {
            return;
        }
        self.remove_below(&[], String::new(), own, |tree, child, _| {
            let node = tree.nodes.get(child);
            node.is_some_and(|node| is_asked(&node.kind) && facts.plain_paths.contains(node.hash))
        });
    }

    /// Removes what the layer replaced through these links, where they lead as they did before it.
    ///
    /// What it wrote through a link before or after it changed that link cannot be told apart, so
    /// all of it stays.
    pub(super) fn remove_replaced_through(
        &mut self,
        links: Vec<(String, Vec<String>)>,
        facts: &LayerFacts,
        own: usize,
    ) {
        for (link, real) in links {
            let components: Vec<String> = link.split('/').map(str::to_owned).collect();
            let is_older = self.find(&components).is_some_and(|node| node < own);
            if is_older && self.follow(&link, true) == Ok(real.clone()) {
                self.remove_below(&real, link, own, |tree, _, path| {
                    tree.spend(path.len());
                    let is_gone = facts.plain_paths.contains(PathHash::of(path));
                    tree.departs.set(tree.departs.get() || is_gone);
                    is_gone
                });
            }
        }
    }

    /// Removes the nodes below `at`, which is called `path` here, that `is_gone` names.
    fn remove_below(
        &mut self,
        at: &[String],
        path: String,
        own: usize,
        is_gone: impl Fn(&Self, usize, &str) -> bool,
    ) {
        let mut waiting: Vec<_> = self.find(at).map(|at| (at, path)).into_iter().collect();
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
                    gone.push((at, name.clone(), *child));
                } else {
                    waiting.push((*child, below));
                }
            }
            self.remove_nodes(gone, own);
        }
    }

    /// Removes what lies at a path and below it, except what was made since there were `own` nodes.
    pub(super) fn remove_older(&mut self, path: &[String], own: usize) {
        let Some((name, parent)) = path.split_last() else {
            return self.empty_older(path, own);
        };
        if let Some(parent) = self.find(parent)
            && let Some(child) = self.child(parent, name)
        {
            self.remove_nodes(vec![(parent, name.as_str().into(), child)], own);
        }
    }

    /// Removes what lies below a path, except what was made since there were `own` nodes.
    pub(super) fn empty_older(&mut self, path: &[String], own: usize) {
        let Some(at) = self.find(path) else { return };
        if let Some(NodeKind::Directory(children)) = self.kind(at) {
            let children = children.iter();
            let gone = children.map(|(name, child)| (at, name.clone(), *child));
            self.remove_nodes(gone.collect(), own);
        }
    }

    /// Removes nodes, each given by parent, name and itself, and what is below them.
    fn remove_nodes(&mut self, mut waiting: Vec<(usize, Box<str>, usize)>, own: usize) {
        let mut nodes = Vec::new();
        while let Some((parent, name, child)) = waiting.pop() {
            self.spend(1);
            if self.is_spent() {
                return;
            }
            // Without a node of its own the layer has nothing to be spared.
            if let Some(NodeKind::Directory(children)) = self.kind(child)
                && self.nodes.len() > own
                && child < own
            {
                let children = children.iter();
                waiting.extend(children.map(|(name, below)| (child, name.clone(), *below)));
            }
            nodes.push((parent, name, child));
        }
        let mut kept = BTreeSet::new();
        // Children come after their parents, so in reverse before them.
        for (parent, name, child) in nodes.into_iter().rev() {
            if child >= own || kept.contains(&child) {
                kept.insert(parent);
            } else if let Some(children) = self.children(parent) {
                children.remove(&name);
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
