//! What has left: released manifests and pulled platforms, recorded once and then only remembered.
//!
//! A warm pull must not cost a write. What is remembered here is already durable.

use std::sync::Arc;

use crate::ledger::{Ledger, Release};
use moka::sync::Cache;
use sluicegate_model::{Digest, Repository};

use super::error::PullError;

/// Facts remembered; each is about 200 bytes.
const MEMORY_FACTS: u64 = 20_000;

/// Whether the bytes of a manifest leave.
type IsGiven = bool;

/// Records what leaves.
#[derive(Clone)]
pub struct Releases {
    manifests: Cache<(Repository, Digest, IsGiven), ()>,
    platforms: Cache<(Repository, String), ()>,
    ledger: Arc<dyn Ledger>,
}

impl Releases {
    /// Starts with nothing remembered.
    pub fn new(ledger: Arc<dyn Ledger>) -> Self {
        let manifests = Cache::builder().max_capacity(MEMORY_FACTS).build();
        let platforms = Cache::builder().max_capacity(MEMORY_FACTS).build();
        Self {
            manifests,
            platforms,
            ledger,
        }
    }

    /// Records that the manifest was served in the repository. Durable when it returns.
    pub async fn manifest(
        &self,
        repository: &Repository,
        digest: &Digest,
        release: Release,
    ) -> Result<(), PullError> {
        let is_given = release == Release::Given;
        let key = (repository.clone(), digest.clone(), is_given);
        if self.manifests.contains_key(&key) {
            return Ok(());
        }
        // A full disk takes no more records and must not stop what was recorded long ago.
        let is_known = match release {
            Release::Announced => self.ledger.is_released(repository, digest).await?,
            Release::Given => self.ledger.is_given(repository, digest).await?,
        };
        if !is_known {
            let marked = self.ledger.mark_released(repository, digest, release).await;
            // What was served long ago, before it was told apart how, goes on being.
            if marked.is_err() && !self.ledger.is_released(repository, digest).await? {
                return Ok(marked?);
            }
        }
        self.manifests.insert(key, ());
        Ok(())
    }

    /// Records that an image for the platform was pulled from the repository.
    pub async fn platform(&self, repository: &Repository, platform: &str) -> Result<(), PullError> {
        let key = (repository.clone(), platform.to_owned());
        if self.platforms.contains_key(&key) {
            return Ok(());
        }
        self.ledger.add_platform(repository, platform).await?;
        self.platforms.insert(key, ());
        Ok(())
    }
}
