//! One ecosystem of a mirror: new records one by one where they are few, its whole archive else.
//!
//! The mirror's list says which records are new. What it names is here before it is believed: a
//! record that cannot be had stays new for the next sync. The archive is fetched whole at first, at
//! least daily (that is how records vanish), when much has changed, when the delta is damaged, and
//! where a mirror has no list. Called by `mirror`.

use std::collections::{BTreeMap, BTreeSet};
use std::path::PathBuf;

use futures_util::StreamExt as _;
use jiff::{SignedDuration, Timestamp};
use sluicegate_machine::private;
use sluicegate_scanner::feeds::{ARCHIVE, DELTA, MAX_RECORD_BYTES, read_stamp};

use super::broken::Broken;
use super::delta::MAX_BYTES;
use super::fetch::{Arrived, FetchError, Fetched, Fetcher, Room, Validators, file_error};
use super::held::Pending;
use super::item::{Item, Visit, file_url, replace};
use super::record::{KnownEcosystem, MirrorRecord, sync_directory};
use super::stock::{Condition, HELD, NewDelta, Stock, WrittenStock};
use super::synced::{SyncProgress, Unit, told};
use super::whole::Kind;

/// The mirror's list of its records and their times.
const LIST: &str = "modified_id.csv";
/// Largest list, in bytes. That of npm, the longest public one, had about 10 MiB in 2025.
const MAX_LIST_BYTES: u64 = 64 * 1024 * 1024;
/// Longest time for which an archive is not asked for.
const WHOLE_EVERY: SignedDuration = SignedDuration::from_hours(24);
/// Records of one ecosystem fetched at a time.
const PARALLEL: usize = 4;

/// An ecosystem that is brought up to date.
pub(super) struct Ecosystem<'a> {
    pub(super) name: String,
    pub(super) fetcher: &'a Fetcher,
    /// Most bytes of its archive.
    pub(super) limit: u64,
    /// A directory of its own for what is on its way.
    pub(super) incoming: PathBuf,
}

/// What a look at the mirror brought. It lies in the incoming directory until it is placed.
#[derive(Debug, Default)]
pub(super) struct News {
    archive: Option<(PathBuf, Arrived)>,
    /// Whether the archive was asked for, and is the newest.
    is_whole: bool,
    written: Option<WrittenStock>,
    /// What the mirror said about its list, where everything in it is here.
    list: Option<Validators>,
    /// Records that came one by one.
    pub(super) advisories: usize,
    /// What could not be had. The next sync asks again.
    pub(super) problems: Vec<String>,
}

/// The list as the mirror has it.
enum ListedAtMirror {
    /// Everything in it is here.
    Unchanged,
    /// There is none of use.
    None,
    New(PathBuf, Validators),
}

/// Records that came one by one.
#[derive(Default)]
struct Singles {
    /// By id: the time in the list, and the content.
    arrived: BTreeMap<String, (Timestamp, Vec<u8>)>,
    /// Listed, but the mirror does not have them.
    unfit: BTreeSet<String>,
    bytes: u64,
    problems: Vec<String>,
}

impl Ecosystem<'_> {
    /// Finds out what is new and fetches it.
    ///
    /// *Errors*: the mirror cannot be asked, or has no archive.
    pub(super) async fn look(
        &self,
        visit: &Visit<'_>,
        record: &MirrorRecord,
    ) -> Result<News, FetchError> {
        let failed = file_error("create", &self.incoming);
        private::create_dir_all(&self.incoming).map_err(failed)?;
        let remembered = record
            .ecosystems
            .get(&self.name)
            .cloned()
            .unwrap_or_default();
        let condition = self.condition(visit, record, &remembered).await;
        let must_be_whole = !condition.is_sound || is_due(&remembered, visit.now);
        let known = remembered
            .list
            .filter(|_| condition.is_sealed && !must_be_whole);
        let list = match self.list(visit, known).await? {
            ListedAtMirror::Unchanged => return Ok(News::default()),
            ListedAtMirror::None => None,
            ListedAtMirror::New(path, validators) => Some((path, validators)),
        };
        let first = must_be_whole || list.is_none();
        self.gather(visit, record, condition, list, first).await
    }

    /// Fetches records one by one where that is enough, else the archive and what it still lacks.
    async fn gather(
        &self,
        visit: &Visit<'_>,
        record: &MirrorRecord,
        condition: Condition,
        list: Option<(PathBuf, Validators)>,
        mut whole_is_needed: bool,
    ) -> Result<News, FetchError> {
        let (mut news, mut singles) = (News::default(), Singles::default());
        loop {
            if whole_is_needed {
                self.fetch_archive(visit, record, condition, &mut news)
                    .await?;
            }
            let list_path = list.as_ref().map(|(path, _)| path.clone());
            let (stock, pending) = self.compare(visit, &news, condition, list_path).await?;
            if !pending.is_for_archive() {
                self.fetch_records(visit, &pending, &mut singles).await;
            }
            let is_all = !pending.is_for_archive() && singles.unfit.is_empty();
            let grown = stock.clone().grown(&singles.arrived);
            let fits = !grown.delta.is_too_large();
            let is_enough = is_all && fits;
            whole_is_needed = !news.is_whole && !is_enough;
            if whole_is_needed {
                continue;
            }
            let stock = if fits {
                news.advisories = singles.arrived.len();
                grown
            } else {
                let more = "more is newer than its archive than a delta may hold";
                singles.problems.push(format!("{}: {more}", self.name));
                stock
            };
            news.problems = singles.problems;
            let is_here = is_all && news.problems.is_empty();
            news.list = list.filter(|_| is_here).map(|(_, validators)| validators);
            news.written = Some(self.write(stock, &news, record).await?);
            return Ok(news);
        }
    }

    /// Puts what has arrived in its place and remembers it; gives the paths that have changed.
    ///
    /// The archive goes first: until the delta follows, the two together have more than is needed,
    /// never less.
    pub(super) fn place(
        &self,
        visit: &Visit<'_>,
        news: News,
        record: &mut MirrorRecord,
    ) -> Result<Vec<String>, FetchError> {
        let mut changed = Vec::new();
        if let Some((from, arrived)) = news.archive {
            let path = self.path(ARCHIVE);
            if visit.place(&path, &from, arrived, record)? {
                changed.push(path);
            }
        }
        let Some(written) = news.written else {
            return Ok(changed);
        };
        let folder = visit.directory.join(&self.name);
        let place = folder.join(DELTA);
        match written.delta {
            None => {}
            Some(NewDelta::Replaced(from)) => {
                replace(&from, &place)?;
                changed.push(self.path(DELTA));
            }
            Some(NewDelta::Removed) => {
                std::fs::remove_file(&place)
                    .and_then(|()| sync_directory(&folder))
                    .map_err(file_error("remove", &place))?;
            }
        }
        replace(&written.held, &folder.join(HELD))?;
        let before = record.ecosystems.remove(&self.name).unwrap_or_default();
        let known = KnownEcosystem {
            whole: news.is_whole.then_some(visit.now).or(before.whole),
            seal: Some(written.seal),
            list: news.list,
        };
        record.ecosystems.insert(self.name.clone(), known);
        Ok(changed)
    }

    async fn condition(
        &self,
        visit: &Visit<'_>,
        record: &MirrorRecord,
        known: &KnownEcosystem,
    ) -> Condition {
        let folder = visit.directory.join(&self.name);
        let archive = record.files.get(&self.path(ARCHIVE)).cloned();
        let seal = known.seal.clone();
        let look = move || Condition::of(&folder, archive.as_ref(), seal.as_ref());
        // A look that fails finds nothing sound.
        tokio::task::spawn_blocking(look).await.unwrap_or_default()
    }

    async fn list(
        &self,
        visit: &Visit<'_>,
        known: Option<Validators>,
    ) -> Result<ListedAtMirror, FetchError> {
        let (item, into) = (self.item(visit, LIST, Kind::List), self.incoming.join(LIST));
        match visit.fetch(&item, &into, known).await {
            Ok(Fetched::Unchanged) => Ok(ListedAtMirror::Unchanged),
            Ok(Fetched::New(arrived)) => Ok(ListedAtMirror::New(into, arrived.validators)),
            Err(error) if error.is_passing() => Err(error),
            Err(error) => {
                // A mirror without a list, or with one that is of no use, still has archives.
                tracing::debug!(%error, "no list of a feed's records");
                Ok(ListedAtMirror::None)
            }
        }
    }

    async fn fetch_archive(
        &self,
        visit: &Visit<'_>,
        record: &MirrorRecord,
        condition: Condition,
        news: &mut News,
    ) -> Result<(), FetchError> {
        let item = self.item(visit, ARCHIVE, Kind::Archive);
        let into = self.incoming.join(ARCHIVE);
        let known = visit.known(&item.path, record);
        let known = known.filter(|_| condition.is_sound);
        if let Fetched::New(arrived) = visit.fetch(&item, &into, known).await? {
            news.archive = Some((into, arrived));
        }
        news.is_whole = true;
        Ok(())
    }

    /// Tells which records are here, a new archive included, and which are still missing.
    async fn compare(
        &self,
        visit: &Visit<'_>,
        news: &News,
        condition: Condition,
        list: Option<PathBuf>,
    ) -> Result<(Stock, Pending), FetchError> {
        let folder = visit.directory.join(&self.name);
        let archive = news.archive.as_ref().map(|(path, _)| path.clone());
        let compare = move || {
            if let Some(archive) = archive {
                return Stock::renewed(&folder, &archive, list.as_deref());
            }
            let stock = Stock::read(&folder, condition)?;
            let pending = match list {
                Some(list) => stock.held.compare(&list, &BTreeSet::new())?,
                None => Pending::default(),
            };
            Ok((stock, pending))
        };
        let compared = tokio::task::spawn_blocking(compare).await;
        compared
            .unwrap_or_else(|panic| Err(panic.into()))
            .map_err(|why| FetchError::NotWhole {
                what: format!("{} of {}", self.name, visit.base),
                why,
            })
    }

    /// Fetches the records that are not here yet, until the mirror cannot be asked.
    async fn fetch_records(&self, visit: &Visit<'_>, pending: &Pending, singles: &mut Singles) {
        let is_missing =
            |id: &String| !singles.arrived.contains_key(id) && !singles.unfit.contains(id);
        let rows: Vec<_> = pending
            .rows
            .iter()
            .filter(|(id, _)| is_missing(id))
            .collect();
        let expected = u64::try_from(rows.len()).unwrap_or(u64::MAX);
        let room = Room::new(MAX_BYTES, singles.bytes);
        let fetching: Vec<_> = rows
            .into_iter()
            .map(|(id, listed)| {
                let fetched = self.fetch_record(visit, &room, id);
                async move { (id.clone(), *listed, fetched.await) }
            })
            .collect();
        let mut outcomes = futures_util::stream::iter(fetching).buffer_unordered(PARALLEL);
        let mut done = 0;
        while let Some((id, listed, outcome)) = outcomes.next().await {
            done += 1;
            self.report(visit, done, expected);
            match outcome {
                Ok(content) => {
                    let length = u64::try_from(content.len()).unwrap_or(u64::MAX);
                    singles.bytes = singles.bytes.saturating_add(length);
                    singles.arrived.insert(id, (listed, content));
                }
                Err(error) if error.is_passing() => {
                    singles.problems.push(told(&error));
                    break;
                }
                Err(error) => {
                    tracing::debug!(%error, "listed record not to be had");
                    singles.unfit.insert(id);
                }
            }
        }
        self.report(visit, expected, expected);
    }

    async fn fetch_record(
        &self,
        visit: &Visit<'_>,
        room: &Room,
        id: &str,
    ) -> Result<Vec<u8>, FetchError> {
        let name = format!("{id}.json");
        let item = self.item(visit, &name, Kind::Part);
        let into = self.incoming.join(&name);
        visit.fetch_quietly(&item, &into, room).await?;
        let content = std::fs::read(&into).map_err(file_error("read", &into))?;
        // The content is kept in memory from here on; what is left is removed with its directory.
        let _ = std::fs::remove_file(&into);
        if read_stamp(&content).is_some_and(|stamp| stamp.id == id) {
            return Ok(content);
        }
        Err(FetchError::NotWhole {
            what: visit.what(&item),
            why: Broken::OtherRecord,
        })
    }

    async fn write(
        &self,
        stock: Stock,
        news: &News,
        record: &MirrorRecord,
    ) -> Result<WrittenStock, FetchError> {
        let remembered = record.files.get(&self.path(ARCHIVE));
        let arrived = news.archive.as_ref().map(|(_, arrived)| arrived);
        let archive = arrived.or(remembered).map(|file| file.sha256.clone());
        let incoming = self.incoming.clone();
        let write = move || stock.write(&incoming, &archive.unwrap_or_default());
        tokio::task::spawn_blocking(write)
            .await
            .unwrap_or_else(|panic| Err(std::io::Error::other(panic)))
            .map_err(file_error("write", &self.incoming))
    }

    fn item(&self, visit: &Visit<'_>, file: &str, kind: Kind) -> Item<'_> {
        let path = self.path(file);
        let limit = match kind {
            Kind::Archive => self.limit,
            Kind::List => MAX_LIST_BYTES,
            Kind::Kev
            | Kind::Epss
            | Kind::Nvd
            | Kind::Part
            | Kind::Jars
            | Kind::Support
            | Kind::Malware
            | Kind::Products
            | Kind::JarNames => MAX_RECORD_BYTES,
        };
        Item {
            url: file_url(visit.base, &path),
            path,
            fetcher: self.fetcher,
            kind,
            limit,
        }
    }

    fn path(&self, file: &str) -> String {
        format!("{}/{file}", self.name)
    }

    fn report(&self, visit: &Visit<'_>, done: u64, expected: u64) {
        (visit.on_progress)(SyncProgress {
            path: self.path(DELTA),
            unit: Unit::Advisories,
            done,
            expected: Some(expected),
            ended: done == expected,
        });
    }
}

/// Tells whether an archive has not been asked for long enough.
fn is_due(known: &KnownEcosystem, now: Timestamp) -> bool {
    let age = known.whole.map(|whole| now.duration_since(whole));
    age.is_none_or(|age| age.is_negative() || age >= WHOLE_EVERY)
}
