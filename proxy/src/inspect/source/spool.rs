//! What arrives as a stream, kept in a temporary file without a name so that it can be read at
//! random: gone with the process, however that ends.

use std::fs::File;
use std::io::{Read, Seek as _, SeekFrom, Write as _};
use std::os::unix::fs::FileExt as _;

use flate2::read::MultiGzDecoder;

use super::error::SourceError;

/// Largest archive kept, in bytes: the largest layer that is read.
const MAX_BYTES: u64 = 64 * 1024 * 1024 * 1024;
/// Bytes copied at a time.
const PIECE: usize = 128 * 1024;

/// A temporary file that is being filled.
pub(super) struct Spool {
    file: File,
    bytes: u64,
}

impl Spool {
    /// Makes an empty one.
    pub(super) fn new() -> Result<Self, SourceError> {
        let directory = std::env::temp_dir();
        let file = tempfile::tempfile_in(&directory)
            .map_err(SourceError::file("make a temporary file in", directory))?;
        Ok(Self { file, bytes: 0 })
    }

    /// Adds the next piece and gives how many bytes there are.
    pub(super) fn add(&mut self, piece: &[u8]) -> Result<u64, SourceError> {
        self.bytes = self.bytes.saturating_add(piece.len() as u64);
        if self.bytes > MAX_BYTES {
            let reason = format!("it has more than {MAX_BYTES} bytes");
            return Err(SourceError::malformed("the archive", reason));
        }
        self.file.write_all(piece).map_err(SourceError::file(
            "write a temporary file in",
            std::env::temp_dir(),
        ))?;
        Ok(self.bytes)
    }

    /// Ends it.
    pub(super) fn finish(self) -> File {
        self.file
    }
}

/// Copies a stream to its end.
pub(super) fn copy(
    place: &str,
    mut from: impl Read,
    on_copy: &dyn Fn(u64),
) -> Result<File, SourceError> {
    let mut spool = Spool::new()?;
    let mut piece = vec![0; PIECE];
    loop {
        let read = match from.read(&mut piece) {
            Err(error) if error.kind() == std::io::ErrorKind::Interrupted => continue,
            read => read.map_err(SourceError::file("read", place))?,
        };
        if read == 0 {
            return Ok(spool.finish());
        }
        on_copy(spool.add(piece.get(..read).unwrap_or_default())?);
    }
}

/// Gives an archive without the compression around it, gzip or zstd, where there is one.
pub(super) fn uncompressed(
    place: &str,
    mut file: File,
    on_copy: &dyn Fn(u64),
) -> Result<File, SourceError> {
    let mut magic = [0; 4];
    let read = file.read_at(&mut magic, 0);
    let _short = read.map_err(SourceError::file("read", place))?;
    file.seek(SeekFrom::Start(0))
        .map_err(SourceError::file("read", place))?;
    match magic {
        [0x1f, 0x8b, ..] => copy(place, MultiGzDecoder::new(file), on_copy),
        [0x28, 0xb5, 0x2f, 0xfd] => {
            let inflated = zstd::Decoder::new(file).map_err(SourceError::file("read", place))?;
            copy(place, inflated, on_copy)
        }
        _ => Ok(file),
    }
}
