//! Installed npm packages: `package.json` at a package's root below `node_modules`.
//!
//! Deeper ones mark sub-paths of a package, and those outside belong to applications: neither is
//! evidence of an installed package.
//!
//! Source: npm documentation, "package.json" and "folders".

use serde::Deserialize;
use sluicegate_model::package::{Package, PackageType};

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, WantedFile, Wants};
use crate::facts::Observations;
use crate::limits::MIB;

mod yarn;

pub(super) use yarn::Yarn;

pub(super) struct Npm;

impl Analyzer for Npm {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "language/npm",
            revision: 1,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![Wants::Named("package.json")]
    }

    /// The largest in use, with inlined change logs, stay below 1 MiB.
    fn max_file_bytes(&self) -> u64 {
        16 * MIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        if !is_package_root(file.path) {
            return Ok(());
        }
        found.add(package(file.content)?);
        Ok(())
    }
}

/// Reads a `package.json`.
fn package(content: &[u8]) -> Result<Package, AnalyzeError> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let manifest: Manifest =
        serde_json::from_slice(content).map_err(|error| AnalyzeError(error.to_string()))?;
    let (Some(name), Some(version)) = (manifest.name, manifest.version) else {
        return Err(AnalyzeError("it has no name and version".to_owned()));
    };
    if name.is_empty() || version.is_empty() {
        return Err(AnalyzeError("its name or version is empty".to_owned()));
    }
    Ok(Package {
        name,
        version,
        package_type: PackageType::Npm,
        architecture: None,
        source: None,
    })
}

#[derive(Deserialize)]
struct Manifest {
    name: Option<String>,
    version: Option<String>,
}

/// Tells whether a path is `…/node_modules/name/package.json` or `…/@scope/name/package.json`.
fn is_package_root(path: &str) -> bool {
    let mut parts = path.rsplit('/').skip(1);
    let Some(name) = parts.next().filter(|name| !name.starts_with('.')) else {
        return false;
    };
    match parts.next() {
        Some("node_modules") => !name.starts_with('@'),
        Some(scope) if scope.starts_with('@') => parts.next() == Some("node_modules"),
        _ => false,
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::tests::analyze;

    #[test]
    fn reads_package_roots_only() {
        for (path, packages) in [
            ("app/node_modules/lodash/package.json", 1),
            ("app/node_modules/@angular/core/package.json", 1),
            ("usr/lib/node_modules/npm/package.json", 1),
            ("app/node_modules/a/node_modules/b/package.json", 1),
            ("app/node_modules/.pnpm/a@1/node_modules/a/package.json", 1),
            ("app/package.json", 0),
            ("app/node_modules/lodash/fp/package.json", 0),
            ("app/node_modules/@angular/core/testing/package.json", 0),
            ("package.json", 0),
        ] {
            let found = analyze(&Npm, path, br#"{"name":"x","version":"1.0.0"}"#);
            assert_eq!(found.packages.len(), packages, "{path}");
        }
    }

    #[test]
    fn a_root_without_identity_is_a_gap() {
        for text in [&b"{"[..], b"{}", br#"{"name":"","version":"1"}"#, b"\xff"] {
            let found = analyze(&Npm, "node_modules/x/package.json", text);
            assert_eq!((found.packages.len(), found.gaps.len()), (0, 1));
        }
    }
}
