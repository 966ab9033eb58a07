//! Which findings are shown. What is hidden was judged all the same.

use std::borrow::Cow;

use sluicegate_model::finding::{Finding, FindingStatus, QuietedBy};
use sluicegate_model::severity::Severity;
use sluicegate_model::verdict::Verdict;

/// Says why a finding does not bear on the image; nothing where it does.
pub(super) fn why_not(finding: &Finding) -> Option<&str> {
    let by = finding.quieted_by.map(|by| match by {
        QuietedBy::Owner => {
            "the advisories on the system's package that owns the file say that it is mended"
        }
    });
    let is_absent = finding.status == FindingStatus::NotAffected;
    let absent = || {
        finding
            .detail
            .as_deref()
            .unwrap_or("what has it is not there")
    };
    by.or_else(|| is_absent.then(absent))
}

/// Says why a finding does not count for policies, where an author of a VEX document says so.
pub(super) fn said_of(finding: &Finding) -> Option<String> {
    let said = finding.vex.iter().map(|statement| {
        let (file, policies) = (&statement.file, statement.policies.join(", "));
        format!("{statement}, in {file}, for policy {policies}")
    });
    let said: Vec<String> = said.collect();
    (!said.is_empty()).then(|| said.join("; "))
}

/// Which findings are to be seen; every condition that is set must hold.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct View {
    /// Those of these severities; of every one where none is named.
    pub severities: Vec<Severity>,
    /// Those with a fix.
    pub fixable: bool,
    /// Those known to be exploited.
    pub kev: bool,
    /// Every row, however many there are.
    pub all: bool,
}

impl View {
    /// Tells whether a finding is to be seen.
    pub fn shows(&self, finding: &Finding) -> bool {
        let fits = self.severities.is_empty() || self.severities.contains(&finding.severity);
        fits && (!self.fixable || finding.fixed.is_some()) && (!self.kev || finding.kev)
    }

    /// Gives a verdict with the findings that are to be seen.
    pub fn of<'a>(&self, verdict: &'a Verdict) -> Cow<'a, Verdict> {
        if verdict.findings.iter().all(|finding| self.shows(finding)) {
            return Cow::Borrowed(verdict);
        }
        let mut seen = verdict.clone();
        seen.findings.retain(|finding| self.shows(finding));
        Cow::Owned(seen)
    }

    /// Counts the findings that are not to be seen.
    pub fn hides(&self, verdict: &Verdict) -> usize {
        let hidden = verdict
            .findings
            .iter()
            .filter(|finding| !self.shows(finding));
        hidden.count()
    }

    /// Names the conditions as the command line does.
    pub fn flags(&self) -> Vec<String> {
        let mut flags = Vec::new();
        if !self.severities.is_empty() {
            let severities = self.severities.iter().map(ToString::to_string);
            let severities: Vec<String> = severities.collect();
            flags.push(format!("--severity {}", severities.join(",")));
        }
        if self.fixable {
            flags.push("--fixable".to_owned());
        }
        if self.kev {
            flags.push("--kev".to_owned());
        }
        flags
    }
}

#[cfg(test)]
mod tests {
    use sluicegate_model::samples;

    use super::*;

    #[test]
    fn what_does_not_bear_on_the_image_says_why() {
        let plain = samples::verdict().findings.remove(0);
        assert_eq!(why_not(&plain), None);
        let absent = Finding {
            status: FindingStatus::NotAffected,
            detail: Some("not linked".to_owned()),
            ..plain.clone()
        };
        assert_eq!(why_not(&absent), Some("not linked"));
        let quieted = Finding {
            quieted_by: Some(QuietedBy::Owner),
            ..plain
        };
        assert!(why_not(&quieted).is_some_and(|why| why.contains("mended")));
    }

    #[test]
    fn every_condition_must_hold() {
        let verdict = samples::verdict();
        let shown = |view: View| {
            let seen = view.of(&verdict);
            assert_eq!(
                seen.findings.len() + view.hides(&verdict),
                verdict.findings.len()
            );
            assert_eq!(seen.decision, verdict.decision);
            let ids = seen.findings.iter().map(|finding| finding.id.clone());
            ids.collect::<Vec<String>>()
        };
        assert_eq!(shown(View::default()).len(), 4);
        let fixable = View {
            fixable: true,
            ..View::default()
        };
        assert_eq!(shown(fixable.clone()).len(), 3);
        let kev = View {
            kev: true,
            ..fixable
        };
        assert_eq!(shown(kev.clone()), ["CVE-2021-44228"]);
        let none = View {
            severities: vec![Severity::High, Severity::Unknown],
            ..kev
        };
        assert!(shown(none.clone()).is_empty());
        let flags = ["--severity high,unknown", "--fixable", "--kev"];
        assert_eq!(none.flags(), flags);
    }
}
