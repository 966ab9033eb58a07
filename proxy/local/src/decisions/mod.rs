//! The hash-chained log of pulls: what was asked, by whom, and why it was allowed or refused.
//!
//! It outlives every cache. `pull` records through [`PullLog`], which knows what counts as one
//! pull; `api` and the command line read and verify. Nothing here is ever rewritten. Beside it lie
//! the texts of the policies that decided, by digest ([`PolicyTexts`]).

mod earlier;
mod entry;
mod filter;
mod line;
mod logged_book;
mod names;
mod policy_record;
mod policy_texts;
mod pulled_by;
mod pulls;
mod read;
mod windows;

use std::path::Path;

use crate::chain;

pub use crate::chain::{
    Cursor, Fault, FaultKind, LogEnd, LogError, OpenReport, Position, TornTail, VerifyReport,
};
pub use entry::{Grounds, LineKind, LogEntry};
pub use filter::DecisionFilter;
pub use line::{DecisionLine, Decisions};
pub use logged_book::logged_book;
pub use policy_record::{PolicyRecord, RecordError};
pub use policy_texts::{KeptPolicies, PolicyTexts, TextsError};
pub use pulled_by::{PulledBy, Puller, WhoPulled, pulled_by};
pub use pulls::PullLog;
pub use read::{DecisionPage, Order, PageOf, Searched, read, read_line};

/// The log, open for writing.
pub type DecisionLog = chain::ChainLog<Decisions>;
/// Follows the log in a directory.
pub type LogReader = chain::LogReader<Decisions>;
/// A line of the log, with its bytes.
pub type FollowedLine = chain::FollowedLine<Decisions>;
/// Some lines of the log.
pub type Followed = chain::Followed<Decisions>;

/// Reads the log in `directory` from its first line to its last; blocks on the disk.
pub fn verify(directory: &Path) -> Result<VerifyReport, LogError> {
    chain::verify::<Decisions>(directory)
}

#[cfg(test)]
mod tests;
