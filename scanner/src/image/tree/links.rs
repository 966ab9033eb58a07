//! Every symbolic link of the tree.

use super::{NodeKind, ROOT, Tree, join};

impl Tree {
    /// Gives the paths of all symbolic links, in order.
    pub(crate) fn links(&self) -> Vec<String> {
        let mut links = Vec::new();
        let mut waiting = vec![(ROOT, String::new())];
        while let Some((at, path)) = waiting.pop() {
            self.spend(1);
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
        links.sort_unstable();
        links
    }
}
