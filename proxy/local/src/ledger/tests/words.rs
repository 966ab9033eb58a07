//! Words of keys: their bound over all images, and that one that is lost silences its key.

use sluicegate_engine::ledger::{MAX_SPOKEN_OF, Words as _};
use sluicegate_model::heard::VexMark;
use sluicegate_model::vex::VexStatus;

use super::*;

fn word(product: &str, at: i64) -> VexMark {
    VexMark {
        product: product.into(),
        vulnerability: "CVE-1".into(),
        aliases: Vec::new(),
        status: VexStatus::Fixed,
        at: second(at),
    }
}

#[tokio::test]
async fn past_the_bound_no_other_image_is_spoken_of_and_known_ones_go_on() {
    let (_directory, records) = records();
    let [key, image, other] = ["key", "image", "other"].map(|it| Digest::of(it.as_bytes()));
    let said = |at| [word("\"pkg:npm/a\"", at)];
    assert!(records.remember(&key, &image, &said(1)).await.unwrap());
    let full = rows::put(keys::spoken_of(), &MAX_SPOKEN_OF).unwrap();
    records.store.apply(vec![full]).await.unwrap();
    assert!(!records.remember(&key, &other, &said(1)).await.unwrap());
    assert!(records.words(&key, &other).await.unwrap().is_empty());
    assert!(records.remember(&key, &image, &said(2)).await.unwrap());
    assert_eq!(records.words(&key, &image).await.unwrap(), said(2));
}

#[tokio::test]
async fn a_word_that_is_lost_leaves_nothing_known_of_its_key() {
    let (_directory, records) = records();
    let [key, image] = ["key", "image"].map(|it| Digest::of(it.as_bytes()));
    let said = [word("\"pkg:npm/a\"", 1), word("\"pkg:npm/b\"", 1)];
    assert!(records.remember(&key, &image, &said).await.unwrap());
    let lost = Op::Delete {
        key: keys::word(&key, &image, &said[0]),
    };
    records.store.apply(vec![lost]).await.unwrap();
    assert!(records.words(&key, &image).await.is_err());
    assert!(records.remember(&key, &image, &said).await.is_err());
}
