//! Sluicegate: a pull-through OCI registry proxy that scans on pull.

pub mod upstream;
