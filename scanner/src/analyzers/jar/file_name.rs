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

/// What stands behind the version of a file that is a part or another build of its artifact.
/// Source: Maven, "Available plugins"; classifiers in use on Maven Central.
const CLASSIFIERS: [&str; 47] = [
    "aarch",
    "agent",
    "all",
    "android",
    "app",
    "bin",
    "bundle",
    "classes",
    "client",
    "cuda",
    "deps",
    "dist",
    "exec",
    "executable",
    "fat",
    "fiber",
    "full",
    "hadoop",
    "jakarta",
    "jar",
    "java",
    "javadoc",
    "jdk",
    "jvm",
    "linux",
    "mac",
    "macos",
    "min",
    "native",
    "natives",
    "no_aop",
    "no_deps",
    "nodep",
    "nodeps",
    "noaop",
    "osx",
    "plain",
    "runner",
    "shaded",
    "shadow",
    "sources",
    "standalone",
    "test",
    "tests",
    "uber",
    "win",
    "windows",
];

/// Processors as classifiers name them, with digits that are part of the name; and what follows
/// `jar` in the one of an archive with all that it needs.
const PROCESSORS: [&str; 7] = [
    "x86_64",
    "x86_32",
    "amd64",
    "arm64",
    "aarch_64",
    "with",
    "dependencies",
];

/// An archive's name, split.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct FileName {
    /// The whole name, without its ending.
    stem: String,
    /// The name of the artifact, such as `log4j-core`.
    pub(super) artifact: String,
    /// The version; none where the name has none.
    pub(super) version: Option<String>,
}

impl FileName {
    /// Tells whether the file is called by an artifact's name and version, token for token.
    ///
    /// Before them may stand the group, as in Quarkus' directories, and behind them a classifier.
    pub(super) fn is_of(&self, artifact: &Artifact) -> bool {
        let with_group = self.stem.strip_prefix(artifact.group.as_str());
        let with_group = with_group.and_then(|rest| rest.strip_prefix('.'));
        let own = std::iter::once(self.stem.as_str()).chain(with_group);
        let mut rests = own.filter_map(|stem| stem.strip_prefix(artifact.name.as_str()));
        rests.any(|rest| rest.is_empty() || ends_with_version(rest, &artifact.version))
    }

    /// Tells whether the file is called by a longer name that begins with the artifact's, as a
    /// sister of it is.
    pub(super) fn is_of_sister(&self, artifact: &Artifact) -> bool {
        let rest = self.artifact.strip_prefix(artifact.name.as_str());
        rest.is_some_and(|rest| rest.starts_with(['-', '_', '.']))
    }

    /// Splits the name as OSGi's bundles are called, `name_version`, where the manifest says the
    /// same of both.
    pub(super) fn as_bundle(&self, name: &str, version: &str) -> Option<Self> {
        let (own, rest) = (self.stem.strip_prefix(name)?, version);
        let is_same = !name.is_empty() && own.strip_prefix('_') == Some(rest);
        is_same.then(|| Self {
            stem: format!("{name}-{version}"),
            artifact: name.to_owned(),
            version: Some(version.to_owned()),
        })
    }
}

/// Tells whether what follows an artifact's name is its version, and a classifier perhaps.
fn ends_with_version(rest: &str, version: &str) -> bool {
    let Some(rest) = rest.strip_prefix(['-', '_']) else {
        return false;
    };
    if version.is_empty() {
        return false;
    }
    if let Some(tail) = rest.strip_prefix(version) {
        return is_classifier_or_none(tail);
    }
    // A snapshot in a repository has its time and number in place of the word.
    let base = version.strip_suffix("SNAPSHOT");
    base.and_then(|base| rest.strip_prefix(base))
        .is_some_and(|time| {
            let (day, _) = time.split_once('.').unwrap_or_default();
            day.len() == 8 && day.bytes().all(|byte| byte.is_ascii_digit())
        })
}

fn is_classifier_or_none(tail: &str) -> bool {
    let Some(tail) = tail.strip_prefix('-') else {
        return tail.is_empty();
    };
    let first = tail.split('-').next().unwrap_or_default();
    let is_of_version = first.starts_with(|c: char| c.is_ascii_digit()) || is_qualifier(first);
    !first.is_empty() && !is_of_version
}

/// Splits a name such as `log4j-1.2-api-2.17.1-tests.jar` into artifact, version and classifier.
///
/// The version begins at the last run of parts that start with a digit, qualifiers between and
/// after them included. What is known as a classifier may follow.
pub(super) fn split(name: &str) -> FileName {
    let stem = name.rsplit_once('.').map_or(name, |(stem, _)| stem);
    let (mut begin, mut end) = (None, stem.len());
    let mut at = stem.len();
    for part in stem.rsplit('-') {
        at -= part.len();
        if part.starts_with(|c: char| c.is_ascii_digit()) {
            begin = Some(at);
        } else if begin.is_some() && !is_qualifier(part) {
            break;
        } else if begin.is_none() && !is_qualifier(part) {
            if !is_classifier(part) {
                break;
            }
            end = at.saturating_sub(1);
        }
        at = at.saturating_sub(1);
    }
    let parts = begin.and_then(|at| {
        let artifact = stem.get(..at)?.strip_suffix('-')?;
        (!artifact.is_empty()).then_some((artifact, stem.get(at..end)?))
    });
    let (artifact, version) = match parts {
        Some((artifact, version)) => (artifact, Some(version.to_owned())),
        None => (stem, None),
    };
    FileName {
        stem: stem.to_owned(),
        artifact: artifact.to_owned(),
        version,
    }
}

fn is_classifier(part: &str) -> bool {
    let word = part.trim_end_matches(|c: char| c.is_ascii_digit());
    let is_known = |known: &str| word.eq_ignore_ascii_case(known);
    CLASSIFIERS.iter().any(|known| is_known(known)) || PROCESSORS.contains(&part)
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
            (
                "kafka-clients-2.8.0-test.jar",
                "kafka-clients",
                Some("2.8.0"),
            ),
            ("guice-4.0-no_aop.jar", "guice", Some("4.0")),
            ("app-1.2.3-exec.jar", "app", Some("1.2.3")),
            ("a-2.0.43.Final-linux-x86_64.jar", "a", Some("2.0.43.Final")),
            ("a-1.0-jar-with-dependencies.jar", "a", Some("1.0")),
            ("json-lib-2.4-jdk15.jar", "json-lib", Some("2.4")),
            ("guava-24.1-android.jar", "guava", Some("24.1-android")),
            ("log4j-1.2-api.jar", "log4j-1.2-api", None),
            ("catalina.jar", "catalina", None),
            ("1.0.jar", "1.0", None),
            ("-1.0.jar", "-1.0", None),
            ("", "", None),
            ("-", "-", None),
        ] {
            let found = split(name);
            assert_eq!(found.artifact, artifact, "{name}");
            assert_eq!(found.version.as_deref(), version, "{name}");
        }
    }

    #[test]
    fn a_file_is_called_by_an_artifact_token_for_token() {
        for (name, coordinates, wanted) in [
            ("a-1.0.jar", "g:a:1.0", true),
            ("a-1.0-tests.jar", "g:a:1.0", true),
            ("a.jar", "g:a:1.0", true),
            ("g.a-1.0.jar", "g:a:1.0", true),
            ("a_1.0.jar", "g:a:1.0", true),
            ("a-h3-2.2.0-shaded.jar", "g:a:h3-2.2.0", true),
            ("a-1.0-20200101.123456-1.jar", "g:a:1.0-SNAPSHOT", true),
            // The version only begins like the artifact's, or the name does.
            (
                "wiremock-standalone-2.27.2.jar",
                "commons-io:commons-io:2.2",
                false,
            ),
            ("a-2.27.2.jar", "g:a:2.2", false),
            ("a-1.0-2.0.jar", "g:a:1.0", false),
            ("a-1.0-SNAPSHOT.jar", "g:a:1.0", false),
            ("guava-24.1-android.jar", "g:guava:24.1", false),
            (
                "hazelcast-all-4.0.jar",
                "com.hazelcast:hazelcast:4.0",
                false,
            ),
            ("hazelcast-all.jar", "com.hazelcast:hazelcast:4.0", false),
            ("x.jar", "g:a:1.0", false),
        ] {
            let mut parts = coordinates.split(':');
            let mut part = || parts.next().unwrap();
            let artifact = Artifact::new(part(), part(), part());
            assert_eq!(split(name).is_of(&artifact), wanted, "{name} {coordinates}");
        }
        let sister = Artifact::new("com.hazelcast", "hazelcast", "4.0");
        assert!(split("hazelcast-all.jar").is_of_sister(&sister));
        assert!(!split("hazelcast4.jar").is_of_sister(&sister));
    }

    #[test]
    fn bundles_are_called_by_name_and_version() {
        let file = split("org.x.a_3.16.0.v20200828-0759.jar");
        let bundle = file.as_bundle("org.x.a", "3.16.0.v20200828-0759").unwrap();
        assert_eq!(bundle.artifact, "org.x.a");
        assert_eq!(bundle.version.as_deref(), Some("3.16.0.v20200828-0759"));
        for (name, version) in [("org.x", "3.16.0"), ("org.x.a", "3.16.1"), ("", "")] {
            assert_eq!(file.as_bundle(name, version), None, "{name}");
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
