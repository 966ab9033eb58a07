//! Reads the records of one ecosystem's archive, one after the other, each within a bound.
//!
//! It never holds more than one record in memory and never trusts a size that the archive states.
//! A damaged entry costs only itself. Called by the format of OSV and by `stamps`.

use std::fs::File;
use std::io::{self, BufReader, Read};
use std::path::Path;

use flate2::{Decompress, DecompressError, FlushDecompress, Status};
use zip::CompressionMethod;
use zip::result::ZipError;

use super::error::{FeedError, open};

/// Largest record that is read, in bytes. The largest in the public OSV bucket has about 3 MiB.
pub const MAX_RECORD_BYTES: u64 = 16 << 20;

/// Most entries of one archive. The largest in the public OSV bucket has about 230,000.
const MAX_ENTRIES: usize = 2_000_000;

/// Most bytes of all records of one archive together; the largest real one has about 1 GiB.
const MAX_ARCHIVE_BYTES: u64 = 16 << 30;

/// Bytes that are inflated at a time.
const PIECE_BYTES: usize = 64 * 1024;

/// Takes a record: its entry's name, its content or the reason why there is none, and the number of
/// entries in the archive.
pub(super) type OnRecord<'a> = dyn FnMut(&str, Result<&[u8], ArchiveError>, u64) + 'a;

/// Says why an archive, or an entry of it, could not be read.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    #[error(transparent)]
    Zip(#[from] ZipError),
    #[error(transparent)]
    Io(#[from] io::Error),
    #[error(transparent)]
    Deflate(#[from] DecompressError),
    #[error("{0} entries, wanted at most {MAX_ENTRIES}")]
    Entries(usize),
    #[error("more than {MAX_ARCHIVE_BYTES} bytes of records")]
    Bytes,
    #[error("it is encrypted")]
    Encrypted,
    #[error("it is compressed by {0}")]
    Method(CompressionMethod),
    #[error("over {MAX_RECORD_BYTES} bytes")]
    LongRecord,
    #[error("its checksum is wrong")]
    Checksum,
    #[error("its compressed content is cut short")]
    CutShort,
}

/// Hands every record to `each`; returns when done.
pub(super) fn read_records(path: &Path, each: &mut OnRecord<'_>) -> Result<(), FeedError> {
    let file = BufReader::new(open(path)?);
    records_of(file, each).map_err(FeedError::content(path))
}

fn records_of(file: BufReader<File>, each: &mut OnRecord<'_>) -> Result<(), ArchiveError> {
    let mut archive = zip::ZipArchive::new(file)?;
    if archive.len() > MAX_ENTRIES {
        return Err(ArchiveError::Entries(archive.len()));
    }
    let total = u64::try_from(archive.len()).unwrap_or(u64::MAX);
    let mut reading = ArchiveReading::new();
    let mut sum_bytes: u64 = 0;
    for index in 0..archive.len() {
        let mut name = format!("entry {index}");
        let outcome = reading.read(&mut archive, index, &mut name);
        let content = reading.content.as_slice();
        sum_bytes = sum_bytes.saturating_add(u64::try_from(content.len()).unwrap_or(u64::MAX));
        if sum_bytes > MAX_ARCHIVE_BYTES {
            return Err(ArchiveError::Bytes);
        }
        match outcome {
            Ok(true) => each(&name, Ok(content), total),
            Ok(false) => {}
            Err(reason) => each(&name, Err(reason), total),
        }
    }
    Ok(())
}

/// One entry at a time, in memory that is kept from one to the next.
///
/// A new state of 40 KiB for each of a hundred thousand records, each freed among small pieces that
/// stay, would leave memory in holes that nothing else fits into: some GiB of them.
struct ArchiveReading {
    state: Decompress,
    packed: Vec<u8>,
    content: Vec<u8>,
}

impl ArchiveReading {
    fn new() -> Self {
        Self {
            state: Decompress::new(false),
            packed: Vec::new(),
            content: Vec::new(),
        }
    }

    /// Reads one entry; false where it is not a record.
    fn read(
        &mut self,
        archive: &mut zip::ZipArchive<BufReader<File>>,
        index: usize,
        name: &mut String,
    ) -> Result<bool, ArchiveError> {
        self.content.clear();
        let entry = archive.by_index_raw(index)?;
        name.clear();
        name.push_str(&String::from_utf8_lossy(entry.name_raw()));
        if !name.to_ascii_lowercase().ends_with(".json") {
            return Ok(false);
        }
        if entry.encrypted() {
            return Err(ArchiveError::Encrypted);
        }
        let (method, checksum) = (entry.compression(), entry.crc32());
        let into = match method {
            CompressionMethod::Stored => &mut self.content,
            CompressionMethod::Deflated => &mut self.packed,
            other => return Err(ArchiveError::Method(other)),
        };
        into.clear();
        entry.take(MAX_RECORD_BYTES + 1).read_to_end(into)?;
        if method == CompressionMethod::Deflated {
            self.inflate()?;
        }
        if u64::try_from(self.content.len()).unwrap_or(u64::MAX) > MAX_RECORD_BYTES {
            return Err(ArchiveError::LongRecord);
        }
        if crc32fast::hash(&self.content) != checksum {
            return Err(ArchiveError::Checksum);
        }
        Ok(true)
    }

    /// Inflates what is packed, up to one piece past the largest record.
    fn inflate(&mut self) -> Result<(), ArchiveError> {
        self.state.reset(false);
        loop {
            let taken = usize::try_from(self.state.total_in()).unwrap_or(usize::MAX);
            let packed = self.packed.get(taken..).unwrap_or_default();
            let before = self.content.len();
            self.content.reserve(PIECE_BYTES);
            let into = &mut self.content;
            let status = self
                .state
                .decompress_vec(packed, into, FlushDecompress::None)?;
            let length = self.content.len();
            if status == Status::StreamEnd
                || u64::try_from(length).unwrap_or(u64::MAX) > MAX_RECORD_BYTES
            {
                return Ok(());
            }
            let now = usize::try_from(self.state.total_in()).unwrap_or(usize::MAX);
            if length == before && now == taken {
                return Err(ArchiveError::CutShort);
            }
        }
    }
}
