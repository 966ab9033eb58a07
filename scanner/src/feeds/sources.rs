//! The kinds of feeds, and what names a state of their files and of those who read them.

use std::path::PathBuf;

use sha2::Digest as _;

use super::directory::{FeedDirectory, archives, file_line};
use super::error::FeedError;
use super::format::FORMAT;
use super::{exploits, severities};
use crate::matchers::{MATCHER_REVISION, MatcherInfo, matchers};

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
        revision: 6,
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

/// Identifies the state of feed directories by the names, sizes and times of their files, and what
/// would be built from them by the revisions of those who read and match.
///
/// *Shape*: `sha256:…`. It is cheap, and equal as long as nobody touched a file; an index whose
/// [`source_fingerprint`](super::FeedIndex::source_fingerprint) is equal need not be built again.
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
        for family in directory.families().into_iter().flatten() {
            hasher.update(format!("only {family}\n"));
        }
        hasher.update("\n");
    }
    Ok(format!("sha256:{}", hex::encode(hasher.finalize())))
}

/// Names everything that decides what an index holds beside the files: the matchers do as well, for
/// names are kept in their normal form and versions that a range holds are left out.
pub(super) fn readers(sources: &[Source]) -> String {
    let mut lines = vec![format!("format {} matching {MATCHER_REVISION}\n", FORMAT)];
    let of_source = |source: &Source| format!("feed {} {}\n", source.name, source.revision);
    lines.extend(sources.iter().map(of_source));
    let of_matcher = |it: &MatcherInfo| format!("match {} {}\n", it.name, it.revision);
    lines.extend(matchers().iter().map(of_matcher));
    lines.concat()
}
