//! From a scanned image to the upgrades after which policies would allow it: the same that judges it is
//! asked about it as it would be.

use std::cmp::Ordering;

use jiff::Timestamp;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::PackageType;
use sluicegate_policy::PolicySet;
use sluicegate_remedy::judging::{Judged, Judges};
use sluicegate_remedy::search;
use sluicegate_remedy::step::Remedy;
use sluicegate_scanner::{KnownPackages, compare_versions, with_archives_named};

use super::verdict::{Image, asks_for_licences, note_unlooked, reported, subject};
use crate::scan::Scanned;
use crate::snapshots::Advisories;

/// By what an image is judged.
struct Asked<'a> {
    image: &'a Image,
    scanned: &'a Scanned,
    policies: &'a PolicySet,
    feeds: &'a Advisories,
    known: &'a KnownPackages,
    asks_for_licences: bool,
    now: Timestamp,
}

/// Finds the upgrades after which policies would allow what was scanned.
pub fn remedy(
    image: &Image,
    scanned: &Scanned,
    (policies, feeds): (&PolicySet, &Advisories),
    known: &KnownPackages,
    now: Timestamp,
) -> Remedy {
    let asked = Asked {
        image,
        scanned,
        policies,
        feeds,
        known,
        asks_for_licences: asks_for_licences(policies, &image.scope),
        now,
    };
    let named = with_archives_named(&scanned.inventory, &feeds.index);
    let mut named = named.into_owned();
    if named.components != scanned.inventory.components {
        // They would be named once more, at the version that they have now.
        named.archives.clear();
    }
    search::remedy(&named, &asked)
}

impl Judges for Asked<'_> {
    fn judge(&self, inventory: &Inventory) -> Judged {
        let asks = self.asks_for_licences;
        let mut report = reported(inventory, self.feeds, asks, self.known, self.now);
        note_unlooked(&mut report, inventory, self.policies, &self.image.scope);
        let outcome = sluicegate_policy::decide(
            self.policies,
            &subject(self.image, self.scanned),
            report,
            &self.feeds.standing,
            compare_versions,
            self.now,
        );
        let mut findings: Vec<_> = outcome.report.findings.into_iter().map(Some).collect();
        let refused = outcome.refusing.findings.into_iter();
        let others = outcome.refusing.others.into_iter();
        Judged {
            decision: outcome.decision,
            refused: refused
                .filter_map(|at| findings.get_mut(at).and_then(Option::take))
                .collect(),
            otherwise: others
                .map(|reason| (reason.rule.as_str().to_owned(), reason.message))
                .collect(),
        }
    }

    fn is_at_least(&self, package_type: PackageType, version: &str, other: &str) -> bool {
        let order = compare_versions(package_type.purl_type(), version, other);
        matches!(order, Some(Ordering::Equal | Ordering::Greater))
    }
}

#[cfg(test)]
mod tests;
