//! Java runtimes: the `release` file at the root of each.
//!
//! It names the version and who built it. A `release` file of anything else is passed over.
//!
//! Source: JEP 223, "New Version-String Scheme", and OpenJDK's `make/ReleaseFile.gmk`.

use sluicegate_model::package::{Package, PackageType};

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, WantedFile, Wants};
use crate::facts::Observations;
use crate::limits::KIB;

pub(super) struct JvmRelease;

impl Analyzer for JvmRelease {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "binary/jvm-release",
            revision: 1,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![Wants::Named("release")]
    }

    /// The list of modules makes it a few KiB long.
    fn max_file_bytes(&self) -> u64 {
        256 * KIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        let Some(short) = value(file.content, "JAVA_VERSION") else {
            return Ok(());
        };
        // The runtime's version has the build number as well: 17.0.9+9, or 1.8.0_402-b06.
        let version = value(file.content, "JAVA_RUNTIME_VERSION").unwrap_or(short);
        let builder = value(file.content, "IMPLEMENTOR").unwrap_or_default();
        let name = if builder.contains("Oracle") {
            "jdk"
        } else {
            "openjdk"
        };
        found.add(Package {
            name: name.to_owned(),
            version: version.to_owned(),
            package_type: PackageType::Generic,
            architecture: None,
            source: None,
            licence: None,
        });
        Ok(())
    }
}

/// Gives the value of `KEY="value"` on a line of its own.
fn value<'a>(content: &'a [u8], key: &str) -> Option<&'a str> {
    let mut lines = content.split(|byte| *byte == b'\n');
    lines.find_map(|line| {
        let line = std::str::from_utf8(line).ok()?.trim();
        let value = line.strip_prefix(key)?.strip_prefix('=')?;
        let value = value.trim_matches('"').trim();
        (!value.is_empty()).then_some(value)
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::tests::analyze;

    #[test]
    fn a_runtime_is_named_with_its_builder() {
        for (text, wanted) in [
            (
                "IMPLEMENTOR=\"Eclipse Adoptium\"\nJAVA_RUNTIME_VERSION=\"17.0.9+9\"\nJAVA_VERSION=\"17.0.9\"\n",
                Some("openjdk 17.0.9+9"),
            ),
            ("JAVA_VERSION=\"1.8.0_402\"\n", Some("openjdk 1.8.0_402")),
            (
                "JAVA_VERSION=\"21.0.1\"\r\nIMPLEMENTOR=\"Oracle Corporation\"\r\n",
                Some("jdk 21.0.1"),
            ),
            ("VERSION=\"12\"\nJAVA_VERSION=\"\"\n", None),
            ("7.9\n", None),
        ] {
            let found = analyze(&JvmRelease, "opt/java/release", text.as_bytes());
            let each = |found: &crate::facts::FoundPackage| {
                format!("{} {}", found.package.name, found.package.version)
            };
            let named: Vec<_> = found.packages.iter().map(each).collect();
            assert_eq!(
                named,
                wanted.map(str::to_owned).into_iter().collect::<Vec<_>>()
            );
        }
    }
}
