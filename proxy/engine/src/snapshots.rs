//! What verdicts rest on: the advisories and the policies in force, and in which order they were.

use std::error::Error;
use std::sync::Arc;

use async_trait::async_trait;
use sluicegate_model::Scope;
use sluicegate_model::inventory::Inventory;
use sluicegate_policy::{FeedStanding, ListedException, PolicySet};
use sluicegate_scanner::feeds::FeedIndex;

/// The advisories in force, and how they stand.
#[derive(Clone)]
pub struct Advisories {
    /// The advisories.
    pub index: Arc<FeedIndex>,
    /// What of them ends beside their records.
    pub standing: FeedStanding,
    /// Why the newest load or sync failed, where it did.
    pub problem: Option<String>,
}

/// Which policies, advisories and plugins are in force: a later one is never less, and another is later.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq, PartialOrd, Ord)]
pub struct Epoch {
    /// How often the policies have changed.
    pub policies: u64,
    /// How often the advisories have changed.
    pub feeds: u64,
    /// How often the plugins have changed; filled by whoever judges.
    pub plugins: u64,
}

/// What is in force at one moment.
#[derive(Clone)]
pub struct InForce {
    /// When; what was swapped while this was put together is later than this.
    pub epoch: Epoch,
    /// The policies.
    pub policies: Arc<PolicySet>,
    /// The advisories.
    pub advisories: Advisories,
}

/// The texts of policies could not be kept: nobody may be told that they decided. What was said is
/// its source.
#[derive(Debug, thiserror::Error)]
#[error(transparent)]
pub struct TextsNotKept(pub Box<dyn Error + Send + Sync>);

/// Feeds and policies.
#[async_trait]
pub trait Snapshots: Send + Sync {
    /// Tells which ones are in force.
    fn epoch(&self) -> Epoch;

    /// Gives the policies alone: every request asks for whom it is judged.
    fn policies(&self) -> Arc<PolicySet>;

    /// Lists the exceptions of the policies in force, the ones that end first at the beginning; reads
    /// all of their texts.
    fn exceptions(&self) -> Vec<ListedException>;

    /// Gives them.
    fn in_force(&self) -> InForce;

    /// Tells whether there are advisories to judge anew by: while none could be loaded yet, verdicts
    /// of earlier ones are the better ones.
    fn is_loaded(&self) -> bool;

    /// Keeps the texts of the policies that decide in a scope; may block on a disk.
    fn keep_texts(&self, set: &PolicySet, scope: &Scope) -> Result<(), TextsNotKept>;

    /// Asks for the ecosystems of an inventory that `index` knows nothing of; they come, if at all,
    /// as a later epoch.
    fn want(&self, inventory: &Inventory, index: &FeedIndex);

    /// Tells whether nothing on the ecosystems of an inventory is worth waiting for.
    fn is_ready_for(&self, inventory: &Inventory) -> bool;

    /// Waits until all that can be had on the ecosystems of an inventory is in force, within bounds:
    /// what then is missing is for policy.
    async fn ready_for(&self, inventory: &Inventory);
}
