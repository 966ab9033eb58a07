//! The ledger: what has been decided and which content belongs where, as the engine asks for it.
//!
//! A missing or damaged record means "not judged" and never "allowed". Every write is durable when
//! it returns. Nothing in a ledger decides: an absent record is only "no".

mod bases;
mod error;
mod events;
mod filter;
mod known;
mod lists;
mod membership;
mod packages;
mod pulls;
mod record;
mod replacement;
mod steps;
pub mod stored;
mod summary;
mod tags;
pub mod term;
mod verdicts;
mod waivers;
mod words;

use async_trait::async_trait;

pub use bases::{Bases, Basis, BasisNumber};
pub use error::LedgerError;
pub use events::{Events, KEPT_EVENTS, Once, oldest_event};
pub use filter::{EventFilter, EventPage, Order, Page, VerdictFilter};
pub use known::{Earlier, Known, PackedAs};
pub use lists::{Lists, MAX_PAGE_BYTES};
pub use membership::{MAX_INDEXES, MAX_PLATFORMS, Member, Membership, Release, is_platform};
pub use packages::{Holder, Packages};
pub use pulls::{MAX_PULLERS, PullBook, Pulled, PulledOnce, PullingClient};
pub use record::{
    InPackage, Record, RecordFilter, RecordPage, Recorded, RecordedImage, Turn, TurnBasis, Turned,
    Weaknesses, own_name,
};
pub use replacement::{Listed, Mark, Packed, PackedBytes, Replacement, Stamp};
pub use steps::{ImageNumbers, Parted, Step, Steps};
pub use summary::{Counts, CoverageSummary, Summary, Worst};
pub use tags::{MAX_TAGGED, TagHistory, TagRecord, Tagged};
pub use verdicts::{Judged, JudgedPage, Verdicts};
pub use waivers::{MAX_WAIVERS, Waiver, Waivers};
pub use words::{MAX_SPOKEN_OF, MAX_WORDS, Words, newer};

/// All that is remembered of what was decided.
#[async_trait]
pub trait Ledger:
    Membership
    + Verdicts
    + Bases
    + Steps
    + Lists
    + Packages
    + Record
    + PullBook
    + Events
    + Waivers
    + Words
    + std::fmt::Debug
{
    /// Proves that records can still be written durably, by writing one.
    async fn health(&self) -> Result<(), LedgerError>;

    /// Makes lists whole after an update. Lists wait for it; nothing else does.
    async fn make_index_whole(&self) -> Result<(), LedgerError>;
}
