//! Feeds for a command that ends: loaded once, and fetched where no service keeps them current.
//!
//! A service's index and mirrors under `<data>/feeds` are used as they are. An index that is not
//! there is built under `<data>/inspect/feeds`, so that nothing of a service's is replaced: of the
//! families that the image at hand has packages of, for a build pipeline begins with an empty data
//! directory each time. So what a verdict rests on follows from image and feeds alone, whatever was
//! inspected before. Called by `inspect-image`.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sluicegate_config::FeedSource;
use sluicegate_machine::private;
use sluicegate_model::clock::Clock;
use sluicegate_model::inventory::Inventory;
use sluicegate_policy::FeedStanding;
use sluicegate_scanner::NameTables;
use sluicegate_scanner::feeds::{
    BuildProgress, FeedDirectory, FeedError, FeedIndex, build_index, source_fingerprint,
};
use sluicegate_upstream::ProxyVariables;
use tokio::sync::Mutex;

use super::bundle::{BundleError, Imported, Snapshot};
use super::fetch::FetchError;
use super::knowledge::Places;
use super::load::{LoadError, indexes, kept_index};
use super::mirror::{Mirror, OnProgress, Scope, Synced, told};
use super::source::imported_state;
use super::{FeedState, losses, needed};

/// Age at which a mirror that nobody keeps current is synced first. Services sync more often.
const FRESH_FOR: SignedDuration = SignedDuration::from_hours(1);
/// Between two looks at whether another process has ended its sync.
const LOCKED_PAUSE: Duration = Duration::from_secs(1);
/// The longest wait for another process's sync.
const LOCKED_FOR: u32 = 600;
/// Most indexes of our own that are kept: one for each set of feeds and of families in use.
const MAX_INDEXES: usize = 16;

/// What a person is shown meanwhile.
pub struct OnLoad {
    /// Told of every piece of every file that is fetched.
    pub fetching: OnProgress,
    /// Told while an index is built.
    pub building: Arc<dyn Fn(BuildProgress) + Send + Sync>,
    /// Told what a person should know, one line each.
    pub note: Arc<dyn Fn(&str) + Send + Sync>,
}

/// Feed sources, ready to be loaded.
pub struct OneLoad {
    mirrors: Vec<Mirror>,
    directories: Vec<PathBuf>,
    imported: Option<(Snapshot, PathBuf)>,
    services: PathBuf,
    own: PathBuf,
    clock: Clock,
    on: OnLoad,
    /// The families that were asked for last, and what is known of them.
    last: Mutex<Option<(BTreeSet<String>, FeedState)>>,
}

impl OneLoad {
    /// Prepares the sources; connects to nothing.
    ///
    /// *Errors*: [`LoadError::Settings`], or [`LoadError::Bundle`] for what was imported.
    pub fn new(
        sources: &[FeedSource],
        data: &Path,
        proxy: &ProxyVariables,
        clock: Clock,
        on: OnLoad,
    ) -> Result<Self, LoadError> {
        let services = data.join("feeds");
        let current = Imported::under(&services).current()?;
        let (mut mirrors, mut directories, mut imported) = (Vec::new(), Vec::new(), None);
        for source in sources {
            match source {
                FeedSource::Directory(path) => directories.push(path.clone()),
                FeedSource::Imported | FeedSource::Usual(_) if current.is_some() => {
                    imported.clone_from(&current);
                }
                FeedSource::Imported => return Err(BundleError::NoneImported.into()),
                FeedSource::Url(_) | FeedSource::Usual(_) => {
                    let open = |site| Mirror::new(&site, &services, proxy.clone());
                    mirrors.extend(source.site().map(open).transpose()?);
                }
            }
        }
        Ok(Self {
            mirrors,
            directories,
            imported,
            services,
            own: data.join("inspect/feeds"),
            clock,
            on,
            last: Mutex::default(),
        })
    }

    /// Tells whether lists of malicious files may be among what is loaded: one is here, or a mirror may
    /// bring one.
    pub fn may_have_hash_lists(&self) -> bool {
        let sources = self.sources();
        let has_one = || Places::of(&sources, &self.services).have_hash_list();
        let may_bring = self.mirrors.iter().any(Mirror::has_knowledge);
        may_bring || (!sources.is_empty() && has_one())
    }

    /// Tells whether a mirror may bring what layers are read by: it is to be refreshed before.
    pub fn may_bring_names(&self) -> bool {
        self.mirrors.iter().any(Mirror::has_knowledge)
    }

    /// Gives the tables of names to go by, as they lie here.
    pub fn names(&self) -> NameTables {
        match self.sources().as_slice() {
            [] => NameTables::default(),
            sources => Places::of(sources, &self.services).names(),
        }
    }

    /// Names where everything lies that is loaded.
    fn sources(&self) -> Vec<PathBuf> {
        let mut sources = self.directories.clone();
        sources.extend(self.mirrors.iter().map(|m| m.directory().to_owned()));
        sources.extend(self.imported.iter().map(|(_, path)| path.clone()));
        sources
    }

    /// Brings every mirror up to date.
    ///
    /// *Errors*: [`LoadError::Nothing`].
    pub async fn refresh(&self) -> Result<(), LoadError> {
        for mirror in &self.mirrors {
            let confirmed = mirror.confirmed().filter(|_| mirror.has_copy());
            let age = confirmed.map(|confirmed| self.clock.now().duration_since(confirmed));
            if age.is_some_and(|age| !age.is_negative() && age < FRESH_FOR) {
                continue;
            }
            let outcome = self.sync(mirror, Scope::All, &BTreeSet::new()).await;
            let problem = match outcome {
                Ok(synced) => synced.problems.join("; "),
                Err(error) => told(&error),
            };
            if !mirror.has_copy() {
                let url = mirror.url().clone();
                return Err(LoadError::Nothing { url, problem });
            }
            if !problem.is_empty() {
                let url = mirror.url();
                (self.on.note)(&format!("the copy of {url} may be old: {problem}"));
            }
            self.sync_severities(mirror).await;
        }
        Ok(())
    }

    /// Loads what is known of the ecosystems of an inventory; those that no mirror has here yet are
    /// fetched first.
    pub async fn load_for(&self, inventory: &Inventory) -> Result<FeedState, LoadError> {
        let has_new = self.fetch_missing(&needed::named(inventory)).await;
        let families = needed::families(inventory);
        let mut last = self.last.lock().await;
        if let Some((of, state)) = &*last
            && *of == families
            && !has_new
        {
            return Ok(state.clone());
        }
        let state = self.index(families.clone()).await?;
        *last = Some((families, state.clone()));
        Ok(state)
    }

    /// Fetches those of some ecosystems that no mirror has here yet; tells whether there were any.
    async fn fetch_missing(&self, named: &BTreeSet<String>) -> bool {
        let mut fetched = false;
        for mirror in self.mirrors.iter().filter(|it| it.lacks_any(named)) {
            match self.sync(mirror, Scope::Missing, named).await {
                Ok(synced) => fetched |= !synced.changed.is_empty(),
                // The gap that remains says which ecosystem has no feed.
                Err(error) => (self.on.note)(&told(&error)),
            }
        }
        fetched
    }

    /// Syncs a mirror; waits while another process does, which is as good.
    async fn sync(
        &self,
        mirror: &Mirror,
        scope: Scope,
        wanted: &BTreeSet<String>,
    ) -> Result<Synced, FetchError> {
        let mut waited = 0;
        loop {
            let now = self.clock.now();
            match mirror.sync(scope, wanted, now, &self.on.fetching).await {
                Err(FetchError::File { action: "lock", .. }) if waited < LOCKED_FOR => {
                    waited += 1;
                    tokio::time::sleep(LOCKED_PAUSE).await;
                }
                outcome => return outcome,
            }
        }
    }

    /// Fetches severities, without which there still are advisories.
    async fn sync_severities(&self, mirror: &Mirror) {
        let synced = mirror.sync_severities(self.clock.now(), &self.on.fetching);
        let problem = match synced.await {
            // Another process that fetches them does it for everybody.
            Err(FetchError::File { action: "lock", .. }) => return,
            Ok(synced) => synced.problems.join("; "),
            Err(error) => told(&error),
        };
        if !problem.is_empty() {
            (self.on.note)(&format!("severities may be missing: {problem}"));
        }
    }

    async fn index(&self, families: BTreeSet<String>) -> Result<FeedState, LoadError> {
        let directories = self.sources();
        let now = self.clock.now();
        let (services, own) = (self.services.clone(), self.own.clone());
        let building = Arc::clone(&self.on.building);
        let load = move || {
            let index = open_or_build(&directories, &families, (&services, &own), now, &*building)?;
            if directories.is_empty() {
                return Ok((index, None));
            }
            let found = Places::of(&directories, &services).load(None);
            Ok::<_, FeedError>((found.beside(index), found.problem))
        };
        let (index, knowledge_problem) = tokio::task::spawn_blocking(load).await??;
        let problems = losses::unreadable(&index).into_iter();
        let problems: Vec<String> = problems.chain(knowledge_problem.clone()).collect();
        let problem = (!problems.is_empty()).then(|| problems.join("; "));
        if let Some(problem) = &problem {
            (self.on.note)(&format!("feeds are not whole: {problem}"));
        }
        let of_directories = self.directories.iter().map(|_| Some(now));
        let of_mirrors = self.mirrors.iter().map(Mirror::confirmed);
        let of_bundles = self.imported.iter().map(|(snapshot, _)| {
            let state = imported_state(Ok(snapshot.clone()), now);
            if let Some(problem) = &state.problem {
                (self.on.note)(problem);
            }
            state.counts_from(now)
        });
        let all = of_directories.chain(of_mirrors).chain(of_bundles);
        let confirmed = all.min().flatten();
        Ok(FeedState {
            index: Arc::new(index),
            revision: 1,
            confirmed: confirmed.filter(|confirmed| *confirmed <= now),
            standing: FeedStanding {
                expires: self.imported.as_ref().map(|(snapshot, _)| snapshot.expires),
            },
            problem,
            sources: Vec::new(),
            knowledge_problem,
        })
    }
}

fn open_or_build(
    sources: &[PathBuf],
    families: &BTreeSet<String>,
    (services, own): (&Path, &Path),
    now: Timestamp,
    building: &(dyn Fn(BuildProgress) + Send + Sync),
) -> Result<FeedIndex, FeedError> {
    if sources.is_empty() {
        return Ok(FeedIndex::empty());
    }
    let all: Vec<FeedDirectory> = sources.iter().map(FeedDirectory::at).collect();
    if let Some((_, index)) = kept_index(services, &source_fingerprint(&all)?) {
        return Ok(index);
    }
    let some = all.into_iter().map(|it| it.only(families.clone()));
    let some: Vec<FeedDirectory> = some.collect();
    let fingerprint = source_fingerprint(&some)?;
    if let Some((_, index)) = kept_index(own, &fingerprint) {
        return Ok(index);
    }
    let _only_builder = lock(own)?;
    // Another process may have built it meanwhile.
    if let Some((_, index)) = kept_index(own, &fingerprint) {
        return Ok(index);
    }
    let path = build_index(&some, own, now, &building)?;
    let index = FeedIndex::open(&path)?;
    remove_oldest(own);
    Ok(index)
}

fn lock(own: &Path) -> Result<File, FeedError> {
    let failed = |source| FeedError::Io {
        action: "lock",
        path: own.to_owned(),
        source,
    };
    private::create_dir_all(own).map_err(failed)?;
    let lock = private::create(&own.join("load.lock")).map_err(failed)?;
    lock.lock().map_err(failed)?;
    Ok(lock)
}

fn remove_oldest(own: &Path) {
    let mut kept = indexes(own);
    kept.sort_by_key(|path| {
        std::fs::metadata(path)
            .and_then(|file| file.modified())
            .ok()
    });
    for path in kept.iter().rev().skip(MAX_INDEXES) {
        // Another process may have been quicker; one that has it open reads on.
        let _gone_either_way = std::fs::remove_file(path);
    }
}
