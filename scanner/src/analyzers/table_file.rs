//! A file with a table of names that ages: how it is read, and why it is none. What its rows say is for
//! whoever goes by them.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};

use sha2::Digest as _;

/// Largest file, in bytes; the program's own take some 10 and 60 KB.
pub(super) const MAX_BYTES: u64 = 1024 * 1024;

/// A table's file as it was fed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct FedFile {
    bytes: Vec<u8>,
    /// The SHA-256 of the bytes, 64 digits.
    digest: String,
}

/// Says why a file is no table of its kind.
#[derive(Debug, thiserror::Error)]
pub enum TableError {
    /// The operating system refused.
    #[error("read {path}", path = path.display())]
    Io {
        /// Which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// It is not the document that it should be.
    #[error("{path} is no table of {kind}: {reason}", path = path.display())]
    Content {
        /// Which file.
        path: PathBuf,
        /// Of what.
        kind: &'static str,
        /// What is wrong with it.
        reason: String,
    },
}

impl FedFile {
    /// Takes the bytes of a file.
    pub(super) fn of(bytes: Vec<u8>) -> Self {
        Self {
            digest: hex::encode(sha2::Sha256::digest(&bytes)),
            bytes,
        }
    }

    /// Gives the whole file.
    pub fn bytes(&self) -> &[u8] {
        &self.bytes
    }

    /// Gives its SHA-256, 64 digits.
    pub fn digest(&self) -> &str {
        &self.digest
    }
}

/// Reads a table of some kind with `parse`, which says what is wrong with a text.
///
/// *Errors*: [`TableError::Io`], and [`TableError::Content`] for what is too large too.
pub(super) fn read<T>(
    path: &Path,
    kind: &'static str,
    parse: impl FnOnce(Vec<u8>) -> Result<T, String>,
) -> Result<T, TableError> {
    let failed = |source| TableError::Io {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(failed)?;
    let mut bytes = Vec::new();
    let read = file.take(MAX_BYTES + 1).read_to_end(&mut bytes);
    read.map_err(failed)?;
    of_bytes(path, kind, bytes, parse)
}

/// Does the same with the bytes of a file.
pub(super) fn of_bytes<T>(
    path: &Path,
    kind: &'static str,
    bytes: Vec<u8>,
    parse: impl FnOnce(Vec<u8>) -> Result<T, String>,
) -> Result<T, TableError> {
    let is_short = u64::try_from(bytes.len()).is_ok_and(|bytes| bytes <= MAX_BYTES);
    let parsed = if is_short {
        parse(bytes)
    } else {
        Err(format!("it has more than {MAX_BYTES} bytes"))
    };
    parsed.map_err(|reason| TableError::Content {
        path: path.to_owned(),
        kind,
        reason,
    })
}
