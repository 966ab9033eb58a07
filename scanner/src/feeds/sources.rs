//! What names a state of the feeds' files and of those who read them.

use sha2::Digest as _;

use super::directory::{FeedDirectory, file_line};
use super::error::FeedError;
use super::feed::FeedInfo;
use super::formats::{all_files, formats};
use super::layout::FORMAT;
use crate::matchers::{MATCHER_REVISION, MatcherInfo, matchers};

/// Identifies the state of feed directories by the names, sizes and times of their files, and what
/// would be built from them by the revisions of those who read and match.
///
/// *Shape*: `sha256:…`. It is cheap, and equal as long as nobody touched a file; an index whose
/// [`source_fingerprint`](super::FeedIndex::source_fingerprint) is equal need not be built again.
pub fn source_fingerprint(directories: &[FeedDirectory]) -> Result<String, FeedError> {
    let mut hasher = sha2::Sha256::new();
    hasher.update(readers(&formats()));
    for directory in directories {
        for file in all_files(directory)? {
            hasher.update(file_line(&file.path)?);
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
pub(super) fn readers(formats: &[FeedInfo]) -> String {
    let mut lines = vec![format!("format {} matching {MATCHER_REVISION}\n", FORMAT)];
    let of_feed = |it: &FeedInfo| format!("feed {} {}\n", it.name, it.revision);
    lines.extend(formats.iter().map(of_feed));
    let of_matcher = |it: &MatcherInfo| format!("match {} {}\n", it.name, it.revision);
    lines.extend(matchers().iter().map(of_matcher));
    lines.concat()
}
