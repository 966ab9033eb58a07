//! Java archives: every artifact that a JAR, WAR or EAR names, and those of the archives inside.
//!
//! A shaded archive has several `pom.properties`, and all of them are components. One without any
//! identity is a gap with a guess, for a guessed group would match nothing and look clean.
//!
//! Source: JAR File Specification; Maven Archiver, "pom.properties".

use std::io::{Cursor, Read};

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Evidence, Package, PackageType};
use zip::ZipArchive;

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, WantedFile, Wants};
use crate::facts::{FoundPackage, Observations};
use crate::limits::{Limits, MIB};

mod identity;

/// Endings of files that are zip archives of Java classes.
const ENDINGS: [&str; 8] = [
    ".jar", ".war", ".ear", ".par", ".jpi", ".hpi", ".lpkg", ".nar",
];

/// Largest file that states an identity, in bytes; real ones have a few hundred.
const MAX_IDENTITY_BYTES: u64 = MIB;

pub(super) struct Jar;

impl Analyzer for Jar {
    fn id(&self) -> AnalyzerId {
        AnalyzerId {
            name: "language/jar",
            revision: 1,
        }
    }

    fn wants(&self) -> &'static [Wants] {
        &[
            Wants::Ending(".jar"),
            Wants::Ending(".war"),
            Wants::Ending(".ear"),
            Wants::Ending(".par"),
            Wants::Ending(".jpi"),
            Wants::Ending(".hpi"),
            Wants::Ending(".lpkg"),
            Wants::Ending(".nar"),
        ]
    }

    /// The archive lies in memory, for its directory is at its end.
    fn max_file_bytes(&self) -> u64 {
        64 * MIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        if !file.content.starts_with(b"PK") && find_end(file.content).is_none() {
            return Err(AnalyzeError("it is no zip archive".to_owned()));
        }
        let mut reading = Reading {
            limits: file.limits,
            bytes_left: file.limits.max_nested_bytes,
            entries_left: file.limits.max_nested_entries,
            path: file.path,
            found,
        };
        reading.archive(file.content, "", file.name(), 0)
    }
}

/// The budgets shared by an archive and all archives inside it.
struct Reading<'a> {
    limits: &'a Limits,
    bytes_left: u64,
    entries_left: u64,
    path: &'a str,
    found: &'a mut Observations,
}

impl Reading<'_> {
    /// Reads one archive; `inside` is its path within the file, empty for the file itself.
    fn archive(
        &mut self,
        content: &[u8],
        inside: &str,
        name: &str,
        depth: u32,
    ) -> Result<(), AnalyzeError> {
        let mut zip = ZipArchive::new(Cursor::new(content))
            .map_err(|error| AnalyzeError(error.to_string()))?;
        let mut state = Contents::default();
        let entries = u64::try_from(zip.len()).unwrap_or(u64::MAX);
        if entries > self.entries_left {
            self.budget(inside, "more entries than are read");
            return Ok(());
        }
        self.entries_left -= entries;
        for index in 0..zip.len() {
            self.entry(&mut zip, index, inside, depth, &mut state);
        }
        self.conclude(state, inside, name);
        Ok(())
    }

    fn entry(
        &mut self,
        zip: &mut ZipArchive<Cursor<&[u8]>>,
        index: usize,
        inside: &str,
        depth: u32,
        state: &mut Contents,
    ) {
        let name = match zip.by_index_raw(index) {
            Ok(entry) => String::from_utf8_lossy(entry.name_raw()).into_owned(),
            Err(error) => {
                return self.unreadable(inside, &format!("entry {index}"), &error.to_string());
            }
        };
        state.classes |= name.as_bytes().ends_with(b".class");
        let role = role(&name);
        if role == Role::Other {
            return;
        }
        if role == Role::Archive && depth >= self.limits.max_nested_depth {
            return self.budget(inside, "archives nested deeper than are read");
        }
        let most = if role == Role::Archive {
            self.bytes_left
        } else {
            self.bytes_left.min(MAX_IDENTITY_BYTES)
        };
        let content = match read_entry(zip, index, most) {
            Ok(Some(content)) => content,
            Ok(None) => return self.budget(inside, "contents larger than are read"),
            Err(why) => return self.unreadable(inside, &name, &why),
        };
        self.bytes_left = self
            .bytes_left
            .saturating_sub(u64::try_from(content.len()).unwrap_or(u64::MAX));
        match role {
            Role::Properties => state.properties.push(identity::properties(&content)),
            Role::PomXml => state.poms.extend(identity::from_pom_path(&name)),
            Role::Manifest => state.manifest = identity::manifest(&content),
            Role::Archive => self.nested(&content, inside, &name, depth),
            Role::Other => {}
        }
    }

    fn nested(&mut self, content: &[u8], inside: &str, name: &str, depth: u32) {
        let inner = if inside.is_empty() {
            name.to_owned()
        } else {
            format!("{inside}/{name}")
        };
        let file_name = name.rsplit('/').next().unwrap_or_default().to_owned();
        if let Err(error) = self.archive(content, &inner, &file_name, depth + 1) {
            self.unreadable(inside, name, &error.to_string());
        }
    }

    /// Turns what an archive says about itself into components or a gap.
    fn conclude(&mut self, state: Contents, inside: &str, name: &str) {
        let before = self.found.packages.len();
        for artifact in state.properties {
            match artifact {
                Some(artifact) => self.add(artifact, inside),
                None => {
                    self.unreadable(inside, "pom.properties", "it names no artifact and version");
                }
            }
        }
        if self.found.packages.len() > before {
            return;
        }
        let version = identity::version_in_name(name).or_else(|| state.manifest.version());
        if let ([(group, artifact)], Some(version)) = (state.poms.as_slice(), &version) {
            let (group, name, version) = (group.clone(), artifact.clone(), version.clone());
            return self.add(
                identity::Artifact {
                    group,
                    name,
                    version,
                },
                inside,
            );
        }
        if state.classes {
            let guess = state.manifest.guess().unwrap_or_else(|| name.to_owned());
            let detail =
                format!("the archive {name:?} names no Maven artifact; it may be {guess:?}");
            self.gap(GapKind::JarUnidentified, inside, detail);
        }
    }

    fn add(&mut self, artifact: identity::Artifact, inside: &str) {
        self.found.packages.push(FoundPackage {
            package: Package {
                name: format!("{}:{}", artifact.group, artifact.name),
                version: artifact.version,
                package_type: PackageType::Maven,
                architecture: None,
                source: None,
            },
            inside: inside.to_owned(),
            evidence: Evidence::Installed,
        });
    }

    fn budget(&mut self, inside: &str, what: &str) {
        let path = join(self.path, inside);
        self.found
            .gaps
            .push(Gap::fatal(GapKind::Budget, format!("the archive has {what}")).at(path));
    }

    fn unreadable(&mut self, inside: &str, name: &str, why: &str) {
        self.gap(
            GapKind::FileUnreadable,
            inside,
            format!("{name:?} in the archive could not be read: {why}"),
        );
    }

    fn gap(&mut self, kind: GapKind, inside: &str, detail: String) {
        let path = join(self.path, inside);
        self.found.gaps.push(Gap::partial(kind, detail).at(path));
    }
}

/// What an archive says about itself.
#[derive(Default)]
struct Contents {
    properties: Vec<Option<identity::Artifact>>,
    poms: Vec<(String, String)>,
    manifest: identity::Manifest,
    classes: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Properties,
    PomXml,
    Manifest,
    Archive,
    Other,
}

fn role(name: &str) -> Role {
    let lower = name.to_ascii_lowercase();
    if lower.starts_with("meta-inf/maven/") && lower.ends_with("/pom.properties") {
        Role::Properties
    } else if lower.starts_with("meta-inf/maven/") && lower.ends_with("/pom.xml") {
        Role::PomXml
    } else if lower == "meta-inf/manifest.mf" {
        Role::Manifest
    } else if ENDINGS.iter().any(|ending| lower.ends_with(ending)) {
        Role::Archive
    } else {
        Role::Other
    }
}

/// Reads an entry in full; none where it has more than `most` bytes.
fn read_entry(
    zip: &mut ZipArchive<Cursor<&[u8]>>,
    index: usize,
    most: u64,
) -> Result<Option<Vec<u8>>, String> {
    let entry = zip.by_index(index).map_err(|error| error.to_string())?;
    let mut content = Vec::new();
    entry
        .take(most.saturating_add(1))
        .read_to_end(&mut content)
        .map_err(|error| error.to_string())?;
    let size = u64::try_from(content.len()).unwrap_or(u64::MAX);
    Ok((size <= most).then_some(content))
}

/// Finds a zip archive's end record, for archives that start with something else.
fn find_end(content: &[u8]) -> Option<usize> {
    // The record is 22 bytes and a comment of at most 65,535. Source: APPNOTE 4.3.16.
    let from = content.len().saturating_sub(22 + 65_535);
    let tail = content.get(from..).unwrap_or_default();
    tail.windows(4).rposition(|window| window == b"PK\x05\x06")
}

/// Joins a file's path and a path inside it.
fn join(path: &str, inside: &str) -> String {
    if inside.is_empty() {
        path.to_owned()
    } else {
        format!("{path}/{inside}")
    }
}

#[cfg(test)]
mod tests;
