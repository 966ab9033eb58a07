//! What candidates prove, by where programs find them: through links, or right where they lie.

use sluicegate_model::package::Package;

use super::jar::JarNames;
use super::{composer, gem, jar, npm, python};
use crate::facts::{Candidate, Record};

/// Tells whether a link of this path may give a record the name or the place that it needs.
pub(crate) fn may_name(link: &str) -> bool {
    let name = link.rsplit('/').next().unwrap_or_default();
    let of_directory = link.split('/').any(|part| {
        matches!(
            part,
            "node_modules" | "specifications" | "composer" | "vendor"
        )
    });
    of_directory || python::may_be_record(name) || jar::is_named(name)
}

/// Gives the package that a record proves under another path.
pub(crate) fn named_by(jars: &JarNames, candidate: &Candidate, path: &str) -> Option<Package> {
    let is_found = match &candidate.record {
        Record::Npm(_) => npm::is_package_root(path),
        Record::Gem => gem::is_installed(path),
        Record::Composer => composer::is_record(path),
        Record::Python => python::is_evidence(path),
        // By the list that it is in, wherever that lies.
        Record::Beside(_) => false,
        Record::Java(file) => return jar::named_by(jars, &candidate.package, file, path),
    };
    is_found.then(|| candidate.package.clone())
}

/// Tells whether one of the packages is the artifact whose classes lie in a directory.
pub(crate) fn is_of_any<'a>(
    jars: &JarNames,
    classes: &str,
    packages: impl Iterator<Item = &'a Package>,
) -> bool {
    jar::is_of_any(jars, classes, packages)
}

/// Gives the package that a record proves where it lies; `has` tells whether the image has a path.
pub(crate) fn at_its_place(
    candidate: &Candidate,
    path: &str,
    has: impl Fn(&str) -> bool,
) -> Option<Package> {
    let Record::Npm(record) = &candidate.record else {
        return None;
    };
    let is_package = npm::is_beside_its_code(path, &candidate.package, record, has);
    is_package.then(|| candidate.package.clone())
}
