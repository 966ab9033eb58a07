//! Adapters in memory, and the suites that every adapter of a port passes.

pub mod audit_suite;
pub mod content;
pub mod identity_suite;
pub mod layer_scan_suite;
#[expect(missing_docs, reason = "the names of promises say what they are")]
pub mod ledger_suite;
mod memory_audit;
mod memory_content;
mod memory_identity;
mod memory_layer_scan;
mod memory_ledger;
mod memory_origin;
mod memory_snapshots;
mod no_tally;
pub mod origin_suite;
mod plain_writes;
pub mod snapshots_suite;
mod turns;

pub use memory_audit::MemoryAudit;
pub use memory_content::MemoryContent;
pub use memory_identity::MemoryIdentity;
pub use memory_layer_scan::{Conduct, MemoryLayerScan};
pub use memory_ledger::MemoryLedger;
pub use memory_origin::{Fault, Given, MemoryOrigin};
pub use memory_snapshots::MemorySnapshots;
pub use no_tally::NoTally;
pub use plain_writes::PlainWrites;
pub use turns::Turns;
