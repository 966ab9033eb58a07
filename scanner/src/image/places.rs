//! Where package managers look in an image, links followed.

use super::tree::Tree;
use crate::analyzers::{DATABASE_DIR, DATABASE_TREE, DATABASES, LEDGER_DIR};

/// Where package managers of this image find their databases, links followed.
pub(crate) struct Places {
    files: Vec<String>,
    dir: Option<String>,
    tree: Option<String>,
    ledgers: Option<String>,
}

impl Places {
    /// Resolves the places in a tree.
    pub(crate) fn of(tree: &Tree) -> Self {
        Self {
            files: DATABASES
                .iter()
                .filter_map(|place| tree.resolve(place).ok())
                .collect(),
            dir: tree.resolve(DATABASE_DIR).ok(),
            tree: tree.resolve(DATABASE_TREE).ok(),
            ledgers: tree.resolve(LEDGER_DIR).ok(),
        }
    }

    /// Tells whether a tool looks for its database at a path.
    pub(crate) fn have<'a>(&self, path: &'a str) -> bool {
        let above = |path: &'a str| path.rsplit_once('/').map(|(dir, _)| dir);
        let dir = above(path);
        let above_dir = dir.and_then(above);
        self.files.iter().any(|place| place == path)
            || (dir.is_some() && dir == self.dir.as_deref())
            || (above_dir.is_some() && above_dir == self.tree.as_deref())
    }

    /// Tells whether a path is where lists of packages' files are.
    pub(crate) fn have_ledger(&self, path: &str) -> bool {
        let dir = path.rsplit_once('/').map(|(dir, _)| dir);
        dir.is_some() && (dir == self.ledgers.as_deref() || dir == self.dir.as_deref())
    }
}
