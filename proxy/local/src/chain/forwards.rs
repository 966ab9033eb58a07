//! Reads the lines of a chain from one on, and finds where one with a number starts.

use std::fs::File;
use std::io::{self, BufRead as _, BufReader, Read as _, Seek as _, SeekFrom};

use super::MAX_LINE_BYTES;

/// What every line begins with, whatever its shape.
const SEQ_FIELD: &[u8] = b"{\"seq\":";

/// What stands next in a chain.
pub(crate) enum LogPiece {
    /// A line, without its newline.
    Line(Vec<u8>),
    /// More bytes than a line has, and then a newline: so many in all.
    TooLong(u64),
    /// So many bytes without a newline, at the end.
    Torn(u64),
    /// Nothing.
    End,
}

/// Reads up to the next newline.
pub(crate) fn next_line(file: &mut BufReader<&File>) -> io::Result<LogPiece> {
    let mut line = Vec::new();
    let bound = (MAX_LINE_BYTES as u64).saturating_add(1);
    file.by_ref().take(bound).read_until(b'\n', &mut line)?;
    if line.last() == Some(&b'\n') {
        line.pop();
        return Ok(LogPiece::Line(line));
    }
    if line.is_empty() {
        return Ok(LogPiece::End);
    }
    if (line.len() as u64) < bound {
        return Ok(LogPiece::Torn(line.len() as u64));
    }
    let more = file.skip_until(b'\n')? as u64;
    tracing::debug!(bytes = more, "a chain holds a line past its bound");
    Ok(LogPiece::TooLong(bound.saturating_add(more)))
}

/// Finds where the first line starts whose number is `seq` or higher, by halving the file: numbers
/// only rise. Where there is none that is the end.
///
/// In a log that was tampered with it is some place; `verify` finds what is wrong.
pub(crate) fn offset_of(file: &File, seq: u64) -> io::Result<u64> {
    let end = file.metadata()?.len();
    let (mut low, mut high) = (0, end);
    while low < high {
        let middle = low.midpoint(high);
        match first_numbered(file, middle, end)? {
            Some((start, number)) if number < seq => low = start.saturating_add(1),
            Some(_) | None => high = middle,
        }
    }
    Ok(first_numbered(file, low, end)?.map_or(end, |(start, _)| start))
}

/// Finds the first line that starts at `from` or later and before `end`, and has a number: where it
/// starts, and the number.
fn first_numbered(file: &File, from: u64, end: u64) -> io::Result<Option<(u64, u64)>> {
    let mut reader = BufReader::new(file);
    // One byte earlier, so that a line that starts right here is not skipped.
    let mut at = from.saturating_sub(1);
    reader.seek(SeekFrom::Start(at))?;
    if from > 0 {
        at = at.saturating_add(reader.skip_until(b'\n')? as u64);
    }
    while at < end {
        match next_line(&mut reader)? {
            LogPiece::Line(line) => {
                if let Some(number) = number_of(&line) {
                    return Ok(Some((at, number)));
                }
                at = at.saturating_add(line.len() as u64).saturating_add(1);
            }
            LogPiece::TooLong(bytes) => at = at.saturating_add(bytes),
            LogPiece::Torn(_) | LogPiece::End => return Ok(None),
        }
    }
    Ok(None)
}

/// Gives a line's number without reading the line.
pub(crate) fn number_of(line: &[u8]) -> Option<u64> {
    let rest = line.strip_prefix(SEQ_FIELD)?;
    let digits = rest.split(|byte| *byte == b',').next()?;
    std::str::from_utf8(digits).ok()?.parse().ok()
}
