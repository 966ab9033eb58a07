//! Reads a tar stream header by header: names, kinds, sizes, and where content lies.
//!
//! Fields are parsed by the `tar` crate's header; what precedes and follows a header is read here,
//! because extended headers need bounds and because archives that readers take differently must be
//! refused, not interpreted. `walk.rs` is the only caller.
//!
//! Source: POSIX.1-2017, pax; GNU tar manual, "Basic Tar Format".

use std::io::{self, Read};

use tar::{EntryType, GnuExtSparseHeader, GnuSparseHeader, Header};

use crate::limits::{Limits, MIB};

use super::chunks::ChunkReader;
use super::header::{Kind, checksum, has_right_checksum, has_sound_numbers, kind};
use super::pax::{self, PaxError, PaxRecords, SparseMap, SparseRecords};
use super::sparse::{Expansion, MAX_NUMBERS, Run};

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
    #[error("a sparse file has more pieces than are read")]
    LongMap,
    #[error("archive readers disagree on this archive: {0}")]
    Disputed(&'static str),
}

/// One entry's header. Names are as written.
pub(super) struct EntryHeader {
    pub(super) kind: Kind,
    pub(super) name: Vec<u8>,
    pub(super) target: Vec<u8>,
    /// Bytes of content, holes included.
    pub(super) size_bytes: u64,
}

/// A stream of entries.
pub(super) struct Archive<'a> {
    stream: &'a mut ChunkReader,
    /// Stored content of the current entry not yet read.
    left: u64,
    /// Padding after the current entry's content.
    padding: u64,
    /// The current entry's holes, if it has any.
    expansion: Option<Expansion>,
    /// Whether a valid header or end marker was seen.
    recognized: bool,
}

impl<'a> Archive<'a> {
    pub(super) fn new(stream: &'a mut ChunkReader) -> Self {
        Self {
            stream,
            left: 0,
            padding: 0,
            expansion: None,
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
                    check_global(&header, &global, &pending)?;
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
        let Some(mut expansion) = self.expansion.take() else {
            return self.read_stored(into, most);
        };
        let mut wanted = most;
        while wanted > 0
            && let Some(run) = expansion.next(wanted)
        {
            match run {
                Run::Zeros(bytes) => {
                    let bytes = usize::try_from(bytes).unwrap_or(usize::MAX);
                    into.resize(into.len().saturating_add(bytes), 0);
                }
                Run::Stored(bytes) => self.read_stored(into, bytes)?,
            }
            wanted = wanted.saturating_sub(run.bytes());
        }
        self.expansion = Some(expansion);
        Ok(())
    }

    /// Reads up to `most` of the bytes stored for the current entry.
    fn read_stored(&mut self, into: &mut Vec<u8>, most: u64) -> Result<(), ArchiveError> {
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
        let sparse_name = pax.sparse.as_ref().and_then(|sparse| sparse.name.clone());
        let name = sparse_name
            .or(pax.path)
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
        let kind = kind(header, &name)?;
        let has_content = matches!(kind, Kind::File | Kind::Unknown(_));
        if !has_content && size_bytes != 0 {
            return Err(ArchiveError::Disputed(
                "an entry without content has a size",
            ));
        }
        self.expect_content(size_bytes)?;
        self.expansion = match (header.entry_type(), pax.sparse) {
            (EntryType::GNUSparse, None) => Some(self.holes_of_gnu(header)?),
            (EntryType::Regular | EntryType::Continuous, Some(sparse)) if kind == Kind::File => {
                Some(self.holes_of_pax(&sparse)?)
            }
            (_, None) => None,
            (_, Some(_)) => return Err(ArchiveError::Disputed("what is sparse is no plain file")),
        };
        let expanded = self.expansion.as_ref().map(Expansion::size_bytes);
        Ok(EntryHeader {
            kind,
            name,
            target,
            size_bytes: expanded.unwrap_or(size_bytes),
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
        self.recognized = self.recognized || has_right_checksum(header.as_bytes());
        let stated = header.cksum().map_err(|_| ArchiveError::Checksum)?;
        if stated != checksum(header.as_bytes()) {
            return Err(ArchiveError::Checksum);
        }
        if !has_sound_numbers(&header) {
            return Err(ArchiveError::Disputed("a header's field is no number"));
        }
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

    /// Reads the map of the old GNU form, which goes on in blocks after the header.
    fn holes_of_gnu(&mut self, header: &Header) -> Result<Expansion, ArchiveError> {
        let Some(gnu) = header.as_gnu() else {
            return Err(ArchiveError::Disputed("a sparse entry has no GNU header"));
        };
        let size_bytes = gnu.real_size().map_err(ArchiveError::Number)?;
        let mut numbers = Vec::new();
        add_pieces(&gnu.sparse, &mut numbers)?;
        let mut continues = gnu.is_extended();
        while continues {
            let mut block = GnuExtSparseHeader::new();
            if !self.block(block.as_mut_bytes())? {
                return Err(ArchiveError::Cut);
            }
            add_pieces(block.sparse(), &mut numbers)?;
            continues = block.is_extended();
        }
        Expansion::new(&numbers, size_bytes, self.left).map_err(ArchiveError::Disputed)
    }

    /// Reads the map of the PAX forms, the newest of which has it before the content.
    fn holes_of_pax(&mut self, sparse: &SparseRecords) -> Result<Expansion, ArchiveError> {
        let size_bytes = sparse.size_bytes.ok_or(PaxError::Sparse)?;
        let in_content;
        let numbers = match sparse.map()? {
            SparseMap::Listed(numbers) => numbers,
            SparseMap::InContent => {
                in_content = self.map_in_content()?;
                &in_content
            }
        };
        if numbers.len() > MAX_NUMBERS {
            return Err(ArchiveError::LongMap);
        }
        Expansion::new(numbers, size_bytes, self.left).map_err(ArchiveError::Disputed)
    }

    /// Reads the lines before a sparse file's content: how many pieces, then each one's numbers.
    fn map_in_content(&mut self) -> Result<Vec<u64>, ArchiveError> {
        let (mut numbers, mut wanted) = (Vec::new(), 1);
        let (mut block, mut line) = (Vec::new(), Vec::new());
        while numbers.len() < wanted {
            block.clear();
            self.read_stored(&mut block, BLOCK_BYTES)?;
            if block.is_empty() {
                return Err(PaxError::Sparse.into());
            }
            for byte in &block {
                if numbers.len() == wanted {
                    break;
                }
                if *byte != b'\n' {
                    line.push(*byte);
                    continue;
                }
                let number = pax::decimal(&line).ok_or(PaxError::Sparse)?;
                line.clear();
                if numbers.is_empty() {
                    let pieces = usize::try_from(number).ok();
                    let count = pieces.and_then(|pieces| pieces.checked_mul(2));
                    wanted = count
                        .filter(|count| *count <= MAX_NUMBERS)
                        .ok_or(ArchiveError::LongMap)?
                        + 1;
                }
                numbers.push(number);
            }
        }
        numbers.remove(0);
        Ok(numbers)
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
        self.expansion = None;
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

/// Adds the pieces of one block of an old GNU sparse map, up to the first unused one.
fn add_pieces(pieces: &[GnuSparseHeader], numbers: &mut Vec<u64>) -> Result<(), ArchiveError> {
    for piece in pieces.iter().take_while(|piece| piece.offset[0] != 0) {
        numbers.push(piece.offset().map_err(ArchiveError::Number)?);
        numbers.push(piece.length().map_err(ArchiveError::Number)?);
    }
    if numbers.len() > MAX_NUMBERS {
        return Err(ArchiveError::LongMap);
    }
    Ok(())
}

/// Refuses a global header unless every reader does nothing at it.
///
/// Go's reader, which containerd uses, applies none of its records and forgets the extended
/// headers before it; containerd then removes what lies at its name. Others apply the records.
fn check_global(
    header: &Header,
    global: &PaxRecords,
    pending: &Pending,
) -> Result<(), ArchiveError> {
    // The names that git, GNU tar, Go and Python give it.
    let path = header.path_bytes();
    let name = path.rsplit(|byte| *byte == b'/').next().unwrap_or_default();
    let is_usual =
        matches!(name, b"pax_global_header" | b"@PaxHeader") || name.starts_with(b"GlobalHead.");
    let why = if *global != PaxRecords::default() {
        "a global header renames or resizes entries"
    } else if !is_usual {
        "a global header has the name of a file"
    } else if !pending.is_empty() {
        "a global header stands between an entry and its extended header"
    } else {
        return Ok(());
    };
    Err(ArchiveError::Disputed(why))
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

#[cfg(test)]
mod tests;
