//! Whether a repository's own upstream has a blob: proven by bytes, before any of it leaves there.
//!
//! Content is shared, membership is not. What this repository's upstream sent is its own. What is
//! here from elsewhere is served only after this upstream gave, for this repository, parts of it
//! that it could not choose, or the whole. What it merely says, to HEAD or otherwise, proves
//! nothing. A proof is kept in the records and outlives eviction.

mod offsets;
mod whole;

use std::sync::Arc;
use std::time::Duration;

use crate::content::{BlobSource, Content, GrowingBlob, Growth, StoredBlob};
use crate::ledger::Ledger;
use crate::origin::{BlobPart, Origin, OriginBlob, Origins};
use crate::trace;
use futures_util::StreamExt as _;
use moka::future::Cache;
use sluicegate_model::manifest::Descriptor;
use sluicegate_model::{Digest, Repository};

use super::download::Downloads;
use super::error::PullError;
use crate::instance_key::InstanceKey;

/// Parts of one blob that are asked for at a time.
const PARTS_AT_A_TIME: usize = 3;
/// How long an upstream's answer that proves nothing is believed: long enough for a client's
/// retries, for each may cost the whole blob.
const FAILED_FOR: Duration = Duration::from_secs(10);
/// How often the blob is looked for: downloads for other repositories may fail one after another.
const MAX_LOOKS: usize = 8;

/// How it is known that a repository's upstream has a blob.
#[derive(Clone, Debug)]
pub enum Proof {
    /// It has sent the blob, or parts of it that it could not choose.
    Given,
    /// It is sending the blob right now. Only what it sends may leave.
    Arriving(Arc<GrowingBlob>),
}

/// Proves presence.
#[derive(Clone)]
pub struct Presence {
    shared: Arc<Shared>,
}

struct Shared {
    key: InstanceKey,
    content: Arc<dyn Content>,
    ledger: Arc<dyn Ledger>,
    downloads: Downloads,
    upstreams: Arc<dyn Origins>,
    /// Proofs under way: whoever asks meanwhile waits for the same one.
    proving: Cache<(Repository, Digest), ()>,
    failed: moka::sync::Cache<(Repository, Digest), PullError>,
}

impl Presence {
    /// Joins the parts.
    pub fn new(
        key: InstanceKey,
        content: Arc<dyn Content>,
        ledger: Arc<dyn Ledger>,
        downloads: Downloads,
        upstreams: Arc<dyn Origins>,
    ) -> Self {
        let shared = Shared {
            key,
            content,
            ledger,
            downloads,
            upstreams,
            // Only for joining: the proof itself is in the records.
            proving: Cache::builder()
                .max_capacity(1_000)
                .time_to_live(FAILED_FOR)
                .build(),
            failed: moka::sync::Cache::builder()
                .max_capacity(1_000)
                .time_to_live(FAILED_FOR)
                .build(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Proves that the repository's upstream has the blob, or joins the proof.
    ///
    /// *Errors*: [`PullError::AbsentBlob`] where it has not, [`PullError::Damaged`] where it sends
    /// something else.
    pub async fn prove(
        &self,
        repository: &Repository,
        blob: &Descriptor,
    ) -> Result<Proof, PullError> {
        let downloads = &self.shared.downloads;
        for _ in 0..MAX_LOOKS {
            if let Some(own) = downloads.arriving_from(repository, &blob.digest) {
                return Ok(Proof::Arriving(own));
            }
            if self.is_recorded(repository, &blob.digest).await? {
                return Ok(Proof::Given);
            }
            match downloads.ensure(repository, blob).await? {
                BlobSource::Stored(stored) => {
                    // Our own upstream may have sent it since we looked.
                    if !self.is_recorded(repository, &blob.digest).await? {
                        self.join(repository, stored).await?;
                    }
                    return Ok(Proof::Given);
                }
                // Another repository's upstream sends it: its failure is not ours.
                source @ BlobSource::Growing(_)
                    if downloads.arriving_from(repository, &blob.digest).is_none() =>
                {
                    let _ended = downloads.stored(&blob.digest, &source).await;
                }
                BlobSource::Growing(_) => {}
            }
        }
        Err(PullError::Crowded(blob.digest.clone()))
    }

    /// Gives the bytes that a proof is about.
    pub async fn source(
        &self,
        repository: &Repository,
        blob: &Descriptor,
        proof: &Proof,
    ) -> Result<BlobSource, PullError> {
        let mut proof = proof.clone();
        if let Proof::Arriving(growing) = &proof
            && matches!(growing.growth(), Growth::Failed(_))
        {
            proof = self.prove(repository, blob).await?;
        }
        match proof {
            Proof::Arriving(growing) => Ok(BlobSource::Growing(growing)),
            Proof::Given => self.shared.downloads.ensure(repository, blob).await,
        }
    }

    async fn is_recorded(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<bool, PullError> {
        Ok(self.shared.ledger.blob_present(repository, digest).await?)
    }

    /// Joins the proof for a blob that is here from elsewhere, or begins it. A client that leaves does
    /// not stop it.
    async fn join(&self, repository: &Repository, stored: StoredBlob) -> Result<(), PullError> {
        let key = (repository.clone(), stored.digest().clone());
        if let Some(failed) = self.shared.failed.get(&key) {
            return Err(failed);
        }
        let shared = Arc::clone(&self.shared);
        // Waits in a task of its own: where the client leaves the proof goes on, and who comes back
        // joins it.
        let joined = tokio::spawn(trace::carried(async move {
            let asking = shared.ask(&key, &stored);
            shared.proving.try_get_with_by_ref(&key, asking).await
        }));
        let proven = joined.await;
        let proven = proven.map_err(|panic| PullError::broken("proving a blob", panic))?;
        proven.map_err(|error: Arc<PullError>| (*error).clone())
    }
}

impl Shared {
    async fn ask(&self, key: &(Repository, Digest), stored: &StoredBlob) -> Result<(), PullError> {
        let (repository, digest) = key;
        let _pin = self.content.pin(digest);
        let proven = self.ask_upstream(repository, stored).await;
        match &proven {
            Ok(()) => self.ledger.mark_blob_present(repository, digest).await?,
            Err(error) => {
                tracing::warn!(%repository, %digest, %error, "presence not proven");
                if is_believed(error) {
                    self.failed.insert(key.clone(), error.clone());
                }
            }
        }
        proven
    }

    async fn ask_upstream(
        &self,
        repository: &Repository,
        stored: &StoredBlob,
    ) -> Result<(), PullError> {
        let upstream = self.upstreams.of(repository)?;
        match self.parts(&*upstream, repository, stored).await {
            Ok(Parts::Equal) => Ok(()),
            Ok(Parts::Unproven(body)) => whole::prove(&*upstream, repository, stored, body).await,
            Err(error) => Err(error),
        }
    }

    /// Compares the parts that this instance wants to see with ours.
    async fn parts(
        &self,
        upstream: &dyn Origin,
        repository: &Repository,
        stored: &StoredBlob,
    ) -> Result<Parts, PullError> {
        let wanted = offsets::parts(&self.key, repository, stored.digest(), stored.len());
        let ours = offsets::read(stored, wanted).await?;
        let mut ours = ours.into_iter();
        // One alone: an upstream that ignores Range is asked once, and its answer is the whole.
        let Some((part, bytes)) = ours.next() else {
            return Ok(Parts::Unproven(None));
        };
        let ask = |part| upstream.blob_part(repository, stored.digest(), part);
        let digest = stored.digest();
        match ask(part)
            .await
            .map_err(|error| PullError::of_blob(error, digest))?
        {
            BlobPart::Part(theirs) if theirs == bytes => {}
            BlobPart::Whole(body) => return Ok(Parts::Unproven(Some(body))),
            BlobPart::Part(_) | BlobPart::Neither => return Ok(Parts::Unproven(None)),
        }
        let rest = ours.map(|(part, bytes)| {
            let asking = ask(part);
            async move {
                let got = asking
                    .await
                    .map_err(|error| PullError::of_blob(error, digest))?;
                Ok::<_, PullError>(matches!(got, BlobPart::Part(theirs) if theirs == bytes))
            }
        });
        let mut rest = futures_util::stream::iter(rest).buffer_unordered(PARTS_AT_A_TIME);
        while let Some(is_equal) = rest.next().await {
            if !is_equal? {
                return Ok(Parts::Unproven(None));
            }
        }
        Ok(Parts::Equal)
    }
}

/// Tells whether a failure says something of the blob, or that asking again at once is unwelcome.
/// That nobody could be asked says nothing: the next request asks anew.
fn is_believed(error: &PullError) -> bool {
    match error {
        PullError::AbsentBlob(_) | PullError::Damaged(_) => true,
        PullError::Upstream(error) => error.is_an_answer() || error.is_too_much(),
        PullError::UnknownManifest
        | PullError::UnknownBlob
        | PullError::Manifest(_)
        | PullError::Forsaken(_)
        | PullError::Full(_)
        | PullError::Storage(_)
        | PullError::Broken(_)
        | PullError::Crowded(_) => false,
    }
}

/// What asking for parts gave.
enum Parts {
    /// All are ours byte for byte.
    Equal,
    /// The whole has to be seen; it may be under way already.
    Unproven(Option<OriginBlob>),
}
