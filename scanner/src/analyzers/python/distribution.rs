//! The package that a Python distribution is.

use sluicegate_model::package::{Package, PackageType};

use super::metadata::Stated;

pub(super) fn distribution(stated: Stated) -> Package {
    let package = Package::of_language(PackageType::Python, stated.name, stated.version);
    package.licensed(stated.licence.as_deref())
}
