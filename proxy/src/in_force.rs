//! What is in force, as the engine asks for it: its port over the policies and feeds of this service.

use std::sync::Arc;

use async_trait::async_trait;
use sluicegate_engine::snapshots::{Advisories, Epoch, InForce, Snapshots, TextsNotKept};
use sluicegate_feeds::{FeedState, Feeds};
use sluicegate_model::Scope;
use sluicegate_model::inventory::Inventory;
use sluicegate_policy::{ListedException, PolicySet};
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
            plugins: 0,
            policies: self.policies.revision(),
            feeds: self.feeds.current().revision,
        }
    }

    fn policies(&self) -> Arc<PolicySet> {
        self.policies.current()
    }

    fn exceptions(&self) -> Vec<ListedException> {
        self.policies.exceptions()
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

#[cfg(test)]
mod tests {
    use std::path::PathBuf;

    use sluicegate_engine::testkit::snapshots_suite::{self, Subject};
    use sluicegate_upstream::ProxyVariables;

    use super::*;

    /// Those of a service over a policy file and no feeds.
    struct Service {
        current: Arc<Current>,
        file: PathBuf,
        changes: u32,
    }

    fn policy(number: u32) -> String {
        format!(
            "{{apiVersion: sluicegate/v1, kind: Policy, metadata: {{name: p{number}}}, spec: {{}}}}"
        )
    }

    #[async_trait]
    impl Subject for Service {
        fn snapshots(&self) -> &dyn Snapshots {
            &*self.current
        }

        async fn change_policies(&mut self) {
            self.changes += 1;
            std::fs::write(&self.file, policy(self.changes)).unwrap();
            self.current.policies.reload();
        }
    }

    #[tokio::test]
    async fn keep_every_promise() {
        let home = tempfile::tempdir().unwrap();
        let file = home.path().join("p.yaml");
        std::fs::write(&file, policy(0)).unwrap();
        let policies = Policies::load(
            std::slice::from_ref(&file),
            sluicegate_machine::clock::system(),
        )
        .unwrap();
        let clock = sluicegate_machine::clock::system();
        let directory = home.path().join("feeds");
        let proxy = ProxyVariables::default();
        let feeds = Feeds::start(Vec::new(), directory, (&proxy, false), clock);
        let mut service = Service {
            current: Current::new(policies, feeds),
            file,
            changes: 0,
        };
        snapshots_suite::prove(&mut service).await;
    }
}
