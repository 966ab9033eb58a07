//! The steps of a pull, in their order: resolve a tag, know the manifest, download its blobs and have
//! them scanned in one job, judge, and let the gate decide what leaves.

pub mod asked;
pub mod brief;
pub(crate) mod carried;
pub mod download;
mod ends;
pub mod error;
pub mod inventories;
pub mod job;
pub mod judge;
pub(crate) mod judging;
pub mod manifests;
pub mod patience;
pub mod presence;
pub mod progress;
pub mod pulls;
pub mod releases;
pub mod remedy;
pub mod resolve;
pub mod signed;
mod slow;
pub mod stream_rules;
pub mod verdict;
pub(crate) mod waived;

#[cfg(test)]
mod golden;
