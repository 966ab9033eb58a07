//! The gaps of matching: packages that no feed was asked about, advisories that give no range.
//!
//! Called by `judge`; it never drops a gap that scanning found.

use std::collections::{BTreeMap, BTreeSet};

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Component, Ecosystem};

use super::question::Matched;
use crate::gaps::GapList;
use crate::matchers::{self, Affected};

/// Components for whose ecosystem no feed is loaded, counted.
#[derive(Debug, Default)]
pub(super) struct Unanswered {
    by_kind: BTreeMap<UnansweredKind, u64>,
}

/// What components without an answer have in common.
#[derive(Debug, PartialEq, Eq, PartialOrd, Ord)]
enum UnansweredKind {
    /// System packages of a release for which no feed is loaded.
    System(Ecosystem),
    /// System packages of a distribution that OSV does not know, or that is not known at all.
    UnknownSystem,
    /// Language packages of an ecosystem for which no feed is loaded.
    Language(Ecosystem),
    /// Language packages in files of system packages, likewise: the advisories on those spoke alone.
    Owned(Ecosystem),
    /// System packages of a release whose advisories are filed in several folders, of which this one
    /// is not loaded.
    PartOfSystem(Ecosystem),
    /// Packages of a kind that has no ecosystem of its own.
    Other(&'static str),
}

impl UnansweredKind {
    fn of(component: &Component) -> Self {
        let package_type = component.package.package_type;
        match &component.ecosystem {
            Some(ecosystem) if package_type.is_operating_system() => {
                Self::System(ecosystem.clone())
            }
            None if package_type.is_operating_system() => Self::UnknownSystem,
            // Others have the ecosystem of the distribution that they are in.
            Some(ecosystem) if matchers::of(&component.package, ecosystem).is_some() => {
                Self::Language(ecosystem.clone())
            }
            Some(_) | None => Self::Other(package_type.purl_type()),
        }
    }

    fn is_system(&self) -> bool {
        matches!(self, Self::System(_) | Self::UnknownSystem)
    }

    /// Tells whether other feeds spoke of the same files.
    fn is_in_part(&self) -> bool {
        matches!(self, Self::Owned(_) | Self::PartOfSystem(_))
    }

    fn describe(&self, packages: &str) -> String {
        match self {
            Self::System(ecosystem) | Self::Language(ecosystem) => {
                format!("{packages} of {ecosystem}: no advisories are loaded for it")
            }
            Self::Owned(ecosystem) => {
                format!(
                    "{packages} of {ecosystem} in files of the system's packages: no advisories are \
                     loaded for it, and those on the system's packages spoke alone"
                )
            }
            Self::PartOfSystem(ecosystem) => {
                format!(
                    "{packages} may be of {ecosystem}: no advisories are loaded for it, and others of \
                     the release are"
                )
            }
            Self::UnknownSystem => {
                format!("{packages} of an unknown distribution: no advisories speak of it")
            }
            Self::Other(kind) => {
                format!("{packages} of type {kind}: no advisories speak of them")
            }
        }
    }
}

impl Unanswered {
    /// Counts a component. Of what an owner brought, the advisories on the owner speak as well: only
    /// those that a feed could add are missing.
    pub(super) fn add(&mut self, component: &Component) {
        let kind = UnansweredKind::of(component);
        match (component.standing.owner(), kind) {
            (None, kind) => self.count(kind),
            (Some(_), UnansweredKind::Language(ecosystem)) => {
                self.count(UnansweredKind::Owned(ecosystem));
            }
            (Some(_), _) => {}
        }
    }

    /// Counts a component that feeds were asked about, and not all that its release has.
    pub(super) fn add_part(&mut self, missing: Ecosystem) {
        self.count(UnansweredKind::PartOfSystem(missing));
    }

    fn count(&mut self, kind: UnansweredKind) {
        *self.by_kind.entry(kind).or_default() += 1;
    }

    /// Gives one gap for each ecosystem. Without feeds for the operating system, or for anything at
    /// all, the findings say nothing about the image.
    pub(super) fn gaps(self, others_were_answered: bool) -> impl Iterator<Item = Gap> {
        self.by_kind.into_iter().map(move |(kind, count)| {
            let packages = match count {
                1 => "1 package".to_owned(),
                many => format!("{many} packages"),
            };
            let detail = kind.describe(&packages);
            if kind.is_system() || !(others_were_answered || kind.is_in_part()) {
                Gap::fatal(GapKind::NoFeed, detail)
            } else {
                Gap::partial(GapKind::NoFeed, detail)
            }
        })
    }
}

/// Says of how many system packages the epoch is one that no advisory on them knows.
pub(super) fn own_epochs(names: &BTreeSet<&str>) -> Option<Gap> {
    let first = names.first()?;
    let of_whom = match names.len() {
        1 => format!("1 package is of somebody else's build: {first}"),
        many => format!("{many} packages are of somebody else's build, such as {first}"),
    };
    let detail = format!("{of_whom}; its epoch is in no advisory on it");
    Some(Gap::partial(GapKind::ThirdParty, detail))
}

/// Most gaps that are made of one group of components; those beyond are counted.
const MAX_RANGELESS: usize = 1_000;

/// Names the advisories that name a component but neither versions nor ranges.
pub(super) fn without_ranges(matched: &[Matched<'_>]) -> Vec<String> {
    let without = matched
        .iter()
        .filter(|matched| matched.affected == Affected::NoRange && !matched.parts.are_absent());
    without.map(|matched| matched.advisory.id.clone()).collect()
}

/// Records a gap for each component and each advisory that names it but neither versions nor ranges.
pub(super) fn rangeless(components: &[&Component], without: &[String], gaps: &mut GapList) {
    let pairs = components
        .iter()
        .flat_map(|component| without.iter().map(move |id| (component, id)));
    for (component, id) in pairs.take(MAX_RANGELESS) {
        let name = &component.package.name;
        let detail = format!("{id} names {name} but no versions that can be compared");
        gaps.push(
            Gap::partial(GapKind::UnknownRange, detail)
                .at(component.path.clone())
                .in_layer(component.layer.clone()),
        );
    }
    let all = without.len().saturating_mul(components.len());
    let more = u64::try_from(all.saturating_sub(MAX_RANGELESS)).unwrap_or(u64::MAX);
    if more > 0 {
        gaps.count_more(GapKind::UnknownRange, false, more);
    }
}
