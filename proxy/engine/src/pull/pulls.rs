//! One pull for each scope and manifest: joins the scan of the content, decides, and tells everybody
//! who waits. It runs to its end whoever leaves.

use std::collections::{BTreeSet, HashMap};
use std::sync::{Arc, Mutex, MutexGuard, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::content::{Tail, Watched};
use crate::snapshots::Epoch;
use crate::trace;
use sluicegate_model::image::Tag;
use sluicegate_model::manifest::{ImageManifest, Manifest};
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Digest, Scope};
use tokio::sync::watch;

use super::error::PullError;
use super::inventories::Held;
use super::job::Jobs;
use super::judge::Judge;
use super::manifests::KnownManifest;
use super::progress::Progress;

/// How often a long pull says in the log how far it is.
const PROGRESS_PERIOD: Duration = Duration::from_secs(10);

/// The outcome everybody waits for.
pub type Outcome = Result<Arc<Verdict>, PullError>;

/// A pull under way.
pub struct Pull {
    /// Into which repository, and for whom.
    pub scope: Scope,
    /// Which manifest.
    pub manifest: Arc<KnownManifest>,
    /// Bytes done and expected.
    pub progress: Arc<Progress>,
    /// When it began.
    pub started: Instant,
    /// The layer that stream mode holds at its headers; set by the gate, once.
    pub held_layer: OnceLock<Option<Digest>>,
    tags: Mutex<BTreeSet<Tag>>,
    outcome: watch::Sender<Option<Outcome>>,
    tail: watch::Sender<Tail>,
}

impl Pull {
    /// Waits for the outcome.
    pub async fn outcome(&self) -> Outcome {
        let mut watched = self.outcome.subscribe();
        match watched.wait_for(Option::is_some).await {
            Ok(outcome) => outcome
                .clone()
                .unwrap_or_else(|| Err(PullError::broken("a pull", "it ended unheard"))),
            Err(closed) => Err(PullError::broken("a pull", closed)),
        }
    }

    /// Takes note of somebody who waits for the outcome or for what depends on it.
    pub fn join(&self, watched: Watched) {
        self.progress.interest().join(watched);
    }

    /// Tells layers' tails when they may leave.
    pub fn tail(&self) -> watch::Receiver<Tail> {
        self.tail.subscribe()
    }

    /// Gives the image manifest, unless this is an index.
    pub fn image(&self) -> Option<&ImageManifest> {
        match &self.manifest.parsed {
            Manifest::Image(image) => Some(image),
            Manifest::Index(_) => None,
        }
    }

    /// Gives the tags under which the image is being pulled.
    fn tags(&self) -> MutexGuard<'_, BTreeSet<Tag>> {
        self.tags.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn end(&self, outcome: Outcome) {
        let tail = match &outcome {
            Ok(verdict) => match verdict.decision {
                Decision::Allow | Decision::Annotate => Tail::Released,
                Decision::Refuse => Tail::Refused,
            },
            Err(_) => Tail::Refused,
        };
        self.outcome.send_replace(Some(outcome));
        self.tail.send_replace(tail);
    }
}

/// The pulls under way.
#[derive(Clone)]
pub struct Pulls {
    shared: Arc<Shared>,
}

struct Shared {
    running: Mutex<HashMap<(Scope, Digest), Arc<Pull>>>,
    jobs: Jobs,
    judge: Judge,
}

impl Pulls {
    /// Starts with nothing under way.
    pub fn new(jobs: Jobs, judge: Judge) -> Self {
        let running = Mutex::default();
        Self {
            shared: Arc::new(Shared {
                running,
                jobs,
                judge,
            }),
        }
    }

    /// Joins the pull of an image, or starts it; the verdict lists the tag.
    pub fn join(
        &self,
        scope: &Scope,
        manifest: &Arc<KnownManifest>,
        image: &ImageManifest,
        tag: Option<&Tag>,
    ) -> Arc<Pull> {
        let key = (scope.clone(), manifest.digest.clone());
        let mut running = self
            .shared
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        if let Some(pull) = running.get(&key) {
            pull.tags().extend(tag.cloned());
            return Arc::clone(pull);
        }
        let pull = Arc::new(Pull {
            scope: scope.clone(),
            manifest: Arc::clone(manifest),
            progress: Arc::new(Progress::of(self.shared.jobs.interest(&manifest.digest))),
            started: Instant::now(),
            held_layer: OnceLock::new(),
            tags: Mutex::new(tag.cloned().into_iter().collect()),
            outcome: watch::Sender::new(None),
            tail: watch::Sender::new(Tail::Held),
        });
        running.insert(key, Arc::clone(&pull));
        drop(running);
        tracing::info!(repository = %scope, digest = %manifest.digest, layers = image.layers.len(), "pull started");
        let work = Arc::clone(&self.shared).run(Arc::clone(&pull), image.clone());
        tokio::spawn(trace::carried(work));
        pull
    }

    /// Gives the pull of this manifest in this scope, if one is under way.
    pub fn running(&self, scope: &Scope, digest: &Digest) -> Option<Arc<Pull>> {
        let running = self
            .shared
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        running.get(&(scope.clone(), digest.clone())).cloned()
    }

    /// Lists the pulls under way, longest first.
    pub fn list(&self) -> Vec<Arc<Pull>> {
        let running = self
            .shared
            .running
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        let mut pulls: Vec<_> = running.values().cloned().collect();
        pulls.sort_by_key(|pull| pull.started);
        pulls
    }
}

impl Shared {
    async fn run(self: Arc<Self>, pull: Arc<Pull>, image: ImageManifest) {
        let image = Arc::new(image);
        let reporter = tokio::spawn(trace::carried(report_progress(Arc::clone(&pull))));
        let mut is_first = true;
        let outcome = loop {
            let epoch = self.judge.epoch();
            let work = tokio::spawn({
                let (shared, pull, image) =
                    (Arc::clone(&self), Arc::clone(&pull), Arc::clone(&image));
                trace::carried(async move { shared.work(&pull, &image, is_first).await })
            });
            let outcome = work
                .await
                .unwrap_or_else(|panic| Err(PullError::broken("a pull", panic)));
            if self.forget(&pull, &outcome, epoch) {
                break outcome;
            }
            is_first = false;
        };
        reporter.abort();
        if let Err(error) = &outcome {
            tracing::warn!(repository = %pull.scope, digest = %pull.manifest.digest, %error, "pull failed");
        }
        pull.end(outcome);
    }

    /// Lets nobody join any more. Not where something else came in force while the verdict was made:
    /// whoever joined since then must not be answered by less.
    ///
    /// The verdict is stored before the pull is forgotten, so nobody finds neither.
    fn forget(&self, pull: &Pull, outcome: &Outcome, epoch: Epoch) -> bool {
        let mut running = self.running.lock().unwrap_or_else(PoisonError::into_inner);
        let is_current = outcome.is_err() || self.judge.epoch() == epoch;
        if is_current {
            running.remove(&(pull.scope.clone(), pull.manifest.digest.clone()));
        }
        is_current
    }

    /// Scans and judges; after the first time it only judges, where what was found is kept.
    async fn work(&self, pull: &Pull, image: &ImageManifest, is_first: bool) -> Outcome {
        let (scope, digest) = (&pull.scope, &pull.manifest.digest);
        if !is_first && let Some(verdict) = self.judge.current(scope, digest).await? {
            return Ok(verdict);
        }
        self.judge.look_ahead(scope, digest, image);
        let scanned = self.scan(pull, image).await?;
        self.judge.observe_scan(scanned.scan_ms);
        let tags: Vec<Tag> = pull.tags().iter().cloned().collect();
        self.judge.judge(scope, digest, &tags, scanned).await
    }

    /// Scans until the outcome is this repository's own.
    ///
    /// Whatever another repository's upstream was sending may fail for reasons that are not ours.
    /// Each attempt asks our own upstream for at least what failed in the one before, so there are
    /// at most as many as the image has blobs, and one more for a scan that another pull led.
    async fn scan(&self, pull: &Pull, image: &ImageManifest) -> Result<Held, PullError> {
        let (repository, digest) = (&pull.scope.repository, &pull.manifest.digest);
        let seen = pull.scope.sighting(digest);
        let blobs = image.layers.len() + 1;
        let mut attempts = 0;
        loop {
            let scanned = self.jobs.scan(repository, &seen, image, &pull.progress);
            let scanned = scanned.await;
            let is_forsaken = matches!(scanned, Err(PullError::Forsaken(_)));
            if scanned.is_ok()
                || is_forsaken
                || !pull.progress.relied_on_others()
                || attempts > blobs
            {
                return scanned;
            }
            attempts += 1;
            tracing::info!(%repository, %digest, attempts, "pull asks its own upstream");
            pull.progress.begin_again();
        }
    }
}

async fn report_progress(pull: Arc<Pull>) {
    loop {
        tokio::time::sleep(PROGRESS_PERIOD).await;
        let (done, expected) = pull.progress.bytes();
        tracing::info!(repository = %pull.scope, digest = %pull.manifest.digest,
            done, expected, seconds = pull.started.elapsed().as_secs(), "pull under way");
    }
}
