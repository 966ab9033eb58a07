//! Installed Python distributions: `*.dist-info/METADATA`, `*.egg-info` and their relatives, and what
//! pip says that it carries inside.
//!
//! Source: PyPA, "Recording installed projects" and "Core metadata specifications".

use sluicegate_model::package::{Evidence, Package, PackageType};

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, WantedFile, Wants};
use crate::facts::{Observations, Record};
use crate::limits::MIB;

mod archive;
mod classifier;
mod distribution;
mod metadata;

use self::distribution::distribution;

pub(super) use metadata::is_evidence;

pub(super) use archive::{ARCHIVE_ENDINGS, Holding};

pub(super) struct Python;

impl Analyzer for Python {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "language/python",
            revision: 5,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![
            Wants::Named("METADATA"),
            Wants::Named("PKG-INFO"),
            Wants::Ending(".egg-info"),
            Wants::InDirsNamed {
                dir: "_vendor",
                ending: ".txt",
            },
        ]
    }

    /// Metadata carries the whole description, images as text included.
    fn max_file_bytes(&self) -> u64 {
        16 * MIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        if file.path.ends_with("/_vendor/vendor.txt") {
            let pins = metadata::pins(file.content);
            for (name, version) in pins {
                let package = Package::of_language(PackageType::Python, name, version);
                found.add_on(Evidence::Claimed, package);
            }
        } else if metadata::is_evidence(file.path) {
            let stated = metadata::headers(file.content).ok_or_else(unnamed)?;
            found.add(distribution(stated));
        } else if let Some(stated) = metadata::headers(file.content) {
            found.add_candidate(Record::Python, distribution(stated));
        }
        Ok(())
    }
}

/// Tells whether a link of this name may stand for a record, or for the directory of one.
pub(super) fn may_be_record(name: &str) -> bool {
    let lower = name.to_ascii_lowercase();
    let endings = [".dist-info", ".egg-info"];
    matches!(name, "METADATA" | "PKG-INFO" | "EGG-INFO")
        || endings.iter().any(|ending| lower.ends_with(ending))
}

fn unnamed() -> AnalyzeError {
    AnalyzeError::of("it has no readable name and version")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::tests::analyze;

    #[test]
    fn reads_metadata_only_where_installers_put_it() {
        let text = b"Metadata-Version: 2.1\nName: Flask\nVersion: 1.0\n\nName: body\n";
        for (path, packages) in [
            (
                "usr/lib/python3/dist-packages/Flask-1.0.dist-info/METADATA",
                1,
            ),
            ("x/Flask.egg-info/PKG-INFO", 1),
            ("x/Flask-1.0-py3.11.egg/EGG-INFO/PKG-INFO", 1),
            ("x/Flask-1.0.egg-info", 1),
            ("x/other/METADATA", 0),
            ("x/src/PKG-INFO", 0),
            ("x/_vendor/licenses.txt", 0),
        ] {
            let found = analyze(&Python, path, text);
            assert_eq!(found.packages.len(), packages, "{path}");
            assert_eq!(found.gaps, [], "{path}");
        }
    }

    #[test]
    fn metadata_without_a_version_is_a_gap() {
        let found = analyze(&Python, "a.dist-info/METADATA", b"Name: a\n\nVersion: 1\n");
        assert_eq!((found.packages.len(), found.gaps.len()), (0, 1));
    }

    #[test]
    fn what_pip_carries_inside_is_a_claim() {
        let text = b"# comment\nurllib3==1.26.17  # why\n    idna===3.7\nloose>=1\nv==${V}\n";
        let found = analyze(&Python, "site-packages/pip/_vendor/vendor.txt", text);
        let packages: Vec<_> = found
            .packages
            .iter()
            .map(|found| {
                let package = &found.package;
                (&*package.name, &*package.version, found.evidence)
            })
            .collect();
        let claimed = Evidence::Claimed;
        let wanted = [("urllib3", "1.26.17", claimed), ("idna", "3.7", claimed)];
        assert_eq!(packages, wanted);
    }
}
