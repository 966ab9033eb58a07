//! Judges an inventory: each component against the advisories on it, one finding for each weakness.
//!
//! Whatever could not be asked or compared becomes a gap or a finding of unknown status, never
//! silence. It decides nothing: that is policy's. Called by the program with an open index.

mod coverage;
mod finding;
mod groups;
mod loaded;
mod matcher;
pub mod names;
mod order;
pub mod ranges;
mod scope;
mod severity;

use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use sluicegate_model::advisory::Advisory;
use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::finding::Finding;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Component, Ecosystem, PackageType};
use sluicegate_model::report::Report;

pub use loaded::filed_under;
pub(crate) use matcher::slim;
pub use matcher::{MatcherInfo, matchers};

use crate::eol;
use crate::feeds::FeedIndex;
use crate::report;
use coverage::Unanswered;
use matcher::{Matcher, Side};
use ranges::Affected;

/// The revision of everything that decides findings from the same inventory and feeds. It enters
/// the scanner's fingerprint.
pub const MATCHER_REVISION: u32 = 3;

/// Matches an inventory against the feeds, and its distribution against the ends of support.
pub fn judge(inventory: &Inventory, feeds: &FeedIndex, now: Timestamp) -> Report {
    let mut findings = Vec::new();
    let mut gaps = inventory.gaps.clone();
    let mut unanswered = Unanswered::default();
    let mut asked: BTreeMap<Vec<Question>, Vec<&Component>> = BTreeMap::new();
    for component in &inventory.components {
        let questions = questions(component, feeds);
        if questions.is_empty() {
            unanswered.add(component);
        } else {
            asked.entry(questions).or_default().push(component);
        }
    }
    gaps.extend(unanswered.gaps(!asked.is_empty()));
    for (questions, components) in &asked {
        let told = told(questions, feeds, &mut gaps);
        let mut last: Option<Answer<'_>> = None;
        for component in components {
            let answer = match last {
                Some(last) if is_alike(&told, last.component, component) => last.said_of(component),
                _ => answer(component, &told, feeds),
            };
            gaps.extend(coverage::rangeless(component, &answer.matched));
            findings.extend(answer.findings.iter().cloned());
            last = Some(answer);
        }
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
    side: Side,
}

/// Lists what is asked about a component; nothing where no loaded feed speaks of its kind.
fn questions(component: &Component, feeds: &FeedIndex) -> Vec<Question> {
    let mut questions = Vec::new();
    for ecosystem in loaded::ecosystems(component, feeds) {
        let Some(matcher) = matcher::of(&component.package, &ecosystem) else {
            continue;
        };
        let names = matcher.names(&ecosystem, &component.package);
        questions.extend(names.into_iter().map(|(name, side)| Question {
            ecosystem: ecosystem.clone(),
            name,
            side,
        }));
    }
    questions
}

/// What the feeds answer to a question.
struct Told<'a> {
    question: &'a Question,
    advisories: Arc<[Advisory]>,
}

fn told<'a>(questions: &'a [Question], feeds: &FeedIndex, gaps: &mut Vec<Gap>) -> Vec<Told<'a>> {
    let mut told = Vec::new();
    for question in questions {
        let (ecosystem, name) = (&question.ecosystem, &question.name);
        match feeds.advisories(ecosystem.as_str(), name) {
            Ok(advisories) => told.push(Told {
                question,
                advisories,
            }),
            Err(error) => {
                let detail = format!("{name} in {ecosystem}: {error}");
                gaps.push(Gap::fatal(GapKind::NoFeed, detail));
            }
        }
    }
    told
}

/// What follows for one component.
struct Answer<'a> {
    component: &'a Component,
    matched: Vec<Matched<'a>>,
    findings: Vec<Finding>,
}

impl<'a> Answer<'a> {
    /// Says the same of another component.
    fn said_of(mut self, component: &'a Component) -> Self {
        for finding in &mut self.findings {
            finding.package = finding::package(component);
        }
        Self { component, ..self }
    }
}

/// Tells whether the answers to the same questions are the same for both components: the packages
/// of one source have one version, and so have copies of one package. What is said of RPM packages
/// depends on more.
fn is_alike(told: &[Told<'_>], one: &Component, other: &Component) -> bool {
    let (one, other) = (&one.package, &other.package);
    one.package_type == other.package_type
        && one.package_type != PackageType::Rpm
        && told.iter().all(|told| {
            let side = told.question.side;
            Matcher::version(one, side) == Matcher::version(other, side)
        })
}

fn answer<'a>(component: &'a Component, told: &'a [Told<'a>], feeds: &FeedIndex) -> Answer<'a> {
    let mut answer = Answer {
        component,
        matched: Vec::new(),
        findings: Vec::new(),
    };
    let first = told.iter().find(|told| !told.advisories.is_empty());
    let matcher =
        first.and_then(|first| matcher::of(&component.package, &first.question.ecosystem));
    if let Some(matcher) = matcher {
        answer.matched = matched(matcher, component, told);
        answer.findings = finding::of_component(matcher, component, &answer.matched, feeds);
    }
    answer
}

/// An advisory that applies to a component, or may.
struct Matched<'a> {
    advisory: &'a Advisory,
    affected: Affected,
    ecosystem: &'a Ecosystem,
    side: Side,
}

fn matched<'a>(matcher: &Matcher, component: &Component, told: &'a [Told<'a>]) -> Vec<Matched<'a>> {
    let package = &component.package;
    let names_installed: BTreeSet<&str> = told
        .iter()
        .filter(|told| {
            matcher.installed_name_answers_alone() && told.question.side == Side::Installed
        })
        .flat_map(|told| told.advisories.iter().map(|advisory| advisory.id.as_str()))
        .collect();
    let mut matched = Vec::new();
    for Told {
        question,
        advisories,
    } in told
    {
        let side = question.side;
        let affected = matcher.order(side).affected;
        let answers = affected(Matcher::version(package, side), advisories);
        for (affected, advisory) in answers.into_iter().zip(advisories.iter()) {
            let is_answered =
                side == Side::Source && names_installed.contains(advisory.id.as_str());
            let affected = scope::limited(affected, package, advisory);
            if affected != Affected::No && !is_answered {
                matched.push(Matched {
                    advisory,
                    affected,
                    ecosystem: &question.ecosystem,
                    side,
                });
            }
        }
    }
    matched
}

#[cfg(test)]
pub(crate) mod golden;
#[cfg(test)]
mod tests;
