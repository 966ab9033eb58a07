//! What the engine has written for it to sign and attach: in the field's formats.

use std::io;
use std::sync::Arc;

use sluicegate_engine::attest::{Bill, JudgedIndex, Statement, Writes};
use sluicegate_feeds::Feeds;
use sluicegate_formats::attestation::{IndexedImage, Predicate, index_statement, statement};
use sluicegate_formats::{self as formats, Format};
use sluicegate_model::inventory::Inventory;
use sluicegate_model::verdict::Verdict;

/// The bills of materials that are attached.
const BILLS: [(Format, &str); 2] = [
    (Format::Cyclonedx, "application/vnd.cyclonedx+json"),
    (Format::Spdx, "application/spdx+json"),
];

/// Writes them, with archives named as the feeds in force name them.
#[derive(Clone)]
pub(crate) struct Documents(Arc<Feeds>);

impl Documents {
    /// Takes the feeds.
    pub(crate) fn new(feeds: Arc<Feeds>) -> Self {
        Self(feeds)
    }
}

impl std::fmt::Debug for Documents {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Documents").finish_non_exhaustive()
    }
}

impl Writes for Documents {
    fn statements(&self, verdict: &Verdict) -> io::Result<Vec<Statement>> {
        let written = |predicate: Predicate| {
            Ok(Statement {
                predicate: predicate.uri(),
                text: statement(predicate, verdict)?,
            })
        };
        Predicate::ALL.into_iter().map(written).collect()
    }

    fn of_index(&self, index: &JudgedIndex) -> io::Result<Vec<Statement>> {
        let images = index.images.iter().map(|image| IndexedImage {
            verdict: &image.verdict,
            attestations: &image.attestations,
        });
        let images: Vec<IndexedImage<'_>> = images.collect();
        let text = index_statement(&index.digest, &images, &index.unjudged)?;
        let statement = text.map(|text| Statement {
            predicate: Predicate::VerificationSummary.uri(),
            text,
        });
        Ok(statement.into_iter().collect())
    }

    fn bills(&self, verdict: &Verdict, inventory: &Inventory) -> io::Result<Vec<Bill>> {
        let index = Arc::clone(&self.0.current().index);
        let inventory = sluicegate_scanner::with_archives_named(inventory, &index);
        let written = |(format, media_type): (Format, &'static str)| {
            let mut text = Vec::new();
            formats::write(format, verdict, &inventory, &mut text)?;
            Ok(Bill { media_type, text })
        };
        BILLS.into_iter().map(written).collect()
    }
}
