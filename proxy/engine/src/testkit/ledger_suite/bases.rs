//! The order of what verdicts rest on.

use sluicegate_model::Digest;
use sluicegate_model::snapshot::SnapshotId;
use sluicegate_model::verdict::Verdict;

use super::{Subject, finding, verdict};
use crate::ledger::{Basis, BasisNumber, Ledger, Replacement};

/// Makes a basis of these policies.
pub fn basis(policies: &str) -> Basis {
    Basis {
        policies: Digest::of(policies.as_bytes()),
        feeds: SnapshotId::NO_FEEDS,
        fingerprint: "test".into(),
    }
}

async fn number(ledger: &dyn Ledger, policies: &str) -> BasisNumber {
    ledger
        .number_basis(&basis(policies), super::second(0))
        .await
        .unwrap()
}

/// Writes a verdict that rests on a basis over the one that is there.
pub async fn put_on(ledger: &dyn Ledger, verdict: &Verdict, basis: BasisNumber) -> bool {
    let scope = verdict.scope();
    let known = ledger.known_verdict(&scope, &verdict.digest);
    let new = Replacement::new(&mut verdict.clone(), &known.await.unwrap()).unwrap();
    let written = ledger.replace_verdicts(vec![new.resting_on(basis)]);
    written.await.unwrap() == [true]
}

async fn there(ledger: &dyn Ledger, verdict: &Verdict) -> (Option<Verdict>, BasisNumber) {
    let scope = verdict.scope();
    let known = ledger.known_verdict(&scope, &verdict.digest);
    let known = known.await.unwrap();
    (known.verdict(), known.basis)
}

pub async fn the_newest_basis_keeps_its_number_and_any_other_gets_the_next(
    subject: &mut dyn Subject,
) {
    let first = number(subject.ledger(), "one").await;
    assert!(first > BasisNumber::default());
    assert_eq!(number(subject.ledger(), "one").await, first);
    let second = number(subject.ledger(), "two").await;
    assert!(second > first);
    // Whoever goes back to earlier policies means them from now on.
    let third = number(subject.ledger(), "one").await;
    assert!(third > second);
    subject.restart().await;
    assert_eq!(number(subject.ledger(), "one").await, third);
    let mut other = basis("one");
    other.feeds = SnapshotId::of_content(b"feeds");
    let fourth = subject
        .ledger()
        .number_basis(&other, super::second(0))
        .await
        .unwrap();
    assert!(fourth > third);
    other.fingerprint = "another".into();
    assert!(
        subject
            .ledger()
            .number_basis(&other, super::second(0))
            .await
            .unwrap()
            > fourth
    );
}

pub async fn an_older_basis_never_replaces_a_newer_one(subject: &mut dyn Subject) {
    let old = verdict("app", "image", 1, Vec::new());
    let new = verdict("app", "image", 2, vec![finding("CVE-1", "zlib")]);
    let first = number(subject.ledger(), "one").await;
    assert!(put_on(subject.ledger(), &old, first).await);
    let second = number(subject.ledger(), "two").await;
    assert!(put_on(subject.ledger(), &new, second).await);
    for _ in 0..2 {
        let ledger = subject.ledger();
        for slow in [first, BasisNumber::default()] {
            assert!(!put_on(ledger, &old, slow).await, "{slow:?}");
        }
        assert_eq!(there(ledger, &new).await, (Some(new.clone()), second));
        subject.restart().await;
    }
    let ledger = subject.ledger();
    let again = verdict("app", "image", 3, Vec::new());
    assert!(put_on(ledger, &again, second).await, "of the same basis");
    let reverted = number(ledger, "one").await;
    assert!(put_on(ledger, &old, reverted).await, "a revert is newer");
    assert_eq!(there(ledger, &old).await, (Some(old), reverted));
}

pub async fn what_is_refused_for_its_basis_leaves_others_of_its_batch_alone(
    subject: &mut dyn Subject,
) {
    let ledger = subject.ledger();
    let (first, second) = (number(ledger, "one").await, number(ledger, "two").await);
    let newer = verdict("app", "newer", 1, Vec::new());
    let fresh = verdict("app", "fresh", 1, Vec::new());
    assert!(put_on(ledger, &newer, second).await);
    let mut batch = Vec::new();
    for verdict in [&newer, &fresh] {
        let scope = verdict.scope();
        let known = ledger.known_verdict(&scope, &verdict.digest);
        let new = Replacement::new(&mut verdict.clone(), &known.await.unwrap()).unwrap();
        batch.push(new.resting_on(first));
    }
    let written = ledger.replace_verdicts(batch).await.unwrap();
    assert_eq!(written, [false, true]);
    assert_eq!(there(ledger, &fresh).await, (Some(fresh), first));
}

pub async fn a_tag_leaves_a_verdict_on_its_basis(subject: &mut dyn Subject) {
    let ledger = subject.ledger();
    let verdict = verdict("app", "image", 1, Vec::new());
    let (first, _second) = (number(ledger, "one").await, number(ledger, "two").await);
    assert!(put_on(ledger, &verdict, first).await);
    let tag = "2".parse().unwrap();
    let scope = verdict.scope();
    let tagged = ledger.add_tag(&scope, &verdict.digest, &tag);
    let tagged = tagged.await.unwrap().unwrap();
    assert_eq!(there(ledger, &tagged).await, (Some(tagged), first));
}
