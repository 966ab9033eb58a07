//! The local copy of one URL in the OSV bucket's layout, and one sync of it.
//!
//! New files are fetched beside the good ones, looked at, and then renamed all together: whoever
//! reads the directory sees whole files only, and a sync that fails leaves the last good copy. A
//! process that holds the lock is the only one that writes. Called by `schedule` and `feeds update`.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use futures_util::StreamExt as _;
use jiff::Timestamp;
use sha2::Digest as _;
use url::Url;

use super::fetch::{Errand, FetchError, Fetched, Fetcher, Room, file_error};
use super::needed;
use super::record::{Record, sync_directory};
use super::whole::{Kind, check_whole};
use crate::upstream::{ProxyVariables, UpstreamError};

/// The bucket that holds no list of exploited vulnerabilities of its own.
const PUBLIC_BUCKET: &str = "osv-vulnerabilities.storage.googleapis.com";
/// Where that list is published. Source: CISA, "Known Exploited Vulnerabilities Catalog".
const PUBLIC_KEV: &str =
    "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json";
/// The same list in a mirror, and where it is kept.
const KEV: &str = "kev/known_exploited_vulnerabilities.json";
/// The EPSS scores in a mirror, and where they are kept.
const EPSS: &str = "epss/epss_scores.csv.gz";
/// The file at a mirror's base that names its folders.
const LIST: &str = "ecosystems.txt";
/// Where new files wait; no ecosystem can have this name.
const INCOMING: &str = ".incoming";
/// Largest list of folders, in bytes; the public one has 8 KiB.
const MAX_LIST_BYTES: u64 = 1024 * 1024;
/// Largest KEV or EPSS file, in bytes; the index reads no more. Those of 2025 have 1 to 2 MiB.
const MAX_TABLE_BYTES: u64 = 64 * 1024 * 1024;
/// Files fetched at a time: enough to fill a line, few for a mirror to bear.
const PARALLEL: usize = 4;

/// How large a mirror may grow.
#[derive(Clone, Copy, Debug)]
pub(super) struct Limits {
    /// One archive, in bytes. The largest public one, npm's, had about 200 MiB in 2025.
    pub(super) archive: u64,
    /// All files with those on their way, in bytes. The whole public bucket had about 1.5 GiB.
    pub(super) total: u64,
}

impl Default for Limits {
    fn default() -> Self {
        Self {
            archive: 512 * 1024 * 1024,
            total: 4 * 1024 * 1024 * 1024,
        }
    }
}

/// A file on its way.
#[derive(Clone, Debug)]
pub struct SyncProgress {
    /// Its path in the mirror.
    pub path: String,
    /// Bytes received so far.
    pub bytes: u64,
    /// Bytes in all, where the mirror says it.
    pub expected: Option<u64>,
    /// Whether it needs nothing more, well or badly.
    pub ended: bool,
}

/// Told of every piece of every file.
pub type OnProgress = Arc<dyn Fn(SyncProgress) + Send + Sync>;

/// What a sync looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything that is usual, wanted or here.
    All,
    /// Only ecosystems that are wanted and not here.
    Missing,
}

/// What a sync did.
#[derive(Debug, Default)]
pub struct Synced {
    /// Paths of files that are new or have changed.
    pub changed: Vec<String>,
    /// Files that are current and were not sent again.
    pub unchanged: usize,
    /// What could not be had, a line each. The last good copies stay.
    pub problems: Vec<String>,
    /// When the advisories were last known to be the newest; this sync, if it went well.
    pub confirmed: Option<Timestamp>,
}

/// One URL and its local copy.
#[derive(Debug)]
pub struct Mirror {
    url: Url,
    directory: PathBuf,
    fetcher: Fetcher,
    /// Where the KEV list comes from, if not from the mirror itself.
    kev: Option<(Url, Fetcher)>,
    limits: Limits,
}

/// A file of the mirror that is looked at.
struct Item<'a> {
    path: String,
    url: Url,
    fetcher: &'a Fetcher,
    kind: Kind,
    limit: u64,
}

impl Mirror {
    /// Prepares the copy of `url` under `feeds`; connects to nothing.
    ///
    /// *Errors*: [`UpstreamError::Settings`].
    pub fn new(url: &Url, feeds: &Path, proxy: ProxyVariables) -> Result<Self, UpstreamError> {
        let mut name = hex::encode(sha2::Sha256::digest(url.as_str()));
        name.truncate(16);
        let mut kev = None;
        if url.host_str() == Some(PUBLIC_BUCKET)
            && let Ok(kev_url) = Url::parse(PUBLIC_KEV)
        {
            let fetcher = Fetcher::new(&kev_url, proxy.clone())?;
            kev = Some((kev_url, fetcher));
        }
        Ok(Self {
            url: url.clone(),
            directory: feeds.join(format!("mirror-{name}")),
            fetcher: Fetcher::new(url, proxy)?,
            kev,
            limits: Limits::default(),
        })
    }

    /// Makes a copy that is bounded and waits as told.
    #[cfg(test)]
    pub(super) fn bounded(self, limits: Limits, first_wait: std::time::Duration) -> Self {
        Self {
            fetcher: self.fetcher.waiting(first_wait),
            limits,
            ..self
        }
    }

    /// Names where the files come from.
    pub fn url(&self) -> &Url {
        &self.url
    }

    /// Names where the files are.
    pub fn directory(&self) -> &Path {
        &self.directory
    }

    /// Tells when the advisories here were last known to be the newest.
    pub fn confirmed(&self) -> Option<Timestamp> {
        Record::read(&self.directory).confirmed
    }

    /// Tells whether any ecosystem is here.
    pub fn has_copy(&self) -> bool {
        !self.held().is_empty()
    }

    /// Tells whether the mirror has an ecosystem that is wanted and not here.
    pub fn lacks_any(&self, wanted: &BTreeSet<String>) -> bool {
        let listed = Record::read(&self.directory).listed;
        !needed::pick(&listed, wanted).is_subset(&self.held())
    }

    /// Brings the copy up to date. What could be had is in place even where something could not.
    ///
    /// *Errors*: nothing could be looked at at all.
    pub async fn sync(
        &self,
        scope: Scope,
        wanted: &BTreeSet<String>,
        now: Timestamp,
        on_progress: &OnProgress,
    ) -> Result<Synced, FetchError> {
        let _only_writer = self.lock()?;
        let incoming = self.empty_incoming()?;
        let room = Room::new(self.limits.total, self.used_bytes());
        let mut record = Record::read(&self.directory);
        let listed = self.list(&incoming, &room).await?;
        let held = self.held();
        let mut synced = Synced::default();
        if scope == Scope::All {
            let gone = held.difference(&listed);
            synced.problems.extend(gone.map(|name| {
                format!("{name}: the mirror no longer lists it; its last copy stays in use")
            }));
        }
        let mut fetching = Vec::new();
        for (number, item) in self
            .items(scope, &listed, &held, wanted)
            .into_iter()
            .enumerate()
        {
            let into = incoming.join(format!("{number}.part"));
            fetching.push(self.fetch(item, into, &record, &room, on_progress));
        }
        let fetching = futures_util::stream::iter(fetching).buffer_unordered(PARALLEL);
        let outcomes: Vec<_> = fetching.collect().await;
        let mut is_current = synced.problems.is_empty() && scope == Scope::All;
        for (item, into, outcome) in outcomes {
            let placed = outcome.and_then(|fetched| self.place(&item, &into, fetched, &mut record));
            match placed {
                Ok(true) => synced.changed.push(item.path),
                Ok(false) => synced.unchanged += 1,
                Err(error) if item.kind.is_optional() && self.is_absent(&item, &error) => {}
                Err(error) => {
                    // The tables rank findings; only advisories decide whether there are any.
                    is_current &= item.kind.is_optional();
                    synced.problems.push(told(&error));
                }
            }
        }
        if is_current {
            record.confirmed = Some(now);
        }
        record.listed = listed;
        self.url.as_str().clone_into(&mut record.url);
        record.write(&self.directory)?;
        synced.confirmed = record.confirmed;
        Ok(synced)
    }

    fn lock(&self) -> Result<File, FetchError> {
        std::fs::create_dir_all(&self.directory).map_err(file_error("create", &self.directory))?;
        let path = self.directory.join("sync.lock");
        let lock = File::create(&path).map_err(file_error("create", &path))?;
        lock.try_lock().map_err(|error| {
            let reason = format!("another sync of this mirror is under way ({error})");
            file_error("lock", &path)(std::io::Error::other(reason))
        })?;
        Ok(lock)
    }

    fn empty_incoming(&self) -> Result<PathBuf, FetchError> {
        let incoming = self.directory.join(INCOMING);
        if incoming.exists() {
            std::fs::remove_dir_all(&incoming).map_err(file_error("empty", &incoming))?;
        }
        std::fs::create_dir(&incoming).map_err(file_error("create", &incoming))?;
        Ok(incoming)
    }

    /// Reads which folders the mirror has.
    async fn list(&self, incoming: &Path, room: &Room) -> Result<BTreeSet<String>, FetchError> {
        let into = incoming.join(LIST);
        let errand = Errand {
            what: self.what(LIST),
            url: file_url(&self.url, LIST),
            into: into.clone(),
            limit: MAX_LIST_BYTES,
            known: None,
        };
        self.fetcher.fetch(&errand, room, &|_, _| {}).await?;
        let text = std::fs::read(&into).map_err(file_error("read", &into))?;
        let text = String::from_utf8_lossy(&text);
        let names: BTreeSet<String> = text
            .lines()
            .map(str::trim)
            .filter(|name| needed::is_name(name))
            .map(str::to_owned)
            .collect();
        if names.is_empty() {
            return Err(FetchError::NotWhole {
                what: self.what(LIST),
                reason: "it names no ecosystem".to_owned(),
            });
        }
        Ok(names)
    }

    fn items(
        &self,
        scope: Scope,
        listed: &BTreeSet<String>,
        held: &BTreeSet<String>,
        wanted: &BTreeSet<String>,
    ) -> Vec<Item<'_>> {
        let mut names = needed::pick(listed, wanted);
        match scope {
            Scope::All => names.extend(held.intersection(listed).cloned()),
            Scope::Missing => names.retain(|name| !held.contains(name)),
        }
        let item = |path: String, kind, limit| Item {
            url: file_url(&self.url, &path),
            path,
            fetcher: &self.fetcher,
            kind,
            limit,
        };
        let mut items: Vec<_> = names
            .iter()
            .map(|name| {
                item(
                    format!("{name}/all.zip"),
                    Kind::Archive,
                    self.limits.archive,
                )
            })
            .collect();
        if scope == Scope::All {
            let mut kev = item(KEV.to_owned(), Kind::Kev, MAX_TABLE_BYTES);
            if let Some((url, fetcher)) = &self.kev {
                kev.url = url.clone();
                kev.fetcher = fetcher;
            } else {
                items.push(item(EPSS.to_owned(), Kind::Epss, MAX_TABLE_BYTES));
            }
            items.push(kev);
        }
        items
    }

    async fn fetch<'a>(
        &'a self,
        item: Item<'a>,
        into: PathBuf,
        record: &Record,
        room: &Room,
        on_progress: &OnProgress,
    ) -> (Item<'a>, PathBuf, Result<Fetched, FetchError>) {
        let here = self.directory.join(&item.path);
        let is_here = |bytes: u64| here.metadata().is_ok_and(|found| found.len() == bytes);
        let known = record.files.get(&item.path);
        let errand = Errand {
            what: self.what(&item.path),
            url: item.url.clone(),
            into: into.clone(),
            limit: item.limit,
            known: known
                .filter(|known| is_here(known.bytes))
                .map(|known| known.validators.clone()),
        };
        let progress = |bytes, expected, ended| {
            on_progress(SyncProgress {
                path: item.path.clone(),
                bytes,
                expected,
                ended,
            });
        };
        let (path, told) = (item.path.clone(), Arc::clone(on_progress));
        let on_bytes = move |bytes, expected| {
            told(SyncProgress {
                path: path.clone(),
                bytes,
                expected,
                ended: false,
            });
        };
        let mut outcome = item.fetcher.fetch(&errand, room, &on_bytes).await;
        if let Ok(Fetched::New(_)) = &outcome
            && let Err(reason) = check_whole(into.clone(), item.kind).await
        {
            let what = errand.what;
            outcome = Err(FetchError::NotWhole { what, reason });
        }
        progress(0, None, true);
        (item, into, outcome)
    }

    /// Puts a new file in its place; tells whether anything changed.
    fn place(
        &self,
        item: &Item<'_>,
        into: &Path,
        fetched: Fetched,
        record: &mut Record,
    ) -> Result<bool, FetchError> {
        let Fetched::New(arrived) = fetched else {
            return Ok(false);
        };
        let path = self.directory.join(&item.path);
        let known = record.files.get(&item.path);
        let same = known.is_some_and(|known| known.sha256 == arrived.sha256)
            && path
                .metadata()
                .is_ok_and(|here| here.len() == arrived.bytes);
        // The same content again keeps its file and its time: the index need not be built anew.
        if !same {
            let folder = path.parent().unwrap_or(&self.directory);
            std::fs::create_dir_all(folder).map_err(file_error("create", folder))?;
            std::fs::rename(into, &path).map_err(file_error("replace", &path))?;
            sync_directory(folder).map_err(file_error("sync", folder))?;
        }
        record.files.insert(item.path.clone(), arrived);
        Ok(!same)
    }

    /// Tells whether a mirror simply never had the file.
    fn is_absent(&self, item: &Item<'_>, error: &FetchError) -> bool {
        error.is_absent() && self.kev.is_none() && !self.directory.join(&item.path).exists()
    }

    fn held(&self) -> BTreeSet<String> {
        let entries = std::fs::read_dir(&self.directory).into_iter().flatten();
        entries
            .filter_map(Result::ok)
            .filter(|entry| entry.path().join("all.zip").is_file())
            .filter_map(|entry| entry.file_name().into_string().ok())
            .filter(|name| needed::is_name(name))
            .collect()
    }

    fn used_bytes(&self) -> u64 {
        let folders = std::fs::read_dir(&self.directory).into_iter().flatten();
        folders
            .filter_map(Result::ok)
            .filter_map(|folder| std::fs::read_dir(folder.path()).ok())
            .flatten()
            .filter_map(|file| file.ok()?.metadata().ok())
            .fold(0, |sum, file| sum.saturating_add(file.len()))
    }

    fn what(&self, path: &str) -> String {
        format!("{path} of {}", self.url)
    }
}

/// Tells an error with all its causes, in one line.
pub fn told(error: &dyn std::error::Error) -> String {
    let mut line = error.to_string();
    let mut cause = error.source();
    while let Some(error) = cause {
        let next = error.to_string();
        if !line.ends_with(&next) {
            line = format!("{line}: {next}");
        }
        cause = error.source();
    }
    line
}

fn file_url(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path.split('/'));
    }
    url
}
