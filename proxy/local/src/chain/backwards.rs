//! Reads the lines of a file from its end to its start, a block at a time.

use std::fs::File;
use std::io;
use std::os::unix::fs::FileExt as _;

/// Bytes read at a time: some two hundred lines.
const BLOCK_BYTES: u64 = 64 * 1024;

/// The lines of a file, last first, each with the offset of its first byte.
///
/// *Shape*: without their newlines. What stands after the last newline is no line and is left out.
pub(crate) struct LinesBackwards<'a> {
    file: &'a File,
    /// Where `held` starts in the file.
    at: u64,
    /// Bytes read and not given yet; empty, or ends just before a newline that has been given.
    held: Vec<u8>,
    max_line_bytes: usize,
}

impl<'a> LinesBackwards<'a> {
    /// Starts after the file's last newline; gives also how many bytes stand behind that.
    ///
    /// # Errors
    /// `InvalidData` where a line is longer than `max_line_bytes`, here and later.
    pub(crate) fn new(file: &'a File, max_line_bytes: usize) -> io::Result<(Self, u64)> {
        Self::before(file, file.metadata()?.len(), max_line_bytes)
    }

    /// Starts after the last newline before `end`; gives also how many bytes stand between.
    pub(crate) fn before(
        file: &'a File,
        end: u64,
        max_line_bytes: usize,
    ) -> io::Result<(Self, u64)> {
        let mut lines = Self {
            file,
            at: end,
            held: Vec::new(),
            max_line_bytes,
        };
        let torn = lines.take_line()?.map_or(0, |(_, line)| line.len() as u64);
        Ok((lines, torn))
    }

    /// Gives the bytes behind the last newline that is held, and lets go of that newline.
    fn take_line(&mut self) -> io::Result<Option<(u64, Vec<u8>)>> {
        let mut searched = 0;
        loop {
            let unsearched = self.held.len().saturating_sub(searched);
            let head = self.held.get(..unsearched).unwrap_or_default();
            if let Some(newline) = head.iter().rposition(|byte| *byte == b'\n') {
                let line = self.held.split_off(newline.saturating_add(1));
                self.held.pop();
                let start = self.at.saturating_add(newline as u64).saturating_add(1);
                return Ok(Some((start, line)));
            }
            if self.held.len() > self.max_line_bytes {
                return Err(io::Error::new(
                    io::ErrorKind::InvalidData,
                    format!("a line is longer than {} bytes", self.max_line_bytes),
                ));
            }
            searched = self.held.len();
            if self.at == 0 {
                return Ok((searched > 0).then(|| (0, std::mem::take(&mut self.held))));
            }
            self.fetch()?;
        }
    }

    fn fetch(&mut self) -> io::Result<()> {
        let count = BLOCK_BYTES.min(self.at);
        let start = self.at.saturating_sub(count);
        let mut block = vec![0; usize::try_from(count).unwrap_or_default()];
        self.file.read_exact_at(&mut block, start)?;
        block.append(&mut self.held);
        self.held = block;
        self.at = start;
        Ok(())
    }
}

impl Iterator for LinesBackwards<'_> {
    type Item = io::Result<(u64, Vec<u8>)>;

    fn next(&mut self) -> Option<Self::Item> {
        self.take_line().transpose()
    }
}
