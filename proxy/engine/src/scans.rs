//! Scans that somebody asks for ahead of the first pull: the same jobs and verdicts, without a
//! client, without a line in the log of pulls, and without releasing anything.
//!
//! Kept in memory only: a restart forgets who asked, never a verdict. Called by `api/scans.rs` and `hooks`.

use std::collections::VecDeque;
use std::sync::{Arc, Mutex, PoisonError};

use futures_util::StreamExt as _;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sluicegate_model::access::Reach;
use sluicegate_model::clock::Clock;
use sluicegate_model::glob::Glob;
use sluicegate_model::image::{Reference, Tag, WrittenName};
use sluicegate_model::names::Names;
use sluicegate_model::schema::Instant;
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Digest, Repository};

use crate::gate::Gate;
use crate::identity::Who;
use crate::pull::error::PullError;

/// Scans that are remembered, the newest ones.
const MAX_KEPT: usize = 256;
/// Scans that run at a time. Each asks an upstream for a whole repository at worst.
const MAX_RUNNING: usize = 16;
/// Images of one scan that are judged at a time; the rest wait.
const PARALLEL: usize = 4;
/// Most images of one scan.
const MAX_IMAGES: usize = 10_000;

/// Says why a scan has no images.
#[derive(Debug, thiserror::Error)]
enum NothingToScan {
    #[error(transparent)]
    Unlisted(#[from] PullError),
    #[error("no tag of {0} matches {1:?}")]
    NoTag(Repository, String),
    #[error("{0} tags match, at most {MAX_IMAGES} are taken")]
    TooMany(usize),
}

/// Starts scans and remembers them.
#[derive(Clone)]
pub struct Scans {
    shared: Arc<Shared>,
}

struct Shared {
    names: Names,
    gate: Gate,
    clock: Clock,
    kept: Mutex<VecDeque<Arc<Scan>>>,
}

/// A scan that was asked for.
pub struct Scan {
    id: String,
    image: String,
    repository: Repository,
    started: Timestamp,
    /// For whom it is judged.
    who: Who,
    progress: Mutex<ScanProgress>,
}

#[derive(Default)]
struct ScanProgress {
    images: Vec<ScannedImage>,
    problem: Option<String>,
    ended: bool,
}

/// How far a scan or an image is.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
pub enum ScanState {
    /// It has not begun.
    Waiting,
    /// It is under way.
    Running,
    /// It has ended with a verdict.
    Done,
    /// It has ended without one.
    Failed,
}

/// One image of a scan.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ScannedImage {
    /// Its canonical name with tag or digest.
    pub image: String,
    /// How far it is.
    pub state: ScanState,
    /// The manifest or index.
    pub digest: Option<Digest>,
    /// What policy decided.
    pub decision: Option<Decision>,
    /// Why there is no verdict.
    pub problem: Option<String>,
}

/// A scan as it is shown.
#[derive(Clone, Debug, Serialize, JsonSchema)]
pub struct ScanReport {
    /// Its name in the API.
    pub id: String,
    /// What was asked for.
    pub image: String,
    /// When.
    #[schemars(with = "Instant")]
    pub started: Timestamp,
    /// How far it is.
    pub state: ScanState,
    /// The strictest decision so far.
    pub decision: Option<Decision>,
    /// Why nothing could be scanned.
    pub problem: Option<String>,
    /// Its images.
    pub images: Vec<ScannedImage>,
}

/// Says why a scan was not started.
#[derive(Debug, thiserror::Error)]
pub enum ScanError {
    /// The text names no image of a configured upstream.
    #[error("{0}")]
    Name(String),
    /// Whoever asks knows of no such repository.
    #[error("{0} is no repository that may be scanned with this key")]
    Foreign(Repository),
    /// Too many are under way.
    #[error("{MAX_RUNNING} scans are running; ask again when one has ended")]
    Busy,
}

/// What of a repository is meant.
enum Wanted {
    One(Reference),
    Matching(String),
}

impl Scans {
    /// Starts with none.
    pub fn new(names: Names, gate: Gate, clock: Clock) -> Self {
        let shared = Shared {
            names,
            gate,
            clock,
            kept: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Starts the scan of an image for whoever asks, or of all tags that match a pattern with `*` and `?`.
    pub fn start(&self, image: &str, who: Who) -> Result<ScanReport, ScanError> {
        let shared = Arc::clone(&self.shared);
        let (repository, wanted) = shared.parse(image)?;
        if !who.rights.reach().has(&repository) {
            return Err(ScanError::Foreign(repository));
        }
        let scan = Arc::new(Scan {
            id: format!("{:016x}", rand::random::<u64>()),
            image: image.to_owned(),
            repository: repository.clone(),
            started: shared.clock.now(),
            who,
            progress: Mutex::default(),
        });
        shared.keep(&scan)?;
        let report = scan.report();
        tokio::spawn(async move { shared.run(&scan, &repository, wanted).await });
        Ok(report)
    }

    /// Remembers a scan of one image that somebody else makes for whoever asks: `outcome` ends with
    /// it, well or with why not.
    pub fn start_elsewhere(
        &self,
        image: &str,
        repository: Repository,
        who: Who,
        outcome: impl Future<Output = Result<(Digest, Decision), String>> + Send + 'static,
    ) -> Result<ScanReport, ScanError> {
        let scan = Arc::new(Scan {
            id: format!("{:016x}", rand::random::<u64>()),
            image: image.to_owned(),
            repository,
            started: self.shared.clock.now(),
            who,
            progress: Mutex::default(),
        });
        scan.lock().images = vec![ScannedImage {
            image: image.to_owned(),
            state: ScanState::Running,
            digest: None,
            decision: None,
            problem: None,
        }];
        self.shared.keep(&scan)?;
        let report = scan.report();
        tokio::spawn(async move {
            let outcome = outcome.await;
            scan.update(0, |image| match outcome {
                Ok((digest, decision)) => {
                    image.state = ScanState::Done;
                    (image.digest, image.decision) = (Some(digest), Some(decision));
                }
                Err(why) => {
                    image.state = ScanState::Failed;
                    image.problem = Some(why);
                }
            });
            scan.lock().ended = true;
        });
        Ok(report)
    }

    /// Counts the scans under way.
    pub fn running(&self) -> usize {
        let kept = self.shared.kept.lock();
        let kept = kept.unwrap_or_else(PoisonError::into_inner);
        kept.iter().filter(|scan| !scan.lock().ended).count()
    }

    /// Shows a scan to somebody; none where it was never asked for, or was forgotten, or is of a
    /// repository that they do not know of.
    pub fn show(&self, id: &str, reach: &Reach) -> Option<ScanReport> {
        let kept = self.shared.kept.lock();
        let kept = kept.unwrap_or_else(PoisonError::into_inner);
        kept.iter()
            .find(|scan| scan.id == id && reach.has(&scan.repository))
            .map(|scan| scan.report())
    }
}

impl Shared {
    fn parse(&self, image: &str) -> Result<(Repository, Wanted), ScanError> {
        let wrong = |error: &dyn std::fmt::Display| ScanError::Name(error.to_string());
        let written = WrittenName::of(image);
        let repository = self
            .names
            .canonical(written.name, None)
            .map_err(|e| wrong(&e))?;
        let tag = written.tag.unwrap_or("latest");
        let wanted = match written.digest {
            Some(digest) => {
                let digest = digest.parse::<Digest>().map_err(|e| wrong(&e))?;
                Wanted::One(Reference::Digest(digest))
            }
            None if tag.contains(['*', '?']) => Wanted::Matching(tag.to_owned()),
            None => Wanted::One(Reference::Tag(tag.parse::<Tag>().map_err(|e| wrong(&e))?)),
        };
        Ok((repository, wanted))
    }

    fn keep(&self, scan: &Arc<Scan>) -> Result<(), ScanError> {
        let mut kept = self.kept.lock().unwrap_or_else(PoisonError::into_inner);
        let running = kept.iter().filter(|scan| !scan.lock().ended).count();
        if running >= MAX_RUNNING {
            return Err(ScanError::Busy);
        }
        if kept.len() >= MAX_KEPT
            && let Some(ended) = kept.iter().position(|scan| scan.lock().ended)
        {
            kept.remove(ended);
        }
        kept.push_back(Arc::clone(scan));
        Ok(())
    }

    async fn run(self: Arc<Self>, scan: &Arc<Scan>, repository: &Repository, wanted: Wanted) {
        match self.references(repository, wanted).await {
            Ok(references) => self.run_all(scan, repository, references).await,
            Err(error) => scan.lock().problem = Some(error.to_string()),
        }
        scan.lock().ended = true;
        tracing::info!(image = scan.image, id = scan.id, "scan ended");
    }

    async fn references(
        &self,
        repository: &Repository,
        wanted: Wanted,
    ) -> Result<Vec<Reference>, NothingToScan> {
        let pattern = match wanted {
            Wanted::One(reference) => return Ok(vec![reference]),
            Wanted::Matching(pattern) => pattern,
        };
        let tags = self.gate.all_tags(repository).await;
        let mut tags = tags?;
        let glob = Glob::new(&pattern);
        tags.retain(|tag| glob.matches(tag.as_str()));
        match tags.len() {
            0 => Err(NothingToScan::NoTag(repository.clone(), pattern)),
            1..=MAX_IMAGES => Ok(tags.into_iter().map(Reference::Tag).collect()),
            more => Err(NothingToScan::TooMany(more)),
        }
    }

    async fn run_all(
        self: &Arc<Self>,
        scan: &Arc<Scan>,
        repository: &Repository,
        references: Vec<Reference>,
    ) {
        let image = |reference: &Reference| ScannedImage {
            image: match reference {
                Reference::Tag(tag) => format!("{repository}:{tag}"),
                Reference::Digest(digest) => format!("{repository}@{digest}"),
            },
            state: ScanState::Waiting,
            digest: None,
            decision: None,
            problem: None,
        };
        scan.lock().images = references.iter().map(image).collect();
        let mut waiting = Vec::new();
        for (at, reference) in references.into_iter().enumerate() {
            let (shared, scan) = (Arc::clone(self), Arc::clone(scan));
            waiting.push(async move { shared.run_one(&scan, at, repository, &reference).await });
        }
        let mut judged = futures_util::stream::iter(waiting).buffer_unordered(PARALLEL);
        while judged.next().await.is_some() {}
    }

    async fn run_one(
        &self,
        scan: &Scan,
        at: usize,
        repository: &Repository,
        reference: &Reference,
    ) {
        if let Some(refusal) = self.gate.refuses_ahead(repository, &scan.who, reference) {
            // Nothing of it is fetched, as for a pull.
            return scan.update(at, |image| {
                image.state = ScanState::Done;
                image.decision = Some(Decision::Refuse);
                image.problem = Some(refusal.message());
            });
        }
        scan.update(at, |image| image.state = ScanState::Running);
        let outcome = self
            .gate
            .judge_ahead(repository, &scan.who, reference)
            .await;
        scan.update(at, |image| match outcome {
            Ok((digest, verdict)) => {
                image.state = ScanState::Done;
                image.digest = Some(digest);
                // An index without a child for any of our platforms holds nothing that could be
                // refused.
                let decision = verdict.map(|verdict| verdict.decision);
                image.decision = Some(decision.unwrap_or(Decision::Allow));
            }
            Err(error) => {
                image.state = ScanState::Failed;
                image.problem = Some(error.to_string());
            }
        });
    }
}

impl Scan {
    fn lock(&self) -> std::sync::MutexGuard<'_, ScanProgress> {
        self.progress.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn update(&self, at: usize, change: impl FnOnce(&mut ScannedImage)) {
        if let Some(image) = self.lock().images.get_mut(at) {
            change(image);
        }
    }

    fn report(&self) -> ScanReport {
        let progress = self.lock();
        let failed = progress.problem.is_some()
            || progress
                .images
                .iter()
                .any(|image| image.state == ScanState::Failed);
        ScanReport {
            id: self.id.clone(),
            image: self.image.clone(),
            started: self.started,
            state: match (progress.ended, failed) {
                (false, _) => ScanState::Running,
                (true, false) => ScanState::Done,
                (true, true) => ScanState::Failed,
            },
            decision: progress
                .images
                .iter()
                .filter_map(|image| image.decision)
                .max(),
            problem: progress.problem.clone(),
            images: progress.images.clone(),
        }
    }
}
