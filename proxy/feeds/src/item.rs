//! One file of a mirror: fetched beside the good copy, looked at, put in its place.
//!
//! Called by `mirror` and `ecosystem`.

use std::path::Path;
use std::sync::Arc;

use jiff::Timestamp;
use sluicegate_machine::private;
use url::Url;

use super::fetch::{Arrived, Errand, FetchError, Fetched, Fetcher, Room, Validators, file_error};
use super::record::{MirrorRecord, sync_directory};
use super::synced::{OnProgress, SyncProgress, Unit};
use super::whole::{Kind, check_whole};

/// A file of the mirror that is looked at.
pub(super) struct Item<'a> {
    /// Its path in the mirror.
    pub(super) path: String,
    pub(super) url: Url,
    pub(super) fetcher: &'a Fetcher,
    pub(super) kind: Kind,
    /// Most bytes.
    pub(super) limit: u64,
}

/// What all files of one sync share.
pub(super) struct Visit<'a> {
    /// The mirror.
    pub(super) base: &'a Url,
    /// Where its copy lies.
    pub(super) directory: &'a Path,
    pub(super) room: &'a Room,
    pub(super) on_progress: &'a OnProgress,
    pub(super) now: Timestamp,
}

impl Visit<'_> {
    /// Says what a file is, for messages: one from elsewhere by its own address.
    pub(super) fn what(&self, item: &Item<'_>) -> String {
        if item.url.as_str().starts_with(self.base.as_str()) {
            format!("{} of {}", item.path, self.base)
        } else {
            item.url.to_string()
        }
    }

    /// Gives what the mirror said about the copy of a file that is here.
    pub(super) fn known(&self, path: &str, record: &MirrorRecord) -> Option<Validators> {
        let here = self.directory.join(path);
        let is_here = |bytes: u64| here.metadata().is_ok_and(|found| found.len() == bytes);
        let known = record.files.get(path)?;
        is_here(known.bytes).then(|| known.validators.clone())
    }

    /// Fetches a file to `into`, if it is not the one that is known, and tells whether it is whole.
    pub(super) async fn fetch(
        &self,
        item: &Item<'_>,
        into: &Path,
        known: Option<Validators>,
    ) -> Result<Fetched, FetchError> {
        let (path, told) = (item.path.clone(), Arc::clone(self.on_progress));
        let report = move |done, expected, ended| {
            told(SyncProgress {
                path: path.clone(),
                unit: Unit::Bytes,
                done,
                expected,
                ended,
            });
        };
        let while_it_comes = report.clone();
        let on_bytes = move |bytes, expected| while_it_comes(bytes, expected, false);
        let errand = self.errand(item, into, known);
        let mut outcome = item.fetcher.fetch(&errand, self.room, &on_bytes).await;
        if let Ok(Fetched::New(_)) = &outcome
            && let Err(why) = check_whole(errand.into, item.kind).await
        {
            let what = errand.what;
            outcome = Err(FetchError::NotWhole { what, why });
        }
        report(0, None, true);
        outcome
    }

    /// Fetches a small file to `into` in any case, into a room of its own, and tells nobody.
    pub(super) async fn fetch_quietly(
        &self,
        item: &Item<'_>,
        into: &Path,
        room: &Room,
    ) -> Result<(), FetchError> {
        let errand = self.errand(item, into, None);
        item.fetcher
            .fetch(&errand, room, &|_, _| {})
            .await
            .map(drop)
    }

    fn errand(&self, item: &Item<'_>, into: &Path, known: Option<Validators>) -> Errand {
        Errand {
            what: self.what(item),
            url: item.url.clone(),
            into: into.to_owned(),
            limit: item.limit,
            known,
        }
    }

    /// Puts a new file in its place, durably; tells whether it differs from the one before.
    pub(super) fn place(
        &self,
        path: &str,
        from: &Path,
        arrived: Arrived,
        record: &mut MirrorRecord,
    ) -> Result<bool, FetchError> {
        let here = self.directory.join(path);
        let known = record.files.get(path);
        let same = known.is_some_and(|known| known.sha256 == arrived.sha256)
            && here
                .metadata()
                .is_ok_and(|here| here.len() == arrived.bytes);
        // The same content again keeps its file and its time: the index need not be built anew.
        if !same {
            replace(from, &here)?;
        }
        record.files.insert(path.to_owned(), arrived);
        Ok(!same)
    }
}

/// Puts a file in the place of another. Durable when it returns.
pub(super) fn replace(from: &Path, to: &Path) -> Result<(), FetchError> {
    let folder = to.parent().unwrap_or(to);
    private::create_dir_all(folder).map_err(file_error("create", folder))?;
    std::fs::File::open(from)
        .and_then(|file| file.sync_all())
        .map_err(file_error("sync", from))?;
    std::fs::rename(from, to).map_err(file_error("replace", to))?;
    sync_directory(folder).map_err(file_error("sync", folder))
}

/// Names a file of a mirror.
pub(super) fn file_url(base: &Url, path: &str) -> Url {
    let mut url = base.clone();
    if let Ok(mut segments) = url.path_segments_mut() {
        segments.pop_if_empty().extend(path.split('/'));
    }
    url
}
