//! The steps of a pull, in their order: resolve a tag, know the manifest, download and scan its
//! blobs in one job, judge, and let the gate decide what leaves.

pub mod asked;
pub mod brief;
pub mod download;
pub mod error;
pub mod job;
pub mod judge;
pub mod layer_facts;
pub mod manifests;
pub mod memory;
pub mod patience;
pub mod presence;
pub mod progress;
pub mod pulls;
pub mod releases;
pub mod resolve;
pub mod scan_time;
mod slow;
pub mod stream_rules;
pub mod verdict;

#[cfg(test)]
mod golden;
