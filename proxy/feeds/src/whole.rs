//! Tells whether a downloaded file is whole, before it replaces a good one.
//!
//! A connection that ends early can look like a file that ends there, and an error page like a
//! file. Reads within bounds, changes nothing. Called by `item` and `bundle`.

use std::collections::BTreeSet;
use std::fs::File;
use std::io::{BufReader, Read as _};
use std::path::{Path, PathBuf};

use flate2::read::MultiGzDecoder;

use super::held::Held;

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
    /// Another small file; whoever reads it looks.
    Part,
    /// CISA's list, JSON.
    Kev,
    /// EPSS scores, gzip.
    Epss,
    /// A file of NVD's, JSON in gzip.
    Nvd,
}

/// Looks at a file as far as tells whether it is whole, on a thread for blocking work.
///
/// *Errors*: what is wrong with it, one line.
pub(super) async fn check_whole(path: PathBuf, kind: Kind) -> Result<(), String> {
    tokio::task::spawn_blocking(move || is_whole(&path, kind))
        .await
        .map_err(|panic| format!("it could not be looked at: {panic}"))?
}

/// Looks at a file as far as tells whether it is whole.
pub(super) fn is_whole(path: &Path, kind: Kind) -> Result<(), String> {
    match kind {
        Kind::Archive => archive(path),
        Kind::List => Held::default().compare(path, &BTreeSet::new()).map(drop),
        Kind::Part => Ok(()),
        Kind::Kev => kev(path),
        Kind::Epss => unpacked(path, MAX_EPSS_BYTES).map(drop),
        Kind::Nvd => nvd(path),
    }
}

/// A zip's directory is at its end.
fn archive(path: &Path) -> Result<(), String> {
    let file = open(path)?;
    zip::ZipArchive::new(BufReader::new(file))
        .map(drop)
        .map_err(|error| format!("it is no whole zip: {error}"))
}

fn kev(path: &Path) -> Result<(), String> {
    let list: serde_json::Value = serde_json::from_reader(BufReader::new(open(path)?))
        .map_err(|error| format!("it is no whole JSON document: {error}"))?;
    match list.get("vulnerabilities") {
        Some(serde_json::Value::Array(_)) => Ok(()),
        _ => Err("it holds no list of vulnerabilities".to_owned()),
    }
}

fn nvd(path: &Path) -> Result<(), String> {
    let first = unpacked(path, MAX_NVD_BYTES)?;
    if first == Some(b'{') {
        Ok(())
    } else {
        Err("it is no JSON document".to_owned())
    }
}

/// Unpacks a file to its end and gives the first byte.
fn unpacked(path: &Path, most: u64) -> Result<Option<u8>, String> {
    let broken = |error| format!("it is no whole gzip file: {error}");
    let mut unpacked = MultiGzDecoder::new(BufReader::new(open(path)?)).take(most);
    let mut first = [0];
    let read = unpacked.read(&mut first).map_err(broken)?;
    std::io::copy(&mut unpacked, &mut std::io::sink()).map_err(broken)?;
    Ok(first.first().copied().filter(|_| read > 0))
}

fn open(path: &Path) -> Result<File, String> {
    File::open(path).map_err(|error| format!("it cannot be opened: {error}"))
}
