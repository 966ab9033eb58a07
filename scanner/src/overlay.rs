//! The merged tree: links and read files of all layers so far, as a runtime would lay them out.
//!
//! Only what bears on packages is in it: files that an analyzer read, symbolic links, and the
//! directories above them. Parents are resolved through the links of the tree itself, clamped to
//! the root; the last component never is. `merge.rs` applies layers to it.
//!
//! Source: OCI image-spec, layer.md; containerd, archive semantics.

use std::collections::BTreeMap;

use crate::facts::{Event, LayerFacts, PathHash};

/// Most links followed for one path, as in Linux.
const MAX_LINKS: u32 = 40;

/// Most components walked for one path: `PATH_MAX` bytes of one-letter names, a few links over.
const MAX_STEPS: u32 = 16_384;

/// A file of a layer, by the positions of layer and event.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub(crate) struct FileRef {
    pub(crate) layer: usize,
    pub(crate) event: usize,
}

/// A path whose links never end.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct LinkLoop;

/// The merged tree.
pub(crate) struct Tree {
    nodes: Vec<Node>,
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
    pub(crate) fn new() -> Self {
        let root = Node {
            hash: PathHash::of(""),
            kind: NodeKind::Directory(BTreeMap::new()),
        };
        Self { nodes: vec![root] }
    }

    /// Lays a layer over the tree; gives the paths that could not be resolved.
    pub(crate) fn apply(&mut self, layer: usize, facts: &LayerFacts) -> Vec<String> {
        let mut lost = Vec::new();
        for event in &facts.events {
            let removed = match event {
                Event::Whiteout {
                    path,
                    ambiguous: false,
                } => self.locate(path).map(|at| self.remove(&at)),
                Event::Opaque(path) => self.locate(path).map(|at| self.empty(&at)),
                _ => Ok(()),
            };
            if removed.is_err() {
                lost.push(event.path().to_owned());
            }
        }
        if !facts.plain_paths.is_empty() {
            self.remove_replaced(facts);
        }
        for (index, event) in facts.events.iter().enumerate() {
            let file = FileRef {
                layer,
                event: index,
            };
            if self.place(event, file).is_err() {
                lost.push(event.path().to_owned());
            }
        }
        lost
    }

    /// Gives every file, ordered by path.
    pub(crate) fn files(&self) -> Vec<(String, FileRef)> {
        let mut files = Vec::new();
        let mut waiting = vec![(ROOT, String::new())];
        while let Some((at, path)) = waiting.pop() {
            match self.nodes.get(at).map(|node| &node.kind) {
                Some(NodeKind::File(file)) => files.push((path, *file)),
                Some(NodeKind::Directory(children)) => {
                    waiting.extend(
                        children
                            .iter()
                            .map(|(name, child)| (*child, join(&path, name))),
                    );
                }
                Some(NodeKind::Symlink(_)) | None => {}
            }
        }
        files.sort();
        files
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

    fn place(&mut self, event: &Event, file: FileRef) -> Result<(), LinkLoop> {
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
                let shared = self.find(&from).and_then(|node| match self.kind(node)? {
                    NodeKind::File(file) => Some(NodeKind::File(*file)),
                    NodeKind::Symlink(target) => Some(NodeKind::Symlink(target.clone())),
                    NodeKind::Directory(_) => None,
                });
                match shared {
                    Some(kind) => self.insert(&at, kind),
                    None => self.remove(&at),
                }
            }
            Event::File(facts) => {
                let at = self.locate(&facts.path)?;
                self.insert(&at, NodeKind::File(file));
            }
            Event::Whiteout { .. } | Event::Opaque(_) => {}
        }
        Ok(())
    }

    /// Resolves the parents of a path, but not its last component.
    fn locate(&self, path: &str) -> Result<Vec<String>, LinkLoop> {
        self.follow(path, false)
    }

    fn follow(&self, path: &str, last_too: bool) -> Result<Vec<String>, LinkLoop> {
        let mut waiting: Vec<String> = path.rsplit('/').map(str::to_owned).collect();
        let mut at: Vec<String> = Vec::new();
        let (mut links, mut steps) = (0, 0);
        while let Some(name) = waiting.pop() {
            steps += 1;
            if steps > MAX_STEPS {
                return Err(LinkLoop);
            }
            match name.as_str() {
                "" | "." => continue,
                ".." => {
                    at.pop();
                    continue;
                }
                _ => at.push(name),
            }
            if waiting.is_empty() && !last_too {
                break;
            }
            let Some(NodeKind::Symlink(target)) = self.find(&at).and_then(|node| self.kind(node))
            else {
                continue;
            };
            links += 1;
            if links > MAX_LINKS {
                return Err(LinkLoop);
            }
            at.pop();
            if target.starts_with('/') {
                at.clear();
            }
            waiting.extend(target.rsplit('/').map(str::to_owned));
        }
        Ok(at)
    }

    fn find(&self, path: &[String]) -> Option<usize> {
        path.iter().try_fold(ROOT, |at, name| match self.kind(at)? {
            NodeKind::Directory(children) => children.get(name.as_str()).copied(),
            NodeKind::Symlink(_) | NodeKind::File(_) => None,
        })
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
        let hash = PathHash::of(&path.join("/"));
        let node = self.nodes.len();
        self.nodes.push(Node { hash, kind });
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
        let child = self.nodes.len();
        self.nodes.push(Node {
            hash: PathHash::of(&path.join("/")),
            kind: NodeKind::Directory(BTreeMap::new()),
        });
        if let Some(children) = self.children(at) {
            children.insert(name.into(), child);
        }
        child
    }

    fn children(&mut self, at: usize) -> Option<&mut BTreeMap<Box<str>, usize>> {
        match self.nodes.get_mut(at).map(|node| &mut node.kind) {
            Some(NodeKind::Directory(children)) => Some(children),
            _ => None,
        }
    }

    /// Removes what the layer replaced by a file that no analyzer read, and all below it.
    fn remove_replaced(&mut self, facts: &LayerFacts) {
        let mut waiting = vec![ROOT];
        while let Some(at) = waiting.pop() {
            let Some(NodeKind::Directory(children)) = self.kind(at) else {
                continue;
            };
            let is_replaced = |child: usize| {
                let hash = self.nodes.get(child).map(|node| node.hash);
                hash.is_some_and(|hash| facts.plain_paths.contains(hash))
            };
            let mut gone = Vec::new();
            for (name, child) in children {
                if is_replaced(*child) {
                    gone.push(name.clone());
                } else {
                    waiting.push(*child);
                }
            }
            if let Some(children) = self.children(at) {
                for name in gone {
                    children.remove(&name);
                }
            }
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
