//! Tar archives inside files: their plain files one after the other, from a stream.
//!
//! Runtimes do not apply these; whoever unpacks them does so with a tool of his own. So names are
//! taken as most tools take them, and what is damaged ends the archive.
//!
//! Source: POSIX.1-2017, pax; GNU tar manual, "Basic Tar Format".

use std::io::{self, Read, Write};

use tar::{EntryType, Header};

use crate::analyzers::entries::{HEAD_BYTES, Member, Reading, ZipError, length};
use crate::limits::MIB;

const BLOCK_BYTES: u64 = 512;

/// Largest extended header that is read, in bytes.
const MAX_EXTENSION_BYTES: u64 = MIB;

/// Hands every plain file of an archive to `visit`, in the archive's order.
pub(super) fn members(
    reading: &mut Reading<'_>,
    stream: &mut dyn Read,
    inside: &str,
    visit: &mut dyn FnMut(&mut Reading<'_>, &mut dyn Member),
) -> Result<(), ZipError> {
    let mut extended = Extended::default();
    while let Some(header) = header(stream)? {
        let size = header.entry_size().map_err(read_error)?;
        let kind = header.entry_type();
        if Extended::is_kept(kind) && size > MAX_EXTENSION_BYTES {
            reading.budget(inside, "a longer extended header than is read");
            return Ok(());
        }
        if extended.take(kind, size, stream)? {
            continue;
        }
        let Extended { name, size_bytes } = std::mem::take(&mut extended);
        let size = size_bytes.unwrap_or(size);
        let name = name.unwrap_or_else(|| header.path_bytes().into_owned());
        let mut member = TarMember {
            name: clean(&name),
            size_bytes: size,
            head: Vec::new(),
            left: size,
            stream,
        };
        let has_content = matches!(kind, EntryType::Regular | EntryType::Continuous);
        if !reading.takes_entry(inside) {
            return Ok(());
        }
        if has_content && !member.name.is_empty() {
            visit(reading, &mut member);
        }
        let rest = member.left.saturating_add(padding(size));
        skip(stream, rest)?;
    }
    Ok(())
}

fn read_error(error: io::Error) -> ZipError {
    ZipError::Read(error.to_string())
}

/// Reads a header; none at the archive's end.
fn header(stream: &mut dyn Read) -> Result<Option<Header>, ZipError> {
    let mut header = Header::new_old();
    let mut block = stream.take(BLOCK_BYTES);
    let mut bytes = Vec::with_capacity(512);
    block.read_to_end(&mut bytes).map_err(read_error)?;
    let is_end = bytes.iter().all(|byte| *byte == 0);
    if bytes.len() < 512 || is_end {
        return Ok(None);
    }
    header.as_mut_bytes().copy_from_slice(&bytes);
    Ok(Some(header))
}

fn padding(size: u64) -> u64 {
    size.wrapping_neg() % BLOCK_BYTES
}

fn skip(stream: &mut dyn Read, bytes: u64) -> Result<(), ZipError> {
    let skipped = io::copy(&mut stream.take(bytes), &mut io::sink()).map_err(read_error)?;
    if skipped < bytes {
        return Err(ZipError::Broken("it ends within an entry".to_owned()));
    }
    Ok(())
}

/// What extended headers say of the entry after them.
#[derive(Default)]
struct Extended {
    name: Option<Vec<u8>>,
    size_bytes: Option<u64>,
}

impl Extended {
    /// Tells whether a header says something that is kept, so that it is held in memory.
    fn is_kept(kind: EntryType) -> bool {
        matches!(kind, EntryType::GNULongName | EntryType::XHeader)
    }

    /// Takes an extended header with its content; false where it is an entry.
    fn take(
        &mut self,
        kind: EntryType,
        size: u64,
        stream: &mut dyn Read,
    ) -> Result<bool, ZipError> {
        if !Self::is_kept(kind) {
            let is_passed = matches!(kind, EntryType::GNULongLink | EntryType::XGlobalHeader);
            if is_passed {
                skip(stream, size.saturating_add(padding(size)))?;
            }
            return Ok(is_passed);
        }
        let mut text = Vec::new();
        let mut content = stream.take(size);
        content.read_to_end(&mut text).map_err(read_error)?;
        skip(stream, padding(size))?;
        if kind == EntryType::GNULongName {
            let end = text.iter().position(|byte| *byte == 0);
            text.truncate(end.unwrap_or(text.len()));
            self.name.get_or_insert(text);
        } else {
            self.take_records(&text);
        }
        Ok(true)
    }

    fn take_records(&mut self, text: &[u8]) {
        for record in tar::PaxExtensions::new(text).flatten() {
            match record.key_bytes() {
                b"path" => self.name = Some(record.value_bytes().to_vec()),
                b"size" => {
                    let value = record.value().ok();
                    self.size_bytes = value.and_then(|value| value.parse().ok());
                }
                _ => {}
            }
        }
    }
}

/// Gives a name without what leads nowhere.
fn clean(name: &[u8]) -> String {
    let name = String::from_utf8_lossy(name);
    let parts = name.split('/').filter(|part| !matches!(*part, "" | "."));
    parts.collect::<Vec<_>>().join("/")
}

/// A plain file of a tar archive.
struct TarMember<'s> {
    name: String,
    size_bytes: u64,
    /// What was read of the content to tell what it is.
    head: Vec<u8>,
    /// How much of the content is still in the stream.
    left: u64,
    stream: &'s mut dyn Read,
}

impl Member for TarMember<'_> {
    fn name(&self) -> &str {
        &self.name
    }

    fn size_bytes(&self) -> u64 {
        self.size_bytes
    }

    fn head(&mut self) -> Vec<u8> {
        let most = u64::try_from(HEAD_BYTES).unwrap_or(u64::MAX).min(self.left);
        // A stream that fails fails again for whoever reads on.
        let _read = (&mut self.stream).take(most).read_to_end(&mut self.head);
        self.left = self.left.saturating_sub(length(&self.head));
        self.head.clone()
    }

    fn copy(&mut self, most: u64, into: &mut dyn Write) -> Result<bool, ZipError> {
        if self.size_bytes > most {
            return Ok(false);
        }
        into.write_all(&self.head).map_err(read_error)?;
        let mut rest = (&mut self.stream).take(self.left);
        let copied = io::copy(&mut rest, into).map_err(read_error)?;
        let is_whole = copied == self.left;
        self.left -= copied;
        if is_whole {
            return Ok(true);
        }
        Err(ZipError::Broken("it ends within an entry".to_owned()))
    }
}
