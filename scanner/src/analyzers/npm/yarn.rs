//! Packages in Yarn's cache: zip archives that programs load from without unpacking.
//!
//! Source: Yarn documentation, "Plug'n'Play" and "Cache strategies".

use sluicegate_model::package::Evidence;

use super::{is_package_root, package};
use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, SpooledFile, WantedFile, Wants};
use crate::analyzers::archive::{MAX_MEMORY_BYTES, Reading, Source, ZipError};
use crate::facts::Observations;
use crate::limits::{GIB, MIB};

/// Largest `package.json` that is read within an archive, in bytes.
const MAX_MANIFEST_BYTES: u64 = 4 * MIB;

pub(in crate::analyzers) struct Yarn;

impl Analyzer for Yarn {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "language/yarn",
            revision: 1,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![Wants::InDirsNamed {
            dir: "cache",
            ending: ".zip",
        }]
    }

    fn max_file_bytes(&self) -> u64 {
        MAX_MEMORY_BYTES
    }

    fn max_spooled_bytes(&self) -> u64 {
        4 * GIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        let source = Source::Memory(file.content);
        if !is_cached(file.path) {
            return Ok(());
        }
        let reading = Reading::new(file.limits, file.path, source.bytes(), found);
        Ok(archive(reading, source)?)
    }

    fn analyze_spooled(
        &self,
        file: SpooledFile<'_>,
        found: &mut Observations,
    ) -> Result<(), AnalyzeError> {
        let source = Source::of_spool(&file);
        if !is_cached(file.path) {
            return Ok(());
        }
        let reading = Reading::new(file.limits, file.path, source.bytes(), found);
        Ok(archive(reading, source)?)
    }
}

/// Tells whether a path is in a project's or a user's cache of Yarn.
fn is_cached(path: &str) -> bool {
    let dir = path.rsplit_once('/').map_or("", |(dir, _)| dir);
    let mut parts = dir.rsplit('/').skip(1);
    match parts.next() {
        Some(".yarn") => true,
        Some("berry") => parts.next() == Some(".yarn"),
        _ => false,
    }
}

fn archive(mut reading: Reading<'_>, source: Source<'_>) -> Result<(), ZipError> {
    reading.entries(source, "", |reading, directory, entry| {
        if !entry.name.ends_with("/package.json") || !is_package_root(&entry.name) {
            return;
        }
        let Some(content) = reading.content(directory, &entry, "", MAX_MANIFEST_BYTES) else {
            return;
        };
        match package(&content) {
            Ok(package) => reading.add(package, &entry.name, Evidence::Installed),
            Err(error) => reading.unreadable("", &entry.name, &error.to_string()),
        }
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::archive::tests::zip;
    use crate::analyzers::tests::analyze;

    #[test]
    fn only_yarns_own_cache_is_read() {
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
        for (path, packages) in [
            ("app/.yarn/cache/@s-a-npm-1.0.0-0123456789-10.zip", 1),
            ("root/.yarn/berry/cache/@s-a-npm-1.0.0-0123456789-10.zip", 1),
            ("var/cache/a.zip", 0),
        ] {
            let found = analyze(&Yarn, path, &content);
            assert_eq!(
                (found.packages.len(), found.gaps),
                (packages, vec![]),
                "{path}"
            );
        }
        for content in [
            &b"no archive"[..],
            &zip(&[("node_modules/a/package.json", b"{}")]),
        ] {
            let found = analyze(&Yarn, ".yarn/cache/a.zip", content);
            assert_eq!((found.packages.len(), found.gaps.len()), (0, 1));
        }
    }
}
