//! Judges the operating system: which databases are its own, and what speaks against it.
//!
//! A missing or empty database, a name that no witness gives and a name that the packages deny are
//! gaps. `inventory.rs` is the only caller; what each file is to the image says `roles.rs`.

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::Distro;

use super::roles::{self, Role};
use super::{programs, votes};
use crate::distro;
use crate::facts::OsClaim;
use crate::image::merged::{Merged, MergedFile};
use crate::plugin_set::Databases;

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
    gaps.extend(without_sources(merged.databases, with(Role::Database)));
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
fn without_sources<'a, 'b: 'a>(
    known: &Databases,
    databases: impl Iterator<Item = &'a MergedFile<'b>>,
) -> Option<Gap> {
    let filled = databases.filter(|file| !file.found.packages.is_empty());
    let (without, with): (Vec<_>, Vec<_>) =
        filled.partition(|file| known.is_sourceless(&file.path));
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
    let packages = || roles::system_packages(merged, roles);
    let why = packages()
        .find_map(|package| distro::contradiction(package, distro))
        .or_else(|| votes::contradiction(packages(), distro))?;
    let Distro { id, version, .. } = distro;
    let detail = format!("the image names itself {id} {version}, but {why}");
    Some(Gap::fatal(GapKind::OsForged, detail))
}
