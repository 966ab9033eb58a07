//! The bytes of granted blobs: from disk, or while they arrive from the upstream.

use std::io;
use std::ops::Range;

use sluicegate_model::Repository;

use super::{Cleared, Gate, Grant};
use crate::cache::{self, BlobBody, BlobSource, Growth, Waiting};
use crate::pull::error::PullError;

impl Gate {
    /// Waits until the first byte of a granted blob is here. What cannot be had is then told by a
    /// status and its reason; once headers have left, only a cut would be possible.
    pub async fn begun(
        &self,
        repository: &Repository,
        grant: &Cleared<Grant>,
    ) -> Result<(), PullError> {
        let Cleared(grant) = grant;
        let source = self.presence.source(repository, &grant.blob, &grant.proof);
        let source = source.await?;
        let BlobSource::Growing(growing) = &source else {
            return Ok(());
        };
        let client = Waiting::default();
        growing.readers().join(client.seen_from_afar());
        if let Some(interest) = &grant.interest {
            interest.join(client.seen_from_afar());
        }
        growing.begun().await;
        if matches!(growing.growth(), Growth::Failed(_)) {
            self.downloads.stored(&grant.blob.digest, &source).await?;
        }
        Ok(())
    }

    /// Opens the bytes of a granted blob, from disk or from the upstream.
    pub async fn open(
        &self,
        repository: &Repository,
        grant: Cleared<Grant>,
        range: Range<u64>,
    ) -> Result<Cleared<BlobBody>, PullError> {
        let Cleared(mut grant) = grant;
        let source = self.presence.source(repository, &grant.blob, &grant.proof);
        let source = source.await?;
        if let Some(tail) = &mut grant.tail
            && !source.end_is_known()
        {
            // It was fetched anew meanwhile, and nothing says yet where it ends.
            tail.from = 0;
        }
        let opened = match cache::stream(source, range.clone(), grant.tail.clone()) {
            // Evicted in between.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let source = self.downloads.ensure(repository, &grant.blob).await?;
                cache::stream(source, range, grant.tail)
            }
            opened => opened,
        };
        let body = opened.map_err(|error| PullError::Storage(error.to_string()))?;
        if let Some(interest) = &grant.interest {
            interest.join(body.client().seen_from_afar());
        }
        Ok(Cleared(body))
    }
}
