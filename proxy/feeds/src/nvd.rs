//! NVD's files beside the advisories of a mirror: fetched after them and apart from them.
//!
//! They are some 400 MB at first, and the advisories must not wait for them. The files of the years
//! are asked for weekly; what changed meanwhile is in one small file, which goes back eight days.
//! Nothing that goes wrong here makes the advisories old. Called by `mirror`.
//! Source: NVD, "JSON 2.0 feeds".

use std::fs::File;
use std::path::{Path, PathBuf};

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use sluicegate_machine::private;
use sluicegate_scanner::feeds::NVD_FOLDER;
use sluicegate_upstream::UpstreamError;
use url::Url;

use super::fetch::{FetchError, Fetched, Fetcher, Room, file_error};
use super::item::{Item, Visit, file_url};
use super::record::MirrorRecord;
use super::synced::{INCOMING, OnProgress, Synced, lock, told};
use super::whole::Kind;

/// Where NVD publishes its files.
const PUBLIC: &str = "https://nvd.nist.gov/feeds/json/cve/2.0/";
/// The year with which they begin; it holds those before as well.
const FIRST_YEAR: i16 = 2002;
/// Largest file, in bytes; that of 2024 has about 25 MB.
const MAX_FILE_BYTES: u64 = 256 * 1024 * 1024;
/// Most bytes of all files.
const MAX_BYTES: u64 = 2 * 1024 * 1024 * 1024;
/// Longest time for which the file of a year is not asked for, where changes are known: they go back
/// eight days.
const YEARS_EVERY: SignedDuration = SignedDuration::from_hours(7 * 24);
/// The same for what is not here, and for years without changes.
const OTHERS_EVERY: SignedDuration = SignedDuration::from_hours(24);

/// NVD's files in one place.
#[derive(Debug)]
pub(super) struct Nvd {
    base: Url,
    /// Whether it is NVD itself, which has them all.
    is_public: bool,
    /// Where they are kept.
    directory: PathBuf,
}

impl Nvd {
    /// Describes the files that are kept in the mirror at `directory`: those of `mirror` itself, or
    /// NVD's own.
    pub(super) fn new(mirror: &Url, is_public: bool, directory: &Path) -> Self {
        let public = Url::parse(PUBLIC).ok().filter(|_| is_public);
        Self {
            base: public.unwrap_or_else(|| file_url(mirror, NVD_FOLDER)),
            is_public,
            directory: directory.join(NVD_FOLDER),
        }
    }

    /// Names where they come from.
    pub(super) fn base(&self) -> &Url {
        &self.base
    }

    /// Brings the files up to date. What could be had is in place even where something could not.
    ///
    /// *Errors*: nothing can be kept here.
    pub(super) async fn sync(
        &self,
        fetcher: &Fetcher,
        now: Timestamp,
        on_progress: &OnProgress,
    ) -> Result<Synced, FetchError> {
        private::create_dir_all(&self.directory).map_err(file_error("create", &self.directory))?;
        let _only_writer: File = lock(&self.directory)?;
        let incoming = self.directory.join(INCOMING);
        private::create_dir_all(&incoming).map_err(file_error("create", &incoming))?;
        let room = Room::new(MAX_BYTES, self.used_bytes());
        let visit = Visit {
            base: &self.base,
            directory: &self.directory,
            room: &room,
            on_progress,
            now,
        };
        let mut record = MirrorRecord::read(&self.directory);
        let mut synced = Synced::default();
        for name in names(now) {
            if !self.is_due(&name, &record, now) {
                continue;
            }
            let item = Item {
                url: file_url(&self.base, &name),
                path: name,
                fetcher,
                kind: Kind::Nvd,
                limit: MAX_FILE_BYTES,
            };
            let outcome = visit_file(&visit, &item, &incoming, &mut record).await;
            if self.note(outcome, &item, &mut record, &mut synced, now) {
                break;
            }
        }
        self.base.as_str().clone_into(&mut record.url);
        record.write(&self.directory)?;
        // The next sync uses it again.
        let _ = std::fs::remove_dir_all(&incoming);
        Ok(synced)
    }

    /// Notes how it went with one file; tells whether the others need not be tried.
    fn note(
        &self,
        outcome: Result<bool, FetchError>,
        item: &Item<'_>,
        record: &mut MirrorRecord,
        synced: &mut Synced,
        now: Timestamp,
    ) -> bool {
        let is_here = self.directory.join(&item.path).is_file();
        match outcome {
            Ok(is_new) => {
                record.looked.insert(item.path.clone(), now);
                if is_new {
                    synced.changed.push(item.path.clone());
                } else {
                    synced.unchanged += 1;
                }
                false
            }
            Err(error) if self.is_absent(&error, &item.path, now) => {
                record.looked.insert(item.path.clone(), now);
                if is_here {
                    let gone = "the mirror no longer has it; its last copy stays in use";
                    synced.problems.push(format!("{}: {gone}", item.path));
                }
                false
            }
            Err(error) => {
                let is_all = error.is_passing() || error.is_absent();
                synced.problems.push(told(&error));
                is_all
            }
        }
    }

    /// Tells whether a place need not have a file. NVD has every one but that of a year that has
    /// only begun; when it refuses, it refuses all.
    fn is_absent(&self, error: &FetchError, name: &str, now: Timestamp) -> bool {
        let is_missing = matches!(error, FetchError::Upstream(UpstreamError::NotFound { .. }));
        if self.is_public {
            return is_missing && name == year_file(year(now));
        }
        error.is_absent()
    }

    fn is_due(&self, name: &str, record: &MirrorRecord, now: Timestamp) -> bool {
        let is_here = |name: &str| self.directory.join(name).is_file();
        let Some(looked) = record.looked.get(name) else {
            return true;
        };
        let every = match (is_here(name), is_here(&changes_file())) {
            (true, _) if name == changes_file() => SignedDuration::ZERO,
            (true, true) => YEARS_EVERY,
            _ => OTHERS_EVERY,
        };
        let age = now.duration_since(*looked);
        age.is_negative() || age >= every
    }

    fn used_bytes(&self) -> u64 {
        let files = std::fs::read_dir(&self.directory).into_iter().flatten();
        files
            .filter_map(|file| file.ok()?.metadata().ok())
            .fold(0, |sum, file| sum.saturating_add(file.len()))
    }
}

/// Fetches one file; tells whether it has changed.
async fn visit_file(
    visit: &Visit<'_>,
    item: &Item<'_>,
    incoming: &Path,
    record: &mut MirrorRecord,
) -> Result<bool, FetchError> {
    let into = incoming.join(&item.path);
    let known = visit.known(&item.path, record);
    match visit.fetch(item, &into, known).await? {
        Fetched::Unchanged => Ok(false),
        Fetched::New(arrived) => visit.place(&item.path, &into, arrived, record),
    }
}

/// Names the files, those first that say most of today's images.
fn names(now: Timestamp) -> impl Iterator<Item = String> {
    let years = (FIRST_YEAR..=year(now)).rev().map(year_file);
    years.chain(std::iter::once(changes_file()))
}

fn year(now: Timestamp) -> i16 {
    TimeZone::UTC.to_datetime(now).year()
}

fn year_file(year: i16) -> String {
    format!("nvdcve-2.0-{year}.json.gz")
}

fn changes_file() -> String {
    "nvdcve-2.0-modified.json.gz".to_owned()
}
