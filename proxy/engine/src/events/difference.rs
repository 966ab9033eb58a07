//! Two verdicts on one image to the event that tells what changed between them, if anything did.
//!
//! What makes no difference to anybody is no event: a verdict made anew with the same decision and
//! the same findings is silent.

use std::borrow::Cow;
use std::cmp::Ordering;
use std::collections::{BTreeSet, HashSet};

use sluicegate_model::finding::{Finding, FindingKind, FindingStatus};
use sluicegate_model::verdict::Verdict;

use super::event::{
    Cause, Change, Decisions, Direction, ExceptionChanges, FindingChanges, FromTo, Ids,
};

/// Most ids told of each kind; `count` tells how many findings there are.
const MAX_IDS: usize = 50;
/// Longest id told, in characters: an advisory's author chose it.
const MAX_ID_CHARS: usize = 100;
/// Most tags told.
const MAX_TAGS: usize = 16;

/// Tells how `new` differs from a verdict and its findings, which it need not hold itself; none where
/// decision and findings are the same.
pub fn difference((old, found): (&Verdict, &[Finding]), new: &Verdict) -> Option<Change> {
    let is_same = std::ptr::eq(found, new.findings.as_slice());
    let (added, removed) = if is_same {
        <(Ids, Ids)>::default()
    } else {
        changes(found, &new.findings)
    };
    if old.decision == new.decision && added.count == 0 && removed.count == 0 {
        return None;
    }
    Some(Change {
        digest: new.digest.clone(),
        repository: new.repository.clone(),
        domain: new.domain.clone(),
        tags: new.tags.iter().take(MAX_TAGS).cloned().collect(),
        direction: direction(old, new, &added, &removed),
        decision: Decisions {
            before: old.decision,
            after: new.decision,
        },
        findings: FindingChanges { added, removed },
        cause: Cause {
            feeds: from_to(old.provenance.feeds.as_str(), new.provenance.feeds.as_str()),
            policy: from_to(old.policy.digest.as_str(), new.policy.digest.as_str()),
            scanner: from_to(&old.provenance.scanner, &new.provenance.scanner),
            exceptions: exceptions((old, found), new),
        },
    })
}

/// Tells what came and what went.
fn changes(old: &[Finding], new: &[Finding]) -> (Ids, Ids) {
    // Where copies are listed together in one of the two, places tell nothing.
    let has_places = [old, new].into_iter().all(lists_every_place);
    let (before, after) = (identities(old, has_places), identities(new, has_places));
    let added = only_in(new, &before, has_places);
    (added, only_in(old, &after, has_places))
}

fn direction(old: &Verdict, new: &Verdict, added: &Ids, removed: &Ids) -> Direction {
    match new.decision.cmp(&old.decision) {
        Ordering::Greater => Direction::Worse,
        Ordering::Less => Direction::Better,
        Ordering::Equal if removed.count == 0 => Direction::Worse,
        Ordering::Equal if added.count == 0 => Direction::Better,
        Ordering::Equal => Direction::Other,
    }
}

/// What makes two findings the same: the weakness, the package, and whether it is known to apply.
type Identity<'a> = (&'a str, &'a str, &'a str, bool);

fn identity(finding: &Finding, has_places: bool) -> Identity<'_> {
    let has_places = has_places && finding.kind != FindingKind::Licence;
    let is_affected = finding.status == FindingStatus::Affected;
    let package = &finding.package;
    let place = if has_places {
        package.path.as_str()
    } else {
        ""
    };
    (&finding.id, &package.purl, place, is_affected)
}

fn identities(findings: &[Finding], has_places: bool) -> HashSet<Identity<'_>> {
    findings
        .iter()
        .map(|finding| identity(finding, has_places))
        .collect()
}

fn lists_every_place(findings: &[Finding]) -> bool {
    // Licences are always listed together, and are the same wherever they are.
    let mut others = findings
        .iter()
        .filter(|finding| finding.kind != FindingKind::Licence);
    others.all(|finding| finding.copies == 1)
}

fn only_in(findings: &[Finding], other: &HashSet<Identity<'_>>, has_places: bool) -> Ids {
    let mut found: Vec<&Finding> = findings
        .iter()
        .filter(|finding| !other.contains(&identity(finding, has_places)))
        .collect();
    let count = found.len() as u64;
    found.sort_by(|a, b| (b.kev, b.severity, &a.id).cmp(&(a.kev, a.severity, &b.id)));
    let mut ids: Vec<String> = Vec::new();
    for finding in found {
        if ids.len() == MAX_IDS {
            break;
        }
        let id: String = finding.id.chars().take(MAX_ID_CHARS).collect();
        if !ids.contains(&id) {
            ids.push(id);
        }
    }
    Ids { count, ids }
}

/// Tells which exceptions and VEX documents cover findings of only one of the two.
fn exceptions((old, found): (&Verdict, &[Finding]), new: &Verdict) -> Option<ExceptionChanges> {
    let (before, after) = (named(old, found), named(new, &new.findings));
    let only =
        |in_these: &BTreeSet<Cow<'_, str>>, others: &BTreeSet<Cow<'_, str>>| -> Vec<String> {
            let names = in_these.difference(others).take(MAX_IDS);
            names
                .map(|name| name.chars().take(MAX_ID_CHARS).collect())
                .collect()
        };
    let (gone, added) = (only(&before, &after), only(&after, &before));
    (!gone.is_empty() || !added.is_empty()).then(|| ExceptionChanges {
        gone,
        added,
        policies: old.policy.digest.clone(),
    })
}

fn named<'a>(verdict: &'a Verdict, found: &'a [Finding]) -> BTreeSet<Cow<'a, str>> {
    let covering = found.iter().filter_map(|f| f.exception.as_ref());
    let names = verdict.allowed_by.iter().chain(covering);
    let mut named: BTreeSet<Cow<'_, str>> = names.map(Cow::from).collect();
    let said = found.iter().flat_map(|finding| &finding.vex);
    named.extend(said.map(|statement| Cow::from(statement.cited())));
    named
}

fn from_to(from: &str, to: &str) -> Option<FromTo> {
    (from != to).then(|| FromTo {
        from: from.to_owned(),
        to: to.to_owned(),
    })
}

#[cfg(test)]
mod tests {
    use sluicegate_model::samples;
    use sluicegate_model::verdict::Decision;

    use super::*;
    use crate::testkit::ledger_suite::{self, finding};

    fn of(old: &Verdict, new: &Verdict) -> Option<Change> {
        difference((old, &old.findings), new)
    }

    fn verdict(decision: Decision, exception: Option<&str>) -> Verdict {
        let mut verdict = Verdict {
            decision,
            allowed_by: exception.map(str::to_owned).into_iter().collect(),
            ..samples::verdict()
        };
        for finding in &mut verdict.findings {
            finding.exception = exception.map(str::to_owned);
        }
        verdict
    }

    #[test]
    fn an_exception_that_went_is_named_with_the_digest_of_its_text() {
        let before = verdict(Decision::Allow, Some("until-june"));
        let after = verdict(Decision::Refuse, None);
        let went = of(&before, &after).unwrap().cause.exceptions.unwrap();
        assert_eq!(
            (&went.gone[..], &went.added[..]),
            (&["until-june".to_owned()][..], &[][..])
        );
        assert_eq!(went.policies, before.policy.digest);
        let came = of(&after, &before).unwrap().cause.exceptions.unwrap();
        assert_eq!(
            (&came.gone[..], &came.added[..]),
            (&[][..], &["until-june".to_owned()][..])
        );
    }

    #[test]
    fn a_vex_document_that_went_is_named_as_decisions_cite_it() {
        let mut before = verdict(Decision::Allow, None);
        before.findings[0].vex = vec![samples::vex_statement()];
        let after = verdict(Decision::Refuse, None);
        let went = of(&before, &after).unwrap().cause.exceptions;
        assert_eq!(went.unwrap().gone, ["vex:vex/app.openvex.json"]);
    }

    #[test]
    fn one_that_stays_is_not_named() {
        let before = verdict(Decision::Allow, Some("until-june"));
        let after = verdict(Decision::Annotate, Some("until-june"));
        assert_eq!(of(&before, &after).unwrap().cause.exceptions, None);
    }

    #[test]
    fn ids_are_told_once_worst_first_and_bounded() {
        let old = ledger_suite::verdict("app", "image", 0, vec![finding("CVE-0", "old")]);
        let mut findings: Vec<Finding> = (0..80)
            .map(|n| finding(&format!("CVE-1{n:02}"), "zlib"))
            .collect();
        findings.push(finding("CVE-100", "another"));
        findings.push(Finding {
            kev: true,
            ..finding("CVE-9", "zlib")
        });
        let new = ledger_suite::verdict("app", "image", 1, findings);
        let change = of(&old, &new).unwrap();
        assert_eq!(change.direction, Direction::Other);
        assert_eq!(change.findings.added.count, 82);
        assert_eq!(change.findings.added.ids.len(), 50);
        assert_eq!(
            change.findings.added.ids[..3],
            ["CVE-9", "CVE-100", "CVE-101"]
        );
        assert_eq!(change.findings.removed.ids, ["CVE-0"]);
    }
}
