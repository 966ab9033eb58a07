//! Judges the operating system: which databases are its own, and what speaks against it.
//!
//! A missing or empty database, a name that no witness gives and a name that the packages deny are
//! gaps. `inventory.rs` is the only caller; which files there are comes from `merge.rs`.

use std::collections::BTreeSet;

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Distro, PackageType};

use crate::analyzers::{DATABASE_DIR, DATABASE_TREE, DATABASES, LEDGER_DIR, SOURCELESS};
use crate::distro;
use crate::facts::OsClaim;
use crate::inventory::{self, Merged, MergedFile};
use crate::merge::{programs, votes};
use crate::overlay::Tree;

/// What a file is to the image.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Role {
    /// The operating system's own package database.
    Database,
    /// One that lies elsewhere, or that a newer one of the same tool stands in for.
    Relocated,
    /// A package manager's copy of its earlier state.
    Backup,
    /// A list of a package's files, beside the database.
    Ledger,
    /// Not a package database.
    Other,
}

/// Identifies the distribution by the witnesses that are there.
pub(crate) fn identify(merged: &Merged<'_>) -> Option<Distro> {
    let claims: Vec<_> = claims(merged).into_iter().map(|(_, claim)| claim).collect();
    distro::identify(&claims)
}

/// Gives what each witness that is there says, strongest first.
fn claims<'a>(merged: &'a Merged<'_>) -> Vec<(&'static str, &'a OsClaim)> {
    let claim = |witness: &'static str| {
        let real = merged.tree.resolve(witness).ok()?;
        let at = merged
            .files
            .binary_search_by(|file| file.path.cmp(&real))
            .ok()?;
        let claim = merged.files.get(at)?.found.os.as_ref()?;
        Some((witness, claim))
    };
    distro::WITNESSES.into_iter().filter_map(claim).collect()
}

/// Gives each file's role, in the order of the files.
pub(crate) fn roles(merged: &Merged<'_>) -> Vec<Role> {
    let places = Places::of(merged.tree);
    let own = |file: &&MergedFile<'_>| file.found.database && places.have(&file.path);
    let has_own = merged.files.iter().any(|file| own(&file));
    let newest = newest_of_rpm(merged, merged.files.iter().filter(own));
    let role = |file: &MergedFile<'_>| {
        if own(&file) && (newest.is_none_or(|newest| newest == file.path) || !is_of_rpm(&file.path))
        {
            Role::Database
        } else if !file.found.database {
            let is_ledger = !file.found.owned.is_empty() && places.have_ledger(&file.path);
            if is_ledger { Role::Ledger } else { Role::Other }
        } else if has_own && is_backup(&file.path) {
            Role::Backup
        } else {
            Role::Relocated
        }
    };
    merged.files.iter().map(role).collect()
}

/// Names rpm's database that the last layer to have one has, where it has several.
///
/// An image keeps the old one when rpm moves to another backend, and rpm reads the new one only.
fn newest_of_rpm<'a, 'b: 'a>(
    merged: &Merged<'_>,
    own: impl Iterator<Item = &'a MergedFile<'b>>,
) -> Option<&'a str> {
    let layer = |file: &MergedFile<'_>| {
        let mut digests = merged.layers.iter().map(|layer| &layer.digest);
        digests.rposition(|digest| digest == file.layer)
    };
    let databases = own.filter(|file| is_of_rpm(&file.path));
    // Of two in one layer the later name counts: SQLite is what rpm moves to.
    let newest = databases.max_by_key(|file| (layer(file), file.path.rsplit('/').next()));
    newest.map(|file| file.path.as_str())
}

fn is_of_rpm(path: &str) -> bool {
    let name = path.rsplit('/').next().unwrap_or_default();
    matches!(name, "Packages" | "Packages.db" | "rpmdb.sqlite")
}

/// Gives the kinds of packages that the system's own databases list.
pub(crate) fn package_types(merged: &Merged<'_>) -> BTreeSet<PackageType> {
    let files = merged.files.iter().zip(roles(merged));
    let databases = files.filter(|(_, role)| *role == Role::Database);
    let packages = databases.flat_map(|(file, _)| &file.found.packages);
    packages.map(|found| found.package.package_type).collect()
}

/// Says what keeps the operating system's packages from being known.
pub(crate) fn judge(merged: &Merged<'_>, roles: &[Role], distro: Option<&Distro>) -> Vec<Gap> {
    let with = |wanted: Role| {
        let files = merged.files.iter().zip(roles);
        files
            .filter(move |(_, role)| **role == wanted)
            .map(|(file, _)| file)
    };
    let count = |files: &mut dyn Iterator<Item = &MergedFile<'_>>| -> usize {
        files.map(|file| file.found.packages.len()).sum()
    };
    let system = System {
        databases: with(Role::Database).count(),
        relocated: with(Role::Relocated).count(),
        present: count(&mut with(Role::Database)),
        merged,
        distro,
    };
    let mut gaps: Vec<_> = with(Role::Relocated).map(relocated).collect();
    gaps.extend(system.empty());
    gaps.extend(system.missing());
    gaps.extend(system.unread());
    gaps.extend(system.unknown());
    gaps.extend(without_sources(with(Role::Database)));
    gaps.extend(distro::contradictions(&claims(merged)));
    gaps.extend(distro.and_then(|distro| forged(merged, roles, distro)));
    gaps
}

/// The counts that judging needs.
struct System<'a> {
    databases: usize,
    relocated: usize,
    /// Packages in the system's own databases.
    present: usize,
    merged: &'a Merged<'a>,
    distro: Option<&'a Distro>,
}

impl System<'_> {
    fn empty(&self) -> Option<Gap> {
        let detail = "the package database lists no present package";
        (self.databases > 0 && self.present == 0).then(|| Gap::fatal(GapKind::OsDbEmpty, detail))
    }

    fn missing(&self) -> Option<Gap> {
        let remembered = self.merged.remembered.len();
        let detail = match self.distro {
            _ if remembered > 0 => format!(
                "a later layer removed or emptied the package database of a lower one, \
                 which had {remembered} packages whose files may still be there"
            ),
            _ if self.databases > 0 => return None,
            _ if self.merged.had_database => {
                "a lower layer has a package database that a later one removed".to_owned()
            }
            Some(distro) => format!(
                "the image names itself {:?} but has no package database that is read",
                distro.id
            ),
            None => {
                let library = programs::c_library(self.merged)?;
                format!("the image has a C library, {library}, but no package database")
            }
        };
        Some(Gap::fatal(GapKind::OsDbMissing, detail))
    }

    fn unread(&self) -> impl Iterator<Item = Gap> {
        self.merged.unread.iter().map(|path| {
            let detail = "a package database of a kind that is not read";
            let gap = Gap {
                fatal: self.present == 0,
                ..Gap::partial(GapKind::OsDbMissing, detail)
            };
            gap.at(*path)
        })
    }

    fn unknown(&self) -> Option<Gap> {
        let packages = self.present + self.relocated + self.merged.remembered.len();
        let detail = "the image has system packages, but nothing in it names its distribution";
        (self.distro.is_none() && packages > 0).then(|| Gap::fatal(GapKind::OsUnknown, detail))
    }
}

fn relocated(file: &MergedFile<'_>) -> Gap {
    let count = file.found.packages.len();
    let detail = format!(
        "a package database with {count} packages lies where no tool looks for it, or beside a \
         newer one"
    );
    Gap::partial(GapKind::DbRelocated, detail)
        .at(file.path.as_str())
        .in_layer(file.layer.clone())
}

/// Says that advisories, which name sources, cannot be held against packages without them.
///
/// Where another database lists packages too, those are the same with their sources.
fn without_sources<'a, 'b: 'a>(databases: impl Iterator<Item = &'a MergedFile<'b>>) -> Option<Gap> {
    let filled = databases.filter(|file| !file.found.packages.is_empty());
    let (without, with): (Vec<_>, Vec<_>) =
        filled.partition(|file| SOURCELESS.contains(&file.path.as_str()));
    let file = without.first().filter(|_| with.is_empty())?;
    let count = file.found.packages.len();
    let detail = format!(
        "the list of {count} packages does not say from which sources they were built, which is \
         what advisories name"
    );
    Some(Gap::fatal(GapKind::RecordUnreadable, detail).at(file.path.as_str()))
}

/// Compares what the distribution is said to be with what its packages say.
fn forged(merged: &Merged<'_>, roles: &[Role], distro: &Distro) -> Option<Gap> {
    let packages = || inventory::system_packages(merged, roles);
    let why = packages()
        .find_map(|package| distro::contradiction(package, distro))
        .or_else(|| votes::contradiction(packages(), distro))?;
    let Distro { id, version, .. } = distro;
    let detail = format!("the image names itself {id} {version}, but {why}");
    Some(Gap::fatal(GapKind::OsForged, detail))
}

/// Where package managers of this image find their databases, links followed.
pub(crate) struct Places {
    files: Vec<String>,
    dir: Option<String>,
    tree: Option<String>,
    ledgers: Option<String>,
}

impl Places {
    /// Resolves the places in a tree.
    pub(crate) fn of(tree: &Tree) -> Self {
        Self {
            files: DATABASES
                .iter()
                .filter_map(|place| tree.resolve(place).ok())
                .collect(),
            dir: tree.resolve(DATABASE_DIR).ok(),
            tree: tree.resolve(DATABASE_TREE).ok(),
            ledgers: tree.resolve(LEDGER_DIR).ok(),
        }
    }

    /// Tells whether a tool looks for its database at a path.
    pub(crate) fn have<'a>(&self, path: &'a str) -> bool {
        let above = |path: &'a str| path.rsplit_once('/').map(|(dir, _)| dir);
        let dir = above(path);
        let above_dir = dir.and_then(above);
        self.files.iter().any(|place| place == path)
            || (dir.is_some() && dir == self.dir.as_deref())
            || (above_dir.is_some() && above_dir == self.tree.as_deref())
    }

    /// Tells whether a path is where lists of packages' files are.
    fn have_ledger(&self, path: &str) -> bool {
        let dir = path.rsplit_once('/').map(|(dir, _)| dir);
        dir.is_some() && (dir == self.ledgers.as_deref() || dir == self.dir.as_deref())
    }
}

/// dpkg's previous state, and the daily copies that its cron job keeps.
fn is_backup(path: &str) -> bool {
    path == "var/lib/dpkg/status-old" || path.starts_with("var/backups/dpkg.status")
}
