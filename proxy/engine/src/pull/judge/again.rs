//! Images that nobody asks for, read again and decided on.

use std::sync::Arc;

use sluicegate_model::manifest::ImageManifest;
use sluicegate_model::verdict::Verdict;
use sluicegate_model::{Digest, Scope};

use super::Judge;
use crate::pull::error::PullError;

impl Judge {
    /// Reads an image that nobody asks for, as far as what is kept of its layers does not do, and decides
    /// on it.
    pub(crate) async fn read_again(
        &self,
        scope: &Scope,
        digest: &Digest,
        manifest: &ImageManifest,
    ) -> Result<Arc<Verdict>, PullError> {
        let image = scope.sighting(digest);
        let held = self.jobs.read_again(&scope.repository, &image, manifest);
        self.judge(scope, digest, &[], held.await?).await
    }
}
