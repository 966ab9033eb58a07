//! What a rule asks of the licence that a package declares.
//!
//! Three outcomes: it needs a licence that is named, it can be had without, or nobody knows, which no
//! list of licences means.

use std::fmt;

use sluicegate_model::finding::{Finding, FindingKind};
use sluicegate_model::licence::{Licence, LicenceList};

/// What stands for a licence that is not declared, or cannot be read.
pub(crate) const UNKNOWN: &str = "unknown";

/// Licences that are meant.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(crate) struct LicenceCondition {
    pub listed: LicenceList,
    /// Whether those are meant that are not known.
    pub unknown: bool,
}

impl LicenceCondition {
    /// Tells whether a licence means that a package is chosen: it cannot be had without one that is
    /// named.
    pub(crate) fn chooses(&self, declared: Option<&Licence>) -> bool {
        declared.map_or(self.unknown, |it| it.needs(&self.listed))
    }

    /// Tells whether a licence means that a package is spared: those that are named are enough.
    pub(crate) fn spares(&self, declared: Option<&Licence>) -> bool {
        declared.map_or(self.unknown, |it| it.is_met_by(&self.listed))
    }

    /// Tells whether it chooses whatever the other does.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        (self.unknown || !other.unknown) && self.listed.covers(&other.listed)
    }

    /// Lists what is meant, as SPDX writes it.
    pub(crate) fn written(&self) -> Vec<String> {
        let unknown = self.unknown.then(|| UNKNOWN.to_owned());
        let listed = self.listed.written().iter().cloned();
        listed.chain(unknown).collect()
    }
}

/// Reads the licence that a finding is about; none where it is about something else, or nobody knows.
pub(crate) fn declared(finding: &Finding) -> Option<Licence> {
    let is_one = finding.kind == FindingKind::Licence;
    is_one.then(|| Licence::parse(&finding.id)).flatten()
}

/// The licence of a finding as people are told it.
pub(crate) struct Told<'a>(pub(crate) &'a Finding);

impl fmt::Display for Told<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Self(finding) = self;
        match declared(finding) {
            Some(licence) => licence.fmt(f),
            None if finding.kind == FindingKind::Licence => write!(f, "not known: {}", finding.id),
            None => f.write_str("none"),
        }
    }
}
