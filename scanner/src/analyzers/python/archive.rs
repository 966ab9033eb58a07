//! Python distributions in zip archives: eggs, wheels, and applications in one file.
//!
//! An interpreter imports from all of them. An application without any metadata of what it carries
//! is a gap.
//!
//! Source: PyPA, "Binary distribution format"; setuptools, "The internal structure of Python eggs";
//! PEP 441; PEP 770.

use sluicegate_model::coverage::GapKind;
use sluicegate_model::package::{Evidence, PackageType};

use super::distribution::distribution;
use super::metadata;
use crate::analyzers::entries::{Member, Reading};
use crate::analyzers::sbom;
use crate::limits::MIB;

/// Endings of files that are zip archives of Python code.
pub(in crate::analyzers) const ARCHIVE_ENDINGS: [&str; 4] = [".egg", ".whl", ".pyz", ".pex"];

/// Largest metadata that is read within an archive, in bytes.
const MAX_METADATA_BYTES: u64 = 4 * MIB;

/// What an archive says of Python distributions.
#[derive(Debug, Default)]
pub(in crate::analyzers) struct Holding {
    /// Whether some distribution's metadata was there, readable or not.
    has_metadata: bool,
    /// Whether an interpreter runs the archive.
    is_program: bool,
    /// Whether there is code beside what starts the program.
    has_code: bool,
}

impl Holding {
    /// Takes what an entry says; tells whether it is Python's.
    pub(in crate::analyzers) fn take(
        &mut self,
        reading: &mut Reading<'_>,
        member: &mut dyn Member,
        inside: &str,
    ) -> bool {
        let name = member.name().to_owned();
        self.note_code(&name);
        let is_metadata = metadata::is_evidence(&name);
        self.has_metadata |= is_metadata;
        if !is_metadata && !is_sbom(&name) {
            return false;
        }
        let place = Reading::join(inside, &name);
        let Some(content) = reading.content(member, inside, MAX_METADATA_BYTES) else {
            return true;
        };
        if !is_metadata {
            match sbom::packages(&content) {
                Ok(packages) => {
                    for package in packages {
                        reading.add(package, &place, Evidence::Claimed);
                    }
                }
                Err(error) => reading.unreadable(inside, &name, &error.to_string()),
            }
        } else if let Some(stated) = metadata::headers(&content) {
            reading.add(distribution(stated), &place, Evidence::Installed);
        } else {
            reading.unreadable(inside, &name, "it has no readable name and version");
        }
        true
    }

    /// Says where code has nothing that names it; `before` packages were found before those of this
    /// archive, and `is_named` says that it is called a Python archive.
    pub(in crate::analyzers) fn conclude(
        self,
        reading: &mut Reading<'_>,
        inside: &str,
        before: usize,
        is_named: bool,
    ) {
        let mut found = reading.packages().iter().skip(before);
        let is_of_python = found.any(|found| found.package.package_type == PackageType::Python);
        let is_python = is_named || (self.is_program && self.has_code);
        if is_python && !self.has_metadata && !is_of_python {
            let detail = "the archive does not say which Python distributions it holds".to_owned();
            reading.hold();
            reading.gap(GapKind::StrippedMetadata, inside, detail);
        }
    }

    /// Source: Python documentation, `zipapp`; shiv and pex have their own loaders beside.
    fn note_code(&mut self, name: &str) {
        let (stem, ending) = name.rsplit_once('.').unwrap_or((name, ""));
        let is_code = matches!(ending, "py" | "pyc" | "so");
        let is_start = is_code && stem == "__main__";
        self.is_program |= is_start;
        let is_loader = ["_bootstrap/", ".bootstrap/", "__pex__/"]
            .iter()
            .any(|dir| name.starts_with(dir));
        self.has_code |= is_code && !is_start && !is_loader;
    }
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
    use crate::analyzers::archive::Archives;
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
            let found = analyze(&Archives::default(), path, &content.concat());
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
            let found = analyze(&Archives::default(), "app.pyz", content);
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
        let found = analyze(&Archives::default(), "a.whl", &content);
        let claimed: Vec<_> = found
            .packages
            .iter()
            .filter(|found| found.evidence == Evidence::Claimed)
            .map(|found| found.package.name.as_str())
            .collect();
        assert_eq!((claimed, found.gaps.len()), (vec!["ring"], 1));
    }
}
