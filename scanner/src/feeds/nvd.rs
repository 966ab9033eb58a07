//! NVD's yearly files: how bad each CVE is, as its publisher says or else NVD itself.
//!
//! A file has 15 to 25 MB packed and some 150 MB unpacked: it is read as a stream, one CVE in memory
//! at a time. A CVE that cannot be read costs only itself. It ranks nothing and merges nothing.
//! Called by `severities`. Source: NVD, "CVE API schema 2.0" and "JSON 2.0 feeds".

use std::cell::Cell;
use std::fmt;
use std::fs::File;
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
use sluicegate_model::advisory::Basis;

use super::archive::MAX_RECORD_BYTES;
use super::cve::CveNumber;
use super::error::FeedError;

/// Most bytes of one file unpacked; the largest real one has about 250 MB.
const MAX_BYTES: u64 = 4 << 30;
/// Most CVEs of one file; the largest real one has about 45,000.
const MAX_CVES: u64 = 1_000_000;
/// Bytes that are unpacked at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// NVD's own name as a source of scores.
const NVD: &str = "nvd@nist.gov";
/// The name of CISA, which scores what neither the publisher nor NVD has scored.
const CISA: &str = "134c704f-9b21-4f2e-91b3-4a467353bcc0";

/// What a file says of one CVE.
#[derive(Clone, Copy, Debug, PartialEq)]
pub(super) struct Statement {
    pub(super) cve: CveNumber,
    /// When it was last changed; none where it gives no readable time.
    pub(super) modified: Option<Timestamp>,
    /// None where nobody scored it, or it was rejected.
    pub(super) score: Option<(Basis, f64)>,
}

/// A CVE that could not be read: its name, or what stands in its place, and the reason.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Odd {
    pub(super) name: String,
    pub(super) reason: String,
}

/// Hands what a file says of each CVE to `each`.
///
/// *Errors*: the file as a whole is not readable; what was handed out before stands.
pub(super) fn read(
    path: &Path,
    each: &mut dyn FnMut(Result<Statement, Odd>),
) -> Result<(), FeedError> {
    let file = File::open(path).map_err(|source| FeedError::Io {
        action: "open",
        path: path.to_owned(),
        source,
    })?;
    let since = Cell::new(0);
    let metered = Metered {
        inner: MultiGzDecoder::new(BufReader::new(file)),
        left: MAX_BYTES,
        since: &since,
    };
    let reader = BufReader::with_capacity(PIECE_BYTES, metered);
    let mut json = serde_json::Deserializer::from_reader(reader);
    let mut document = Document {
        each,
        since: &since,
        cves: 0,
        has_list: false,
    };
    let read = (&mut document).deserialize(&mut json);
    let has_list = document.has_list;
    let outcome = read.and_then(|()| json.end());
    let reason = match outcome {
        Err(error) => error.to_string(),
        Ok(()) if !has_list => "it holds no list of vulnerabilities".to_owned(),
        Ok(()) => return Ok(()),
    };
    Err(FeedError::Archive {
        path: path.to_owned(),
        reason,
    })
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
            let reason = format!("one CVE takes over {MAX_RECORD_BYTES} bytes");
            return Err(io::Error::other(reason));
        }
        self.left = self
            .left
            .checked_sub(bytes)
            .ok_or_else(|| io::Error::other(format!("it takes over {MAX_BYTES} bytes unpacked")))?;
        Ok(read)
    }
}

/// The document while it is read.
struct Document<'a> {
    each: &'a mut dyn FnMut(Result<Statement, Odd>),
    since: &'a Cell<u64>,
    cves: u64,
    has_list: bool,
}

impl<'de> DeserializeSeed<'de> for &mut Document<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_map(self)
    }
}

impl<'de> Visitor<'de> for &mut Document<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an object with a list of vulnerabilities")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<(), A::Error> {
        while let Some(key) = map.next_key::<String>()? {
            if key == "vulnerabilities" {
                self.has_list = true;
                map.next_value_seed(List(&mut *self))?;
            } else {
                map.next_value::<IgnoredAny>()?;
            }
        }
        Ok(())
    }
}

/// The list of CVEs in a document.
struct List<'a, 'b>(&'a mut Document<'b>);

impl<'de> DeserializeSeed<'de> for List<'_, '_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for List<'_, '_> {
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
                return Err(A::Error::custom(format_args!("over {MAX_CVES} CVEs")));
            }
            (document.each)(statement(entry.get()));
        }
        Ok(())
    }
}

#[derive(Deserialize)]
struct Entry {
    cve: Written,
}

#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
struct Written {
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

fn statement(text: &str) -> Result<Statement, Odd> {
    let entry: Entry = serde_json::from_str(text).map_err(|error| Odd {
        name: text.chars().take(60).collect(),
        reason: error.to_string(),
    })?;
    let written = entry.cve;
    let Some(cve) = CveNumber::parse(&written.id) else {
        return Err(Odd {
            reason: "it is not a CVE".to_owned(),
            name: written.id,
        });
    };
    let is_rejected = written.vuln_status.as_deref() == Some("Rejected");
    Ok(Statement {
        cve,
        modified: written.last_modified.as_deref().and_then(time),
        score: if is_rejected { None } else { score(&written) },
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
fn score(written: &Written) -> Option<(Basis, f64)> {
    let metrics = written.metrics.as_ref()?;
    let generations = [
        (Basis::CvssV4, &metrics.v40),
        (Basis::CvssV31, &metrics.v31),
        (Basis::CvssV30, &metrics.v30),
        (Basis::CvssV2, &metrics.v2),
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

fn whose(metric: &Metric, written: &Written) -> Whose {
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
