//! Everything that the documents of one policy say, and what of it counts for a finding.

use std::collections::{BTreeMap, HashMap};
use std::sync::Arc;

use jiff::Timestamp;
use sluicegate_model::Digest;
use sluicegate_model::finding::{Finding, FindingKind};
use sluicegate_model::vex::VexStatus;

use super::product::{Found, Subject, either};
use super::{Statement, VexDocument};
use crate::conditions::Moment;

/// Most names and products that all documents of a policy say something of, each pair counted.
const MAX_ENTRIES: usize = 1_000_000;
/// Most comparisons for one package that has one weakness.
const MAX_ALIKE: usize = 10_000;

/// What the documents of a policy say, by weakness and package.
#[derive(Debug, Default)]
pub(crate) struct Vex {
    documents: Vec<Arc<VexDocument>>,
    /// By a name of the weakness, and by that of the package, which is empty where all of an image are
    /// meant.
    entries: HashMap<String, HashMap<String, Vec<Entry>>>,
}

/// Where something is said.
#[derive(Clone, Copy, Debug)]
struct Entry {
    document: usize,
    statement: usize,
    subject: usize,
}

/// What is said too often: the fault of whoever attached it.
#[derive(Debug, thiserror::Error)]
pub(crate) enum TooMuch {
    #[error("all VEX documents of a policy together name more than {MAX_ENTRIES} products")]
    Entries,
    #[error(
        "the VEX documents of a policy take more than {MAX_ALIKE} comparisons for {name:?} in {package:?}"
    )]
    Alike { name: String, package: String },
}

/// A statement that is about a finding.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Claim<'a> {
    pub document: &'a VexDocument,
    pub statement: &'a Statement,
}

impl Vex {
    /// Puts what documents say in order.
    pub(crate) fn of(documents: Vec<Arc<VexDocument>>) -> Result<Self, TooMuch> {
        let mut vex = Self {
            documents,
            entries: HashMap::new(),
        };
        let mut count = 0_usize;
        for (document, held) in vex.documents.iter().enumerate() {
            for (statement, said) in held.statements.iter().enumerate() {
                let names = std::iter::once(&said.name).chain(&said.aliases);
                for name in names {
                    count = count.saturating_add(said.subjects.len());
                    if count > MAX_ENTRIES {
                        return Err(TooMuch::Entries);
                    }
                    let packages = vex.entries.entry(name.clone()).or_default();
                    for (subject, it) in said.subjects.iter().enumerate() {
                        let package = packages.entry(it.package_name().to_owned()).or_default();
                        package.push(Entry {
                            document,
                            statement,
                            subject,
                        });
                    }
                }
            }
        }
        vex.check_alike()?;
        Ok(vex)
    }

    /// Refuses what would make a decision take long.
    fn check_alike(&self) -> Result<(), TooMuch> {
        let weight = |entry: &Entry| self.said(*entry).map_or(0, |(_, it)| it.weight());
        for (name, packages) in &self.entries {
            for (package, entries) in packages {
                if entries.iter().map(weight).sum::<usize>() > MAX_ALIKE {
                    return Err(TooMuch::Alike {
                        name: name.clone(),
                        package: package.clone(),
                    });
                }
            }
        }
        Ok(())
    }

    pub(crate) fn documents(&self) -> &[Arc<VexDocument>] {
        &self.documents
    }

    fn said(&self, entry: Entry) -> Option<(Claim<'_>, &Subject)> {
        let document = self.documents.get(entry.document)?;
        let statement = document.statements.get(entry.statement)?;
        let subject = statement.subjects.get(entry.subject)?;
        let claim = Claim {
            document,
            statement,
        };
        Some((claim, subject))
    }

    /// Lists for each finding the statements that quiet it, of these and of the signed ones; no list at
    /// all where there is no document.
    pub(crate) fn on<'a>(
        &'a self,
        signed: &'a Self,
        findings: &[Finding],
        image: &Digest,
        moment: &Moment,
    ) -> Vec<Vec<Claim<'a>>> {
        if self.entries.is_empty() && signed.entries.is_empty() {
            return Vec::new();
        }
        let both = [self, signed];
        let each = findings.iter();
        each.map(|finding| match finding.kind {
            // What authors speak of is weaknesses, whatever a package calls its licence.
            FindingKind::Licence => Vec::new(),
            _ => quieting(both, finding, image, moment),
        })
        .collect()
    }

    /// Lists the statements that are about a finding, or may be.
    fn about<'a>(
        &'a self,
        finding: &Finding,
        found: &[Found<'_>],
        image: &Digest,
        moment: &Moment,
    ) -> Vec<Claim<'a>> {
        let names = finding.aliases.iter().chain(&finding.advisories);
        let names = std::iter::once(&finding.id).chain(names);
        let mut about = Vec::new();
        for packages in names.filter_map(|name| self.entries.get(name)) {
            let names = found.iter().map(|found| found.purl.name.as_str());
            let entries = names.chain([""]).filter_map(|name| packages.get(name));
            for entry in entries.flatten() {
                let Some((claim, subject)) = self.said(*entry) else {
                    continue;
                };
                let means = claim.means(subject, found, image, moment);
                // What quiets is certain; what does not is believed where it may be meant.
                let counts = means.unwrap_or(!claim.quiets());
                if counts && claim.names(finding) && moment.is_here(claim.statement.at) {
                    about.push(claim);
                }
            }
        }
        about
    }
}

/// Lists the statements that quiet a finding, in an order of their own.
///
/// Of each author the newest counts, of equally new ones the strictest. Where one author says that
/// the weakness bears on it, nobody else quiets it.
fn quieting<'a>(
    documents: [&'a Vex; 2],
    finding: &Finding,
    image: &Digest,
    moment: &Moment,
) -> Vec<Claim<'a>> {
    let found = Found::of(finding);
    let mut newest: BTreeMap<(bool, &str), Vec<Claim<'a>>> = BTreeMap::new();
    for vex in documents {
        for claim in vex.about(finding, &found, image, moment) {
            keep_newest(newest.entry(claim.document.speaker()).or_default(), claim);
        }
    }
    let mut all: Vec<Claim<'_>> = newest.into_values().flatten().collect();
    let bears = |claim: &Claim<'_>| claim.statement.status == VexStatus::Affected;
    if all.iter().any(bears) {
        return Vec::new();
    }
    all.retain(Claim::quiets);
    all.sort_by(|one, other| one.order().cmp(&other.order()));
    all.dedup_by(|one, other| one.order() == other.order());
    all
}

/// Keeps of one author's statements the newest, and of those the strictest.
fn keep_newest<'a>(kept: &mut Vec<Claim<'a>>, claim: Claim<'a>) {
    let age = |claim: &Claim<'_>| (claim.statement.at, strictness(claim));
    let first = kept.first().map(age);
    if first.is_some_and(|first| first < age(&claim)) {
        kept.clear();
    }
    if first.is_none_or(|first| first <= age(&claim)) {
        kept.push(claim);
    }
}

/// Orders statements of the same instant: the strictest counts. Of what is said no more the status is
/// known and not why, and a quiet one is no stricter than another.
fn strictness(claim: &Claim<'_>) -> u8 {
    match claim.statement.status {
        VexStatus::Affected => 2,
        VexStatus::NotAffected | VexStatus::Fixed if claim.is_gone() => 0,
        _ if !claim.statement.quiets() => 1,
        _ => 0,
    }
}

/// What tells claims of one author apart.
type Order<'a> = (&'a str, &'a str, Timestamp, VexStatus, (u8, &'a str));

impl<'a> Claim<'a> {
    fn is_gone(&self) -> bool {
        let signed = self.document.signed.as_ref();
        signed.is_some_and(|it| it.is_gone)
    }

    /// Tells whether it quiets what it is about.
    fn quiets(&self) -> bool {
        !self.is_gone() && self.statement.quiets()
    }

    /// Tells whether a package in an image is meant, by the image's own digest or that of the index
    /// whose documents these are; none where nobody can tell.
    fn means(
        &self,
        subject: &Subject,
        found: &[Found<'_>],
        image: &Digest,
        moment: &Moment,
    ) -> Option<bool> {
        let own = subject.means(image, found, moment);
        let signed = self.document.signed.as_ref();
        match signed.filter(|it| it.manifest != *image) {
            Some(signed) => either(own, subject.means(&signed.manifest, found, moment)),
            None => own,
        }
    }

    /// Tells whether it is about the weakness. Other names are held against those of the weakness
    /// alone: an advisory can be about several.
    fn names(&self, finding: &Finding) -> bool {
        let name = &self.statement.name;
        let is_it = |name: &String| *name == finding.id || finding.aliases.contains(name);
        is_it(name) || finding.advisories.contains(name) || self.statement.aliases.iter().any(is_it)
    }

    fn order(&self) -> Order<'a> {
        let statement = self.statement;
        let justification = statement.justification.map_or(0, |it| 1 + it as u8);
        (
            &self.document.author,
            &self.document.path,
            statement.at,
            statement.status,
            (
                justification,
                statement.words.as_deref().unwrap_or_default(),
            ),
        )
    }
}
