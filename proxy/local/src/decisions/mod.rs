//! The hash-chained log of pulls: what was asked, by whom, and why it was allowed or refused.
//!
//! It outlives every cache. `pull` records through [`PullLog`], which knows what counts as one
//! pull; `api` and the command line read and verify. Nothing here is ever rewritten. Beside it lie
//! the texts of the policies that decided, by digest ([`PolicyTexts`]).

mod backwards;
mod earlier;
mod entry;
mod filter;
mod follow;
mod forwards;
mod line;
mod log;
mod logged_book;
mod names;
mod open;
mod policy_record;
mod policy_texts;
mod pulled_by;
mod pulls;
mod read;
mod verify;
mod windows;

pub use entry::{Grounds, LineKind, LogEntry};
pub use filter::DecisionFilter;
pub use follow::{Cursor, Followed, FollowedLine, LogReader, Position};
pub use line::DecisionLine;
pub use log::{DecisionLog, LogEnd, LogError};
pub use logged_book::logged_book;
pub use open::{OpenReport, TornTail};
pub use policy_record::{PolicyRecord, RecordError};
pub use policy_texts::{KeptPolicies, PolicyTexts, TextsError};
pub use pulled_by::{PulledBy, Puller, WhoPulled, pulled_by};
pub use pulls::PullLog;
pub use read::{DecisionPage, Order, PageOf, Searched, read, read_line};
pub use verify::{Fault, FaultKind, VerifyReport, verify};

#[cfg(test)]
mod tests;
