//! The whole of a blob from an upstream, read only for its digest: nothing of it is kept.

use std::time::{Duration, Instant};

use crate::content::StoredBlob;
use crate::origin::{Askers, Failure, Origin, OriginBlob, OriginError};
use futures_util::TryStreamExt as _;
use sluicegate_model::backoff::Backoff;
use sluicegate_model::{Digest, DigestHasher, Repository};

use crate::pull::error::PullError;

/// Attempts in a row without a single new byte before it is given up.
const MAX_IDLE_ATTEMPTS: u32 = 4;
/// How often in all an upstream that is asked for too much is asked again: some minutes.
const MAX_LIMITS: u32 = 12;
/// The pause between attempts, for each that brought nothing.
const PAUSE: Duration = Duration::from_millis(200);
/// Pace below which an upstream is given up after [`PACE_AFTER`], in bytes a second.
const LEAST_PACE: u64 = 1024;
/// How long any pace is borne.
const PACE_AFTER: Duration = Duration::from_mins(5);

/// That the rest would take too long.
#[derive(Debug, thiserror::Error)]
#[error("blob {} {} of {}: it sends fewer than {LEAST_PACE} bytes a second", .0.path(), .1, .0.upstream())]
struct TooSlow(Repository, Digest);

/// A blob that is being read, and how far that is.
struct Reading<'a> {
    repository: &'a Repository,
    stored: &'a StoredBlob,
    started: Instant,
    hasher: DigestHasher,
    bytes: u64,
}

/// Reads the blob from the upstream and compares its digest. `body` is an answer that has begun
/// already, from the first byte on.
pub(super) async fn prove(
    upstream: &dyn Origin,
    repository: &Repository,
    stored: &StoredBlob,
    mut body: Option<OriginBlob>,
) -> Result<(), PullError> {
    let digest = stored.digest();
    let askers = Askers::of(digest);
    let mut read = Reading {
        repository,
        stored,
        started: Instant::now(),
        hasher: DigestHasher::new(digest.algorithm()),
        bytes: 0,
    };
    let (mut idle, mut limits, mut backoff) = (0, 0, Backoff::default());
    loop {
        let before = read.bytes;
        let opened = match body.take() {
            Some(body) => Ok(body),
            None => upstream.blob(&askers, repository, digest, before).await,
        };
        let ended = match opened {
            Ok(body) => read.on(body).await,
            Err(error) => Err(error),
        };
        match ended {
            Ok(()) => break,
            Err(error) => {
                if read.bytes > before {
                    (idle, backoff) = (0, Backoff::default());
                } else {
                    idle += 1;
                }
                if error.is_too_much() && limits < MAX_LIMITS {
                    let wait = error
                        .wait(&mut backoff)
                        .ok_or_else(|| PullError::of_blob(error, digest))?;
                    limits += 1;
                    idle = 0;
                    tokio::time::sleep(wait).await;
                    continue;
                }
                if !error.is_retryable() || idle >= MAX_IDLE_ATTEMPTS {
                    return Err(PullError::of_blob(error, digest));
                }
                tokio::time::sleep(PAUSE * (idle + 1)).await;
            }
        }
    }
    let (bytes, got) = (read.bytes, read.hasher.finish());
    if got == *digest {
        return Ok(());
    }
    Err(PullError::Damaged(format!(
        "{digest}: {repository} sends {bytes} bytes of digest {got}"
    )))
}

impl Reading<'_> {
    /// Reads an answer to its end, or to one byte more than the blob has.
    async fn on(&mut self, mut body: OriginBlob) -> Result<(), OriginError> {
        let length = self.stored.len();
        if body.total_len.is_some_and(|total| total != length) {
            // It is another blob, however it goes on.
            self.hasher.update(b"of another length");
            return Ok(());
        }
        // An upstream that ignores Range sends what was read already once more.
        let mut known = self.bytes.saturating_sub(body.offset);
        while let Some(mut chunk) = body.pieces.try_next().await? {
            let skipped = usize::try_from(known)
                .unwrap_or(usize::MAX)
                .min(chunk.len());
            known -= skipped as u64;
            let fresh = chunk.split_off(skipped);
            self.hasher.update(&fresh);
            self.bytes = self.bytes.saturating_add(fresh.len() as u64);
            if self.bytes > length {
                return Ok(());
            }
            let elapsed = self.started.elapsed();
            if elapsed > PACE_AFTER && self.bytes < elapsed.as_secs() * LEAST_PACE {
                let slow = TooSlow(self.repository.clone(), self.stored.digest().clone());
                return Err(OriginError::new(Failure::Broken, None, slow));
            }
        }
        Ok(())
    }
}
