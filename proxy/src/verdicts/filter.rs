//! What a list of verdicts is asked for, and what it answers.

use jiff::Timestamp;
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Digest, Repository};

/// Which verdicts are wanted; every field that is set must fit.
#[derive(Clone, Debug, Default)]
pub struct VerdictFilter {
    /// Those of this repository.
    pub repository: Option<Repository>,
    /// Those of this manifest.
    pub digest: Option<Digest>,
    /// Those that came out like this.
    pub decision: Option<Decision>,
    /// Those with a finding of this id or alias, upper or lower case.
    pub vulnerability: Option<String>,
    /// Those with a finding in a package of this name, upper or lower case.
    pub package: Option<String>,
    /// Those decided at this instant or later.
    pub since: Option<Timestamp>,
    /// Those decided before this instant.
    pub until: Option<Timestamp>,
}

/// One page of a list.
#[derive(Clone, Debug, PartialEq)]
pub struct Page<T> {
    /// The items.
    pub items: Vec<T>,
    /// Where the next page starts; none on the last one.
    pub next: Option<String>,
}

impl VerdictFilter {
    /// Tells whether a verdict is wanted.
    pub fn accepts(&self, verdict: &Verdict) -> bool {
        let decided = verdict.provenance.decided_at;
        fits(self.repository.as_ref(), |wanted| {
            *wanted == verdict.repository
        }) && fits(self.digest.as_ref(), |wanted| *wanted == verdict.digest)
            && fits(self.decision, |wanted| wanted == verdict.decision)
            && fits(self.since, |since| decided >= since)
            && fits(self.until, |until| decided < until)
            && fits(self.vulnerability.as_ref(), |wanted| {
                verdict.findings.iter().any(|finding| {
                    std::iter::once(&finding.id)
                        .chain(&finding.aliases)
                        .chain(&finding.advisories)
                        .any(|id| id.eq_ignore_ascii_case(wanted))
                })
            })
            && fits(self.package.as_ref(), |wanted| {
                verdict
                    .findings
                    .iter()
                    .any(|finding| finding.package.name.eq_ignore_ascii_case(wanted))
            })
    }
}

fn fits<T>(wanted: Option<T>, test: impl FnOnce(T) -> bool) -> bool {
    wanted.is_none_or(test)
}
