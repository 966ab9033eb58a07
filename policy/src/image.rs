//! Conditions on an image, which need no finding: what it is called, how it was built, since when it
//! is known here, what of it could not be looked at, who signed it.
//!
//! Each holds, does not hold, or is not known: before anything is fetched little more than the name
//! is. Whoever asks says what that means.

use std::collections::BTreeSet;

use jiff::{SignedDuration, Timestamp};
use sluicegate_model::artifact::{ArtifactKind, Content};
use sluicegate_model::coverage::{Coverage, GapKind};
use sluicegate_model::glob::Glob;
use sluicegate_model::run_config::RunConfig;
use sluicegate_model::signature::{Signatures, Statement};
use sluicegate_model::{Digest, Tag};
use sluicegate_signatures::PublicKey;

use crate::conditions::Moment;
use crate::words;

/// Conditions that must all hold for the same image; an absent one holds.
#[derive(Clone, Debug, Default, PartialEq)]
pub(crate) struct ImageConditions {
    pub repositories: Option<Vec<Glob>>,
    pub tags: Option<Vec<Glob>>,
    /// Whether the name has a digest.
    pub digest_only: Option<bool>,
    pub created_before: Option<Before>,
    pub is_root: Option<bool>,
    /// Labels with patterns of their values, all of which must be there.
    pub labels: Option<Vec<(String, Glob)>>,
    pub first_seen_within: Option<SignedDuration>,
    /// Kinds of gaps, of which one must be there.
    pub gap: Option<Vec<GapKind>>,
    /// Who has signed it.
    pub signed_by: Option<Stated>,
    /// Who says something else of it.
    pub attested_by: Option<Stated>,
    /// Conditions that must not all hold.
    pub unless: Option<Box<Self>>,
}

/// What is said of an image, and the keys of which one has to say it.
#[derive(Clone, Debug, PartialEq)]
pub(crate) struct Stated {
    pub statement: Statement,
    pub keys: Vec<PublicKey>,
}

impl Stated {
    fn holds(&self, facts: &ImageFacts<'_>) -> Option<bool> {
        let keys: BTreeSet<Digest> = self.keys.iter().map(|key| key.id().clone()).collect();
        facts.signatures?.say(&self.statement, &keys)
    }
}

/// A day or an instant that is fixed, or one that follows the present.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(crate) enum Before {
    Instant(Timestamp),
    Age(SignedDuration),
}

/// How an image is asked for in its repository.
#[derive(Clone, Copy, Debug)]
pub enum AskedName<'a> {
    /// By a tag.
    Tag(&'a Tag),
    /// By a digest.
    Digest {
        /// The digest.
        digest: &'a Digest,
        /// Whether a name that was allowed has led to it, for the same askers and under the same
        /// policies.
        was_led_to: bool,
    },
}

/// An image, as far as it is known.
#[derive(Clone, Copy, Debug)]
pub(crate) struct SeenImage<'a> {
    /// The canonical repository.
    pub repository: &'a str,
    /// How it is asked for; none where that is not known.
    pub name: Option<AskedName<'a>>,
    /// What it is and holds; none before it was fetched.
    pub facts: Option<ImageFacts<'a>>,
}

/// What is known of an image once it was fetched.
#[derive(Clone, Copy, Debug)]
pub(crate) struct ImageFacts<'a> {
    pub content: Content,
    /// When it was built, as its author says.
    pub created: Option<Timestamp>,
    pub run: Option<&'a RunConfig>,
    /// Since when it is known here.
    pub first_seen: Option<Timestamp>,
    pub coverage: &'a Coverage,
    /// What is known of who signed it; none where nobody could look.
    pub signatures: Option<&'a Signatures>,
}

impl ImageConditions {
    /// Tells whether they ask for more of a name than the repository.
    pub(crate) fn name_references(&self) -> bool {
        let inner = self.unless.as_deref();
        self.tags.is_some()
            || self.digest_only.is_some()
            || inner.is_some_and(Self::name_references)
    }

    /// Tells whether they ask for nothing but names.
    pub(crate) fn name_alone(&self) -> bool {
        let inner = self.unless.as_deref();
        !self.asks_for_facts() && inner.is_none_or(Self::name_alone)
    }

    /// Tells whether all of them hold; none where that is not known. Of an artifact those that ask how
    /// an image was built do not, and those that ask who signed it do not of what is attached to another
    /// manifest: a signature has none itself.
    pub(crate) fn hold(&self, image: &SeenImage<'_>, moment: &Moment) -> Option<bool> {
        let content = image.facts.map(|facts| facts.content);
        let is_artifact = content.is_some_and(|content| content != Content::Image);
        let is_attached = content
            .and_then(Content::artifact)
            .is_some_and(ArtifactKind::is_attached);
        if (is_artifact && self.asks_of_build()) || (is_attached && self.asks_who_signed()) {
            return Some(false);
        }
        let named = |wanted: &[Glob], text: &str| wanted.iter().any(|glob| glob.matches(text));
        let is_tag = |wanted: &Vec<Glob>| match image.name? {
            AskedName::Tag(tag) => Some(named(wanted, tag.as_str())),
            AskedName::Digest { .. } => Some(false),
        };
        let is_digest =
            |wanted: bool| Some(matches!(image.name?, AskedName::Digest { .. }) == wanted);
        let repository = self.repositories.as_ref();
        let of_facts = || match image.facts {
            Some(facts) => self.hold_for_facts(&facts, moment),
            None if self.asks_for_facts() => None,
            None => Some(true),
        };
        let unless = self.unless.as_deref();
        all([
            repository.map_or(Some(true), |wanted| Some(named(wanted, image.repository))),
            self.tags.as_ref().map_or(Some(true), is_tag),
            self.digest_only.map_or(Some(true), is_digest),
            of_facts(),
            unless.map_or(Some(true), |unless| {
                unless.hold(image, moment).map(|holds| !holds)
            }),
        ])
    }

    /// Tells whether they ask how an image was built, which no artifact was.
    fn asks_of_build(&self) -> bool {
        let inner = self.unless.as_deref();
        self.created_before.is_some()
            || self.is_root.is_some()
            || self.labels.is_some()
            || inner.is_some_and(Self::asks_of_build)
    }

    /// Tells whether they ask who signed an image.
    pub(crate) fn asks_who_signed(&self) -> bool {
        self.stated().next().is_some()
    }

    /// Lists what they ask of signatures.
    pub(crate) fn stated(&self) -> Box<dyn Iterator<Item = &Stated> + '_> {
        let own = self.signed_by.iter().chain(&self.attested_by);
        let inner = self.unless.iter();
        Box::new(own.chain(inner.flat_map(|inner| inner.stated())))
    }

    fn asks_for_facts(&self) -> bool {
        self.created_before.is_some()
            || self.is_root.is_some()
            || self.labels.is_some()
            || self.first_seen_within.is_some()
            || self.gap.is_some()
            || self.signed_by.is_some()
            || self.attested_by.is_some()
    }

    fn hold_for_facts(&self, facts: &ImageFacts<'_>, moment: &Moment) -> Option<bool> {
        let has_gap = |kinds: &Vec<GapKind>| {
            let mut gaps = facts.coverage.gaps.iter();
            Some(gaps.any(|gap| kinds.contains(&gap.kind)))
        };
        let is_new = |age| Some(!moment.is_past(facts.first_seen?, age));
        let is_old = |before| is_before(before, facts.created, moment);
        let is_root = |wanted| Some(facts.run?.is_root() == wanted);
        let is_labelled = |wanted: &Vec<(String, Glob)>| has_labels(wanted, facts.run);
        let is_stated = |stated: &Stated| stated.holds(facts);
        all([
            self.created_before.map_or(Some(true), is_old),
            self.is_root.map_or(Some(true), is_root),
            self.labels.as_ref().map_or(Some(true), is_labelled),
            self.first_seen_within.map_or(Some(true), is_new),
            self.gap.as_ref().map_or(Some(true), has_gap),
            self.signed_by.as_ref().map_or(Some(true), is_stated),
            self.attested_by.as_ref().map_or(Some(true), is_stated),
        ])
    }
}

impl ImageConditions {
    /// Tells in words what they ask for.
    pub(crate) fn told(&self) -> String {
        let listed = |globs: &[Glob]| {
            let globs = globs.iter().map(|glob| words::word(&glob.to_string()));
            words::some_of(globs)
        };
        let labels = |labels: &Vec<(String, Glob)>| {
            let labels = labels.iter();
            let labels = labels.map(|(name, it)| words::word(&format!("{name}={it}")));
            format!("is labelled {}", words::some_of(labels))
        };
        let before = |before| match before {
            Before::Instant(at) => format!("was built before {at}"),
            Before::Age(age) => format!("was built more than {} ago", words::span(age)),
        };
        let gap = |kinds: &Vec<GapKind>| {
            let kinds: Vec<String> = kinds.iter().map(|kind| words::gap_kind(*kind)).collect();
            format!("has a gap of the kind {}", kinds.join(" or "))
        };
        let keys = |stated: &Stated| {
            let keys = stated.keys.iter().map(|key| words::key(key.id()));
            format!("the key {}", words::one_of(keys))
        };
        let by_digest = |is_by_digest| if is_by_digest { "a digest" } else { "a tag" };
        let parts = [
            self.repositories
                .as_deref()
                .map(|it| format!("is in {}", listed(it))),
            self.tags
                .as_deref()
                .map(|it| format!("has the tag {}", listed(it))),
            self.digest_only
                .map(|it| format!("is asked for by {}", by_digest(it))),
            self.created_before.map(before),
            self.is_root.map(|_| "runs as root".to_owned()),
            self.labels.as_ref().map(labels),
            self.first_seen_within
                .map(|age| format!("was first seen here less than {} ago", words::span(age))),
            self.gap.as_ref().map(gap),
            self.signed_by
                .as_ref()
                .map(|it| format!("is signed by {}", keys(it))),
            self.attested_by.as_ref().map(|it| {
                format!(
                    "has {} attested by {}",
                    words::word(it.statement.as_str()),
                    keys(it)
                )
            }),
            self.unless
                .as_deref()
                .map(|unless| format!("is none that {}", unless.told())),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        parts.join(" and ")
    }
}

fn has_labels(wanted: &[(String, Glob)], run: Option<&RunConfig>) -> Option<bool> {
    let labels = &run?.labels;
    let is_there = |(name, value): &(String, Glob)| {
        let label = labels.get(name);
        label.is_some_and(|label| value.matches(label))
    };
    Some(wanted.iter().all(is_there))
}

fn is_before(before: Before, created: Option<Timestamp>, moment: &Moment) -> Option<bool> {
    // A time that is still to come is none: nothing was built then.
    let created = created.filter(|at| moment.is_here(*at))?;
    Some(match before {
        Before::Instant(at) => created < at,
        Before::Age(age) => moment.is_past(created, age),
    })
}

/// Tells whether all of several are true; none where that depends on one that is not known.
fn all<const N: usize>(several: [Option<bool>; N]) -> Option<bool> {
    if several.contains(&Some(false)) {
        return Some(false);
    }
    (!several.contains(&None)).then_some(true)
}
