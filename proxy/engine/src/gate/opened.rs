//! The bytes of granted blobs: from disk, or while they arrive from the upstream.

use std::io;
use std::ops::Range;

use crate::content::{self, BlobBody, BlobSource, Growth, TailHold, Waiting};
use sluicegate_model::Repository;

use super::Gate;
use super::blob::Grant;
use crate::pull::error::PullError;

impl Gate {
    /// Waits until the first byte of a granted blob is here, and says where its bytes come from.
    /// What cannot be had is then told by a status and its reason; once headers have left, only a
    /// cut would be possible.
    pub(super) async fn begun(
        &self,
        repository: &Repository,
        grant: &Grant,
    ) -> Result<BlobSource, PullError> {
        let source = self
            .parts
            .presence
            .source(repository, &grant.blob, &grant.proof);
        let source = source.await?;
        let BlobSource::Growing(growing) = &source else {
            return Ok(source);
        };
        let client = Waiting::default();
        growing.readers().join(client.seen_from_afar());
        if let Some(interest) = &grant.interest {
            interest.join(client.seen_from_afar());
        }
        growing.begun().await;
        if matches!(growing.growth(), Growth::Failed(_)) {
            self.parts
                .downloads
                .stored(&grant.blob.digest, &source)
                .await?;
        }
        Ok(source)
    }

    /// Opens the bytes of a granted blob where they have [begun](Self::begun), else wherever they
    /// come from.
    pub(super) async fn open(
        &self,
        repository: &Repository,
        grant: Grant,
        begun: Option<BlobSource>,
        range: Range<u64>,
    ) -> Result<BlobBody, PullError> {
        let source = if let Some(source) = begun {
            source
        } else {
            let source = self
                .parts
                .presence
                .source(repository, &grant.blob, &grant.proof);
            source.await?
        };
        let opened = match stream(source, range.clone(), grant.tail.clone()) {
            // Evicted in between.
            Err(error) if error.kind() == io::ErrorKind::NotFound => {
                let source = self.parts.downloads.ensure(repository, &grant.blob).await?;
                stream(source, range, grant.tail)
            }
            opened => opened,
        };
        let body = opened.map_err(PullError::storage)?;
        if let Some(interest) = &grant.interest {
            interest.join(body.client().seen_from_afar());
        }
        Ok(body)
    }
}

/// Streams a blob behind its held tail. Where it was fetched anew meanwhile and nothing says yet
/// where it ends, all of it is held.
fn stream(
    source: BlobSource,
    range: Range<u64>,
    mut tail: Option<TailHold>,
) -> io::Result<BlobBody> {
    if let Some(tail) = &mut tail
        && !source.end_is_known()
    {
        tail.from = 0;
    }
    content::stream(source, range, tail)
}
