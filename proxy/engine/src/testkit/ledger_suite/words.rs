//! The newest word of a key on each product and weakness is remembered, and no older one takes its place.

use std::collections::BTreeSet;

use sluicegate_model::Digest;
use sluicegate_model::heard::VexMark;
use sluicegate_model::vex::VexStatus;

use super::{Subject, second};
use crate::ledger::{Ledger, MAX_WORDS};

fn word(product: &str, status: VexStatus, at: i64) -> VexMark {
    VexMark {
        product: format!("{{\"@id\":\"pkg:npm/{product}\"}}"),
        vulnerability: "CVE-1".into(),
        aliases: vec!["GHSA-1".into()],
        status,
        at: second(at),
    }
}

fn names() -> [Digest; 2] {
    ["key", "image"].map(|it| Digest::of(it.as_bytes()))
}

async fn known(ledger: &dyn Ledger) -> BTreeSet<VexMark> {
    let [key, image] = names();
    let words = ledger.words(&key, &image).await.unwrap();
    let count = words.len();
    let known: BTreeSet<VexMark> = words.into_iter().collect();
    assert_eq!(known.len(), count);
    known
}

pub async fn an_older_word_never_takes_the_place_of_a_newer(subject: &mut dyn Subject) {
    let [key, image] = names();
    let (quiet, bears) = (VexStatus::NotAffected, VexStatus::Affected);
    for (said, newest) in [
        (word("a", quiet, 5), word("a", quiet, 5)),
        (word("a", bears, 4), word("a", quiet, 5)),
        (word("a", bears, 9), word("a", bears, 9)),
        (word("a", quiet, 9), word("a", bears, 9)),
        (word("a", quiet, 8), word("a", bears, 9)),
    ] {
        let ledger = subject.ledger();
        assert!(ledger.remember(&key, &image, &[said]).await.unwrap());
        assert_eq!(known(ledger).await, [newest].into());
    }
    subject.restart().await;
    assert_eq!(known(subject.ledger()).await, [word("a", bears, 9)].into());
}

pub async fn the_order_of_words_does_not_matter(subject: &mut dyn Subject) {
    let [key, image] = names();
    let quiet = VexStatus::NotAffected;
    let words = [
        word("a", quiet, 2),
        word("a", quiet, 7),
        word("b", quiet, 1),
        word("a", quiet, 5),
    ];
    let ledger = subject.ledger();
    assert!(ledger.remember(&key, &image, &words).await.unwrap());
    let wanted: BTreeSet<VexMark> = [word("a", quiet, 7), word("b", quiet, 1)].into();
    assert_eq!(known(ledger).await, wanted);
    let backwards: Vec<VexMark> = words.into_iter().rev().collect();
    assert!(ledger.remember(&key, &image, &backwards).await.unwrap());
    assert_eq!(known(ledger).await, wanted);
}

pub async fn words_of_another_key_or_image_are_others(subject: &mut dyn Subject) {
    let [key, image] = names();
    let ledger = subject.ledger();
    let said = [word("a", VexStatus::Fixed, 1)];
    assert!(ledger.remember(&key, &image, &said).await.unwrap());
    assert!(ledger.words(&image, &key).await.unwrap().is_empty());
    assert!(ledger.words(&key, &key).await.unwrap().is_empty());
    let mut other = said[0].clone();
    other.vulnerability = "CVE-2".into();
    assert!(
        ledger
            .remember(&key, &image, std::slice::from_ref(&other))
            .await
            .unwrap()
    );
    assert_eq!(known(ledger).await.len(), 2);
}

pub async fn no_more_words_are_remembered_than_is_bounded(subject: &mut dyn Subject) {
    let [key, image] = names();
    let ledger = subject.ledger();
    let of = |name: usize, at: i64| word(&name.to_string(), VexStatus::Fixed, at);
    let all: Vec<VexMark> = (0..MAX_WORDS).map(|name| of(name, 1)).collect();
    assert!(ledger.remember(&key, &image, &all).await.unwrap());
    // All of them or none.
    let more = [of(0, 2), of(MAX_WORDS, 1)];
    assert!(!ledger.remember(&key, &image, &more).await.unwrap());
    assert_eq!(known(ledger).await, all.iter().cloned().collect());
    // What is newer on what is known takes no room.
    assert!(ledger.remember(&key, &image, &more[..1]).await.unwrap());
    assert!(known(ledger).await.contains(&more[0]));
}
