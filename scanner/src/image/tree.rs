//! The merged tree: links and read files of all layers so far, as a runtime would lay them out.
//!
//! Only what bears on packages is in it: files that an analyzer read, symbolic links, and the
//! directories above them. Parents are resolved through the links of the tree itself, clamped to
//! the root; the last component never is. `stack.rs` applies layers to it.
//!
//! Source: OCI image-spec, layer.md; containerd, archive semantics.

use std::cell::Cell;
use std::collections::BTreeMap;

use crate::facts::{Event, LayerFacts, PathHash, Reader};
use crate::plugin_set::PluginSet;

mod apart;
mod replaced;

/// Most links followed for one path, as in Linux.
const MAX_LINKS: u32 = 40;

/// Most components walked for one path: `PATH_MAX` bytes of one-letter names, a few links over.
const MAX_STEPS: u32 = 16_384;

/// Most links to directories that are listed, those nearest to the root first.
const MAX_DIRECTORY_LINKS: usize = 4_096;

/// Most steps taken to lay all layers of one image over each other.
///
/// A step is a component of a path, or a few bytes of memory. 127 layers, the most that Docker
/// builds, of 100,000 files that are followed take 100 million.
pub(crate) const MAX_WORK: u64 = 200_000_000;

/// What it costs to make a node, in steps, so that a tree has at most 780,000 of them.
const NODE_WORK: usize = 256;

/// A file of a layer, by the positions of layer and event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FileRef {
    pub(crate) layer: usize,
    pub(crate) event: usize,
}

/// A path whose links never end, or for which no work is left.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinkLoop;

/// What of a layer could not be laid over the tree.
#[derive(Debug, Default)]
pub(crate) struct Lost {
    /// Paths whose links never end.
    pub(crate) endless: Vec<String>,
    /// Hard links that an analyzer claims by their name, to files that it did not read.
    pub(crate) unread_links: Vec<String>,
}

/// Who lays layers over each other, which decides what is left behind where a layer is made so.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Applier {
    /// Whose reading of archives counts.
    pub(crate) reader: Reader,
    pub(crate) storage: Storage,
}

/// How a layer meets those below it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Storage {
    /// It is unpacked into what they left, as by podman's `vfs` and by umoci.
    Within,
    /// It is unpacked apart from them and joined to them by an overlay file system.
    Apart,
}

impl Applier {
    /// The one whose outcome is told first.
    pub(crate) const USUAL: Self = Self {
        reader: Reader::Go,
        storage: Storage::Within,
    };
}

/// The merged tree.
pub(crate) struct Tree {
    applier: Applier,
    nodes: Vec<Node>,
    /// How many nodes there were before the layer that is being laid over them.
    older: Cell<usize>,
    /// Whether a layer came to something through the layers below, which unpacked apart it does not.
    departs: Cell<bool>,
    /// How many steps were taken.
    work: Cell<u64>,
}

struct Node {
    hash: PathHash,
    kind: NodeKind,
}

enum NodeKind {
    Directory(BTreeMap<Box<str>, usize>),
    Symlink(Box<str>),
    File(FileRef),
}

const ROOT: usize = 0;

impl Tree {
    pub(crate) fn new(applier: Applier) -> Self {
        let root = Node {
            hash: PathHash::of(""),
            kind: NodeKind::Directory(BTreeMap::new()),
        };
        Self {
            applier,
            nodes: vec![root],
            older: Cell::new(0),
            departs: Cell::new(false),
            work: Cell::new(0),
        }
    }

    /// Gives who lays the layers over each other here.
    pub(crate) fn applier(&self) -> Applier {
        self.applier
    }

    /// Tells whether layers that are unpacked apart may leave something else.
    pub(crate) fn departs(&self) -> bool {
        self.departs.get()
    }

    /// Gives the events of a layer as they are to whom the tree is.
    fn events<'f>(
        &self,
        facts: &'f LayerFacts,
    ) -> impl Iterator<Item = (usize, &'f Event)> + use<'f> {
        let reader = self.applier.reader;
        let events = facts.events.iter().enumerate();
        events.filter(move |(index, _)| facts.is_read_by(*index, reader))
    }

    /// Tells whether all work that an image is worth was done.
    pub(crate) fn is_spent(&self) -> bool {
        self.work.get() > MAX_WORK
    }

    /// Counts work.
    pub(crate) fn spend(&self, steps: usize) {
        let steps = u64::try_from(steps).unwrap_or(u64::MAX);
        self.work.set(self.work.get().saturating_add(steps));
    }

    /// Lays a layer over the tree, in the order of its entries, as links that it makes count for
    /// those after them. Whatever it removes is of the layers below.
    pub(crate) fn apply(&mut self, layer: usize, facts: &LayerFacts, plugins: &PluginSet) -> Lost {
        if self.applier.storage == Storage::Apart {
            return self.apply_apart(layer, facts, plugins);
        }
        let mut lost = Lost::default();
        let own = self.nodes.len();
        let mut lower = self.link_targets(facts);
        let links = self.remove_replaced(facts);
        self.older.set(own);
        for (index, event) in self.events(facts) {
            let file = FileRef {
                layer,
                event: index,
            };
            let placed = match event {
                Event::Whiteout { ambiguous, path } => self.locate(path).map(|at| {
                    if !ambiguous {
                        self.remove_older(&at, own);
                    }
                    true
                }),
                Event::Opaque(path) => self.follow(path, true).map(|at| {
                    let is_root = at.is_empty() && own > 1;
                    self.departs.set(self.departs.get() || is_root);
                    self.empty_older(&at, own);
                    true
                }),
                _ => self.place(event, file, lower.remove(&index), plugins),
            };
            match placed {
                Ok(true) => {}
                Ok(false) => lost.unread_links.push(event.path().to_owned()),
                Err(LinkLoop) => lost.endless.push(event.path().to_owned()),
            }
        }
        self.older.set(0);
        self.remove_replaced_through(links, facts, own);
        self.remove_replaced_links(facts, own);
        lost
    }

    /// Gives every file, ordered by path.
    pub(crate) fn files(&self) -> Vec<(String, FileRef)> {
        let mut files = Vec::new();
        self.visit(|path, node| {
            if let NodeKind::File(file) = node {
                files.push((path, *file));
            }
        });
        files.sort();
        files
    }

    /// Gives the paths of all symbolic links, in order.
    pub(crate) fn links(&self) -> Vec<String> {
        let mut links = Vec::new();
        self.visit(|path, node| {
            self.spend(1);
            if matches!(node, NodeKind::Symlink(_)) {
                links.push(path);
            }
        });
        links.sort_unstable();
        links
    }

    /// Hands every path to `take` with what is there.
    fn visit(&self, mut take: impl FnMut(String, &NodeKind)) {
        let mut waiting = vec![(ROOT, String::new())];
        while let Some((at, path)) = waiting.pop() {
            let Some(node) = self.kind(at) else {
                continue;
            };
            if let NodeKind::Directory(children) = node {
                let below = children.iter();
                waiting.extend(below.map(|(name, child)| (*child, join(&path, name))));
            }
            take(path, node);
        }
    }

    /// Gives the file at a path, followed through all links, or the files right in the directory
    /// there.
    pub(crate) fn files_at(&self, path: &str) -> Vec<FileRef> {
        let node = self
            .follow(path, true)
            .ok()
            .and_then(|real| self.find(&real));
        let file = |node: usize| match self.kind(node)? {
            NodeKind::File(file) => Some(*file),
            NodeKind::Directory(_) | NodeKind::Symlink(_) => None,
        };
        match node.and_then(|node| self.kind(node)) {
            Some(NodeKind::File(found)) => vec![*found],
            Some(NodeKind::Directory(children)) => {
                children.values().filter_map(|child| file(*child)).collect()
            }
            Some(NodeKind::Symlink(_)) | None => Vec::new(),
        }
    }

    /// Follows a path through all links, the last one included.
    pub(crate) fn resolve(&self, path: &str) -> Result<String, LinkLoop> {
        self.follow(path, true)
            .map(|components| components.join("/"))
    }

    /// Tells whether a file lies at exactly this path, no link followed.
    pub(crate) fn has_file(&self, path: &str) -> bool {
        let components: Vec<String> = path.split('/').map(str::to_owned).collect();
        let node = self.find(&components);
        matches!(
            node.and_then(|node| self.kind(node)),
            Some(NodeKind::File(_))
        )
    }

    /// Gives the links that lead to directories of the tree, each with where it leads.
    pub(crate) fn directory_links(&self) -> Vec<(String, String)> {
        let mut links = Vec::new();
        let mut waiting = vec![(ROOT, String::new())];
        while let Some((at, path)) = waiting.pop() {
            match self.kind(at) {
                Some(NodeKind::Symlink(_)) => links.push(path),
                Some(NodeKind::Directory(children)) => waiting.extend(
                    children
                        .iter()
                        .map(|(name, child)| (*child, join(&path, name))),
                ),
                Some(NodeKind::File(_)) | None => {}
            }
        }
        links.sort_by_cached_key(|path| (path.matches('/').count(), path.clone()));
        let directory = |link: String| {
            let real = self.follow(&link, true).ok()?;
            let kind = self.find(&real).and_then(|node| self.kind(node));
            let is_below_root = !real.is_empty() && matches!(kind, Some(NodeKind::Directory(_)));
            is_below_root.then(|| (link, real.join("/")))
        };
        let shallow = links.into_iter().take(MAX_DIRECTORY_LINKS);
        shallow.filter_map(directory).collect()
    }

    /// Gives what hard links of a layer share with the layers below, before it removes any of that.
    ///
    /// A link made before its target is replaced keeps the content; which came first is not known.
    fn link_targets(&self, facts: &LayerFacts) -> BTreeMap<usize, NodeKind> {
        let shared = |(index, event): (usize, &Event)| {
            let Event::Hardlink { target, .. } = event else {
                return None;
            };
            let at = self.locate(target).ok()?;
            Some((index, self.shared(&at)?))
        };
        self.events(facts).filter_map(shared).collect()
    }

    /// Gives what a hard link to this path would be.
    fn shared(&self, path: &[String]) -> Option<NodeKind> {
        match self.kind(self.find(path)?)? {
            NodeKind::File(file) => Some(NodeKind::File(*file)),
            NodeKind::Symlink(target) => Some(NodeKind::Symlink(target.clone())),
            NodeKind::Directory(_) => None,
        }
    }

    /// Places an event; tells whether what an analyzer would read of it was read.
    ///
    /// `lower` is what a hard link shared with the layers below, if anything.
    fn place(
        &mut self,
        event: &Event,
        file: FileRef,
        lower: Option<NodeKind>,
        plugins: &PluginSet,
    ) -> Result<bool, LinkLoop> {
        match event {
            Event::Directory(path) => {
                let at = self.locate(path)?;
                let is_directory = self
                    .find(&at)
                    .is_none_or(|node| matches!(self.kind(node), Some(NodeKind::Directory(_))));
                if !is_directory {
                    self.remove(&at);
                }
            }
            Event::Symlink { path, target } => {
                let at = self.locate(path)?;
                self.insert(&at, NodeKind::Symlink(target.as_str().into()));
            }
            Event::Hardlink { path, target } => {
                let from = self.locate(target)?;
                let at = self.locate(path)?;
                let Some(kind) = self.shared(&from).or(lower) else {
                    self.remove(&at);
                    return Ok(plugins.by_path(path).is_empty());
                };
                self.insert(&at, kind);
            }
            Event::File(_) | Event::Witness(_) => {
                let at = self.locate(event.path())?;
                self.insert(&at, NodeKind::File(file));
            }
            Event::Whiteout { .. } | Event::Opaque(_) => {}
        }
        Ok(true)
    }

    /// Resolves the parents of a path, but not its last component.
    fn locate(&self, path: &str) -> Result<Vec<String>, LinkLoop> {
        self.follow(path, false)
    }

    fn follow(&self, path: &str, last_too: bool) -> Result<Vec<String>, LinkLoop> {
        let mut waiting: Vec<&str> = path.rsplit('/').collect();
        // Each component with its node, where there is one.
        let mut at: Vec<(&str, Option<usize>)> = Vec::new();
        let (mut links, mut steps) = (0, 0);
        while let Some(name) = waiting.pop() {
            steps += 1;
            self.spend(1);
            if steps > MAX_STEPS || self.is_spent() {
                return Err(LinkLoop);
            }
            if matches!(name, "" | ".") {
                continue;
            }
            if name == ".." {
                at.pop();
                continue;
            }
            let parent = at.last().map_or(Some(ROOT), |(_, node)| *node);
            let node = parent.and_then(|parent| self.child(parent, name));
            at.push((name, node));
            if waiting.is_empty() && !last_too {
                break;
            }
            let Some(NodeKind::Symlink(target)) = node.and_then(|node| self.kind(node)) else {
                continue;
            };
            let is_older = node.is_some_and(|node| node < self.older.get());
            self.departs.set(self.departs.get() || is_older);
            links += 1;
            if links > MAX_LINKS {
                return Err(LinkLoop);
            }
            at.pop();
            if target.starts_with('/') {
                at.clear();
            }
            waiting.extend(target.rsplit('/'));
        }
        Ok(at.into_iter().map(|(name, _)| name.to_owned()).collect())
    }

    fn find(&self, path: &[String]) -> Option<usize> {
        path.iter()
            .try_fold(ROOT, |at, name| self.child(at, name.as_str()))
    }

    fn child(&self, at: usize, name: &str) -> Option<usize> {
        match self.kind(at)? {
            NodeKind::Directory(children) => children.get(name).copied(),
            NodeKind::Symlink(_) | NodeKind::File(_) => None,
        }
    }

    fn kind(&self, at: usize) -> Option<&NodeKind> {
        self.nodes.get(at).map(|node| &node.kind)
    }

    fn remove(&mut self, path: &[String]) {
        let Some((name, parent)) = path.split_last() else {
            return self.empty(path);
        };
        if let Some(children) = self.find(parent).and_then(|at| self.children(at)) {
            children.remove(name.as_str());
        }
    }

    fn empty(&mut self, path: &[String]) {
        if let Some(at) = self.find(path)
            && let Some(children) = self.children(at)
        {
            children.clear();
        }
    }

    fn insert(&mut self, path: &[String], kind: NodeKind) {
        let Some((name, parents)) = path.split_last() else {
            return;
        };
        let mut at = ROOT;
        for (depth, parent) in parents.iter().enumerate() {
            let prefix = path.get(..=depth).unwrap_or_default();
            at = self.directory(at, parent, prefix);
        }
        let node = self.make(path, kind);
        if let Some(children) = self.children(at) {
            children.insert(name.as_str().into(), node);
        }
    }

    /// Gives a child directory, made if something else or nothing is there.
    fn directory(&mut self, at: usize, name: &str, path: &[String]) -> usize {
        let present = self
            .children(at)
            .and_then(|children| children.get(name).copied());
        if let Some(child) = present
            && matches!(self.kind(child), Some(NodeKind::Directory(_)))
        {
            return child;
        }
        let child = self.make(path, NodeKind::Directory(BTreeMap::new()));
        if let Some(children) = self.children(at) {
            children.insert(name.into(), child);
        }
        child
    }

    fn make(&mut self, path: &[String], kind: NodeKind) -> usize {
        let path = path.join("/");
        self.spend(NODE_WORK + path.len() / 2);
        let hash = PathHash::of(&path);
        self.nodes.push(Node { hash, kind });
        self.nodes.len() - 1
    }

    fn children(&mut self, at: usize) -> Option<&mut BTreeMap<Box<str>, usize>> {
        match self.nodes.get_mut(at).map(|node| &mut node.kind) {
            Some(NodeKind::Directory(children)) => Some(children),
            _ => None,
        }
    }
}

fn join(dir: &str, name: &str) -> String {
    if dir.is_empty() {
        name.to_owned()
    } else {
        format!("{dir}/{name}")
    }
}

#[cfg(test)]
mod tests;
