//! What Maven's own files in an archive state, by the directory that they lie in. Pure.

use std::collections::BTreeMap;

use super::artifact::Artifact;
use super::file_name::FileName;
use super::pom::{self, Pom};

/// `pom.properties` and `pom.xml` of each directory, which stand for one artifact.
#[derive(Default)]
pub(super) struct Stated {
    by_directory: BTreeMap<String, Files>,
}

#[derive(Default)]
struct Files {
    properties: Vec<Option<Artifact>>,
    poms: Vec<Pom>,
}

impl Stated {
    /// Takes in a `pom.properties`.
    pub(super) fn properties(&mut self, name: &str, content: &[u8]) {
        self.files(name).properties.push(pom::properties(content));
    }

    /// Takes in a `pom.xml`.
    pub(super) fn pom(&mut self, name: &str, content: &[u8]) {
        self.files(name).poms.push(pom::xml(content));
    }

    /// Gives the artifacts that are stated, and the directories whose files state none. `version`
    /// is what the archive states of itself.
    pub(super) fn artifacts(
        &self,
        file: &FileName,
        version: Option<&str>,
    ) -> (Vec<Artifact>, Vec<String>) {
        let (mut artifacts, mut unreadable) = (Vec::new(), Vec::new());
        for (directory, files) in &self.by_directory {
            let found = files.artifacts(directory, file, version);
            if found.is_empty() {
                unreadable.push(directory.clone());
            }
            artifacts.extend(found);
        }
        (artifacts, unreadable)
    }

    fn files(&mut self, name: &str) -> &mut Files {
        let directory = name.rsplit_once('/').map_or("", |(directory, _)| directory);
        self.by_directory.entry(directory.to_owned()).or_default()
    }
}

impl Files {
    fn artifacts(&self, directory: &str, file: &FileName, version: Option<&str>) -> Vec<Artifact> {
        let properties = self.properties.iter().flatten().cloned();
        let mut found: Vec<_> = properties.filter(Artifact::is_believable).collect();
        if found.is_empty() {
            let poms = self.poms.iter();
            let resolved = poms.filter_map(|pom| resolve(pom, directory, file, version));
            found.extend(resolved.filter(Artifact::is_believable));
        }
        found
    }
}

/// Fills in what a `pom.xml` leaves open from its path and, where the file is called by the
/// artifact, from what the archive says of itself.
fn resolve(pom: &Pom, directory: &str, file: &FileName, version: Option<&str>) -> Option<Artifact> {
    let path = format!("{directory}/pom.xml");
    let in_path = pom::coordinates_in_path(&path);
    let group = pom.group.clone();
    let name = pom.artifact.clone();
    let name = name.or_else(|| in_path.map(|(_, name)| name.to_owned()))?;
    let own = (name == file.artifact).then_some(version).flatten();
    Some(Artifact {
        group: group.or_else(|| in_path.map(|(group, _)| group.to_owned()))?,
        version: pom.version.clone().or_else(|| own.map(str::to_owned))?,
        name,
    })
}
