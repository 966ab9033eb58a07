//! The record behind verdicts: which image had which weakness, from when until when, also where it
//! has it no more.
//!
//! A verdict is replaced by the next one; what each changed stays, as long as the decision log.

use std::collections::btree_map::Entry;
use std::collections::{BTreeMap, BTreeSet};

use async_trait::async_trait;
use jiff::Timestamp;
use sluicegate_model::access::Reach;
use sluicegate_model::finding::{Finding, FindingKind, FindingStatus};
use sluicegate_model::snapshot::SnapshotId;
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Audience, Digest, Domain, Repository};

use super::error::LedgerError;

/// Longest name of a package or a version that is recorded, in characters.
const MAX_NAME_CHARS: usize = 200;
/// Longest id, in characters.
const MAX_ID_CHARS: usize = 100;
/// Most other names of a weakness that are recorded.
const MAX_OTHER_NAMES: usize = 16;
/// What a text takes beside its characters, in a set, in bytes.
const NAME_BYTES: usize = 48;
/// How distributions call a record of theirs on a CVE, before its name: no name of its own.
const PREFIXES: [&str; 3] = ["DEBIAN-", "ALPINE-", "UBUNTU-"];

/// An image in a repository, by somebody's word.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct RecordedImage {
    /// The canonical repository.
    pub repository: Repository,
    /// The manifest.
    pub digest: Digest,
    /// Whose word it is what the image holds.
    pub domain: Domain,
}

/// What a verdict changed of what is known of its image.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Turn {
    /// The image.
    pub image: RecordedImage,
    /// For whom it was decided; what was found is the same for all.
    pub audience: Audience,
    /// When the verdict was made, or taken away.
    pub time: Timestamp,
    /// What came out before; none where nothing did.
    pub before: Option<Decision>,
    /// What comes out now; none where the verdict was taken away.
    pub after: Option<Decision>,
    /// By what it was decided; none where the verdict was taken away.
    pub basis: Option<TurnBasis>,
    /// The exceptions without which a stricter decision would have come out, by name.
    pub allowed_by: Vec<String>,
    /// What was found.
    pub found: Turned,
}

/// By what a verdict was decided.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct TurnBasis {
    /// The digest of the documents that decided.
    pub policies: Digest,
    /// The feed snapshot.
    pub feeds: SnapshotId,
    /// The program and the name of all that read and judged the image.
    pub scanner: String,
}

/// What was found, beside what had been found before.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Turned {
    /// Whether `added` is all there is, whatever had been found before.
    pub is_whole: bool,
    /// What came.
    pub added: Weaknesses,
    /// What went.
    pub removed: Weaknesses,
}

/// What weaknesses are called, by the package that has them: each by its id and all other names.
#[derive(Clone, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Weaknesses(pub BTreeMap<InPackage, BTreeSet<String>>);

/// A package, as it was installed.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord, Hash)]
pub struct InPackage {
    /// Its name.
    pub name: String,
    /// Its version.
    pub version: String,
}

impl Turn {
    /// Tells what a verdict changes; nothing where it changes neither what was found nor what was
    /// decided and by whose leave. What was found before is none where it is the same.
    pub fn of(verdict: &Verdict, before: Option<(&Verdict, Option<&[Finding]>)>) -> Option<Self> {
        let found = match before {
            Some((_, Some(found))) => Turned::between(found, &verdict.findings),
            Some((_, None)) => Turned::default(),
            None => Turned {
                is_whole: true,
                added: Weaknesses::of(&verdict.findings),
                removed: Weaknesses::default(),
            },
        };
        let old = before.map(|(old, _)| old);
        let is_same = old.is_some_and(|old| {
            (old.decision, &old.allowed_by) == (verdict.decision, &verdict.allowed_by)
        });
        if is_same && found == Turned::default() {
            return None;
        }
        Some(Self {
            image: RecordedImage {
                repository: verdict.repository.clone(),
                digest: verdict.digest.clone(),
                domain: verdict.domain.clone(),
            },
            audience: verdict.audience.clone(),
            time: verdict.provenance.decided_at,
            before: old.map(|old| old.decision),
            after: Some(verdict.decision),
            basis: Some(TurnBasis {
                policies: verdict.policy.digest.clone(),
                feeds: verdict.provenance.feeds.clone(),
                scanner: verdict.provenance.scanner.clone(),
            }),
            allowed_by: verdict.allowed_by.clone(),
            found,
        })
    }

    /// Tells what it takes in memory, in bytes, about.
    pub(super) fn bytes(&self) -> usize {
        let parts = [&self.found.added, &self.found.removed].into_iter();
        let packages = parts.flat_map(|weaknesses| weaknesses.0.iter());
        let of_one = |(package, names): (&InPackage, &BTreeSet<String>)| {
            let named: usize = names.iter().map(|name| name.len() + NAME_BYTES).sum();
            package.name.len() + package.version.len() + 2 * NAME_BYTES + named
        };
        packages.map(of_one).sum()
    }

    /// Tells that what was said of an image was taken away.
    pub fn away(image: RecordedImage, time: Timestamp) -> Self {
        Self {
            image,
            audience: Audience::EVERYBODY,
            time,
            before: None,
            after: None,
            basis: None,
            allowed_by: Vec::new(),
            found: Turned {
                is_whole: true,
                ..Turned::default()
            },
        }
    }
}

impl Turned {
    fn between(before: &[Finding], after: &[Finding]) -> Self {
        let (before, after) = (named(before), named(after));
        Self {
            is_whole: false,
            added: only_in(&after, &before),
            removed: only_in(&before, &after),
        }
    }
}

impl Weaknesses {
    /// Takes those of some findings that the image may have: what is surely not there is none, nor
    /// are licences.
    pub fn of(findings: &[Finding]) -> Self {
        Self::from_named(&named(findings))
    }

    /// Takes them where those of one package stand together.
    fn from_named(named: &[Named<'_>]) -> Self {
        let is_of_one = |one: &Named<'_>, other: &Named<'_>| (one.0, one.1) == (other.0, other.1);
        let mut all = Self::default();
        for of_package in named.chunk_by(is_of_one) {
            let Some((name, version, _)) = of_package.first() else {
                continue;
            };
            let package = InPackage {
                name: cut(name, MAX_NAME_CHARS),
                version: cut(version, MAX_NAME_CHARS),
            };
            let names = of_package.iter();
            let names = names.map(|(_, _, weakness)| cut(weakness, MAX_ID_CHARS));
            // Two packages may be one where what their names begin with is as long as is kept.
            match all.0.entry(package) {
                Entry::Vacant(none) => drop(none.insert(names.collect())),
                Entry::Occupied(mut others) => others.get_mut().extend(names),
            }
        }
        all
    }
}

/// A package's name and version, and a name of a weakness that it has.
type Named<'a> = (&'a str, &'a str, &'a str);

/// Lists all that weaknesses are called, in order and each once.
fn named(findings: &[Finding]) -> Vec<Named<'_>> {
    let mut all = Vec::with_capacity(findings.len());
    for finding in findings {
        if finding.kind == FindingKind::Licence || finding.status == FindingStatus::NotAffected {
            continue;
        }
        let package = &finding.package;
        let of_package = |name| (package.name.as_str(), package.version.as_str(), name);
        let others = finding.aliases.iter().chain(&finding.advisories);
        let others = others.map(String::as_str);
        let others = others.filter(|it| own_name(it) != finding.id);
        all.push(of_package(finding.id.as_str()));
        all.extend(others.take(MAX_OTHER_NAMES).map(of_package));
    }
    all.sort_unstable();
    all.dedup();
    all
}

/// Leaves those of some that are not among others, both in order.
fn only_in(some: &[Named<'_>], others: &[Named<'_>]) -> Weaknesses {
    let mut others = others.iter().peekable();
    let only = some.iter().filter(|one| {
        while others.next_if(|other| other < one).is_some() {}
        others.peek() != Some(one)
    });
    let only: Vec<Named<'_>> = only.copied().collect();
    Weaknesses::from_named(&only)
}

/// Gives the name under which a weakness is recorded: that of the CVE where a distribution's record
/// on it is named.
pub fn own_name(id: &str) -> &str {
    let of_cve = |prefix: &&str| id.strip_prefix(*prefix).filter(|it| it.starts_with("CVE-"));
    PREFIXES.iter().find_map(of_cve).unwrap_or(id)
}

fn cut(text: &str, chars: usize) -> String {
    if text.len() <= chars {
        return text.to_owned();
    }
    text.chars().take(chars).collect()
}

/// Which images are wanted; every field that is set must fit.
#[derive(Clone, Debug)]
pub struct RecordFilter {
    /// Those that whoever asks knows of: of no other is anything told.
    pub reach: Reach,
    /// Those that have or had this weakness, by id, alias or record, in any letter case.
    pub weakness: String,
    /// Those of this repository.
    pub repository: Option<Repository>,
    /// Those that have it now, or those that had it.
    pub is_there: Option<bool>,
}

/// An image that has or had a weakness.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Recorded {
    /// Its number in the record.
    pub number: u32,
    /// The image.
    pub image: RecordedImage,
    /// The packages that have it; those that had it where none has.
    pub packages: Vec<InPackage>,
    /// When a verdict first had it.
    pub first_seen: Timestamp,
    /// When the verdict that had it last was replaced by one without it; none where it is there.
    pub withdrawn: Option<Timestamp>,
}

/// One page of images.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct RecordPage {
    /// The images, those that were judged first at the end.
    pub items: Vec<Recorded>,
    /// What to give as `after` for the next page; none on the last one.
    pub next: Option<u32>,
    /// How many images have it, on all pages.
    pub have: u64,
    /// How many had it and do not have it any more.
    pub had: u64,
}

/// The record.
#[async_trait]
pub trait Record: Send + Sync {
    /// Lists images that have or had a weakness, at most `limit`; `after` is the page before's `next`.
    async fn recorded(
        &self,
        filter: &RecordFilter,
        limit: usize,
        after: Option<u32>,
    ) -> Result<RecordPage, LedgerError>;
}
