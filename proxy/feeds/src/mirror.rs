//! The local copy of one URL in the OSV bucket's layout, and one sync of it.
//!
//! What is new is fetched beside the good files, looked at, and then renamed all together: whoever
//! reads the directory sees whole files only, and a sync that fails leaves the last good copy. A
//! process that holds the lock is the only one that writes. `ecosystem` decides what is fetched.
//! Called by `schedule` and `feeds update`.

use std::collections::BTreeSet;
use std::fs::File;
use std::path::{Path, PathBuf};

use futures_util::StreamExt as _;
use jiff::Timestamp;
use sha2::Digest as _;
use sluicegate_config::UpstreamSettings;
use sluicegate_machine::private;
use sluicegate_upstream::{ProxyVariables, UpstreamError};
use url::Url;

use super::broken::Broken;
use super::ecosystem::Ecosystem;
use super::fetch::{FetchError, Fetcher, Room, file_error};
use super::item::{Item, Visit, file_url};
use super::mirrored;
use super::needed;
use super::nvd::Nvd;
use super::record::MirrorRecord;
use super::signed;
use super::synced::{INCOMING, lock};
use super::tables::{self, Tables};
use super::whole::Kind;

pub use super::synced::{OnProgress, SyncProgress, Synced, Unit, told};

/// The bucket that holds no list of exploited vulnerabilities of its own, and no severities.
const PUBLIC_BUCKET: &str = "osv-vulnerabilities.storage.googleapis.com";
/// The file at a mirror's base that names its folders.
const LIST: &str = "ecosystems.txt";
/// Largest list of folders, in bytes; the public one has 8 KiB.
const MAX_LIST_BYTES: u64 = 1024 * 1024;
/// Ecosystems fetched at a time: enough to fill a line, few for a mirror to bear.
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

/// What a sync looks at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Scope {
    /// Everything that is usual, wanted or here.
    All,
    /// Only ecosystems that are wanted and not here.
    Missing,
}

/// One URL and its local copy.
#[derive(Debug)]
pub struct Mirror {
    url: Url,
    directory: PathBuf,
    fetcher: Fetcher,
    tables: Tables,
    nvd: Nvd,
    /// The client for NVD's own host, where the files come from there.
    nvd_fetcher: Option<Fetcher>,
    limits: Limits,
    /// Whether the plugins that lie there are fetched.
    with_plugins: bool,
}

impl Mirror {
    /// Prepares the copy of `site` under `feeds`; connects to nothing.
    ///
    /// *Errors*: [`UpstreamError::Settings`].
    pub fn new(
        site: &UpstreamSettings,
        feeds: &Path,
        proxy: ProxyVariables,
    ) -> Result<Self, UpstreamError> {
        let url = &site.url;
        let directory = directory_of(url, feeds);
        let is_public = url.host_str() == Some(PUBLIC_BUCKET);
        let nvd = Nvd::new(url, is_public, &directory);
        let nvd_fetcher = is_public.then(|| Fetcher::new(nvd.base(), proxy.clone()));
        Ok(Self {
            url: url.clone(),
            directory,
            tables: Tables::new(is_public, &proxy)?,
            fetcher: Fetcher::of(site.clone(), proxy)?,
            nvd,
            nvd_fetcher: nvd_fetcher.transpose()?,
            limits: Limits::default(),
            with_plugins: false,
        })
    }

    /// Fetches the plugins that lie there as well, where it is not the public bucket, which has none.
    pub fn with_plugins(self, wanted: bool) -> Self {
        let is_public = self.url.host_str() == Some(PUBLIC_BUCKET);
        Self {
            with_plugins: wanted && !is_public,
            ..self
        }
    }

    /// Tells whether knowledge files are fetched from there as well: not from the public bucket, which has
    /// none.
    pub fn has_knowledge(&self) -> bool {
        self.url.host_str() != Some(PUBLIC_BUCKET)
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

    /// Takes a table from elsewhere.
    #[cfg(test)]
    pub(super) fn with_table(mut self, path: &'static str, place: Url, fetcher: Fetcher) -> Self {
        self.tables.from(path, place, fetcher);
        self
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
        MirrorRecord::read(&self.directory).confirmed
    }

    /// Tells whether any ecosystem is here.
    pub fn has_copy(&self) -> bool {
        !self.held().is_empty()
    }

    /// Tells whether the mirror has an ecosystem that is wanted and not here.
    pub fn lacks_any(&self, wanted: &BTreeSet<String>) -> bool {
        let listed = MirrorRecord::read(&self.directory).listed;
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
        let mut record = MirrorRecord::read(&self.directory);
        let visit = Visit {
            base: &self.url,
            directory: &self.directory,
            room: &room,
            on_progress,
            now,
        };
        let listed = self.list(&visit, &incoming).await?;
        let held = self.held();
        let mut synced = Synced::default();
        if scope == Scope::All {
            let gone = held.difference(&listed);
            synced.problems.extend(gone.map(|name| {
                format!("{name}: the mirror no longer lists it; its last copy stays in use")
            }));
        }
        let mut is_current = synced.problems.is_empty() && scope == Scope::All;
        let names = names(scope, &listed, &held, wanted);
        let known = tables::known(&visit, &record);
        let fetch_tables = async {
            match scope {
                Scope::All => {
                    self.tables
                        .fetch(&visit, &self.fetcher, &incoming, known)
                        .await
                }
                Scope::Missing => Vec::new(),
            }
        };
        let (are_current, tables) = tokio::join!(
            self.sync_ecosystems(&visit, names, &incoming, &mut record, &mut synced),
            fetch_tables,
        );
        is_current &= are_current;
        self.tables.place(&visit, tables, &mut record, &mut synced);
        if self.has_knowledge() && scope == Scope::All {
            let files = (&self.fetcher, incoming.as_path());
            mirrored::sync(&visit, files, &mut record, &mut synced).await;
        }
        if self.with_plugins && scope == Scope::All {
            signed::sync(&visit, &self.fetcher, &incoming, &mut synced).await;
        }
        if is_current {
            record.confirmed = Some(now);
        }
        record.listed = listed;
        self.url.as_str().clone_into(&mut record.url);
        record.write(&self.directory)?;
        // The next sync empties it too.
        let _ = std::fs::remove_dir_all(&incoming);
        synced.confirmed = record.confirmed;
        Ok(synced)
    }

    /// Brings ecosystems up to date; tells whether all of them are.
    async fn sync_ecosystems(
        &self,
        visit: &Visit<'_>,
        names: BTreeSet<String>,
        incoming: &Path,
        record: &mut MirrorRecord,
        synced: &mut Synced,
    ) -> bool {
        let ecosystem = |(number, name): (usize, String)| Ecosystem {
            name,
            fetcher: &self.fetcher,
            limit: self.limits.archive,
            incoming: incoming.join(number.to_string()),
        };
        let ecosystems: Vec<_> = names.into_iter().enumerate().map(ecosystem).collect();
        let looks = ecosystems.iter().map(|ecosystem| {
            let look = ecosystem.look(visit, record);
            async move { (ecosystem, look.await) }
        });
        let looks: Vec<_> = looks.collect();
        let looks = futures_util::stream::iter(looks).buffer_unordered(PARALLEL);
        let looks: Vec<_> = looks.collect().await;
        let mut is_current = true;
        for (ecosystem, look) in looks {
            let placed = look.and_then(|mut news| {
                let problems = std::mem::take(&mut news.problems);
                let advisories = news.advisories;
                let changed = ecosystem.place(visit, news, record)?;
                Ok((changed, advisories, problems))
            });
            match placed {
                Ok((changed, advisories, problems)) => {
                    synced.unchanged += usize::from(changed.is_empty());
                    synced.advisories += advisories;
                    synced.changed.extend(changed);
                    is_current &= problems.is_empty();
                    synced.problems.extend(problems);
                }
                Err(error) => {
                    is_current = false;
                    synced.problems.push(told(&error));
                }
            }
        }
        is_current
    }

    /// Brings NVD's files up to date, apart from everything else.
    ///
    /// *Errors*: nothing can be kept here.
    pub async fn sync_severities(
        &self,
        now: Timestamp,
        on_progress: &OnProgress,
    ) -> Result<Synced, FetchError> {
        let fetcher = self.nvd_fetcher.as_ref().unwrap_or(&self.fetcher);
        self.nvd.sync(fetcher, now, on_progress).await
    }

    /// Keeps every other process from changing the copy until the file is let go.
    pub fn lock(&self) -> Result<File, FetchError> {
        private::create_dir_all(&self.directory).map_err(file_error("create", &self.directory))?;
        lock(&self.directory)
    }

    fn empty_incoming(&self) -> Result<PathBuf, FetchError> {
        let incoming = self.directory.join(INCOMING);
        if incoming.exists() {
            std::fs::remove_dir_all(&incoming).map_err(file_error("empty", &incoming))?;
        }
        private::create_dir(&incoming).map_err(file_error("create", &incoming))?;
        Ok(incoming)
    }

    /// Reads which folders the mirror has.
    async fn list(
        &self,
        visit: &Visit<'_>,
        incoming: &Path,
    ) -> Result<BTreeSet<String>, FetchError> {
        let into = incoming.join(LIST);
        let item = Item {
            path: LIST.to_owned(),
            url: file_url(&self.url, LIST),
            fetcher: &self.fetcher,
            kind: Kind::Part,
            limit: MAX_LIST_BYTES,
        };
        visit.fetch_quietly(&item, &into, visit.room).await?;
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
                what: visit.what(&item),
                why: Broken::NoEcosystem,
            });
        }
        Ok(names)
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
}

/// Names where the copy of a URL lies under `feeds`.
pub fn directory_of(url: &Url, feeds: &Path) -> PathBuf {
    let mut name = hex::encode(sha2::Sha256::digest(url.as_str()));
    name.truncate(16);
    feeds.join(format!("mirror-{name}"))
}

/// Picks the ecosystems of a sync.
fn names(
    scope: Scope,
    listed: &BTreeSet<String>,
    held: &BTreeSet<String>,
    wanted: &BTreeSet<String>,
) -> BTreeSet<String> {
    let mut names = needed::pick(listed, wanted);
    match scope {
        Scope::All => names.extend(held.intersection(listed).cloned()),
        Scope::Missing => names.retain(|name| !held.contains(name)),
    }
    names
}
