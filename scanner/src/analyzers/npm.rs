//! Installed npm packages: `package.json` at a package's root below `node_modules`, or in a directory
//! that names the package and its version, as caches and distributions of tools do.
//!
//! Deeper ones mark sub-paths of a package, and others outside belong to applications: neither is
//! evidence of an installed package.
//!
//! Source: npm documentation, "package.json" and "folders"; Yarn documentation, "Plug'n'Play" and
//! "Cache strategies".

use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_json::Value;
use sluicegate_model::package::{Evidence, Package, PackageType};

use super::entries::{Member, Reading};
use super::licences;

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, WantedFile, Wants};
use crate::facts::{NpmRecord, Observations, Record, Standing};
use crate::limits::MIB;

mod places;
pub(super) mod version;

pub(super) use places::is_beside_its_code;

/// Longest path of a package's main file that is kept, in bytes.
const MAX_MAIN_BYTES: usize = 256;

/// Largest `package.json` that is read within an archive, in bytes.
const MAX_MANIFEST_BYTES: u64 = 4 * MIB;

pub(super) struct Npm;

impl Analyzer for Npm {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "language/npm",
            revision: 4,
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
        if is_package_root(file.path) {
            found.add(package(file.content)?);
        } else if let Ok(manifest) = manifest(file.content)
            && let Ok(package) = manifest.package()
        {
            if places::names(file.path, &package) && !manifest.is_extension() {
                found.add(package);
            } else {
                found.add_candidate(Record::Npm(manifest.record()), package);
            }
        }
        Ok(())
    }
}

/// Takes a package's root in an archive; tells whether an entry is one.
///
/// What `npm pack` makes has one directory, and its name is nobody's.
pub(super) fn take(reading: &mut Reading<'_>, member: &mut dyn Member, inside: &str) -> bool {
    let name = member.name().to_owned();
    if name.rsplit('/').next() != Some("package.json") {
        return false;
    }
    let is_root = is_package_root(&name);
    let place = Reading::join(inside, &name);
    if !is_root && member.size_bytes() > MAX_MANIFEST_BYTES {
        return false;
    }
    let Some(content) = reading.content(member, inside, MAX_MANIFEST_BYTES) else {
        return is_root;
    };
    match package(&content) {
        Ok(package)
            if is_root || name == "package/package.json" || places::names(&name, &package) =>
        {
            reading.add(package, &place, Evidence::Installed);
            true
        }
        Err(error) if is_root => {
            reading.unreadable(inside, &name, &error.to_string());
            true
        }
        Ok(_) | Err(_) => false,
    }
}

/// Tells whether a path is in a project's or a user's cache of Yarn.
pub(super) fn is_cached(path: &str) -> bool {
    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
    let mut parts = dir.rsplit('/');
    if parts.next() != Some("cache") {
        return false;
    }
    match parts.next() {
        Some(".yarn") => true,
        Some("berry") => parts.next() == Some(".yarn"),
        _ => false,
    }
}

/// Reads a `package.json`.
fn package(content: &[u8]) -> Result<Package, AnalyzeError> {
    manifest(content)?.package()
}

fn manifest(content: &[u8]) -> Result<Manifest, AnalyzeError> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    serde_json::from_slice(content).map_err(AnalyzeError::of)
}

/// What is read of a `package.json`. Only name and version have to be texts.
///
/// Source: npm documentation, "package.json"; what npm 6 and older added to installed ones.
#[derive(Deserialize)]
struct Manifest {
    name: Option<String>,
    version: Option<String>,
    main: Option<Value>,
    license: Option<Value>,
    licenses: Option<Value>,
    private: Option<Value>,
    /// Only extensions of editors have one.
    publisher: Option<IgnoredAny>,
    #[serde(rename = "_id")]
    id: Option<IgnoredAny>,
    #[serde(rename = "_resolved")]
    resolved: Option<IgnoredAny>,
    dist: Option<IgnoredAny>,
    repository: Option<IgnoredAny>,
    homepage: Option<IgnoredAny>,
    bugs: Option<IgnoredAny>,
    #[serde(rename = "gitHead")]
    git_head: Option<IgnoredAny>,
}

impl Manifest {
    fn package(&self) -> Result<Package, AnalyzeError> {
        let (Some(name), Some(version)) = (&self.name, &self.version) else {
            return Err(AnalyzeError::of("it has no name and version"));
        };
        let version = version::clean(version);
        if name.is_empty() || version.is_empty() {
            return Err(AnalyzeError::of("its name or version is empty"));
        }
        let licence = self.license.as_ref().and_then(licences::one_of);
        let licence = licence.or_else(|| self.licenses.as_ref().and_then(licences::one_of));
        let package = Package::of_language(PackageType::Npm, name.as_str(), version);
        Ok(package.licensed(licence.as_deref()))
    }

    fn is_extension(&self) -> bool {
        self.publisher.is_some()
    }

    fn record(&self) -> NpmRecord {
        let is_private = self
            .private
            .as_ref()
            .is_some_and(|value| *value == Value::Bool(true));
        let signs = [
            &self.id,
            &self.resolved,
            &self.dist,
            &self.repository,
            &self.homepage,
            &self.bugs,
            &self.git_head,
        ];
        let standing = if is_private || self.is_extension() {
            Standing::Project
        } else if signs.iter().any(|sign| sign.is_some()) {
            Standing::Published
        } else {
            Standing::Unstated
        };
        let main = self
            .main
            .as_ref()
            .and_then(Value::as_str)
            .unwrap_or_default();
        let is_usual = main.len() <= MAX_MAIN_BYTES;
        NpmRecord {
            standing,
            main: if is_usual {
                main.to_owned()
            } else {
                String::new()
            },
        }
    }
}

/// Tells whether a path is `…/node_modules/name/package.json` or `…/@scope/name/package.json`.
pub(super) fn is_package_root(path: &str) -> bool {
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
    use crate::analyzers::archive::Archives;
    use crate::analyzers::archive::tests::zip;
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
    fn reads_versions_as_npm_does() {
        for (stated, wanted) in [
            ("1.0.0-v1", "1.0.0-v1"),
            ("v0.0.8", "0.0.8"),
            (" =4.0.11 ", "4.0.11"),
            ("= v1.2.3\n", "1.2.3"),
            ("vNext", "vNext"),
        ] {
            let text = serde_json::json!({"name": "x", "version": stated}).to_string();
            let found = analyze(&Npm, "node_modules/x/package.json", text.as_bytes());
            assert_eq!(found.packages[0].package.version, wanted, "{stated:?}");
        }
    }

    #[test]
    fn a_root_without_identity_is_a_gap() {
        for text in [
            &b"{"[..],
            b"{}",
            br#"{"name":"","version":"1"}"#,
            br#"{"name":"x","version":" "}"#,
            b"\xff",
        ] {
            let found = analyze(&Npm, "node_modules/x/package.json", text);
            assert_eq!((found.packages.len(), found.gaps.len()), (0, 1));
        }
    }

    #[test]
    fn roots_in_archives_are_packages_wherever_the_archive_lies() {
        let content = zip(&[
            (
                "node_modules/@s/a/package.json",
                br#"{"name":"@s/a","version":"1.0.0"}"#,
            ),
            (
                "node_modules/@s/a/dist/esm/package.json",
                br#"{"type":"module"}"#,
            ),
        ]);
        for path in [
            "app/.yarn/cache/@s-a-npm-1.0.0-0123456789-10.zip",
            "root/.yarn/berry/cache/@s-a-npm-1.0.0-0123456789-10.zip",
            "var/cache/a.zip",
        ] {
            let found = analyze(&Archives::default(), path, &content);
            assert_eq!((found.packages.len(), found.gaps), (1, vec![]), "{path}");
        }
        for content in [
            &b"no archive"[..],
            &zip(&[("node_modules/a/package.json", b"{}")]),
        ] {
            let found = analyze(&Archives::default(), ".yarn/cache/a.zip", content);
            assert_eq!((found.packages.len(), found.gaps.len()), (0, 1));
        }
    }
}
