//! pacman's database: one directory for each package, with a `desc` of its fields.
//!
//! A field is its name between percent signs and the lines up to a blank one.
//!
//! Source: libalpm, "Local database format"; `ALPM_DB_VERSION` 9.

use sluicegate_model::package::{Package, PackageType, SourcePackage};

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, Database, WantedFile, Wants};
use crate::facts::Observations;
use crate::limits::MIB;

use super::stanza::{stanzas, text};

/// The directory of the packages' directories.
pub(crate) const LOCAL: &str = "var/lib/pacman/local";

/// The file that stands for the database as a whole, even one without packages.
pub(crate) const VERSION: &str = "var/lib/pacman/local/ALPM_DB_VERSION";

pub(super) struct Pacman;

impl Analyzer for Pacman {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "os/pacman",
            revision: 2,
        }
    }

    fn databases(&self) -> Vec<Database<'_>> {
        vec![Database::File(VERSION), Database::Tree(LOCAL)]
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![Wants::Content {
            starts: b"%NAME%",
            holds: b"\n%VERSION%",
        }]
    }

    /// A package's fields take a few kilobytes; its files are listed elsewhere.
    fn max_file_bytes(&self) -> u64 {
        MIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        found.database = true;
        if file.path == VERSION {
            return Ok(());
        }
        let field = |name: &[u8]| {
            let mut fields = stanzas(file.content);
            let lines = fields.find(|lines| {
                lines
                    .first()
                    .is_some_and(|first| first.trim_ascii() == name)
            })?;
            lines
                .get(1)
                .and_then(|value| text(value))
                .filter(|value| is_word(value))
        };
        let (Some(name), Some(version)) = (field(b"%NAME%"), field(b"%VERSION%")) else {
            return Err(AnalyzeError::of("it names no package and version"));
        };
        let licences = stanzas(file.content)
            .find(|lines| {
                lines
                    .first()
                    .is_some_and(|it| it.trim_ascii() == b"%LICENSE%")
            })
            .filter(|lines| lines.len() == 2);
        let licence = licences.and_then(|lines| lines.get(1).copied().and_then(text));
        let base = field(b"%BASE%").filter(|base| *base != name);
        let package = Package {
            name: name.to_owned(),
            version: version.to_owned(),
            package_type: PackageType::Pacman,
            architecture: field(b"%ARCH%").map(str::to_owned),
            source: base.map(|base| SourcePackage {
                name: base.to_owned(),
                version: version.to_owned(),
                module: None,
            }),
            licence: None,
        };
        // Whether all of several are meant or any, pacman does not say.
        found.add(package.licensed(licence));
        Ok(())
    }
}

fn is_word(text: &str) -> bool {
    !text.is_empty() && !text.contains(|c: char| c.is_whitespace() || c.is_control())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::tests::analyze;

    const DESC: &str = "%NAME%\ngcc-libs\n\n%VERSION%\n1:14.1.1-1\n\n%BASE%\ngcc\n\n%DESC%\nx y\n\n\
                        %ARCH%\nx86_64\n\n%LICENSE%\nGPL\nLGPL\n";

    #[test]
    fn reads_a_package_with_its_base() {
        let found = analyze(
            &Pacman,
            "var/lib/pacman/local/gcc-libs-1:14.1.1-1/desc",
            DESC.as_bytes(),
        );
        let package = &found.packages[0].package;
        assert_eq!(
            (package.name.as_str(), package.version.as_str()),
            ("gcc-libs", "1:14.1.1-1")
        );
        assert_eq!(package.architecture.as_deref(), Some("x86_64"));
        assert_eq!(package.source.as_ref().unwrap().name, "gcc");
        assert!(found.database && found.gaps.is_empty());
    }

    #[test]
    fn a_package_without_a_version_is_a_gap() {
        let found = analyze(
            &Pacman,
            "x/desc",
            b"%NAME%\na\n\n%VERSION%\n\n%ARCH%\nany\n",
        );
        assert_eq!((found.packages.len(), found.gaps.len()), (0, 1));
    }

    #[test]
    fn the_database_is_there_without_packages() {
        assert!(analyze(&Pacman, VERSION, b"9\n").database);
    }
}
