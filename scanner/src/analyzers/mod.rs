//! Every analyzer of the program, one line each.
//!
//! A new analyzer is one file, one `mod` line and one line in [`all`].

mod apk;
mod archive;
mod binary;
mod bitnami;
pub(crate) mod candidates;
mod chisel;
mod composer;
mod conda;
mod cran;
mod dotnet;
mod dpkg;
mod entries;
mod erlang;
mod gem;
mod jar;
mod jvm_release;
mod ledger;
mod licences;
mod lockfiles;
mod npm;
mod opkg;
mod os_release;
mod pacman;
mod pear;
mod perl;
mod python;
mod python_files;
mod quarkus;
mod records;
mod rpm;
mod sbom;
mod snap;
mod stanza;
mod table_file;
mod tables;

use crate::analyzer::Analyzer;

pub use binary::ProductTable;
pub use jar::JarNames;
pub use sbom::package_of;
pub use table_file::{FedFile, TableError};
pub use tables::{FedTable, NameTables};

/// Makes the analyzers that go by these tables, in the order in which they run on a file.
pub(crate) fn all(tables: &NameTables) -> Vec<Box<dyn Analyzer>> {
    let mut all: Vec<Box<dyn Analyzer>> = vec![
        Box::new(os_release::OsRelease),
        Box::new(dpkg::Dpkg),
        Box::new(dpkg::md5sums::Md5sums),
        Box::new(apk::Apk),
        Box::new(rpm::Rpm),
        Box::new(pacman::Pacman),
        Box::new(opkg::Opkg),
        Box::new(chisel::Chisel),
        Box::new(snap::Snap),
        Box::new(python::Python),
        Box::new(python_files::PythonFiles),
        Box::new(npm::Npm),
        Box::new(jar::UnpackedJar::knowing(&tables.jar_names)),
        Box::new(quarkus::Quarkus),
        Box::new(gem::Gem),
        Box::new(dotnet::Dotnet),
        Box::new(composer::Composer),
        Box::new(pear::Pear),
        Box::new(conda::Conda),
        Box::new(bitnami::Bitnami),
        Box::new(cran::Cran),
        Box::new(erlang::Erlang),
        Box::new(perl::Perl),
        Box::new(lockfiles::Lockfiles),
        Box::new(sbom::Sbom),
        Box::new(binary::Binary::knowing(&tables.products)),
        Box::new(jvm_release::JvmRelease),
    ];
    // Databases inside archives are not read, so that they have to be known to be missed.
    let archives = archive::Archives::beside(&all, &tables.jar_names);
    all.push(Box::new(archives));
    all
}

#[cfg(test)]
pub(crate) mod samples;
#[cfg(test)]
pub(crate) mod tests;
