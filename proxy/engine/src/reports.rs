//! What somebody else says an image holds: kept as their word, judged as our own images are, judged
//! anew with them, and taken back with one question.
//!
//! The gate never reads it: it asks for another domain. Reading order: `Report` (what is sent),
//! [`Reports::take`], [`Reports::withdraw`].

use std::sync::Arc;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use sluicegate_model::clock::{Clock, is_to_come};
use sluicegate_model::verdict::Verdict;
use sluicegate_model::{Digest, Domain, Principal, Repository, Scope, Tag};

use crate::attest::Attester;
use crate::identity::Who;
use crate::ledger::{Judged, Ledger, LedgerError, VerdictFilter};
use crate::plugins::ActivePlugins;
use crate::pull::error::PullError;
use crate::pull::inventories::Inventories;
use crate::pull::judge::Judge;
use crate::scan::Scanned;

/// Longest report that is read, in bytes: an inventory of 100,000 packages has about 40 MB.
pub const MAX_REPORT_BYTES: usize = 64 * 1024 * 1024;
/// Bytes in memory for each byte of a report while it is read, its text included.
pub const READING_IN_MEMORY: u64 = 3;
/// The form of reports that this program writes. It reads this one and all before it.
const FORMAT: u32 = 1;
/// Longest text in a report, in bytes: no file of an image has a longer path, and nothing that is
/// compared with other texts is longer.
const MAX_TEXT_BYTES: usize = 16 * 1024;
/// Longest name of the program that read the bytes, in characters.
const MAX_READER_CHARS: usize = 200;
/// Most tags of a report.
const MAX_TAGS: usize = 64;
/// Verdicts that are taken back at a time.
const BATCH: usize = 256;

/// What somebody says an image holds, as it is sent.
#[derive(Debug, Serialize, Deserialize)]
pub struct Report {
    format: u32,
    /// The name under which it is told, as people write it.
    pub repository: String,
    /// The manifest.
    pub digest: Digest,
    /// The tags that it has.
    pub tags: Vec<Tag>,
    scanned: Scanned,
}

/// How a report begins, whatever else a later form has.
#[derive(Deserialize)]
struct Form {
    format: u32,
}

/// Says why a report is not taken.
#[derive(Debug, thiserror::Error)]
pub enum ReportError {
    /// It is in a form that this program does not know.
    #[error(
        "the report is in form {0}, and this service reads up to {FORMAT}: it was made by a newer \
         release; update the service, or use the release that it runs"
    )]
    Newer(u32),
    /// It is none.
    #[error("the body is no report of an inventory: {0}")]
    Malformed(#[from] serde_json::Error),
    /// It holds what no image holds.
    #[error("the report has a text of more than {MAX_TEXT_BYTES} bytes")]
    TextTooLong,
    /// It has too many tags.
    #[error("the report has {0} tags, at most {MAX_TAGS} are taken")]
    TooManyTags(usize),
    /// It cannot be judged or kept.
    #[error(transparent)]
    Judging(#[from] PullError),
}

impl Report {
    /// Says what a program found in an image.
    pub fn of(
        repository: String,
        digest: Digest,
        tags: Vec<Tag>,
        (scanned, scanned_by): (Scanned, &str),
    ) -> Self {
        Self {
            format: FORMAT,
            repository,
            digest,
            tags,
            scanned: Scanned {
                read_by: Some(scanned_by.to_owned()),
                ..scanned
            },
        }
    }

    /// Reads a report; takes as long as parsing it does.
    ///
    /// *Errors*: what makes it none, always the fault of whoever sent it.
    pub fn read(text: &[u8]) -> Result<Self, ReportError> {
        if longest_text(text) > MAX_TEXT_BYTES {
            return Err(ReportError::TextTooLong);
        }
        let form: Form = serde_json::from_slice(text)?;
        if form.format > FORMAT {
            return Err(ReportError::Newer(form.format));
        }
        let report: Self = serde_json::from_slice(text)?;
        if report.tags.len() > MAX_TAGS {
            return Err(ReportError::TooManyTags(report.tags.len()));
        }
        Ok(report)
    }

    /// Tells whether it was made by the analyzers and plugins of this set.
    pub fn is_made_by(&self, plugins: &ActivePlugins) -> bool {
        let reader = self.scanned.read_by.as_deref().unwrap_or_default();
        reader.ends_with(plugins.verdict_fingerprint())
    }

    /// Gives what was found, as far as anything of it can be true at this moment.
    fn scanned_before(self, now: Timestamp) -> Scanned {
        let mut scanned = self.scanned;
        if is_to_come(scanned.scanned_at, now) {
            scanned.scanned_at = now;
        }
        let reader = scanned.read_by.unwrap_or_else(|| "unknown".to_owned());
        let is_shown = |c: &char| !c.is_control();
        let reader = reader.chars().filter(is_shown).take(MAX_READER_CHARS);
        scanned.read_by = Some(reader.collect());
        scanned
    }
}

/// Finds the longest text of a JSON document, in bytes.
fn longest_text(json: &[u8]) -> usize {
    let (mut bytes, mut longest) = (json.iter(), 0);
    while bytes.by_ref().any(|byte| *byte == b'"') {
        let mut length = 0_usize;
        while let Some(byte) = bytes.next().filter(|byte| **byte != b'"') {
            length = length.saturating_add(1);
            if *byte == b'\\' {
                bytes.next();
            }
        }
        longest = longest.max(length);
    }
    longest
}

/// Takes reports, and takes them back.
#[derive(Clone)]
pub struct Reports {
    inventories: Inventories,
    judge: Judge,
    attester: Attester,
    ledger: Arc<dyn Ledger>,
    clock: Clock,
}

impl Reports {
    /// Joins the parts.
    pub(crate) fn new(
        inventories: Inventories,
        (judge, attester): (Judge, Attester),
        ledger: Arc<dyn Ledger>,
        clock: Clock,
    ) -> Self {
        Self {
            inventories,
            judge,
            attester,
            ledger,
            clock,
        }
    }

    /// Keeps what somebody says an image of a repository holds, and judges it for them. Durable on
    /// return; a verdict of very many findings comes without them.
    pub async fn take(
        &self,
        report: Report,
        repository: &Repository,
        who: &Who,
    ) -> Result<Arc<Verdict>, ReportError> {
        let domain = Principal::reporting(who.principal.as_ref());
        self.take_from(domain, report, repository, who).await
    }

    /// The same, by the word of another than whoever asks.
    pub async fn take_from(
        &self,
        domain: Domain,
        report: Report,
        repository: &Repository,
        who: &Who,
    ) -> Result<Arc<Verdict>, ReportError> {
        // Under several nobody knows which one is meant.
        let tag = match &*report.tags {
            [tag] => Some(tag),
            _ => None,
        };
        let scope = Scope {
            domain,
            ..self.judge.scope(repository, who, tag)
        };
        let (digest, tags) = (report.digest.clone(), report.tags.clone());
        let scanned = report.scanned_before(self.clock.now());
        let held = self
            .inventories
            .keep_said(&scope.sighting(&digest), scanned)
            .await?;
        Ok(self.judge.judge(&scope, &digest, &tags, held).await?)
    }

    /// Forgets all verdicts on what somebody said, and what they said, in one repository or in all;
    /// gives how many verdicts those were. Durable on return.
    pub async fn withdraw(
        &self,
        reported_by: &str,
        repository: Option<&Repository>,
    ) -> Result<u64, LedgerError> {
        let filter = VerdictFilter {
            reported_by: Some(reported_by.to_owned()),
            repository: repository.cloned(),
            ..VerdictFilter::default()
        };
        let mut count = 0_u64;
        loop {
            let page = self.ledger.list_summaries(&filter, BATCH, None).await?;
            let gone = page.items.iter().map(|summary| Judged {
                digest: summary.digest.clone(),
                scope: summary.scope(),
            });
            let gone: Vec<Judged> = gone.collect();
            if gone.is_empty() {
                return Ok(count);
            }
            let now = self.clock.now();
            self.ledger.remove_verdicts(&gone, Some(now)).await?;
            self.attester.forget(&gone).await;
            for judged in &gone {
                self.inventories.forget_said(&judged.image()).await;
            }
            count = count.saturating_add(gone.len() as u64);
        }
    }
}

#[cfg(test)]
mod tests;
