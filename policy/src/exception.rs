//! Exceptions: a finding that somebody answers for, in named images, until a date.

use std::collections::HashMap;

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sluicegate_model::finding::Finding;
use sluicegate_model::{Audience, Digest};

use crate::binding::tag_word;
use crate::conditions::Moment;
use crate::pattern::ImagePattern;
use crate::purl::{PurlPattern, SplitPurl};
use sluicegate_model::glob::Glob;

/// A checked exception.
#[derive(Debug)]
pub(crate) struct Exception {
    pub name: String,
    pub text: String,
    pub id: String,
    pub purls: Vec<PurlPattern>,
    pub images: Vec<ImagePattern>,
    pub paths: Vec<Glob>,
    /// None never expires: only entries of `.trivyignore` files may do that.
    pub expires_at: Option<Timestamp>,
}

impl Exception {
    /// Tells whether it is about images of a repository, by its canonical name, or one of them.
    pub(crate) fn covers_repository(&self, repository: &str) -> bool {
        let mut images = self.images.iter();
        self.images.is_empty() || images.any(|image| image.matches_repository(repository))
    }

    /// Tells whether it is about an image for these askers; by a tag it is where that is known.
    pub(crate) fn covers(&self, repository: &str, digest: &Digest, audience: &Audience) -> bool {
        let mut images = self.images.iter();
        let is_by_tag = || audience.knows_tag() && audience.bindings().contains(&self.word());
        self.images.is_empty()
            || images.any(|image| {
                image.matches(repository, Some(digest)) && (image.tags().is_none() || is_by_tag())
            })
    }

    /// Gives what an audience says whose tag it means.
    pub(crate) fn word(&self) -> String {
        tag_word("exception", &self.name)
    }

    /// Tells whether the exception is about this finding, expired or not.
    pub(crate) fn names(&self, finding: &Finding) -> bool {
        let by_id = finding.id == self.id
            || finding.aliases.contains(&self.id)
            || finding.advisories.contains(&self.id);
        by_id
            && (self.purls.is_empty() || self.names_package(&finding.package.purl))
            && (self.paths.is_empty() || self.names_every_place(finding))
    }

    fn names_package(&self, purl: &str) -> bool {
        let purl = SplitPurl::of(purl);
        self.purls.iter().any(|wanted| wanted.matches(&purl))
    }

    /// Tells whether every place of the finding is meant: one that stands for copies elsewhere, or
    /// for more than it names, stays as it is.
    fn names_every_place(&self, finding: &Finding) -> bool {
        let is_meant = |place: &str| self.paths.iter().any(|wanted| wanted.matches(place));
        finding.names_every_place() && finding.places().all(is_meant)
    }

    pub(crate) fn is_in_force(&self, now: Timestamp) -> bool {
        self.expires_at.is_none_or(|end| now < end)
    }
}

/// Exceptions that are in force, by the name that each gives a weakness.
pub(crate) struct InForce<'a>(HashMap<&'a str, Vec<(usize, &'a Exception)>>);

impl<'a> InForce<'a> {
    pub(crate) fn of(exceptions: &[&'a Exception], now: Timestamp) -> Self {
        let mut by_id: HashMap<&str, Vec<_>> = HashMap::new();
        let in_force = exceptions.iter().enumerate();
        for (place, exception) in in_force.filter(|(_, it)| it.is_in_force(now)) {
            let same = by_id.entry(&exception.id).or_default();
            same.push((place, *exception));
        }
        Self(by_id)
    }

    /// Lists those on a finding, in the order of the set.
    pub(crate) fn on(&self, finding: &Finding) -> Vec<&'a Exception> {
        let names = finding.aliases.iter().chain(&finding.advisories);
        let names = std::iter::once(&finding.id).chain(names);
        let mut found: Vec<(usize, &Exception)> = names
            .filter_map(|name| self.0.get(name.as_str()))
            .flatten()
            .copied()
            .collect();
        found.sort_unstable_by_key(|(place, _)| *place);
        found.dedup_by_key(|(place, _)| *place);
        let found = found.into_iter().map(|(_, exception)| exception);
        found.filter(|exception| exception.names(finding)).collect()
    }

    /// Names the first one on each finding, and notes when that will change.
    pub(crate) fn cover(&self, findings: &mut [Finding], moment: &Moment) {
        for finding in findings {
            let covering = self.on(finding);
            finding.exception = covering.first().map(|exception| exception.name.clone());
            for end in covering.iter().filter_map(|it| it.expires_at) {
                moment.note(end);
            }
        }
    }
}

/// Says that a text is no date: the fault of whoever wrote it.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no date, such as 2027-01-31")]
pub(crate) struct NotADate(String);

/// Reads a date, meaning the end of that day in UTC, or an instant.
pub(crate) fn parse_expiry(text: &str) -> Result<Timestamp, NotADate> {
    if let Ok(instant) = text.parse::<Timestamp>() {
        return Ok(instant);
    }
    let wanted = || NotADate(text.to_owned());
    let date: Date = text.parse().map_err(|_| wanted())?;
    let next_day = date.tomorrow().map_err(|_| wanted())?;
    let midnight = next_day.at(0, 0, 0, 0);
    TimeZone::UTC.to_timestamp(midnight).map_err(|_| wanted())
}
