//! What was let through is kept, and what has ended makes room.

use sluicegate_model::Digest;

use super::{Subject, repository, second};
use crate::ledger::{MAX_WAIVERS, Waiver};

fn waiver(image: &str, since: i64, until: i64) -> Waiver {
    Waiver {
        repository: repository("app"),
        digest: Digest::of(image.as_bytes()),
        by: "key:oncall".into(),
        reason: "the fix broke logins".into(),
        since: second(since),
        until: second(until),
    }
}

pub async fn what_was_let_through_is_kept_until_it_ended_and_others_came(
    subject: &mut dyn Subject,
) {
    let (first, again) = (waiver("a", 0, 10), waiver("a", 5, 20));
    let ledger = subject.ledger();
    ledger.let_through(&first).await.unwrap();
    assert_eq!(ledger.waivers().await.unwrap(), [first]);
    ledger.let_through(&again).await.unwrap();
    assert_eq!(
        ledger.waivers().await.unwrap(),
        std::slice::from_ref(&again)
    );
    subject.restart().await;
    let ledger = subject.ledger();
    assert_eq!(ledger.waivers().await.unwrap(), [again]);
    let later = waiver("b", 21, 30);
    ledger.let_through(&later).await.unwrap();
    assert_eq!(ledger.waivers().await.unwrap(), [later]);
}

pub async fn no_more_are_let_through_at_a_time_than_is_bounded(subject: &mut dyn Subject) {
    let ledger = subject.ledger();
    for number in 0..MAX_WAIVERS {
        let one = waiver(&number.to_string(), 0, 10);
        ledger.let_through(&one).await.unwrap();
    }
    assert!(ledger.let_through(&waiver("more", 1, 10)).await.is_err());
    let same = waiver("0", 1, 11);
    ledger.let_through(&same).await.unwrap();
    ledger.let_through(&waiver("more", 12, 20)).await.unwrap();
    assert_eq!(ledger.waivers().await.unwrap().len(), 1);
}
