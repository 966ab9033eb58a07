//! Who pulled images: what the log of pulls comes to for each, so that it can be asked of many images at
//! once.
//!
//! The log is what is true. Whoever keeps this makes it of the log alone, and anew where it does not
//! fit it.

use async_trait::async_trait;
use jiff::Timestamp;
use sluicegate_model::{Digest, Repository};

use super::error::LedgerError;

/// Most clients that are named for one image.
pub const MAX_PULLERS: usize = 20;

/// Who pulled an image, or an index that lists it in the same repository.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Pulled {
    /// The first pull that was given; none where none was.
    pub first: Option<PulledOnce>,
    /// The last one.
    pub last: Option<PulledOnce>,
    /// How many pulls were given. One that left before its verdict counts once that allows it.
    pub pulls: u64,
    /// How many were refused, also where another image was given in its place.
    pub refused: u64,
    /// Those whom it was given, who pulled last first; at most [`MAX_PULLERS`].
    pub clients: Vec<PullingClient>,
    /// How many others there are, up to some hundreds.
    pub others: u64,
}

/// A pull.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PulledOnce {
    /// When it was answered.
    pub time: Timestamp,
    /// The client's address.
    pub client: String,
    /// The access key or user, where there was one.
    pub principal: Option<String>,
    /// What the client said it is.
    pub user_agent: Option<String>,
}

/// A client that pulled: an address, and whose key it used.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct PullingClient {
    /// Its address.
    pub client: String,
    /// The access key or user, where there is one.
    pub principal: Option<String>,
    /// How many pulls it was given.
    pub pulls: u64,
    /// When it was given the last one.
    pub last: Timestamp,
}

/// What the log of pulls says of images.
#[async_trait]
pub trait PullBook: Send + Sync {
    /// Tells who pulled images, each in a repository and in the order asked, by all that is in the log
    /// when this is called; none of an image that nobody asked for.
    async fn pulled(
        &self,
        images: &[(Repository, Digest)],
    ) -> Result<Vec<Option<Pulled>>, LedgerError>;

    /// Takes in what was logged since, so that the next answer need not.
    async fn read_pulls(&self) -> Result<(), LedgerError>;
}
