//! What is known of who signed images: looked up with their pull, where a policy asks for it, and
//! believed as long as an upstream's word on a tag is.
//!
//! A manifest counts as signed where it is, or an index of its repository that lists it. Where an
//! upstream cannot be asked again, what was known of it stands, as it does for tags; where nothing
//! was, it is not known. Nothing here decides: what a lack of knowledge means is policy's.

mod heard;
mod look;
mod looked;

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::Duration;

use futures_util::future::{BoxFuture, Shared as SharedFuture};
use futures_util::{FutureExt as _, StreamExt as _};
use jiff::{SignedDuration, Timestamp};
use moka::sync::Cache;
use sluicegate_model::clock::Clock;
use sluicegate_model::heard::HeardVex;
use sluicegate_model::{Digest, Repository};
use sluicegate_signatures::Wanted;
use tokio::sync::Semaphore;
use tokio::task::JoinError;

use crate::ledger::Ledger;
use crate::origin::Origins;
use crate::trace;

use self::heard::hear;
use self::look::{Looking, Seen, Verified};
pub(crate) use self::looked::Looked;
use self::looked::{Look, of_image};
use super::error::PullError;
use super::manifests::Manifests;

/// Manifests of which is remembered who signed them; each takes some hundred bytes. One with documents
/// on weaknesses counts as many times as those are larger.
const REMEMBERED: u64 = 20_000;
/// Most indexes looked at for one manifest: beyond that it is not known whether another is signed.
const MAX_INDEXES: usize = 16;
/// Indexes of one manifest looked at at a time.
const INDEXES_AT_A_TIME: usize = 4;
/// Documents fetched and verified at a time, for all images: each has up to 4 MiB, and takes several
/// times that while it is read.
const DOCUMENTS_AT_A_TIME: usize = 4;
/// How long an upstream that failed is not asked again.
const RETRY: SignedDuration = SignedDuration::from_secs(5);

/// A manifest in its repository, and the name of what is looked for.
type Key = (Repository, Digest, Digest);
type Asking = Arc<Mutex<HashMap<Key, SharedFuture<BoxFuture<'static, Arc<Look>>>>>>;

/// Remembers who signed what.
#[derive(Clone)]
pub struct Signed {
    /// Of images, with the indexes that list them.
    images: Cache<Key, Arc<Looked>>,
    /// Of single manifests.
    looks: Cache<Key, Arc<Look>>,
    /// What artifacts have shown: their digests say that they show the same again.
    verified: Cache<Verified, Seen>,
    /// Questions under way: whoever asks meanwhile, or again after a hop, waits for the same answer.
    asking: Asking,
    places: Arc<Semaphore>,
    ttl: SignedDuration,
    manifests: Manifests,
    ledger: Arc<dyn Ledger>,
    upstreams: Arc<dyn Origins>,
    clock: Clock,
}

impl Signed {
    /// Starts with an empty memory; what an upstream says is believed for `ttl`.
    pub fn new(
        ttl: Duration,
        ledger: Arc<dyn Ledger>,
        manifests: Manifests,
        upstreams: Arc<dyn Origins>,
        clock: Clock,
    ) -> Self {
        Self {
            images: Cache::builder()
                .max_capacity(REMEMBERED)
                .weigher(|_, it: &Arc<Looked>| it.weight())
                .build(),
            looks: Cache::builder()
                .max_capacity(REMEMBERED)
                .weigher(|_, it: &Arc<Look>| it.weight())
                .build(),
            verified: Cache::builder()
                .max_capacity(REMEMBERED)
                .weigher(|_, it: &Seen| it.weight())
                .build(),
            asking: Asking::default(),
            places: Arc::new(Semaphore::new(DOCUMENTS_AT_A_TIME)),
            ttl: SignedDuration::try_from(ttl).unwrap_or(SignedDuration::MAX),
            manifests,
            ledger,
            upstreams,
            clock,
        }
    }

    /// Gives what is known of an image without asking anybody; none where it has to be looked up.
    pub(crate) fn fresh(
        &self,
        repository: &Repository,
        digest: &Digest,
        wanted: &Wanted,
    ) -> Option<Arc<Looked>> {
        let known = self.images.get(&key(repository, digest, wanted))?;
        known.is_fresh(self.clock.now()).then_some(known)
    }

    /// Gives what is known of an image, looked up where it has to be.
    pub(crate) async fn of(
        &self,
        repository: &Repository,
        digest: &Digest,
        wanted: &Arc<Wanted>,
    ) -> Arc<Looked> {
        if let Some(known) = self.fresh(repository, digest, wanted) {
            return known;
        }
        let indexes = self.ledger.indexes_listing(repository, digest).await;
        let (indexes, is_listed_elsewhere) = match indexes {
            Ok(mut indexes) => {
                let is_cut = indexes.len() > MAX_INDEXES;
                indexes.truncate(MAX_INDEXES);
                (indexes, is_cut)
            }
            Err(error) => {
                tracing::warn!(%repository, %digest, %error, "indexes not known");
                (Vec::new(), true)
            }
        };
        let manifests: Vec<Digest> = [digest].into_iter().chain(&indexes).cloned().collect();
        let each = manifests.clone().into_iter();
        let looks = each.map(|manifest| self.look(repository, &manifest, wanted));
        let looks = futures_util::stream::iter(looks).buffered(INDEXES_AT_A_TIME);
        let looks: Vec<Arc<Look>> = looks.collect().await;
        let heard = self.heard(&looks, manifests, wanted).await;
        let by = (&**wanted, heard);
        let image = Arc::new(of_image(&looks, indexes, is_listed_elsewhere, by));
        self.images
            .insert(key(repository, digest, wanted), Arc::clone(&image));
        image
    }

    /// Hears what keys say of weaknesses, where a policy believes any.
    async fn heard(
        &self,
        looks: &[Arc<Look>],
        manifests: Vec<Digest>,
        wanted: &Wanted,
    ) -> Option<HeardVex> {
        let keys = wanted.vex_keys();
        if keys.is_empty() {
            return None;
        }
        let mut said = BTreeSet::new();
        for look in looks {
            said.extend(look.said().iter().cloned());
        }
        let now = self.clock.now();
        Some(hear(&*self.ledger, said, (keys, &manifests), now).await)
    }

    /// Takes note that indexes list manifests: what is known of those without them is not all.
    pub(crate) fn note_indexes<'a>(
        &self,
        repository: &Repository,
        indexes: &[Digest],
        children: impl Iterator<Item = &'a Digest>,
        wanted: &Wanted,
    ) {
        for child in children {
            let key = key(repository, child, wanted);
            if let Some(known) = self.images.get(&key)
                && !indexes.iter().all(|index| known.knows(index))
            {
                self.images.invalidate(&key);
            }
        }
    }

    /// Gives what is known of one manifest, or joins the question, or asks it in a task of its own: it
    /// outlives who asked.
    fn look(
        &self,
        repository: &Repository,
        manifest: &Digest,
        wanted: &Arc<Wanted>,
    ) -> SharedFuture<BoxFuture<'static, Arc<Look>>> {
        let key = key(repository, manifest, wanted);
        let earlier = self.looks.get(&key);
        if let Some(known) = &earlier
            && known.is_fresh(self.clock.now())
        {
            return futures_util::future::ready(Arc::clone(known))
                .boxed()
                .shared();
        }
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(under_way) = asking.get(&key) {
            return under_way.clone();
        }
        let (task, wanted) = (self.clone(), Arc::clone(wanted));
        let ends = Ends(Arc::clone(&self.asking), key.clone());
        let work = tokio::spawn(trace::carried(async move {
            let Ends(_, key) = &ends;
            let is_repeated = earlier.is_some();
            let seen = task.ask(&key.0, &key.1, &wanted, is_repeated).await;
            let look = Arc::new(task.dated(seen).over(earlier.as_deref()));
            task.looks.insert(key.clone(), Arc::clone(&look));
            look
        }));
        let task = self.clone();
        let panicked = move |panic: JoinError| {
            let error = PullError::broken("looking for signatures", panic);
            Arc::new(task.dated(Seen::unknown(error.to_string(), true)))
        };
        let under_way = work.map(move |ended| ended.unwrap_or_else(panicked));
        let under_way = under_way.boxed().shared();
        asking.insert(key, under_way.clone());
        under_way
    }

    async fn ask(
        &self,
        repository: &Repository,
        manifest: &Digest,
        wanted: &Arc<Wanted>,
        is_repeated: bool,
    ) -> Seen {
        let upstream = match self.upstreams.of(repository) {
            Ok(upstream) => upstream,
            Err(error) => return Seen::failed("the registry", &error),
        };
        let known = match self.manifests.known(repository, manifest).await {
            Ok(known) => known,
            Err(error) => return Seen::unknown(format!("{manifest}: {error}"), true),
        };
        let names = upstream.known_as(repository).into_iter();
        let names: BTreeSet<Repository> = names.chain([repository.clone()]).collect();
        let looking = Looking {
            upstream,
            repository: repository.clone(),
            manifest: known,
            names: names.into_iter().collect(),
            wanted: Arc::clone(wanted),
            places: Arc::clone(&self.places),
            verified: self.verified.clone(),
            is_repeated,
        };
        let seen = looking.look().await;
        tracing::info!(%repository, digest = %manifest, found = seen.found.len(),
            is_all = seen.unknown.is_none(), "signatures looked up");
        seen
    }

    /// Says until when something is believed that was seen now.
    fn dated(&self, seen: Seen) -> Look {
        let now = self.clock.now();
        let good_for = if seen.unknown.is_some() {
            RETRY.min(self.ttl)
        } else {
            self.ttl
        };
        let until = now.checked_add(good_for).unwrap_or(Timestamp::MAX);
        Look::of(seen, now, until)
    }
}

fn key(repository: &Repository, digest: &Digest, wanted: &Wanted) -> Key {
    (repository.clone(), digest.clone(), wanted.id().clone())
}

/// Takes a question out of the table, however it ends.
struct Ends(Asking, Key);

impl Drop for Ends {
    fn drop(&mut self) {
        let mut asking = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        asking.remove(&self.1);
    }
}
