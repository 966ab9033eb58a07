//! Proves the whole chain: every line's hash, its link to the line before, and its number.

use std::fs::File;
use std::io::{self, BufReader};
use std::path::Path;

use serde::Serialize;

use super::forwards::{LogPiece, next_line};
use super::log::LogError;
use super::{Chain, Head};

/// Most faults listed; a log with more is read to its end all the same.
const MAX_FAULTS: usize = 100;

/// The outcome.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct VerifyReport {
    /// Lines that are whole and fit.
    pub lines: u64,
    /// The number of the last of them.
    pub last_seq: u64,
    /// What is wrong, first hundred.
    pub faults: Vec<Fault>,
    /// How many faults there are.
    pub fault_count: u64,
    /// Bytes behind the last newline: a write in progress, or what a crash left.
    pub torn_bytes: u64,
}

/// Something that is wrong.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
pub struct Fault {
    /// The line in the file, from 1.
    pub line: u64,
    /// What is wrong with it.
    pub kind: FaultKind,
}

/// The kinds of faults.
#[derive(Clone, Debug, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum FaultKind {
    /// It is no line, or its hash is not that of its bytes.
    Altered,
    /// It does not follow the line before: lines are missing, added or swapped here.
    Unlinked {
        /// The number that was due.
        wanted_seq: u64,
        /// The number it has.
        got_seq: u64,
    },
}

impl VerifyReport {
    /// Tells whether every line is whole and linked.
    pub fn is_sound(&self) -> bool {
        self.fault_count == 0
    }

    fn fault(&mut self, line: u64, kind: FaultKind) {
        self.fault_count = self.fault_count.saturating_add(1);
        if self.faults.len() < MAX_FAULTS {
            self.faults.push(Fault { line, kind });
        }
    }
}

/// Reads the chain in `directory` from its first line to its last; blocks on the disk. None is an
/// empty one.
pub fn verify<C: Chain>(directory: &Path) -> Result<VerifyReport, LogError> {
    let path = directory.join(C::FILE);
    let failed = |error| LogError::io::<C>("verifying", &path, error);
    let mut report = VerifyReport {
        lines: 0,
        last_seq: 0,
        faults: Vec::new(),
        fault_count: 0,
        torn_bytes: 0,
    };
    let file = match File::open(&path) {
        Ok(file) => file,
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(report),
        Err(error) => return Err(failed(error)),
    };
    let mut file = BufReader::new(&file);
    let mut head = Head::before_the_first();
    for number in 1.. {
        match next_line(&mut file).map_err(failed)? {
            LogPiece::End => break,
            LogPiece::Torn(bytes) => {
                report.torn_bytes = bytes;
                break;
            }
            LogPiece::TooLong(_) => report.fault(number, FaultKind::Altered),
            LogPiece::Line(bytes) => judge::<C>(&mut report, &mut head, number, &bytes),
        }
    }
    report.last_seq = head.seq;
    Ok(report)
}

fn judge<C: Chain>(report: &mut VerifyReport, head: &mut Head, number: u64, bytes: &[u8]) {
    let Some(link) = C::read(bytes).as_ref().and_then(C::link) else {
        report.fault(number, FaultKind::Altered);
        return;
    };
    let wanted_seq = head.seq.saturating_add(1);
    let got_seq = link.head.seq;
    if link.prev == head.hash && got_seq == wanted_seq {
        report.lines = report.lines.saturating_add(1);
    } else {
        report.fault(
            number,
            FaultKind::Unlinked {
                wanted_seq,
                got_seq,
            },
        );
    }
    // Go on from here, so that one hole is one fault.
    *head = link.head;
}
