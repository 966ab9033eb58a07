//! Feeds and policies that are set by hand.

use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use sluicegate_model::Scope;
use sluicegate_model::inventory::Inventory;
use sluicegate_policy::{FeedStanding, ListedException, PolicySet, SourceFile};
use sluicegate_scanner::feeds::FeedIndex;

use crate::snapshots::{Advisories, Epoch, InForce, Snapshots, TextsNotKept};

/// Snapshots in memory: no feeds and the built-in policies, until others are set.
pub struct MemorySnapshots(Mutex<State>);

struct State {
    in_force: InForce,
    files: Vec<SourceFile>,
    keeps_texts: bool,
}

impl Default for MemorySnapshots {
    fn default() -> Self {
        let in_force = InForce {
            epoch: Epoch::default(),
            policies: Arc::new(PolicySet::built_in()),
            advisories: Advisories {
                index: Arc::new(FeedIndex::empty()),
                standing: FeedStanding::default(),
                problem: None,
            },
        };
        Self(Mutex::new(State {
            in_force,
            files: Vec::new(),
            keeps_texts: true,
        }))
    }
}

impl MemorySnapshots {
    /// Puts the policies of a document in force; its bindings may name askers.
    pub fn set_policies(&self, document: &str) {
        let file = SourceFile {
            name: "policy.yaml".into(),
            text: document.into(),
        };
        let files = vec![file];
        let set = PolicySet::parse(&files).unwrap();
        let mut state = self.state();
        state.files = files;
        state.in_force.policies = Arc::new(set);
        state.in_force.epoch.policies += 1;
    }

    /// Puts advisories in force.
    pub fn set_index(&self, index: FeedIndex) {
        let mut state = self.state();
        state.in_force.advisories.index = Arc::new(index);
        state.in_force.epoch.feeds += 1;
    }

    /// Says how the advisories in force stand beside their records.
    pub fn set_standing(&self, standing: FeedStanding) {
        let mut state = self.state();
        state.in_force.advisories.standing = standing;
        state.in_force.epoch.feeds += 1;
    }

    /// Says whether the texts of policies can be kept from now on.
    pub fn let_keep_texts(&self, keeps: bool) {
        self.state().keeps_texts = keeps;
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

#[async_trait]
impl Snapshots for MemorySnapshots {
    fn epoch(&self) -> Epoch {
        self.state().in_force.epoch
    }

    fn policies(&self) -> Arc<PolicySet> {
        Arc::clone(&self.state().in_force.policies)
    }

    fn exceptions(&self) -> Vec<ListedException> {
        sluicegate_policy::exceptions(&self.state().files)
    }

    fn in_force(&self) -> InForce {
        self.state().in_force.clone()
    }

    fn is_loaded(&self) -> bool {
        true
    }

    fn keep_texts(&self, _set: &PolicySet, _scope: &Scope) -> Result<(), TextsNotKept> {
        if self.state().keeps_texts {
            Ok(())
        } else {
            Err(TextsNotKept("texts cannot be kept".into()))
        }
    }

    fn want(&self, _inventory: &Inventory, _index: &FeedIndex) {}

    fn is_ready_for(&self, _inventory: &Inventory) -> bool {
        true
    }

    async fn ready_for(&self, _inventory: &Inventory) {}
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::testkit::snapshots_suite::{self, Subject};

    struct Numbered(MemorySnapshots, u32);

    #[async_trait]
    impl Subject for Numbered {
        fn snapshots(&self) -> &dyn Snapshots {
            &self.0
        }

        async fn change_policies(&mut self) {
            self.1 += 1;
            let name = self.1;
            self.0.set_policies(&format!(
                "{{apiVersion: sluicegate/v1, kind: Policy, metadata: {{name: p{name}}}, spec: {{}}}}"
            ));
        }
    }

    #[tokio::test]
    async fn keep_every_promise() {
        snapshots_suite::prove(&mut Numbered(MemorySnapshots::default(), 0)).await;
    }
}
