//! Drafts of policies held against the log of pulls: what they would have refused and allowed.
//!
//! Nothing is fetched or scanned: who pulled what is in the log, and what that holds in the stored
//! inventories. Kept in memory only. Reading order: `recorded` (what the log says), `outcomes` (what
//! comes out for one of those), `report` (what is shown of all).

mod outcomes;
mod recorded;
mod report;

use std::collections::VecDeque;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use futures_util::StreamExt as _;
use jiff::Timestamp;
use sluicegate_engine::content::Content;
use sluicegate_engine::drafts::Drafts;
use sluicegate_engine::identity::Who;
use sluicegate_engine::pull::judge::Judge;
use sluicegate_model::{Repository, Tag};
use sluicegate_policy::PolicySet;

use outcomes::{Outcomes, Subjects};
pub use report::{Replay, ReplayState, ReplayedPulls, ReplayedRow};

/// Replays that are remembered, the newest ones.
const MAX_KEPT: usize = 16;
/// Replays that run at a time.
const MAX_RUNNING: usize = 2;
/// Images that are judged at a time.
const PARALLEL: usize = 2;

/// Says why a replay was not started.
#[derive(Debug, thiserror::Error)]
pub enum ReplayError {
    /// Too many are under way.
    #[error("{MAX_RUNNING} replays are running; ask again when one has ended")]
    Busy,
}

/// Says why a replay came to no end: the fault of this machine's disk, or ours.
#[derive(Debug, thiserror::Error)]
enum Failed {
    #[error(transparent)]
    Log(#[from] recorded::RecordedError),
    #[error(transparent)]
    Draft(#[from] sluicegate_engine::drafts::DraftError),
    #[error("reading the log: {0}")]
    Ended(#[from] tokio::task::JoinError),
}

/// Replays drafts, and remembers what came out.
#[derive(Clone)]
pub struct Replays {
    shared: Arc<Shared>,
}

struct Shared {
    /// The directory of the log.
    log: PathBuf,
    outcomes: Outcomes,
    kept: Mutex<VecDeque<Arc<Mutex<Replay>>>>,
}

impl Replays {
    /// Reads the log in a directory; starts with none.
    pub fn new(log: PathBuf, drafts: Drafts, judge: Judge, content: Arc<dyn Content>) -> Self {
        let shared = Shared {
            log,
            outcomes: Outcomes::new(drafts, judge, content),
            kept: Mutex::default(),
        };
        Self {
            shared: Arc::new(shared),
        }
    }

    /// Gives what drafts say of images that are known.
    pub fn drafts(&self) -> &Drafts {
        self.shared.outcomes.drafts()
    }

    /// Starts a replay of the pulls since an instant.
    ///
    /// *Errors*: too many are under way.
    pub fn start(&self, draft: PolicySet, since: Timestamp) -> Result<Replay, ReplayError> {
        let begun = Replay::begun(format!("{:016x}", rand::random::<u64>()), since);
        let replay = Arc::new(Mutex::new(begun.clone()));
        let mut kept = locked(&self.shared.kept);
        let is_running = |replay: &&Arc<Mutex<Replay>>| locked(replay).is_running();
        if kept.iter().filter(is_running).count() >= MAX_RUNNING {
            return Err(ReplayError::Busy);
        }
        if kept.len() >= MAX_KEPT
            && let Some(ended) = kept.iter().position(|it| !locked(it).is_running())
        {
            kept.remove(ended);
        }
        kept.push_back(Arc::clone(&replay));
        drop(kept);
        let (shared, draft) = (Arc::clone(&self.shared), Arc::new(draft));
        tokio::spawn(async move {
            let failed = shared.run(&replay, draft, since).await.err();
            locked(&replay).end(failed.map(|why| why.to_string()));
        });
        Ok(begun)
    }

    /// Shows a replay; none where it was never asked for, or was forgotten.
    pub fn show(&self, id: &str) -> Option<Replay> {
        let kept = locked(&self.shared.kept);
        let mut shown = kept.iter().map(|replay| locked(replay).clone());
        shown.find(|replay| replay.id == id)
    }
}

impl Shared {
    async fn run(
        &self,
        replay: &Arc<Mutex<Replay>>,
        draft: Arc<PolicySet>,
        since: Timestamp,
    ) -> Result<(), Failed> {
        let (log, told) = (self.log.clone(), Arc::clone(replay));
        let (outcomes, reading) = (self.outcomes.clone(), Arc::clone(&draft));
        let read = move || {
            let scopes = |repository: &Repository, who: &Who, tag: Option<&Tag>| {
                outcomes.scopes(&reading, repository, who, tag)
            };
            recorded::read(&log, since, scopes, |lines| locked(&told).lines = lines)
        };
        let recorded = tokio::task::spawn_blocking(read).await??;
        let subjects = self.outcomes.subjects(&draft, recorded);
        locked(replay).images = subjects.images();
        let Subjects { by_name, by_image } = subjects;
        for (pull, outcome) in by_name {
            locked(replay).add(&pull, &outcome);
        }
        let judged = by_image.into_iter().map(|(image, pulls)| {
            let draft = Arc::clone(&draft);
            async move { (self.outcomes.of(draft, image).await, pulls) }
        });
        let mut judged = futures_util::stream::iter(judged).buffer_unordered(PARALLEL);
        while let Some((outcome, pulls)) = judged.next().await {
            let outcome = outcome?;
            let mut replay = locked(replay);
            replay.images_done = replay.images_done.saturating_add(1);
            for pull in pulls {
                match &outcome {
                    Some(outcome) => replay.add(&pull, outcome),
                    None => replay.add_unknown(&pull),
                }
            }
        }
        Ok(())
    }
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}
