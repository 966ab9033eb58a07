//! Python distributions in zip archives: eggs, wheels, and applications in one file.
//!
//! An interpreter imports from all of them. An application without any metadata of what it carries
//! is a gap.
//!
//! Source: PyPA, "Binary distribution format"; setuptools, "The internal structure of Python eggs";
//! PEP 441; PEP 770.

use sluicegate_model::coverage::GapKind;
use sluicegate_model::package::Evidence;

use super::{distribution, metadata};
use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, SpooledFile, WantedFile, Wants};
use crate::analyzers::archive::{Directory, Entry, MAX_MEMORY_BYTES, Reading, Source, ZipError};
use crate::analyzers::sbom;
use crate::facts::Observations;
use crate::limits::{GIB, MIB};

/// Largest metadata that is read within an archive, in bytes.
const MAX_METADATA_BYTES: u64 = 4 * MIB;

pub(in crate::analyzers) struct PythonArchive;

impl Analyzer for PythonArchive {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "language/python-archive",
            revision: 1,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![
            Wants::Ending(".egg"),
            Wants::Ending(".whl"),
            Wants::Ending(".pyz"),
            Wants::Ending(".pex"),
        ]
    }

    fn max_file_bytes(&self) -> u64 {
        MAX_MEMORY_BYTES
    }

    /// The largest wheels on PyPI have about a GiB.
    fn max_spooled_bytes(&self) -> u64 {
        4 * GIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        let source = Source::Memory(file.content);
        let reading = Reading::new(file.limits, file.path, source.bytes(), found);
        Ok(archive(reading, source)?)
    }

    fn analyze_spooled(
        &self,
        file: SpooledFile<'_>,
        found: &mut Observations,
    ) -> Result<(), AnalyzeError> {
        let source = Source::of_spool(&file);
        let reading = Reading::new(file.limits, file.path, source.bytes(), found);
        Ok(archive(reading, source)?)
    }
}

fn archive(mut reading: Reading<'_>, source: Source<'_>) -> Result<(), ZipError> {
    let mut named = false;
    reading.entries(source, "", |reading, directory, entry| {
        named |= take(reading, directory, &entry);
    })?;
    if !named {
        let detail = "the archive does not say which Python distributions it holds".to_owned();
        reading.gap(GapKind::StrippedMetadata, "", detail);
    }
    Ok(())
}

/// Takes what an entry states; tells whether it is the metadata of a distribution.
fn take(reading: &mut Reading<'_>, directory: &Directory<'_>, entry: &Entry) -> bool {
    let name = entry.name.as_str();
    let is_metadata = metadata::is_evidence(name);
    if !is_metadata && !is_sbom(name) {
        return false;
    }
    let Some(content) = reading.content(directory, entry, "", MAX_METADATA_BYTES) else {
        return is_metadata;
    };
    if !is_metadata {
        match sbom::packages(&content) {
            Ok(packages) => {
                for package in packages {
                    reading.add(package, name, Evidence::Claimed);
                }
            }
            Err(error) => reading.unreadable("", name, &error.to_string()),
        }
    } else if let Some((distribution_name, version)) = metadata::headers(&content) {
        let package = distribution(distribution_name, version);
        reading.add(package, name, Evidence::Installed);
    } else {
        reading.unreadable("", name, "it has no readable name and version");
    }
    is_metadata
}

/// Tells whether an entry is an SBOM where PEP 770 puts it.
fn is_sbom(name: &str) -> bool {
    name.split_once(".dist-info/sboms/")
        .and_then(|(_, file)| file.rsplit_once('.'))
        .is_some_and(|(_, ending)| ending == "json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::archive::tests::zip;
    use crate::analyzers::tests::analyze;

    const METADATA: &[u8] = b"Name: a\nVersion: 1.0\n\nbody";

    #[test]
    fn each_form_names_its_distributions() {
        for (path, inside) in [
            ("x/a-1.0-py3-none-any.whl", "a-1.0.dist-info/METADATA"),
            ("x/a-1.0-py3.11.egg", "EGG-INFO/PKG-INFO"),
            ("app.pyz", "site-packages/a-1.0.dist-info/METADATA"),
            ("app.pex", ".deps/a.whl/a-1.0.dist-info/METADATA"),
        ] {
            let content = [
                b"#!/usr/bin/env python3\n".to_vec(),
                zip(&[("a/__init__.py", b""), (inside, METADATA)]),
            ];
            let found = analyze(&PythonArchive, path, &content.concat());
            assert_eq!(found.gaps, [], "{path}");
            let packages: Vec<_> = found.packages.iter().collect();
            assert_eq!(packages.len(), 1, "{path}");
            assert_eq!(packages[0].package.name, "a");
            assert_eq!(packages[0].inside, inside);
        }
    }

    #[test]
    fn archives_without_metadata_are_gaps() {
        let unnamed = zip(&[("a-1.0.dist-info/METADATA", b"Name: a\n")]);
        let stripped = zip(&[("__main__.py", b"import a")]);
        for (content, gap) in [
            (unnamed.as_slice(), GapKind::FileUnreadable),
            (stripped.as_slice(), GapKind::StrippedMetadata),
            (b"no archive", GapKind::FileUnreadable),
        ] {
            let found = analyze(&PythonArchive, "app.pyz", content);
            let gaps: Vec<_> = found.gaps.iter().map(|gap| gap.kind).collect();
            assert_eq!((found.packages.len(), gaps), (0, vec![gap]));
        }
    }

    #[test]
    fn an_sbom_in_a_wheel_is_a_claim() {
        let bom = br#"{"bomFormat":"CycloneDX","components":[{"purl":"pkg:cargo/ring@0.17.0"}]}"#;
        let content = zip(&[
            ("a-1.0.dist-info/METADATA", METADATA),
            ("a-1.0.dist-info/sboms/rust.cdx.json", bom),
            ("a-1.0.dist-info/sboms/bad.cdx.json", b"{"),
        ]);
        let found = analyze(&PythonArchive, "a.whl", &content);
        let claimed: Vec<_> = found
            .packages
            .iter()
            .filter(|found| found.evidence == Evidence::Claimed)
            .map(|found| found.package.name.as_str())
            .collect();
        assert_eq!((claimed, found.gaps.len()), (vec!["ring"], 1));
    }
}
