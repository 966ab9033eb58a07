//! A tar archive as named files, without unpacking: headers are read once, contents where they lie.
//!
//! Reads plain, GNU and PAX names; follows links between entries. The last entry of a name counts,
//! as for whoever unpacks. Bounded in entries and in what a name may cost.
//! Source: POSIX pax, "ustar Interchange Format" and "pax Header Block".

use std::collections::HashMap;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileExt as _;
use std::sync::Arc;

use super::error::SourceError;
use super::files::Files;

/// Bytes of a header, and what contents are padded to.
const BLOCK: u64 = 512;
/// Most entries of an archive: an image of 1,024 layers has some thousand.
const MAX_ENTRIES: usize = 100_000;
/// Longest extended header, in bytes.
const MAX_EXTENDED_BYTES: u64 = 64 * 1024;
/// Most links followed for one name.
const MAX_LINKS: usize = 8;

/// The entries of an archive.
pub(super) struct TarIndex {
    file: Arc<File>,
    place: String,
    entries: HashMap<String, Entry>,
}

/// What a name stands for.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Entry {
    /// Content, from this offset.
    Content { at: u64, len: u64 },
    /// Another name.
    Link(String),
}

/// What extended headers say of the entry that follows.
#[derive(Default)]
struct Extended {
    path: Option<String>,
    target: Option<String>,
    size: Option<u64>,
}

/// Says why the headers of an archive cannot be read.
#[derive(Debug, thiserror::Error)]
enum TarError {
    #[error("it cannot be read at byte {at}: {source}")]
    Unreadable { at: u64, source: io::Error },
    #[error("it is no tar archive at byte {0}")]
    NoHeader(u64),
    #[error("an entry has no size")]
    NoSize,
    #[error("it ends within an entry")]
    Cut,
    #[error("it has more than {MAX_ENTRIES} entries")]
    Entries,
    #[error("an extended header has {0} bytes")]
    LongHeader(u64),
}

impl TarIndex {
    /// Reads every header of an archive.
    pub(super) fn open(file: File, place: &str) -> Result<Self, SourceError> {
        let len = file
            .metadata()
            .map_err(SourceError::file("look at", place))?
            .len();
        let mut index = Self {
            file: Arc::new(file),
            place: place.to_owned(),
            entries: HashMap::new(),
        };
        index
            .read_headers(len)
            .map_err(|reason| SourceError::malformed(place, reason))?;
        Ok(index)
    }

    fn read_headers(&mut self, len: u64) -> Result<(), TarError> {
        let mut at = 0;
        let mut extended = Extended::default();
        while at + BLOCK <= len {
            let mut header = [0; 512];
            self.read_at(&mut header, at)?;
            if header.iter().all(|byte| *byte == 0) {
                return Ok(());
            }
            if !is_header(&header) {
                return Err(TarError::NoHeader(at));
            }
            let kind = header.get(156).copied().unwrap_or_default();
            let stated = number(header.get(124..136)).ok_or(TarError::NoSize)?;
            let size = match kind {
                b'x' | b'g' | b'L' | b'K' => stated,
                _ => extended.size.unwrap_or(stated),
            };
            let content = at + BLOCK;
            let end = content.checked_add(size).filter(|end| *end <= len);
            let end = end.ok_or(TarError::Cut)?;
            match kind {
                b'x' => extended.read_pax(&self.small(content, size)?),
                b'L' => extended.path = Some(text(&self.small(content, size)?)),
                b'K' => extended.target = Some(text(&self.small(content, size)?)),
                b'g' => {}
                _ => self.add(&header, kind, std::mem::take(&mut extended), content, size)?,
            }
            at = end.next_multiple_of(BLOCK);
        }
        Ok(())
    }

    fn add(
        &mut self,
        header: &[u8; 512],
        kind: u8,
        extended: Extended,
        at: u64,
        len: u64,
    ) -> Result<(), TarError> {
        let path = extended.path.unwrap_or_else(|| name(header));
        let target = |extended: Option<String>| {
            extended.unwrap_or_else(|| text(header.get(157..257).unwrap_or_default()))
        };
        let path = normal("", &path);
        let entry = match kind {
            0 | b'0' | b'7' => Entry::Content { at, len },
            // Hard links name their target from the archive's root, symbolic ones from their folder.
            b'1' => Entry::Link(normal("", &target(extended.target))),
            b'2' => {
                let folder = path.rsplit_once('/').map_or("", |(folder, _)| folder);
                Entry::Link(normal(folder, &target(extended.target)))
            }
            _ => return Ok(()),
        };
        self.entries.insert(path, entry);
        if self.entries.len() > MAX_ENTRIES {
            return Err(TarError::Entries);
        }
        Ok(())
    }

    fn small(&self, at: u64, size: u64) -> Result<Vec<u8>, TarError> {
        if size > MAX_EXTENDED_BYTES {
            return Err(TarError::LongHeader(size));
        }
        let mut content = vec![0; usize::try_from(size).unwrap_or_default()];
        self.read_at(&mut content, at)?;
        Ok(content)
    }

    fn read_at(&self, into: &mut [u8], at: u64) -> Result<(), TarError> {
        let read = self.file.read_exact_at(into, at);
        read.map_err(|source| TarError::Unreadable { at, source })
    }

    fn find(&self, path: &str) -> Option<(u64, u64)> {
        let mut path = normal("", path);
        for _ in 0..MAX_LINKS {
            match self.entries.get(&path)? {
                Entry::Content { at, len } => return Some((*at, *len)),
                Entry::Link(target) => target.clone_into(&mut path),
            }
        }
        None
    }
}

impl Files for TarIndex {
    fn place(&self) -> &str {
        &self.place
    }

    fn open(&self, path: &str) -> Result<Option<Box<dyn Read + Send>>, SourceError> {
        let found = self.find(path).map(|(at, len)| Section {
            file: Arc::clone(&self.file),
            at,
            end: at + len,
        });
        Ok(found.map(|section| Box::new(section) as Box<dyn Read + Send>))
    }

    fn len(&self, path: &str) -> Option<u64> {
        self.find(path).map(|(_, len)| len)
    }
}

/// A part of a file, read without moving anybody's position in it.
struct Section {
    file: Arc<File>,
    at: u64,
    end: u64,
}

impl Read for Section {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let left = usize::try_from(self.end - self.at).unwrap_or(usize::MAX);
        let wanted = buffer.len().min(left);
        let into = buffer.get_mut(..wanted).unwrap_or_default();
        let read = self.file.read_at(into, self.at)?;
        if read == 0 && wanted > 0 {
            return Err(io::ErrorKind::UnexpectedEof.into());
        }
        self.at += read as u64;
        Ok(read)
    }
}

impl Extended {
    /// Reads records of the form `LENGTH KEY=VALUE\n`.
    fn read_pax(&mut self, records: &[u8]) {
        let mut rest = records;
        while let Some(space) = rest.iter().position(|byte| *byte == b' ') {
            let length = rest.get(..space).and_then(|digits| {
                let digits = std::str::from_utf8(digits).ok()?;
                digits.parse::<usize>().ok()
            });
            let Some(record) = length.and_then(|length| rest.get(space + 1..length)) else {
                return;
            };
            let record = String::from_utf8_lossy(record);
            if let Some((key, value)) = record.trim_end_matches('\n').split_once('=') {
                match key {
                    "path" => self.path = Some(value.to_owned()),
                    "linkpath" => self.target = Some(value.to_owned()),
                    "size" => self.size = value.parse().ok(),
                    _ => {}
                }
            }
            rest = length
                .and_then(|length| rest.get(length..))
                .unwrap_or_default();
        }
    }
}

/// Tells whether a block is a header, by its checksum.
pub(super) fn is_header(block: &[u8; 512]) -> bool {
    let stated = number(block.get(148..156));
    let sum = block.iter().enumerate().fold(0_u64, |sum, (at, byte)| {
        let byte = if (148..156).contains(&at) {
            b' '
        } else {
            *byte
        };
        sum + u64::from(byte)
    });
    stated == Some(sum)
}

/// Reads an octal number, or GNU's binary one.
fn number(field: Option<&[u8]>) -> Option<u64> {
    let field = field?;
    if let Some((first, rest)) = field.split_first()
        && *first == 0x80
    {
        return rest.iter().try_fold(0_u64, |value, byte| {
            value.checked_mul(256)?.checked_add(u64::from(*byte))
        });
    }
    let digits = text(field);
    let digits = digits.trim();
    if digits.is_empty() {
        return Some(0);
    }
    u64::from_str_radix(digits, 8).ok()
}

fn name(header: &[u8; 512]) -> String {
    let name = text(header.get(..100).unwrap_or_default());
    let is_ustar = header.get(257..263) == Some(b"ustar\0");
    let prefix = text(header.get(345..500).unwrap_or_default());
    if is_ustar && !prefix.is_empty() {
        return format!("{prefix}/{name}");
    }
    name
}

fn text(bytes: &[u8]) -> String {
    let end = bytes.iter().position(|byte| *byte == 0);
    let bytes = bytes.get(..end.unwrap_or(bytes.len())).unwrap_or_default();
    String::from_utf8_lossy(bytes).into_owned()
}

/// Resolves a path from a folder of the archive; `..` ends at the archive's root.
fn normal(folder: &str, path: &str) -> String {
    let mut parts: Vec<&str> = Vec::new();
    let folder = if path.starts_with('/') { "" } else { folder };
    for part in folder.split('/').chain(path.split('/')) {
        match part {
            "" | "." => {}
            ".." => {
                parts.pop();
            }
            part => parts.push(part),
        }
    }
    parts.join("/")
}
