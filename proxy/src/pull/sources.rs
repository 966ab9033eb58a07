//! The configured upstreams, by the name that canonical repositories begin with.

use std::collections::HashMap;
use std::sync::Arc;

use sluicegate_model::Repository;
use sluicegate_upstream::Upstream;

use super::error::PullError;

/// Every upstream of the configuration.
#[derive(Default)]
pub struct Upstreams(HashMap<String, Arc<Upstream>>);

impl Upstreams {
    /// Collects upstreams by name.
    pub fn new(upstreams: impl IntoIterator<Item = (String, Arc<Upstream>)>) -> Self {
        Self(upstreams.into_iter().collect())
    }

    /// Lists the upstreams by name.
    pub fn all(&self) -> Vec<&Arc<Upstream>> {
        let mut all: Vec<_> = self.0.values().collect();
        all.sort_by_key(|upstream| upstream.name().to_owned());
        all
    }

    /// Finds the upstream of a repository.
    pub fn of(&self, repository: &Repository) -> Result<&Arc<Upstream>, PullError> {
        self.0
            .get(repository.upstream())
            .ok_or(PullError::UnknownManifest)
    }
}
