//! What the set of plugins in force is made of: those that were fed, and detectors of the program where a
//! rule or a list asks for what they find.

use std::fmt;
use std::sync::Arc;

use sluicegate_scanner::fed::{FedError, FedPlugin};
use sluicegate_scanner::{
    ConfigurationDetector, MalwareDetector, NameTables, PluginSet, SecretDetector,
};

use crate::looks_for::LooksFor;

/// What the set in force is made of.
#[derive(Default)]
pub struct Held {
    fed: Vec<Arc<dyn FedPlugin>>,
    /// The detector of secrets and its salt; none until that is known.
    secrets: Option<(Arc<SecretDetector>, [u8; 32])>,
    /// What rules and lists ask for.
    pub looks_for: LooksFor,
    /// What analyzers go by.
    pub names: NameTables,
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
            looks_for: self.looks_for,
            names: self.names.clone(),
        }
    }

    /// Says under which salt secrets are hashed.
    pub fn hash_secrets_under(&mut self, salt: &[u8; 32]) {
        self.secrets = Some((Arc::new(SecretDetector::new(salt)), *salt));
    }

    /// Gives that salt, while images are read for secrets.
    pub fn salt(&self) -> Option<[u8; 32]> {
        let secrets = self.secrets.as_ref();
        secrets
            .filter(|_| self.looks_for.secrets)
            .map(|(_, salt)| *salt)
    }

    /// Gives the file of a table of names in force by its SHA-256.
    pub fn table(&self, digest: &str) -> Option<Vec<u8>> {
        let mut tables = self.names.fed();
        let table = tables.find(|table| table.file.digest() == digest)?;
        Some(table.file.bytes().to_vec())
    }

    /// Makes the set.
    pub fn set(&self) -> Result<PluginSet, FedError> {
        let mut fed = self.fed.clone();
        let secrets = self.secrets.as_ref().filter(|_| self.looks_for.secrets);
        if let Some((secrets, _)) = secrets {
            fed.push(Arc::clone(secrets) as Arc<dyn FedPlugin>);
        }
        if self.looks_for.configuration {
            fed.push(Arc::new(ConfigurationDetector));
        }
        if self.looks_for.malware {
            fed.push(Arc::new(MalwareDetector));
        }
        PluginSet::with_tables(fed, self.names.clone())
    }
}
