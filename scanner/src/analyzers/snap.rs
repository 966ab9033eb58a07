//! The list of packages in a base snap: `dpkg.yaml`, one `name=version` on each line of its list.
//! Like Chisel's manifest it names no source packages.
//!
//! Source: snapcraft, "dpkg.yaml"; the base snaps' own files.

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Package, PackageType};

use crate::analyzer::{AnalyzeError, Analyzer, AnalyzerId, Database, WantedFile};
use crate::facts::Observations;
use crate::limits::MIB;

/// Where base snaps keep the list.
pub(crate) const LIST: &str = "usr/share/snappy/dpkg.yaml";

pub(super) struct Snap;

impl Analyzer for Snap {
    fn id(&self) -> AnalyzerId<'_> {
        AnalyzerId {
            name: "os/snap",
            revision: 1,
        }
    }

    fn databases(&self) -> Vec<Database<'_>> {
        vec![Database::Sourceless(LIST)]
    }

    /// A list of 300 packages takes about 10 KiB.
    fn max_file_bytes(&self) -> u64 {
        4 * MIB
    }

    fn analyze(&self, file: WantedFile<'_>, found: &mut Observations) -> Result<(), AnalyzeError> {
        found.database = true;
        let text = String::from_utf8_lossy(file.content);
        let mut unreadable = 0_u64;
        let in_list = text
            .lines()
            .skip_while(|line| line.trim_end() != "packages:")
            .skip(1);
        let items = in_list.take_while(|line| line.starts_with([' ', '-']));
        for item in items.filter_map(|line| line.trim().strip_prefix('-')) {
            match package(item.trim().trim_matches(['"', '\''])) {
                Some(package) => found.add(package),
                None => unreadable += 1,
            }
        }
        if unreadable > 0 {
            let detail = format!("{unreadable} lines of the snap's list name no package");
            found
                .gaps
                .push(Gap::partial(GapKind::RecordUnreadable, detail).at(file.path));
        }
        Ok(())
    }
}

/// Reads `name=version` or `name:architecture=version`.
fn package(item: &str) -> Option<Package> {
    let (name, version) = item.split_once('=')?;
    let (name, architecture) = match name.split_once(':') {
        Some((name, architecture)) => (name, Some(architecture)),
        None => (name, None),
    };
    let is_word = |text: &str| !text.is_empty() && !text.contains(char::is_whitespace);
    (is_word(name) && is_word(version)).then(|| Package {
        name: name.to_owned(),
        version: version.to_owned(),
        package_type: PackageType::Deb,
        architecture: architecture.map(str::to_owned),
        source: None,
        licence: None,
    })
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::analyzers::tests::analyze;

    #[test]
    fn reads_the_list_of_packages_only() {
        let text = "package-repositories:\n- x=1\npackages:\n- adduser=3.118ubuntu5\n\
                    - libc6:amd64=2.35-0ubuntu3.8\n- nonsense\nother:\n- y=2\n";
        let found = analyze(&Snap, LIST, text.as_bytes());
        let names: Vec<_> = found.packages.iter().map(|found| &found.package).collect();
        assert_eq!(
            (names[0].name.as_str(), names[0].version.as_str()),
            ("adduser", "3.118ubuntu5")
        );
        assert_eq!(
            (names[1].name.as_str(), names[1].architecture.as_deref()),
            ("libc6", Some("amd64"))
        );
        assert_eq!((names.len(), found.gaps.len()), (2, 1));
    }
}
