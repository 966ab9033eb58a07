//! What Bitnami's images are built of: `.bitnami_components.json` in `/opt/bitnami`, an object of the
//! components that were unpacked there, each with its version and Bitnami's revision of it.
//!
//! Source: the images of bitnami/containers.

use serde::Deserialize;
use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Package, PackageType};

use super::records::{Record, Records, from_json};
use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, WantedFile, Wants};
use crate::facts::Observations;
use crate::limits::MIB;

pub(super) struct Bitnami;

impl Analyzer for Bitnami {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "language/bitnami",
            revision: 1,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![Wants::Named(".bitnami_components.json")]
    }

    /// An image has some ten components, of about 200 bytes each.
    fn max_file_bytes(&self) -> u64 {
        MIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        let components: Records<BitnamiComponent> = from_json(file.content)?;
        for package in components.kept {
            found.add(package);
        }
        let others = components.others;
        if others > 0 {
            let detail = format!("{others} of its components have no name and version");
            found
                .gaps
                .push(Gap::partial(GapKind::RecordUnreadable, detail).at(file.path));
        }
        Ok(())
    }
}

/// A component, by its name.
#[derive(Deserialize)]
struct BitnamiComponent {
    version: Option<String>,
}

impl Record for BitnamiComponent {
    type Kept = Package;

    fn keep(self, key: &str, kept: &mut Vec<Package>) {
        let version = self.version.filter(|version| !version.is_empty());
        if let Some(version) = version.filter(|_| !key.is_empty()) {
            kept.push(Package::of_language(PackageType::Bitnami, key, version));
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::tests::analyze;

    const PATH: &str = "opt/bitnami/.bitnami_components.json";

    #[test]
    fn reads_every_component() {
        let text =
            br#"{"nginx":{"arch":"amd64","distro":"debian-12","type":"NAMI","version":"1.25.3-1"},
            "render-template":{"version":"1.0.6-4"}}"#;
        let found = analyze(&Bitnami, PATH, text);
        let packages: Vec<_> = found.packages.iter().map(|found| &found.package).collect();
        let shown: Vec<_> = packages
            .iter()
            .map(|package| (&*package.name, &*package.version))
            .collect();
        assert_eq!(
            shown,
            [("nginx", "1.25.3-1"), ("render-template", "1.0.6-4")]
        );
        assert_eq!(packages[0].package_type, PackageType::Bitnami);
        assert_eq!(found.gaps, []);
    }

    #[test]
    fn a_component_without_a_version_is_a_gap() {
        let text = br#"{"a":{"version":"1"},"b":{},"c":{"version":null},"":{"version":"1"}}"#;
        let found = analyze(&Bitnami, PATH, text);
        assert_eq!((found.packages.len(), found.gaps.len()), (1, 1));
        assert_eq!(found.gaps[0].kind, GapKind::RecordUnreadable);
        for text in [&b""[..], b"{", br#"{"a":1}"#, br#"{"a":{"version":7}}"#] {
            let found = analyze(&Bitnami, PATH, text);
            assert_eq!((found.packages.len(), found.gaps.len()), (0, 1));
        }
    }
}
