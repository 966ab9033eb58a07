//! What the packages themselves say which distribution they are from.
//!
//! Build systems write the release into versions, and a few packages belong to one distribution
//! only. That names an image whose own name is missing, and shows one whose name is false.
//!
//! Source: Debian developers' reference 5.8.5, "+deb12u1"; Ubuntu, "Version strings"; Fedora
//! packaging guidelines, "DistTag".

use std::collections::BTreeMap;

use sluicegate_model::package::{Distro, Package, PackageType};

use crate::distro;
use crate::facts::OsClaim;

/// Fewest packages that outvote the image's own name.
///
/// A release keeps a few packages of the one before it, so that one or two tell nothing.
const MIN_VOTES: usize = 3;

/// Distributions whose packages carry the mark of Enterprise Linux, `.el9`.
const ENTERPRISE: [&str; 6] = ["almalinux", "centos", "ol", "rhel", "rocky", "virtuozzo"];

/// The mark of Enterprise Linux, which several distributions share.
const EL: &str = "el";

/// Packages that only one distribution has. Source: the distributions' package indexes.
const OWN: [(PackageType, &str, &str); 11] = [
    (PackageType::Apk, "alpine-baselayout", "alpine"),
    (PackageType::Apk, "alpine-keys", "alpine"),
    (PackageType::Apk, "wolfi-baselayout", "wolfi"),
    (PackageType::Apk, "chainguard-baselayout", "chainguard"),
    (PackageType::Deb, "debian-archive-keyring", "debian"),
    (PackageType::Deb, "ubuntu-keyring", "ubuntu"),
    (PackageType::Rpm, "almalinux-release", "almalinux"),
    (PackageType::Rpm, "centos-stream-release", "centos"),
    (PackageType::Rpm, "oraclelinux-release", "ol"),
    (PackageType::Rpm, "redhat-release", "rhel"),
    (PackageType::Rpm, "rocky-release", "rocky"),
];

/// Marks in the release of an RPM package, each with its distribution; a number follows.
const RPM_MARKS: [(&str, &str); 7] = [
    (".el", EL),
    (".fc", "fedora"),
    (".amzn", "amzn"),
    (".azl", "azurelinux"),
    (".cm", "mariner"),
    (".mga", "mageia"),
    (".ph", "photon"),
];

/// A distribution, and its release where the package tells it.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Vote {
    id: &'static str,
    release: String,
}

/// Names the distribution that most packages name.
pub(crate) fn elect<'a>(packages: impl Iterator<Item = &'a Package>) -> Option<Distro> {
    let votes = count(packages);
    let id = strongest(by_id(&votes).into_iter().filter(|(id, _)| *id != EL))?;
    let mark = if ENTERPRISE.contains(&id) { EL } else { id };
    let releases = votes.iter().filter(|(vote, _)| vote.id == mark);
    let releases = releases.map(|(vote, count)| (vote.release.as_str(), *count));
    let version = strongest(releases.filter(|(release, _)| !release.is_empty()));
    let claim = OsClaim {
        id: id.to_owned(),
        version: version.unwrap_or_default().to_owned(),
        codename: String::new(),
    };
    distro::identify(&[&claim])
}

/// Says that most packages name another distribution or release than the image does.
pub(crate) fn contradiction<'a>(
    packages: impl Iterator<Item = &'a Package>,
    distro: &Distro,
) -> Option<String> {
    // Of a distribution without advisories nobody gains by taking its name.
    distro.ecosystem.as_ref()?;
    let votes = count(packages);
    let own = if ENTERPRISE.contains(&distro.id.as_str()) {
        EL
    } else {
        distro.id.as_str()
    };
    let ids = by_id(&votes);
    let marks = ids.iter().filter(|(id, _)| !is_relative(id, own));
    let other = marks.max_by_key(|(_, count)| **count);
    let for_own = ids.get(own).copied().unwrap_or(0);
    if let Some((id, count)) = other
        && *count >= MIN_VOTES
        && *count > for_own
    {
        return Some(format!("{count} of its packages are of {id}"));
    }
    let wanted = release(own, &distro.version);
    let releases = votes.iter().filter(|(vote, _)| vote.id == own);
    let releases = releases.filter(|(vote, _)| !vote.release.is_empty());
    let (mut for_wanted, mut best) = (0, None);
    for (vote, count) in releases {
        if vote.release == wanted {
            for_wanted = *count;
        } else if best.is_none_or(|(_, most)| *count > most) {
            best = Some((vote, *count));
        }
    }
    let (vote, count) = best.filter(|_| !wanted.is_empty())?;
    let Vote { id, release } = vote;
    (count >= MIN_VOTES && count > for_wanted)
        .then(|| format!("{count} of its packages are of {id} {release}"))
}

/// Tells whether an image may have many packages that name this other distribution.
///
/// A rebuild of Enterprise Linux has its own release package and that mark; Chainguard builds on
/// Wolfi.
fn is_relative(id: &str, own: &str) -> bool {
    let is_enterprise = own == EL && (id == EL || ENTERPRISE.contains(&id));
    id == own || is_enterprise || (own == "chainguard" && id == "wolfi")
}

fn count<'a>(packages: impl Iterator<Item = &'a Package>) -> BTreeMap<Vote, usize> {
    let mut votes = BTreeMap::new();
    for package in packages {
        if let Some(vote) = vote(package) {
            *votes.entry(vote).or_default() += 1;
        }
    }
    votes
}

fn by_id(votes: &BTreeMap<Vote, usize>) -> BTreeMap<&'static str, usize> {
    let mut ids = BTreeMap::new();
    for (vote, count) in votes {
        *ids.entry(vote.id).or_default() += count;
    }
    ids
}

/// Gives what was counted most often; of equals the last.
fn strongest<'a>(counted: impl IntoIterator<Item = (&'a str, usize)>) -> Option<&'a str> {
    let most = counted.into_iter().max_by_key(|(_, count)| *count);
    most.map(|(name, _)| name)
}

/// Gives what a package says, if anything.
fn vote(package: &Package) -> Option<Vote> {
    let version = package.version.as_str();
    let kind = package.package_type;
    let marked = match kind {
        PackageType::Deb => deb(&package.name, version),
        PackageType::Apk => (package.name == "alpine-release").then(|| Vote {
            id: "alpine",
            release: release("alpine", version),
        }),
        PackageType::Rpm => rpm(version),
        _ => None,
    };
    let own = || {
        let mut rows = OWN.iter();
        let (_, _, id) = rows.find(|(of, name, _)| *of == kind && *name == package.name)?;
        Some(Vote {
            id,
            release: String::new(),
        })
    };
    // The release package of a rebuild names it, and its mark would not.
    if kind == PackageType::Rpm {
        own().or(marked)
    } else {
        marked.or_else(own)
    }
}

/// Reads `+deb12u3`, `~deb12u1`, `ubuntu0.22.04.1` and `~22.04`.
fn deb(name: &str, version: &str) -> Option<Vote> {
    if let Some((_, after)) = version.split_once("ubuntu") {
        let dated = |part: &str| ubuntu_release(part.trim_start_matches(['0', '.']));
        let release = dated(after)
            .or_else(|| ubuntu_release(version.rsplit_once('~')?.1))
            .unwrap_or_default();
        return Some(Vote {
            id: "ubuntu",
            release,
        });
    }
    let marked = ["+deb", "~deb"].iter().find_map(|mark| {
        let (_, after) = version.split_once(mark)?;
        number(after)
    });
    let carried = || (name == "base-files").then(|| number(version)).flatten();
    let release = marked.or_else(carried)?;
    Some(Vote {
        id: "debian",
        release,
    })
}

/// Reads `22.04` at the start of a text.
fn ubuntu_release(text: &str) -> Option<String> {
    let mut parts = text.split(|c: char| !c.is_ascii_digit());
    let (year, month) = (parts.next()?, parts.next()?);
    let is_release = year.len() == 2 && matches!(month, "04" | "10");
    is_release.then(|| format!("{year}.{month}"))
}

fn rpm(version: &str) -> Option<Vote> {
    RPM_MARKS.iter().find_map(|(mark, id)| {
        let (_, after) = version.rsplit_once(mark)?;
        Some(Vote {
            id,
            release: number(after)?,
        })
    })
}

/// Gives the number at the start of a text.
fn number(text: &str) -> Option<String> {
    let digits: String = text.chars().take_while(char::is_ascii_digit).collect();
    (!digits.is_empty() && digits.len() <= 8).then_some(digits)
}

/// Gives the part of a version that names a release, as the votes give it.
fn release(id: &str, version: &str) -> String {
    let parts = if matches!(id, "alpine" | "ubuntu") {
        2
    } else {
        1
    };
    let plain = version.split(['-', '_']).next().unwrap_or_default();
    plain.split('.').take(parts).collect::<Vec<_>>().join(".")
}

#[cfg(test)]
mod tests;
