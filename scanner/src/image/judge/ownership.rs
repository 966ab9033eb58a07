//! Which files belong to packages, and whether they are what the packages brought.
//!
//! A database's claim to a file is somebody's word. The file's own digest shows that both agree,
//! not that the distribution wrote either: an owner speaks for a file only where it lies with the
//! distribution's own, and list and file came with the package. `inventory.rs` asks.
//!
//! Source: deb-md5sums(5); apk-v2(5); rpm, "File info tags"; Filesystem Hierarchy Standard 3.0.

use std::collections::BTreeMap;

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::digest::Digest;
use sluicegate_model::package::{Distro, Package};

use crate::examples::examples;
use crate::facts::{OwnedFile, PathHash};
use crate::image::merged::{Merged, MergedFile};
use crate::image::spellings::Spellings;
use crate::plugin_set::Databases;

use super::roles::Role;
use super::third_party::is_third_party;

/// Distributions whose advisories name issues without a fix too, so that nothing is lost where a
/// language's metadata could not be read and the system's package is known.
const UNFIXED_TOO: [&str; 6] = ["arch", "azurelinux", "debian", "mariner", "rhel", "ubuntu"];

/// Where distributions' packages have no files: for the machine's owner, and for vendors.
const NOT_THE_DISTRIBUTIONS: [&str; 2] = ["usr/local/", "usr/src/app/"];

/// Where they have theirs.
const THE_DISTRIBUTIONS: [&str; 12] = [
    "bin/", "boot/", "etc/", "lib/", "lib32/", "lib64/", "libexec/", "libx32/", "opt/rh/", "sbin/",
    "usr/", "var/lib/",
];

/// What the scripts that dpkg runs for a package end in; a few packages have programs for them.
/// Source: deb-preinst(5), deb-postinst(5), deb-prerm(5), deb-postrm(5); debconf-devel(7).
const SCRIPTS: [&str; 5] = ["config", "postinst", "postrm", "preinst", "prerm"];

/// What the databases say of a file, from the weakest to what needs attention.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Ownership {
    /// No package claims it.
    Nobody,
    /// One claims it; no digest tells more, or no advisory speaks of that package.
    Claimed,
    /// One claims it, and it is another file than the package brought.
    Differs,
    /// One of the distribution's claims it and has it as it is.
    Proven,
}

/// A package's claim to a file.
#[derive(Clone, Copy)]
struct Claim<'a> {
    package: &'a str,
    owned: &'a OwnedFile,
    /// The layer that brought the list, where the list is a file of its own.
    listed_in: Option<&'a Digest>,
}

/// A package that is there, and the layer since which it is.
#[derive(Clone, Copy)]
struct Installed<'a> {
    package: &'a Package,
    since: &'a Digest,
    is_third_party: bool,
}

/// The claims of every package that is there.
pub(crate) struct Owners<'a> {
    /// Of the operating system's packages; sorted.
    system: Vec<(PathHash, Claim<'a>)>,
    /// Of languages' packages; sorted.
    languages: Vec<PathHash>,
    /// The operating system's packages by name.
    installed: BTreeMap<&'a str, Vec<Installed<'a>>>,
    databases: &'a Databases,
    spellings: Spellings,
}

impl<'a> Owners<'a> {
    /// Collects the claims, those of the system only where its distribution is known.
    pub(crate) fn of(merged: &'a Merged<'_>, roles: &[Role], distro: Option<&Distro>) -> Self {
        let mut installed = installed(merged, roles, distro);
        let (mut system, mut languages) = (Vec::new(), Vec::new());
        for (file, role) in merged.files.iter().zip(roles) {
            let record = merged.record_beside(&file.path);
            let claim = |owned: &'a OwnedFile| {
                let beside = record.map(|found| found.package.name.as_str());
                let claim = Claim {
                    package: beside.unwrap_or(&owned.package),
                    owned,
                    listed_in: (*role == Role::Ledger).then_some(file.layer),
                };
                (owned.path, claim)
            };
            let owned = file.found.owned.iter();
            match role {
                Role::Database | Role::Ledger => {
                    let claims = owned.map(claim);
                    let counts = |claim: &Claim<'_>| {
                        *role == Role::Database || installed.contains_key(claim.package)
                    };
                    system.extend(claims.filter(|(_, claim)| counts(claim)));
                }
                Role::Other => languages.extend(owned.map(|owned| owned.path)),
                Role::Relocated | Role::Backup => {}
            }
        }
        if distro.is_none() {
            system.clear();
            installed.clear();
        }
        system.sort_by_key(|(hash, _)| *hash);
        languages.sort_unstable();
        Self {
            system,
            languages,
            installed,
            databases: merged.databases,
            spellings: Spellings::of(&merged.tree),
        }
    }

    /// Gives the package of the distribution that speaks for a file: it claims the file as it is,
    /// the file lies where the distribution puts its own, and list and file came with the package.
    pub(crate) fn owner_of(&self, file: &MergedFile<'_>) -> Option<&'a Package> {
        let digests = file.digests?;
        if !is_of_distribution(&file.path) {
            return None;
        }
        let agrees = |claim: &&Claim<'_>| {
            let kept = claim.owned.digest.as_ref();
            kept.is_some_and(|kept| digests.agree(kept))
        };
        let hashes = self.spellings.hashes(&file.path);
        let claims = hashes.iter().flat_map(|hash| at(&self.system, *hash));
        let mut owners = claims.filter(agrees).filter_map(|claim| {
            let came_along = |it: &&Installed<'_>| {
                !it.is_third_party
                    && it.since == file.layer
                    && claim.listed_in.is_none_or(|layer| layer == it.since)
            };
            let mut named = self.installed.get(claim.package)?.iter();
            named.find(came_along).map(|it| it.package)
        });
        owners.next()
    }

    /// Says what the operating system's databases tell of a file.
    fn of_file(&self, file: &MergedFile<'_>) -> Ownership {
        let judge = |claim: &Claim<'_>| match (&claim.owned.digest, file.digests) {
            (Some(kept), Some(own)) if own.agree(kept) => {
                let named = self.installed.get(claim.package);
                if named.is_some_and(|named| named.iter().any(|it| it.is_third_party)) {
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

    /// Tells whether one of the system's packages claims a path where those have their files,
    /// whatever lies there.
    pub(crate) fn claim_of_system(&self, path: &str) -> bool {
        let hashes = self.spellings.hashes(path);
        let is_claimed = |hash: &PathHash| at(&self.system, *hash).next().is_some();
        let lists = || is_of_distribution(path) && hashes.iter().any(is_claimed);
        lists() || self.run_for_a_package(path)
    }

    /// Tells whether a package of a language lists a path: its author's word.
    pub(crate) fn claim_of_language(&self, path: &str) -> bool {
        let hashes = self.spellings.hashes(path);
        let is_claimed = |hash: &PathHash| self.languages.binary_search(hash).is_ok();
        hashes.iter().any(is_claimed)
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
            Some(is_there && SCRIPTS.contains(&ending) && self.installed.contains_key(package))
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

/// Tells whether the system's package that owns a file stands for what was not read of it.
///
/// The owner says what a file is that does not say so itself. What else is missing would have been
/// held against the language's advisories, so it is settled where those add nothing. That the scan
/// itself failed or was stopped is never settled, nor that a program is packed: a distribution packs
/// none.
pub(crate) fn is_settled_by_owner(
    owner: Option<&Package>,
    gap: &Gap,
    distro: Option<&Distro>,
) -> bool {
    let Some(distro) = distro.filter(|_| owner.is_some()) else {
        return false;
    };
    match gap.kind {
        GapKind::AnalyzerFailed | GapKind::PackedBinary => false,
        kind if kind.is_passing() => false,
        GapKind::JarUnidentified
        | GapKind::NestedArchive
        | GapKind::StrippedMetadata
        | GapKind::VersionUnknown => true,
        _ => UNFIXED_TOO.contains(&distro.id.as_str()),
    }
}

/// Tells whether a path is one where distributions' packages have their files.
fn is_of_distribution(path: &str) -> bool {
    let is_below = |dirs: &[&str]| dirs.iter().any(|dir| path.starts_with(dir));
    is_below(&THE_DISTRIBUTIONS) && !is_below(&NOT_THE_DISTRIBUTIONS)
}

/// Gives the packages of the system's own databases, by name.
fn installed<'a>(
    merged: &'a Merged<'_>,
    roles: &[Role],
    distro: Option<&Distro>,
) -> BTreeMap<&'a str, Vec<Installed<'a>>> {
    let mut by_name = BTreeMap::<&str, Vec<Installed<'_>>>::new();
    let files = merged.files.iter().zip(roles);
    for (file, _) in files.filter(|(_, role)| **role == Role::Database) {
        for (found, since) in file.found.packages.iter().zip(&file.introduced) {
            let named = by_name.entry(&found.package.name).or_default();
            named.push(Installed {
                package: &found.package,
                since,
                is_third_party: is_third_party(found, distro),
            });
        }
    }
    by_name
}

fn at<'a, 'b>(
    claims: &'b [(PathHash, Claim<'a>)],
    hash: PathHash,
) -> impl Iterator<Item = &'b Claim<'a>> + use<'a, 'b> {
    let start = claims.partition_point(|(other, _)| *other < hash);
    let rest = claims.get(start..).unwrap_or_default().iter();
    rest.take_while(move |(other, _)| *other == hash)
        .map(|(_, claim)| claim)
}

#[cfg(test)]
mod tests;
