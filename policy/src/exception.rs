//! Exceptions: a finding that somebody answers for, in named images, until a date.

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sluicegate_model::Repository;
use sluicegate_model::finding::Finding;

use crate::rules::PurlPattern;
use sluicegate_model::glob::Glob;

/// A checked exception.
#[derive(Debug)]
pub(crate) struct Exception {
    pub name: String,
    pub text: String,
    pub id: String,
    pub purls: Vec<PurlPattern>,
    pub images: Vec<Glob>,
    pub paths: Vec<Glob>,
    /// None never expires: only entries of `.trivyignore` files may do that.
    pub expires_at: Option<Timestamp>,
}

impl Exception {
    pub(crate) fn covers_repository(&self, repository: &Repository) -> bool {
        self.covers(&repository.to_string())
    }

    /// Tells whether it is about images of a repository, by its canonical name.
    pub(crate) fn covers(&self, repository: &str) -> bool {
        self.images.is_empty() || self.images.iter().any(|image| image.matches(repository))
    }

    /// Tells whether the exception is about this finding, expired or not.
    pub(crate) fn names(&self, finding: &Finding) -> bool {
        let by_id = finding.id == self.id
            || finding.aliases.contains(&self.id)
            || finding.advisories.contains(&self.id);
        let purl = &finding.package.purl;
        by_id
            && (self.purls.is_empty() || self.purls.iter().any(|wanted| wanted.matches(purl)))
            && (self.paths.is_empty() || self.names_every_place(finding))
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
