//! Alpine's package database: `installed`, under `lib/apk/db` or `usr/lib/apk/db`.
//!
//! Records are apart by blank lines; each line is a letter, a colon and a value.
//!
//! Source: apk-tools, "Apk installed database"; Alpine wiki, "Apk spec".

mod files;

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Package, PackageType, SourcePackage};

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, Database, WantedFile, Wants};
use crate::facts::Observations;
use crate::limits::MIB;

use super::ledger::Ledger;
use super::stanza::{stanzas, text};

/// Where apk before version 3 keeps its database.
pub(crate) const INSTALLED: &str = "lib/apk/db/installed";

/// Where apk keeps it on a merged `/usr`.
pub(crate) const USR_INSTALLED: &str = "usr/lib/apk/db/installed";

pub(super) struct Apk;

impl Analyzer for Apk {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "os/apk",
            revision: 3,
        }
    }

    fn databases(&self) -> Vec<Database<'_>> {
        vec![Database::File(INSTALLED), Database::File(USR_INSTALLED)]
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![
            Wants::Content {
                starts: b"C:Q",
                holds: b"\nP:",
            },
            Wants::Content {
                starts: b"P:",
                holds: b"\nV:",
            },
        ]
    }

    /// A database of 1,000 packages takes about 4 MiB, for it lists their files.
    fn max_file_bytes(&self) -> u64 {
        32 * MIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        found.database = true;
        for (number, lines) in stanzas(file.content).enumerate() {
            let (package, fault) = parse(&lines);
            if let Some(package) = package {
                files::claim(&lines, &package.name, &mut Ledger::new(file, found));
                found.add(package);
            }
            if let Some(why) = fault {
                let detail = format!("record {} of the apk database {why}", number + 1);
                found
                    .gaps
                    .push(Gap::partial(GapKind::RecordUnreadable, detail).at(file.path));
            }
        }
        Ok(())
    }
}

/// Gives a record's package and what is wrong with the record. The first of two equal keys counts.
fn parse(lines: &[&[u8]]) -> (Option<Package>, Option<&'static str>) {
    let (mut name, mut version, mut architecture, mut origin) = (None, None, None, None);
    let (mut licence, mut fault) = (None, None);
    for line in lines {
        let Some((key, value)) = line.split_first_chunk::<2>() else {
            fault = Some("has a line that is no field");
            continue;
        };
        let slot = match key {
            b"P:" => &mut name,
            b"V:" => &mut version,
            b"A:" => &mut architecture,
            b"o:" => &mut origin,
            // Whatever is wrong with it, the package is known.
            b"L:" => {
                licence = licence.or_else(|| text(value));
                continue;
            }
            [_, b':'] => continue,
            _ => {
                fault = Some("has a line that is no field");
                continue;
            }
        };
        if slot.is_some() {
            fault = Some("gives a field twice");
        } else {
            *slot = text(value).filter(|value| !value.is_empty());
            if slot.is_none() {
                fault = Some("has a field that is no text");
            }
        }
    }
    let (Some(name), Some(version)) = (name, version) else {
        return (None, Some(fault.unwrap_or("names no package and version")));
    };
    let package = Package {
        name: name.to_owned(),
        version: version.to_owned(),
        package_type: PackageType::Apk,
        architecture: architecture.map(str::to_owned),
        source: origin
            .filter(|origin| *origin != name)
            .map(|origin| SourcePackage {
                name: origin.to_owned(),
                version: version.to_owned(),
                module: None,
            }),
        licence: None,
    };
    (Some(package.licensed(licence)), fault)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::tests::analyze;

    #[test]
    fn reads_origin_and_a_last_record_without_blank_line() {
        let found = analyze(
            &Apk,
            INSTALLED,
            b"C:Q1abc=\nP:libcrypto3\nV:3.1.4-r5\nA:x86_64\no:openssl\nF:lib\nR:x\n\nP:musl\nV:1.2.4-r2\no:musl",
        );
        let names: Vec<_> = found
            .packages
            .iter()
            .map(|found| found.package.name.as_str())
            .collect();
        assert_eq!(names, ["libcrypto3", "musl"]);
        let source = found.packages[0].package.source.as_ref().unwrap();
        assert_eq!(
            (source.name.as_str(), source.version.as_str()),
            ("openssl", "3.1.4-r5")
        );
        assert_eq!(found.packages[1].package.source, None);
        assert_eq!(found.gaps, []);
    }

    #[test]
    fn a_broken_record_is_a_gap_and_the_others_count() {
        let found = analyze(&Apk, INSTALLED, b"P:a\nnonsense\nV:1\n\nV:2\n\nP:c\nV:3\n");
        let names: Vec<_> = found
            .packages
            .iter()
            .map(|found| found.package.name.as_str())
            .collect();
        assert_eq!(names, ["a", "c"]);
        assert_eq!(found.gaps.len(), 2);
    }

    #[test]
    fn a_line_of_a_mebibyte_hides_nothing() {
        let mut text = b"P:a\nV:1\nD:".to_vec();
        text.resize(1024 * 1024, b'x');
        text.extend(b"\n\nP:b\nV:2\n");
        assert_eq!(analyze(&Apk, INSTALLED, &text).packages.len(), 2);
    }
}
