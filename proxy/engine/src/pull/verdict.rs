//! One scanned image, one policy set, one feed snapshot and one instant to a verdict.
//!
//! Pure: whose set and snapshot are the current ones is `judge`'s business. `inspect-image` calls
//! it too.

use std::collections::HashMap;

use crate::lacks::lacks_for;
use crate::scan::Scanned;
use crate::snapshots::Advisories;
use jiff::{SignedDuration, Timestamp};
use sluicegate_model::coverage::{Coverage, Gap, GapKind};
use sluicegate_model::finding::{Finding, FindingKind};
use sluicegate_model::image::Tag;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::report::Report;
use sluicegate_model::signature::Signatures;
use sluicegate_model::verdict::{Grace, Provenance, Verdict};
use sluicegate_model::weakness::{CONFIGURATION, SECRETS};
use sluicegate_model::{Digest, Scope};
use sluicegate_policy::{Explanation, Outcome, PolicySet, Subject};
use sluicegate_scanner::KnownPackages;
use sluicegate_scanner::feeds::FeedIndex;

/// How long a verdict stands on a scan that the time or the disk of this machine cut short.
const SCAN_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(5);

/// Most licences that a verdict lists, of those that rules hit.
const MAX_LICENCES: usize = 5_000;

/// Which image a verdict is on.
#[derive(Clone)]
pub struct Image {
    /// Where it is judged, and for whom.
    pub scope: Scope,
    /// The manifest's digest.
    pub digest: Digest,
    /// The tags it is known by.
    pub tags: Vec<Tag>,
    /// Since when it is known here; none where nobody keeps that.
    pub first_seen: Option<Timestamp>,
    /// The times that policies gave to it.
    pub graces: Vec<Grace>,
    /// What is known of who signed it; none where no policy asks, or nobody could look.
    pub signatures: Option<Signatures>,
}

/// Holds what was scanned against feeds and policies; `scanner` is by what it was read.
pub fn verdict(
    image: Image,
    scanned: &Scanned,
    (policies, feeds, scanner): (&PolicySet, &Advisories, &str),
    now: Timestamp,
) -> Verdict {
    let known = KnownPackages::default();
    verdict_knowing(image, scanned, (policies, feeds, scanner), &known, now).0
}

/// Does the same, by what is known of packages under these feeds already; with the times that rules
/// which refuse could give, and have never given.
pub fn verdict_knowing(
    image: Image,
    scanned: &Scanned,
    (policies, feeds, scanner): (&PolicySet, &Advisories, &str),
    known: &KnownPackages,
    now: Timestamp,
) -> (Verdict, Vec<Grace>) {
    let asks = asks_for_licences(policies, &image.scope);
    let mut report = reported(&scanned.inventory, feeds, asks, known, now);
    note_unlooked(&mut report, &scanned.inventory, policies, &image.scope);
    let outcome = sluicegate_policy::decide(
        policies,
        &subject(&image, scanned),
        report,
        &feeds.standing,
        sluicegate_scanner::compare_versions,
        now,
    );
    let mut report = outcome.report;
    name_sources(&mut report.findings, &scanned.inventory);
    let lacks = lacks_for(&feeds.index, &report.knowledge);
    let mut warnings = policies.unmet(Some(&image.scope), &lacks);
    warnings.extend(list_few_licences(&mut report.findings));
    let again = scanned_again_at(&report, now);
    let verdict = Verdict {
        digest: image.digest,
        repository: image.scope.repository,
        audience: image.scope.audience,
        domain: image.scope.domain,
        read_by: scanned.read_by.clone(),
        tags: image.tags,
        claimed_name: None,
        platform: report.platform,
        artifact: scanned.content.artifact(),
        decision: outcome.decision,
        policy: outcome.policy,
        valid_until: [outcome.valid_until, report.valid_until, again]
            .into_iter()
            .flatten()
            .min(),
        reasons: outcome.reasons,
        allowed_by: outcome.allowed_by,
        graces: image.graces,
        warnings,
        findings: report.findings,
        coverage: report.coverage,
        distro: report.distro,
        packages: report.packages,
        first_seen: image.first_seen,
        signatures: image.signatures,
        provenance: Provenance {
            scanner: scanner.to_owned(),
            feeds: report.feeds,
            feed_time: report.feed_time,
            scanned_at: scanned.scanned_at,
            decided_at: now,
            scan_ms: scanned.scan_ms,
        },
    };
    (verdict, outcome.ungiven)
}

/// Explains what policies say of what was scanned: every rule, hit or not.
pub(crate) fn explanation(
    image: &Image,
    scanned: &Scanned,
    (policies, feeds): (&PolicySet, &Advisories),
    known: &KnownPackages,
    now: Timestamp,
) -> Explanation {
    let asks = asks_for_licences(policies, &image.scope);
    let mut report = reported(&scanned.inventory, feeds, asks, known, now);
    note_unlooked(&mut report, &scanned.inventory, policies, &image.scope);
    sluicegate_policy::explain(
        policies,
        &subject(image, scanned),
        report,
        &feeds.standing,
        sluicegate_scanner::compare_versions,
        now,
    )
}

/// Decides by several sets of policies, each in a scope of its own, on what is found once.
pub(crate) fn outcomes(
    image: &Image,
    scanned: &Scanned,
    (sets, feeds): (&[(&PolicySet, &Scope)], &Advisories),
    known: &KnownPackages,
    now: Timestamp,
) -> Vec<Outcome> {
    let asks = (sets.iter()).any(|(set, scope)| asks_for_licences(set, scope));
    let report = reported(&scanned.inventory, feeds, asks, known, now);
    let decide = |(set, scope): &(&PolicySet, &Scope)| {
        let mut report = report.clone();
        note_unlooked(&mut report, &scanned.inventory, set, scope);
        let subject = Subject {
            scope,
            ..subject(image, scanned)
        };
        sluicegate_policy::decide(
            set,
            &subject,
            report,
            &feeds.standing,
            sluicegate_scanner::compare_versions,
            now,
        )
    };
    sets.iter().map(decide).collect()
}

/// Holds what was scanned against feeds; with the licences of all packages where policies ask for
/// them.
pub(super) fn reported(
    inventory: &Inventory,
    feeds: &Advisories,
    asks_for_licences: bool,
    known: &KnownPackages,
    now: Timestamp,
) -> Report {
    let mut report = sluicegate_scanner::judge_knowing(inventory, &feeds.index, known, now);
    tell_why(&mut report, feeds);
    if asks_for_licences {
        let licences = sluicegate_scanner::licences(inventory);
        report.findings.extend(licences);
    }
    report
}

/// Estimates how much memory judging an inventory takes, in bytes.
pub(super) fn judging_bytes(
    inventory: &Inventory,
    (index, known): (&FeedIndex, &KnownPackages),
    with_licences: bool,
) -> u64 {
    let licences = with_licences.then(|| sluicegate_scanner::licences_bytes(inventory));
    let judging = sluicegate_scanner::judging_bytes(inventory, index, known);
    judging.saturating_add(licences.unwrap_or_default())
}

/// Tells whether policies ask for licences in a scope.
pub(super) fn asks_for_licences(policies: &PolicySet, scope: &Scope) -> bool {
    policies.asks(FindingKind::Licence, Some(scope))
}

/// Keeps as many licences as a verdict lists, and says where that is not all. All were decided on.
fn list_few_licences(findings: &mut Vec<Finding>) -> Option<String> {
    let mut all = 0_usize;
    findings.retain(|finding| {
        let is_one = finding.kind == FindingKind::Licence;
        all = all.saturating_add(usize::from(is_one));
        !is_one || all <= MAX_LICENCES
    });
    (all > MAX_LICENCES).then(|| {
        format!(
            "rules hit {all} licences, of which {MAX_LICENCES} are listed; all count in the decision"
        )
    })
}

pub(super) fn subject<'a>(image: &'a Image, scanned: &'a Scanned) -> Subject<'a> {
    Subject {
        scope: &image.scope,
        digest: &image.digest,
        content: scanned.content,
        created: created(&scanned.inventory),
        run: scanned.inventory.run.as_ref(),
        first_seen: image.first_seen,
        graces: &image.graces,
        signatures: image.signatures.as_ref(),
    }
}

/// Tells when a scan that was cut short is to be made again.
fn scanned_again_at(report: &Report, now: Timestamp) -> Option<Timestamp> {
    let mut gaps = report.coverage.gaps.iter();
    let was_interrupted = gaps.any(|gap| gap.kind.is_passing());
    was_interrupted.then(|| now + SCAN_AGAIN_AFTER)
}

/// Reads when an image was built; whatever is no time is not known.
fn created(inventory: &Inventory) -> Option<Timestamp> {
    inventory.created.as_ref()?.parse().ok()
}

/// Adds to findings what their packages were built from: who reads a verdict has no inventory.
fn name_sources(findings: &mut [Finding], inventory: &Inventory) {
    if findings.is_empty() {
        return;
    }
    let mut sources: HashMap<&str, &str> = HashMap::new();
    for component in &inventory.components {
        let package = &component.package;
        if let Some(source) = &package.source
            && source.name != package.name
        {
            sources.insert(&component.purl, &source.name);
        }
    }
    for finding in findings {
        let source = sources.get(finding.package.purl.as_str());
        finding.package.source = source.map(|source| (*source).to_owned());
    }
}

/// Says that nobody looked for what a rule asks for: none found is not none there.
pub(super) fn note_unlooked(
    report: &mut Report,
    inventory: &Inventory,
    policies: &PolicySet,
    scope: &Scope,
) {
    for (detector, kind, what) in [
        (SECRETS, FindingKind::Secret, "secrets"),
        (
            CONFIGURATION,
            FindingKind::Configuration,
            "how images are set up",
        ),
    ] {
        let was_on = inventory.detectors.iter().any(|it| it == detector);
        if was_on || !policies.asks(kind, Some(scope)) {
            continue;
        }
        let detail = format!("a rule asks for {what}, and whoever read the image did not look");
        let gaps = &mut report.coverage.gaps;
        gaps.push(Gap::fatal(GapKind::PluginFailed, detail));
        let gaps = std::mem::take(gaps);
        report.coverage = Coverage::from_gaps(gaps);
    }
}

/// Adds to what no feed speaks of why that may be: whoever is refused for it reads nothing else.
fn tell_why(report: &mut Report, feeds: &Advisories) {
    let Some(problem) = &feeds.problem else {
        return;
    };
    let gaps = report.coverage.gaps.iter_mut();
    for gap in gaps.filter(|gap| gap.kind == GapKind::NoFeed && gap.path.is_none()) {
        gap.detail = format!("{} ({problem})", gap.detail);
    }
}

#[cfg(test)]
mod tests {
    use sluicegate_model::samples;

    use super::*;

    #[test]
    fn findings_name_what_their_packages_were_built_from() {
        let inventory = samples::inventory();
        let mut findings = samples::verdict().findings;
        name_sources(&mut findings, &inventory);
        let named: Vec<(&str, Option<&str>)> = findings
            .iter()
            .map(|finding| (&*finding.package.name, finding.package.source.as_deref()))
            .collect();
        assert_eq!(
            named[1..3],
            [("libssl3", Some("openssl")), ("openssl", None)]
        );
        assert_eq!(named[0].1, None);
    }

    /// Judges the sample image, where each package declares something, under a policy.
    fn judged(licence: Option<&str>, copies: usize, rule: &str) -> Verdict {
        let mut inventory = samples::inventory();
        let first = inventory.components[0].clone();
        inventory.components.extend((0..copies).map(|number| {
            let mut copy = first.clone();
            copy.package.name = format!("copy-{number}");
            copy
        }));
        for component in &mut inventory.components {
            component.package.licence = licence.map(Into::into);
        }
        let then = "2026-06-01T00:00:00Z".parse().unwrap();
        let scanned = Scanned {
            content: sluicegate_model::artifact::Content::Image,
            inventory,
            scanned_at: then,
            scan_ms: 7,
            read_by: None,
        };
        let image = Image {
            scope: Scope::for_all("docker.io/library/app".parse().unwrap()),
            digest: Digest::of(b"image"),
            tags: Vec::new(),
            first_seen: None,
            graces: Vec::new(),
            signatures: None,
        };
        let policies = PolicySet::parse(&[sluicegate_policy::SourceFile {
            name: "p.yaml".into(),
            text: format!(
                "apiVersion: sluicegate/v1\nkind: Policy\nmetadata: {{name: p}}\nspec: {{rules: \
                 [{{id: r, {rule}, action: refuse}}]}}\n"
            ),
        }]);
        let advisories = Advisories {
            index: std::sync::Arc::new(FeedIndex::empty()),
            standing: sluicegate_policy::FeedStanding::default(),
            problem: None,
        };
        let by = (&policies.unwrap(), &advisories, "scanner");
        verdict(image, &scanned, by, then)
    }

    #[test]
    fn licences_that_no_rule_asks_for_leave_no_trace() {
        let text = |licence| {
            let verdict = judged(licence, 0, "when: {severityUnknown: true}");
            crate::ledger::stored::verdict_text(&verdict).unwrap()
        };
        assert_eq!(text(Some("AGPL-3.0-only")), text(None));
    }

    #[test]
    fn all_licences_are_decided_on_and_as_many_are_listed_as_fit() {
        let few = judged(Some("MIT"), 3, "when: {licence: MIT}");
        assert_eq!((few.findings.len(), few.warnings.len()), (7, 0));
        let many = judged(Some("MIT"), MAX_LICENCES, "when: {licence: MIT}");
        assert_eq!(many.findings.len(), MAX_LICENCES);
        assert_eq!(
            many.warnings,
            ["rules hit 5004 licences, of which 5000 are listed; all count in the decision"]
        );
        assert!(
            many.reasons[0]
                .message
                .starts_with("5004 findings: licence MIT of ")
        );
    }

    #[test]
    fn ranges_of_versions_have_the_order_of_their_ecosystem() {
        for scheme in sluicegate_policy::SCHEMES {
            let order = sluicegate_scanner::compare_versions(scheme, "1.9.0", "1.10.0");
            assert_eq!(order, Some(std::cmp::Ordering::Less), "{scheme}");
        }
        assert_eq!(
            sluicegate_scanner::compare_versions("conda", "1", "2"),
            None
        );
    }
}
