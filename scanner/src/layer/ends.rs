//! Files that neither name nor first bytes claim, read to their ends, which may: a JAR behind a
//! preamble, for instance.
//!
//! What fits the memory that scans take as a rule is kept whole; of anything larger the end alone
//! is left, so that there is a gap where it would have been claimed.

use sluicegate_model::coverage::{Gap, GapKind};

use crate::ends::{self, TAIL_BYTES};
use crate::facts::{FileFacts, Observations};
use crate::limits::{Limits, MIB, USUAL_BYTES};

use super::archive::{ArchiveError, Content};

/// Bytes taken at a time of a file that is not kept.
const PIECE_BYTES: u64 = MIB;

/// What a file's end says.
pub(super) enum Ending {
    /// It is no archive's.
    Other,
    /// It is an archive's, and the whole content is in memory.
    Archive,
    /// It is an archive's, and the content is gone.
    Missed,
}

/// Reads the rest of an entry, of which `content` holds the first bytes.
pub(super) fn read(
    file: &mut dyn Content,
    content: &mut Vec<u8>,
    size_bytes: u64,
    limits: &Limits,
) -> Result<Ending, ArchiveError> {
    let is_whole = size_bytes <= USUAL_BYTES;
    if is_whole {
        file.read_content(content, USUAL_BYTES)?;
    } else {
        read_end(file, content, limits)?;
    }
    Ok(match ends::is_archive(content) {
        false => Ending::Other,
        true if is_whole => Ending::Archive,
        true => Ending::Missed,
    })
}

/// Says that a file would have been read, had its first bytes shown what it is.
pub(super) fn missed(path: &str, size_bytes: u64) -> FileFacts {
    let detail = format!(
        "the file has an archive behind other bytes and is not read for its size of {size_bytes} \
         bytes"
    );
    let gap = Gap::partial(GapKind::NestedArchive, detail).at(path);
    FileFacts {
        path: path.to_owned(),
        found: Observations {
            gaps: vec![gap],
            ..Observations::default()
        },
        ..FileFacts::default()
    }
}

/// Reads to the end, of which at least [`TAIL_BYTES`] are left.
fn read_end(
    file: &mut dyn Content,
    content: &mut Vec<u8>,
    limits: &Limits,
) -> Result<(), ArchiveError> {
    let end_bytes = u64::try_from(TAIL_BYTES).unwrap_or(u64::MAX);
    loop {
        // A hole costs no bytes of a layer, however large it is. What lay before it is no end.
        if file.pass_hole(end_bytes) {
            content.clear();
        }
        let before = content.len();
        file.read_content(content, PIECE_BYTES)?;
        if content.len() == before || limits.stop.is_requested() {
            return Ok(());
        }
        let passed = content.len().saturating_sub(TAIL_BYTES);
        content.drain(..passed);
    }
}
