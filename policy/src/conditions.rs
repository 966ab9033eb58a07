//! What each condition means for one finding, and which conditions mean more than others.
//!
//! What is not known makes a rule no weaker: in `when` it counts as the condition that it may be, in
//! `unless` as none. Dates are the exception: an unknown one is neither old nor new.

use std::cell::{Cell, OnceCell};
use std::collections::BTreeSet;
use std::fmt;

use jiff::{SignedDuration, Timestamp};
use sluicegate_model::finding::{Finding, FindingKind, FindingStatus};
use sluicegate_model::glob::Glob;
use sluicegate_model::licence::Licence;
use sluicegate_model::package::{Ecosystem, Evidence, LayerOrigin};
use sluicegate_model::severity::Severity;

use crate::licence::{self, LicenceCondition};
use crate::purl::{PurlPattern, SplitPurl};
use crate::vers::{VersRange, VersionOrder};

/// Conditions that must all hold for the same finding; an absent one holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct Conditions {
    pub severity_at_least: Option<Severity>,
    pub severity_unknown: Option<bool>,
    pub fixable: Option<bool>,
    pub kev: Option<bool>,
    /// Which kind is meant; absent, all that rules see unasked.
    pub kind: Option<FindingKind>,
    pub package: Option<PackageCondition>,
    pub epss_at_least: Option<f64>,
    pub cvss_at_least: Option<f64>,
    /// Names of weaknesses, in capitals.
    pub ids: Option<BTreeSet<String>>,
    /// Ecosystems, or families of them, in small letters.
    pub ecosystem: Option<BTreeSet<String>>,
    /// Places in the image.
    pub path: Option<Vec<Glob>>,
    /// Whose the layer is that brought the package.
    pub layer: Option<LayerOrigin>,
    /// How old the advisory is, at least.
    pub older_than: Option<SignedDuration>,
    /// How old the advisory is, at most.
    pub newer_than: Option<SignedDuration>,
    /// How long there has been a fix, at least.
    pub fix_available_for: Option<SignedDuration>,
    /// Whether findings are meant that somebody quieted; absent, they are not.
    pub quieted: Option<bool>,
    /// Which status is meant; absent, all but that of what is not affected.
    pub status: Option<FindingStatus>,
    /// What the package's presence rests on; absent, anything.
    pub evidence: Option<Evidence>,
    /// Which licences are meant; they come with the kind.
    pub licence: Option<LicenceCondition>,
}

/// Packages, and perhaps which of their versions.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct PackageCondition {
    pub purl: PurlPattern,
    pub versions: Option<VersRange>,
}

/// Where in a rule conditions stand.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Block {
    /// They choose the findings: of those that rules see unasked, where they name no other kind.
    When,
    /// They spare findings.
    Unless,
}

/// A finding that rules are held against, with what several of them ask.
#[derive(Debug)]
pub(crate) struct Candidate<'a> {
    pub finding: &'a Finding,
    purl: OnceCell<SplitPurl>,
    names: OnceCell<BTreeSet<String>>,
    licence: OnceCell<Option<Licence>>,
}

impl<'a> Candidate<'a> {
    pub(crate) fn of(finding: &'a Finding) -> Self {
        Self {
            finding,
            purl: OnceCell::new(),
            names: OnceCell::new(),
            licence: OnceCell::new(),
        }
    }

    fn purl(&self) -> &SplitPurl {
        self.purl
            .get_or_init(|| SplitPurl::of(&self.finding.package.purl))
    }

    /// Gives the licence that it is about; none where that is not known.
    fn licence(&self) -> Option<&Licence> {
        let read = || licence::declared(self.finding);
        self.licence.get_or_init(read).as_ref()
    }

    /// Gives all names of the weakness, in capitals.
    fn names(&self) -> &BTreeSet<String> {
        self.names.get_or_init(|| {
            let names = self.finding.aliases.iter().chain(&self.finding.advisories);
            let names = std::iter::once(&self.finding.id).chain(names);
            names.map(|name| name.to_ascii_uppercase()).collect()
        })
    }
}

/// The moment of a decision, and what is asked of others for it.
#[derive(Debug)]
pub(crate) struct Moment {
    pub now: Timestamp,
    pub versions: VersionOrder,
    /// The next instant at which something changes by itself.
    turn: Cell<Option<Timestamp>>,
}

impl Moment {
    pub(crate) fn of(now: Timestamp, versions: VersionOrder) -> Self {
        Self {
            now,
            versions,
            turn: Cell::new(None),
        }
    }

    /// Notes an instant at which something changes, where it is still to come.
    pub(crate) fn note(&self, at: Timestamp) {
        if at > self.now {
            let first = self.turn.get().map_or(at, |known| known.min(at));
            self.turn.set(Some(first));
        }
    }

    /// Gives the first of the noted instants.
    pub(crate) fn next_turn(&self) -> Option<Timestamp> {
        self.turn.get()
    }

    /// Tells whether an instant is not still to come, which no honest date is.
    pub(crate) fn is_here(&self, at: Timestamp) -> bool {
        self.note(at);
        at <= self.now
    }

    /// Tells whether so much time has passed since an instant, and notes when it will have.
    pub(crate) fn is_past(&self, since: Timestamp, age: SignedDuration) -> bool {
        match since.checked_add(age) {
            Ok(at) => {
                self.note(at);
                at <= self.now
            }
            // No time ever ends it.
            Err(_beyond_all_time) => false,
        }
    }
}

impl Conditions {
    /// Tells whether all of them hold for a finding.
    pub(crate) fn hold(&self, candidate: &Candidate<'_>, block: Block, moment: &Moment) -> bool {
        let finding = candidate.finding;
        self.hold_for_kind(finding, block)
            && self.hold_for_degree(finding)
            && self.hold_for_package(candidate, block, moment)
            && self.hold_for_licence(candidate, block)
            && self.ids.as_ref().is_none_or(|wanted| {
                let mut names = candidate.names().iter();
                names.any(|name| wanted.contains(name))
            })
            && self.hold_for_dates(finding, block, moment)
    }

    fn hold_for_kind(&self, finding: &Finding, block: Block) -> bool {
        let is_quieted = finding.quieted_by.is_some();
        match block {
            Block::When => {
                self.quieted.unwrap_or(false) == is_quieted
                    && means(self.kind, finding.kind, FindingKind::is_seen_unasked)
                    && means(self.status, finding.status, FindingStatus::is_seen_unasked)
            }
            Block::Unless => {
                is(self.quieted, is_quieted)
                    && is(self.kind, finding.kind)
                    && is(self.status, finding.status)
            }
        }
    }

    fn hold_for_degree(&self, finding: &Finding) -> bool {
        let known = finding.severity != Severity::Unknown;
        let reaches = |least: Option<f64>, got: Option<f64>| {
            least.is_none_or(|least| got.is_some_and(|got| got >= least))
        };
        self.severity_at_least
            .is_none_or(|least| known && finding.severity >= least)
            && is(self.severity_unknown, !known)
            && is(self.fixable, finding.fixed.is_some())
            && is(self.kev, finding.kev)
            && reaches(self.epss_at_least, finding.epss)
            && reaches(self.cvss_at_least, finding.cvss)
    }

    fn hold_for_package(&self, candidate: &Candidate<'_>, block: Block, moment: &Moment) -> bool {
        let finding = candidate.finding;
        let of_ecosystem = |wanted: &BTreeSet<String>| {
            let attributed = finding.attributed.as_deref();
            let attributed = attributed.and_then(|own| own.ecosystem.as_ref());
            let own = finding.package.ecosystem.iter().chain(attributed);
            own.into_iter().any(|it| is_named(wanted, it))
        };
        let is_of = |wanted| match finding.package.layer_origin {
            Some(origin) => origin == wanted,
            None => block == Block::When,
        };
        self.evidence
            .is_none_or(|it| rests_on(finding.package.evidence, it))
            && self.layer.is_none_or(is_of)
            && self.ecosystem.as_ref().is_none_or(of_ecosystem)
            && self
                .package
                .as_ref()
                .is_none_or(|wanted| wanted.holds(candidate, block, moment.versions))
            && self
                .path
                .as_ref()
                .is_none_or(|wanted| is_in(wanted, finding, block))
    }

    fn hold_for_licence(&self, candidate: &Candidate<'_>, block: Block) -> bool {
        let is_one = candidate.finding.kind == FindingKind::Licence;
        self.licence.as_ref().is_none_or(|wanted| {
            is_one
                && match block {
                    Block::When => wanted.chooses(candidate.licence()),
                    Block::Unless => wanted.spares(candidate.licence()),
                }
        })
    }

    fn hold_for_dates(&self, finding: &Finding, block: Block, moment: &Moment) -> bool {
        let published = finding.published.filter(|at| moment.is_here(*at));
        let fix_published = finding.fix_published.filter(|at| moment.is_here(*at));
        let is_past = |age| published.map(|at| moment.is_past(at, age));
        let has_fix_for = |age| match (&finding.fixed, fix_published) {
            (None, _) => false,
            (Some(_), Some(at)) => moment.is_past(at, age),
            (Some(_), None) => block == Block::When,
        };
        self.older_than.is_none_or(|age| is_past(age) == Some(true))
            && self
                .newer_than
                .is_none_or(|age| is_past(age) == Some(false))
            && self.fix_available_for.is_none_or(has_fix_for)
    }
}

impl PackageCondition {
    fn holds(&self, candidate: &Candidate<'_>, block: Block, order: VersionOrder) -> bool {
        let version = &candidate.finding.package.version;
        let is_in = |range: &VersRange| {
            let is_in = range.contains(version, order);
            is_in.unwrap_or(block == Block::When)
        };
        self.purl.matches(candidate.purl()) && self.versions.as_ref().is_none_or(is_in)
    }

    fn covers(&self, other: &Self) -> bool {
        self.purl.covers(&other.purl)
            && (self.versions.is_none() || self.versions == other.versions)
    }
}

impl fmt::Display for PackageCondition {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.purl.fmt(f)?;
        match &self.versions {
            Some(versions) => write!(f, " in {versions}"),
            None => Ok(()),
        }
    }
}

/// Tells whether a finding is in one of the places; one that may be in more than it names is, as far
/// as `when` goes, and is not as far as `unless` does.
fn is_in(wanted: &[Glob], finding: &Finding, block: Block) -> bool {
    let is_meant = |place: &str| wanted.iter().any(|glob| glob.matches(place));
    let names_all = finding.names_every_place();
    match block {
        Block::When => !names_all || finding.places().any(is_meant),
        Block::Unless => names_all && finding.places().all(is_meant),
    }
}

/// Tells whether an ecosystem or its family is named, in any letter case.
fn is_named(wanted: &BTreeSet<String>, ecosystem: &Ecosystem) -> bool {
    let names = [ecosystem.as_str(), ecosystem.family()];
    let is_one = |wanted: &String| names.iter().any(|name| wanted.eq_ignore_ascii_case(name));
    wanted.iter().any(is_one)
}

fn is<T: PartialEq>(wanted: Option<T>, actual: T) -> bool {
    wanted.is_none_or(|wanted| wanted == actual)
}

/// Tells whether a condition means a value; one that is absent means all that rules see unasked.
fn means<T: PartialEq>(wanted: Option<T>, value: T, is_seen_unasked: fn(T) -> bool) -> bool {
    match wanted {
        Some(wanted) => wanted == value,
        None => is_seen_unasked(value),
    }
}

/// Tells whether a condition means all that another one does.
fn covers<T: PartialEq>(own: Option<T>, other: Option<T>, is_seen_unasked: fn(T) -> bool) -> bool {
    match other {
        Some(other) => means(own, other, is_seen_unasked),
        None => own.is_none(),
    }
}

impl Conditions {
    /// Tells whether they choose nothing but findings of a kind.
    pub(crate) fn ask_for(&self, kind: FindingKind) -> bool {
        self.kind == Some(kind)
    }

    pub(crate) fn is_empty(&self) -> bool {
        self.covers(&Self::default())
    }

    /// Tells whether no finding can satisfy them: none is older than what it is newer than, and what
    /// has no fix has had none for some time.
    pub(crate) fn contradicts_itself(&self) -> bool {
        let ages = self.older_than.zip(self.newer_than);
        ages.is_some_and(|(older, newer)| newer <= older)
            || (self.fixable == Some(false) && self.fix_available_for.is_some())
    }

    /// Tells whether they ask a licence for what none has: all of them are of the same degree, nobody
    /// mends them, and none of them was published.
    pub(crate) fn ask_licences_in_vain(&self) -> bool {
        let a_degree = self.severity_at_least.is_some()
            || self.severity_unknown == Some(false)
            || self.epss_at_least.is_some()
            || self.cvss_at_least.is_some()
            || self.kev == Some(true);
        let a_date = self
            .older_than
            .or(self.newer_than)
            .or(self.fix_available_for);
        let a_standing = self.quieted == Some(true)
            || self.status.is_some_and(|it| it != FindingStatus::Affected);
        let a_fix = self.fixable == Some(true);
        self.ask_for(FindingKind::Licence) && (a_degree || a_date.is_some() || a_standing || a_fix)
    }

    /// Tells whether they hold for every finding for which the others do, in `when`.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        self.quieted.unwrap_or(false) == other.quieted.unwrap_or(false)
            && covers(self.kind, other.kind, FindingKind::is_seen_unasked)
            && covers(self.status, other.status, FindingStatus::is_seen_unasked)
            && self.covers_others(other)
    }

    /// Tells whether, in `unless`, they hold for every finding for which the others do in `when`, as
    /// far as all is known. What is absent there means any kind.
    pub(crate) fn spare_all_of(&self, when: &Self) -> bool {
        let quieted = Some(when.quieted.unwrap_or(false));
        same(self.kind, when.kind)
            && same(self.status, when.status)
            && same(self.quieted, quieted)
            // What needs a licence may need others too.
            && self.licence.is_none()
            && self.covers_others(when)
    }

    fn covers_others(&self, other: &Self) -> bool {
        self.covers_degree(other)
            && self.covers_dates(other)
            && same(self.evidence, other.evidence)
            && same(self.layer, other.layer)
            && within(self.ids.as_ref(), other.ids.as_ref())
            && within(self.ecosystem.as_ref(), other.ecosystem.as_ref())
            && (self.path.is_none() || self.path == other.path)
            && match (&self.package, &other.package) {
                (None, _) => true,
                (Some(own), Some(other)) => own.covers(other),
                (Some(_), None) => false,
            }
            && self.licence.as_ref().is_none_or(|own| {
                let other = other.licence.as_ref();
                other.is_some_and(|other| own.covers(other))
            })
    }

    fn covers_degree(&self, other: &Self) -> bool {
        let least = |own: Option<f64>, other: Option<f64>| {
            own.is_none_or(|least| other.is_some_and(|it| it >= least))
        };
        let severity = self
            .severity_at_least
            .is_none_or(|least| other.severity_at_least.is_some_and(|it| it >= least));
        let known = self.severity_unknown == Some(false) && other.severity_at_least.is_some();
        severity
            && (known || same(self.severity_unknown, other.severity_unknown))
            && same(self.fixable, other.fixable)
            && same(self.kev, other.kev)
            && least(self.epss_at_least, other.epss_at_least)
            && least(self.cvss_at_least, other.cvss_at_least)
    }

    fn covers_dates(&self, other: &Self) -> bool {
        let longer = |own: Option<SignedDuration>, other: Option<SignedDuration>| {
            own.is_none_or(|own| other.is_some_and(|it| it >= own))
        };
        longer(self.older_than, other.older_than)
            && longer(self.fix_available_for, other.fix_available_for)
            && self
                .newer_than
                .is_none_or(|own| other.newer_than.is_some_and(|it| it <= own))
    }
}

/// Tells whether a condition means all that another one does, where each means one value.
fn same<T: PartialEq>(own: Option<T>, other: Option<T>) -> bool {
    own.is_none() || own == other
}

/// Tells whether a condition names all that another one does.
fn within(own: Option<&BTreeSet<String>>, other: Option<&BTreeSet<String>>) -> bool {
    own.is_none_or(|own| other.is_some_and(|other| other.is_subset(own)))
}

/// Tells whether a package's presence rests on what is asked for: what is known by its digest is
/// installed, and more is known of it.
fn rests_on(evidence: Evidence, asked: Evidence) -> bool {
    evidence == asked || (evidence == Evidence::Digest && asked == Evidence::Installed)
}
