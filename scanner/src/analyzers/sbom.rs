//! SBOMs inside images: CycloneDX and SPDX. Somebody's word, so each package is a claim, which adds
//! to what is found and never takes from it; VEX statements in them are not looked at.
//!
//! Source: CycloneDX 1.2 to 1.6, JSON; SPDX 2.2 and 2.3, JSON and tag-value; PEP 770.

use sluicegate_model::package::{Evidence, Package};

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, WantedFile, Wants};
use crate::facts::Observations;
use crate::limits::MIB;

mod documents;
mod purls;

pub use self::purls::package_of;

pub(super) struct Sbom;

impl Analyzer for Sbom {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "claims/sbom",
            revision: 2,
        }
    }

    /// apko, Bitnami and wheels put theirs where these endings and directories say.
    fn wants(&self) -> Vec<Wants<'_>> {
        vec![
            Wants::Ending(".cdx.json"),
            Wants::Ending(".spdx.json"),
            Wants::Ending(".spdx"),
            Wants::Named("bom.json"),
            Wants::Named("sbom.json"),
            Wants::InDirsNamed {
                dir: "sboms",
                ending: ".json",
            },
        ]
    }

    /// Text of a whole image's SBOM; the largest seen have a few MiB.
    fn max_file_bytes(&self) -> u64 {
        16 * MIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        match packages(file.content) {
            Ok(packages) => {
                for package in packages {
                    found.add_on(Evidence::Claimed, package);
                }
                Ok(())
            }
            // Other tools use these names for files of their own.
            Err(_) if !says_sbom(file.name()) => Ok(()),
            Err(error) => Err(error),
        }
    }
}

/// Gives the packages that an SBOM names by purl, in its order.
pub(super) fn packages(content: &[u8]) -> Result<Vec<Package>, AnalyzeError> {
    let purls = documents::purls(content)?;
    Ok(purls
        .iter()
        .filter_map(|purl| purls::package(purl))
        .collect())
}

/// Tells whether a file's name leaves no doubt of what it is.
fn says_sbom(name: &str) -> bool {
    let name = name.to_ascii_lowercase();
    name.ends_with(".cdx.json") || name.ends_with(".spdx.json")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::tests::analyze;

    /// Gives the names of the packages claimed, and the number of gaps.
    fn claims(path: &str, text: &str) -> (Vec<String>, usize) {
        let found = analyze(&Sbom, path, text.as_bytes());
        let names = found.packages.into_iter().map(|found| {
            assert_eq!(found.evidence, Evidence::Claimed);
            format!("{}@{}", found.package.name, found.package.version)
        });
        (names.collect(), found.gaps.len())
    }

    #[test]
    fn each_form_names_its_packages() {
        let cyclone = r#"{"bomFormat":"CycloneDX","specVersion":"1.5",
            "metadata":{"component":{"name":"app","purl":"pkg:npm/app@1"}},
            "components":[{"name":"nameless"},{"purl":"pkg:npm/a@2",
                "components":[{"purl":"pkg:npm/%40s/b@3"}]}],
            "vulnerabilities":[{"analysis":{"state":"not_affected"}}]}"#;
        let spdx = r#"{"spdxVersion":"SPDX-2.3","packages":[{"name":"x","externalRefs":[
            {"referenceType":"cpe23Type","referenceLocator":"cpe:2.3:a:x"},
            {"referenceType":"purl","referenceLocator":"pkg:maven/org.x/y@4"}]},{"name":"z"}]}"#;
        let tags = "SPDXVersion: SPDX-2.2\nPackageName: x\n\
                    ExternalRef: PACKAGE-MANAGER purl pkg:pypi/x@5\n\
                    ExternalRef: SECURITY cpe23Type cpe:2.3:a:x\n";
        for (path, text, wanted) in [
            ("app/bom.json", cyclone, &["app@1", "a@2", "@s/b@3"][..]),
            ("var/lib/db/sbom/x.spdx.json", spdx, &["org.x:y@4"]),
            ("opt/bitnami/x/.spdx-x.spdx", spdx, &["org.x:y@4"]),
            ("usr/share/x.spdx", tags, &["x@5"]),
            (
                "x.dist-info/sboms/a.json",
                cyclone,
                &["app@1", "a@2", "@s/b@3"],
            ),
        ] {
            let wanted: Vec<_> = wanted.iter().map(|&name| name.to_owned()).collect();
            assert_eq!(claims(path, text), (wanted, 0), "{path}");
        }
    }

    #[test]
    fn what_is_no_sbom_is_a_gap_only_where_its_name_says_otherwise() {
        let deep = "[".repeat(100_000);
        let nested = r#"{"bomFormat":"CycloneDX","components":[{"components":["#.repeat(200);
        let spdx3 = r#"{"@context":"https://spdx.org/rdf/3.0.1/spdx-context.jsonld"}"#;
        for text in ["", "{", "{}", "[]", "text", spdx3, &deep, &nested] {
            assert_eq!(claims("x.cdx.json", text), (vec![], 1), "{text:.20}");
            assert_eq!(claims("bom.json", text), (vec![], 0), "{text:.20}");
        }
    }
}
