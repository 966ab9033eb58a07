//! Every analyzer of the program, one line each.
//!
//! A new analyzer is one file, one `mod` line and one line in [`ALL`].

mod apk;
mod dpkg;
mod jar;
mod npm;
mod os_release;
mod python;
mod stanza;

use crate::analyzer::Analyzer;

/// The analyzers, in the order in which they run on a file.
pub(crate) static ALL: &[&dyn Analyzer] = &[
    &os_release::OsRelease,
    &dpkg::Dpkg,
    &apk::Apk,
    &python::Python,
    &npm::Npm,
    &jar::Jar,
];

/// Where package managers keep their databases.
pub(crate) const DATABASES: [&str; 3] = [dpkg::STATUS, apk::INSTALLED, apk::USR_INSTALLED];

/// Where distroless images keep one file for each package.
pub(crate) const DATABASE_DIR: &str = dpkg::STATUS_DIR;

#[cfg(test)]
mod tests;
