//! Records of packages that are read on disk only, and missed where they lie in an archive.

use crate::analyzer::Database;

/// The databases of operating systems, and what is known by its place.
#[derive(Debug, Default)]
pub(in crate::analyzers) struct Unread {
    files: Vec<Box<str>>,
    dirs: Vec<Box<str>>,
}

impl Unread {
    /// Takes the databases that analyzers declare.
    pub(in crate::analyzers) fn of<'a>(databases: impl Iterator<Item = Database<'a>>) -> Self {
        let mut this = Self::default();
        for database in databases {
            match database {
                Database::File(path) | Database::Sourceless(path) => this.files.push(path.into()),
                Database::Dir(path) | Database::Tree(path) => this.dirs.push(path.into()),
                Database::Lists(_) => {}
            }
        }
        this
    }

    /// Tells whether an entry is such a record.
    pub(in crate::analyzers) fn has(&self, name: &str) -> bool {
        let directory = name.rsplit_once('/').map_or("", |(directory, _)| directory);
        let is_in = |wanted: &str| directory.rsplit('/').next() == Some(wanted);
        let ends = |ending: &str| name.ends_with(ending);
        let is_below = |dir: &&str| {
            let rest = directory.strip_prefix(dir);
            rest.is_some_and(|rest| rest.is_empty() || rest.starts_with('/'))
        };
        self.files.iter().any(|file| **file == *name)
            || self.dirs.iter().any(|dir| is_below(&&**dir))
            || (ends(".gemspec") && is_in("specifications"))
            || (ends(".json") && is_in("conda-meta"))
            || ends(".deps.json")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn databases_are_known_by_their_places_and_other_files_are_not() {
        let unread = Unread::of(
            [
                Database::File("lib/apk/db/installed"),
                Database::Dir("var/lib/dpkg/status.d"),
                Database::Tree("var/lib/pacman/local"),
                Database::Lists("var/lib/dpkg/info"),
            ]
            .into_iter(),
        );
        for (name, wanted) in [
            ("lib/apk/db/installed", true),
            ("x/lib/apk/db/installed", false),
            ("var/lib/dpkg/status.d/base", true),
            ("var/lib/dpkg/status.dx/base", false),
            ("var/lib/pacman/local/a-1/desc", true),
            ("var/lib/dpkg/info/a.md5sums", false),
            ("gems/specifications/a.gemspec", true),
            ("gems/a.gemspec", false),
            ("opt/conda-meta/a.json", true),
            ("app/Shop.deps.json", true),
        ] {
            assert_eq!(unread.has(name), wanted, "{name}");
        }
    }
}
