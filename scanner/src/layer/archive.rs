//! Reads a tar stream header by header: names, kinds, sizes, and where content lies.
//!
//! What a header's fields mean is for `readers.rs` to say; what precedes and follows a header is read
//! here. Where readers differ on an entry's name or kind it has several readings; where they differ on
//! where the next header is, the archive is refused. `walk.rs` is the only caller.
//!
//! Source: POSIX.1-2017, pax; GNU tar manual, "Basic Tar Format".

use std::io::{self, Read};

use crate::facts::{Reader, ReaderSet};
use crate::limits::{Limits, MIB};

use super::chunks::ChunkReader;
use super::header::{BLOCK, Block, Kind, until_nul};
use super::pax::{self, PaxError, PaxRecords, SparseMap, SparseRecords};
use super::readers::{self, Extensions, Reading, maps, readings};
use super::sparse::{Expansion, MAX_NUMBERS, Run, gnu_map, gnu_map_goes_on};

mod agreed;
mod global;

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
    #[error("an archive header has a wrong checksum or a number that is none")]
    Header,
    #[error("an archive header has no size that is a number")]
    Size,
    #[error("a sparse map has a number that is none, or goes on before it is full")]
    Number,
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

/// One entry's header.
pub(super) struct EntryHeader {
    /// What it is to whom, that of container runtimes first; one reading unless readers differ.
    pub(super) readings: Vec<(ReaderSet, Reading)>,
    /// ReaderSet that stopped before it, or at it.
    pub(super) stopped: ReaderSet,
    /// Bytes of content, holes included.
    pub(super) size_bytes: u64,
    /// Who may do what with it: the last twelve bits of a mode.
    pub(super) mode: u32,
}

/// Where a file's content comes from.
pub(super) trait Content {
    /// Reads up to `most` bytes of it into `into`, which is extended.
    fn read_content(&mut self, into: &mut Vec<u8>, most: u64) -> Result<(), ArchiveError>;

    /// Passes over the hole at hand but for its last `all_but` bytes; tells whether it did.
    fn pass_hole(&mut self, _all_but: u64) -> bool {
        false
    }
}

/// Content that is in memory.
impl Content for &[u8] {
    fn read_content(&mut self, into: &mut Vec<u8>, most: u64) -> Result<(), ArchiveError> {
        let most = usize::try_from(most).unwrap_or(usize::MAX).min(self.len());
        let (now, later) = self.split_at(most);
        into.extend_from_slice(now);
        *self = later;
        Ok(())
    }
}

/// The current entry's content.
impl Content for Archive<'_> {
    fn read_content(&mut self, into: &mut Vec<u8>, most: u64) -> Result<(), ArchiveError> {
        self.read_current(into, most)
    }

    fn pass_hole(&mut self, all_but: u64) -> bool {
        let expansion = self.expansion.as_mut();
        expansion.is_some_and(|expansion| expansion.pass_hole(all_but))
    }
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
    /// ReaderSet that have come so far.
    active: ReaderSet,
}

impl<'a> Archive<'a> {
    pub(super) fn new(stream: &'a mut ChunkReader) -> Self {
        Self {
            stream,
            left: 0,
            padding: 0,
            expansion: None,
            recognized: false,
            active: ReaderSet::ALL,
        }
    }

    /// Tells whether the stream has been an archive so far.
    pub(super) fn is_recognized(&self) -> bool {
        self.recognized
    }

    /// Gives the next entry, or none at the archive's end.
    pub(super) fn next(&mut self, limits: &Limits) -> Result<Option<EntryHeader>, ArchiveError> {
        let mut extensions = Extensions::default();
        for count in 0_u32.. {
            // Each kind of extended header may come once before an entry; more is an endless loop.
            if count > 8 {
                return Err(ArchiveError::Disputed("too many extended headers in a row"));
            }
            self.skip_content()?;
            let Some(block) = self.header()? else {
                if extensions.is_empty() {
                    return Ok(None);
                }
                return Err(ArchiveError::Cut);
            };
            match block.flag() {
                b'L' => {
                    extensions.pax_is_first[0] = extensions.pax.is_some();
                    self.long_text(&block, &mut extensions.long_name)?;
                }
                b'K' => {
                    extensions.pax_is_first[1] = extensions.pax.is_some();
                    self.long_text(&block, &mut extensions.long_target)?;
                }
                b'x' => {
                    let text = self.extension(&block)?;
                    // One that says nothing is none to every reader, unless it comes second.
                    let nothing = PaxRecords::default();
                    extensions.pax = extensions.pax.take().filter(|pax| *pax != nothing);
                    put_once(&mut extensions.pax, pax::parse(&text)?)?;
                }
                b'g' => {
                    let global = pax::parse(&self.extension(&block)?)?;
                    global::check(&block, &global, &extensions).map_err(ArchiveError::Disputed)?;
                }
                _ => return self.entry(&block, extensions, limits).map(Some),
            }
        }
        Ok(None)
    }

    fn read_current(&mut self, into: &mut Vec<u8>, most: u64) -> Result<(), ArchiveError> {
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
        block: &Block,
        extensions: Extensions,
        limits: &Limits,
    ) -> Result<EntryHeader, ArchiveError> {
        let by_pax = extensions.pax.as_ref().and_then(|pax| pax.size_bytes);
        let size_bytes = self.content_size(block, by_pax)?;
        let readings = readings(block, &extensions, self.active);
        for (_, reading) in &readings {
            if too_long(&reading.name, limits) || too_long(&reading.target, limits) {
                return Err(ArchiveError::Disputed("a name is longer than paths may be"));
            }
        }
        let pax = extensions.pax.unwrap_or_default();
        // Who takes a file with its type for a directory skips its content.
        let counting = if block.flag() == 0 { readings.len() } else { 1 };
        let has_content = |kind| matches!(kind, Kind::File | Kind::Unknown(_));
        let mut counting = readings.iter().take(counting);
        if size_bytes != 0 && !counting.all(|(_, its)| has_content(its.kind)) {
            return Err(ArchiveError::Disputed(
                "an entry without content has a size",
            ));
        }
        if self.active.has(Reader::Libarchive) {
            let mut its = readings.iter();
            let its = its.find(|(readers, _)| readers.has(Reader::Libarchive));
            let is_directory = its.is_some_and(|(_, its)| its.kind == Kind::Directory);
            maps::check(block, &pax, is_directory, size_bytes).map_err(ArchiveError::Disputed)?;
        }
        self.expect_content(size_bytes)?;
        self.expansion = match (block.flag(), pax.sparse) {
            (b'S', None) => Some(self.holes_of_gnu(block)?),
            (0 | b'0' | b'7', Some(sparse)) => Some(self.holes_of_pax(&sparse)?),
            (_, None) => None,
            (_, Some(_)) => return Err(ArchiveError::Disputed("what is sparse is no plain file")),
        };
        if self.expansion.is_some() && !readings.iter().all(|(_, its)| its.kind == Kind::File) {
            return Err(ArchiveError::Disputed("what is sparse is no plain file"));
        }
        let expanded = self.expansion.as_ref().map(Expansion::size_bytes);
        let mut stopped = ReaderSet::ALL;
        stopped.remove(self.active);
        Ok(EntryHeader {
            readings,
            stopped,
            size_bytes: expanded.unwrap_or(size_bytes),
            mode: block.mode(),
        })
    }

    fn header(&mut self) -> Result<Option<Block>, ArchiveError> {
        let mut block = Block::empty();
        if !self.block(block.bytes_mut())? {
            return Ok(None);
        }
        if block.is_zero() {
            let mut second = Block::empty();
            let marker_is_whole = self.block(second.bytes_mut())? && second.is_zero();
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
        self.recognized = self.recognized || block.has_right_sum();
        if readers::is_usual(&block) {
            return Ok(Some(block));
        }
        if !readers::takes(Reader::Go, &block) {
            return Err(ArchiveError::Header);
        }
        self.leave_behind(&block)?;
        Ok(Some(block))
    }

    /// Takes a name or target in a header of its own, as GNU tar writes it.
    fn long_text(&mut self, block: &Block, into: &mut Option<Vec<u8>>) -> Result<(), ArchiveError> {
        let text = until_nul(&self.extension(block)?).to_vec();
        if text.is_empty() {
            return Err(ArchiveError::Disputed("an extended header has no text"));
        }
        put_once(into, text)
    }

    /// Reads one block; false at the stream's end.
    fn block(&mut self, block: &mut [u8; BLOCK]) -> Result<bool, ArchiveError> {
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
            BLOCK => Ok(true),
            _ => Err(ArchiveError::Cut),
        }
    }

    fn extension(&mut self, block: &Block) -> Result<Vec<u8>, ArchiveError> {
        let size = self.size(block, None)?;
        if size > MAX_EXTENSION_BYTES {
            return Err(ArchiveError::LongExtension(size));
        }
        self.expect_content(size)?;
        let mut text = Vec::new();
        self.read_current(&mut text, size)?;
        let mut padding = Vec::new();
        self.left = std::mem::take(&mut self.padding);
        self.read_current(&mut padding, BLOCK_BYTES)?;
        // Some readers take a long name up to its first zero, whatever its size.
        if padding.iter().any(|byte| *byte != 0) {
            return Err(ArchiveError::Disputed(
                "an extended header goes on past its size",
            ));
        }
        Ok(text)
    }

    /// Reads the map of the old GNU form, which goes on in blocks after the header.
    fn holes_of_gnu(&mut self, block: &Block) -> Result<Expansion, ArchiveError> {
        if !block.is_gnu() {
            return Err(ArchiveError::Disputed("a sparse entry has no GNU header"));
        }
        let (size_bytes, mut numbers, mut continues) =
            gnu_map(block).ok_or(ArchiveError::Number)?;
        while continues {
            let mut more = Block::empty();
            if !self.block(more.bytes_mut())? {
                return Err(ArchiveError::Cut);
            }
            continues = gnu_map_goes_on(&more, &mut numbers).ok_or(ArchiveError::Number)?;
            if numbers.len() > MAX_NUMBERS {
                return Err(ArchiveError::LongMap);
            }
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

fn put_once<T: PartialEq>(slot: &mut Option<T>, value: T) -> Result<(), ArchiveError> {
    if slot.as_ref().is_some_and(|other| *other != value) {
        return Err(ArchiveError::Disputed(
            "two extended headers of a kind describe one entry",
        ));
    }
    *slot = Some(value);
    Ok(())
}

fn too_long(name: &[u8], limits: &Limits) -> bool {
    u64::try_from(name.len()).unwrap_or(u64::MAX) > limits.max_name_bytes
}

#[cfg(test)]
mod tests;
