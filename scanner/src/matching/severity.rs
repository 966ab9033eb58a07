//! How bad a weakness is for one component: which of several statements counts, and whose it is.
//!
//! The distribution's own word first, then GitHub's record, then the newest generation of CVSS; only
//! where no matching record says anything, a record on the same CVE; only without one, NVD's files.
//! Never the worst of several. How bad it is elsewhere says nothing of a package of which its
//! distribution does not know yet whether it has the weakness. Called for each finding.

use std::collections::BTreeSet;

use sluicegate_model::advisory::{Advisory, SeverityBasis, Triage};
use sluicegate_model::package::Package;
use sluicegate_model::severity::Severity;

use crate::feeds::FeedIndex;
use crate::feeds::cve::CveNumber;

/// Who is named where a severity comes from NVD's files.
const NVD: &str = "NVD";

/// A severity with who said so.
#[derive(Clone, Debug, Default, PartialEq)]
pub(super) struct Rated {
    pub(super) severity: Severity,
    pub(super) source: Option<String>,
    /// The CVSS base score, 0 to 10.
    pub(super) cvss: Option<f64>,
}

/// Chooses among the records that matched, then among those on the same CVEs.
pub(super) fn rate(
    package: &Package,
    advisories: &[&Advisory],
    cves: &BTreeSet<CveNumber>,
    feeds: &FeedIndex,
) -> Rated {
    let is_system = package.package_type.is_operating_system();
    let is_open = |advisory: &&Advisory| advisory.triage == Triage::Undetermined;
    let is_open = advisories.iter().all(is_open);
    let stated = advisories.iter().filter_map(|advisory| {
        let basis = advisory.basis?;
        let is_vendors_word = is_system && basis == SeverityBasis::Word;
        if is_open && !is_vendors_word {
            return None;
        }
        let is_github = advisory.id.starts_with("GHSA-");
        Some((
            (!is_vendors_word, !is_github, basis, &advisory.id),
            advisory,
        ))
    });
    if let Some(((_, _, basis, id), advisory)) = stated.min_by_key(|(trust, _)| *trust) {
        return Rated {
            severity: advisory.severity,
            source: Some(named(basis, id)),
            cvss: advisory.cvss,
        };
    }
    if is_open {
        return Rated::default();
    }
    if let Some(rating) = cves.iter().find_map(|cve| feeds.rating(*cve)) {
        return Rated {
            severity: rating.severity,
            source: Some(format!("alias {}", named(rating.basis, &rating.record))),
            cvss: rating.cvss,
        };
    }
    let by_nvd = cves.iter().find_map(|cve| feeds.nvd_severity(*cve));
    by_nvd.map_or_else(Rated::default, |(severity, score)| Rated {
        severity,
        source: Some(NVD.to_owned()),
        cvss: Some(score),
    })
}

fn named(basis: SeverityBasis, record: &str) -> String {
    match basis.vector() {
        Some(vector) => format!("{vector} of {record}"),
        None => record.to_owned(),
    }
}
