//! Where package managers look in an image, links followed.

use super::tree::Tree;
use crate::plugin_set::Databases;

/// Where package managers of this image find their databases, links followed.
pub(crate) struct DatabasePlaces {
    files: Vec<String>,
    dirs: Vec<String>,
    trees: Vec<String>,
    lists: Vec<String>,
}

impl DatabasePlaces {
    /// Resolves the places in a tree.
    pub(crate) fn of(tree: &Tree, databases: &Databases) -> Self {
        let real = |place: &str| tree.resolve(place).ok();
        Self {
            files: databases.files().filter_map(real).collect(),
            dirs: databases.dirs().filter_map(real).collect(),
            trees: databases.trees().filter_map(real).collect(),
            lists: databases.lists().filter_map(real).collect(),
        }
    }

    /// Tells whether a tool looks for its database at a path.
    pub(crate) fn have(&self, path: &str) -> bool {
        let dir = above(path);
        self.files.iter().any(|place| place == path)
            || is_one_of(dir, &self.dirs)
            || is_one_of(dir.and_then(above), &self.trees)
    }

    /// Tells whether a path is where lists of packages' files are.
    pub(crate) fn have_ledger(&self, path: &str) -> bool {
        let dir = above(path);
        is_one_of(dir, &self.lists) || is_one_of(dir, &self.dirs)
    }
}

fn above(path: &str) -> Option<&str> {
    path.rsplit_once('/').map(|(dir, _)| dir)
}

fn is_one_of(dir: Option<&str>, places: &[String]) -> bool {
    dir.is_some_and(|dir| places.iter().any(|place| place == dir))
}
