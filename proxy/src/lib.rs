//! Sluicegate: a pull-through OCI registry proxy that scans on pull.

pub mod cache;
pub mod decisions;
pub mod http;
pub mod upstream;
pub mod verdicts;
