//! Which images hold a package.

use async_trait::async_trait;
use sluicegate_model::Sighting;

use super::error::LedgerError;

/// An image that holds a package, and its place in the list of all.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Holder {
    /// The manifest, and by whose word.
    pub image: Sighting,
    /// What to give as `from` to begin with it.
    pub number: u32,
}

/// Images by what they hold.
#[async_trait]
pub trait Packages: Send + Sync {
    /// Tells whether the packages of an image are listed, as the analyzers see them now.
    async fn lists_packages(&self, image: &Sighting) -> Result<bool, LedgerError>;

    /// Names images that hold a package of this name, in any letter case, and version where one is
    /// given; at most `limit`, from the number `from` on, in the order in which they were listed.
    async fn images_with(
        &self,
        name: &str,
        version: Option<&str>,
        from: u32,
        limit: usize,
    ) -> Result<Vec<Holder>, LedgerError>;

    /// Counts the verdicts on images whose packages are not listed: what they hold is not known
    /// until they are judged the next time.
    async fn unlisted(&self) -> Result<u64, LedgerError>;
}
