//! Where the package managers that a set knows keep what they know: each declared by the analyzer
//! that reads it, and by nobody else.

use crate::analyzer::Database;

/// The places of all package databases.
#[derive(Debug, Default)]
pub(crate) struct Databases {
    files: Vec<Box<str>>,
    sourceless: Vec<Box<str>>,
    dirs: Vec<Box<str>>,
    trees: Vec<Box<str>>,
    lists: Vec<Box<str>>,
}

impl Databases {
    pub(super) fn add(&mut self, database: Database<'_>) {
        let (places, place) = match database {
            Database::File(path) => (&mut self.files, path),
            Database::Sourceless(path) => {
                self.sourceless.push(path.into());
                (&mut self.files, path)
            }
            Database::Dir(path) => (&mut self.dirs, path),
            Database::Tree(path) => (&mut self.trees, path),
            Database::Lists(path) => (&mut self.lists, path),
        };
        places.push(place.into());
    }

    /// Gives the databases that are one file.
    pub(crate) fn files(&self) -> impl Iterator<Item = &str> {
        self.files.iter().map(|path| &**path)
    }

    /// Gives the directories with one file for each package.
    pub(crate) fn dirs(&self) -> impl Iterator<Item = &str> {
        self.dirs.iter().map(|path| &**path)
    }

    /// Gives the directories with one directory for each package.
    pub(crate) fn trees(&self) -> impl Iterator<Item = &str> {
        self.trees.iter().map(|path| &**path)
    }

    /// Gives the directories with a list of each package's files.
    pub(crate) fn lists(&self) -> impl Iterator<Item = &str> {
        self.lists.iter().map(|path| &**path)
    }

    /// Tells whether a database does not say from which sources its packages were built.
    pub(crate) fn is_sourceless(&self, path: &str) -> bool {
        self.sourceless.iter().any(|place| &**place == path)
    }
}
