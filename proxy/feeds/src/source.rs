//! One feed source as the loader sees it: where its files are, and how current they are.
//!
//! A directory is read where it lies; a URL has a mirror and a task that syncs it; an imported
//! snapshot is what `feeds import` left. Called by `Feeds`.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use jiff::Timestamp;
use sluicegate_config::{FeedSource, UpstreamSettings};
use sluicegate_model::clock::Clock;
use sluicegate_upstream::{ProxyVariables, UpstreamError};
use tokio::sync::{Notify, watch};

use super::SourceState;
use super::awaited::Settled;
use super::bundle::{BundleError, Imported, Snapshot};
use super::mirror::{Mirror, told};
use super::schedule::{Report, Syncs, keep_severities, keep_synced};

/// How an imported snapshot is called.
const IMPORTED: &str = "imported";

/// Where advisories come from.
pub(super) enum Origin {
    /// Somebody else keeps this directory.
    Directory(PathBuf),
    /// A URL with its local copy.
    Mirror(Arc<Mirror>),
    /// What was imported.
    Imported(Imported),
    /// What was imported if anything was, else a URL.
    Usual(Imported, Arc<Mirror>),
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
    pub(super) fn new(
        source: FeedSource,
        feeds: &Path,
        proxy: &ProxyVariables,
        with_plugins: bool,
    ) -> Self {
        let imported = Imported::under(feeds);
        let mirror = |site: &_| {
            let mirror = Mirror::new(site, feeds, proxy.clone())?;
            Ok(Arc::new(mirror.with_plugins(with_plugins)))
        };
        let unusable = |site: &UpstreamSettings, error: &UpstreamError| Self::Unusable {
            name: site.url.to_string(),
            problem: told(error),
        };
        let site = source.site();
        match (source, site) {
            (FeedSource::Directory(path), _) => Self::Directory(path),
            (FeedSource::Usual(_), Some(site)) => match mirror(&site) {
                Ok(mirror) => Self::Usual(imported, mirror),
                Err(error) => unusable(&site, &error),
            },
            (FeedSource::Url(_), Some(site)) => match mirror(&site) {
                Ok(mirror) => Self::Mirror(mirror),
                Err(error) => unusable(&site, &error),
            },
            (FeedSource::Imported | FeedSource::Url(_) | FeedSource::Usual(_), _) => {
                Self::Imported(imported)
            }
        }
    }

    /// Gives the mirror that is synced, and what stands in for it where that is there.
    fn synced(&self) -> Option<(Arc<Mirror>, Option<Imported>)> {
        match self {
            Self::Mirror(mirror) => Some((Arc::clone(mirror), None)),
            Self::Usual(imported, mirror) => Some((Arc::clone(mirror), Some(imported.clone()))),
            Self::Directory(_) | Self::Imported(_) | Self::Unusable { .. } => None,
        }
    }

    /// Gives the imported snapshot where it is the one to read, or why it cannot be.
    fn imported(&self) -> Option<Result<(Snapshot, PathBuf), BundleError>> {
        match self {
            Self::Imported(imported) => {
                let current = imported.current();
                Some(current.and_then(|current| current.ok_or(BundleError::NoneImported)))
            }
            Self::Usual(imported, _) => imported.current().transpose(),
            Self::Directory(_) | Self::Mirror(_) | Self::Unusable { .. } => None,
        }
    }

    /// Gives the directory, where there is anything to load from it.
    pub(super) fn readable(&self) -> Option<PathBuf> {
        if let Some(imported) = self.imported() {
            return imported.ok().map(|(_, path)| path);
        }
        match self {
            Self::Directory(path) => Some(path.clone()),
            Self::Mirror(mirror) | Self::Usual(_, mirror) => {
                mirror.has_copy().then(|| mirror.directory().to_owned())
            }
            Self::Imported(_) | Self::Unusable { .. } => None,
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
        if let Origin::Unusable { problem, .. } = &origin {
            sender.send_modify(|report| {
                report.problem = Some(problem.clone());
                report.is_tried = true;
            });
        }
        if let Some((mirror, unless)) = origin.synced() {
            sender.send_modify(|report| report.confirmed = mirror.confirmed());
            let syncs = Syncs {
                mirror,
                unless,
                clock: clock.clone(),
                report: Arc::new(sender),
                news: Arc::clone(news),
            };
            tokio::spawn(keep_severities(syncs.clone()));
            tokio::spawn(keep_synced(syncs, wanted));
        }
        Self { origin, report }
    }

    /// Says how it stands. A directory is confirmed by being read.
    pub(super) fn state(&self, now: Timestamp) -> SourceState {
        if let Some(imported) = self.origin.imported() {
            return imported_state(imported.map(|(snapshot, _)| snapshot), now);
        }
        let report = self.report.borrow().clone();
        let (source, confirmed) = match &self.origin {
            Origin::Directory(path) => (path.display().to_string(), Some(now)),
            Origin::Mirror(mirror) | Origin::Usual(_, mirror) => {
                (mirror.url().to_string(), report.confirmed)
            }
            Origin::Imported(_) => (IMPORTED.to_owned(), None),
            Origin::Unusable { name, .. } => (name.clone(), None),
        };
        SourceState {
            source,
            // A time in the future would keep a feed young for ever.
            confirmed: confirmed.filter(|confirmed| *confirmed <= now),
            problem: report.problems(),
            bundle: None,
        }
    }

    /// Gives the directory, where there is anything to load from it.
    pub(super) fn readable(&self) -> Option<PathBuf> {
        self.origin.readable()
    }

    /// Tells for which ecosystems it brings nothing more before its next sync.
    pub(super) fn settled(&self) -> Settled {
        match &self.origin {
            Origin::Mirror(_) => {}
            Origin::Usual(..) if self.origin.imported().is_none() => {}
            // What lies there is all there is.
            Origin::Directory(_)
            | Origin::Imported(_)
            | Origin::Usual(..)
            | Origin::Unusable { .. } => return Settled::All,
        }
        Settled::Names(self.report.borrow().answered.clone())
    }

    /// Tells whether nothing of it is worth waiting for: it can be loaded, or has been tried.
    pub(super) fn is_settled(&self) -> bool {
        matches!(self.origin, Origin::Imported(_))
            || self.report.borrow().is_tried
            || self.readable().is_some()
    }
}

/// Says how an imported snapshot stands: it is as young as the bundle was when it was made, for
/// nothing here can confirm it.
pub(super) fn imported_state(
    imported: Result<Snapshot, BundleError>,
    now: Timestamp,
) -> SourceState {
    let mut state = SourceState {
        source: IMPORTED.to_owned(),
        confirmed: None,
        problem: None,
        bundle: None,
    };
    match imported {
        Ok(snapshot) => {
            state.confirmed = (snapshot.created <= now).then_some(snapshot.created);
            if snapshot.is_expired(now) {
                let expires = snapshot.expires;
                state.problem = Some(format!("the imported bundle expired at {expires}"));
            }
            state.bundle = Some(snapshot);
        }
        Err(error) => state.problem = Some(told(&error)),
    }
    state
}
