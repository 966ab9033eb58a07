//! How package databases say which files belong to a package, kept small.
//!
//! `dpkg/md5sums.rs` and `apk/files.rs` record with it; the merge compares the claims with the
//! files that are there.

use crate::analyzer::WantedFile;
use crate::facts::{ContentDigest, Observations, OwnedFile, PathHash};

/// Directories whose files are neither programs nor packages of a language: half of all entries.
const DOCUMENTATION: [&str; 5] = [
    "usr/share/doc/",
    "usr/share/info/",
    "usr/share/lintian/",
    "usr/share/locale/",
    "usr/share/man/",
];

/// The claims of one database file.
pub(super) struct Ledger<'a> {
    file: WantedFile<'a>,
    found: &'a mut Observations,
}

impl<'a> Ledger<'a> {
    /// Opens the claims that a database file makes.
    pub(super) fn new(file: WantedFile<'a>, found: &'a mut Observations) -> Self {
        Self { file, found }
    }

    /// Records that a file, named from the root, belongs to a package.
    pub(super) fn claim(&mut self, package: &str, path: &str, digest: Option<ContentDigest>) {
        let path = path.trim_start_matches("./").trim_start_matches('/');
        if path.is_empty() || DOCUMENTATION.iter().any(|dir| path.starts_with(dir)) {
            return;
        }
        let most = self.file.limits.max_owned_files;
        let so_far = u64::try_from(self.found.owned.len()).unwrap_or(u64::MAX);
        // One more than the budget, so that the layer is over it.
        if so_far > most {
            return;
        }
        self.found.owned.push(OwnedFile {
            package: package.into(),
            path: PathHash::of(path),
            digest,
        });
    }
}
