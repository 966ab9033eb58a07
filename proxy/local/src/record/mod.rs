//! The record behind verdicts, on disk: what each changed of what is known of its image, chained as
//! the decision log is and as long as it.
//!
//! The file is what is true; the rows by which it is asked are made of it, by the ledger.

mod group;
mod line;

use std::path::Path;

use crate::chain::{self, LogError, VerifyReport};

pub(crate) use group::{basis_entry, entries};
pub(crate) use line::read_weaknesses;
pub use line::{RecordLine, Turns};

/// The record, open for writing.
pub type TurnLog = chain::ChainLog<Turns>;
/// Follows the record in a directory.
pub type TurnReader = chain::LogReader<Turns>;

/// Reads the record in `directory` from its first line to its last; blocks on the disk.
pub fn verify(directory: &Path) -> Result<VerifyReport, LogError> {
    chain::verify::<Turns>(directory)
}

#[cfg(test)]
mod tests;
