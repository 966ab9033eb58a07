//! What is known: advisory feeds on disk, and the immutable index that is built from them.
//!
//! A feed is a directory in the layout of the public OSV bucket. [`build_index`] reads it once and
//! writes one file, [`FeedIndex`] answers from that file by key. These are the only parts of the
//! crate that open files; nothing here fetches, schedules or calls a clock. Called by the program's
//! feed loading and by `matching`.

mod archive;
mod blocks;
mod build;
pub mod cve;
mod exploits;
mod format;
mod gather;
mod index;
mod names;
mod nvd;
mod osv;
mod rating;
pub(crate) mod scope;
mod severities;
mod stamps;
mod times;

use std::io;
use std::path::{Path, PathBuf};
use std::time::UNIX_EPOCH;

use serde::{Deserialize, Serialize};
use sha2::Digest as _;

use crate::matchers::{MATCHER_REVISION, MatcherInfo, matchers};

pub use build::build_index;
pub(crate) use format::FORMAT as INDEX_FORMAT;
pub use index::FeedIndex;
pub use severities::{NVD_FOLDER, is_nvd_file};
pub use stamps::{Stamp, read_stamp, read_stamps};

/// A kind of feed that is read.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Source {
    /// What it is called.
    pub(crate) name: &'static str,
    /// Raised with every change of what is read from the same files.
    pub(crate) revision: u16,
    /// Where it lies in a feed directory.
    pub(crate) place: &'static str,
}

/// The kinds of feeds; their revisions enter the scanner's fingerprint and that of every index.
pub(crate) const SOURCES: [Source; 4] = [
    Source {
        name: "osv",
        revision: 2,
        place: "*/all.zip",
    },
    Source {
        name: "kev",
        revision: 1,
        place: "kev/known_exploited_vulnerabilities.json",
    },
    Source {
        name: "epss",
        revision: 1,
        place: "epss/epss_scores.csv.gz",
    },
    Source {
        name: "nvd",
        revision: 1,
        place: "nvd/nvdcve-2.0-*.json.gz",
    },
];

/// All records of an ecosystem, in its folder.
pub const ARCHIVE: &str = "all.zip";
/// Records that are newer than those in [`ARCHIVE`], beside it. Whoever keeps a copy of the bucket
/// writes it; the bucket itself has none.
pub const DELTA: &str = "delta.zip";
/// The largest record that is read, in bytes.
pub use archive::MAX_RECORD_BYTES;

/// A directory in the OSV bucket's layout: `<ecosystem>/all.zip`, optionally
/// `<ecosystem>/delta.zip` beside it, `kev/known_exploited_vulnerabilities.json`,
/// `epss/epss_scores.csv.gz` and `nvd/nvdcve-2.0-*.json.gz`.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FeedDirectory {
    /// Where it lies.
    pub path: PathBuf,
}

/// How far a build has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildProgress {
    /// The folder that is being read, such as `Debian:12`.
    pub ecosystem: String,
    /// Which archive this is, from 1.
    pub archive: usize,
    /// How many archives there are.
    pub archives: usize,
    /// Records read from this archive so far.
    pub records: u64,
    /// Records this archive says it has.
    pub records_expected: u64,
}

/// One ecosystem of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EcosystemStatus {
    /// The name with its suffix, such as `Debian:12`.
    pub name: String,
    /// Records in force that speak of it.
    pub records: u64,
    /// The newest `modified` or `published` of those records that is not in the future.
    pub newest: Option<jiff::Timestamp>,
    /// The same of those that speak of no later release of the family: a record on several is
    /// changed for the sake of the latest one.
    pub newest_own: Option<jiff::Timestamp>,
    /// Records in force that state no severity for any of its packages.
    pub without_severity: u64,
    /// Records of its folder that could not be read in full.
    pub problems: u64,
}

/// A record, or a whole file, that could not be read in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedProblem {
    /// The folder it is in.
    pub ecosystem: String,
    /// The record's file name; none where it concerns the whole folder.
    pub record: Option<String>,
    /// One line for a person.
    pub reason: String,
}

/// Says why feeds could not be read or an index not be made or used.
#[derive(Debug, thiserror::Error)]
pub enum FeedError {
    /// The operating system refused.
    #[error("{action} {path}", path = path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// A feed's file is not what its name says.
    #[error("read feed file {path}: {reason}", path = path.display())]
    Archive {
        /// Which file.
        path: PathBuf,
        /// What is wrong with it.
        reason: String,
    },
    /// The index is of another version of the program, or is no index.
    #[error("{path} is not a feed index of this program's format", path = path.display())]
    NotAnIndex {
        /// Which file.
        path: PathBuf,
    },
    /// The index is truncated or altered.
    #[error("feed index is damaged: {part} does not match its checksum")]
    Damaged {
        /// Which part.
        part: &'static str,
    },
    /// A table outgrew the index format.
    #[error("write feed index: {what} is too large for the format")]
    TooLarge {
        /// Which part.
        what: &'static str,
    },
}

/// Identifies the state of feed directories by the names, sizes and times of their files, and what
/// would be built from them by the revisions of those who read and match.
///
/// *Shape*: `sha256:…`. It is cheap, and equal as long as nobody touched a file; an index whose
/// [`FeedIndex::source_fingerprint`] is equal need not be built again.
pub fn source_fingerprint(directories: &[FeedDirectory]) -> Result<String, FeedError> {
    let mut hasher = sha2::Sha256::new();
    hasher.update(readers(&SOURCES));
    for directory in directories {
        let mut files: Vec<PathBuf> = archives(directory)?.into_iter().map(|a| a.path).collect();
        files.push(exploits::kev_path(directory));
        files.push(exploits::epss_path(directory));
        files.extend(severities::files(directory));
        for file in files.iter().filter(|file| file.exists()) {
            hasher.update(file_line(file)?);
        }
        hasher.update("\n");
    }
    Ok(format!("sha256:{}", hex::encode(hasher.finalize())))
}

/// Names everything that decides what an index holds beside the files: the matchers do as well, for
/// names are kept in their normal form and versions that a range holds are left out.
fn readers(sources: &[Source]) -> String {
    let mut lines = vec![format!(
        "format {} matching {MATCHER_REVISION}\n",
        format::FORMAT
    )];
    let of_source = |source: &Source| format!("feed {} {}\n", source.name, source.revision);
    lines.extend(sources.iter().map(of_source));
    let of_matcher = |it: &MatcherInfo| format!("match {} {}\n", it.name, it.revision);
    lines.extend(matchers().iter().map(of_matcher));
    lines.concat()
}

fn file_line(path: &Path) -> Result<String, FeedError> {
    let metadata = path.metadata().map_err(|source| FeedError::Io {
        action: "look at",
        path: path.to_owned(),
        source,
    })?;
    let modified = metadata
        .modified()
        .ok()
        .and_then(|time| time.duration_since(UNIX_EPOCH).ok())
        .map_or(0, |age| age.as_nanos());
    Ok(format!(
        "{} {} {modified}\n",
        path.display(),
        metadata.len()
    ))
}

/// An ecosystem's archive in a feed directory.
#[derive(Clone, Debug)]
struct Archive {
    /// The folder's name.
    ecosystem: String,
    path: PathBuf,
}

/// Lists the archives of a directory, by folder name. Folders without an archive of all records are
/// not feeds.
fn archives(directory: &FeedDirectory) -> Result<Vec<Archive>, FeedError> {
    let failed = |source| FeedError::Io {
        action: "list feed directory",
        path: directory.path.clone(),
        source,
    };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(&directory.path).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let (path, delta) = (entry.path().join(ARCHIVE), entry.path().join(DELTA));
        // Ecosystem names are ASCII; a folder with another name is none of the bucket's.
        if let Ok(ecosystem) = entry.file_name().into_string()
            && path.is_file()
        {
            if delta.is_file() {
                let ecosystem = ecosystem.clone();
                found.push(Archive {
                    ecosystem,
                    path: delta,
                });
            }
            found.push(Archive { ecosystem, path });
        }
    }
    found.sort_by(|a, b| (&a.ecosystem, &a.path).cmp(&(&b.ecosystem, &b.path)));
    Ok(found)
}

#[cfg(test)]
pub(crate) mod golden;
#[cfg(test)]
mod tests;
