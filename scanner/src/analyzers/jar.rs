//! Java archives: every artifact that a JAR, WAR or EAR names, and those of the archives inside.
//!
//! A shaded archive names several artifacts, and all of them are components. `jar/identity.rs`
//! decides what an archive is that names none: a guess may add a component, but only what the
//! archive itself proves spares the gap, for a wrong group would match nothing and look clean.
//!
//! Source: JAR File Specification; Maven Archiver, "pom.properties".

use sluicegate_model::coverage::GapKind;
use sluicegate_model::package::{Evidence, Package, PackageType};

use self::identity::{Artifact, Conclusion, Contents};
use super::archive::{Directory, Entry, MAX_MEMORY_BYTES, Reading, Source, ZipError};
use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, SpooledFile, WantedFile, Wants};
use crate::facts::Observations;
use crate::limits::{GIB, MIB};

mod file_name;
mod identity;
mod manifest;
mod pom;
mod well_known;

/// Endings of files that are zip archives of Java classes.
const ENDINGS: [&str; 8] = [
    ".jar", ".war", ".ear", ".par", ".jpi", ".hpi", ".lpkg", ".nar",
];

/// Largest file that states an identity, in bytes; real ones have a few hundred, a `pom.xml` up to
/// a hundred thousand.
const MAX_IDENTITY_BYTES: u64 = MIB;

pub(super) struct Jar;

impl Analyzer for Jar {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "language/jar",
            revision: 2,
        }
    }

    /// A renamed one is known by its first entries, which the `jar` tool and Maven write so.
    fn wants(&self) -> Vec<Wants<'_>> {
        vec![
            Wants::Ending(".jar"),
            Wants::Ending(".war"),
            Wants::Ending(".ear"),
            Wants::Ending(".par"),
            Wants::Ending(".jpi"),
            Wants::Ending(".hpi"),
            Wants::Ending(".lpkg"),
            Wants::Ending(".nar"),
            Wants::Content {
                starts: b"PK\x03\x04",
                holds: b"META-INF/",
            },
        ]
    }

    fn max_file_bytes(&self) -> u64 {
        MAX_MEMORY_BYTES
    }

    /// Applications with everything in one archive reach a few hundred MiB.
    fn max_spooled_bytes(&self) -> u64 {
        4 * GIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        let source = Source::Memory(file.content);
        let mut reading = Reading::new(file.limits, file.path, source.bytes(), found);
        Ok(archive(&mut reading, source, file.path, "", 0)?)
    }

    fn analyze_spooled(
        &self,
        file: SpooledFile<'_>,
        found: &mut Observations,
    ) -> Result<(), AnalyzeError> {
        let source = Source::of_spool(&file);
        let mut reading = Reading::new(file.limits, file.path, source.bytes(), found);
        Ok(archive(&mut reading, source, file.path, "", 0)?)
    }
}

/// Reads one archive; `path` is where it lies, `inside` its path within the file, empty for the
/// file itself.
fn archive(
    reading: &mut Reading<'_>,
    source: Source<'_>,
    path: &str,
    inside: &str,
    depth: u32,
) -> Result<(), ZipError> {
    let mut contents = Contents::new(path);
    reading.entries(source, inside, |reading, directory, entry| {
        take(reading, directory, &entry, inside, depth, &mut contents);
    })?;
    let Conclusion {
        artifacts,
        unreadable,
        unidentified,
    } = contents.conclude();
    for artifact in artifacts {
        reading.add(package(artifact), inside, Evidence::Installed);
    }
    for name in unreadable {
        reading.unreadable(inside, &name, "it names no group, artifact and version");
    }
    if let Some(detail) = unidentified {
        reading.gap(GapKind::JarUnidentified, inside, detail);
    }
    Ok(())
}

/// Takes from one entry what it says of the archive, or of the archive it is.
fn take(
    reading: &mut Reading<'_>,
    directory: &Directory<'_>,
    entry: &Entry,
    inside: &str,
    depth: u32,
    contents: &mut Contents,
) {
    let role = role(&entry.name);
    match role {
        Role::Other => {}
        Role::Class => contents.class(&entry.name),
        Role::Archive => reading.nested(directory, entry, inside, depth, |reading, part, inner| {
            archive(reading, part, inner, inner, depth + 1)
        }),
        Role::Properties | Role::PomXml | Role::Manifest => {
            let Some(content) = reading.content(directory, entry, inside, MAX_IDENTITY_BYTES)
            else {
                return;
            };
            match role {
                Role::Properties => contents.properties(&entry.name, &content),
                Role::PomXml => contents.pom(&entry.name, &content),
                _ => contents.manifest(&content),
            }
        }
    }
}

fn package(artifact: Artifact) -> Package {
    Package {
        name: format!("{}:{}", artifact.group, artifact.name),
        version: artifact.version,
        package_type: PackageType::Maven,
        architecture: None,
        source: None,
    }
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Role {
    Properties,
    PomXml,
    Manifest,
    Archive,
    Class,
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
    } else if lower.as_bytes().ends_with(b".class") {
        Role::Class
    } else if ENDINGS.iter().any(|ending| lower.ends_with(ending)) {
        Role::Archive
    } else {
        Role::Other
    }
}

#[cfg(test)]
mod tests;
