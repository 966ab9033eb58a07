//! Installed PHP packages: `installed.json` in Composer's own directory below `vendor`.
//!
//! Composer 1 wrote a list, Composer 2 writes an object with the list in it. Versions stay as
//! written, a leading `v` included. `installed.php` repeats it as code and is not read.
//!
//! Source: Composer, `Composer\Repository\FilesystemRepository`.

use serde::Deserialize;
use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Package, PackageType};

use super::records::{Record, Records, from_json};
use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, WantedFile, Wants};
use crate::facts::Observations;
use crate::limits::MIB;

pub(super) struct Composer;

impl Analyzer for Composer {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "language/composer",
            revision: 1,
        }
    }

    fn wants(&self) -> Vec<Wants<'_>> {
        vec![Wants::Named("installed.json")]
    }

    /// A package takes about 3 KB, so this holds some thousands of them.
    fn max_file_bytes(&self) -> u64 {
        8 * MIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        if file.path.rsplit('/').nth(1) != Some("composer") {
            return Ok(());
        }
        let is_list = file.content.trim_ascii_start().starts_with(b"[");
        let packages: Records<Entry> = if is_list {
            from_json(file.content)?
        } else {
            from_json::<Installed>(file.content)?.packages
        };
        for package in packages.kept {
            found.add(package);
        }
        if packages.others > 0 {
            let detail = format!(
                "{} packages in it have no name and version",
                packages.others
            );
            let gap = Gap::partial(GapKind::RecordUnreadable, detail);
            found.gaps.push(gap.at(file.path));
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Installed {
    packages: Records<Entry>,
}

/// A package; `composer.lock` has the same entries.
#[derive(Deserialize)]
pub(super) struct Entry {
    name: Option<String>,
    version: Option<String>,
}

impl Record for Entry {
    type Kept = Package;

    fn keep(self, _: &str, kept: &mut Vec<Package>) {
        let whole = self.name.zip(self.version);
        let whole = whole.filter(|(name, version)| !name.is_empty() && !version.is_empty());
        kept.extend(
            whole.map(|(name, version)| Package::of_language(PackageType::Composer, name, version)),
        );
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
