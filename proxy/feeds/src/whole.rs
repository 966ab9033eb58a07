//! Tells whether a downloaded file is whole, before it replaces a good one.
//!
//! A connection that ends early can look like a file that ends there, and an error page like a
//! file. Reads within bounds, changes nothing. Called by `item` and `bundle`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;
use sluicegate_scanner::hash_list::HashList;
use sluicegate_scanner::jars::JarIndex;
use sluicegate_scanner::{JarNames, ProductTable, SupportTable};

use super::broken::Broken;
use super::held::HeldRecords;

/// Largest EPSS table uncompressed, in bytes; the index reads no more.
const MAX_EPSS_BYTES: u64 = 256 * 1024 * 1024;
/// Largest file of NVD's uncompressed, in bytes; the index reads no more.
const MAX_NVD_BYTES: u64 = 4 * 1024 * 1024 * 1024;

/// What a file should be.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    /// An ecosystem's zip.
    Archive,
    /// The list of an ecosystem's records and their times.
    List,
    /// Another file; whoever reads it looks.
    Part,
    /// CISA's list, JSON.
    Kev,
    /// EPSS scores, gzip.
    Epss,
    /// A file of NVD's, JSON in gzip.
    Nvd,
    /// An index of JARs.
    Jars,
    /// A table of ends of support.
    Support,
    /// A list of malicious files.
    Malware,
    /// A table of products.
    Products,
    /// A table of names of Java archives.
    JarNames,
}

/// Looks at a file as far as tells whether it is whole, on a thread for blocking work.
///
/// *Errors*: what is wrong with it.
pub(super) async fn check_whole(path: PathBuf, kind: Kind) -> Result<(), Broken> {
    tokio::task::spawn_blocking(move || is_whole(&path, kind)).await?
}

/// Looks at a file as far as tells whether it is whole.
pub(super) fn is_whole(path: &Path, kind: Kind) -> Result<(), Broken> {
    match kind {
        Kind::Archive => archive(path),
        Kind::List => HeldRecords::default()
            .compare(path, &BTreeSet::new())
            .map(drop),
        Kind::Part => Ok(()),
        Kind::Kev => kev(path),
        Kind::Epss => unpacked(path, MAX_EPSS_BYTES).map(drop),
        Kind::Nvd => nvd(path),
        Kind::Jars => JarIndex::open(path).map(drop).map_err(no_knowledge),
        Kind::Support => SupportTable::read(path).map(drop).map_err(no_knowledge),
        Kind::Products => ProductTable::read(path).map(drop).map_err(no_knowledge),
        Kind::JarNames => JarNames::read(path).map(drop).map_err(no_knowledge),
        Kind::Malware => HashList::read(path).map(drop).map_err(no_knowledge),
    }
}

/// A zip's directory is at its end.
fn archive(path: &Path) -> Result<(), Broken> {
    let file = open(path)?;
    zip::ZipArchive::new(BufReader::new(file))
        .map(drop)
        .map_err(Broken::Zip)
}

fn kev(path: &Path) -> Result<(), Broken> {
    let list: serde_json::Value =
        serde_json::from_reader(BufReader::new(open(path)?)).map_err(Broken::Json)?;
    match list.get("vulnerabilities") {
        Some(serde_json::Value::Array(_)) => Ok(()),
        _ => Err(Broken::NoVulnerabilities),
    }
}

fn nvd(path: &Path) -> Result<(), Broken> {
    let first = unpacked(path, MAX_NVD_BYTES)?;
    if first == Some(b'{') {
        Ok(())
    } else {
        Err(Broken::NotJson)
    }
}

/// Unpacks a file to its end and gives the first byte.
fn unpacked(path: &Path, most: u64) -> Result<Option<u8>, Broken> {
    let mut unpacked = MultiGzDecoder::new(BufReader::new(open(path)?)).take(most);
    let mut first = [0];
    let read = unpacked.read(&mut first).map_err(Broken::Gzip)?;
    std::io::copy(&mut unpacked, &mut std::io::sink()).map_err(Broken::Gzip)?;
    Ok(first.first().copied().filter(|_| read > 0))
}

fn no_knowledge(error: impl std::error::Error + Send + Sync + 'static) -> Broken {
    Broken::Knowledge(Box::new(error))
}

fn open(path: &Path) -> Result<File, Broken> {
    File::open(path).map_err(Broken::Open)
}
