//! The records of an ecosystem that are newer than its archive: one small zip beside it.
//!
//! It is read whole, changed in memory and written anew; the caller puts it in its place. Called by
//! `ecosystem`.

use std::collections::BTreeMap;
use std::io::Write as _;
use std::path::Path;

use jiff::Timestamp;
use sluicegate_scanner::feeds::{read_stamp, read_stamps};
use zip::write::SimpleFileOptions;

use sluicegate_machine::private;

use super::broken::Broken;

/// Most bytes of all records together, unpacked. Beyond, the archive is fetched whole.
pub(super) const MAX_BYTES: u64 = 16 * 1024 * 1024;

/// The newer records, by id.
#[derive(Debug, Default, Clone, PartialEq, Eq)]
pub(super) struct Delta(BTreeMap<String, NewerRecord>);

#[derive(Debug, Clone, PartialEq, Eq)]
struct NewerRecord {
    modified: Timestamp,
    content: Vec<u8>,
}

impl Delta {
    /// Reads a delta; an empty one where there is none.
    ///
    /// *Errors*: it is damaged.
    pub(super) fn read(path: &Path) -> Result<Self, Broken> {
        let mut delta = Self::default();
        if !path.exists() {
            return Ok(delta);
        }
        let mut bytes = 0_u64;
        let damaged = read_stamps(path, &mut |stamp, content| {
            bytes = bytes.saturating_add(u64::try_from(content.len()).unwrap_or(u64::MAX));
            if bytes <= MAX_BYTES {
                let (modified, content) = (stamp.modified, content.to_vec());
                delta.0.insert(stamp.id, NewerRecord { modified, content });
            }
        })?;
        if damaged > 0 {
            return Err(Broken::Records(damaged));
        }
        if bytes > MAX_BYTES {
            return Err(Broken::Long { most: MAX_BYTES });
        }
        Ok(delta)
    }

    /// Takes in a record; tells when it changed, or none where it is no record of that id.
    pub(super) fn take(&mut self, id: &str, content: Vec<u8>) -> Option<Timestamp> {
        let stamp = read_stamp(&content).filter(|stamp| stamp.id == id)?;
        let modified = stamp.modified;
        self.0.insert(stamp.id, NewerRecord { modified, content });
        Some(modified)
    }

    /// Keeps the records for which `keep` says so.
    pub(super) fn retain(&mut self, keep: impl Fn(&str, Timestamp) -> bool) {
        self.0.retain(|id, entry| keep(id, entry.modified));
    }

    /// Lists the records and when each changed.
    pub(super) fn stamps(&self) -> impl Iterator<Item = (&str, Timestamp)> {
        self.0
            .iter()
            .map(|(id, entry)| (id.as_str(), entry.modified))
    }

    /// Tells whether it holds nothing.
    pub(super) fn is_empty(&self) -> bool {
        self.0.is_empty()
    }

    /// Tells whether it has grown so large that the archive is to be fetched.
    pub(super) fn is_too_large(&self) -> bool {
        let sizes = self.0.values().map(|entry| entry.content.len());
        u64::try_from(sizes.sum::<usize>()).unwrap_or(u64::MAX) > MAX_BYTES
    }

    /// Writes it. The same records give the same bytes.
    pub(super) fn write(&self, path: &Path) -> std::io::Result<()> {
        let mut zip = zip::ZipWriter::new(private::create(path)?);
        let options = SimpleFileOptions::default().last_modified_time(zip::DateTime::default());
        for (id, entry) in &self.0 {
            zip.start_file(format!("{id}.json"), options)?;
            zip.write_all(&entry.content)?;
        }
        zip.finish()?;
        Ok(())
    }
}
