//! The hash-chained log of pulls: what was asked, by whom, and why it was allowed or refused.
//!
//! It outlives every cache. `pull` records through [`PullLog`], which knows what counts as one
//! pull; `api` and the command line read and verify. Nothing here is ever rewritten.

mod backwards;
mod line;
mod log;
mod open;
mod pulled_by;
mod pulls;
mod read;
mod verify;

pub use line::{DecisionLine, Entry};
pub use log::{DecisionLog, LogError};
pub use open::{OpenReport, TornTail};
pub use pulled_by::{Asked, PulledBy, Puller, pulled_by};
pub use pulls::{Pull, PullLog, PullMethod};
pub use read::{DecisionFilter, DecisionPage, read};
pub use verify::{Fault, FaultKind, VerifyReport, verify};

#[cfg(test)]
mod tests;
