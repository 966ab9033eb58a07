//! opkg's package database: `status` in the form of dpkg's, in a directory `opkg`.
//!
//! Source: opkg, "opkg_conf.c", the places of the status file; deb-control(5).

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Package, PackageType};

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, Database, WantedFile, Wants};
use crate::facts::Observations;
use crate::limits::MIB;

use super::dpkg;
use super::stanza::stanzas;

/// Where OpenWrt keeps the database.
pub(crate) const STATUS: &str = "usr/lib/opkg/status";

/// Where Yocto keeps it.
pub(crate) const VAR_STATUS: &str = "var/lib/opkg/status";

/// The name of the database in both.
const NAME: &str = "status";

pub(super) struct Opkg;

impl Analyzer for Opkg {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "os/opkg",
            revision: 1,
        }
    }

    fn databases(&self) -> Vec<Database<'_>> {
        vec![Database::File(STATUS), Database::File(VAR_STATUS)]
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![Wants::Named(NAME)]
    }

    /// A database of 1,000 packages takes about 500 KiB.
    fn max_file_bytes(&self) -> u64 {
        32 * MIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        if !dpkg::is_of_opkg(file.path) {
            return Ok(());
        }
        found.database = true;
        for (number, lines) in stanzas(file.content).enumerate() {
            let (package, fault) = dpkg::parse(&lines, false);
            if let Some(package) = package {
                found.add(Package {
                    package_type: PackageType::Opkg,
                    ..package
                });
            }
            if let Some(why) = fault {
                let detail = format!("stanza {} of the opkg database {why}", number + 1);
                found
                    .gaps
                    .push(Gap::partial(GapKind::RecordUnreadable, detail).at(file.path));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::tests::analyze;

    #[test]
    fn packages_are_opkgs_and_not_debians() {
        let text = b"Package: busybox\nVersion: 1.36.1-1\nStatus: install user installed\n\
                     Architecture: aarch64\n\nPackage: gone\nVersion: 1\n\
                     Status: deinstall user not-installed\n\nPackage: broken\n";
        for path in [STATUS, VAR_STATUS, "srv/root/lib/opkg/status"] {
            let found = analyze(&Opkg, path, text);
            assert_eq!(found.packages.len(), 1);
            assert_eq!(found.packages[0].package.package_type, PackageType::Opkg);
            assert_eq!(found.gaps.len(), 1);
            assert!(analyze(&dpkg::Dpkg, path, text).is_empty());
        }
        assert!(analyze(&Opkg, "var/lib/dpkg/status", text).is_empty());
    }
}
