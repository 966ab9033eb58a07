//! The directories that an archive's classes lie in: what its packages are called. Pure.

use std::collections::BTreeSet;
use std::ops::Bound;

/// Most directories that are told apart; the largest archives on Maven Central have a few thousand.
const MAX_DIRECTORIES: usize = 20_000;

/// The directories of classes, each with its last slash.
#[derive(Default)]
pub(super) struct Directories {
    all: BTreeSet<String>,
    last: String,
}

impl Directories {
    /// Takes in a class by its name in its class path.
    pub(super) fn add(&mut self, class: &str) {
        let Some(end) = class.rfind('/') else {
            return;
        };
        let directory = class.get(..=end).unwrap_or_default();
        // Classes of one package stand together.
        if directory == self.last || self.all.len() >= MAX_DIRECTORIES {
            return;
        }
        directory.clone_into(&mut self.last);
        self.all.insert(directory.to_owned());
    }

    /// Tells whether classes lie in a directory or below it.
    pub(super) fn has(&self, directory: &str) -> bool {
        let from = (Bound::Included(directory), Bound::Unbounded);
        let mut from = self.all.range::<str, _>(from);
        from.next()
            .is_some_and(|first| first.starts_with(directory))
    }

    /// Tells whether classes lie in the packages that a name's parts are, or below.
    pub(super) fn has_package(&self, name: &str) -> bool {
        self.has(&format!("{}/", name.replace('.', "/")))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn packages_are_told_whole() {
        let mut directories = Directories::default();
        for class in [
            "org/x/A.class",
            "org/x/b/A.class",
            "A.class",
            "net/y/A.class",
        ] {
            directories.add(class);
        }
        for (name, wanted) in [("org", true), ("org.x", true), ("org.x.b", true)] {
            assert_eq!(directories.has_package(name), wanted, "{name}");
        }
        for name in ["or", "org.x.A", "net.z", "org.xy"] {
            assert!(!directories.has_package(name), "{name}");
        }
    }
}
