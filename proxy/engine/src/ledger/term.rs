//! Names that verdicts, images and events can be asked for by, as numbers: what kind of thing it
//! names, and 48 bits of its SHA-256.
//!
//! Two names of a million share a number once in a hundred thousand stores; what then happens is
//! that one image too many is listed.

use std::collections::HashSet;
use std::fmt;

use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};
use sluicegate_model::Domain;
use sluicegate_model::finding::Finding;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Package, PackageType};
use sluicegate_model::verdict::Verdict;
use sluicegate_scanner::matching::asked_names;
use sluicegate_scanner::{ARCHIVES_BY_DIGEST, FILES_BY_DIGEST};

use super::record::own_name;
use crate::events::{CauseKind, Change, Direction, EventKind, Happening};

/// What stands for whoever says what an image holds, where that was not looked at here.
pub const ANYBODY: &str = "*";
/// Bits of the hash.
const HASH_BITS: u32 = 48;
/// The bit that tells what an image had from what it has.
const RECORDED_BEFORE_BIT: u32 = HASH_BITS + 4;

/// What a number is the number of.
#[derive(Clone, Copy, Debug)]
enum Space {
    Verdict,
    Image,
    Event,
    Recorded,
}

/// A name that can be asked for.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash, PartialOrd, Ord, Serialize, Deserialize)]
pub struct Term(u64);

impl Term {
    /// A weakness, by id, alias or record, in any letter case.
    pub fn vulnerability(id: &str) -> Self {
        Self::of(Space::Verdict, b'v', id)
    }

    /// A package with a finding, in any letter case.
    pub fn package_found(name: &str) -> Self {
        Self::of(Space::Verdict, b'p', name)
    }

    /// What somebody else says; [`ANYBODY`] whoever it is.
    pub fn reported_by(name: &str) -> Self {
        Self::of(Space::Verdict, b'r', name)
    }

    /// A package that is installed, in any letter case.
    pub fn installed(name: &str) -> Self {
        Self::of(Space::Image, b'n', name)
    }

    /// A package that is installed in a version.
    pub fn installed_as(name: &str, version: &str) -> Self {
        Self::of(Space::Image, b'v', &format!("{name}\0{version}"))
    }

    /// A name by which advisories may be asked about what is installed, in any letter case, where that
    /// is none that it has.
    pub fn asked(name: &str) -> Self {
        Self::of(Space::Image, b'a', name)
    }

    /// An event on a repository.
    pub fn event_on(repository: &str) -> Self {
        Self::of(Space::Event, b'r', repository)
    }

    /// An event on a manifest.
    pub fn event_of(digest: &str) -> Self {
        Self::of(Space::Event, b'd', digest)
    }

    /// An event of a kind; none of the kind that nearly all are.
    pub fn event_like(kind: EventKind) -> Option<Self> {
        let is_rare = kind != EventKind::VerdictChanged;
        is_rare.then(|| Self::of(Space::Event, b'k', kind.as_str()))
    }

    /// An event that went one way.
    pub fn event_towards(direction: Direction) -> Self {
        Self::of(Space::Event, b'w', direction.as_str())
    }

    /// An event that something brought about.
    pub fn event_by(cause: CauseKind) -> Self {
        Self::of(Space::Event, b'c', cause.as_str())
    }

    /// An event that names a weakness, in any letter case.
    pub fn event_naming(id: &str) -> Self {
        Self::of(Space::Event, b'v', id)
    }

    /// A weakness that a recorded image has, in any letter case.
    pub fn recorded(id: &str) -> Self {
        Self::of(Space::Recorded, b'v', own_name(id))
    }

    /// A weakness that a recorded image had and does not have any more.
    #[must_use]
    pub const fn recorded_before(self) -> Self {
        Self(self.0 | 1 << RECORDED_BEFORE_BIT)
    }

    /// Gives the bits of its hash.
    pub const fn hash(self) -> u64 {
        self.0 & ((1 << HASH_BITS) - 1)
    }

    /// Gives the weakness of a recorded image whose hash has these bits.
    pub const fn recorded_as(hash: u64) -> Self {
        Self(4 << HASH_BITS | hash & ((1 << HASH_BITS) - 1))
    }

    fn of(space: Space, kind: u8, text: &str) -> Self {
        let space: u64 = match space {
            Space::Verdict => 1,
            Space::Image => 2,
            Space::Event => 3,
            Space::Recorded => 4,
        };
        let hash = Sha256::new_with_prefix([kind]);
        let hash = hash.chain_update(text.to_ascii_lowercase()).finalize();
        let (first, _) = hash.split_first_chunk::<8>().unwrap_or((&[0; 8], &[]));
        let hash = u64::from_be_bytes(*first) >> (u64::BITS - HASH_BITS);
        Self(space << HASH_BITS | hash)
    }
}

impl fmt::Display for Term {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{:014x}", self.0)
    }
}

/// Lists the names under which a package can be asked for: its own, that of its source, and of a
/// Maven package the artifact's without the group.
pub fn names_of(package: &Package) -> impl Iterator<Item = &str> {
    let is_maven = package.package_type == PackageType::Maven;
    let artifact = is_maven.then(|| package.name.rsplit(':').next()).flatten();
    let source = package.source.as_ref().map(|source| source.name.as_str());
    std::iter::once(package.name.as_str())
        .chain(source)
        .chain(artifact)
}

/// Lists what a verdict can be asked for by, ordered.
pub fn of_verdict(verdict: &Verdict) -> Vec<Term> {
    of_findings(&verdict.domain, &verdict.findings)
}

/// Lists what a verdict by somebody's word, with these findings, can be asked for by, ordered.
pub(super) fn of_findings(domain: &Domain, findings: &[Finding]) -> Vec<Term> {
    // The packages of one source have the same weaknesses.
    let (mut ids, mut packages) = (HashSet::new(), HashSet::new());
    for finding in findings {
        ids.insert(finding.id.as_str());
        let others = finding.aliases.iter().chain(&finding.advisories);
        ids.extend(others.map(String::as_str));
        let package = &finding.package;
        packages.insert(package.name.as_str());
        packages.extend(package.source.as_deref());
        // A Maven package goes by its artifact as well, without the group.
        let is_maven = package.purl.starts_with("pkg:maven/");
        packages.extend(is_maven.then(|| package.name.rsplit(':').next()).flatten());
    }
    let mut terms: Vec<Term> = ids.into_iter().map(Term::vulnerability).collect();
    terms.extend(packages.into_iter().map(Term::package_found));
    if let Some(who) = domain.shown() {
        terms.extend([who.as_str(), ANYBODY].map(Term::reported_by));
    }
    ordered(terms)
}

/// Tells whether two verdicts of one scope can surely be asked for by the same: their findings have
/// the same names.
pub(super) fn is_alike(one: &[Finding], other: &[Finding]) -> bool {
    one.len() == other.len()
        && one.iter().zip(other).all(|(one, other)| {
            let (package, others) = (&one.package, &other.package);
            (&one.id, &one.aliases, &one.advisories)
                == (&other.id, &other.aliases, &other.advisories)
                && (&package.name, &package.source, &package.purl)
                    == (&others.name, &others.source, &others.purl)
        })
}

/// Lists what an image can be asked for by, ordered.
pub fn of_inventory(inventory: &Inventory) -> Vec<Term> {
    let mut terms = Vec::new();
    if !inventory.archives.is_empty() {
        terms.push(Term::asked(ARCHIVES_BY_DIGEST));
    }
    if !inventory.hashed.is_empty() {
        terms.push(Term::asked(FILES_BY_DIGEST));
    }
    for component in &inventory.components {
        let package = &component.package;
        for name in names_of(package) {
            terms.push(Term::installed(name));
            terms.push(Term::installed_as(name, &package.version));
        }
        let is_own = |asked: &String| names_of(package).any(|it| it.eq_ignore_ascii_case(asked));
        let asked = asked_names(component).into_iter();
        let others = asked.filter(|asked| !is_own(asked));
        terms.extend(others.map(|asked| Term::asked(&asked)));
    }
    ordered(terms)
}

/// Lists what images can be asked for by for which something is answered under one of these names,
/// ordered.
pub fn of_asked<'a>(names: impl IntoIterator<Item = &'a String>) -> Vec<Term> {
    let names = names.into_iter();
    let terms = names.flat_map(|name| [Term::installed(name), Term::asked(name)]);
    ordered(terms.collect())
}

/// Lists what an event can be asked for by, ordered.
pub fn of_event(happened: &Happening) -> Vec<Term> {
    if let Happening::VerdictChanged(change) = happened {
        return of_change(change);
    }
    let repository = happened.repository().map(ToString::to_string);
    let digest = happened.digest();
    let terms = [
        repository.as_deref().map(Term::event_on),
        digest.map(|it| Term::event_of(it.as_str())),
        Term::event_like(happened.kind()),
    ];
    ordered(terms.into_iter().flatten().collect())
}

fn of_change(change: &Change) -> Vec<Term> {
    let mut terms = vec![
        Term::event_on(&change.repository.to_string()),
        Term::event_of(change.digest.as_str()),
        Term::event_towards(change.direction),
    ];
    terms.extend(change.cause.kinds().into_iter().map(Term::event_by));
    let findings = &change.findings;
    let ids = findings.added.ids.iter().chain(&findings.removed.ids);
    terms.extend(ids.map(|id| Term::event_naming(id)));
    ordered(terms)
}

fn ordered(mut terms: Vec<Term>) -> Vec<Term> {
    terms.sort_unstable();
    terms.dedup();
    terms
}

#[cfg(test)]
mod tests {
    use sluicegate_model::package::SourcePackage;
    use sluicegate_model::samples;

    use super::*;

    #[test]
    fn verdicts_are_alike_only_where_each_can_be_asked_for_by_the_same() {
        let verdict = samples::verdict();
        let differing: [fn(&mut Verdict); 6] = [
            |verdict| verdict.findings[0].id.push('9'),
            |verdict| verdict.findings[0].aliases.push("GHSA-9".into()),
            |verdict| verdict.findings[0].advisories.push("DSA-9".into()),
            |verdict| verdict.findings[0].package.name.push('9'),
            |verdict| verdict.findings[0].package.source = Some("other".into()),
            |verdict| drop(verdict.findings.pop()),
        ];
        for differ in differing {
            let mut other = verdict.clone();
            differ(&mut other);
            assert_ne!(of_verdict(&verdict), of_verdict(&other));
            assert!(!is_alike(&verdict.findings, &other.findings));
        }
        let mut excepted = verdict.clone();
        excepted.findings[0].exception = Some("until-june".into());
        assert!(is_alike(&verdict.findings, &excepted.findings));
        assert_eq!(of_verdict(&verdict), of_verdict(&excepted));
    }

    #[test]
    fn packages_have_the_name_of_their_source_and_of_their_artifact() {
        let log4j = "org.apache.logging.log4j:log4j-core";
        let maven = Package::of_language(PackageType::Maven, log4j, "2.14.1");
        let names: Vec<&str> = names_of(&maven).collect();
        assert_eq!(names, [log4j, "log4j-core"]);
        let mut deb = Package::of_language(PackageType::Deb, "libssl3", "3.0");
        deb.source = Some(SourcePackage {
            name: "openssl".into(),
            version: "3.0".into(),
            module: None,
        });
        let names: Vec<&str> = names_of(&deb).collect();
        assert_eq!(names, ["libssl3", "openssl"]);
    }
}
