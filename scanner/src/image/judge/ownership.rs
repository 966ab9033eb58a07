//! Which files belong to packages, and whether they are what the packages brought.
//!
//! A database's claim to a file is somebody's word until the file's own digest agrees: only then
//! does the owner speak for what the file holds. `inventory.rs` asks.
//!
//! Source: deb-md5sums(5); apk-v2(5); rpm, "File info tags".

use std::collections::BTreeSet;

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Distro, Evidence, Package, PackageType};

use crate::facts::{FoundPackage, OwnedFile, PathHash};
use crate::image::examples::examples;
use crate::image::merged::{Merged, MergedFile};
use crate::image::spellings::Spellings;
use crate::plugin_set::Databases;

use super::roles::Role;
use super::third_party::is_third_party;

/// Distributions whose advisories name issues without a fix too, so that nothing is lost when a
/// language's package is reported under the system's package alone.
const UNFIXED_TOO: [&str; 6] = ["arch", "azurelinux", "debian", "mariner", "rhel", "ubuntu"];

/// What the scripts that dpkg runs for a package end in; a few packages have programs for them.
/// Source: deb-preinst(5), deb-postinst(5), deb-prerm(5), deb-postrm(5); debconf-devel(7).
const SCRIPTS: [&str; 5] = ["config", "postinst", "postrm", "preinst", "prerm"];

/// What the databases say of a file, from the weakest to what needs attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) enum Ownership {
    /// No package claims it.
    Nobody,
    /// One claims it; no digest tells more, or no advisory speaks of that package.
    Claimed,
    /// One claims it, and it is another file than the package brought.
    Differs,
    /// One of the distribution's claims it and brought it as it is.
    Proven,
}

/// The claims of every package that is there.
pub(crate) struct Owners<'a> {
    /// Of the operating system's packages; sorted.
    system: Vec<(PathHash, &'a OwnedFile)>,
    /// Of languages' packages; sorted.
    languages: Vec<(PathHash, &'a OwnedFile)>,
    /// The names of the operating system's packages.
    present: BTreeSet<&'a str>,
    /// The names of those that are not the distribution's.
    third_party: BTreeSet<&'a str>,
    databases: &'a Databases,
    spellings: Spellings,
}

impl<'a> Owners<'a> {
    /// Collects the claims, those of the system only where its distribution is known.
    pub(crate) fn of(merged: &Merged<'a>, roles: &[Role], distro: Option<&Distro>) -> Self {
        let is_any = |_: &Package| true;
        let mut present = present(merged, roles, is_any);
        let (mut system, mut languages) = (Vec::new(), Vec::new());
        for (file, role) in merged.files.iter().zip(roles) {
            let owned = file.found.owned.iter();
            match role {
                Role::Database => system.extend(owned),
                Role::Ledger if merged.has_record_beside(&file.path) => system.extend(owned),
                Role::Ledger => {
                    system.extend(owned.filter(|owned| present.contains(&*owned.package)));
                }
                Role::Other => languages.extend(owned),
                Role::Relocated | Role::Backup => {}
            }
        }
        if distro.is_none() {
            system.clear();
            present.clear();
        }
        Self {
            system: sorted(system),
            languages: sorted(languages),
            present,
            third_party: self::present(merged, roles, is_third_party),
            databases: merged.databases,
            spellings: Spellings::of(&merged.tree),
        }
    }

    /// Says what the operating system's databases tell of a file.
    pub(crate) fn of_file(&self, file: &MergedFile<'_>) -> Ownership {
        let judge = |claim: &OwnedFile| match (&claim.digest, file.digests) {
            (Some(kept), Some(own)) if own.agree(kept) => {
                if self.third_party.contains(&*claim.package) {
                    Ownership::Claimed
                } else {
                    Ownership::Proven
                }
            }
            (Some(_), Some(_)) => Ownership::Differs,
            _ => Ownership::Claimed,
        };
        let hashes = self.spellings.hashes(&file.path);
        let claims = hashes.iter().flat_map(|hash| at(&self.system, *hash));
        claims.map(judge).max().unwrap_or(Ownership::Nobody)
    }

    /// Tells whether any package claims a path, whatever lies there.
    pub(crate) fn claim(&self, path: &str) -> bool {
        let hashes = self.spellings.hashes(path);
        let is_listed = |hash: &PathHash| {
            let claims = at(&self.system, *hash).chain(at(&self.languages, *hash));
            claims.count() > 0
        };
        hashes.iter().any(is_listed) || self.run_for_a_package(path)
    }

    /// Tells whether a path is where dpkg keeps a script of a package that is there.
    ///
    /// No list of files has them.
    fn run_for_a_package(&self, path: &str) -> bool {
        let script = || {
            let (dir, name) = path.rsplit_once('/')?;
            let (package, ending) = name.rsplit_once('.')?;
            let package = package.split(':').next()?;
            let is_there = self.databases.lists().any(|lists| lists == dir);
            Some(is_there && SCRIPTS.contains(&ending) && self.present.contains(package))
        };
        script().unwrap_or(false)
    }

    /// Says which files are not what the package that claims them brought.
    pub(crate) fn tampered(&self, merged: &Merged<'_>) -> Option<Gap> {
        let differs = |file: &&MergedFile<'_>| {
            file.digests.is_some() && self.of_file(file) == Ownership::Differs
        };
        let files = merged.files.iter().filter(differs);
        let paths: Vec<&str> = files.map(|file| file.path.as_str()).collect();
        let count = paths.len();
        let detail = format!(
            "the package database claims {count} files that are not what it says: {}",
            examples(paths)
        );
        (count > 0).then(|| Gap::partial(GapKind::DbTampered, detail))
    }
}

/// Tells whether what was found in a file is reported under the system's package that owns it.
pub(crate) fn is_reported_by_owner(
    ownership: Ownership,
    found: &FoundPackage,
    distro: Option<&Distro>,
) -> bool {
    let Some(distro) = distro.filter(|_| ownership == Ownership::Proven) else {
        return false;
    };
    match found.package.package_type {
        _ if found.evidence == Evidence::Declared => false,
        PackageType::Generic => true,
        language if language.is_operating_system() => false,
        _ => UNFIXED_TOO.contains(&distro.id.as_str()),
    }
}

/// Tells whether the system's package that owns a file stands for what was not read of it.
///
/// The owner says what a file is that does not say so itself. What else is missing would have been
/// held against the language's advisories, so it is settled where those add nothing. That the scan
/// itself failed or was stopped is never settled.
pub(crate) fn is_settled_by_owner(
    ownership: Ownership,
    gap: &Gap,
    distro: Option<&Distro>,
) -> bool {
    let Some(distro) = distro.filter(|_| ownership == Ownership::Proven) else {
        return false;
    };
    match gap.kind {
        GapKind::AnalyzerFailed | GapKind::Interrupted => false,
        GapKind::JarUnidentified
        | GapKind::NestedArchive
        | GapKind::PackedBinary
        | GapKind::StrippedMetadata
        | GapKind::VersionUnknown => true,
        _ => UNFIXED_TOO.contains(&distro.id.as_str()),
    }
}

/// Gives the names of the system's packages that are of a kind.
fn present<'a>(
    merged: &Merged<'a>,
    roles: &[Role],
    is_wanted: impl Fn(&Package) -> bool,
) -> BTreeSet<&'a str> {
    let files = merged.files.iter().zip(roles);
    let databases = files.filter(|(_, role)| **role == Role::Database);
    let packages = databases.flat_map(|(file, _)| &file.found.packages);
    let wanted = packages.filter(|found| is_wanted(&found.package));
    wanted.map(|found| found.package.name.as_str()).collect()
}

fn sorted(owned: Vec<&OwnedFile>) -> Vec<(PathHash, &OwnedFile)> {
    let mut claims: Vec<_> = owned.into_iter().map(|owned| (owned.path, owned)).collect();
    claims.sort_unstable_by_key(|(hash, _)| *hash);
    claims
}

fn at<'a>(
    claims: &'a [(PathHash, &'a OwnedFile)],
    hash: PathHash,
) -> impl Iterator<Item = &'a OwnedFile> {
    let start = claims.partition_point(|(other, _)| *other < hash);
    let rest = claims.get(start..).unwrap_or_default().iter();
    rest.take_while(move |(other, _)| *other == hash)
        .map(|(_, owned)| *owned)
}

#[cfg(test)]
mod tests;
