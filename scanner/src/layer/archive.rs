//! Reads a tar stream header by header: names, kinds, sizes, and where content lies.
//!
//! Fields are parsed by the `tar` crate's header; what precedes and follows a header is read here,
//! because extended headers need bounds and because archives that readers take differently must be
//! refused, not interpreted. `walk.rs` is the only caller.
//!
//! Source: POSIX.1-2017, pax; GNU tar manual, "Basic Tar Format".

use std::io::{self, Read};

use tar::{EntryType, Header};

use crate::limits::{Limits, MIB};

use super::chunks::ChunkReader;
use super::pax::{self, PaxError, PaxRecords};

/// Size of a tar block, in bytes.
const BLOCK_BYTES: u64 = 512;

/// Largest extended header read, in bytes; Go's reader, which containerd uses, has the same bound.
const MAX_EXTENSION_BYTES: u64 = MIB;

/// The largest size that fits twelve octal digits of a header, past which PAX is needed.
const MAX_OCTAL_SIZE: u64 = 0o77_777_777_777;

/// Says why a stream is no archive that every reader takes alike.
#[derive(Debug, thiserror::Error)]
pub(super) enum ArchiveError {
    #[error("reading the archive failed: {0}")]
    Read(#[from] io::Error),
    #[error("the archive ends within an entry")]
    Cut,
    #[error("an archive header has a wrong checksum")]
    Checksum,
    #[error("an archive header has a wrong number: {0}")]
    Number(#[source] io::Error),
    #[error("an extended header of the archive is wrong: {0}")]
    Pax(#[from] PaxError),
    #[error(
        "an extended header of the archive has {0} bytes, at most {MAX_EXTENSION_BYTES} are read"
    )]
    LongExtension(u64),
    #[error("archive readers disagree on this archive: {0}")]
    Disputed(&'static str),
}

/// What an entry is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Kind {
    Directory,
    File,
    /// A file whose content is stored as a map of its holes.
    Sparse,
    Symlink,
    Hardlink,
    /// A device that marks a removal in overlay file systems: character device 0, 0.
    OverlayWhiteout,
    /// A device or pipe.
    Special,
    /// A kind that no reader unpacks alike.
    Unknown(u8),
}

/// One entry's header. Names are as written.
pub(super) struct EntryHeader {
    pub(super) kind: Kind,
    pub(super) name: Vec<u8>,
    pub(super) target: Vec<u8>,
    /// Bytes of content that follow in the stream.
    pub(super) size_bytes: u64,
}

/// A stream of entries.
pub(super) struct Archive<'a> {
    stream: &'a mut ChunkReader,
    /// Content of the current entry not yet read.
    left: u64,
    /// Padding after the current entry's content.
    padding: u64,
    /// Whether a valid header or end marker was seen.
    recognized: bool,
}

impl<'a> Archive<'a> {
    pub(super) fn new(stream: &'a mut ChunkReader) -> Self {
        Self {
            stream,
            left: 0,
            padding: 0,
            recognized: false,
        }
    }

    /// Tells whether the stream has been an archive so far.
    pub(super) fn is_recognized(&self) -> bool {
        self.recognized
    }

    /// Gives the next entry, or none at the archive's end.
    pub(super) fn next(&mut self, limits: &Limits) -> Result<Option<EntryHeader>, ArchiveError> {
        let mut pending = Pending::default();
        for extensions in 0_u32.. {
            // Each kind of extended header may come once before an entry; more is an endless loop.
            if extensions > 8 {
                return Err(ArchiveError::Disputed("too many extended headers in a row"));
            }
            self.skip_content()?;
            let Some(header) = self.header()? else {
                if pending.is_empty() {
                    return Ok(None);
                }
                return Err(ArchiveError::Cut);
            };
            match header.entry_type() {
                EntryType::GNULongName => {
                    let text = self.extension(&header)?;
                    put_once(&mut pending.long_name, until_nul(text))?;
                }
                EntryType::GNULongLink => {
                    let text = self.extension(&header)?;
                    put_once(&mut pending.long_target, until_nul(text))?;
                }
                EntryType::XHeader => {
                    let text = self.extension(&header)?;
                    put_once(&mut pending.pax, pax::parse(&text)?)?;
                }
                EntryType::XGlobalHeader => {
                    let global = pax::parse(&self.extension(&header)?)?;
                    if global != PaxRecords::default() {
                        return Err(ArchiveError::Disputed(
                            "a global header renames or resizes entries",
                        ));
                    }
                }
                _ => return self.entry(&header, pending, limits).map(Some),
            }
        }
        Ok(None)
    }

    /// Reads up to `most` bytes of the current entry's content into `into`, which is extended.
    pub(super) fn read_content(
        &mut self,
        into: &mut Vec<u8>,
        most: u64,
    ) -> Result<(), ArchiveError> {
        let mut wanted = self.left.min(most);
        while wanted > 0 {
            let at_hand = self.stream.fill();
            if at_hand.is_empty() {
                return Err(ArchiveError::Cut);
            }
            let length = usize::try_from(wanted)
                .unwrap_or(usize::MAX)
                .min(at_hand.len());
            into.extend_from_slice(at_hand.get(..length).unwrap_or_default());
            self.stream.consume(length);
            let length = u64::try_from(length).unwrap_or(u64::MAX);
            wanted = wanted.saturating_sub(length);
            self.left = self.left.saturating_sub(length);
        }
        Ok(())
    }

    /// Tells whether anything but zeros follows the archive's end.
    pub(super) fn has_tail(&mut self) -> bool {
        loop {
            let at_hand = self.stream.fill();
            if at_hand.is_empty() {
                return false;
            }
            if at_hand.iter().any(|byte| *byte != 0) {
                return true;
            }
            let length = at_hand.len();
            self.stream.consume(length);
        }
    }

    fn entry(
        &mut self,
        header: &Header,
        pending: Pending,
        limits: &Limits,
    ) -> Result<EntryHeader, ArchiveError> {
        let pax = pending.pax.unwrap_or_default();
        let name = pax
            .path
            .or(pending.long_name)
            .unwrap_or_else(|| header.path_bytes().into_owned());
        let target = pax
            .link_path
            .or(pending.long_target)
            .unwrap_or_else(|| header.link_name_bytes().unwrap_or_default().into_owned());
        if too_long(&name, limits) || too_long(&target, limits) {
            return Err(ArchiveError::Disputed("a name is longer than paths may be"));
        }
        let own_size = header.entry_size().map_err(ArchiveError::Number)?;
        let size_bytes = pax.size_bytes.unwrap_or(own_size);
        if size_bytes != own_size && size_bytes <= MAX_OCTAL_SIZE {
            return Err(ArchiveError::Disputed("two sizes are given for one entry"));
        }
        let kind = self.kind(header, &name, pax.sparse)?;
        let has_content = matches!(kind, Kind::File | Kind::Sparse | Kind::Unknown(_));
        if !has_content && size_bytes != 0 {
            return Err(ArchiveError::Disputed(
                "an entry without content has a size",
            ));
        }
        self.expect_content(size_bytes)?;
        Ok(EntryHeader {
            kind,
            name,
            target,
            size_bytes,
        })
    }

    fn kind(&mut self, header: &Header, name: &[u8], sparse: bool) -> Result<Kind, ArchiveError> {
        Ok(match header.entry_type() {
            EntryType::Regular if is_disputed_directory(header, name) => {
                return Err(ArchiveError::Disputed(
                    "a file's name ends as a directory's",
                ));
            }
            EntryType::Regular if name.ends_with(b"/") => Kind::Directory,
            EntryType::Regular | EntryType::Continuous if sparse => Kind::Sparse,
            EntryType::Regular | EntryType::Continuous => Kind::File,
            EntryType::Directory => Kind::Directory,
            EntryType::Symlink => Kind::Symlink,
            EntryType::Link => Kind::Hardlink,
            EntryType::Char if is_device_zero(header) => Kind::OverlayWhiteout,
            EntryType::Char | EntryType::Block | EntryType::Fifo => Kind::Special,
            EntryType::GNUSparse => {
                self.skip_sparse_map(header)?;
                Kind::Sparse
            }
            other => Kind::Unknown(other.as_byte()),
        })
    }

    fn header(&mut self) -> Result<Option<Header>, ArchiveError> {
        let mut header = Header::new_old();
        if !self.block(header.as_mut_bytes())? {
            return Ok(None);
        }
        if header.as_bytes().iter().all(|byte| *byte == 0) {
            let mut second = [0; 512];
            let marker_is_whole = self.block(&mut second)? && second.iter().all(|byte| *byte == 0);
            let ends = marker_is_whole || self.stream.fill().is_empty();
            self.recognized |= ends;
            return if ends {
                Ok(None)
            } else {
                Err(ArchiveError::Disputed(
                    "a single empty block stands between entries",
                ))
            };
        }
        let stated = header.cksum().map_err(|_| ArchiveError::Checksum)?;
        if stated != checksum(header.as_bytes()) {
            return Err(ArchiveError::Checksum);
        }
        if !has_sound_numbers(&header) {
            return Err(ArchiveError::Disputed("a header's field is no number"));
        }
        self.recognized = true;
        Ok(Some(header))
    }

    /// Reads one block; false at the stream's end.
    fn block(&mut self, block: &mut [u8; 512]) -> Result<bool, ArchiveError> {
        let mut filled = 0;
        while let Some(room) = block.get_mut(filled..).filter(|room| !room.is_empty()) {
            let read = self.stream.read(room)?;
            if read == 0 {
                break;
            }
            filled += read;
        }
        match filled {
            0 => Ok(false),
            512 => Ok(true),
            _ => Err(ArchiveError::Cut),
        }
    }

    fn extension(&mut self, header: &Header) -> Result<Vec<u8>, ArchiveError> {
        let size = header.entry_size().map_err(ArchiveError::Number)?;
        if size > MAX_EXTENSION_BYTES {
            return Err(ArchiveError::LongExtension(size));
        }
        self.expect_content(size)?;
        let mut text = Vec::new();
        self.read_content(&mut text, size)?;
        let mut padding = Vec::new();
        self.left = std::mem::take(&mut self.padding);
        self.read_content(&mut padding, BLOCK_BYTES)?;
        // Some readers take a long name up to its first zero, whatever its size.
        if padding.iter().any(|byte| *byte != 0) {
            return Err(ArchiveError::Disputed(
                "an extended header goes on past its size",
            ));
        }
        Ok(text)
    }

    /// Passes over the blocks that continue an old GNU sparse header.
    fn skip_sparse_map(&mut self, header: &Header) -> Result<(), ArchiveError> {
        let Some(gnu) = header.as_gnu() else {
            return Err(ArchiveError::Disputed("a sparse entry has no GNU header"));
        };
        let mut continues = gnu.is_extended();
        while continues {
            let mut block = [0; 512];
            if !self.block(&mut block)? {
                return Err(ArchiveError::Cut);
            }
            // Byte 504 says whether another one follows, after 21 pairs of twelve digits each.
            continues = block.get(504).is_some_and(|flag| *flag != 0);
        }
        Ok(())
    }

    fn expect_content(&mut self, size: u64) -> Result<(), ArchiveError> {
        if size > u64::MAX - BLOCK_BYTES {
            return Err(ArchiveError::Disputed("an entry's size overflows"));
        }
        self.left = size;
        self.padding = size.next_multiple_of(BLOCK_BYTES) - size;
        Ok(())
    }

    fn skip_content(&mut self) -> Result<(), ArchiveError> {
        let mut left = self.left.saturating_add(self.padding);
        (self.left, self.padding) = (0, 0);
        while left > 0 {
            let at_hand = self.stream.fill().len();
            if at_hand == 0 {
                return Err(ArchiveError::Cut);
            }
            let length = usize::try_from(left).unwrap_or(usize::MAX).min(at_hand);
            self.stream.consume(length);
            left = left.saturating_sub(u64::try_from(length).unwrap_or(u64::MAX));
        }
        Ok(())
    }
}

/// Checks the numbers that are of no use here, for other readers stop at a wrong one.
fn has_sound_numbers(header: &Header) -> bool {
    let old = header.as_old();
    let devices = header
        .as_ustar()
        .map(|ustar| [&ustar.dev_major, &ustar.dev_minor]);
    let devices = devices.or(header.as_gnu().map(|gnu| [&gnu.dev_major, &gnu.dev_minor]));
    [&old.mode, &old.uid, &old.gid]
        .into_iter()
        .chain(devices.into_iter().flatten())
        .all(|field| is_number(field))
        && is_number(&old.mtime)
}

/// Tells whether a field is empty, octal, or the binary form of GNU tar.
fn is_number(field: &[u8]) -> bool {
    if field.first().is_some_and(|byte| byte & 0x80 != 0) {
        return field
            .first()
            .is_some_and(|byte| matches!(byte, 0x80 | 0xff));
    }
    let is_pad = |byte: &u8| matches!(byte, b' ' | 0);
    let mut digits = field.iter().skip_while(|byte| is_pad(byte));
    let mut rest = digits
        .by_ref()
        .skip_while(|byte| matches!(byte, b'0'..=b'7'));
    rest.all(is_pad)
}

/// Extended headers that wait for their entry.
#[derive(Default)]
struct Pending {
    long_name: Option<Vec<u8>>,
    long_target: Option<Vec<u8>>,
    pax: Option<PaxRecords>,
}

impl Pending {
    fn is_empty(&self) -> bool {
        self.long_name.is_none() && self.long_target.is_none() && self.pax.is_none()
    }
}

fn put_once<T>(slot: &mut Option<T>, value: T) -> Result<(), ArchiveError> {
    if slot.replace(value).is_some() {
        return Err(ArchiveError::Disputed(
            "two extended headers of a kind describe one entry",
        ));
    }
    Ok(())
}

/// Tells whether readers differ on a file being a directory.
///
/// Before ustar, a directory was a file without a type whose name ends with a slash. Some readers
/// look at the header's own name for that even where a longer one overrides it, some do it for
/// files with a type too.
fn is_disputed_directory(header: &Header, name: &[u8]) -> bool {
    let has_type = header.as_old().linkflag != [0];
    if has_type {
        name.ends_with(b"/")
    } else {
        name.ends_with(b"/") != header.path_bytes().ends_with(b"/")
    }
}

fn until_nul(mut text: Vec<u8>) -> Vec<u8> {
    let end = text
        .iter()
        .position(|byte| *byte == 0)
        .unwrap_or(text.len());
    text.truncate(end);
    text
}

fn too_long(name: &[u8], limits: &Limits) -> bool {
    u64::try_from(name.len()).unwrap_or(u64::MAX) > limits.max_name_bytes
}

fn is_device_zero(header: &Header) -> bool {
    let zero = |number: io::Result<Option<u32>>| matches!(number, Ok(Some(0)));
    zero(header.device_major()) && zero(header.device_minor())
}

fn checksum(block: &[u8; 512]) -> u32 {
    let field = 148..156;
    let sum = |(at, byte): (usize, &u8)| {
        if field.contains(&at) {
            u32::from(b' ')
        } else {
            u32::from(*byte)
        }
    };
    block.iter().enumerate().map(sum).sum()
}

#[cfg(test)]
mod tests;
