//! FIRST's scores of how likely each CVE is exploited within 30 days, "EPSS", as packed CSV.
//!
//! It is read line by line. Source: FIRST, "EPSS data and statistics".

use std::io::{BufRead as _, BufReader, Read as _};
use std::path::Path;

use flate2::read::MultiGzDecoder;

use super::day::day;
use crate::feeds::cve::CveNumber;
use crate::feeds::directory::{FeedDirectory, FeedFile};
use crate::feeds::error::{FeedError, open};
use crate::feeds::feed::{EntryError, Exploitation, Feed, FeedEntry, FeedInfo, OnEntry};

/// Largest table unpacked, in bytes. The table of 2025 has about 8 MiB.
const MAX_BYTES: u64 = 256 << 20;
/// Most characters that are shown of a line that cannot be read.
const MAX_SHOWN: usize = 60;

pub(super) struct Epss;

impl Feed for Epss {
    type Said = Exploitation;

    fn info(&self) -> FeedInfo {
        FeedInfo {
            name: "epss",
            revision: 1,
            place: "epss/epss_scores.csv.gz",
        }
    }

    fn files(&self, directory: &FeedDirectory) -> Result<Vec<FeedFile>, FeedError> {
        let file = directory.file("epss", "epss_scores.csv.gz");
        Ok(Vec::from_iter(file))
    }

    fn read(&self, path: &Path, each: &mut OnEntry<'_, Exploitation>) -> Result<(), FeedError> {
        let unpacked = MultiGzDecoder::new(BufReader::new(open(path)?));
        for line in BufReader::new(unpacked.take(MAX_BYTES)).lines() {
            let line = line.map_err(FeedError::io("read", path))?;
            if let Some(said) = entry(&line) {
                let (name, of) = (None, None);
                each(FeedEntry { name, said, of });
            }
        }
        Ok(())
    }
}

/// Reads a line; none where it is a comment or the head of the table.
fn entry(line: &str) -> Option<Result<Exploitation, EntryError>> {
    if line.starts_with('#') {
        let (_, of) = line.split_once("score_date:")?;
        return day(of).map(|day| Ok(Exploitation::ProbabilitiesOf(day)));
    }
    if line.starts_with("cve,") || line.is_empty() {
        return None;
    }
    let line_error = || OddLine(line.chars().take(MAX_SHOWN).collect()).into();
    Some(score(line).ok_or_else(line_error))
}

fn score(line: &str) -> Option<Exploitation> {
    let mut fields = line.split(',');
    let cve = CveNumber::parse(fields.next()?)?;
    let score: f32 = fields.next()?.parse().ok()?;
    let is_probability = (0.0..=1.0).contains(&score);
    is_probability.then_some(Exploitation::Probability(cve, score))
}

/// Says that a line is none of the table.
#[derive(Debug, thiserror::Error)]
#[error("line {0:?} is not `cve,epss,percentile`")]
struct OddLine(String);
