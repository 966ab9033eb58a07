//! What the set of plugins in force is made of: those that were fed, and the detector of secrets where a
//! rule asks for what it finds.

use std::fmt;
use std::sync::Arc;

use sluicegate_scanner::fed::{FedError, FedPlugin};
use sluicegate_scanner::{PluginSet, SecretDetector};

/// What the set in force is made of.
#[derive(Default)]
pub struct Held {
    fed: Vec<Arc<dyn FedPlugin>>,
    /// None until it is known under which salt it hashes.
    pub secrets: Option<Arc<SecretDetector>>,
    /// Whether a rule asks for secrets.
    pub looks_for_secrets: bool,
}

impl fmt::Debug for Held {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let names: Vec<_> = self.fed.iter().map(|plugin| plugin.id().name).collect();
        f.debug_tuple("Held").field(&names).finish()
    }
}

impl Held {
    /// Gives the same with other plugins that were fed.
    pub fn with(&self, fed: Vec<Arc<dyn FedPlugin>>) -> Self {
        Self {
            fed,
            secrets: self.secrets.clone(),
            looks_for_secrets: self.looks_for_secrets,
        }
    }

    /// Makes the set.
    pub fn set(&self) -> Result<PluginSet, FedError> {
        let mut fed = self.fed.clone();
        if let Some(secrets) = self.secrets.as_ref().filter(|_| self.looks_for_secrets) {
            fed.push(Arc::clone(secrets) as Arc<dyn FedPlugin>);
        }
        PluginSet::with_fed(fed)
    }
}
