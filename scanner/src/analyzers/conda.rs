//! Packages of Conda environments: one file for each in `conda-meta`.
//!
//! A Python package of an environment also has its own metadata there, and is reported under both
//! names: advisories of the two ecosystems differ.
//!
//! Source: conda documentation, "Conda environments", `conda-meta`.

use serde::Deserialize;
use sluicegate_model::package::{Package, PackageType};

use super::records::from_json;
use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, WantedFile, Wants};
use crate::facts::Observations;
use crate::limits::MIB;

pub(super) struct Conda;

impl Analyzer for Conda {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "language/conda",
            revision: 1,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![Wants::InDirsNamed {
            dir: "conda-meta",
            ending: ".json",
        }]
    }

    /// A record lists every file of its package with a digest: tens of thousands take some MiB.
    fn max_file_bytes(&self) -> u64 {
        16 * MIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        let record: PrefixRecord = from_json(file.content)?;
        if record.name.is_empty() || record.version.is_empty() {
            return Err(AnalyzeError::of("its name or version is empty"));
        }
        found.add(Package {
            architecture: record.subdir,
            ..Package::of_language(PackageType::Conda, record.name, record.version)
        });
        Ok(())
    }
}

#[derive(Deserialize)]
struct PrefixRecord {
    name: String,
    version: String,
    /// The platform, such as `linux-64` or `noarch`.
    subdir: Option<String>,
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::tests::analyze;

    #[test]
    fn reads_one_package_from_each_record() {
        let text = br#"{"arch":"x86_64","build":"h0_1","channel":"https://x/main","depends":[],
            "files":["lib/libssl.so.3"],"name":"openssl","subdir":"linux-64","version":"3.0.7"}"#;
        let found = analyze(&Conda, "opt/env/conda-meta/openssl-3.0.7-h0_1.json", text);
        let package = &found.packages[0].package;
        assert_eq!((&*package.name, &*package.version), ("openssl", "3.0.7"));
        assert_eq!(package.architecture.as_deref(), Some("linux-64"));
    }

    #[test]
    fn a_record_without_identity_is_a_gap() {
        for text in [&b"{}"[..], br#"{"name":"a","version":""}"#, b"[]", b""] {
            let found = analyze(&Conda, "conda-meta/a.json", text);
            assert_eq!((found.packages.len(), found.gaps.len()), (0, 1));
        }
    }
}
