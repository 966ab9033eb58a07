//! Which packages an image holds, so that images are found by a name and a version.
//!
//! An image's packages are listed under a number, which is given up where other analyzers look at
//! the image anew: what is kept under it then says nothing any more.

use async_trait::async_trait;
use sluicegate_engine::ledger::term::Term;
use sluicegate_engine::ledger::{Holder, LedgerError, Packages};
use sluicegate_model::Sighting;

use super::keys;
use super::records::Records;
use super::rows::{self, ImageRow};

/// By what images are listed: raised with the names that are listed of one, which lists all anew.
const LISTING: &str = "listing 2";

#[async_trait]
impl Packages for Records {
    async fn lists_packages(&self, image: &Sighting) -> Result<bool, LedgerError> {
        let row: Option<ImageRow> = self.row(&keys::image(image)).await?;
        let now = analyzers(self.plugins.now().fingerprint());
        Ok(row.is_some_and(|row| row.analyzers == now))
    }

    async fn images_with(
        &self,
        name: &str,
        version: Option<&str>,
        from: u32,
        limit: usize,
    ) -> Result<Vec<Holder>, LedgerError> {
        self.whole_index().await?;
        let installed = match version {
            Some(version) => Term::installed_as(name, version),
            None => Term::installed(name),
        };
        let numbers = self.index.numbers(&self.store, installed).await?;
        let mut numbers = self.index.listed(numbers);
        numbers.retain(|number| *number >= from);
        numbers.truncate(limit);
        let keys: Vec<_> = numbers
            .iter()
            .map(|number| keys::numbered_image(*number))
            .collect();
        let images = self.store.get_many(&keys).await?;
        let holder = |(number, image): (u32, Option<bytes::Bytes>)| {
            let image = rows::read_image(&image?)?;
            Some(Holder { image, number })
        };
        Ok(numbers.into_iter().zip(images).filter_map(holder).collect())
    }

    async fn unlisted(&self) -> Result<u64, LedgerError> {
        self.whole_index().await?;
        Ok(self.index.counts().1)
    }
}

/// Names the plugins that found an image's packages, and by what they are listed.
pub(super) fn analyzers(fingerprint: &str) -> u32 {
    let names = [fingerprint, LISTING];
    crc32fast::hash(names.join(" ").as_bytes())
}
