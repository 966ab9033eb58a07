//! What a distribution's advisories say of weaknesses in a file that its package owns.
//!
//! A finding on a language's package in such a file stays. It is reported under the owner where the
//! distribution's advisories know the owner, and is quieted where they name the weakness as fixed at
//! or below the installed version, or as not affecting it.

use std::collections::{BTreeMap, BTreeSet};

use sluicegate_model::advisory::{Advisory, RangeEvent};
use sluicegate_model::finding::{Attributed, Finding, FindingKind, QuietedBy};
use sluicegate_model::package::{Component, Evidence, Owner, Package, Standing};

use super::question::{Told, on_installed, questions, told};
use super::scope;
use crate::feeds::FeedIndex;
use crate::feeds::cve::CveNumber;
use crate::gaps::GapList;
use crate::matchers::{self, Affected, Matcher, Side};
use crate::versions::parts::parts;

/// What an owner's own advisories say of a weakness, from the weakest to what counts.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
enum Said {
    /// The installed version does not have it.
    Mended,
    /// It has it, or may.
    Affected,
}

/// What an owner's own advisories say.
#[derive(Debug, Default)]
pub(super) struct Word {
    /// By every name of a weakness.
    said: BTreeMap<String, Said>,
    /// Whether they know the owner by its name and its version.
    is_known: bool,
}

/// What becomes of a finding on what an owner's file holds.
pub(super) enum Fate {
    /// It is reported under the name that the file gives.
    Plain(Finding),
    /// It is reported under the owner.
    Attributed(Finding),
    /// The owner's own advisories report it.
    Owners(Finding),
}

impl Word {
    /// Asks the owner's advisories.
    pub(super) fn of(
        owner: &Owner,
        like: &Component,
        feeds: &FeedIndex,
        gaps: &mut GapList,
    ) -> Self {
        let component = Component {
            package: owner.package.clone(),
            ecosystem: owner.ecosystem.clone(),
            purl: owner.purl.clone(),
            evidence: Evidence::Installed,
            standing: Standing::Own,
            linked: Vec::new(),
            platform: String::new(),
            ..like.clone()
        };
        let questions = questions(&component, feeds);
        let told = told(&questions, feeds, gaps);
        let mut word = Self::default();
        let answered = told.iter().find(|told| !told.advisories.is_empty());
        let matcher =
            answered.and_then(|told| matchers::of(&component.package, &told.question.ecosystem));
        if let Some(matcher) = matcher {
            word.hear(matcher, &component.package, &told);
        }
        word
    }

    fn hear(&mut self, matcher: &Matcher, package: &Package, told: &[Told<'_>]) {
        let on_installed = on_installed(told);
        for Told {
            question,
            advisories,
        } in told
        {
            let version = Matcher::version(package, question.side);
            let affected = matcher.order(question.side).affected;
            let answers = affected(version, advisories);
            for (affected, advisory) in answers.into_iter().zip(advisories.iter()) {
                let is_answered = question.side == Side::Source
                    && matcher.installed_name_answers_alone()
                    && on_installed.contains(advisory.id.as_str());
                // What it would say of a version that is affected shows whether it speaks of this
                // build at all.
                let speaks = scope::limited(Affected::Yes, package, advisory);
                if is_answered || speaks == Affected::No {
                    continue;
                }
                let said = match affected {
                    Affected::No if speaks == Affected::Yes => Said::Mended,
                    Affected::No => continue,
                    Affected::Yes | Affected::Unknown | Affected::NoRange => Said::Affected,
                };
                self.is_known |= affected == Affected::Yes || names(advisory, package, version);
                for name in all_names(advisory) {
                    let known = self.said.entry(name).or_insert(said);
                    *known = said.max(*known);
                }
            }
        }
    }

    /// Says what becomes of a finding in a file of the owner.
    pub(super) fn judge(&self, owner: &Owner, finding: Finding) -> Fate {
        if !self.is_known || owner.ecosystem.is_none() {
            return Fate::Plain(finding);
        }
        let own = std::iter::once(&finding.id).chain(&finding.aliases);
        let said = own
            .flat_map(|name| forms(name))
            .filter_map(|name| self.said.get(&name));
        let said = said.max().copied();
        if said == Some(Said::Affected) {
            return Fate::Owners(attributed(finding));
        }
        let mut finding = attributed(finding);
        if said == Some(Said::Mended) && finding.kind == FindingKind::Vulnerability {
            finding.quieted_by = Some(QuietedBy::Owner);
        }
        Fate::Attributed(finding)
    }
}

/// Notes the name that the file gives; the listing names the owner.
fn attributed(finding: Finding) -> Finding {
    let package = &finding.package;
    let attributed = Attributed {
        name: package.name.clone(),
        version: package.version.clone(),
        purl: package.purl.clone(),
        ecosystem: package.ecosystem.clone(),
    };
    Finding {
        attributed: Some(Box::new(attributed)),
        ..finding
    }
}

/// Tells whether an advisory names a version that is built from the same one of upstream's.
fn names(advisory: &Advisory, package: &Package, version: &str) -> bool {
    let own = parts(package.package_type, version);
    let bounds = advisory.ranges.iter().flat_map(|range| &range.events);
    let bounds = bounds.map(|event| match event {
        RangeEvent::Introduced(text)
        | RangeEvent::Fixed(text)
        | RangeEvent::LastAffected(text)
        | RangeEvent::Limit(text) => text,
    });
    let mut named = bounds.chain(&advisory.versions);
    named.any(|text| {
        let other = parts(package.package_type, text);
        other.upstream == own.upstream && other.epoch == own.epoch
    })
}

/// Gives every name of the weaknesses that an advisory speaks of.
fn all_names(advisory: &Advisory) -> BTreeSet<String> {
    let listed = advisory.aliases.iter().chain(&advisory.upstream);
    let names = std::iter::once(&advisory.id)
        .chain(listed)
        .chain(&advisory.related);
    names.flat_map(|name| forms(name)).collect()
}

/// Gives a name, and the CVE that it is a vendor's page on.
fn forms(name: &str) -> impl Iterator<Item = String> {
    let cve = CveNumber::of_record(name).map(|cve| cve.to_string());
    std::iter::once(name.to_owned()).chain(cve)
}
