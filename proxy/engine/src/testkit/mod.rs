//! Adapters in memory, and the suites that every adapter of a port passes.
#![expect(
    clippy::unwrap_used,
    clippy::indexing_slicing,
    reason = "this is for tests, which end where something is not as it must be"
)]

#[expect(missing_docs, reason = "the names of promises say what they are")]
pub mod ledger_suite;
mod memory_audit;
mod memory_ledger;

pub use memory_audit::MemoryAudit;
pub use memory_ledger::MemoryLedger;
