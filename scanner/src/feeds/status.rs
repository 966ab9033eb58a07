//! What is told of a build and of an index, to people.

use serde::{Deserialize, Serialize};

/// How far a build has come.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct BuildProgress {
    /// The folder that is being read, such as `Debian:12`.
    pub ecosystem: String,
    /// Which archive this is, from 1.
    pub archive: usize,
    /// How many archives there are.
    pub archives: usize,
    /// Records read from this archive so far.
    pub records: u64,
    /// Records this archive says it has.
    pub records_expected: u64,
}

/// One ecosystem of an index.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct EcosystemStatus {
    /// The name with its suffix, such as `Debian:12`.
    pub name: String,
    /// Records in force that speak of it.
    pub records: u64,
    /// The newest `modified` or `published` of those records that is not in the future.
    pub newest: Option<jiff::Timestamp>,
    /// The same of those that speak of no later release of the family: a record on several is
    /// changed for the sake of the latest one.
    pub newest_own: Option<jiff::Timestamp>,
    /// Records in force that state no severity for any of its packages.
    pub without_severity: u64,
    /// Records of its folder that could not be read in full.
    pub problems: u64,
}

/// A record, or a whole file, that could not be read in full.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct FeedProblem {
    /// The folder it is in.
    pub ecosystem: String,
    /// The record's file name; none where it concerns the whole folder.
    pub record: Option<String>,
    /// One line for a person.
    pub reason: String,
}
