//! A Maven artifact, and the package that it is.

use sluicegate_model::package::{Package, PackageType};

/// A Maven artifact's coordinates.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Artifact {
    pub(super) group: String,
    pub(super) name: String,
    pub(super) version: String,
}

/// Gives the package that an artifact is.
pub(super) fn package(artifact: Artifact) -> Package {
    Package {
        name: format!("{}:{}", artifact.group, artifact.name),
        version: artifact.version,
        package_type: PackageType::Maven,
        architecture: None,
        source: None,
    }
}
