//! Installed PHP packages: `installed.json` in Composer's own directory below `vendor`.
//!
//! Composer 1 wrote a list, Composer 2 writes an object with the list in it. Versions stay as
//! written, a leading `v` included. `installed.php` repeats it as code and is not read.
//!
//! Source: Composer, `Composer\Repository\FilesystemRepository`.

use serde::Deserialize;
use serde_json::Value;
use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Evidence, Package, PackageType};

use super::entries::{Member, Reading};
use super::licences;
use super::records::{Record, Records, from_json};
use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, WantedFile, Wants};
use crate::facts::{Observations, Record as CandidateRecord};
use crate::limits::MIB;

/// Largest record that is read, in bytes: a package takes about 3 KB, so it has some thousands.
const MAX_RECORD_BYTES: u64 = 8 * MIB;

pub(super) struct Composer;

impl Analyzer for Composer {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "language/composer",
            revision: 3,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![Wants::Named("installed.json")]
    }

    fn max_file_bytes(&self) -> u64 {
        MAX_RECORD_BYTES
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        if !is_record(file.path) {
            // A file of this name that is none is nobody's.
            let _other = read(file.content, &mut |package| {
                found.add_candidate(CandidateRecord::Composer, package);
            });
            return Ok(());
        }
        let others = read(file.content, &mut |package| found.add(package))?;
        if others > 0 {
            let gap = Gap::partial(GapKind::RecordUnreadable, nameless(others));
            found.gaps.push(gap.at(file.path));
        }
        Ok(())
    }
}

/// Tells whether a path is where Composer keeps its record.
pub(super) fn is_record(path: &str) -> bool {
    path.rsplit('/').nth(1) == Some("composer")
}

/// What an archive says of Composer's packages.
#[derive(Debug, Default)]
pub(super) struct Holding {
    has_record: bool,
    has_code: bool,
}

impl Holding {
    /// Takes what an entry says; tells whether it is Composer's.
    pub(super) fn take(
        &mut self,
        reading: &mut Reading<'_>,
        member: &mut dyn Member,
        inside: &str,
    ) -> bool {
        let name = member.name().to_owned();
        let is_in_composer = |file: &str| {
            let directory = name
                .strip_suffix(file)
                .and_then(|dir| dir.strip_suffix('/'));
            directory.is_some_and(|dir| dir.rsplit('/').next() == Some("composer"))
        };
        self.has_code |= is_in_composer("autoload_real.php");
        if !is_in_composer("installed.json") {
            return false;
        }
        self.has_record = true;
        let place = Reading::join(inside, &name);
        let Some(content) = reading.content(member, inside, MAX_RECORD_BYTES) else {
            return true;
        };
        let add = &mut |package| reading.add(package, &place, Evidence::Installed);
        match read(&content, add) {
            Ok(0) => {}
            Ok(others) => reading.gap(GapKind::RecordUnreadable, &place, nameless(others)),
            Err(error) => reading.unreadable(inside, &name, &error.to_string()),
        }
        true
    }

    /// Says where Composer's loader is and its record is not.
    pub(super) fn conclude(self, reading: &mut Reading<'_>, inside: &str) {
        if self.has_code && !self.has_record {
            let detail = "the archive does not say which PHP packages it holds".to_owned();
            reading.hold();
            reading.gap(GapKind::StrippedMetadata, inside, detail);
        }
    }
}

/// Hands the packages of a record to `add`; tells how many have no name and version.
fn read(content: &[u8], add: &mut dyn FnMut(Package)) -> Result<u64, AnalyzeError> {
    let is_list = content.trim_ascii_start().starts_with(b"[");
    let packages: Records<ComposerPackage> = if is_list {
        from_json(content)?
    } else {
        from_json::<Installed>(content)?.packages
    };
    packages.kept.into_iter().for_each(add);
    Ok(packages.others)
}

fn nameless(count: u64) -> String {
    format!("{count} packages in it have no name and version")
}

#[derive(Deserialize)]
struct Installed {
    packages: Records<ComposerPackage>,
}

/// A package; `composer.lock` has the same entries.
#[derive(Deserialize)]
pub(super) struct ComposerPackage {
    name: Option<String>,
    version: Option<String>,
    license: Option<Value>,
}

impl Record for ComposerPackage {
    type Kept = Package;

    fn keep(self, _: &str, kept: &mut Vec<Package>) {
        let whole = self.name.zip(self.version);
        let whole = whole.filter(|(name, version)| !name.is_empty() && !version.is_empty());
        let licence = self.license.as_ref().and_then(licences::one_of);
        kept.extend(whole.map(|(name, version)| {
            Package::of_language(PackageType::Composer, name, version).licensed(licence.as_deref())
        }));
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::tests::analyze;

    const LIST: &str = r#"[{"name":"monolog/monolog","version":"v2.9.1","extra":{"a":[]}},
        {"name":"symfony/console","version":"dev-main"}]"#;

    #[test]
    fn reads_the_record_of_both_composers() {
        for (path, text, packages) in [
            ("app/vendor/composer/installed.json", LIST.to_owned(), 2),
            (
                "app/lib/composer/installed.json",
                format!(r#"{{"packages":{LIST},"dev":true,"dev-package-names":["x/y"]}}"#),
                2,
            ),
            ("app/vendor/installed.json", LIST.to_owned(), 0),
        ] {
            let found = analyze(&Composer, path, text.as_bytes());
            assert_eq!(
                (found.packages.len(), found.gaps.len()),
                (packages, 0),
                "{path}"
            );
        }
        let found = analyze(&Composer, "vendor/composer/installed.json", LIST.as_bytes());
        let wanted = Package::of_language(PackageType::Composer, "monolog/monolog", "v2.9.1");
        assert_eq!(found.packages[0].package, wanted);
    }

    #[test]
    fn nameless_packages_are_a_gap_and_leave_the_others() {
        let text = br#"[{"name":"a/b"},{"name":"c/d","version":"1"},{}]"#;
        let found = analyze(&Composer, "composer/installed.json", text);
        assert_eq!((found.packages.len(), found.gaps.len()), (1, 1));
        assert!(found.gaps[0].detail.starts_with("2 packages"));
        for text in [&b"{}"[..], b"[{]", b"", b"7"] {
            let found = analyze(&Composer, "composer/installed.json", text);
            assert_eq!((found.packages.len(), found.gaps.len()), (0, 1));
        }
    }
}
