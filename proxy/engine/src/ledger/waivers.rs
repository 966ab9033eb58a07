//! What somebody let through for a while, against what policy says.

use async_trait::async_trait;
use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicegate_model::{Digest, Repository};

use super::error::LedgerError;

/// Most images that are let through at a time.
pub const MAX_WAIVERS: usize = 200;

/// One image of one repository that somebody let through.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub struct Waiver {
    /// The canonical repository.
    pub repository: Repository,
    /// The image.
    pub digest: Digest,
    /// Who did it, as lines of the log name them.
    pub by: String,
    /// Why.
    pub reason: String,
    /// When.
    pub since: Timestamp,
    /// When it ends by itself.
    pub until: Timestamp,
}

/// What is let through.
#[async_trait]
pub trait Waivers: Send + Sync {
    /// Lets an image through, in place of an earlier time for it; those that have ended by then are
    /// forgotten. Durable when it returns.
    ///
    /// *Errors*: more than [`MAX_WAIVERS`] would be in force.
    async fn let_through(&self, waiver: &Waiver) -> Result<(), LedgerError>;

    /// Lists what was let through, ended or not.
    async fn waivers(&self) -> Result<Vec<Waiver>, LedgerError>;
}
