//! What a Java archive's file name and place say: artifact and version, or a whole repository path.
//! Pure.

use super::artifact::Artifact;

/// Qualifiers that stand between or after the numbers of a version, lower case.
/// Source: Maven, "Version Order Specification"; names in use on Maven Central.
const QUALIFIERS: [&str; 14] = [
    "alpha",
    "beta",
    "rc",
    "cr",
    "m",
    "milestone",
    "pre",
    "snapshot",
    "final",
    "ga",
    "jre",
    "android",
    "incubating",
    "redhat",
];

/// An archive's name, split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileName {
    /// The name of the artifact, such as `log4j-core`.
    pub(super) artifact: String,
    /// The version; none where the name has none.
    pub(super) version: Option<String>,
}

/// Splits a name such as `log4j-1.2-api-2.17.1.jar` before its version.
///
/// The version begins at the last run of parts that start with a digit, qualifiers between and
/// after them included.
pub(super) fn split(name: &str) -> FileName {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let mut begin = None;
    let mut at = stem.len();
    for part in stem.rsplit('-') {
        at -= part.len();
        if part.starts_with(|c: char| c.is_ascii_digit()) {
            begin = Some(at);
        } else if begin.is_some() && !is_qualifier(part) {
            break;
        }
        at = at.saturating_sub(1);
    }
    let parts = begin.and_then(|at| {
        let artifact = stem.get(..at)?.strip_suffix('-')?;
        (!artifact.is_empty()).then_some((artifact, stem.get(at..)?))
    });
    match parts {
        Some((artifact, version)) => FileName {
            artifact: artifact.to_owned(),
            version: Some(version.to_owned()),
        },
        None => FileName {
            artifact: stem.to_owned(),
            version: None,
        },
    }
}

fn is_qualifier(part: &str) -> bool {
    let part = part.trim_end_matches(|c: char| c.is_ascii_digit());
    QUALIFIERS
        .iter()
        .any(|known| part.eq_ignore_ascii_case(known))
}

/// Reads the coordinates off a place in a local repository of Maven, Debian or Gradle.
///
/// Source: Maven, "Repository layout"; Gradle, `caches/modules-2/files-2.1`.
pub(super) fn repository(path: &str) -> Option<Artifact> {
    let (dir, name) = path.rsplit_once('/')?;
    if let Some((_, below)) = dir.rsplit_once("files-2.1/") {
        let parts: Vec<_> = below.split('/').collect();
        let [group, artifact, version, _digest] = parts.as_slice() else {
            return None;
        };
        return coordinates(group, artifact, version, name);
    }
    let below = [".m2/repository/", "maven-repo/"]
        .into_iter()
        .find_map(|root| dir.rsplit_once(root).map(|(_, below)| below))?;
    let (rest, version) = below.rsplit_once('/')?;
    let (group, artifact) = rest.rsplit_once('/')?;
    coordinates(&group.replace('/', "."), artifact, version, name)
}

fn coordinates(group: &str, artifact: &str, version: &str, name: &str) -> Option<Artifact> {
    let agrees = name
        .strip_prefix(artifact)
        .and_then(|rest| rest.strip_prefix('-'))
        .is_some_and(|rest| rest.starts_with(version));
    (agrees && !group.is_empty()).then(|| Artifact {
        group: group.to_owned(),
        name: artifact.to_owned(),
        version: version.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_version_begins_where_it_does() {
        for (name, artifact, version) in [
            ("log4j-core-2.14.1.jar", "log4j-core", Some("2.14.1")),
            ("log4j-1.2-api-2.17.1.jar", "log4j-1.2-api", Some("2.17.1")),
            ("guava-31.1-jre.jar", "guava", Some("31.1-jre")),
            ("bcprov-jdk15on-1.70.jar", "bcprov-jdk15on", Some("1.70")),
            ("a-1.0-beta-2.jar", "a", Some("1.0-beta-2")),
            (
                "a-1.0-20200101.123456-1.jar",
                "a",
                Some("1.0-20200101.123456-1"),
            ),
            ("a-b_2.13-2.6.1.war", "a-b_2.13", Some("2.6.1")),
            (
                "spring-core-5.3.0-RC1.jar",
                "spring-core",
                Some("5.3.0-RC1"),
            ),
            ("catalina.jar", "catalina", None),
            ("1.0.jar", "1.0", None),
            ("-1.0.jar", "-1.0", None),
            ("", "", None),
            ("-", "-", None),
        ] {
            let wanted = FileName {
                artifact: artifact.to_owned(),
                version: version.map(str::to_owned),
            };
            assert_eq!(split(name), wanted, "{name}");
        }
    }

    #[test]
    fn repositories_state_coordinates() {
        let found =
            |path| repository(path).map(|a| format!("{}:{}:{}", a.group, a.name, a.version));
        for (path, wanted) in [
            (
                "root/.m2/repository/org/x/a/1.0/a-1.0.jar",
                Some("org.x:a:1.0"),
            ),
            (
                "usr/share/maven-repo/x/a/1.0/a-1.0-tests.jar",
                Some("x:a:1.0"),
            ),
            (
                "root/.gradle/caches/modules-2/files-2.1/org.x/a/1.0/0f/a-1.0.jar",
                Some("org.x:a:1.0"),
            ),
            ("root/.m2/repository/org/x/a/1.0/b-1.0.jar", None),
            ("root/.m2/repository/a/1.0/a-1.0.jar", None),
            ("app/lib/a-1.0.jar", None),
            ("a.jar", None),
        ] {
            assert_eq!(found(path).as_deref(), wanted, "{path}");
        }
    }
}
