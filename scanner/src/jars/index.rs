//! Answers from an index of JARs: which artifacts an archive with a digest is published as.
//!
//! Only the buckets' ends are in memory, a byte for every four archives at most; records and texts are
//! read where they lie, each time under its checksum. Safe to share between threads.

use std::fs::File;
use std::os::unix::fs::FileExt;
use std::path::Path;

use jiff::Timestamp;
use sluicegate_model::archive::Sha1Digest;

use super::error::JarsError;
use super::layout::{
    BUCKET_BYTES, Bucket, HEADER_BYTES, Header, KEY_BYTES, MAX_BUCKET, MAX_SAME, RECORD_BYTES,
    Record, bucket_of, read_text, text_window, wide,
};

/// What an archive is published as in a Maven repository.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Coordinates {
    /// The group's id.
    pub group: String,
    /// The artifact's id.
    pub artifact: String,
    /// The version.
    pub version: String,
}

/// An open index of JARs.
#[derive(Debug)]
pub struct JarIndex {
    file: File,
    header: Header,
    buckets: Vec<Bucket>,
}

impl JarIndex {
    /// Opens an index and checks all of it that is held in memory.
    pub fn open(path: &Path) -> Result<Self, JarsError> {
        let file = File::open(path).map_err(JarsError::io("open", path))?;
        let got = file.metadata().map_err(JarsError::io("look at", path))?;
        let got = got.len();
        let mut start = [0; HEADER_BYTES];
        let header = file.read_exact_at(&mut start, 0).ok();
        let header = header.and_then(|()| Header::from_bytes(&start));
        let header = header.ok_or_else(|| JarsError::NotAnIndex(path.to_owned()))?;
        let wanted = header.file_bytes();
        if got != wanted {
            let path = path.to_owned();
            return Err(JarsError::Length { path, got, wanted });
        }
        let buckets = buckets(&file, &header)?;
        Ok(Self {
            file,
            header,
            buckets,
        })
    }

    /// Tells how many archives it names.
    pub fn records(&self) -> u64 {
        self.header.records
    }

    /// Tells of what time its content is.
    pub fn of(&self) -> Timestamp {
        Timestamp::from_second(self.header.of).unwrap_or(Timestamp::UNIX_EPOCH)
    }

    /// Tells where its content is from, for people.
    pub fn source(&self) -> &str {
        &self.header.source
    }

    /// Names its content: the SHA-256 of all that it knows.
    pub fn content(&self) -> &[u8; 32] {
        &self.header.content
    }

    /// Gives the artifacts that an archive with a digest is published as; none where it knows of none.
    ///
    /// *Errors*: the file is damaged or cannot be read, and nobody knows.
    pub fn lookup(&self, digest: &Sha1Digest) -> Result<Vec<Coordinates>, JarsError> {
        let Some(key) = digest.0.first_chunk::<KEY_BYTES>() else {
            return Ok(Vec::new());
        };
        let bucket = bucket_of(key, self.header.bits);
        let records = self.bucket(bucket)?;
        let (records, _) = records.as_chunks::<RECORD_BYTES>();
        let first = records.partition_point(|record| record.as_slice() < key.as_slice());
        let alike = records.iter().skip(first);
        let alike = alike.take_while(|record| record.starts_with(key));
        let alike = alike.take(MAX_SAME).filter_map(Record::from_bytes);
        alike.map(|record| self.coordinates(record)).collect()
    }

    /// Reads the records of a bucket.
    fn bucket(&self, at: usize) -> Result<Vec<u8>, JarsError> {
        let damaged = JarsError::Damaged { part: "records" };
        let end_before = at.checked_sub(1).and_then(|at| self.buckets.get(at));
        let start = end_before.map_or(0, |bucket| bucket.end);
        let Some(bucket) = self.buckets.get(at) else {
            return Err(damaged);
        };
        let count = usize::try_from(bucket.end.saturating_sub(start)).unwrap_or_default();
        let mut bytes = vec![0; count.saturating_mul(RECORD_BYTES)];
        let offset = u64::from(start).saturating_mul(wide(RECORD_BYTES));
        let offset = offset.saturating_add(wide(HEADER_BYTES));
        let read = self.file.read_exact_at(&mut bytes, offset);
        read.map_err(JarsError::Read)?;
        if crc32fast::hash(&bytes) == bucket.crc {
            Ok(bytes)
        } else {
            Err(damaged)
        }
    }

    fn coordinates(&self, record: Record) -> Result<Coordinates, JarsError> {
        let artifact = self.text(record.artifact)?;
        let version = self.text(record.version)?;
        let (group, artifact) = artifact
            .split_once(':')
            .ok_or(JarsError::Damaged { part: "texts" })?;
        Ok(Coordinates {
            group: group.to_owned(),
            artifact: artifact.to_owned(),
            version,
        })
    }

    fn text(&self, at: u32) -> Result<String, JarsError> {
        let window = text_window(at, self.header.text_bytes);
        let count = usize::try_from(window.end - window.start).unwrap_or_default();
        let mut bytes = vec![0; count];
        let offset = self.header.texts_at().saturating_add(window.start);
        let read = self.file.read_exact_at(&mut bytes, offset);
        read.map_err(JarsError::Read)?;
        let text = read_text(&bytes).ok_or(JarsError::Damaged { part: "texts" })?;
        Ok(text.to_owned())
    }
}

/// Reads the ends of the buckets, which have to follow one another.
fn buckets(file: &File, header: &Header) -> Result<Vec<Bucket>, JarsError> {
    let damaged = || JarsError::Damaged { part: "buckets" };
    let mut bytes = vec![0; header.buckets().saturating_mul(BUCKET_BYTES)];
    let read = file.read_exact_at(&mut bytes, header.buckets_at());
    read.map_err(JarsError::Read)?;
    if crc32fast::hash(&bytes) != header.buckets_crc {
        return Err(damaged());
    }
    let (entries, _) = bytes.as_chunks::<BUCKET_BYTES>();
    let buckets: Vec<Bucket> = entries.iter().copied().map(Bucket::from_bytes).collect();
    let mut start = 0;
    for bucket in &buckets {
        let count = bucket.end.checked_sub(start).ok_or_else(damaged)?;
        if count > MAX_BUCKET {
            return Err(damaged());
        }
        start = bucket.end;
    }
    if u64::from(start) == header.records {
        Ok(buckets)
    } else {
        Err(damaged())
    }
}
