//! Steps between bases, and images told apart by names.

use sluicegate_model::{Digest, Sighting};

use super::packages::{inventory, judge};
use super::{Subject, put, verdict};
use crate::ledger::term::Term;
use crate::ledger::{Judged, Stamp, Step};

fn step(from: &str, to: &str, terms: Vec<Term>) -> Step {
    Step {
        from: vec![Digest::of(from.as_bytes())],
        to: Digest::of(to.as_bytes()),
        terms,
    }
}

pub async fn steps_take_the_place_of_those_before(subject: &mut dyn Subject) {
    let many = (0..4_000).map(|n| Term::installed(&n.to_string()));
    let first = step("a", "b", many.collect());
    let second = step("b", "c", Vec::new());
    for kept in [
        vec![first.clone(), second.clone()],
        vec![second],
        Vec::new(),
    ] {
        subject.ledger().keep_steps(&kept).await.unwrap();
        for is_restarted in [false, true] {
            if is_restarted {
                subject.restart().await;
            }
            let mut found = subject.ledger().steps().await.unwrap();
            found.sort_by(|one, other| one.from.cmp(&other.from));
            let mut wanted = kept.clone();
            wanted.sort_by(|one, other| one.from.cmp(&other.from));
            assert_eq!(found, wanted);
        }
    }
}

pub async fn images_are_told_apart_by_any_of_some_names(subject: &mut dyn Subject) {
    let of = |names: &[&str]| inventory(names.iter().map(|name| (*name).to_owned()));
    let ledger = subject.ledger();
    for (image, held) in [
        ("one", &["a", "b"][..]),
        ("two", &["B"]),
        ("three", &["c"]),
        ("none", &[]),
    ] {
        judge(ledger, image, Some(&of(held))).await;
    }
    judge(ledger, "unlisted", None).await;
    let sighted = |image: &str| Sighting::here(Digest::of(image.as_bytes()));
    for is_settled in [false, true] {
        if is_settled {
            subject.settle().await;
        }
        let ledger = subject.ledger();
        let images = ["one", "two", "three", "none"].map(sighted);
        let numbers = ledger.listed_as(&images).await.unwrap();
        let numbers: Vec<u32> = numbers.into_iter().flatten().collect();
        assert_eq!(numbers.len(), 4);
        let unlisted = ledger.listed_as(&[sighted("unlisted")]).await.unwrap();
        assert_eq!(unlisted, [None]);
        let named = ledger.images_listed(&numbers).await.unwrap();
        assert!(named.into_iter().flatten().eq(images));
        for (names, wanted) in [
            (&["b", "c"][..], &numbers[..3]),
            (&["B"], &numbers[..2]),
            (&["a", "x"], &numbers[..1]),
            (&["x"], &[]),
            (&[], &[]),
        ] {
            let terms: Vec<Term> = names.iter().map(|name| Term::installed(name)).collect();
            let parted = ledger.part_images(&terms).await.unwrap();
            assert_eq!(parted.with, wanted, "{names:?}");
            for number in &numbers {
                let is_without = parted.without.has(*number);
                assert_eq!(is_without, !wanted.contains(number), "{names:?}");
            }
        }
    }
}

pub async fn stamps_are_those_of_the_verdicts(subject: &mut dyn Subject) {
    let ledger = subject.ledger();
    let made = [
        verdict("app", "one", 1, Vec::new()),
        verdict("app", "two", 2, Vec::new()),
    ];
    for verdict in &made {
        put(ledger, verdict).await;
    }
    let mut judged: Vec<Judged> = made
        .iter()
        .map(|verdict| Judged {
            digest: verdict.digest.clone(),
            scope: verdict.scope(),
        })
        .collect();
    judged.insert(
        1,
        Judged {
            digest: Digest::of(b"never judged"),
            scope: made[0].scope(),
        },
    );
    let stamps = ledger.stamps(&judged).await.unwrap();
    let [one, two] = made.each_ref().map(|it| Some(Stamp::of_verdict(it)));
    assert_eq!(stamps, [one, None, two]);
}
