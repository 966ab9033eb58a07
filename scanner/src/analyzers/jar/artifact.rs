//! A Maven artifact, and the package that it is.

use sluicegate_model::package::{Package, PackageType};

/// Longest coordinate that is believed, in bytes; Maven Central's longest has about a hundred.
const MAX_COORDINATE_BYTES: usize = 512;

/// A Maven artifact's coordinates.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Artifact {
    pub(super) group: String,
    pub(super) name: String,
    pub(super) version: String,
}

impl Artifact {
    /// Makes one of texts.
    pub(super) fn new(group: &str, name: &str, version: &str) -> Self {
        Self {
            group: group.to_owned(),
            name: name.to_owned(),
            version: version.to_owned(),
        }
    }

    /// Tells whether these may be coordinates at all.
    pub(super) fn is_believable(&self) -> bool {
        let parts = [&self.group, &self.name, &self.version];
        parts.into_iter().all(|part| is_believable(part))
    }
}

/// Gives the package that an artifact is.
pub(super) fn package(artifact: Artifact) -> Package {
    let name = format!("{}:{}", artifact.group, artifact.name);
    Package::of_language(PackageType::Maven, name, artifact.version)
}

/// Gives the package of which only the artifact's name and version are known; none where they
/// cannot be either.
pub(super) fn without_group(name: &str, version: &str) -> Option<Package> {
    let is_whole = |part: &str| is_believable(part) && !part.contains(':');
    let both = is_whole(name) && is_whole(version);
    both.then(|| Package::of_language(PackageType::Maven, name, version))
}

fn is_believable(part: &str) -> bool {
    let is_long = part.len() > MAX_COORDINATE_BYTES;
    !part.is_empty() && !is_long && !part.contains(char::is_whitespace)
}
