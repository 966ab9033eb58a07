//! The severity of each CVE by feeds of scores, NVD's, of several states of one CVE the newest.
//!
//! Files change hourly one by one, and an index is built as often: what each file says is kept as a
//! small part beside the index, so that only files that changed are unpacked again. A part that is
//! lost or damaged is made again. Called by the index builder.

use std::cmp::Reverse;
use std::fs::File;
use std::io::{Read as _, Write as _};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::civil::Date;
use jiff::tz::TimeZone;
use sha2::Digest as _;
use sluicegate_model::advisory::SeverityBasis;
use sluicegate_model::severity::Severity;

use super::cve::CveNumber;
use super::directory::{FeedDirectory, FeedFile, file_line};
use super::error::FeedError;
use super::feed::{CveScore, FeedFormat, FeedInfo};
use super::formats::{SCORES, files_of};
use super::status::FeedProblem;

/// Most statements of all files together; the real ones make about 350,000, 16 bytes each.
const MAX_STATEMENTS: usize = 4_000_000;
/// Where parts lie, beside the indexes.
const PARTS: &str = "nvd-parts";
/// The first bytes of a part; the last two are the revision of how it is written.
const MAGIC: [u8; 8] = *b"SLGNVD\x00\x01";
/// Bytes of a kept statement: a [`Rating`], and when it was made.
const STATEMENT_BYTES: usize = 16;
/// The time of a statement that gives none: older than every other.
const NO_TIME: i64 = i64::MIN;

/// A CVE, its base score in tenths and what that rests on, in one number: sorted by CVE.
///
/// *Shape*, from the highest bit: 16 bits of year, 32 of number, 8 of tenths, 8 of generation, which
/// is 0 where nobody scored it.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(super) struct Rating(u64);

impl Rating {
    fn new(cve: CveNumber, score: Option<(SeverityBasis, f64)>) -> Self {
        let (tenths, generation) = match score {
            Some((basis, score)) => (tenths(score), generation(basis)),
            None => (0, 0),
        };
        Self(cve.packed() << 16 | u64::from(tenths) << 8 | u64::from(generation))
    }

    pub(super) fn from_bits(bits: u64) -> Self {
        Self(bits)
    }

    pub(super) fn bits(self) -> u64 {
        self.0
    }

    /// Gives the CVE as a number in its order.
    pub(super) fn cve(self) -> u64 {
        self.0 >> 16
    }

    fn is_scored(self) -> bool {
        self.0 & 0xff != 0
    }

    /// Gives the severity and the base score.
    pub(super) fn severity(self) -> (Severity, f64) {
        let [tenths, _] = low_bytes(self.0);
        let score = f64::from(tenths) / 10.0;
        (Severity::from_cvss(score), score)
    }
}

fn low_bytes(bits: u64) -> [u8; 2] {
    let [.., tenths, generation] = bits.to_be_bytes();
    [tenths, generation]
}

#[expect(
    clippy::cast_possible_truncation,
    clippy::cast_sign_loss,
    reason = "a base score is 0 to 10"
)]
fn tenths(score: f64) -> u8 {
    (score * 10.0).round().clamp(0.0, 100.0) as u8
}

fn generation(basis: SeverityBasis) -> u8 {
    match basis {
        SeverityBasis::CvssV4 => 4,
        SeverityBasis::CvssV31 => 31,
        SeverityBasis::CvssV30 => 30,
        SeverityBasis::CvssV2 => 2,
        SeverityBasis::Word => 1,
    }
}

/// What was read, and what could not be.
#[derive(Debug, Default)]
pub(super) struct Severities {
    /// Of every CVE that somebody scored, sorted.
    pub(super) ratings: Vec<Rating>,
    /// The newest day of a change, not in the future.
    pub(super) of: Option<Date>,
    pub(super) problems: Vec<FeedProblem>,
}

/// Most problems kept; more say nothing new.
const MAX_PROBLEMS: usize = 100;

/// Reads what all directories say; parts are kept under `out_dir`.
pub(super) fn read(
    directories: &[FeedDirectory],
    out_dir: &Path,
    now: Timestamp,
) -> Result<Severities, FeedError> {
    let mut severities = Severities::default();
    let parts = out_dir.join(PARTS);
    let mut statements = Vec::new();
    let mut used = Vec::new();
    for (format, file) in files_of(&SCORES, directories)? {
        if statements.len() > MAX_STATEMENTS {
            severities.note(
                &file.folder,
                None,
                format!("over {MAX_STATEMENTS} CVEs in all files"),
            );
            break;
        }
        let kept = part_path(&parts, format.info(), &file.path);
        let known = kept.as_deref().and_then(read_part);
        let said = known.unwrap_or_else(|| {
            let (said, is_whole) = severities.read_file(format, &file);
            if let Some(kept) = kept.as_deref().filter(|_| is_whole)
                && let Err(error) = write_part(kept, &said)
            {
                // The next build reads the file again.
                severities.note(
                    &file.folder,
                    None,
                    format!("keep {}: {error}", kept.display()),
                );
            }
            said
        });
        statements.extend(said);
        used.extend(kept);
    }
    remove_others(&parts, &used);
    severities.merge(statements, now);
    Ok(severities)
}

impl Severities {
    /// Reads one file; tells whether all of it could be.
    fn read_file(
        &mut self,
        format: FeedFormat<CveScore>,
        file: &FeedFile,
    ) -> (Vec<(Rating, i64)>, bool) {
        let (mut said, mut is_whole) = (Vec::new(), true);
        let outcome = format.read(&file.path, &mut |entry| match entry.said {
            Ok(score) => {
                let time = score.modified.map_or(NO_TIME, Timestamp::as_second);
                said.push((Rating::new(score.cve, score.base), time));
            }
            Err(error) => {
                is_whole = false;
                self.note(&file.folder, entry.name, error.to_string());
            }
        });
        if let Err(error) = outcome {
            is_whole = false;
            self.note(&file.folder, None, error.to_string());
        }
        (said, is_whole)
    }

    /// Keeps the newest state of each CVE. A time in the future would win for ever and counts as
    /// none.
    fn merge(&mut self, mut statements: Vec<(Rating, i64)>, now: Timestamp) {
        for (_, time) in &mut statements {
            if *time > now.as_second() {
                *time = NO_TIME;
            }
        }
        let newest = statements.iter().map(|(_, time)| *time).max();
        let newest = newest.and_then(|seconds| Timestamp::from_second(seconds).ok());
        self.of = newest.map(|at| TimeZone::UTC.to_datetime(at).date());
        // Stable: of two states of one time the one that was read first stays.
        statements.sort_by_key(|(rating, time)| (rating.cve(), Reverse(*time)));
        statements.dedup_by_key(|(rating, _)| rating.cve());
        let ratings = statements.into_iter().map(|(rating, _)| rating);
        self.ratings = ratings.filter(|rating| rating.is_scored()).collect();
    }

    fn note(&mut self, folder: &str, cve: Option<&str>, reason: String) {
        if self.problems.len() < MAX_PROBLEMS {
            self.problems.push(FeedProblem {
                ecosystem: folder.to_owned(),
                record: cve.map(str::to_owned),
                reason,
            });
        }
    }
}

/// Names the part of a file by everything that its content depends on; none where it cannot be
/// looked at.
fn part_path(parts: &Path, format: FeedInfo, file: &Path) -> Option<PathBuf> {
    let line = file_line(file).ok()?;
    let line = format!("{} {} {line}", format.name, format.revision);
    let name = hex::encode(sha2::Sha256::digest(line));
    Some(parts.join(name.get(..32)?))
}

fn read_part(path: &Path) -> Option<Vec<(Rating, i64)>> {
    let mut bytes = Vec::new();
    let most = MAX_STATEMENTS.saturating_mul(STATEMENT_BYTES);
    let file = File::open(path).ok()?;
    file.take(u64::try_from(most).unwrap_or(u64::MAX))
        .read_to_end(&mut bytes)
        .ok()?;
    let (magic, rest) = bytes.split_first_chunk::<8>()?;
    let (crc, content) = rest.split_first_chunk::<4>()?;
    if *magic != MAGIC || crc32fast::hash(content) != u32::from_le_bytes(*crc) {
        return None;
    }
    let (statements, odd) = content.as_chunks::<STATEMENT_BYTES>();
    let statement = |bytes: &[u8; STATEMENT_BYTES]| {
        let (rating, time) = bytes.split_first_chunk::<8>()?;
        let time = time.first_chunk::<8>()?;
        let rating = Rating::from_bits(u64::from_le_bytes(*rating));
        Some((rating, i64::from_le_bytes(*time)))
    };
    odd.is_empty()
        .then(|| statements.iter().map(statement).collect())?
}

fn write_part(path: &Path, statements: &[(Rating, i64)]) -> std::io::Result<()> {
    let mut content = Vec::with_capacity(statements.len().saturating_mul(STATEMENT_BYTES));
    for (rating, time) in statements {
        content.extend(rating.bits().to_le_bytes());
        content.extend(time.to_le_bytes());
    }
    if let Some(parts) = path.parent() {
        std::fs::create_dir_all(parts)?;
    }
    let beside = path.with_extension("new");
    let mut file = File::create(&beside)?;
    file.write_all(&MAGIC)?;
    file.write_all(&crc32fast::hash(&content).to_le_bytes())?;
    file.write_all(&content)?;
    std::fs::rename(&beside, path)
}

fn remove_others(parts: &Path, used: &[PathBuf]) {
    let entries = std::fs::read_dir(parts).into_iter().flatten();
    for entry in entries.filter_map(Result::ok) {
        if !used.contains(&entry.path()) {
            // What stays is removed by the next build.
            let _ = std::fs::remove_file(entry.path());
        }
    }
}
