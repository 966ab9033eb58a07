//! The analyzers that run, as one set that is built: who gets which file, and where package
//! databases are.
//!
//! It never reads an archive; `layer/walk.rs` asks it for each entry and hands it whole files. A
//! panic of an analyzer ends here, as a gap.

mod claimed;
mod claims;
mod databases;
mod fed;
mod hearing;
mod packaged;
mod reuse;
mod set;

pub(crate) use self::claimed::{ClaimedFile, EarlyDigests};
pub(crate) use self::claims::Claimants;
pub(crate) use self::databases::Databases;
pub(crate) use self::fed::FedWork;
pub use self::reuse::Kept;
pub(crate) use self::reuse::{Earlier, EarlierFind};
pub use self::set::PluginSet;
pub(crate) use self::set::analyze_pair;
