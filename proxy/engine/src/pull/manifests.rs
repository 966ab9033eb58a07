//! Manifests by digest: parsed once, kept in memory while warm, and only for repositories whose
//! upstream gave their bytes there.
//!
//! Content is shared, membership is not: the bytes may be here from elsewhere, but a repository
//! gets them only after its own upstream sent them for it. A HEAD proves nothing.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use crate::content::Content;
use crate::ledger::Ledger;
use crate::origin::{OriginManifest, Origins};
use crate::trace;
use bytes::Bytes;
use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared};
use moka::sync::Cache;
use sluicegate_model::image::{Reference, Tag};
use sluicegate_model::manifest::{MAX_MANIFEST_BYTES, Manifest};
use sluicegate_model::{Digest, Repository};
use tokio::task::JoinError;

use super::error::PullError;

/// Bytes of manifests kept in memory: about 10,000 of ordinary size.
const MEMORY_BYTES: u64 = 16 * 1024 * 1024;

/// Manifests remembered that lists name and cannot be had: of some lists of a thousand.
const MISSED: u64 = 10_000;
/// How long that is: as long as a client goes round while its list is judged.
const MISSED_FOR: Duration = Duration::from_mins(4);

/// A manifest that passed the strict parser.
#[derive(Debug)]
pub struct KnownManifest {
    /// The digest of `bytes`.
    pub digest: Digest,
    /// The Content-Type it was served with.
    pub media_type: String,
    /// The bytes as the upstream signed them.
    pub bytes: Bytes,
    /// What they say.
    pub parsed: Manifest,
}

type Key = (Repository, Digest);
type Loaded = Result<Arc<KnownManifest>, PullError>;
type Loads = Arc<Mutex<HashMap<Key, Shared<BoxFuture<'static, Loaded>>>>>;

/// Where manifests come from.
#[derive(Clone)]
pub struct Manifests {
    warm: Cache<Key, Arc<KnownManifest>>,
    /// Loads under way: whoever asks meanwhile, or again after a hop, waits for the same one.
    loading: Loads,
    /// What lists name and cannot be had, for whoever asks for the list again.
    missed: Cache<(Repository, Digest), PullError>,
    content: Arc<dyn Content>,
    ledger: Arc<dyn Ledger>,
    upstreams: Arc<dyn Origins>,
}

impl Manifests {
    /// Starts with an empty memory.
    pub fn new(
        content: Arc<dyn Content>,
        ledger: Arc<dyn Ledger>,
        upstreams: Arc<dyn Origins>,
    ) -> Self {
        let warm = Cache::builder()
            .max_capacity(MEMORY_BYTES)
            .weigher(|_, manifest: &Arc<KnownManifest>| {
                u32::try_from(manifest.bytes.len())
                    .unwrap_or(u32::MAX)
                    .saturating_add(512)
            })
            .build();
        let missed = Cache::builder()
            .max_capacity(MISSED)
            .time_to_live(MISSED_FOR)
            .build();
        Self {
            warm,
            loading: Loads::default(),
            missed,
            content,
            ledger,
            upstreams,
        }
    }

    /// Gives a manifest of the repository, however it can be had. One fetch serves all who ask.
    pub async fn known(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Arc<KnownManifest>, PullError> {
        let key = (repository.clone(), digest.clone());
        if let Some(known) = self.warm.get(&key) {
            return Ok(known);
        }
        self.loading(key).await
    }

    /// Joins the load of a manifest, or begins it in a task of its own: a client that leaves does not
    /// stop it.
    fn loading(&self, key: Key) -> Shared<BoxFuture<'static, Loaded>> {
        let mut loading = self.loading.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(under_way) = loading.get(&key) {
            return under_way.clone();
        }
        let (task, ends) = (self.clone(), Ends(Arc::clone(&self.loading), key.clone()));
        let work = tokio::spawn(trace::carried(async move {
            let Ends(_, key) = &ends;
            let loaded = task.load(&key.0, &key.1).await;
            if let Ok(known) = &loaded {
                task.warm.insert(key.clone(), Arc::clone(known));
            }
            loaded
        }));
        let panicked = |panic: JoinError| Err(PullError::broken("fetching a manifest", panic));
        let under_way = work.map(move |ended| ended.unwrap_or_else(panicked));
        let under_way = under_way.boxed().shared();
        loading.insert(key, under_way.clone());
        under_way
    }

    /// Gives the manifest that a tag was found to name. Some upstreams find manifests by tag only:
    /// what the tag gives counts where it has that digest.
    pub async fn tagged(
        &self,
        repository: &Repository,
        digest: &Digest,
        tag: &Tag,
    ) -> Result<Arc<KnownManifest>, PullError> {
        match self.known(repository, digest).await {
            Err(PullError::UnknownManifest) => {}
            known => return known,
        }
        let upstream = self.upstreams.of(repository)?;
        let reference = Reference::Tag(tag.clone());
        let fetched = upstream.manifest(repository, &reference).await?;
        if fetched.digest != *digest {
            return Err(PullError::UnknownManifest);
        }
        self.admit(repository, fetched).await
    }

    /// Tells whether a manifest can be had without asking the upstream.
    pub async fn is_here(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<bool, PullError> {
        if self
            .warm
            .contains_key(&(repository.clone(), digest.clone()))
        {
            return Ok(true);
        }
        let is_member = self.ledger.is_member(repository, digest).await?;
        Ok(is_member && self.content.lookup(digest).is_some())
    }

    /// Gives a manifest that a list names. That the upstream lacks it, or sends one that is not
    /// understood, is remembered for a while: a list of a thousand is judged over several requests.
    pub async fn listed(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Arc<KnownManifest>, PullError> {
        let key = (repository.clone(), digest.clone());
        if let Some(missed) = self.missed.get(&key)
            && !self.warm.contains_key(&key)
        {
            return Err(missed);
        }
        let known = self.known(repository, digest).await;
        if let Err(error @ (PullError::UnknownManifest | PullError::Manifest(_))) = &known {
            self.missed.insert(key, error.clone());
        }
        known
    }

    /// Takes in a manifest that the repository's upstream has just sent.
    pub async fn admit(
        &self,
        repository: &Repository,
        fetched: OriginManifest,
    ) -> Result<Arc<KnownManifest>, PullError> {
        let known = self.take_in(repository, fetched).await?;
        let key = (repository.clone(), known.digest.clone());
        self.warm.insert(key, Arc::clone(&known));
        Ok(known)
    }

    async fn load(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Arc<KnownManifest>, PullError> {
        let member = self.ledger.membership(repository, digest).await?;
        let stored = self.content.read(digest, MAX_MANIFEST_BYTES).await?;
        if let (Some(member), Some(bytes)) = (member, stored) {
            let children = &member.children;
            let knows = self.ledger.knows_children(repository, digest, children);
            let is_recorded = knows.await?;
            let known = parse(digest.clone(), member.media_type, bytes)?;
            if !is_recorded {
                self.add_member(repository, &known).await?;
            }
            return Ok(known);
        }
        // By GET even where the bytes are here: that the upstream says yes proves nothing.
        let upstream = self.upstreams.of(repository)?;
        let reference = Reference::Digest(digest.clone());
        let fetched = upstream.manifest(repository, &reference).await?;
        self.take_in(repository, fetched).await
    }

    /// Keeps a manifest that the repository's upstream sent, and that it is there.
    async fn take_in(
        &self,
        repository: &Repository,
        fetched: OriginManifest,
    ) -> Result<Arc<KnownManifest>, PullError> {
        let known = parse(fetched.digest, fetched.media_type, fetched.bytes)?;
        self.content.put(&known.digest, known.bytes.clone()).await?;
        self.add_member(repository, &known).await?;
        Ok(known)
    }

    async fn add_member(
        &self,
        repository: &Repository,
        known: &KnownManifest,
    ) -> Result<(), PullError> {
        let (blobs, children) = match &known.parsed {
            Manifest::Image(image) => (
                image.blobs().map(|blob| blob.digest.clone()).collect(),
                Vec::new(),
            ),
            Manifest::Index(index) => (
                Vec::new(),
                index
                    .manifests
                    .iter()
                    .map(|child| child.digest.clone())
                    .collect(),
            ),
        };
        let blobs: Vec<Digest> = blobs;
        self.ledger
            .add_membership(
                repository,
                &known.digest,
                &known.media_type,
                &blobs,
                &children,
            )
            .await?;
        Ok(())
    }
}

/// Takes a load out of the table, however it ends.
struct Ends(Loads, Key);

impl Drop for Ends {
    fn drop(&mut self) {
        let mut loading = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        loading.remove(&self.1);
    }
}

fn parse(
    digest: Digest,
    media_type: String,
    bytes: Bytes,
) -> Result<Arc<KnownManifest>, PullError> {
    let parsed = Manifest::parse(&bytes, &media_type)
        .map_err(|error| PullError::Manifest(Arc::new(error)))?;
    Ok(Arc::new(KnownManifest {
        digest,
        media_type,
        bytes,
        parsed,
    }))
}
