//! What happened that nobody was asking for: events, for people and for programs.
//!
//! An event about a verdict is written in the same batch as that verdict, so that there is exactly
//! one however often the program is killed. `difference` makes it, the verdict store keeps it.

mod ahead;
mod blocked;
mod difference;
mod event;

pub use ahead::{ExceptionEnding, GraceEnding, StaleFeed};
pub use blocked::{BlockedPulls, OTHERS};
pub use difference::difference;
pub use event::{
    Cause, CauseKind, Change, Decisions, Direction, Event, EventKind, ExceptionChanges,
    FindingChanges, FromTo, Happening, Ids, LetThrough, LossReason, ScannerLoss,
};
