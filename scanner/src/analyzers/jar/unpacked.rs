//! A Java archive that lies unpacked on disk: the `pom.properties` that Maven put into it, or a
//! manifest that names an artifact which is known to be published without one.
//!
//! Source: Maven Archiver, "pom.properties"; JAR File Specification, "JAR Manifest".

use std::sync::Arc;

use super::artifact::{Artifact, package};
use super::jar_names::JarNames;
use super::manifest::{MAX_IDENTITY_BYTES, Manifest};
use super::{file_name, pom, roots};
use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, WantedFile, Wants};
use crate::analyzers::table_file::FedFile;
use crate::facts::Observations;

/// Reads archives that lie unpacked.
pub(in crate::analyzers) struct UnpackedJar {
    names: Arc<JarNames>,
}

impl UnpackedJar {
    /// Makes one that goes by these names.
    pub(in crate::analyzers) fn knowing(names: &Arc<JarNames>) -> Self {
        Self {
            names: Arc::clone(names),
        }
    }
}

impl Analyzer for UnpackedJar {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "language/jar-unpacked",
            revision: 2,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![Wants::Named("pom.properties"), Wants::Named("MANIFEST.MF")]
    }

    fn table(&self) -> Option<&str> {
        self.names.file().map(FedFile::digest)
    }

    fn max_file_bytes(&self) -> u64 {
        MAX_IDENTITY_BYTES
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        let Some(root) = roots::of_record(file.path) else {
            return Ok(());
        };
        if file.name() == "MANIFEST.MF" {
            let manifest = Manifest::read(file.content);
            let artifact = known(&self.names, root.directory, &manifest);
            if let Some(artifact) = artifact {
                found.add(package(artifact));
            }
            return Ok(());
        }
        if !roots::is_of_maven(root.name) {
            return Ok(());
        }
        let unnamed = || AnalyzeError::of("it names no group, artifact and version");
        found.add(package(pom::properties(file.content).ok_or_else(unnamed)?));
        Ok(())
    }
}

/// Gives the artifact that a manifest, or the directory that it lies in, is known by.
fn known(jars: &JarNames, directory: &str, manifest: &Manifest) -> Option<Artifact> {
    // The ending of an archive's name is cut off where the directory has kept it.
    let own = directory.rsplit('/').next().unwrap_or_default();
    let own = if roots::is_archive(own) {
        file_name::split(own)
    } else {
        file_name::split(&format!("{own}.jar"))
    };
    let version = own.version.as_deref().or(manifest.version())?;
    let mut names = [own.artifact.as_str()].into_iter().chain(manifest.names());
    names.find_map(|name| Some(jars.by_file(name, version)?.artifact(name, version)))
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::tests::analyze;

    #[test]
    fn an_unpacked_archive_names_its_artifact_wherever_it_lies() {
        let text = b"groupId=org.x\nartifactId=a\nversion=1.0\n";
        for (path, packages) in [
            ("app/META-INF/maven/org.x/a/pom.properties", 1),
            (
                "srv/ROOT/WEB-INF/classes/META-INF/maven/org.x/a/pom.properties",
                1,
            ),
            ("META-INF/maven/org.x/a/pom.properties", 1),
            ("src/pom.properties", 0),
        ] {
            let found = analyze(&UnpackedJar::knowing(JarNames::compiled()), path, text);
            assert_eq!(
                (found.packages.len(), found.gaps.len()),
                (packages, 0),
                "{path}"
            );
        }
        let found = analyze(
            &UnpackedJar::knowing(JarNames::compiled()),
            "a/META-INF/maven/g/a/pom.properties",
            b"version=1\n",
        );
        assert_eq!((found.packages.len(), found.gaps.len()), (0, 1));
    }

    #[test]
    fn a_manifest_names_an_artifact_that_is_known_and_no_other() {
        let bundle = b"Bundle-SymbolicName: xstream\nBundle-Version: 1.4.17\n";
        let bare = b"Manifest-Version: 1.0\n";
        for (path, text, wanted) in [
            ("app/x/META-INF/MANIFEST.MF", &bundle[..], Some("1.4.17")),
            (
                "app/xstream-1.4.16/META-INF/MANIFEST.MF",
                bare,
                Some("1.4.16"),
            ),
            (
                "app/xstream-1.4.15.jar/META-INF/MANIFEST.MF",
                bare,
                Some("1.4.15"),
            ),
            ("app/xstream/META-INF/MANIFEST.MF", bare, None),
            (
                "app/META-INF/MANIFEST.MF",
                b"Implementation-Title: app\nImplementation-Version: 1\n",
                None,
            ),
            ("app/MANIFEST.MF", bundle, None),
        ] {
            let found = analyze(&UnpackedJar::knowing(JarNames::compiled()), path, text);
            let mut versions = found
                .packages
                .iter()
                .map(|found| found.package.version.as_str());
            assert_eq!(versions.next(), wanted, "{path}");
            assert_eq!(found.gaps, [], "{path}");
        }
    }
}
