//! One upstream request for each blob, however many clients ask: the bytes go into a growing file
//! that clients and the scanner read while it grows.
//!
//! A cut is resumed by Range with the hash still running; a wrong digest is never published.

use std::collections::HashMap;
use std::pin::pin;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::content::{
    BlobFailure, BlobSource, BlobWriter, Content, GrowingBlob, Interest, Waiting,
};
use crate::ledger::Ledger;
use crate::origin::{Askers, OriginBlob, OriginError, Origins};
use crate::trace;
use bytes::Bytes;
use futures_util::TryStreamExt as _;
use moka::sync::Cache;
use rand::Rng as _;
use sluicegate_model::manifest::Descriptor;
use sluicegate_model::{Digest, Repository};
use tokio::time::Instant;

use super::error::PullError;
use super::slow::{Interests, Pace, Patience, USUAL};

/// Attempts in a row without a single new byte before a download is given up.
const MAX_IDLE_ATTEMPTS: u32 = 4;
/// Attempts in all: a link that is cut every few hundred KiB still brings a layer of some GiB.
const MAX_ATTEMPTS: u32 = 1_000;
/// The first pause between attempts; doubled each time nothing came.
const FIRST_PAUSE: Duration = Duration::from_millis(200);
/// Silence of an upstream after which readers are shown what came so far: not worth a write while
/// bytes arrive, and unnoticed by a client.
const SHOW_AFTER: Duration = Duration::from_millis(50);
/// How long an upstream's last word on a blob is kept.
const SAID_FOR: Duration = Duration::from_mins(1);

/// The downloads under way.
#[derive(Clone)]
pub struct Downloads {
    shared: Arc<Shared>,
}

/// A download under way, and which repository's upstream vouches for it by sending it.
struct Arriving {
    blob: Arc<GrowingBlob>,
    from: Repository,
    interests: Arc<Interests>,
    askers: Askers,
}

/// What a download is about.
struct Task {
    repository: Repository,
    blob: Descriptor,
    interests: Arc<Interests>,
    askers: Askers,
}

struct Shared {
    running: Mutex<HashMap<Digest, Arriving>>,
    /// What upstreams said of blobs that failed lately, for those who waited for them.
    said: Cache<Digest, OriginError>,
    content: Arc<dyn Content>,
    ledger: Arc<dyn Ledger>,
    upstreams: Arc<dyn Origins>,
    pace: Pace,
}

impl Downloads {
    /// Starts with nothing under way.
    pub fn new(
        content: Arc<dyn Content>,
        ledger: Arc<dyn Ledger>,
        upstreams: Arc<dyn Origins>,
    ) -> Self {
        Self::at_pace(content, ledger, upstreams, USUAL)
    }

    fn at_pace(
        content: Arc<dyn Content>,
        ledger: Arc<dyn Ledger>,
        upstreams: Arc<dyn Origins>,
        pace: Pace,
    ) -> Self {
        let running = Mutex::default();
        let said = Cache::builder()
            .max_capacity(1_000)
            .time_to_live(SAID_FOR)
            .build();
        Self {
            shared: Arc::new(Shared {
                running,
                said,
                content,
                ledger,
                upstreams,
                pace,
            }),
        }
    }

    /// Tells whether the repository's own upstream is sending the blob right now.
    pub fn arrives_from(&self, repository: &Repository, digest: &Digest) -> bool {
        self.arriving_from(repository, digest).is_some()
    }

    /// Gives the blob that the repository's own upstream is sending right now.
    pub fn arriving_from(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Option<Arc<GrowingBlob>> {
        let running = self
            .shared
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let arriving = running.get(digest)?;
        (arriving.from == *repository).then(|| Arc::clone(&arriving.blob))
    }

    /// Waits until the blob is whole and its digest proven. It may not be durable yet.
    pub async fn proven(&self, digest: &Digest, source: &BlobSource) -> Result<(), PullError> {
        let proven = source.proven().await;
        proven.map_err(|failure| self.explain(digest, &failure))
    }

    /// Waits until the blob can be read from the store.
    pub async fn stored(&self, digest: &Digest, source: &BlobSource) -> Result<(), PullError> {
        let BlobSource::Growing(growing) = source else {
            return Ok(());
        };
        match growing.finished().await {
            Ok(_stored) => Ok(()),
            Err(failure) => Err(self.explain(digest, &failure)),
        }
    }

    /// Reads a small blob whole, once it is here; none where it is larger than `max` bytes or was
    /// evicted meanwhile.
    pub async fn read(
        &self,
        repository: &Repository,
        blob: &Descriptor,
        max: usize,
    ) -> Result<Option<Bytes>, PullError> {
        let source = self.ensure(repository, blob).await?;
        let reader = Waiting::default();
        if let BlobSource::Growing(growing) = &source {
            growing.readers().join(reader.seen_from_afar());
        }
        self.stored(&blob.digest, &source).await?;
        drop(reader);
        Ok(self.shared.content.read(&blob.digest, max).await?)
    }

    /// Says why a blob did not arrive, with what its upstream said.
    pub(super) fn explain(&self, digest: &Digest, failure: &BlobFailure) -> PullError {
        match failure {
            BlobFailure::Upstream(text) => match self.shared.said.get(digest) {
                Some(error) => PullError::of_blob(error, digest),
                None => PullError::Damaged(text.clone()),
            },
            BlobFailure::DigestMismatch { .. } | BlobFailure::LengthMismatch { .. } => {
                PullError::Damaged(format!("{digest}: {failure}"))
            }
            BlobFailure::Forsaken { .. } => PullError::Forsaken(failure.to_string()),
            BlobFailure::DiskFull => PullError::Full(failure.to_string()),
            BlobFailure::Disk(_) | BlobFailure::Abandoned => PullError::storage(failure.clone()),
        }
    }

    /// Gives the blob from disk, from the download under way, or from one that starts now.
    ///
    /// What an earlier process left on disk is hashed before it is used for the first time, and
    /// fetched again where it is not what its digest says: disks rot.
    pub async fn ensure(
        &self,
        repository: &Repository,
        blob: &Descriptor,
    ) -> Result<BlobSource, PullError> {
        // Whoever asks for it by itself takes turns with images as if it were one.
        self.ensure_as(&blob.digest, repository, blob).await
    }

    async fn ensure_as(
        &self,
        asker: &Digest,
        repository: &Repository,
        blob: &Descriptor,
    ) -> Result<BlobSource, PullError> {
        let source = self.at_hand(asker, repository, blob)?;
        if let BlobSource::Stored(stored) = &source
            && let Err(error) = stored.prove_once().await
        {
            tracing::warn!(digest = %blob.digest, %error, "blob fetched again");
            return self.at_hand(asker, repository, blob);
        }
        Ok(source)
    }

    /// Does the same for the pull of an image, whose clients then wait for the blob as well.
    pub async fn ensure_for(
        &self,
        image: &Digest,
        interest: &Arc<Interest>,
        repository: &Repository,
        blob: &Descriptor,
    ) -> Result<BlobSource, PullError> {
        let source = self.ensure_as(image, repository, blob).await?;
        let running = self.shared.running.lock();
        let running = running.unwrap_or_else(PoisonError::into_inner);
        if let Some(arriving) = running.get(&blob.digest) {
            arriving.interests.add_pull(interest);
        }
        Ok(source)
    }

    fn at_hand(
        &self,
        asker: &Digest,
        repository: &Repository,
        blob: &Descriptor,
    ) -> Result<BlobSource, PullError> {
        let mut running = self
            .shared
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(stored) = self.shared.content.lookup(&blob.digest) {
            return Ok(BlobSource::Stored(stored));
        }
        if let Some(arriving) = running.get(&blob.digest) {
            arriving.askers.add(asker);
            return Ok(BlobSource::Growing(Arc::clone(&arriving.blob)));
        }
        let writer = self.shared.content.begin(&blob.digest, Some(blob.size))?;
        let growing = writer.blob();
        let interests = Arc::new(Interests::new(Arc::clone(growing.readers())));
        let task = Task {
            repository: repository.clone(),
            blob: blob.clone(),
            interests: Arc::clone(&interests),
            askers: Askers::of(asker),
        };
        let arriving = Arriving {
            blob: Arc::clone(&growing),
            from: repository.clone(),
            interests,
            askers: task.askers.clone(),
        };
        running.insert(blob.digest.clone(), arriving);
        drop(running);
        let work = Arc::clone(&self.shared).run(task, writer);
        tokio::spawn(trace::carried(work));
        Ok(BlobSource::Growing(growing))
    }
}

impl Shared {
    async fn run(self: Arc<Self>, task: Task, mut writer: BlobWriter) {
        let (repository, blob) = (&task.repository, &task.blob);
        let fetched = tokio::select! {
            fetched = self.fetch(&task, &mut writer) => fetched,
            () = task.interests.until_forsaken(self.pace) => Err(BlobFailure::Forsaken { size: blob.size }),
        };
        match fetched {
            Ok(()) => {
                self.publish(repository, blob, writer).await;
                self.forget(&blob.digest);
            }
            Err(failure) => {
                tracing::warn!(%repository, digest = %blob.digest, %failure, "blob failed");
                // Forgotten first, so that whoever tries again starts a download of its own.
                self.forget(&blob.digest);
                writer.fail(failure);
            }
        }
    }

    fn forget(&self, digest: &Digest) {
        let running = self.running.lock();
        running
            .unwrap_or_else(PoisonError::into_inner)
            .remove(digest);
    }

    async fn publish(&self, repository: &Repository, blob: &Descriptor, mut writer: BlobWriter) {
        // The digest before everything: an upstream that sends something else has not got the blob.
        if let Err(error) = writer.prove().await {
            tracing::warn!(%repository, digest = %blob.digest, %error, "blob refused");
            return;
        }
        // Membership next: once the bytes are visible, nobody should have to ask again.
        if let Err(error) = self
            .ledger
            .mark_blob_present(repository, &blob.digest)
            .await
        {
            tracing::error!(%repository, digest = %blob.digest, %error, "membership not recorded");
            writer.fail(BlobFailure::Disk(error.to_string()));
            return;
        }
        if let Err(error) = writer.commit().await {
            tracing::warn!(%repository, digest = %blob.digest, %error, "blob refused");
        }
    }

    async fn fetch(&self, task: &Task, writer: &mut BlobWriter) -> Result<(), BlobFailure> {
        let (repository, blob) = (&task.repository, &task.blob);
        let (mut idle, mut patience) = (0, Patience::at(Instant::now()));
        for attempt in 0..MAX_ATTEMPTS {
            let before = writer.written();
            let ended = self.attempt(task, writer).await;
            let has_moved = writer.written() > before;
            idle = if has_moved { 0 } else { idle + 1 };
            if has_moved {
                patience.renew();
            }
            let error = match ended {
                Ok(()) if writer.written() == blob.size => return Ok(()),
                Ok(()) if idle >= MAX_IDLE_ATTEMPTS => break,
                Ok(()) => {
                    tokio::time::sleep(pause_before(idle)).await;
                    continue;
                }
                Err(Attempt::Fatal(failure)) => return Err(failure),
                Err(Attempt::Upstream(error)) => error,
            };
            let pause = if error.is_too_much() {
                // It has the blob and will not give it now: that is waited for, not counted.
                idle = 0;
                patience.after(&error, task.interests.are_wanted(), Instant::now())
            } else {
                let goes_on = error.is_retryable() && idle < MAX_IDLE_ATTEMPTS;
                goes_on.then(|| pause_before(idle))
            };
            let Some(pause) = pause else {
                let failure = BlobFailure::Upstream(error.to_string());
                self.said.insert(blob.digest.clone(), error);
                return Err(failure);
            };
            tracing::info!(%repository, digest = %blob.digest, written = writer.written(), attempt,
                %error, "blob resumes");
            tokio::time::sleep(pause).await;
        }
        Err(BlobFailure::LengthMismatch {
            got: writer.written(),
            wanted: blob.size,
        })
    }

    async fn attempt(&self, task: &Task, writer: &mut BlobWriter) -> Result<(), Attempt> {
        let (repository, blob) = (&task.repository, &task.blob);
        let upstream = self.upstreams.of(repository).map_err(Attempt::Upstream)?;
        let offset = writer.written();
        let mut body = upstream
            .blob(&task.askers, repository, &blob.digest, offset)
            .await
            .map_err(Attempt::Upstream)?;
        // Where layers leave before the verdict, what is withheld is measured from their end: an
        // end that only the manifest claims could lie behind the last byte.
        writer.blob().tell_end(body.total_len.is_some());
        if let Some(total) = body.total_len
            && total != blob.size
        {
            let failure = BlobFailure::LengthMismatch {
                got: total,
                wanted: blob.size,
            };
            return Err(Attempt::Fatal(failure));
        }
        // An upstream that ignores Range sends what is already here once more.
        let mut known = offset.saturating_sub(body.offset);
        while let Some(mut chunk) = next_chunk(&mut body, writer).await? {
            let skipped = usize::try_from(known)
                .unwrap_or(usize::MAX)
                .min(chunk.len());
            known -= skipped as u64;
            let fresh = chunk.split_off(skipped);
            if fresh.is_empty() {
                continue;
            }
            task.interests.add(fresh.len() as u64);
            writer
                .append(fresh)
                .await
                .map_err(|error| Attempt::Fatal(BlobFailure::from(&error)))?;
        }
        Ok(())
    }
}

/// Waits for the next bytes; while none come, readers are shown what the writer has gathered.
async fn next_chunk(
    body: &mut OriginBlob,
    writer: &mut BlobWriter,
) -> Result<Option<Bytes>, Attempt> {
    let mut next = pin!(body.pieces.try_next());
    let chunk = match tokio::time::timeout(SHOW_AFTER, &mut next).await {
        Ok(chunk) => chunk,
        Err(_silent) => {
            let shown = writer.show().await;
            shown.map_err(|error| Attempt::Fatal(BlobFailure::from(&error)))?;
            next.await
        }
    };
    chunk.map_err(Attempt::Upstream)
}

enum Attempt {
    Upstream(OriginError),
    Fatal(BlobFailure),
}

fn pause_before(idle: u32) -> Duration {
    let pause = FIRST_PAUSE * 2_u32.pow(idle.min(6));
    pause.mul_f64(rand::rng().random_range(0.5..1.0))
}

#[cfg(test)]
mod tests;
