//! Marks that builds other than Maven's leave of an artifact: `META-INF/GROUP.versions.properties`,
//! `META-INF/GROUP_ARTIFACT.version` and `META-INF/native-image/GROUP/ARTIFACT/`. Pure.
//!
//! A merged archive keeps them of everything it was merged from.
//!
//! Source: Netty, `io.netty.util.Version`; Armeria, `com.linecorp.armeria.common.util.Version`;
//! Android Gradle plugin, "version files"; GraalVM, "Native Image build configuration".

use std::collections::BTreeSet;

use super::artifact::Artifact;
use super::file_name::FileName;

/// Most marks of one archive that are kept; the largest real ones have a hundred.
const MAX_MARKS: usize = 10_000;

/// A mark by its entry's name, which begins with `META-INF/`.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Mark<'n> {
    /// A list of modules of a group, with their versions.
    Versions { group: &'n str },
    /// One artifact's version.
    Version { group: &'n str, name: &'n str },
    /// A directory of one artifact.
    NativeImage { group: &'n str, name: &'n str },
}

impl<'n> Mark<'n> {
    /// Reads what an entry's name says.
    pub(super) fn of(name: &'n str) -> Option<Self> {
        let name = name.strip_prefix("META-INF/")?;
        if let Some(rest) = name.strip_prefix("native-image/") {
            let (group, rest) = rest.split_once('/')?;
            let (name, _) = rest.split_once('/')?;
            return is_dotted(group).then_some(Self::NativeImage { group, name });
        }
        if name.contains('/') {
            return None;
        }
        if let Some(group) = name.strip_suffix(".versions.properties") {
            return is_dotted(group).then_some(Self::Versions { group });
        }
        let (group, name) = name.strip_suffix(".version")?.split_once('_')?;
        let is_whole = !group.is_empty() && !name.is_empty();
        is_whole.then_some(Self::Version { group, name })
    }
}

/// The marks of one archive.
#[derive(Default)]
pub(super) struct Marks {
    modules: BTreeSet<Artifact>,
    native: BTreeSet<(String, String)>,
}

impl Marks {
    /// Takes in a mark that needs no content.
    pub(super) fn native_image(&mut self, group: &str, name: &str) {
        if self.native.len() < MAX_MARKS {
            self.native.insert((group.to_owned(), name.to_owned()));
        }
    }

    /// Takes in one that needs its content.
    pub(super) fn content(&mut self, mark: Mark<'_>, content: &[u8]) {
        let text = String::from_utf8_lossy(content);
        let found: Vec<Artifact> = match mark {
            Mark::Versions { group } => versions(group, &text).collect(),
            Mark::Version { group, name } => {
                let version = text.trim();
                let artifact = Artifact::new(group, name, version);
                let is_one = version.starts_with(|c: char| c.is_ascii_digit());
                is_one.then_some(artifact).into_iter().collect()
            }
            Mark::NativeImage { .. } => Vec::new(),
        };
        for artifact in found {
            if self.modules.len() < MAX_MARKS && artifact.is_believable() {
                self.modules.insert(artifact);
            }
        }
    }

    /// Gives the artifacts whose versions are stated.
    pub(super) fn modules(&self) -> impl Iterator<Item = &Artifact> {
        self.modules.iter()
    }

    /// Gives the group of the artifact that the file is called by, which GraalVM's directories name.
    pub(super) fn group_of(&self, file: &FileName) -> Option<(&str, &str)> {
        let version = file.version.as_deref().unwrap_or_default();
        let own =
            |(group, name): &&(String, String)| file.is_of(&Artifact::new(group, name, version));
        let mut own = self.native.iter().filter(own);
        let (group, name) = own.next()?;
        let is_sole = own.next().is_none();
        is_sole.then_some((group.as_str(), name.as_str()))
    }

    /// Gives the one group that all of GraalVM's directories are of.
    pub(super) fn sole_group(&self) -> Option<&str> {
        let mut groups = self.native.iter().map(|(group, _)| group.as_str());
        let first = groups.next()?;
        groups.all(|other| other == first).then_some(first)
    }
}

fn versions<'a>(group: &'a str, text: &'a str) -> impl Iterator<Item = Artifact> + 'a {
    text.lines().filter_map(move |line| {
        let (key, version) = line.trim().split_once(['=', ':'])?;
        let name = key.trim().strip_suffix(".version")?;
        let version = version.trim();
        let is_whole = !name.is_empty() && version.starts_with(|c: char| c.is_ascii_digit());
        is_whole.then(|| Artifact::new(group, name, version))
    })
}

fn is_dotted(group: &str) -> bool {
    group.split('.').count() > 1 && group.split('.').all(|part| !part.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::jar::file_name;

    #[test]
    fn names_of_entries_are_marks() {
        let (group, name) = ("io.netty", "codec-http");
        for (entry, wanted) in [
            (
                "META-INF/io.netty.versions.properties",
                Some(Mark::Versions { group }),
            ),
            (
                "META-INF/native-image/io.netty/codec-http/x.json",
                Some(Mark::NativeImage { group, name }),
            ),
            (
                "META-INF/io.netty_codec-http.version",
                Some(Mark::Version { group, name }),
            ),
            ("META-INF/native-image/x.properties", None),
            ("META-INF/native-image/a/b/x.properties", None),
            ("META-INF/versions.properties", None),
            ("META-INF/x.version", None),
            ("x/io.netty.versions.properties", None),
        ] {
            assert_eq!(Mark::of(entry), wanted, "{entry}");
        }
    }

    #[test]
    fn each_module_of_a_list_is_one() {
        let text = "#Generated\nnetty-codec.version=4.1.42.Final\n\
                    netty-codec.buildDate=2020\nnetty-codec.version=4.1.42.Final\n\
                    netty-buffer.version = 4.1.41.Final\nx.version=${y}\n";
        let mut marks = Marks::default();
        marks.content(Mark::Versions { group: "io.netty" }, text.as_bytes());
        marks.content(
            Mark::Version {
                group: "g",
                name: "a",
            },
            b"task ':a' property",
        );
        let wanted = [
            Artifact::new("io.netty", "netty-buffer", "4.1.41.Final"),
            Artifact::new("io.netty", "netty-codec", "4.1.42.Final"),
        ];
        assert!(marks.modules().eq(&wanted));
    }

    #[test]
    fn a_directory_for_native_images_names_the_file_or_only_the_group() {
        let mut marks = Marks::default();
        marks.native_image("org.x", "a");
        let found = |name| marks.group_of(&file_name::split(name));
        assert_eq!(found("a-1.0.jar"), Some(("org.x", "a")));
        assert_eq!(found("org.x.a-1.0.jar"), Some(("org.x", "a")));
        assert_eq!(found("x-a-1.0.jar"), None);
        assert_eq!(marks.sole_group(), Some("org.x"));
    }
}
