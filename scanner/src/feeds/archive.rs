//! Reads the records of one ecosystem's archive, one after the other, each within a bound.
//!
//! It never holds more than one record in memory and never trusts a size that the archive states.
//! A damaged entry costs only itself. Called by the index builder.

use std::fs::File;
use std::io::{BufReader, Read};
use std::path::Path;

use super::FeedError;

/// Largest record that is read, in bytes. The largest in the public OSV bucket has about 3 MiB.
pub const MAX_RECORD_BYTES: u64 = 16 << 20;

/// Most entries of one archive. The largest in the public OSV bucket has about 230,000.
const MAX_ENTRIES: usize = 2_000_000;

/// Most bytes of all records of one archive together; the largest real one has about 1 GiB.
const MAX_ARCHIVE_BYTES: u64 = 16 << 30;

/// Takes a record: its entry's name, its content or the reason why there is none, and the number of
/// entries in the archive.
pub(super) type OnRecord<'a> = dyn FnMut(&str, Result<&[u8], String>, u64) + 'a;

/// Hands every record to `each`; returns when done.
pub(super) fn read_records(path: &Path, each: &mut OnRecord<'_>) -> Result<(), FeedError> {
    let broken = |reason: String| FeedError::Archive {
        path: path.to_owned(),
        reason,
    };
    let file = File::open(path).map_err(|source| FeedError::Io {
        action: "open",
        path: path.to_owned(),
        source,
    })?;
    let mut archive =
        zip::ZipArchive::new(BufReader::new(file)).map_err(|error| broken(error.to_string()))?;
    if archive.len() > MAX_ENTRIES {
        return Err(broken(format!(
            "{} entries, wanted at most {MAX_ENTRIES}",
            archive.len()
        )));
    }
    let total = u64::try_from(archive.len()).unwrap_or(u64::MAX);
    let mut content = Vec::new();
    let mut sum_bytes: u64 = 0;
    for index in 0..archive.len() {
        let mut name = format!("entry {index}");
        let outcome = read_entry(&mut archive, index, &mut name, &mut content);
        sum_bytes = sum_bytes.saturating_add(u64::try_from(content.len()).unwrap_or(u64::MAX));
        if sum_bytes > MAX_ARCHIVE_BYTES {
            return Err(broken(format!(
                "more than {MAX_ARCHIVE_BYTES} bytes of records"
            )));
        }
        match outcome {
            Ok(true) => each(&name, Ok(&content), total),
            Ok(false) => {}
            Err(reason) => each(&name, Err(reason), total),
        }
    }
    Ok(())
}

/// Reads one entry; false where it is not a record.
fn read_entry(
    archive: &mut zip::ZipArchive<BufReader<File>>,
    index: usize,
    name: &mut String,
    content: &mut Vec<u8>,
) -> Result<bool, String> {
    content.clear();
    let entry = archive.by_index(index).map_err(|error| error.to_string())?;
    *name = String::from_utf8_lossy(entry.name_raw()).into_owned();
    if !name.to_ascii_lowercase().ends_with(".json") {
        return Ok(false);
    }
    entry
        .take(MAX_RECORD_BYTES + 1)
        .read_to_end(content)
        .map_err(|error| error.to_string())?;
    if u64::try_from(content.len()).unwrap_or(u64::MAX) > MAX_RECORD_BYTES {
        return Err(format!("over {MAX_RECORD_BYTES} bytes"));
    }
    Ok(true)
}
