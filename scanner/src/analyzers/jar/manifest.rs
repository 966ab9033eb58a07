//! A JAR's manifest: the attributes that hint at who it is. Pure.
//!
//! Source: JAR File Specification, "Manifest specification"; OSGi Core, "Bundle manifest".

use crate::limits::MIB;

/// Largest file that states an identity, in bytes; real ones have a few hundred, a `pom.xml` up to
/// a hundred thousand.
pub(super) const MAX_IDENTITY_BYTES: u64 = MIB;

/// The main section's attributes that hint at an identity.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct Manifest {
    implementation_title: Option<String>,
    implementation_version: Option<String>,
    implementation_vendor_id: Option<String>,
    bundle_name: Option<String>,
    bundle_version: Option<String>,
    specification_title: Option<String>,
    specification_version: Option<String>,
    module: Option<String>,
}

impl Manifest {
    /// Reads the main section, which ends at the first blank line.
    pub(super) fn read(content: &[u8]) -> Self {
        let text = unfold(&String::from_utf8_lossy(content));
        let value = |key: &str| {
            text.lines()
                .find_map(|line| {
                    let (name, value) = line.split_once(':')?;
                    name.eq_ignore_ascii_case(key).then_some(value)
                })
                .map(|value| value.trim().to_owned())
                .filter(|value| !value.is_empty() && !value.contains("${"))
        };
        // Parameters of a directive follow the name.
        let bundle_name = value("Bundle-SymbolicName")
            .and_then(|name| name.split(';').next().map(|name| name.trim().to_owned()));
        Self {
            implementation_title: value("Implementation-Title"),
            implementation_version: value("Implementation-Version"),
            implementation_vendor_id: value("Implementation-Vendor-Id"),
            bundle_name,
            bundle_version: value("Bundle-Version"),
            specification_title: value("Specification-Title"),
            specification_version: value("Specification-Version"),
            module: value("Automatic-Module-Name"),
        }
    }

    /// Gives the version it states, the most exact first.
    pub(super) fn version(&self) -> Option<&str> {
        [
            &self.implementation_version,
            &self.bundle_version,
            &self.specification_version,
        ]
        .into_iter()
        .find_map(|version| version.as_deref())
        // Some builds put a revision or a time after the version.
        .and_then(|version| version.split_whitespace().next())
        .filter(|version| version.starts_with(|c: char| c.is_ascii_digit()))
    }

    /// Guesses the group of `artifact`: the vendor's id, or what precedes it in a bundle's name.
    pub(super) fn group(&self, artifact: &str) -> Option<String> {
        let before = |name: &String| {
            let group = name.strip_suffix(artifact)?.strip_suffix('.')?;
            (!group.is_empty()).then(|| group.to_owned())
        };
        let bundle = self.bundle_name.as_ref().and_then(before);
        let vendor = || {
            let id = self.implementation_vendor_id.as_ref();
            id.filter(|id| id.contains('.') && !id.contains(char::is_whitespace))
        };
        bundle.or_else(|| vendor().cloned())
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

/// Joins the lines that the 72 bytes of a line broke, up to the first blank one.
fn unfold(text: &str) -> String {
    let mut unfolded = String::with_capacity(text.len());
    for line in text.lines().map(|line| line.trim_end_matches('\r')) {
        if line.is_empty() {
            break;
        }
        if let Some(rest) = line.strip_prefix(' ') {
            unfolded.push_str(rest);
        } else {
            unfolded.push('\n');
            unfolded.push_str(line);
        }
    }
    unfolded
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
        assert_eq!(
            manifest.group("name").as_deref(),
            Some("org.example.very.long")
        );
        assert_eq!(manifest.group("other"), None);
    }

    #[test]
    fn a_vendor_is_a_group_only_where_it_looks_like_one() {
        for (value, wanted) in [
            ("org.springframework", Some("org.springframework")),
            ("Apache Software Foundation 2.0", None),
            ("oracle", None),
        ] {
            let text = format!("Implementation-Vendor-Id: {value}\nImplementation-Title: t\n");
            let manifest = Manifest::read(text.as_bytes());
            assert_eq!(manifest.group("a").as_deref(), wanted, "{value}");
        }
        let unfilled = Manifest::read(b"Implementation-Version: ${project.version}\n");
        assert_eq!(unfilled.version(), None);
    }
}
