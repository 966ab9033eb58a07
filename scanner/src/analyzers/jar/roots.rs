//! Class paths within an archive or a directory: where a class or a record belongs that does not lie
//! at the top. Pure.
//!
//! A directory whose name no Java package may have is above every package in it, as `WEB-INF` and
//! `jackson-core-2.13.2.jar` are.
//!
//! Source: Jakarta Servlet Specification, "Directory Structure"; Spring Boot, "The Executable Jar
//! Format"; Java Language Specification, section 3.8.

/// Endings of files that are zip archives of Java classes.
pub(in crate::analyzers) const ENDINGS: [&str; 10] = [
    ".jar", ".war", ".ear", ".par", ".jpi", ".hpi", ".lpkg", ".nar", ".jmod", ".aar",
];

/// An entry's class path and its name in it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Root<'n> {
    /// The directory, empty for the top.
    pub(super) directory: &'n str,
    pub(super) name: &'n str,
}

/// What applications and servers call the directory of their own classes.
const CLASSES: &str = "classes/";

/// Where Java's own tools keep what is no class path of its own.
const META: &str = "META-INF/";

/// Gives the class path of a class.
pub(super) fn of_class(name: &str) -> Root<'_> {
    let top = Root {
        directory: "",
        name,
    };
    let mut at = 0;
    for (slash, _) in name.match_indices('/') {
        let from = name.get(..slash).and_then(|above| above.rfind('/'));
        let part = name.get(from.map_or(0, |from| from + 1)..slash);
        if part.is_some_and(|part| !is_package(part)) {
            at = slash + 1;
        }
    }
    // Classes for newer runtimes lie there.
    if at == 0 || name.starts_with(META) {
        return top;
    }
    let Some((above, mut rest)) = name.split_at_checked(at) else {
        return top;
    };
    let mut directory = above.trim_end_matches('/');
    if let Some(below) = rest.strip_prefix(CLASSES) {
        let end = at + CLASSES.len() - 1;
        (directory, rest) = (name.get(..end).unwrap_or(directory), below);
    }
    Root {
        directory,
        name: rest,
    }
}

/// Gives the class path of a record in `META-INF`; none for one that lies elsewhere.
pub(super) fn of_record(name: &str) -> Option<Root<'_>> {
    let bytes = name.as_bytes();
    let is_meta = |at: &usize| {
        let is_first = *at == 0 || bytes.get(at - 1) == Some(&b'/');
        let part = bytes.get(*at..*at + META.len());
        is_first && part.is_some_and(|part| part.eq_ignore_ascii_case(META.as_bytes()))
    };
    let at = (0..bytes.len()).rev().find(is_meta)?;
    Some(Root {
        directory: name.get(..at)?.trim_end_matches('/'),
        name: name.get(at..)?,
    })
}

/// Tells whether a record is one that Maven writes, by its name in its class path.
pub(super) fn is_of_maven(name: &str) -> bool {
    let start = name.get(..META.len() + "maven/".len());
    start.is_some_and(|start| start.eq_ignore_ascii_case("META-INF/maven/"))
}

/// Tells whether a class path is an archive that was unpacked under its own name.
pub(super) fn is_archive(directory: &str) -> bool {
    let lower = directory.to_ascii_lowercase();
    ENDINGS.iter().any(|ending| lower.ends_with(ending))
}

/// Tells whether a directory may be a part of a package's name.
fn is_package(part: &str) -> bool {
    let is_part = |c: char| c.is_alphanumeric() || matches!(c, '_' | '$');
    part.chars().all(is_part) && !part.starts_with(|c: char| c.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn classes_and_records_belong_to_the_path_below_what_is_no_package() {
        for (name, directory, rest) in [
            ("org/x/A.class", "", "org/x/A.class"),
            (
                "WEB-INF/classes/org/x/A.class",
                "WEB-INF/classes",
                "org/x/A.class",
            ),
            ("BOOT-INF/classes/A.class", "BOOT-INF/classes", "A.class"),
            (
                "IMPL-JARS/x-y/a-1.0.jar/org/A.class",
                "IMPL-JARS/x-y/a-1.0.jar",
                "org/A.class",
            ),
            (
                "META-INF/versions/9/org/A.class",
                "",
                "META-INF/versions/9/org/A.class",
            ),
            ("A.class", "", "A.class"),
        ] {
            let wanted = Root {
                directory,
                name: rest,
            };
            assert_eq!(of_class(name), wanted, "{name}");
        }
        for (name, directory) in [
            ("META-INF/maven/g/a/pom.xml", Some("")),
            ("meta-inf/maven/g/a/pom.xml", Some("")),
            (
                "WEB-INF/classes/META-INF/maven/g/a/pom.xml",
                Some("WEB-INF/classes"),
            ),
            ("private/path/META-INF/MANIFEST.MF", Some("private/path")),
            ("xMETA-INF/MANIFEST.MF", None),
            ("pom.xml", None),
        ] {
            assert_eq!(
                of_record(name).map(|root| root.directory),
                directory,
                "{name}"
            );
        }
        assert!(is_of_maven("meta-inf/Maven/g/a/pom.xml") && !is_of_maven("META-INF/pom.xml"));
    }
}
