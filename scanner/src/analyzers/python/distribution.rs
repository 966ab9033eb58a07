//! The package that a Python distribution is.

use sluicegate_model::package::{Package, PackageType};

pub(super) fn distribution(name: String, version: String) -> Package {
    Package {
        name,
        version,
        package_type: PackageType::Python,
        architecture: None,
        source: None,
    }
}
