//! The two small tables of a mirror: what is exploited (KEV), and how likely that is (EPSS).
//!
//! They rank findings; only advisories decide whether there are any: nothing here makes a copy old,
//! or lets it wait. The public bucket has neither; both come from where they are published then.
//! Called by `mirror`.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use sluicegate_upstream::{ProxyVariables, UpstreamError};
use url::Url;

use super::fetch::{FetchError, Fetched, Fetcher, Validators};
use super::item::{Item, Visit, file_url};
use super::record::MirrorRecord;
use super::synced::{Synced, told};
use super::whole::Kind;

/// Where the KEV list is published. Source: CISA, "Known Exploited Vulnerabilities Catalog".
const PUBLIC_KEV: &str =
    "https://www.cisa.gov/sites/default/files/feeds/known_exploited_vulnerabilities.json";
/// Where EPSS scores are published. Source: FIRST, "EPSS Data and Statistics".
const PUBLIC_EPSS: &str = "https://epss.empiricalsecurity.com/epss_scores-current.csv.gz";
/// The KEV list in a mirror, and where it is kept.
pub(super) const KEV: &str = "kev/known_exploited_vulnerabilities.json";
/// The EPSS scores in a mirror, and where they are kept.
pub(super) const EPSS: &str = "epss/epss_scores.csv.gz";
/// All of them.
const TABLES: [(&str, Kind); 2] = [(EPSS, Kind::Epss), (KEV, Kind::Kev)];
/// Largest table, in bytes; the index reads no more. Those of 2025 have 1 to 2 MiB.
const MAX_TABLE_BYTES: u64 = 64 * 1024 * 1024;
/// Longest time for the tables of one sync: the advisories beside them must not wait for a place
/// that does not answer.
const WAIT: Duration = Duration::from_secs(30);

/// Where the tables come from.
#[derive(Debug)]
pub(super) struct Tables {
    /// Those that do not come from the mirror itself.
    elsewhere: BTreeMap<&'static str, (Url, Fetcher)>,
}

/// A table on its way: its path, where it lies, and how fetching it ended.
pub(super) struct Coming {
    path: &'static str,
    from: PathBuf,
    fetched: Result<Fetched, FetchError>,
}

/// Gives what was said about the copies that are here.
pub(super) fn known(visit: &Visit<'_>, record: &MirrorRecord) -> Vec<Option<Validators>> {
    let known = |(path, _): (&str, _)| visit.known(path, record);
    TABLES.map(known).into()
}

impl Tables {
    /// Names the places; connects to nothing.
    pub(super) fn new(is_public: bool, proxy: &ProxyVariables) -> Result<Self, UpstreamError> {
        let mut tables = Self {
            elsewhere: BTreeMap::new(),
        };
        for (path, place) in [(KEV, PUBLIC_KEV), (EPSS, PUBLIC_EPSS)] {
            if let Ok(place) = Url::parse(place)
                && is_public
            {
                let fetcher = Fetcher::new(&place, proxy.clone())?;
                tables.elsewhere.insert(path, (place, fetcher));
            }
        }
        Ok(tables)
    }

    /// Takes a table from elsewhere.
    #[cfg(test)]
    pub(super) fn from(&mut self, path: &'static str, place: Url, fetcher: Fetcher) {
        self.elsewhere.insert(path, (place, fetcher));
    }

    /// Fetches the tables side by side, within a time.
    pub(super) async fn fetch(
        &self,
        visit: &Visit<'_>,
        fetcher: &Fetcher,
        incoming: &Path,
        known: Vec<Option<Validators>>,
    ) -> Vec<Coming> {
        let fetching = TABLES.into_iter().zip(known).map(|((path, kind), known)| {
            let elsewhere = self.elsewhere.get(path);
            let item = Item {
                url: elsewhere.map_or_else(|| file_url(visit.base, path), |(url, _)| url.clone()),
                path: path.to_owned(),
                fetcher: elsewhere.map_or(fetcher, |(_, fetcher)| fetcher),
                kind,
                limit: MAX_TABLE_BYTES,
            };
            let from = incoming.join(path.replace('/', "-"));
            async move {
                let fetch = visit.fetch(&item, &from, known);
                let fetched = match tokio::time::timeout(WAIT, fetch).await {
                    Ok(fetched) => fetched,
                    Err(_) => Err(FetchError::Upstream(UpstreamError::Timeout {
                        what: visit.what(&item),
                        host: None,
                        phase: "the whole file",
                        after: WAIT,
                    })),
                };
                Coming {
                    path,
                    from,
                    fetched,
                }
            }
        });
        futures_util::future::join_all(fetching).await
    }

    /// Puts the tables that have come in their places.
    pub(super) fn place(
        &self,
        visit: &Visit<'_>,
        tables: Vec<Coming>,
        record: &mut MirrorRecord,
        synced: &mut Synced,
    ) {
        for Coming {
            path,
            from,
            fetched,
        } in tables
        {
            let placed = fetched.and_then(|fetched| match fetched {
                Fetched::Unchanged => Ok(false),
                Fetched::New(arrived) => visit.place(path, &from, arrived, record),
            });
            match placed {
                Ok(true) => synced.changed.push(path.to_owned()),
                Ok(false) => synced.unchanged += 1,
                Err(error) if self.is_absent(path, &error, visit.directory) => {}
                Err(error) => synced.problems.push(told(&error)),
            }
        }
    }

    /// Tells whether a mirror simply never had the table.
    fn is_absent(&self, path: &str, error: &FetchError, directory: &Path) -> bool {
        let is_own = !self.elsewhere.contains_key(path);
        error.is_absent() && is_own && !directory.join(path).exists()
    }
}
