//! CISA's list of exploited CVEs, "Known Exploited Vulnerabilities", as JSON.
//!
//! It is small enough to be read whole. Source: CISA, "KEV catalog schema".

use std::io::Read as _;
use std::path::Path;

use jiff::civil::Date;
use serde::Deserialize;
use serde_json::Value;

use super::day::day;
use crate::feeds::cve::CveNumber;
use crate::feeds::directory::{FeedDirectory, FeedFile};
use crate::feeds::error::{FeedError, open};
use crate::feeds::feed::{Exploitation, Feed, FeedEntry, FeedInfo, OnEntry};

/// Largest file, in bytes. The list of 2025 has 1.3 MiB.
const MAX_BYTES: u64 = 64 << 20;
/// Most characters that are shown of what is no CVE.
const MAX_SHOWN: usize = 60;

pub(super) struct Kev;

impl Feed for Kev {
    type Said = Exploitation;

    fn info(&self) -> FeedInfo {
        FeedInfo {
            name: "kev",
            revision: 1,
            place: "kev/known_exploited_vulnerabilities.json",
        }
    }

    fn files(&self, directory: &FeedDirectory) -> Result<Vec<FeedFile>, FeedError> {
        let file = directory.file("kev", "known_exploited_vulnerabilities.json");
        Ok(Vec::from_iter(file))
    }

    fn read(&self, path: &Path, each: &mut OnEntry<'_, Exploitation>) -> Result<(), FeedError> {
        let mut text = Vec::new();
        open(path)?
            .take(MAX_BYTES)
            .read_to_end(&mut text)
            .map_err(FeedError::io("read", path))?;
        let catalogue: Catalogue =
            serde_json::from_slice(&text).map_err(FeedError::content(path))?;
        let total = u64::try_from(catalogue.vulnerabilities.len()).ok();
        let mut give = |said| {
            each(FeedEntry {
                name: None,
                said,
                of: total,
            });
        };
        if let Some(day) = catalogue.day() {
            give(Ok(Exploitation::KnownOf(day)));
        }
        for entry in &catalogue.vulnerabilities {
            let id = entry.get("cveID").and_then(Value::as_str);
            let cve = id.and_then(CveNumber::parse);
            let shown = || id.unwrap_or_default().chars().take(MAX_SHOWN).collect();
            let known = cve.map(Exploitation::Known);
            give(known.ok_or_else(|| NotACve { id: shown() }.into()));
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Catalogue {
    #[serde(rename = "dateReleased")]
    released: Option<Value>,
    vulnerabilities: Vec<Value>,
}

impl Catalogue {
    /// Gives the day of its release, or else that of its newest entry.
    fn day(&self) -> Option<Date> {
        let day = |value: &Value| day(value.as_str()?);
        let added = |entry: &Value| entry.get("dateAdded").and_then(day);
        let newest = self.vulnerabilities.iter().filter_map(added).max();
        self.released.as_ref().and_then(day).or(newest)
    }
}

/// Says that an entry is on no CVE.
#[derive(Debug, thiserror::Error)]
#[error("cveID {id:?} is not a CVE")]
struct NotACve {
    id: String,
}
