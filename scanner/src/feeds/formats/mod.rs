//! Every format of feeds, one line each.
//!
//! A new format is one file, one `mod` line and one line in the list of what it speaks of.

mod day;
mod epss;
mod kev;
mod nvd;
pub(super) mod osv;

pub use nvd::{NVD_FOLDER, is_nvd_file};

use super::directory::{FeedDirectory, FeedFile};
use super::error::FeedError;
use super::feed::{CveScore, Exploitation, FeedFormat, FeedInfo, Record};

/// The formats of advisories on packages.
pub(super) const ADVISORIES: [FeedFormat<Record>; 1] = [&osv::Osv];
/// The formats of what is known of the exploitation of CVEs.
pub(super) const EXPLOITATION: [FeedFormat<Exploitation>; 2] = [&kev::Kev, &epss::Epss];
/// The formats of how bad CVEs are.
pub(super) const SCORES: [FeedFormat<CveScore>; 1] = [&nvd::Nvd];

/// Lists what every format declares; their revisions enter the scanner's fingerprint and that of
/// every index.
pub(crate) fn formats() -> Vec<FeedInfo> {
    let advisories = ADVISORIES.iter().map(|format| format.info());
    let exploitation = EXPLOITATION.iter().map(|format| format.info());
    let scores = SCORES.iter().map(|format| format.info());
    advisories.chain(exploitation).chain(scores).collect()
}

/// Lists the files of every format in a directory.
pub(super) fn all_files(directory: &FeedDirectory) -> Result<Vec<FeedFile>, FeedError> {
    let directory = std::slice::from_ref(directory);
    let mut files = Vec::new();
    files.extend(
        files_of(&ADVISORIES, directory)?
            .into_iter()
            .map(|(_, file)| file),
    );
    files.extend(
        files_of(&EXPLOITATION, directory)?
            .into_iter()
            .map(|(_, file)| file),
    );
    files.extend(
        files_of(&SCORES, directory)?
            .into_iter()
            .map(|(_, file)| file),
    );
    Ok(files)
}

/// Lists the files of some formats, directory by directory.
pub(super) fn files_of<T>(
    formats: &[FeedFormat<T>],
    directories: &[FeedDirectory],
) -> Result<Vec<(FeedFormat<T>, FeedFile)>, FeedError> {
    let mut files = Vec::new();
    for directory in directories {
        for format in formats {
            let of_format = format.files(directory)?.into_iter();
            files.extend(of_format.map(|file| (*format, file)));
        }
    }
    Ok(files)
}
