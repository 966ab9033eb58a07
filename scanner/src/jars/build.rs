//! Writes an index of JARs: archives in any order, into one file that is there only once it is whole.
//!
//! Memory holds each text once, some 100 bytes for each artifact and each version number that differs,
//! and 24 MiB of records; the rest waits in unnamed files beside the one that is written.

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use sha2::Digest as _;
use sluicegate_model::archive::Sha1Digest;

use super::error::JarsError;
use super::layout::{
    Bucket, HEADER_BYTES, Header, KEY_BYTES, MAX_BUCKET, MAX_RECORDS, MAX_SAME, Record, bits_for,
    bucket_of, wide, write_text,
};
use super::sorting::Sorting;

/// What was written.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub struct Written {
    /// Archives that the index names.
    pub archives: u64,
    /// Bytes of the file.
    pub bytes: u64,
    /// Archives that are left out: their coordinates are none, or longer than any are.
    pub odd: u64,
    /// Archives that are left out, for the same bytes are published under too many names.
    pub alike: u64,
}

/// An index that is being made.
pub struct JarsBuilder {
    path: PathBuf,
    sorting: Sorting,
    texts: Texts,
    added: u64,
    odd: u64,
}

impl JarsBuilder {
    /// Begins the index at `path`, in whose directory it takes room meanwhile.
    pub fn at(path: &Path) -> Result<Self, JarsError> {
        let directory = directory_of(path);
        let failed = JarsError::io("write beside", path);
        Ok(Self {
            path: path.to_owned(),
            sorting: Sorting::in_directory(directory).map_err(&failed)?,
            texts: Texts::in_directory(directory).map_err(&failed)?,
            added: 0,
            odd: 0,
        })
    }

    /// Takes an archive.
    pub fn add(
        &mut self,
        digest: &Sha1Digest,
        (group, artifact, version): (&str, &str, &str),
    ) -> Result<(), JarsError> {
        let are_coordinates = [group, artifact, version].iter().all(|part| {
            let is_odd = |letter: char| letter.is_control() || letter.is_whitespace();
            !part.is_empty() && !part.contains(is_odd) && !part.contains([':', '/'])
        });
        let key = digest.0.first_chunk::<KEY_BYTES>();
        let Some(key) = key.filter(|_| are_coordinates) else {
            self.odd += 1;
            return Ok(());
        };
        let failed = JarsError::io("write beside", &self.path);
        let mut place = |text: &str| self.texts.place(text).map_err(&failed);
        let artifact = place(&format!("{group}:{artifact}"))?;
        let version = place(version)?;
        let (Some(artifact), Some(version)) = (artifact, version) else {
            if self.texts.is_full() {
                let (what, most) = ("bytes of texts", u64::from(u32::MAX));
                return Err(JarsError::TooMany { what, most });
            }
            self.odd += 1;
            return Ok(());
        };
        if self.added >= MAX_RECORDS {
            let (what, most) = ("archives", MAX_RECORDS);
            return Err(JarsError::TooMany { what, most });
        }
        self.added += 1;
        let record = Record {
            key: *key,
            artifact,
            version,
        };
        self.sorting.add(record.to_bytes()).map_err(failed)
    }

    /// Writes the index: `of` is of what time its content is, `source` where it is from.
    pub fn finish(self, of: Timestamp, source: &str) -> Result<Written, JarsError> {
        let Self {
            path,
            sorting,
            texts,
            added,
            odd,
        } = self;
        let failed = JarsError::io("write", &path);
        let beside = tempfile::NamedTempFile::new_in(directory_of(&path)).map_err(&failed)?;
        let mut out = Out::to(beside.as_file(), bits_for(added)).map_err(&failed)?;
        let mut same: Vec<Record> = Vec::new();
        sorting
            .finish::<Stopped>(&mut |record| {
                let record = Record::from_bytes(&record).ok_or(Stopped::Crowded)?;
                if same.first().is_some_and(|first| first.key != record.key) {
                    out.records(&same)?;
                    same.clear();
                }
                same.push(record);
                Ok(())
            })
            .and_then(|()| out.records(&same))
            .map_err(|stopped| match stopped {
                Stopped::Crowded => JarsError::Crowded,
                Stopped::Failed(error) => failed(error),
            })?;
        let written = out.finish(texts, of, source).map_err(&failed)?;
        beside.as_file().sync_all().map_err(&failed)?;
        let kept = beside.persist(&path);
        kept.map_err(|error| failed(error.error))?;
        let directory = File::open(directory_of(&path));
        let synced = directory.and_then(|directory| directory.sync_all());
        synced.map_err(&failed)?;
        Ok(Written { odd, ..written })
    }
}

/// Why writing has stopped.
enum Stopped {
    Crowded,
    Failed(io::Error),
}

impl From<io::Error> for Stopped {
    fn from(error: io::Error) -> Self {
        Self::Failed(error)
    }
}

/// The file while it is written from its start to its end.
struct Out<'f> {
    file: BufWriter<&'f File>,
    identity: sha2::Sha256,
    bits: u32,
    buckets: Vec<Bucket>,
    /// Of the last bucket.
    crc: crc32fast::Hasher,
    archives: u64,
    records: u32,
    in_bucket: u32,
    alike: u64,
}

impl<'f> Out<'f> {
    fn to(file: &'f File, bits: u32) -> io::Result<Self> {
        let mut file = BufWriter::new(file);
        file.write_all(&[0; HEADER_BYTES])?;
        Ok(Self {
            file,
            identity: sha2::Sha256::new(),
            bits,
            buckets: Vec::new(),
            crc: crc32fast::Hasher::new(),
            archives: 0,
            records: 0,
            in_bucket: 0,
            alike: 0,
        })
    }

    /// Writes the records of one digest.
    fn records(&mut self, same: &[Record]) -> Result<(), Stopped> {
        let Some(first) = same.first() else {
            return Ok(());
        };
        if same.len() > MAX_SAME {
            self.alike = self.alike.saturating_add(wide(same.len()));
            return Ok(());
        }
        self.end_buckets_before(bucket_of(&first.key, self.bits));
        self.archives += 1;
        for record in same {
            let bytes = record.to_bytes();
            self.crc.update(&bytes);
            self.identity.update(bytes);
            self.file.write_all(&bytes)?;
            self.records += 1;
            self.in_bucket += 1;
        }
        if self.in_bucket > MAX_BUCKET {
            return Err(Stopped::Crowded);
        }
        Ok(())
    }

    fn end_buckets_before(&mut self, at: usize) {
        while self.buckets.len() < at {
            let crc = std::mem::take(&mut self.crc).finalize();
            let end = self.records;
            self.buckets.push(Bucket { end, crc });
            self.in_bucket = 0;
        }
    }

    fn finish(mut self, texts: Texts, of: Timestamp, source: &str) -> io::Result<Written> {
        self.end_buckets_before(1 << self.bits);
        let mut text = texts.into_file()?;
        let mut text_bytes = 0;
        let mut piece = vec![0; 64 * 1024];
        loop {
            let read = text.read(&mut piece)?;
            let Some(piece) = piece.get(..read).filter(|piece| !piece.is_empty()) else {
                break;
            };
            self.identity.update(piece);
            self.file.write_all(piece)?;
            text_bytes += wide(read);
        }
        let buckets: Vec<u8> = self.buckets.iter().flat_map(|it| it.to_bytes()).collect();
        self.identity.update(&buckets);
        self.file.write_all(&buckets)?;
        let header = Header {
            bits: self.bits,
            records: u64::from(self.records),
            text_bytes,
            of: of.as_second(),
            buckets_crc: crc32fast::hash(&buckets),
            content: self.identity.finalize().into(),
            source: source.to_owned(),
        };
        self.file.seek(SeekFrom::Start(0))?;
        self.file.write_all(&header.to_bytes())?;
        self.file.flush()?;
        Ok(Written {
            archives: self.archives,
            bytes: header.file_bytes(),
            odd: 0,
            alike: self.alike,
        })
    }
}

/// Texts, each kept once.
struct Texts {
    places: HashMap<Box<str>, u32>,
    file: BufWriter<File>,
    bytes: u64,
}

impl Texts {
    fn in_directory(directory: &Path) -> io::Result<Self> {
        Ok(Self {
            places: HashMap::new(),
            file: BufWriter::new(tempfile::tempfile_in(directory)?),
            bytes: 0,
        })
    }

    /// Gives where a text stands; none where it is too long, or there is no room for more.
    fn place(&mut self, text: &str) -> io::Result<Option<u32>> {
        if let Some(place) = self.places.get(text) {
            return Ok(Some(*place));
        }
        let place = u32::try_from(self.bytes).ok();
        let (Some(place), Some(written)) = (place, write_text(text)) else {
            return Ok(None);
        };
        self.file.write_all(&written)?;
        self.bytes = self.bytes.saturating_add(wide(written.len()));
        self.places.insert(text.into(), place);
        Ok(Some(place))
    }

    fn is_full(&self) -> bool {
        self.bytes > u64::from(u32::MAX)
    }

    fn into_file(self) -> io::Result<File> {
        let file = self.file.into_inner();
        let mut file = file.map_err(io::IntoInnerError::into_error)?;
        file.seek(SeekFrom::Start(0))?;
        Ok(file)
    }
}

fn directory_of(path: &Path) -> &Path {
    let parent = path.parent().filter(|it| !it.as_os_str().is_empty());
    parent.unwrap_or(Path::new("."))
}
