//! Judges an inventory: each component against the advisories on it, one finding for each weakness.
//!
//! Whatever could not be asked or compared becomes a gap or a finding of unknown status, never
//! silence. It decides nothing: that is policy's. Called by the program with an open index.

mod coverage;
mod finding;
mod groups;
mod matcher;
pub mod names;
pub mod ranges;

use std::collections::BTreeMap;

use jiff::Timestamp;
use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::finding::Finding;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Component, Ecosystem};
use sluicegate_model::report::Report;

pub(crate) use matcher::slim;
pub use matcher::{MatcherInfo, matchers};

use crate::eol;
use crate::feeds::FeedIndex;
use crate::report;
use coverage::Unanswered;
use matcher::Matcher;
use ranges::Affected;

/// The revision of everything that decides findings from the same inventory and feeds. It enters
/// the scanner's fingerprint.
pub const MATCHER_REVISION: u32 = 2;

/// Matches an inventory against the feeds, and its distribution against the ends of support.
pub fn judge(inventory: &Inventory, feeds: &FeedIndex, now: Timestamp) -> Report {
    let mut findings = Vec::new();
    let mut gaps = inventory.gaps.clone();
    let mut unanswered = Unanswered::default();
    let mut questions: BTreeMap<Question, Vec<&Component>> = BTreeMap::new();
    for component in &inventory.components {
        match question(component, feeds) {
            Some(question) => questions.entry(question).or_default().push(component),
            None => unanswered.add(component),
        }
    }
    gaps.extend(unanswered.gaps(!questions.is_empty()));
    for (question, components) in &questions {
        answer(question, components, feeds, &mut findings, &mut gaps);
    }
    let support = eol::standing(inventory, now);
    findings.extend(support.finding);
    report::assemble(inventory, feeds, findings, gaps, support.ends)
}

/// What is asked of the feeds: the advisories on one package of one ecosystem.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Question {
    ecosystem: Ecosystem,
    name: String,
}

fn question(component: &Component, feeds: &FeedIndex) -> Option<Question> {
    let matcher = matcher::of(&component.package)?;
    let ecosystem = matcher::loaded_ecosystem(component, feeds)?;
    let name = matcher.name(&ecosystem, &component.package).into_owned();
    Some(Question { ecosystem, name })
}

fn answer(
    question: &Question,
    components: &[&Component],
    feeds: &FeedIndex,
    findings: &mut Vec<Finding>,
    gaps: &mut Vec<Gap>,
) {
    let advisories = match feeds.advisories(question.ecosystem.as_str(), &question.name) {
        Ok(advisories) => advisories,
        Err(error) => {
            let detail = format!("{} in {}: {error}", question.name, question.ecosystem);
            gaps.push(Gap::fatal(GapKind::NoFeed, detail));
            return;
        }
    };
    if advisories.is_empty() {
        return;
    }
    for component in components {
        let Some(matcher) = matcher::of(&component.package) else {
            continue;
        };
        let matched = matched(matcher, component, &advisories);
        gaps.extend(coverage::rangeless(component, &matched));
        findings.extend(finding::of_component(
            matcher,
            component,
            &question.ecosystem,
            &matched,
            feeds,
        ));
    }
}

/// An advisory that applies to a component, or may.
struct Matched<'a> {
    advisory: &'a sluicegate_model::advisory::Advisory,
    affected: Affected,
}

fn matched<'a>(
    matcher: &Matcher,
    component: &Component,
    advisories: &'a [sluicegate_model::advisory::Advisory],
) -> Vec<Matched<'a>> {
    let version = matcher.version(&component.package);
    matcher
        .affected(version, advisories)
        .into_iter()
        .zip(advisories)
        .filter(|(affected, _)| *affected != Affected::No)
        .map(|(affected, advisory)| Matched { advisory, affected })
        .collect()
}

#[cfg(test)]
mod tests;
