//! What is wrong with a file of a feed that arrived or lies here, whoever made it.

use std::io;
use std::path::PathBuf;

use sluicegate_scanner::feeds::FeedError;
use zip::result::ZipError;

/// Says why a file cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum Broken {
    /// It cannot be opened.
    #[error("it cannot be opened: {0}")]
    Open(#[source] io::Error),
    /// It cannot be read.
    #[error("it cannot be read: {0}")]
    Read(#[source] io::Error),
    /// This program failed.
    #[error("it could not be looked at: {0}")]
    Unseen(#[from] tokio::task::JoinError),
    /// It is no archive to its end.
    #[error("it is no whole zip: {0}")]
    Zip(#[source] ZipError),
    /// It is not packed to its end.
    #[error("it is no whole gzip file: {0}")]
    Gzip(#[source] io::Error),
    /// It is no JSON to its end.
    #[error("it is no whole JSON document: {0}")]
    Json(#[source] serde_json::Error),
    /// It begins as something else than JSON.
    #[error("it is no JSON document")]
    NotJson,
    /// It lacks what it is for.
    #[error("it holds no list of vulnerabilities")]
    NoVulnerabilities,
    /// It lists nothing.
    #[error("it names no record")]
    NoRecord,
    /// It lists nothing.
    #[error("it names no ecosystem")]
    NoEcosystem,
    /// What it names is not here.
    #[error("{path} is not there", path = .0.display())]
    Missing(PathBuf),
    /// Its records cannot be read.
    #[error(transparent)]
    Feed(#[from] FeedError),
    /// Some of its records cannot be read.
    #[error("{0} damaged records")]
    Records(u64),
    /// It has more than one of its kind may.
    #[error("more than {most} bytes of records")]
    Long {
        /// The limit.
        most: u64,
    },
    /// It is another record, or none.
    #[error("it is no record of this id")]
    OtherRecord,
    /// It is no knowledge file of its kind.
    #[error("it cannot be used: {0}")]
    Knowledge(#[source] Box<dyn std::error::Error + Send + Sync>),
    /// It is no list of plugins.
    #[error("{0}")]
    List(String),
    /// It is not what was signed.
    #[error("its content is not what was signed")]
    Unsigned,
    /// It is not where a feed has anything.
    #[error("it is no path of a feed")]
    Placeless,
    /// It is not as long as what was signed.
    #[error("it has {got} bytes, and {signed} were signed")]
    Length {
        /// Its length in bytes.
        got: u64,
        /// That of what was signed.
        signed: u64,
    },
}
