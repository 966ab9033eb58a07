//! The registries that a scanner may fetch from: those that it was told, and no other, whatever the
//! service asks for.

use std::collections::HashMap;
use std::sync::Arc;

use sluicegate_model::Repository;
use sluicegate_upstream::{Upstream, UpstreamError};

use super::AgentParts;
use crate::app::proxy_variables;
use crate::inspect::source::{Registry, Surroundings};

/// Registries by their names.
#[derive(Clone)]
pub(super) struct Reach {
    registries: Arc<HashMap<String, Arc<Upstream>>>,
    surroundings: Surroundings,
}

/// The registry of a repository is not among them.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is none of the registries that this scanner may fetch from (--allow)")]
pub(super) struct NotAllowed(String);

impl Reach {
    /// Prepares to ask the registries; connects to nothing.
    pub(super) fn new(parts: &AgentParts) -> Result<Self, UpstreamError> {
        let mut registries = HashMap::new();
        for described in &parts.allow {
            let proxy = proxy_variables(&parts.settings);
            let upstream = Upstream::from_settings(described, proxy, None)?;
            registries.insert(described.name.clone(), Arc::new(upstream));
        }
        Ok(Self {
            registries: Arc::new(registries),
            surroundings: Surroundings {
                settings: Arc::clone(&parts.settings),
                environment: Arc::clone(&parts.environment),
                platform: None,
                runtime: tokio::runtime::Handle::current(),
                on_copy: Arc::new(|_| {}),
                on_note: Arc::new(|note| tracing::warn!(%note, "an image")),
            },
        })
    }

    /// Finds the registry of a repository.
    pub(super) fn registry(&self, repository: &Repository) -> Result<Registry, NotAllowed> {
        let upstream = self.upstream(repository)?;
        Ok(Registry::at(
            upstream,
            repository.clone(),
            &self.surroundings,
        ))
    }

    /// Finds the client of a repository's registry.
    pub(super) fn upstream(&self, repository: &Repository) -> Result<Arc<Upstream>, NotAllowed> {
        self.of_name(repository.upstream())
    }

    /// Finds the client of a registry by its name.
    pub(super) fn of_name(&self, name: &str) -> Result<Arc<Upstream>, NotAllowed> {
        let upstream = self.registries.get(name).cloned();
        upstream.ok_or_else(|| NotAllowed(name.to_owned()))
    }
}
