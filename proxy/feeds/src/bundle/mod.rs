//! Feeds in one signed file, for sites without a network.
//!
//! A bundle is a tar in one zstd frame: `manifest.json`, its signatures in `manifest.sig`, then the
//! files that the manifest lists, in its order, in the layout of OSV's bucket, with plugins and
//! knowledge in folders of their own. Nothing of it is used before signature, times, version and every
//! hash have been checked. Reading order: this file (the
//! manifest), `keys`, `pack` (export), `unpack` (a bundle that is being checked), `imported` (what
//! is in use).

mod imported;
mod keys;
mod pack;
#[cfg(test)]
mod tests;
mod unpack;

use std::collections::BTreeSet;
use std::path::PathBuf;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicegate_scanner::feeds::{ARCHIVE, DELTA, NVD_FOLDER, is_nvd_file};

use super::broken::Broken;
use super::carried::Carried;
use super::needed;
use super::tables::{EPSS, KEV};
use super::whole::Kind;

pub use imported::{ImportOutcome, Imported, Snapshot};
pub use keys::{KeyError, PublicKey, SigningKey, Trust};
pub use pack::{Contents, Packed, pack};

/// The format that is written and read.
const FORMAT: &str = "sluicegate-feeds/1";
/// The name of a bundle's first entry.
const MANIFEST: &str = "manifest.json";
/// The name of its second.
const SIGNATURES: &str = "manifest.sig";
/// What is signed begins with this, so that a signature for another purpose is none for a bundle.
const PURPOSE: &[u8] = b"sluicegate feed bundle 1\n";
/// Largest manifest, in bytes; 1,000 files take about 150 KiB.
const MAX_MANIFEST_BYTES: u64 = 1024 * 1024;
/// Largest list of signatures, in bytes; one takes about 150.
const MAX_SIGNATURES_BYTES: u64 = 16 * 1024;
/// Most signatures that are looked at.
const MAX_SIGNATURES: usize = 32;
/// Most bytes of all files; as much as a mirror's copy.
const MAX_TOTAL_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// What a bundle holds, signed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Manifest {
    format: String,
    /// Never decreases from one bundle of a source to the next.
    pub version: u64,
    /// When its advisories were last known to be the newest.
    pub created: Timestamp,
    /// From when on it is not to be used for the first time.
    pub expires: Timestamp,
    files: Vec<FileEntry>,
}

/// One file of a bundle.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct FileEntry {
    /// In the bucket's layout.
    path: String,
    /// In hex.
    sha256: String,
    /// In bytes.
    length: u64,
}

/// The signatures of a manifest's bytes.
#[derive(Debug, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Signatures {
    /// Each in base64.
    signatures: Vec<String>,
}

/// Says why a bundle is not made or not used.
#[derive(Debug, thiserror::Error)]
pub enum BundleError {
    /// The operating system refused.
    #[error("{action} {path}", path = path.display())]
    File {
        /// What was attempted.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It ends before everything that it should hold.
    #[error("the bundle is cut short")]
    Truncated,
    /// It is no bundle, or more than one.
    #[error("the bundle is not well-formed: {0}")]
    Malformed(String),
    /// What it says of itself cannot be read.
    #[error("the bundle is not well-formed: {file}: {source}")]
    Json {
        /// Which file of it.
        file: &'static str,
        /// What is wrong.
        source: serde_json::Error,
    },
    /// It is not packed as a bundle is.
    #[error("the bundle is not well-formed: it cannot be unpacked: {0}")]
    Packing(#[source] std::io::Error),
    /// Too few of the trusted keys signed it.
    #[error(
        "the bundle is not signed by enough trusted keys: {found} of the {wanted} that are wanted"
    )]
    Unsigned {
        /// How many did.
        found: usize,
        /// How many are wanted.
        wanted: usize,
    },
    /// It is too old.
    #[error("the bundle expired at {0}; get a newer one")]
    Expired(Timestamp),
    /// It is from the future.
    #[error("the bundle was created at {0}, which is in the future; check this machine's clock")]
    NotYet(Timestamp),
    /// A newer one was imported before.
    #[error("the bundle has version {offered}, and version {current} was imported before")]
    Rollback {
        /// The bundle's.
        offered: u64,
        /// The one in use.
        current: u64,
    },
    /// Another one has its version.
    #[error("another bundle with version {0} was imported before")]
    Conflict(u64),
    /// A file is not the one that was signed.
    #[error("{path} in the bundle: {why}")]
    Content {
        /// Its path in the bundle.
        path: String,
        /// What is wrong.
        #[source]
        why: Broken,
    },
    /// None was imported, and one is wanted.
    #[error("no feed bundle was imported")]
    NoneImported,
    /// What is said to be in use is not there, or not readable.
    #[error(
        "the imported snapshot is damaged: {path}: {why}; remove its directory and import a bundle \
         again", path = path.display()
    )]
    Damaged {
        /// What names it.
        path: PathBuf,
        /// What is wrong with it.
        #[source]
        why: Broken,
    },
}

impl BundleError {
    fn json(file: &'static str) -> impl FnOnce(serde_json::Error) -> Self {
        move |source| Self::Json { file, source }
    }
}

impl Manifest {
    /// Reads a manifest whose signature has been checked.
    fn read(text: &[u8]) -> Result<Self, BundleError> {
        let broken = |reason: String| BundleError::Malformed(format!("{MANIFEST}: {reason}"));
        let manifest: Self = serde_json::from_slice(text).map_err(BundleError::json(MANIFEST))?;
        if manifest.format != FORMAT {
            return Err(broken(format!("format is not {FORMAT:?}")));
        }
        let mut paths = BTreeSet::new();
        let mut total = 0_u64;
        check_carried(&manifest.files).map_err(broken)?;
        for file in &manifest.files {
            if kind_of(&file.path).is_none() {
                let path = file.path.escape_debug();
                return Err(broken(format!("\"{path}\" is no path of a feed")));
            }
            if !paths.insert(&file.path) {
                return Err(broken(format!("{} is listed twice", file.path)));
            }
            total = total.saturating_add(file.length);
        }
        if total > MAX_TOTAL_BYTES {
            return Err(broken(format!(
                "more than {MAX_TOTAL_BYTES} bytes of files"
            )));
        }
        if !paths.iter().any(|path| path.ends_with(ARCHIVE)) {
            return Err(broken("no ecosystem is listed".to_owned()));
        }
        Ok(manifest)
    }
}

/// Tells what lies at a path of a feed; none where nothing of a feed can lie there.
fn kind_of(path: &str) -> Option<Kind> {
    if path == KEV {
        return Some(Kind::Kev);
    }
    if path == EPSS {
        return Some(Kind::Epss);
    }
    let (ecosystem, file) = path.split_once('/')?;
    if Carried::at(path).is_some() {
        return Some(Kind::Part);
    }
    if ecosystem == NVD_FOLDER && is_nvd_file(file) {
        return Some(Kind::Nvd);
    }
    let is_archive = file == ARCHIVE || file == DELTA;
    (needed::is_name(ecosystem) && is_archive).then_some(Kind::Archive)
}

/// Holds what is carried beside advisories against its bounds.
///
/// *Errors*: which file is over which bound.
fn check_carried(files: &[FileEntry]) -> Result<(), String> {
    for kind in [Carried::Plugin, Carried::Knowledge] {
        let (most, most_bytes) = (kind.most(), kind.most_bytes());
        let of_kind = || {
            let files = files.iter();
            files.filter(|file| Carried::at(&file.path) == Some(kind))
        };
        if let Some(file) = of_kind().find(|file| file.length > most_bytes) {
            let (path, length) = (&file.path, file.length);
            return Err(format!(
                "{path} has {length} bytes, wanted at most {most_bytes}"
            ));
        }
        if of_kind().count() > most {
            let folder = kind.folder();
            return Err(format!("more than {most} files in {folder}"));
        }
    }
    Ok(())
}

/// Words what is signed.
fn signed_text(manifest: &[u8]) -> Vec<u8> {
    [PURPOSE, manifest].concat()
}
