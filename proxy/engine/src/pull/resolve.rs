//! Tags to digests: fresh from memory, revalidated by HEAD, stale only while the upstream fails.

use std::collections::HashMap;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use crate::ledger::{Ledger, TagRecord};
use crate::origin::{Failure, OriginError, Origins};
use crate::trace;
use jiff::Timestamp;
use moka::sync::Cache;
use sluicegate_model::clock::{Clock, is_to_come};
use sluicegate_model::image::{Reference, Tag};
use sluicegate_model::{Digest, Repository};
use tokio::sync::watch;

use super::error::PullError;
use super::manifests::Manifests;

/// Tags kept in memory.
const MEMORY_TAGS: u64 = 20_000;
/// How long "no such tag" is believed: long enough for a client's HEAD and GET.
const NEGATIVE_TTL: Duration = Duration::from_secs(5);
/// How long an upstream that failed is not asked about the same tag again.
const STALE_RETRY: Duration = Duration::from_secs(5);

/// What a tag means now.
#[derive(Clone, Debug)]
pub struct Resolved {
    /// The manifest it names.
    pub digest: Digest,
    /// When the upstream last confirmed it, where it could not be asked again.
    pub stale_since: Option<Timestamp>,
}

/// Resolves tags.
#[derive(Clone)]
pub struct Resolver {
    warm: Cache<(Repository, Tag), Entry>,
    /// Questions under way: whoever asks meanwhile, or again after a hop, waits for the same answer.
    asking: Arc<Mutex<HashMap<(Repository, Tag), Answer>>>,
    ttl: Duration,
    ledger: Arc<dyn Ledger>,
    manifests: Manifests,
    upstreams: Arc<dyn Origins>,
    clock: Clock,
}

type Answer = watch::Receiver<Option<Entry>>;

#[derive(Clone)]
struct Entry {
    answer: Result<Resolved, PullError>,
    good_until: Instant,
}

impl Resolver {
    /// Builds a resolver that believes an upstream's answer for `ttl`.
    pub fn new(
        ttl: Duration,
        ledger: Arc<dyn Ledger>,
        manifests: Manifests,
        upstreams: Arc<dyn Origins>,
        clock: Clock,
    ) -> Self {
        let warm = Cache::builder().max_capacity(MEMORY_TAGS).build();
        Self {
            warm,
            asking: Arc::default(),
            ttl,
            ledger,
            manifests,
            upstreams,
            clock,
        }
    }

    /// Tells which manifest the tag names. One question upstream serves all who ask.
    pub async fn resolve(&self, repository: &Repository, tag: &Tag) -> Result<Resolved, PullError> {
        let key = (repository.clone(), tag.clone());
        if let Some(entry) = self.warm.get(&key)
            && entry.good_until > Instant::now()
        {
            return entry.answer;
        }
        let mut answer = self.question(key);
        let heard = answer.wait_for(Option::is_some).await;
        let entry = heard.ok().and_then(|entry| entry.clone());
        entry.map_or_else(
            || Err(PullError::broken("asking for a tag", "nobody answered")),
            |entry| entry.answer,
        )
    }

    /// Joins the question about a tag, or asks it in a task of its own: it outlives who asked.
    fn question(&self, key: (Repository, Tag)) -> Answer {
        let mut asking = self.asking.lock().unwrap_or_else(PoisonError::into_inner);
        // A closed question without an answer is one whose task failed.
        if let Some(answer) = asking.get(&key)
            && answer.has_changed().is_ok()
        {
            return answer.clone();
        }
        let (told, answer) = watch::channel(None);
        asking.insert(key.clone(), answer.clone());
        drop(asking);
        let task = self.clone();
        tokio::spawn(trace::carried(async move {
            let entry = task.ask(&key.0, &key.1).await;
            task.warm.insert(key.clone(), entry.clone());
            let mut asking = task.asking.lock().unwrap_or_else(PoisonError::into_inner);
            asking.remove(&key);
            drop(asking);
            told.send_replace(Some(entry));
        }));
        answer
    }

    async fn ask(&self, repository: &Repository, tag: &Tag) -> Entry {
        let now = self.clock.now();
        let recorded = match self.ledger.tag(repository, tag).await {
            // What was heard while the clock stood wrong is of no known age.
            Ok(recorded) => recorded.filter(|known| !is_to_come(known.checked_at, now)),
            Err(error) => return Self::entry(Err(error.into()), Duration::ZERO),
        };
        match (
            self.ask_upstream(repository, tag, recorded.as_ref()).await,
            recorded,
        ) {
            (Ok(digest), _) => Self::entry(
                Ok(Resolved {
                    digest,
                    stale_since: None,
                }),
                self.ttl,
            ),
            (Err(PullError::Upstream(error)), Some(recorded)) if may_serve_stale(&error) => {
                tracing::warn!(%repository, %tag, %error, "tag served stale");
                let stale = Resolved {
                    digest: recorded.digest,
                    stale_since: Some(recorded.checked_at),
                };
                Self::entry(Ok(stale), STALE_RETRY)
            }
            (Err(error @ PullError::UnknownManifest), _) => Self::entry(Err(error), NEGATIVE_TTL),
            (Err(error), _) => Self::entry(Err(error), Duration::ZERO),
        }
    }

    async fn ask_upstream(
        &self,
        repository: &Repository,
        tag: &Tag,
        recorded: Option<&TagRecord>,
    ) -> Result<Digest, PullError> {
        let upstream = self.upstreams.of(repository)?;
        let reference = Reference::Tag(tag.clone());
        if recorded.is_some()
            && let Some(head) = upstream.head(repository, &reference).await?
            && self.manifests.is_here(repository, &head.digest).await?
        {
            self.remember(repository, tag, &head.digest, &head.media_type)
                .await;
            return Ok(head.digest);
        }
        // A tag whose manifest is wanted next, so that one GET answers both, also of an upstream
        // that finds manifests by tag only; or one that does not answer HEAD as it answers GET.
        let fetched = match recorded {
            Some(_) => upstream.manifest_soon(repository, &reference).await?,
            None => upstream.manifest(repository, &reference).await?,
        };
        let known = self.manifests.admit(repository, fetched).await?;
        self.remember(repository, tag, &known.digest, &known.media_type)
            .await;
        Ok(known.digest.clone())
    }

    /// Keeps what the upstream said for the time when it cannot be asked. Where that fails, for
    /// the disk may be full, the answer is no less true.
    async fn remember(
        &self,
        repository: &Repository,
        tag: &Tag,
        digest: &Digest,
        media_type: &str,
    ) {
        let record = TagRecord {
            digest: digest.clone(),
            media_type: media_type.to_owned(),
            checked_at: self.clock.now(),
        };
        if let Err(error) = self.ledger.put_tag(repository, tag, &record).await {
            tracing::warn!(%repository, %tag, %error, "tag not remembered");
        }
    }

    fn entry(answer: Result<Resolved, PullError>, good_for: Duration) -> Entry {
        Entry {
            answer,
            good_until: Instant::now() + good_for,
        }
    }
}

/// Tells whether the failure says nothing about the tag itself.
fn may_serve_stale(error: &OriginError) -> bool {
    !matches!(
        error.failure,
        Failure::Absent | Failure::Unauthorized | Failure::Denied
    )
}

#[cfg(test)]
mod tests;
