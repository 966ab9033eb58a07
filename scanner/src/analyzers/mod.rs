//! Every analyzer of the program, one line each.
//!
//! A new analyzer is one file, one `mod` line and one line in [`ALL`].

mod apk;
mod archive;
mod binary;
pub(crate) mod candidates;
mod chisel;
mod composer;
mod conda;
mod cran;
mod dotnet;
mod dpkg;
mod erlang;
mod gem;
mod jar;
mod jvm_release;
mod ledger;
mod lockfiles;
mod npm;
mod opkg;
mod os_release;
mod pacman;
mod pear;
mod perl;
mod python;
mod python_files;
mod records;
mod rpm;
mod sbom;
mod snap;
mod stanza;

use crate::analyzer::Analyzer;

/// The analyzers, in the order in which they run on a file.
pub(crate) static ALL: &[&dyn Analyzer] = &[
    &os_release::OsRelease,
    &dpkg::Dpkg,
    &dpkg::md5sums::Md5sums,
    &apk::Apk,
    &rpm::Rpm,
    &pacman::Pacman,
    &opkg::Opkg,
    &chisel::Chisel,
    &snap::Snap,
    &python::Python,
    &python_files::PythonFiles,
    &npm::Npm,
    &jar::UnpackedJar,
    &archive::Archives,
    &gem::Gem,
    &dotnet::Dotnet,
    &composer::Composer,
    &pear::Pear,
    &conda::Conda,
    &cran::Cran,
    &erlang::Erlang,
    &perl::Perl,
    &lockfiles::Lockfiles,
    &sbom::Sbom,
    &binary::Binary,
    &jvm_release::JvmRelease,
];

/// Where package managers keep their databases.
///
/// rpm has had three backends in three directories; a distroless image has a manifest in their place.
pub(crate) const DATABASES: [&str; 18] = [
    dpkg::STATUS,
    apk::INSTALLED,
    apk::USR_INSTALLED,
    "var/lib/rpm/rpmdb.sqlite",
    "var/lib/rpm/Packages.db",
    "var/lib/rpm/Packages",
    "usr/lib/sysimage/rpm/rpmdb.sqlite",
    "usr/lib/sysimage/rpm/Packages.db",
    "usr/lib/sysimage/rpm/Packages",
    "usr/share/rpm/rpmdb.sqlite",
    "usr/share/rpm/Packages.db",
    "usr/share/rpm/Packages",
    rpm::MANIFEST,
    pacman::VERSION,
    opkg::STATUS,
    opkg::VAR_STATUS,
    chisel::MANIFEST,
    snap::LIST,
];

/// Where distroless images keep one file for each package.
pub(crate) const DATABASE_DIR: &str = dpkg::STATUS_DIR;

/// Where dpkg keeps a list of each package's files.
pub(crate) const LEDGER_DIR: &str = dpkg::md5sums::INFO_DIR;

/// Databases that do not say from which sources their packages were built.
pub(crate) const SOURCELESS: [&str; 2] = [chisel::MANIFEST, snap::LIST];

/// Where pacman keeps one directory for each package.
pub(crate) const DATABASE_TREE: &str = pacman::LOCAL;

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
pub(crate) mod tests;
