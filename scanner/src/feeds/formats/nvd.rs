//! NVD's yearly files: how bad each CVE is, as its publisher says or else NVD itself.
//!
//! A file has 15 to 25 MB packed and some 150 MB unpacked: it is read as a stream, one CVE in memory
//! at a time. A CVE that cannot be read costs only itself. It ranks nothing and merges nothing.
//! Source: NVD, "CVE API schema 2.0" and "JSON 2.0 feeds".

use std::cell::Cell;
use std::fmt;
use std::fs::DirEntry;
use std::io::{self, BufReader, Read};
use std::path::Path;

use cvss::Cvss;
use flate2::read::MultiGzDecoder;
use jiff::Timestamp;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use serde::Deserialize;
use serde::de::{
    DeserializeSeed, Deserializer, Error as _, IgnoredAny, MapAccess, SeqAccess, Visitor,
};
use serde_json::value::RawValue;
use sluicegate_model::advisory::SeverityBasis;

use crate::feeds::archive::MAX_RECORD_BYTES;
use crate::feeds::cve::CveNumber;
use crate::feeds::directory::{FeedDirectory, FeedFile};
use crate::feeds::error::{FeedError, open};
use crate::feeds::feed::{CveScore, Feed, FeedEntry, FeedInfo, OnEntry};

/// The folder of NVD's files in a feed directory.
pub const NVD_FOLDER: &str = "nvd";

/// Most files of one directory that are read. There are some 25 years, and what changed lately.
const MAX_FILES: usize = 100;
/// Most bytes of one file unpacked; the largest real one has about 250 MB.
const MAX_BYTES: u64 = 4 << 30;
/// Most CVEs of one file; the largest real one has about 45,000.
const MAX_CVES: u64 = 1_000_000;
/// Bytes that are unpacked at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// Most characters that are shown of what is no CVE.
const MAX_SHOWN: usize = 60;

/// NVD's own name as a source of scores.
const NVD: &str = "nvd@nist.gov";
/// The name of CISA, which scores what neither the publisher nor NVD has scored.
const CISA: &str = "134c704f-9b21-4f2e-91b3-4a467353bcc0";

/// Tells whether a file of a feed's folder [`NVD_FOLDER`] is one of NVD's.
pub fn is_nvd_file(name: &str) -> bool {
    let middle = name
        .strip_prefix("nvdcve-2.0-")
        .and_then(|rest| rest.strip_suffix(".json.gz"));
    let is_sound = |byte: u8| byte.is_ascii_alphanumeric() || byte == b'-';
    middle.is_some_and(|middle| {
        !middle.is_empty() && middle.len() <= 32 && middle.bytes().all(is_sound)
    })
}

pub(super) struct Nvd;

impl Feed for Nvd {
    type Said = CveScore;

    fn info(&self) -> FeedInfo {
        FeedInfo {
            name: "nvd",
            revision: 1,
            place: "nvd/nvdcve-2.0-*.json.gz",
        }
    }

    /// Lists NVD's files, by name.
    fn files(&self, directory: &FeedDirectory) -> Result<Vec<FeedFile>, FeedError> {
        let entries = std::fs::read_dir(directory.path().join(NVD_FOLDER));
        let entries = entries.into_iter().flatten().filter_map(Result::ok);
        let named = entries.filter(|entry| entry.file_name().to_str().is_some_and(is_nvd_file));
        let file = |entry: DirEntry| FeedFile {
            folder: NVD_FOLDER.to_owned(),
            path: entry.path(),
        };
        let mut files: Vec<FeedFile> = named.map(file).collect();
        files.sort_by(|a, b| a.path.cmp(&b.path));
        files.truncate(MAX_FILES);
        Ok(files)
    }

    fn read(&self, path: &Path, each: &mut OnEntry<'_, CveScore>) -> Result<(), FeedError> {
        let since = Cell::new(0);
        let metered = Metered {
            inner: MultiGzDecoder::new(BufReader::new(open(path)?)),
            left: MAX_BYTES,
            since: &since,
        };
        let reader = BufReader::with_capacity(PIECE_BYTES, metered);
        let mut json = serde_json::Deserializer::from_reader(reader);
        let mut document = CveDocument {
            each,
            since: &since,
            cves: 0,
            has_list: false,
        };
        let read = (&mut document).deserialize(&mut json);
        let has_list = document.has_list;
        read.and_then(|()| json.end())
            .map_err(FeedError::content(path))?;
        let listed = has_list.then_some(()).ok_or(NvdError::NoList);
        listed.map_err(FeedError::content(path))
    }
}

/// Says why a file, or a CVE in it, could not be read.
#[derive(Debug, thiserror::Error)]
enum NvdError {
    #[error("it holds no list of vulnerabilities")]
    NoList,
    #[error("one CVE takes over {MAX_RECORD_BYTES} bytes")]
    LongCve,
    #[error("it takes over {MAX_BYTES} bytes unpacked")]
    LongFile,
    #[error("over {MAX_CVES} CVEs")]
    Cves,
    #[error(transparent)]
    Json(#[from] serde_json::Error),
    #[error("it is not a CVE")]
    NotACve,
}

/// Counts what is unpacked, in all and since the last CVE, and stops where either is too much.
struct Metered<'a, R> {
    inner: R,
    left: u64,
    since: &'a Cell<u64>,
}

impl<R: Read> Read for Metered<'_, R> {
    fn read(&mut self, room: &mut [u8]) -> io::Result<usize> {
        let read = self.inner.read(room)?;
        let bytes = u64::try_from(read).unwrap_or(u64::MAX);
        self.since.set(self.since.get().saturating_add(bytes));
        if self.since.get() > MAX_RECORD_BYTES {
            return Err(io::Error::other(NvdError::LongCve));
        }
        self.left = self
            .left
            .checked_sub(bytes)
            .ok_or_else(|| io::Error::other(NvdError::LongFile))?;
        Ok(read)
    }
}

/// The document while it is read.
struct CveDocument<'a> {
    each: &'a mut OnEntry<'a, CveScore>,
    since: &'a Cell<u64>,
    cves: u64,
    has_list: bool,
}

impl CveDocument<'_> {
    fn hand_over(&mut self, text: &str) {
        let (name, said) = match read_cve(text) {
            Ok(score) => (None, Ok(score)),
            Err((name, error)) => (Some(name), Err(error.into())),
        };
        let (name, of) = (name.as_deref(), None);
        (self.each)(FeedEntry { name, said, of });
    }
}

impl<'de> DeserializeSeed<'de> for &mut CveDocument<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut CveDocument<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a list of vulnerabilities")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "vulnerabilities" {
                self.has_list = true;
                map.next_value_seed(CveList(&mut *self))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// The list of CVEs in a document.
struct CveList<'a, 'b>(&'a mut CveDocument<'b>);

impl<'de> DeserializeSeed<'de> for CveList<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for CveList<'_, '_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list of vulnerabilities")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut list: A) -> Result<(), A::Error> {
        let Self(document) = self;
        // Raw text first: one entry of another shape must not cost those after it.
        while let Some(entry) = list.next_element::<Box<RawValue>>()? {
            document.since.set(0);
            document.cves += 1;
            if document.cves > MAX_CVES {
                return Err(A::Error::custom(NvdError::Cves));
            }
            document.hand_over(entry.get());
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Listed {
    cve: WrittenCve,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct WrittenCve {
    id: String,
    source_identifier: Option<String>,
    last_modified: Option<String>,
    vuln_status: Option<String>,
    metrics: Option<Metrics>,
}

#[derive(Default, Deserialize)]
struct Metrics {
    #[serde(rename = "cvssMetricV40")]
    v40: Option<Vec<Metric>>,
    #[serde(rename = "cvssMetricV31")]
    v31: Option<Vec<Metric>>,
    #[serde(rename = "cvssMetricV30")]
    v30: Option<Vec<Metric>>,
    #[serde(rename = "cvssMetricV2")]
    v2: Option<Vec<Metric>>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Metric {
    source: Option<String>,
    #[serde(rename = "type")]
    kind: Option<String>,
    cvss_data: Option<Cvssed>,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Cvssed {
    base_score: Option<f64>,
    vector_string: Option<String>,
}

/// Reads what stands of a CVE; beside an error, its name or what stands in its place.
fn read_cve(text: &str) -> Result<CveScore, (String, NvdError)> {
    let entry: Listed = serde_json::from_str(text)
        .map_err(|error| (text.chars().take(MAX_SHOWN).collect(), error.into()))?;
    let written = entry.cve;
    let Some(cve) = CveNumber::parse(&written.id) else {
        return Err((written.id, NvdError::NotACve));
    };
    let is_rejected = written.vuln_status.as_deref() == Some("Rejected");
    Ok(CveScore {
        cve,
        modified: written.last_modified.as_deref().and_then(time),
        base: if is_rejected { None } else { score(&written) },
    })
}

/// Reads a time; NVD writes UTC and does not say so.
fn time(text: &str) -> Option<Timestamp> {
    let said = text.parse::<Timestamp>().ok();
    said.or_else(|| {
        let civil: DateTime = text.parse().ok()?;
        TimeZone::UTC.to_timestamp(civil).ok()
    })
}

/// Whose score it is, most trusted first.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
enum Whose {
    /// Of who published the CVE.
    Publisher,
    /// Of somebody whom NVD counts beside itself.
    Second,
    Nvd,
    /// Of CISA, for want of others.
    Stopgap,
}

/// Chooses a score: the publisher's before NVD's, of one's several the newest generation of CVSS.
fn score(written: &WrittenCve) -> Option<(SeverityBasis, f64)> {
    let metrics = written.metrics.as_ref()?;
    let generations = [
        (SeverityBasis::CvssV4, &metrics.v40),
        (SeverityBasis::CvssV31, &metrics.v31),
        (SeverityBasis::CvssV30, &metrics.v30),
        (SeverityBasis::CvssV2, &metrics.v2),
    ];
    let all = generations.into_iter().flat_map(|(basis, metrics)| {
        let metrics = metrics.iter().flatten();
        metrics.map(move |metric| (basis, metric))
    });
    let scored = all.filter_map(|(basis, metric)| {
        let score = base_score(metric.cvss_data.as_ref()?)?;
        Some((whose(metric, written), basis, score))
    });
    let chosen = scored.min_by_key(|(whose, basis, _)| (*whose, *basis));
    chosen.map(|(_, basis, score)| (basis, score))
}

fn whose(metric: &Metric, written: &WrittenCve) -> Whose {
    let source = metric.source.as_deref();
    match source {
        Some(NVD) => Whose::Nvd,
        Some(CISA) => Whose::Stopgap,
        Some(_) if source == written.source_identifier.as_deref() => Whose::Publisher,
        _ if metric.kind.as_deref() == Some("Secondary") => Whose::Second,
        _ => Whose::Nvd,
    }
}

fn base_score(said: &Cvssed) -> Option<f64> {
    let is_score = |score: &f64| (0.0..=10.0).contains(score);
    said.base_score.filter(is_score).or_else(|| {
        let vector = said.vector_string.as_deref()?;
        let vector: Cvss = vector.parse().ok()?;
        Some(vector.score()).filter(is_score)
    })
}

#[cfg(test)]
mod tests;
