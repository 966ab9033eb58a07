//! Artifacts that are published without Maven's own files inside, by file name, version and classes.
//!
//! They are built by Ant, Gradle or sbt, so neither `pom.properties` nor `pom.xml` names their group.
//! `well_known.txt` has a row for each: the file's name without version and ending, the group, the
//! artifact (`=` where it is the file's name), the directory of its classes, and the version since
//! which the row is true, where projects moved. A row holds only where classes lie there. A name
//! that ends in `*` covers every name that starts so; a group `-` says that none is known.
//!
//! Source: the artifacts' entries on Maven Central, and their content.

use std::collections::HashMap;
use std::fmt;
use std::sync::LazyLock;

use super::artifact::Artifact;
use crate::versions::ParsedVersion as _;
use crate::versions::maven::MavenVersion;

static ROWS: LazyLock<Vec<WellKnown>> = LazyLock::new(|| {
    let rows = include_str!("well_known.txt").lines();
    rows.filter_map(row).collect()
});

/// The rows by the directories of their classes.
static BY_CLASSES: LazyLock<HashMap<&'static str, WellKnown>> = LazyLock::new(|| {
    let known = ROWS.iter().filter(|known| known.is_of_a_group());
    known.map(|known| (known.classes, *known)).collect()
});

/// An artifact that is known by its file's name, its version and its classes.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct WellKnown {
    /// The file's name without version and ending.
    file: &'static str,
    group: &'static str,
    /// The artifact; `=` where its name is the file's.
    artifact: &'static str,
    /// The directory of the classes.
    pub(super) classes: &'static str,
    /// The version since which it is published so.
    since: Option<&'static str>,
}

impl WellKnown {
    /// Gives the artifact that a file of this name and version is.
    pub(super) fn artifact(&self, file: &str, version: &str) -> Artifact {
        Artifact::new(self.group, self.name(file), version)
    }

    /// Tells whether a group is the one of this row.
    pub(super) fn is_of(&self, group: &str) -> bool {
        self.group == group
    }

    /// Tells whether an artifact with these classes is among those named.
    pub(super) fn is_among<'a>(&self, mut names: impl Iterator<Item = &'a str>) -> bool {
        let alike: Vec<_> = ROWS
            .iter()
            .filter(|row| row.classes == self.classes)
            .collect();
        names.any(|name| {
            alike
                .iter()
                .any(|row| row.covers(name) || name == row.artifact)
        })
    }

    fn name<'a>(&self, file: &'a str) -> &'a str {
        if self.artifact == "=" {
            file
        } else {
            self.artifact
        }
    }

    fn covers(&self, name: &str) -> bool {
        match self.file.strip_suffix('*') {
            Some(start) => name.starts_with(start),
            None => name == self.file,
        }
    }

    fn is_of_a_group(&self) -> bool {
        self.group != "-"
    }
}

impl fmt::Display for WellKnown {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}:{}", self.group, self.name(self.file))
    }
}

/// Finds the row of a class that lies in a well-known directory; the deepest one answers.
pub(super) fn by_class(name: &str) -> Option<WellKnown> {
    let mut directories = name.rmatch_indices('/').map(|(at, _)| name.get(..=at));
    directories.find_map(|directory| BY_CLASSES.get(directory?).copied())
}

/// Finds the row of a file's name and version; an exact name comes before one that ends in `*`, and
/// of those the longest.
pub(super) fn by_file(name: &str, version: &str) -> Option<WellKnown> {
    let version = MavenVersion::parse(version).ok()?;
    let covering = || ROWS.iter().filter(|known| known.covers(name));
    let rank = |known: &&WellKnown| (!known.file.ends_with('*'), known.file.len());
    let closest = covering().max_by_key(rank)?;
    let mut in_force: Option<(Option<MavenVersion>, WellKnown)> = None;
    for known in covering().filter(|known| known.file == closest.file) {
        let since = known
            .since
            .and_then(|since| MavenVersion::parse(since).ok());
        let is_later = in_force.as_ref().is_none_or(|(other, _)| since > *other);
        if is_later && since.as_ref().is_none_or(|since| version >= *since) {
            in_force = Some((since, *known));
        }
    }
    let (_, known) = in_force?;
    known.is_of_a_group().then_some(known)
}

/// Lists where the classes of a file of this name may lie.
pub(super) fn classes(name: &str) -> impl Iterator<Item = &'static str> {
    let covering = ROWS.iter().filter(move |known| known.covers(name));
    covering.map(|known| known.classes)
}

fn row(line: &'static str) -> Option<WellKnown> {
    let mut columns = line.split_whitespace();
    Some(WellKnown {
        file: columns.next()?,
        group: columns.next()?,
        artifact: columns.next()?,
        classes: columns.next()?,
        since: columns.next(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rows_are_whole_and_one_answers_for_each_version() {
        let all = include_str!("well_known.txt").lines().count();
        assert_eq!(ROWS.len(), all);
        let mut names: Vec<_> = ROWS.iter().map(|known| (known.file, known.since)).collect();
        names.sort_unstable();
        names.dedup();
        assert_eq!(names.len(), all);
        for known in ROWS.iter() {
            assert!(known.classes.ends_with('/'), "{known:?}");
            let since = known.since.map(MavenVersion::parse);
            assert!(since.is_none_or(|since| since.is_ok()), "{known:?}");
        }
    }

    #[test]
    fn the_closest_row_that_is_true_of_the_version_answers() {
        for (file, version, wanted) in [
            ("log4j", "1.2.17", Some("log4j:log4j")),
            (
                "log4j-core",
                "2.14.1",
                Some("org.apache.logging.log4j:log4j-core"),
            ),
            (
                "catalina",
                "9.0.1",
                Some("org.apache.tomcat:tomcat-catalina"),
            ),
            ("catalina", "6.0.18", Some("org.apache.tomcat:catalina")),
            ("catalina", "5.5.23", Some("tomcat:catalina")),
            ("servlet-api", "2.5", Some("javax.servlet:servlet-api")),
            ("servlet-api", "3.1.0", None),
            (
                "servlet-api",
                "8.5.0",
                Some("org.apache.tomcat:tomcat-servlet-api"),
            ),
            ("groovy", "3.0.9", Some("org.codehaus.groovy:groovy")),
            ("groovy", "4.0.1", Some("org.apache.groovy:groovy")),
            ("dom4j", "1.6.1", Some("dom4j:dom4j")),
            ("dom4j", "2.1.1", Some("org.dom4j:dom4j")),
            ("rxjava", "1.3.8", Some("io.reactivex:rxjava")),
            ("rxjava", "2.2.21", Some("io.reactivex.rxjava2:rxjava")),
            ("rxjava", "3.1.5", Some("io.reactivex.rxjava3:rxjava")),
            ("postgresql", "9.1-901.jdbc4", Some("postgresql:postgresql")),
            ("postgresql", "9.4.1212", Some("org.postgresql:postgresql")),
            ("bcprov-jdk14", "138", Some("bouncycastle:bcprov-jdk14")),
            (
                "bcprov-jdk15on",
                "1.70",
                Some("org.bouncycastle:bcprov-jdk15on"),
            ),
            (
                "opentelemetry-api",
                "1.20.0",
                Some("io.opentelemetry:opentelemetry-api"),
            ),
            (
                "opentelemetry-instrumentation-api",
                "1.20.0",
                Some("io.opentelemetry.instrumentation:opentelemetry-instrumentation-api"),
            ),
            ("opentelemetry-aws-xray", "1.20.0", None),
            (
                "spring-security-saml2-core",
                "1.0.10.RELEASE",
                Some("org.springframework.security.extensions:spring-security-saml2-core"),
            ),
            ("spring-security-oauth2", "2.3.3.RELEASE", None),
            ("log4j", "", None),
        ] {
            let found = by_file(file, version).map(|known| known.artifact(file, version));
            let found = found.map(|artifact| format!("{}:{}", artifact.group, artifact.name));
            assert_eq!(found.as_deref(), wanted, "{file} {version}");
        }
    }
}
