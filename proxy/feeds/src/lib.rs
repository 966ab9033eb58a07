//! Which advisory index is current: loads it, swaps it, and says how old it is.
//!
//! A request sees one snapshot from beginning to end. A load or sync that fails leaves the last
//! good snapshot in place and its reason in status.
//!
//! Reading order: this file (what is current), `load` (directories to index), with `knowledge` (files beside the advisories), `source` (a directory
//! or URL), `schedule` (when a URL is synced), `mirror` (one sync), `ecosystem` (what of one is
//! fetched), with `held` (which records are new), `delta` (those beside the archive) and `stock`
//! (the files together), `tables` and `nvd` (what ranks findings), `mirrored` (knowledge files), `item` and `fetch` (one file, by the secrets of `access`); `needed` picks ecosystems, `record`
//! remembers, `awaited` says who waits for which, `whole` looks at what arrived and `broken` says what is wrong with it; `carried` is what comes beside advisories, `signed` that of a URL, `bundle` is for sites without a network, `shown` tells how all stands; `once` does
//! all of it for a command that ends.

mod access;
mod awaited;
mod broken;
pub mod bundle;
pub mod carried;
mod delta;
mod ecosystem;
mod fetch;
mod held;
mod item;
mod knowledge;
mod load;
mod losses;
pub mod mirror;
mod mirrored;
mod needed;
mod nvd;
pub mod once;
mod record;
mod schedule;
pub mod shown;
pub mod signed;
mod source;
mod stock;
mod synced;
mod tables;
mod whole;

#[cfg(test)]
mod tests;

use std::collections::BTreeSet;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use sluicegate_config::FeedSource;
use sluicegate_model::inventory::Inventory;
use sluicegate_policy::FeedStanding;
use sluicegate_scanner::NameTables;
use sluicegate_scanner::feeds::FeedIndex;
use tokio::sync::{Notify, watch};

use awaited::{Awaited, Settled};
use knowledge::Places;
pub use load::LoadError;
use load::{LoadedIndex, load};
use sluicegate_model::clock::{Clock, is_to_come};
use sluicegate_upstream::ProxyVariables;
use source::{Origin, Source};
use synced::told;

/// How long pulls wait for a first load that has no earlier copy.
const FIRST_LOAD_WAIT: Duration = Duration::from_mins(1);
/// How long pulls wait for the archive of an ecosystem that no image needed before.
const ARCHIVE_WAIT: Duration = Duration::from_mins(1);
/// What is said while the first load runs.
const NOT_YET: &str = "the first load has not ended yet";
/// How often directories are looked at for changes, by names, sizes and times.
const POLL: Duration = Duration::from_secs(5);
/// How long after a load that failed the next is tried, which may read everything again.
const AFTER_FAILURE: Duration = Duration::from_secs(30);

/// A snapshot and how it stands.
#[derive(Clone)]
pub struct FeedState {
    /// The advisories.
    pub index: Arc<FeedIndex>,
    /// Counts swaps.
    pub revision: u64,
    /// When the snapshot was last confirmed with its source; with several, the one longest ago.
    /// How old its records are is another matter.
    pub confirmed: Option<Timestamp>,
    /// What of it ends beside its records.
    pub standing: FeedStanding,
    /// Why the newest load or sync failed, where it did.
    pub problem: Option<String>,
    /// How each source stands.
    pub sources: Vec<SourceState>,
    /// Why a knowledge file is not in force, where one is not.
    pub knowledge_problem: Option<String>,
}

/// How one source stands.
#[derive(Clone, Debug)]
pub struct SourceState {
    /// The directory or URL.
    pub source: String,
    /// When it was last read, or found unchanged.
    pub confirmed: Option<Timestamp>,
    /// Why the newest sync failed, where it did.
    pub problem: Option<String>,
    /// The bundle that it was imported from, where it was.
    pub bundle: Option<bundle::Snapshot>,
}

impl SourceState {
    /// Tells since when its age counts; none where it is past its time or was never confirmed.
    fn counts_from(&self, now: Timestamp) -> Option<Timestamp> {
        let is_expired = |snapshot: &bundle::Snapshot| snapshot.is_expired(now);
        let is_expired = self.bundle.as_ref().is_some_and(is_expired);
        let confirmed = self.confirmed.filter(|at| !is_to_come(*at, now));
        confirmed.filter(|_| !is_expired)
    }
}

/// What the knowledge in force asks of whoever reads layers.
#[derive(Clone, Debug)]
pub struct ReadingAsked {
    /// Whether a list of malicious files is in force, for which files are hashed.
    pub hashes: bool,
    /// The tables of names to go by.
    pub names: NameTables,
}

impl ReadingAsked {
    fn by(index: &FeedIndex) -> Self {
        Self {
            hashes: index.hash_lists().are_in_force(),
            names: index.names().clone(),
        }
    }
}

/// Told what is asked of whoever reads layers.
type OnKnowledge = Box<dyn Fn(ReadingAsked) + Send + Sync>;

/// The current snapshot.
pub struct Feeds {
    current: ArcSwap<FeedState>,
    /// Held while the current one is swapped.
    on_knowledge: Mutex<Option<OnKnowledge>>,
    loaded: watch::Sender<bool>,
    wanted: watch::Sender<BTreeSet<String>>,
    awaited: Awaited,
    news: Arc<Notify>,
    give_up_at: tokio::time::Instant,
}

impl Feeds {
    /// Starts loading in the background. Indexes and mirrors are kept under `directory`; `with_plugins`
    /// has the signed plugins of URLs fetched as well.
    pub fn start(
        sources: Vec<FeedSource>,
        directory: PathBuf,
        (proxy, with_plugins): (&ProxyVariables, bool),
        clock: Clock,
    ) -> Arc<Self> {
        let open = |source| Origin::new(source, &directory, proxy, with_plugins);
        let origins = sources.into_iter().map(open).collect();
        Self::start_from(origins, directory, clock)
    }

    fn start_from(origins: Vec<Origin>, directory: PathBuf, clock: Clock) -> Arc<Self> {
        let readable: Vec<PathBuf> = origins.iter().filter_map(Origin::readable).collect();
        // Before anything is read: by other tables than those of the last run every layer that they
        // concern would be read again.
        let names = match readable.as_slice() {
            [] => NameTables::default(),
            readable => Places::of(readable, &directory).names(),
        };
        let empty = FeedState {
            index: Arc::new(FeedIndex::empty().with_names(names)),
            revision: 0,
            confirmed: None,
            standing: FeedStanding::default(),
            problem: (!origins.is_empty()).then(|| NOT_YET.to_owned()),
            sources: Vec::new(),
            knowledge_problem: None,
        };
        let settled = if origins.is_empty() {
            Settled::All
        } else {
            Settled::Names(BTreeSet::new())
        };
        let feeds = Arc::new(Self {
            current: ArcSwap::from_pointee(empty),
            on_knowledge: Mutex::default(),
            loaded: watch::Sender::new(origins.is_empty()),
            wanted: watch::Sender::default(),
            awaited: Awaited::new(settled, ARCHIVE_WAIT),
            news: Arc::default(),
            give_up_at: tokio::time::Instant::now() + FIRST_LOAD_WAIT,
        });
        if !origins.is_empty() {
            let (wanted, news) = (|| feeds.wanted.subscribe(), &feeds.news);
            let start = |origin| Source::start(origin, &clock, wanted(), news);
            let sources = origins.into_iter().map(start).collect();
            tokio::spawn(Arc::clone(&feeds).keep_current(sources, directory, clock));
        }
        feeds
    }

    /// Gives the current snapshot.
    pub fn current(&self) -> Arc<FeedState> {
        self.current.load_full()
    }

    /// Has somebody told what is asked of whoever reads layers: at once and with every snapshot; files are to
    /// be hashed from before a first list of malicious ones comes in force, until after the last one went.
    pub fn on_knowledge(&self, tell: impl Fn(ReadingAsked) + Send + Sync + 'static) {
        let mut told = self.told();
        tell(ReadingAsked::by(&self.current().index));
        *told = Some(Box::new(tell));
    }

    fn told(&self) -> MutexGuard<'_, Option<OnKnowledge>> {
        let told = self.on_knowledge.lock();
        told.unwrap_or_else(PoisonError::into_inner)
    }

    /// Swaps the current snapshot: files are hashed before a list asks for it, and until none does.
    fn swap(&self, state: FeedState) {
        let told = self.told();
        let tell = |asked: &ReadingAsked| {
            if let Some(tell) = &*told {
                tell(asked.clone());
            }
        };
        let asked = ReadingAsked::by(&state.index);
        if asked.hashes {
            tell(&asked);
        }
        self.current.store(Arc::new(state));
        if !asked.hashes {
            tell(&asked);
        }
    }

    /// Tells whether the first load of every source has ended, well or badly.
    pub fn is_loaded(&self) -> bool {
        *self.loaded.borrow()
    }

    /// Waits for the first load, at most a minute from the start.
    pub async fn first_load(&self) {
        let mut loaded = self.loaded.subscribe();
        let wait = loaded.wait_for(|loaded| *loaded);
        let _ended_or_given_up = tokio::time::timeout_at(self.give_up_at, wait).await;
    }

    /// Looks at directories and imported bundles at once, not at the next of the regular times.
    pub fn look(&self) {
        self.news.notify_one();
    }

    /// Asks for the ecosystems of an inventory that `index` knows nothing of. They are fetched in
    /// the background where a mirror has them; the swap then makes verdicts old.
    pub fn want(&self, inventory: &Inventory, index: &FeedIndex) {
        self.want_all(needed::missing(inventory, index));
    }

    /// Tells whether nothing on the ecosystems of an inventory is worth waiting for.
    pub fn is_ready_for(&self, inventory: &Inventory) -> bool {
        let missing = || needed::missing(inventory, &self.current().index);
        self.is_loaded() && !self.awaited.is_open(&missing())
    }

    /// Waits until all that can be had on the ecosystems of an inventory is in force: for the first
    /// load, and for those that no image has needed so far. At most a minute from when each was
    /// first waited for; what then is missing is for policy.
    pub async fn ready_for(&self, inventory: &Inventory) {
        self.first_load().await;
        let missing = needed::missing(inventory, &self.current().index);
        if !missing.is_empty() {
            self.want_all(missing.clone());
            let are_here = || needed::missing(inventory, &self.current().index).is_empty();
            self.awaited.wait(&missing, are_here).await;
        }
    }

    /// Lists the ecosystems that are waited for and not here yet.
    pub fn awaited(&self) -> Vec<String> {
        self.awaited.names()
    }

    fn want_all(&self, names: BTreeSet<String>) {
        self.wanted
            .send_if_modified(|wanted| needed::add(wanted, names));
    }

    async fn keep_current(self: Arc<Self>, sources: Vec<Source>, directory: PathBuf, clock: Clock) {
        let mut known = String::new();
        loop {
            let now = clock.now();
            // Taken before the load: a sync that ends during it is for the next round.
            let states = sources.iter().map(|source| source.state(now)).collect();
            let settled = sources.iter().map(Source::settled);
            let settled = settled.fold(Settled::All, Settled::with);
            let readable: Vec<PathBuf> = sources.iter().filter_map(Source::readable).collect();
            let is_last_wait = sources.iter().all(Source::is_settled);
            let (directory, before) = (directory.clone(), known.clone());
            let current = self.current();
            let load = move || match readable.as_slice() {
                [] => Ok(LoadedIndex::Unchanged),
                sources => load(sources, &directory, &before, &current.index, now),
            };
            let outcome = match tokio::task::spawn_blocking(load).await {
                Ok(outcome) => outcome.map_err(LoadError::from),
                Err(panic) => Err(panic.into()),
            };
            if let Ok(LoadedIndex::New { fingerprint, .. }) = &outcome {
                fingerprint.clone_into(&mut known);
            }
            let is_well = matches!(
                &outcome,
                Ok(LoadedIndex::Unchanged | LoadedIndex::New { .. })
            );
            let not_yet = !is_last_wait && !self.is_loaded();
            let not_yet = not_yet.then(|| NOT_YET.to_owned());
            self.publish(outcome, states, not_yet, now);
            // After the swap: whoever goes on now judges by what was waited for.
            self.awaited.settle(settled);
            if is_last_wait {
                self.loaded.send_replace(true);
            }
            let pause = if is_well { POLL } else { AFTER_FAILURE };
            let _either = tokio::time::timeout(pause, self.news.notified()).await;
        }
    }

    fn publish(
        &self,
        outcome: Result<LoadedIndex, LoadError>,
        sources: Vec<SourceState>,
        not_yet: Option<String>,
        now: Timestamp,
    ) {
        let before = self.current();
        let mut state = FeedState::clone(&before);
        let mut problems: Vec<String> = sources.iter().filter_map(|s| s.problem.clone()).collect();
        let confirmed = sources
            .iter()
            .map(|source| source.counts_from(now))
            .min()
            .flatten();
        let bundles = sources.iter().filter_map(|source| source.bundle.as_ref());
        let standing = FeedStanding {
            expires: bundles.map(|bundle| bundle.expires).min(),
        };
        for bundle in sources.iter().filter_map(|source| source.bundle.as_ref()) {
            if !before
                .sources
                .iter()
                .any(|s| s.bundle.as_ref() == Some(bundle))
            {
                let (version, created, expires) = (bundle.version, bundle.created, bundle.expires);
                tracing::info!(version, %created, %expires, "imported feed bundle in use");
            }
        }
        state.sources = sources;
        match outcome {
            Ok(LoadedIndex::Unchanged) => (state.confirmed, state.standing) = (confirmed, standing),
            Ok(LoadedIndex::Worse { lost, earlier }) => {
                if let Some(earlier) = earlier {
                    state.index = Arc::from(earlier);
                    state.revision += 1;
                }
                problems.insert(0, format!("the copy before stays in force: {lost}"));
            }
            Ok(LoadedIndex::New { index, problem, .. }) => {
                let ecosystems = index.ecosystems().len();
                tracing::info!(snapshot = %index.snapshot(), ecosystems, "feeds loaded");
                state.index = Arc::from(index);
                state.revision += 1;
                state.knowledge_problem = problem;
                (state.confirmed, state.standing) = (confirmed, standing);
            }
            Err(error) => problems.insert(0, told(&error)),
        }
        problems.extend(losses::unreadable(&state.index));
        problems.extend(state.knowledge_problem.clone());
        problems.extend(not_yet);
        state.problem = (!problems.is_empty()).then(|| problems.join("; "));
        if let Some(problem) = &state.problem
            && state.problem != before.problem
        {
            tracing::error!(%problem, "feeds not current");
        }
        self.swap(state);
    }
}
