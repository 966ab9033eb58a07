//! What fed plugins say of a layer's files: kept beside what analyzers found and never among it, so
//! that it can add to that and change nothing of it.

use serde::{Deserialize, Serialize};
use sluicegate_model::hashed::ContentHash;
use sluicegate_model::package::Package;
use sluicegate_model::weakness::Weakness;

use super::readings::ReaderSet;

/// What one plugin says of one file, or of an image's inventory.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Told {
    /// The packages that it names.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub packages: Vec<Package>,
    /// The weaknesses that it has found.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub weaknesses: Vec<Weakness>,
    /// What it could not read, in its words.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub gaps: Vec<String>,
    /// What the file's content hashes to.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub sha256: Option<ContentHash>,
    /// Why nothing that it said counts: it trapped, ran out of a limit, said what it may not.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub failed: Option<String>,
}

/// The last part of a path that stands for its directory itself, as no name of an archive is.
pub(crate) const DIRECTORY_ITSELF: &str = "/\0";

/// What one plugin says of one file of a layer.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct ToldFile {
    /// The file's raw path; of a directory, one that no file in it has.
    pub path: String,
    /// Which entry of the archive it is.
    pub entry: u32,
    /// Who says it, by its place among those that made the facts.
    pub plugin: u16,
    /// How many of the layer's events come before the file.
    pub after: usize,
    /// The readers of archives that have the file so.
    pub readers: ReaderSet,
    /// What it says.
    pub told: Told,
}

impl Told {
    /// Says that nothing which was said counts.
    pub fn failed(why: impl Into<String>) -> Self {
        Self {
            failed: Some(why.into()),
            ..Self::default()
        }
    }

    /// Tells whether nothing was said.
    pub fn is_empty(&self) -> bool {
        self.packages.is_empty()
            && self.weaknesses.is_empty()
            && self.gaps.is_empty()
            && self.sha256.is_none()
            && self.failed.is_none()
    }
}
