//! Judges an inventory: each component against the advisories on it, one finding for each weakness.
//!
//! Whatever could not be asked or compared becomes a gap or a finding of unknown status, never
//! silence. It decides nothing: that is policy's. Called by the program with an open index.

mod archives;
mod builds;
mod cost;
mod coverage;
mod finding;
mod groups;
mod known;
mod listing;
mod loaded;
mod malicious;
mod owner;
mod presence;
mod question;
mod scope;
mod severity;
mod sizes;
mod told;
mod triage;

use std::cmp::Ordering;
use std::collections::{BTreeMap, BTreeSet};
use std::sync::Arc;

use jiff::Timestamp;
use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::finding::Finding;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Component, Ecosystem, Owner, PackageType};
use sluicegate_model::report::Report;

pub use archives::{ARCHIVES_BY_DIGEST, with_archives_named};
pub use known::KnownPackages;
pub use loaded::{filed_under, is_answered};
pub use malicious::FILES_BY_DIGEST;
pub use question::asked_names;

use crate::eol;
use crate::feeds::FeedIndex;
use crate::gaps::GapList;
use crate::matchers::{self, Matcher};
use crate::{knowledge, report};
use coverage::Unanswered;
use known::Answer;
use listing::Listing;
use owner::{Fate, Word};
use presence::has_headers_only;
use question::{Question, Told, matched, on_installed, questions};

/// Most questions put to advisories for one image, each about one version, every name of an advisory
/// counted: some seconds of work, a hundred times what the largest images of distributions need.
const MAX_QUESTIONS: usize = 20_000_000;

/// Matches an inventory against the feeds, and its distribution against the ends of support.
pub fn judge(inventory: &Inventory, feeds: &FeedIndex, now: Timestamp) -> Report {
    judge_knowing(inventory, feeds, &KnownPackages::default(), now)
}

/// Does the same, by what is known of packages under this index already.
pub fn judge_knowing(
    inventory: &Inventory,
    feeds: &FeedIndex,
    known: &KnownPackages,
    now: Timestamp,
) -> Report {
    let archives = archives::named(inventory, feeds);
    let mut gaps = GapList::default();
    gaps.extend(archives.gaps(inventory).cloned());
    let support = eol::standing(inventory, feeds.support(), now);
    let most = listing::MAX_FINDINGS - usize::from(support.finding.is_some());
    let (mut own, fed) = told::apart(inventory);
    archives.correct(&mut own);
    let packages = own.len() + fed.len();
    let own = answer_all(&own, feeds, known, Bounds::of_image(most), gaps);
    let fed = answer_all(&fed, feeds, known, Bounds::of_plugins(), GapList::default());
    let (mut findings, mut gaps) = (own.findings, own.gaps);
    findings.extend(support.finding);
    findings.extend(fed.findings);
    findings.extend(told::findings(inventory, feeds));
    let malicious = malicious::malicious(inventory, feeds);
    findings.extend(told::all(&malicious.found, feeds));
    gaps.extend(fed.gaps);
    gaps.extend(told::gap(inventory));
    gaps.extend(malicious.gaps);
    let used = own.used.iter().chain(&fed.used);
    let known = knowledge::known(&used.collect(), inventory, feeds, support.ended, now);
    let ends = support.ends;
    report::assemble(inventory, feeds, findings, gaps, packages, known, ends)
}

/// What the matching of some components may take, and what it is beside.
struct Bounds {
    most_findings: usize,
    questions: usize,
    /// Whether they are beside others, so that a feed which none of them has says little.
    are_beside: bool,
}

impl Bounds {
    fn of_image(most_findings: usize) -> Self {
        Self {
            most_findings,
            questions: MAX_QUESTIONS,
            are_beside: false,
        }
    }

    /// Of what plugins name; whatever that is, it takes nothing from the rest.
    fn of_plugins() -> Self {
        Self {
            most_findings: told::MAX_FINDINGS,
            questions: told::MAX_QUESTIONS,
            are_beside: true,
        }
    }
}

/// What the feeds say of some components.
#[derive(Default)]
struct Answered {
    findings: Vec<Finding>,
    gaps: Vec<Gap>,
    /// The ecosystems that were asked.
    used: BTreeSet<Ecosystem>,
}

/// Asks the feeds about some components.
fn answer_all(
    components: &[&Component],
    feeds: &FeedIndex,
    known: &KnownPackages,
    bounds: Bounds,
    mut gaps: GapList,
) -> Answered {
    let mut unanswered = Unanswered::default();
    let mut asked: BTreeMap<Vec<Question>, Vec<&Component>> = BTreeMap::new();
    for component in components {
        let questions = questions(component, feeds);
        if questions.is_empty() {
            unanswered.add(component);
            continue;
        }
        for missing in loaded::missing(component, feeds) {
            unanswered.add_part(missing);
        }
        asked.entry(questions).or_default().push(component);
    }
    gaps.extend(unanswered.gaps(bounds.are_beside || !asked.is_empty()));
    for (questions, components) in &mut asked {
        components.sort_by(|one, other| compare(questions, one, other));
    }
    let mut matching = Matching {
        feeds,
        known,
        listing: Listing::of(bounds.most_findings),
        gaps,
        questions: bounds.questions,
        questions_left: bounds.questions,
        unmatched: 0,
        own_epochs: BTreeSet::new(),
        words: BTreeMap::new(),
        owners: Vec::new(),
    };
    for (questions, components) in &asked {
        matching.answer_all(questions, components);
    }
    let (findings, gaps) = matching.finish();
    let used = asked.keys().flatten();
    Answered {
        findings,
        gaps,
        used: used.map(|question| question.ecosystem.clone()).collect(),
    }
}

/// Estimates how much memory judging an inventory takes, in bytes, without doing it.
pub fn judging_bytes(inventory: &Inventory, feeds: &FeedIndex, known: &KnownPackages) -> u64 {
    cost::judging_bytes(inventory, feeds, known)
}

/// One image while it is matched.
struct Matching<'a> {
    feeds: &'a FeedIndex,
    known: &'a KnownPackages,
    listing: Listing<'a>,
    gaps: GapList,
    questions: usize,
    questions_left: usize,
    /// Packages for which no questions were left.
    unmatched: usize,
    /// Packages whose epoch none of the advisories on them knows.
    own_epochs: BTreeSet<&'a str>,
    /// What the advisories on owners say, each asked once.
    words: BTreeMap<&'a Owner, Word>,
    /// What the owners' own advisories report, under the name that the file gives.
    owners: Vec<(Finding, &'a [&'a Component])>,
}

impl<'a> Matching<'a> {
    /// Answers the same questions for some components, which are in the order of [`compare`].
    fn answer_all(&mut self, questions: &[Question], components: &'a [&'a Component]) {
        let mut told: Option<Vec<Told<'_>>> = None;
        for alike in components.chunk_by(|one, other| is_alike(questions, one, other)) {
            let Some(first) = alike.first() else {
                continue;
            };
            let key = known::key(questions, first);
            let kept = self.known.get(&key);
            let asked = kept.as_ref().map_or_else(
                || {
                    let (feeds, gaps) = (self.feeds, &mut self.gaps);
                    asked(told.get_or_insert_with(|| question::told(questions, feeds, gaps)))
                },
                |answer| answer.asked,
            );
            let Some(left) = self.questions_left.checked_sub(asked) else {
                self.unmatched = self.unmatched.saturating_add(alike.len());
                continue;
            };
            let answer = kept.unwrap_or_else(|| {
                let told = told.as_deref().unwrap_or_default();
                let answer = Arc::new(answer(told, first, self.feeds));
                // What could not be read is asked for each time.
                if told.len() == questions.len() {
                    self.known.keep(key, &answer);
                }
                answer
            });
            self.questions_left = left;
            for component in alike {
                self.known.keep_finding_bytes(component, &answer);
            }
            self.tell(&answer, alike);
        }
    }

    /// Takes in what is said of components of which the same is said.
    fn tell(&mut self, answer: &Answer, alike: &'a [&'a Component]) {
        let Some(component) = alike.first() else {
            return;
        };
        if answer.has_own_epoch {
            let names = alike
                .iter()
                .map(|component| component.package.name.as_str());
            self.own_epochs.extend(names);
        }
        coverage::rangeless(alike, &answer.rangeless, &mut self.gaps);
        let copies: Vec<_> = alike.chunk_by(|one, other| is_copy(one, other)).collect();
        for finding in &answer.findings {
            match component.standing.owner() {
                Some(owner) => self.add_of(owner, component, Finding::clone(finding), &copies),
                None => self.listing.add(Arc::clone(finding), &copies),
            }
        }
    }

    /// Takes in a finding on what a file of the system's package holds.
    fn add_of(
        &mut self,
        owner: &'a Owner,
        component: &Component,
        finding: Finding,
        copies: &[&'a [&'a Component]],
    ) {
        let (feeds, gaps) = (self.feeds, &mut self.gaps);
        let word = self.words.entry(owner);
        let word = word.or_insert_with(|| Word::of(owner, component, feeds, gaps));
        match word.judge(owner, finding) {
            Fate::Plain(finding) | Fate::Attributed(finding) => {
                self.listing.add(Arc::new(finding), copies);
            }
            Fate::Owners(finding) => {
                let each = copies.iter().map(|copies| (finding.clone(), *copies));
                self.owners.extend(each);
            }
        }
    }

    fn finish(mut self) -> (Vec<Finding>, Vec<Gap>) {
        if self.unmatched > 0 {
            let detail = format!(
                "matching takes over {} questions: {} packages were not matched",
                self.questions, self.unmatched
            );
            self.gaps.push(Gap::fatal(GapKind::Budget, detail));
        }
        self.gaps.extend(coverage::own_epochs(&self.own_epochs));
        let reported = self.listing.weaknesses();
        let (mut under_owner, mut unreported) = (Vec::new(), Vec::new());
        for (finding, copies) in std::mem::take(&mut self.owners) {
            let key = copies.first().and_then(|copy| copy.standing.owner());
            let names = || std::iter::once(&finding.id).chain(&finding.aliases);
            let is_reported = key.is_some_and(|owner| {
                names().any(|name| reported.contains(&(owner.purl.as_str(), name.as_str())))
            });
            match key.filter(|_| is_reported) {
                Some(owner) => under_owner.push((owner.purl.clone(), finding)),
                None => unreported.push((finding, copies)),
            }
        }
        drop(reported);
        for (finding, copies) in unreported {
            self.listing.add(Arc::new(finding), &[copies]);
        }
        let (mut findings, gap) = self.listing.finish();
        name_both(&mut findings, under_owner);
        self.gaps.extend(gap);
        (findings, self.gaps.into_gaps())
    }
}

/// Counts what is asked of advisories for one version, every name of one counted.
fn asked(told: &[Told<'_>]) -> usize {
    let advisories = told.iter().flat_map(|told| told.advisories.iter());
    let names = advisories.map(|advisory| 1 + advisory.aliases.len() + advisory.upstream.len());
    names.sum()
}

/// Finds what the feeds say of a component.
fn answer(told: &[Told<'_>], component: &Component, feeds: &FeedIndex) -> Answer {
    let mut answer = Answer {
        asked: asked(told),
        ..Answer::default()
    };
    let first = told.iter().find(|told| !told.advisories.is_empty());
    let matcher =
        first.and_then(|first| matchers::of(&component.package, &first.question.ecosystem));
    let Some(matcher) = matcher else {
        return answer;
    };
    let (matched, has_own_epoch) = matched(matcher, component, told, &on_installed(told));
    answer.has_own_epoch = has_own_epoch;
    answer.rangeless = coverage::without_ranges(&matched);
    let placeless = |mut finding: Finding| {
        finding.package.path.clear();
        Arc::new(finding)
    };
    let findings = finding::of_component(matcher, component, &matched, feeds);
    let findings = findings.chain(triage::ended(component, &matched, finding::plain_package));
    answer.findings = findings.map(placeless).collect();
    answer
}

/// Gives the findings on owners the names of what their files hold.
fn name_both(findings: &mut [Finding], under_owner: Vec<(String, Finding)>) {
    for finding in findings.iter_mut().filter(|it| it.attributed.is_none()) {
        let is_same = |(purl, own): &&(String, Finding)| {
            let names = || std::iter::once(&finding.id).chain(&finding.aliases);
            let mut others = std::iter::once(&own.id).chain(&own.aliases);
            *purl == finding.package.purl && others.any(|other| names().any(|name| name == other))
        };
        if let Some((_, own)) = under_owner.iter().find(is_same) {
            finding.attributed.clone_from(&own.attributed);
        }
    }
}

/// Orders components so that those of which the same is said stand together.
///
/// The packages of one source have one version, and so have copies of one package. What is said of
/// RPM packages depends on all of the package, and what is said of others on their own name as far as
/// that tells headers of a kernel from the kernel.
fn compare(questions: &[Question], one: &Component, other: &Component) -> Ordering {
    let by_standing = || {
        let by_place = one.standing.cmp(&other.standing);
        by_place
            .then_with(|| one.linked.cmp(&other.linked))
            .then_with(|| one.platform.cmp(&other.platform))
    };
    let (one, other) = (&one.package, &other.package);
    let by_type = one.package_type.cmp(&other.package_type);
    let by_version = || {
        let sides = questions.iter().map(|question| {
            let side = question.side;
            Matcher::version(one, side).cmp(Matcher::version(other, side))
        });
        sides.fold(Ordering::Equal, Ordering::then)
    };
    let by_package = match one.package_type {
        PackageType::Rpm => by_type.then_with(|| one.cmp(other)),
        _ => by_type.then_with(by_version),
    };
    let by_content = || has_headers_only(one).cmp(&has_headers_only(other));
    by_package.then_with(by_content).then_with(by_standing)
}

/// Tells whether the answers to the same questions are the same for both components.
fn is_alike(questions: &[Question], one: &Component, other: &Component) -> bool {
    compare(questions, one, other) == Ordering::Equal
}

/// Tells whether two components are one package and version in two places.
fn is_copy(one: &Component, other: &Component) -> bool {
    one.package.name == other.package.name
        && one.package.version == other.package.version
        && one.purl == other.purl
        && one.ecosystem == other.ecosystem
}

#[cfg(test)]
mod tests;
