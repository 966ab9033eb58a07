//! What Sluicegate does with a pull, apart from what it runs on.
//!
//! It reaches the world through ports, small traits in its own words; nothing here names an engine
//! of a store, HTTP or a path.

pub mod events;
pub mod fingerprint;
