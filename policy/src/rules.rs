//! Checked policies and their rules.

use jiff::SignedDuration;
use sluicegate_model::artifact::ArtifactKind;
use sluicegate_model::finding::{Finding, FindingKind};
use sluicegate_model::report::Knowledge;
use sluicegate_model::signature::Signatures;
use sluicegate_model::verdict::{Decision, RuleId};
use sluicegate_signatures::PublicKey;

use crate::attached::KeyFile;
use crate::conditions::{Block, Candidate, Conditions, Moment};
use crate::image::{ImageConditions, SeenImage, Stated};
use crate::vex::Vex;

/// A ceiling for everything a policy decides.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Mode {
    Enforce,
    Annotate,
    Audit,
}

/// How old what is known may be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum MaxAge {
    /// As long as each family is silent by its own rhythm.
    Auto,
    /// So long, whatever the family.
    Of(SignedDuration),
}

impl MaxAge {
    pub(crate) fn of(self, known: &Knowledge) -> SignedDuration {
        match self {
            Self::Auto => known.usual_silence(),
            Self::Of(age) => age,
        }
    }
}

/// A checked policy.
#[derive(Debug)]
pub(crate) struct Policy {
    pub name: String,
    pub text: String,
    pub mode: Mode,
    pub on_partial: Decision,
    pub on_unscannable: Decision,
    pub max_feed_age: Option<(MaxAge, Decision)>,
    pub artifacts_default: Decision,
    pub artifacts_allowed: Vec<ArtifactKind>,
    /// Whether images are refused that none of its rules allows.
    pub is_allow_list: bool,
    pub rules: Vec<Rule>,
    /// What authors whom it believes say of findings.
    pub vex: Vex,
    /// The keys whose documents it hears that are attached to images.
    pub trust_vex: Vec<PublicKey>,
    /// The files of the keys that it names.
    pub key_files: Vec<KeyFile>,
    /// The delegation in whose directory it lies.
    pub delegated_by: Option<String>,
}

impl Policy {
    /// Tells whether it may refuse a name alone.
    pub(crate) fn decides_by_name(&self) -> bool {
        let mut rules = self.rules.iter();
        self.is_allow_list || rules.any(|rule| rule.image.is_some() && !rule.is_on_findings)
    }

    /// Tells whether it asks for tags or digests anywhere.
    pub(crate) fn names_references(&self) -> bool {
        self.rules.iter().any(Rule::names_references)
    }

    /// Tells whether it lists tags or digests that are allowed.
    pub(crate) fn lists_references(&self) -> bool {
        self.is_allow_list && self.names_references()
    }

    /// Lists what its rules ask of signatures.
    pub(crate) fn stated(&self) -> impl Iterator<Item = &Stated> {
        let images = self.rules.iter().filter_map(|rule| rule.image.as_ref());
        images.flat_map(ImageConditions::stated)
    }

    /// Gives what the keys that it trusts say of an image.
    pub(crate) fn heard(&self, known: Option<&Signatures>) -> Vex {
        let keys = self.trust_vex.iter().map(|key| key.id().clone());
        Vex::heard(&keys.collect(), known)
    }

    /// Lowers a decision to what the mode lets through.
    pub(crate) fn ceiling(&self, asked: Decision) -> Decision {
        match self.mode {
            Mode::Enforce => asked,
            Mode::Annotate => asked.min(Decision::Annotate),
            Mode::Audit => Decision::Allow,
        }
    }
}

/// A checked rule.
#[derive(Debug)]
pub(crate) struct Rule {
    pub id: RuleId,
    pub action: Decision,
    pub message: Option<Template>,
    /// How long digests that were served before it hit them keep working.
    pub grace: Option<SignedDuration>,
    /// How old the digest may be that a tag answers with in place of one which it refuses; none where
    /// no other does.
    pub fallback: Option<SignedDuration>,
    /// Which findings it chooses; all that rules see unasked where it is empty.
    pub when: Conditions,
    /// Which of those it spares.
    pub unless: Option<Conditions>,
    /// Whether it speaks of findings: it has a `when` or an `unless`.
    pub is_on_findings: bool,
    /// Which images it speaks of; all of them where it is absent.
    pub image: Option<ImageConditions>,
}

impl Rule {
    /// Tells whether it hits a finding.
    pub(crate) fn hits(&self, candidate: &Candidate<'_>, moment: &Moment) -> bool {
        let is_spared = |unless: &Conditions| unless.hold(candidate, Block::Unless, moment);
        self.when.hold(candidate, Block::When, moment)
            && !self.unless.as_ref().is_some_and(is_spared)
    }

    /// Tells whether it asks for findings of a kind by its name.
    pub(crate) fn asks_for(&self, kind: FindingKind) -> bool {
        self.is_on_findings && self.when.ask_for(kind)
    }

    /// Tells whether it speaks of an image. What is not known of one makes no rule weaker: whatever
    /// refuses or annotates speaks, and what allows does not.
    pub(crate) fn means(&self, image: &SeenImage<'_>, moment: &Moment) -> bool {
        let holds = |conditions: &ImageConditions| conditions.hold(image, moment);
        let holds = self.image.as_ref().map_or(Some(true), holds);
        holds.unwrap_or(self.action != Decision::Allow)
    }

    /// Tells whether it speaks of an image, or may.
    pub(crate) fn may_mean(&self, image: &SeenImage<'_>, moment: &Moment) -> bool {
        let conditions = self.image.as_ref();
        conditions.is_none_or(|it| it.hold(image, moment) != Some(false))
    }

    /// Tells whether it asks for a tag or a digest, which requests have and verdicts have not.
    pub(crate) fn names_references(&self) -> bool {
        let image = self.image.as_ref();
        image.is_some_and(ImageConditions::name_references)
    }

    /// Tells whether it hits whatever the other does.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let is_alike = self.is_on_findings == other.is_on_findings;
        let means_as_much = self.image.is_none() || self.image == other.image;
        if !is_alike || !means_as_much {
            return false;
        }
        let spares_no_more = self.unless.is_none() || self.unless == other.unless;
        spares_no_more && self.when.covers(&other.when)
    }

    /// Tells whether it hits every finding that rules see unasked.
    pub(crate) fn hits_everything(&self) -> bool {
        self.is_on_findings && self.image.is_none() && self.unless.is_none() && self.when.is_empty()
    }

    /// Tells whether it spares whatever it chooses, as far as is known.
    pub(crate) fn spares_everything(&self) -> bool {
        let unless = self.unless.as_ref();
        unless.is_some_and(|unless| unless.spare_all_of(&self.when))
    }
}

/// A rule's message with places to fill in from its worst finding.
#[derive(Debug)]
pub(crate) struct Template(String);

impl Template {
    /// What a message can fill in.
    const PLACES: [&'static str; 5] = ["id", "package", "version", "severity", "fixed"];

    pub(crate) fn parse(text: &str) -> Result<Self, UnknownPlace> {
        for part in text.split('{').skip(1) {
            let place = part.split_once('}').map(|(place, _)| place);
            if !place.is_some_and(|place| Self::PLACES.contains(&place)) {
                return Err(UnknownPlace);
            }
        }
        Ok(Self(text.to_owned()))
    }

    /// Gives it where nothing is to be filled in.
    pub(crate) fn plain(&self) -> Option<&str> {
        (!self.0.contains('{')).then_some(&*self.0)
    }

    /// Fills in the worst finding. What a finding holds is never taken for a place.
    pub(crate) fn filled(&self, worst: &Finding) -> String {
        let mut parts = self.0.split('{');
        let mut text = parts.next().unwrap_or_default().to_owned();
        for part in parts {
            let (place, after) = part.split_once('}').unwrap_or((part, ""));
            text.push_str(match place {
                "id" => &worst.id,
                "package" => &worst.package.name,
                "version" => &worst.package.version,
                "severity" => worst.severity.as_str(),
                _ => worst.fixed.as_deref().unwrap_or("no fix"),
            });
            text.push_str(after);
        }
        text
    }
}

/// Says that a message names a place that nothing can fill.
#[derive(Debug, thiserror::Error)]
#[error("a message can fill in {{{places}}} only", places = Template::PLACES.join("}, {"))]
pub(crate) struct UnknownPlace;
