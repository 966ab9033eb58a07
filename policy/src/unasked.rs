//! What is left out of a decision: licences that no rule hits.
//!
//! Every package has one, so that a verdict would list the whole image. A licence that no rule hits
//! says nothing, and one that is hit stays, whatever spares it.

use std::mem;

use sluicegate_model::finding::{Finding, FindingKind};

use crate::conditions::{Candidate, Moment};
use crate::image::SeenImage;
use crate::rules::{Policy, Rule};

/// Takes the licences out of findings that no rule hits, and gives them in their order.
pub(crate) fn take(
    findings: &mut Vec<Finding>,
    policies: &[&Policy],
    image: &SeenImage<'_>,
    moment: &Moment,
) -> Vec<Finding> {
    let is_licence = |finding: &Finding| finding.kind == FindingKind::Licence;
    if !findings.iter().any(is_licence) {
        return Vec::new();
    }
    let rules = policies.iter().flat_map(|policy| &policy.rules);
    let asking = |rule: &&Rule| rule.asks_for(FindingKind::Licence) && rule.means(image, moment);
    let asking: Vec<&Rule> = rules.filter(asking).collect();
    let is_hit = |finding: &Finding| {
        let candidate = Candidate::of(finding);
        asking.iter().any(|rule| rule.hits(&candidate, moment))
    };
    let all = mem::take(findings);
    let (kept, taken) = all
        .into_iter()
        .partition(|finding| !is_licence(finding) || is_hit(finding));
    *findings = kept;
    taken
}
