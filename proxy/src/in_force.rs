//! What is in force, as the engine asks for it: its port over the policies and feeds of this service.

use std::sync::Arc;

use async_trait::async_trait;
use sluicegate_engine::snapshots::{Advisories, Epoch, InForce, Snapshots, TextsNotKept};
use sluicegate_feeds::{FeedState, Feeds};
use sluicegate_model::Scope;
use sluicegate_model::inventory::Inventory;
use sluicegate_policy::PolicySet;
use sluicegate_scanner::feeds::FeedIndex;

use crate::policies::Policies;

/// The policies and feeds of this service.
pub(crate) struct Current {
    policies: Arc<Policies>,
    feeds: Arc<Feeds>,
}

impl Current {
    /// Joins them.
    pub(crate) fn new(policies: Arc<Policies>, feeds: Arc<Feeds>) -> Arc<Self> {
        Arc::new(Self { policies, feeds })
    }
}

#[async_trait]
impl Snapshots for Current {
    fn epoch(&self) -> Epoch {
        Epoch {
            policies: self.policies.revision(),
            feeds: self.feeds.current().revision,
        }
    }

    fn policies(&self) -> Arc<PolicySet> {
        self.policies.current()
    }

    fn in_force(&self) -> InForce {
        // First, so that what is swapped meanwhile makes a verdict old rather than wrong.
        let epoch = self.epoch();
        let feeds = self.feeds.current();
        InForce {
            epoch,
            policies: self.policies.current(),
            advisories: advisories(&feeds),
        }
    }

    fn is_loaded(&self) -> bool {
        let current = self.feeds.current();
        self.feeds.is_loaded() && (current.revision > 0 || current.sources.is_empty())
    }

    fn keep_texts(&self, set: &PolicySet, scope: &Scope) -> Result<(), TextsNotKept> {
        let kept = self.policies.keep_for(set, scope);
        kept.map_err(|error| TextsNotKept(Box::new(error)))
    }

    fn want(&self, inventory: &Inventory, index: &FeedIndex) {
        self.feeds.want(inventory, index);
    }

    fn is_ready_for(&self, inventory: &Inventory) -> bool {
        self.feeds.is_ready_for(inventory)
    }

    async fn ready_for(&self, inventory: &Inventory) {
        self.feeds.ready_for(inventory).await;
    }
}

/// Gives what verdicts rest on of a snapshot of feeds.
pub(crate) fn advisories(feeds: &FeedState) -> Advisories {
    Advisories {
        index: Arc::clone(&feeds.index),
        standing: feeds.standing,
        problem: feeds.problem.clone(),
    }
}
