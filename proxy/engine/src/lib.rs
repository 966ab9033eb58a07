//! What Sluicegate does with a pull, apart from what it runs on.
//!
//! It reaches the world through ports, small traits in its own words; nothing here names an engine
//! of a store, HTTP or a path.

pub mod ahead;
pub mod attest;
pub mod audit;
pub mod blocked;
pub mod blocking;
pub mod break_glass;
pub mod content;
pub mod drafts;
pub mod engine;
pub mod events;
pub mod fingerprint;
pub mod gate;
pub mod identity;
pub mod instance_key;
pub mod lacks;
pub mod ledger;
pub mod memory;
pub mod origin;
pub mod packing;
pub mod plugins;
pub mod pull;
pub mod rejudge;
pub mod reports;
pub mod reread;
pub mod reused;
pub mod scan;
pub mod scans;
pub mod snapshots;
pub mod tally;
#[cfg(any(test, feature = "testkit"))]
#[allow(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "only tests ask for it"
)]
pub mod testkit;
pub mod trace;
