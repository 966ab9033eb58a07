//! What all who tell what is in force promise.

use std::time::Duration;

use async_trait::async_trait;
use sluicegate_model::Scope;
use sluicegate_model::inventory::Inventory;

use crate::snapshots::Snapshots;

/// Longer than anything is waited for that will not come.
const PATIENCE: Duration = Duration::from_mins(5);

/// Snapshots under test, over nothing that has to be fetched.
#[async_trait]
pub trait Subject: Send {
    /// Gives the snapshots.
    fn snapshots(&self) -> &dyn Snapshots;

    /// Puts other policies in force than any before.
    async fn change_policies(&mut self);
}

/// Proves what is promised.
pub async fn prove(subject: &mut dyn Subject) {
    what_is_in_force_is_the_same_until_it_changes(subject);
    other_policies_are_a_later_epoch(subject).await;
    texts_of_what_decides_can_be_kept(subject);
    what_cannot_come_is_not_waited_for(subject).await;
}

fn what_is_in_force_is_the_same_until_it_changes(subject: &mut dyn Subject) {
    let snapshots = subject.snapshots();
    let (before, epoch) = (snapshots.in_force(), snapshots.epoch());
    let after = snapshots.in_force();
    assert_eq!((before.epoch, after.epoch), (epoch, epoch));
    assert_eq!(before.policies.digest(), after.policies.digest());
    assert_eq!(snapshots.policies().digest(), after.policies.digest());
    let [before, after] = [before, after].map(|it| it.advisories.index.snapshot().clone());
    assert_eq!(before, after);
}

async fn other_policies_are_a_later_epoch(subject: &mut dyn Subject) {
    for _ in 0..3 {
        let before = subject.snapshots().in_force();
        subject.change_policies().await;
        let snapshots = subject.snapshots();
        assert!(snapshots.epoch() > before.epoch);
        let after = snapshots.in_force();
        assert_eq!(after.epoch, snapshots.epoch());
        assert_ne!(after.policies.digest(), before.policies.digest());
        assert_eq!(snapshots.policies().digest(), after.policies.digest());
        assert_eq!(after.epoch.feeds, before.epoch.feeds);
    }
}

fn texts_of_what_decides_can_be_kept(subject: &mut dyn Subject) {
    let snapshots = subject.snapshots();
    let scope = Scope::for_all("up.test/app".parse().unwrap());
    let set = snapshots.policies();
    snapshots.keep_texts(&set, &scope).unwrap();
    // They are there already.
    snapshots.keep_texts(&set, &scope).unwrap();
}

async fn what_cannot_come_is_not_waited_for(subject: &mut dyn Subject) {
    let snapshots = subject.snapshots();
    let inventory = Inventory::default();
    snapshots.want(&inventory, &snapshots.in_force().advisories.index);
    let ready = tokio::time::timeout(PATIENCE, snapshots.ready_for(&inventory));
    ready.await.unwrap();
    assert!(snapshots.is_ready_for(&inventory) && snapshots.is_loaded());
}
