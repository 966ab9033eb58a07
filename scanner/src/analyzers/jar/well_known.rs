//! Artifacts that are published without Maven's own files inside, by file name and classes.
//!
//! They are built by Ant, Gradle or sbt, so neither `pom.properties` nor `pom.xml` names their group.
//! `well_known.txt` has a row for each: the file's name without version and ending, the group, the
//! artifact (`=` where it is the file's name), and the directory of its classes. A row holds only
//! where classes lie there. A name that ends in `*` covers every name that starts so.
//!
//! Source: the artifacts' entries on Maven Central, and their content.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

static ROWS: LazyLock<Vec<Known>> = LazyLock::new(|| {
    let rows = include_str!("well_known.txt").lines();
    rows.filter_map(row).collect()
});

/// The rows by the directories of their classes.
static BY_CLASSES: LazyLock<HashMap<&'static str, Known>> =
    LazyLock::new(|| ROWS.iter().map(|known| (known.classes, *known)).collect());

/// An artifact that is known by its file's name and its classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Known {
    /// The file's name without version and ending.
    file: &'static str,
    group: &'static str,
    /// The artifact; `=` where its name is the file's.
    artifact: &'static str,
    /// The directory of the classes.
    pub(super) classes: &'static str,
}

impl Known {
    /// Gives the artifact's name.
    pub(super) fn artifact<'a>(&self, file: &'a str) -> &'a str {
        if self.artifact == "=" {
            file
        } else {
            self.artifact
        }
    }

    /// Tells whether an artifact of this kind is among those named.
    pub(super) fn is_among<'a>(&self, mut names: impl Iterator<Item = &'a str>) -> bool {
        let start = self.file.strip_suffix('*');
        names.any(|name| {
            name == self.file
                || name == self.artifact
                || start.is_some_and(|start| name.starts_with(start))
        })
    }

    /// Gives the group; projects that moved are published under the new one since some version.
    pub(super) fn group(&self, version: &str) -> &'static str {
        let major = version
            .split('.')
            .next()
            .and_then(|major| major.parse::<u32>().ok())
            .unwrap_or(0);
        match self.group {
            "org.codehaus.groovy" if major >= 4 => "org.apache.groovy",
            "org.hibernate" if major >= 6 => "org.hibernate.orm",
            group => group,
        }
    }
}

impl fmt::Display for Known {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.group, self.artifact(self.file))
    }
}

/// Finds the row of a class that lies in a well-known directory; the deepest one answers.
pub(super) fn by_class(name: &str) -> Option<Known> {
    let mut directories = name.rmatch_indices('/').map(|(at, _)| name.get(..=at));
    directories.find_map(|directory| BY_CLASSES.get(directory?).copied())
}

/// Finds the row of a file's name; an exact one comes before one that ends in `*`.
pub(super) fn by_file(name: &str) -> Option<Known> {
    let covers = |known: &&Known| {
        let start = known.file.strip_suffix('*');
        start.is_some_and(|start| name.starts_with(start))
    };
    let exact = ROWS.iter().find(|known| known.file == name);
    exact.or_else(|| ROWS.iter().find(covers)).copied()
}

fn row(line: &'static str) -> Option<Known> {
    let mut columns = line.split_whitespace();
    Some(Known {
        file: columns.next()?,
        group: columns.next()?,
        artifact: columns.next()?,
        classes: columns.next()?,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_unique_and_the_closest_row_answers() {
        let mut names: Vec<_> = ROWS.iter().map(|known| known.file).collect();
        names.sort_unstable();
        let all = include_str!("well_known.txt").lines().count();
        names.dedup();
        assert_eq!(names.len(), all);
        for (file, version, wanted) in [
            ("log4j", "1.2.17", Some(("log4j", "log4j"))),
            (
                "log4j-core",
                "2.14.1",
                Some(("org.apache.logging.log4j", "log4j-core")),
            ),
            (
                "catalina",
                "9.0.1",
                Some(("org.apache.tomcat", "tomcat-catalina")),
            ),
            ("groovy", "3.0.9", Some(("org.codehaus.groovy", "groovy"))),
            ("groovy", "4.0.1", Some(("org.apache.groovy", "groovy"))),
            ("spring", "2.5.6", None),
        ] {
            let known = by_file(file);
            let found = known.map(|known| (known.group(version), known.artifact(file)));
            assert_eq!(found, wanted, "{file} {version}");
        }
        for known in ROWS.iter() {
            assert!(known.classes.ends_with('/'), "{known:?}");
        }
    }
}
