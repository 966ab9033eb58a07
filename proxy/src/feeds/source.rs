//! One feed source as the loader sees it: where its files are, and how current they are.
//!
//! A directory is read where it lies; a URL has a mirror and a task that syncs it. Called by
//! `Feeds`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use sluicegate_config::FeedSource;
use tokio::sync::{Notify, watch};

use super::SourceState;
use super::mirror::{Mirror, told};
use super::schedule::{Report, keep_synced};
use crate::clock::Clock;
use crate::upstream::ProxyVariables;

/// Where advisories come from.
pub(super) enum Origin {
    /// Somebody else keeps this directory.
    Directory(PathBuf),
    /// A URL with its local copy.
    Mirror(Arc<Mirror>),
    /// A URL that cannot be asked.
    Unusable {
        /// The URL.
        name: String,
        /// Why.
        problem: String,
    },
}

/// An origin and its newest report.
pub(super) struct Source {
    origin: Origin,
    report: watch::Receiver<Report>,
}

impl Origin {
    /// Prepares a source; mirrors lie under `feeds`. Connects to nothing.
    pub(super) fn new(source: FeedSource, feeds: &Path, proxy: &ProxyVariables) -> Self {
        match source {
            FeedSource::Directory(path) => Self::Directory(path),
            FeedSource::Url(url) => match Mirror::new(&url, feeds, proxy.clone()) {
                Ok(mirror) => Self::Mirror(Arc::new(mirror)),
                Err(error) => Self::Unusable {
                    name: url.to_string(),
                    problem: told(&error),
                },
            },
        }
    }
}

impl Source {
    /// Starts the syncs of a mirror; the others need none.
    pub(super) fn start(
        origin: Origin,
        clock: &Clock,
        wanted: watch::Receiver<BTreeSet<String>>,
        news: &Arc<Notify>,
    ) -> Self {
        let (sender, report) = watch::channel(Report::default());
        match &origin {
            Origin::Directory(_) => {}
            Origin::Mirror(mirror) => {
                sender.send_modify(|report| report.confirmed = mirror.confirmed());
                let (mirror, news) = (Arc::clone(mirror), Arc::clone(news));
                tokio::spawn(keep_synced(mirror, clock.clone(), wanted, sender, news));
            }
            Origin::Unusable { problem, .. } => sender.send_modify(|report| {
                report.problem = Some(problem.clone());
                report.is_tried = true;
            }),
        }
        Self { origin, report }
    }

    /// Says how it stands. A directory is confirmed by being read.
    pub(super) fn state(&self, now: Timestamp) -> SourceState {
        let report = self.report.borrow().clone();
        let (source, confirmed) = match &self.origin {
            Origin::Directory(path) => (path.display().to_string(), Some(now)),
            Origin::Mirror(mirror) => (mirror.url().to_string(), report.confirmed),
            Origin::Unusable { name, .. } => (name.clone(), None),
        };
        SourceState {
            source,
            // A time in the future would keep a feed young for ever.
            confirmed: confirmed.filter(|confirmed| *confirmed <= now),
            problem: report.problem,
        }
    }

    /// Gives the directory, where there is anything to load from it.
    pub(super) fn readable(&self) -> Option<PathBuf> {
        match &self.origin {
            Origin::Directory(path) => Some(path.clone()),
            Origin::Mirror(mirror) => mirror.has_copy().then(|| mirror.directory().to_owned()),
            Origin::Unusable { .. } => None,
        }
    }

    /// Tells whether nothing of it is worth waiting for: it can be loaded, or has been tried.
    pub(super) fn is_settled(&self) -> bool {
        self.report.borrow().is_tried || self.readable().is_some()
    }
}
