//! Other names of a file: through links to the directories above it.
//!
//! On a merged `/usr` a database names `lib/x` where the tree has `usr/lib/x`; either may be the
//! one that a package claims.

use std::collections::BTreeMap;

use super::tree::Tree;
use crate::facts::PathHash;

/// Most names of one file that are tried.
const MAX_SPELLINGS: usize = 16;

/// The links to directories of a tree, by where they lead.
pub(crate) struct Spellings {
    links: BTreeMap<String, Vec<String>>,
}

impl Spellings {
    /// Collects the links of a tree.
    pub(crate) fn of(tree: &Tree) -> Self {
        let mut links = BTreeMap::<_, Vec<_>>::new();
        for (link, directory) in tree.directory_links() {
            links.entry(directory).or_default().push(link);
        }
        Self { links }
    }

    /// Gives the hashes of a file's names, its own first.
    pub(crate) fn hashes(&self, path: &str) -> Vec<PathHash> {
        let mut hashes = vec![PathHash::of(path)];
        let ends = path.match_indices('/').map(|(at, _)| at);
        for end in ends {
            let (directory, rest) = path.split_at(end);
            for link in self.links.get(directory).into_iter().flatten() {
                if hashes.len() < MAX_SPELLINGS {
                    hashes.push(PathHash::of(&format!("{link}{rest}")));
                }
            }
        }
        hashes
    }
}
