//! A JAR's manifest: the attributes that hint at who it is. Pure.
//!
//! Source: JAR File Specification, "Manifest specification"; OSGi Core, "Bundle manifest"; Jenkins,
//! "Plugin manifest"; Ivy, whose builds write `GROUP#ARTIFACT;VERSION` as a title.

use super::artifact::Artifact;
use crate::limits::MIB;

/// Largest file that states an identity, in bytes; real ones have a few hundred, a `pom.xml` up to
/// a hundred thousand.
pub(super) const MAX_IDENTITY_BYTES: u64 = MIB;

/// Most named sections with a version that are kept; real ones are a dozen.
const MAX_SECTIONS: usize = 64;

/// Least digits behind a `-` that are a number of a build and not of a version.
const MIN_BUILD_DIGITS: usize = 5;

/// The attributes that hint at an identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    implementation_title: Option<String>,
    implementation_version: Option<String>,
    implementation_vendor_id: Option<String>,
    pub(super) bundle_name: Option<String>,
    pub(super) bundle_version: Option<String>,
    specification_title: Option<String>,
    specification_version: Option<String>,
    pub(super) module: Option<String>,
    main_class: Option<String>,
    plugin: Option<Artifact>,
    sections: Vec<EntrySection>,
}

/// A section about some of the entries, and the version it states.
#[derive(Clone, Debug, PartialEq, Eq)]
struct EntrySection {
    /// The entry, or the directory of entries.
    name: String,
    version: String,
}

impl Manifest {
    /// Reads the main section, which ends at the first blank line, and the named ones.
    pub(super) fn read(content: &[u8]) -> Self {
        let text = String::from_utf8_lossy(content);
        let mut sections = unfold(&text);
        let main = sections.next().unwrap_or_default();
        let value = |key: &str| value_of(&main, key);
        // Parameters of a directive follow the name.
        let bundle_name = value("Bundle-SymbolicName")
            .and_then(|name| name.split(';').next().map(|name| name.trim().to_owned()));
        let versioned = sections.filter_map(|section| {
            let version = value_of(&section, "Implementation-Version");
            let version = version.or_else(|| value_of(&section, "Specification-Version"));
            Some(EntrySection {
                name: value_of(&section, "Name")?,
                version: plain_version(&version?)?.to_owned(),
            })
        });
        let main_class = value("Start-Class").or_else(|| value("Main-Class"));
        Self {
            implementation_title: value("Implementation-Title"),
            implementation_version: value("Implementation-Version"),
            implementation_vendor_id: value("Implementation-Vendor-Id"),
            bundle_name,
            bundle_version: value("Bundle-Version"),
            specification_title: value("Specification-Title"),
            specification_version: value("Specification-Version"),
            module: value("Automatic-Module-Name"),
            plugin: plugin(&main),
            main_class,
            sections: versioned.take(MAX_SECTIONS).collect(),
        }
    }

    /// Gives the version it states of the classes in a directory, the most exact first.
    pub(super) fn version_in(&self, directory: &str) -> Option<&str> {
        self.version().or_else(|| {
            let own = |section: &&EntrySection| section.name.starts_with(directory);
            let mut versions = self.sections.iter().filter(own).map(|it| &*it.version);
            let first = versions.next()?;
            versions.all(|other| other == first).then_some(first)
        })
    }

    /// Gives the version that the main section states, the most exact first.
    pub(super) fn version(&self) -> Option<&str> {
        let stated = [
            &self.implementation_version,
            &self.bundle_version,
            &self.specification_version,
        ];
        let mut stated = stated.into_iter().filter_map(|version| version.as_deref());
        stated.find_map(plain_version)
    }

    /// Gives the coordinates that it states whole: as Jenkins' plugins or builds with Ivy do.
    pub(super) fn coordinates(&self) -> Option<Artifact> {
        self.plugin.clone().or_else(|| {
            let title = self.implementation_title.as_deref()?;
            if let Some((group, rest)) = title.split_once('#') {
                let (name, version) = rest.split_once(';')?;
                return Some(Artifact::new(group, name, version));
            }
            let (group, name) = title.split_once(':')?;
            Some(Artifact::new(group, name, self.version()?))
        })
    }

    /// Gives the id of its maker, where that looks like a group.
    pub(super) fn vendor(&self) -> Option<&str> {
        let id = self.implementation_vendor_id.as_deref();
        id.filter(|id| id.contains('.') && !id.contains(|c: char| c.is_whitespace() || c == ':'))
    }

    /// Tells whether it says of itself that it is an artifact.
    pub(super) fn is_of(&self, artifact: &Artifact) -> bool {
        let whole = format!("{}.{}", artifact.group, artifact.name);
        let mut names = self.names();
        names.any(|name| name == artifact.name || name == whole)
            && self.version() == Some(artifact.version.as_str())
    }

    /// Tells whether the program starts in one of a group's packages.
    pub(super) fn starts_in(&self, group: &str) -> bool {
        let main = self.main_class.as_deref();
        let rest = main.and_then(|main| main.strip_prefix(group));
        rest.is_some_and(|rest| rest.starts_with('.'))
    }

    /// Tells whether it is that of a part of a Java runtime.
    pub(super) fn is_java_runtime(&self) -> bool {
        self.implementation_title.as_deref() == Some("Java Runtime Environment")
    }

    /// Gives a name for a person to look up.
    pub(super) fn name(&self) -> Option<&str> {
        self.names().next()
    }

    /// Gives every name that it states, the most exact first.
    pub(super) fn names(&self) -> impl Iterator<Item = &str> {
        let names = [
            &self.bundle_name,
            &self.implementation_title,
            &self.module,
            &self.specification_title,
        ];
        names.into_iter().filter_map(|name| name.as_deref())
    }
}

fn plugin(main: &str) -> Option<Artifact> {
    let (group, name) = (value_of(main, "Group-Id")?, value_of(main, "Short-Name")?);
    let version = value_of(main, "Plugin-Version")?;
    Some(Artifact::new(&group, &name, plain_version(&version)?))
}

fn value_of(section: &str, key: &str) -> Option<String> {
    let mut values = section.lines().filter_map(|line| {
        let (name, value) = line.split_once(':')?;
        name.eq_ignore_ascii_case(key).then_some(value.trim())
    });
    let value = values.next()?;
    (!value.is_empty() && !value.contains("${")).then(|| value.to_owned())
}

/// Reads a version that a build may stand behind: `1.2 (r7)`, `1.4.10-release-411 (1.4.10)`,
/// `3.4.6-1569965`.
fn plain_version(text: &str) -> Option<&str> {
    let whole = text.split_whitespace().next()?;
    if !whole.starts_with(|c: char| c.is_ascii_digit()) {
        return None;
    }
    let brackets = text
        .split_once('(')
        .and_then(|(_, rest)| rest.split_once(')'));
    let bracketed = brackets.map(|(inner, _)| inner.trim());
    let is_version = |inner: &&str| {
        let rest = whole.strip_prefix(*inner);
        !inner.is_empty() && rest.is_some_and(|rest| rest.starts_with('-'))
    };
    if let Some(inner) = bracketed.filter(is_version) {
        return Some(inner);
    }
    let is_build = |build: &str| {
        build.len() >= MIN_BUILD_DIGITS && build.bytes().all(|byte| byte.is_ascii_digit())
    };
    match whole.rsplit_once('-') {
        Some((version, build)) if is_build(build) => Some(version),
        _ => Some(whole),
    }
}

/// Gives the sections, in which the lines that the 72 bytes of a line broke are joined.
fn unfold(text: &str) -> impl Iterator<Item = String> + '_ {
    let mut lines = text.lines().map(|line| line.trim_end_matches('\r'));
    std::iter::from_fn(move || {
        let mut section = String::new();
        let mut is_any = false;
        for line in lines.by_ref() {
            is_any = true;
            if line.is_empty() {
                break;
            }
            if let Some(rest) = line.strip_prefix(' ') {
                section.push_str(rest);
            } else {
                section.push('\n');
                section.push_str(line);
            }
        }
        is_any.then_some(section)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn attributes_are_unfolded_and_end_at_the_first_section() {
        let text = b"Manifest-Version: 1.0\r\nbundle-symbolicname: org.example.very\r\n \
                     .long.name;singleton:=true\r\nImplementation-Version: 1.2 (r7)\r\n\r\n\
                     Name: org/x\r\nImplementation-Vendor-Id: org.other\r\n";
        let manifest = Manifest::read(text);
        assert_eq!(manifest.name(), Some("org.example.very.long.name"));
        assert_eq!(manifest.version(), Some("1.2"));
        assert_eq!(manifest.vendor(), None);
    }

    #[test]
    fn a_vendor_is_a_group_only_where_it_looks_like_one() {
        for (value, wanted) in [
            ("org.springframework", Some("org.springframework")),
            ("Apache Software Foundation 2.0", None),
            ("http://www.jboss.org/", None),
            ("oracle", None),
        ] {
            let text = format!("Implementation-Vendor-Id: {value}\nImplementation-Title: t\n");
            let manifest = Manifest::read(text.as_bytes());
            assert_eq!(manifest.vendor(), wanted, "{value}");
        }
    }

    #[test]
    fn builds_behind_a_version_are_no_part_of_it() {
        for (value, wanted) in [
            ("1.4.10-release-411 (1.4.10)", Some("1.4.10")),
            (
                "8.7.0 2dc63e901c60cda27ef3b744bc554f1481b3b067 - x",
                Some("8.7.0"),
            ),
            ("2.0b6 2016-02-05 05:16:19", Some("2.0b6")),
            ("3.4.6-1569965", Some("3.4.6")),
            ("1.2.1.GA (build: SVNTag=x)", Some("1.2.1.GA")),
            ("1.0-2", Some("1.0-2")),
            ("2.10 (2.1)", Some("2.10")),
            ("${project.version}", None),
            ("private-2008", None),
        ] {
            let text = format!("Implementation-Version: {value}\n");
            assert_eq!(Manifest::read(text.as_bytes()).version(), wanted, "{value}");
        }
    }

    #[test]
    fn named_sections_state_versions_of_what_they_name() {
        let text = b"Manifest-Version: 1.0\n\nName: org/apache/xalan/\n\
                     Implementation-Version: 2.7.2\n\nName: org/xml/sax/\n\
                     Specification-Version: 2.0\n\nName: a/B.class\nSHA-256-Digest: x\n";
        let manifest = Manifest::read(text);
        assert_eq!(manifest.version_in("org/apache/xalan/"), Some("2.7.2"));
        assert_eq!(manifest.version_in(""), None);
        assert_eq!(manifest.version_in("a/"), None);
    }

    #[test]
    fn coordinates_are_stated_whole() {
        let plugin = "Group-Id: org.jenkins-ci.plugins\nShort-Name: git\n\
                      Plugin-Version: 4.2.0 (private)\n";
        let versioned = "Implementation-Title: g:a\nImplementation-Version: 1\n";
        for (text, wanted) in [
            (plugin, Some(("org.jenkins-ci.plugins", "git", "4.2.0"))),
            (
                "Implementation-Title: com.x#a-core;1.5\n",
                Some(("com.x", "a-core", "1.5")),
            ),
            (versioned, Some(("g", "a", "1"))),
            ("Implementation-Title: A title\n", None),
            ("Implementation-Title: c#\n", None),
        ] {
            let wanted = wanted.map(|(group, name, version)| Artifact::new(group, name, version));
            assert_eq!(
                Manifest::read(text.as_bytes()).coordinates(),
                wanted,
                "{text}"
            );
        }
    }
}
