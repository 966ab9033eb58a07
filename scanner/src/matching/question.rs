//! What is asked of the feeds about a component, what they tell, and what of that applies.

use std::borrow::Cow;
use std::collections::HashSet;
use std::sync::Arc;

use sluicegate_model::advisory::Advisory;
use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::package::{Component, Ecosystem};

use super::builds::Build;
use super::loaded;
use super::presence::PackageParts;
use super::scope;
use crate::feeds::FeedIndex;
use crate::gaps::GapList;
use crate::matchers::{self, Affected, Matcher, Side};
use crate::names::without_group;

/// What is asked of the feeds: the advisories on one package of one ecosystem.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Question {
    pub(super) ecosystem: Ecosystem,
    pub(super) name: String,
    pub(super) side: Side,
    /// Whether the package's group is not known, and this is the one name of the feed that it may be.
    pub(super) is_by_name_alone: bool,
}

/// Lists what is asked about a component; nothing where no loaded feed speaks of its kind.
pub(super) fn questions(component: &Component, feeds: &FeedIndex) -> Vec<Question> {
    let mut questions = Vec::new();
    for ecosystem in loaded::ecosystems(component, feeds) {
        let Some(matcher) = matchers::of(&component.package, &ecosystem) else {
            continue;
        };
        let names = matcher.names(&ecosystem, &component.package);
        questions.extend(names.into_iter().map(|(name, side)| {
            let is_by_name_alone = component.package.is_without_group();
            let sole = is_by_name_alone.then(|| feeds.sole_of_groups(ecosystem.as_str(), &name));
            Question {
                ecosystem: ecosystem.clone(),
                // What could not be read is told where the answer is sought.
                name: sole.and_then(Result::ok).flatten().unwrap_or(name),
                side,
                is_by_name_alone,
            }
        }));
    }
    questions
}

/// Lists the names, in normal form, by which any feed may be asked about a component and about the
/// package that owns its file, whatever is loaded; of a package without its group that name alone.
pub fn asked_names(component: &Component) -> Vec<String> {
    let own = (&component.package, &component.ecosystem);
    let owner = component.standing.owner();
    let owner = owner.map(|owner| (&owner.package, &owner.ecosystem));
    let mut asked = Vec::new();
    for (package, ecosystem) in std::iter::once(own).chain(owner) {
        let Some(ecosystem) = ecosystem else { continue };
        // Names depend on the family, which all have in common that answer for the package.
        if let Some(matcher) = matchers::of(package, ecosystem) {
            let names = matcher.names(ecosystem, package).into_iter();
            asked.extend(names.map(|(name, _)| name));
        }
    }
    asked
}

/// What the feeds answer to a question.
pub(super) struct Told<'a> {
    pub(super) question: &'a Question,
    pub(super) advisories: Arc<[Advisory]>,
}

pub(super) fn told<'a>(
    questions: &'a [Question],
    feeds: &FeedIndex,
    gaps: &mut GapList,
) -> Vec<Told<'a>> {
    let mut told = Vec::new();
    for question in questions {
        let (ecosystem, name) = (&question.ecosystem, &question.name);
        let is_open =
            question.is_by_name_alone && without_group(ecosystem.family(), name).is_none();
        let sole = is_open.then(|| feeds.sole_of_groups(ecosystem.as_str(), name));
        let answer = sole.transpose();
        match answer.and_then(|_| feeds.advisories(ecosystem.as_str(), name)) {
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

/// Names the records on the installed package, where its source was asked about as well: for whom
/// those say everything, what is said of the source counts only without them.
pub(super) fn on_installed<'a>(told: &'a [Told<'_>]) -> HashSet<&'a str> {
    let of_side = |side| move |told: &&Told<'_>| told.question.side == side;
    let mut of_source = told.iter().filter(of_side(Side::Source));
    if of_source.all(|told| told.advisories.is_empty()) {
        return HashSet::new();
    }
    let installed = told.iter().filter(of_side(Side::Installed));
    let advisories = installed.flat_map(|told| told.advisories.iter());
    advisories.map(|advisory| advisory.id.as_str()).collect()
}

/// An advisory that applies to a component, or may.
pub(super) struct Matched<'a> {
    pub(super) advisory: &'a Advisory,
    pub(super) affected: Affected,
    pub(super) ecosystem: &'a Ecosystem,
    pub(super) side: Side,
    /// Where the parts of the package are that it speaks of.
    pub(super) parts: PackageParts,
    /// The package's version as it was compared.
    pub(super) version: Cow<'a, str>,
    /// The whole name that the package may have, where its group is not known.
    pub(super) by_name_alone: Option<&'a str>,
}

/// Gives the advisories whose versions apply to a component, or may, and whether its epoch is one that none of
/// those on it knows.
pub(super) fn matched<'a>(
    matcher: &Matcher,
    component: &'a Component,
    told: &'a [Told<'a>],
    on_installed: &HashSet<&str>,
) -> (Vec<Matched<'a>>, bool) {
    let package = &component.package;
    let mut matched = Vec::new();
    let mut has_own_epoch = false;
    for Told {
        question,
        advisories,
    } in told
    {
        let side = question.side;
        let affected = matcher.order(side).affected;
        let own = Matcher::version(package, side);
        let build = Build::of(component, own, side, advisories);
        has_own_epoch |= build.has_own_epoch;
        let answers = affected(&build.version, advisories);
        for (affected, advisory) in answers.into_iter().zip(advisories.iter()) {
            let is_answered = side == Side::Source
                && matcher.installed_name_answers_alone()
                && on_installed.contains(advisory.id.as_str());
            let affected = build.limit(scope::limited(affected, package, advisory));
            let affected = match affected {
                Affected::Yes if question.is_by_name_alone => Affected::Unknown,
                affected => affected,
            };
            if affected != Affected::No && !is_answered {
                matched.push(Matched {
                    advisory,
                    affected,
                    ecosystem: &question.ecosystem,
                    side,
                    parts: PackageParts::of(component, advisory),
                    version: build.version.clone(),
                    by_name_alone: question.is_by_name_alone.then_some(question.name.as_str()),
                });
            }
        }
    }
    (matched, has_own_epoch)
}
