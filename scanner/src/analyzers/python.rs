//! Installed Python distributions: `*.dist-info/METADATA`, `*.egg-info` and their relatives.
//!
//! Source: PyPA, "Recording installed projects" and "Core metadata specifications".

use sluicegate_model::package::{Package, PackageType};

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, WantedFile, Wants};
use crate::facts::Observations;
use crate::limits::MIB;

pub(super) struct Python;

impl Analyzer for Python {
    fn id(&self) -> AnalyzerId {
        AnalyzerId {
            name: "language/python",
            revision: 1,
        }
    }

    fn wants(&self) -> &'static [Wants] {
        &[
            Wants::Named("METADATA"),
            Wants::Named("PKG-INFO"),
            Wants::Ending(".egg-info"),
        ]
    }

    /// Metadata carries the whole description, images as text included.
    fn max_file_bytes(&self) -> u64 {
        16 * MIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        if !is_evidence(file.path) {
            return Ok(());
        }
        let (name, version) = headers(file.content);
        let (Some(name), Some(version)) = (name, version) else {
            return Err(AnalyzeError(
                "it has no readable name and version".to_owned(),
            ));
        };
        found.add(Package {
            name,
            version,
            package_type: PackageType::Python,
            architecture: None,
            source: None,
        });
        Ok(())
    }
}

/// Tells whether a path is where installers record a distribution.
fn is_evidence(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let name = parts.next().unwrap_or_default();
    let dir = parts.next().unwrap_or_default().to_ascii_lowercase();
    match name {
        "METADATA" => dir.ends_with(".dist-info"),
        "PKG-INFO" => dir.ends_with(".egg-info") || dir == "egg-info",
        _ => true,
    }
}

/// Gives name and version from the header, which ends at the first blank line.
fn headers(content: &[u8]) -> (Option<String>, Option<String>) {
    let (mut name, mut version) = (None, None);
    for line in content.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii_end();
        if line.is_empty() {
            break;
        }
        let Some(colon) = line.iter().position(|byte| *byte == b':') else {
            continue;
        };
        let (key, value) = line.split_at(colon);
        let slot = if key.eq_ignore_ascii_case(b"name") {
            &mut name
        } else if key.eq_ignore_ascii_case(b"version") {
            &mut version
        } else {
            continue;
        };
        let value = value.get(1..).unwrap_or_default().trim_ascii();
        if slot.is_none() && !value.is_empty() {
            *slot = std::str::from_utf8(value).ok().map(str::to_owned);
        }
    }
    (name, version)
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
}
