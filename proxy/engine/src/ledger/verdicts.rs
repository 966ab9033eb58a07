//! Verdicts: one per scope and manifest, each replaced only by whoever knew it.

use async_trait::async_trait;
use jiff::Timestamp;
use sluicegate_model::verdict::Verdict;
use sluicegate_model::{Digest, Scope, Sighting, Tag};

use super::error::LedgerError;
use super::known::Known;
use super::replacement::{Replacement, Stamp};

/// A verdict's place in a walk over all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Judged {
    /// The manifest.
    pub digest: Digest,
    /// Where it was judged, and for whom.
    pub scope: Scope,
}

impl Judged {
    /// Names the image, by whose word it was judged.
    pub fn image(&self) -> Sighting {
        self.scope.sighting(&self.digest)
    }
}

/// A part of the walk.
#[derive(Clone, Debug)]
pub struct JudgedPage {
    /// The verdicts, by digest and then scope.
    pub items: Vec<Judged>,
    /// What to give as `after` for the next part; none on the last one.
    pub next: Option<Judged>,
}

/// The verdicts.
#[async_trait]
pub trait Verdicts: Send + Sync {
    /// Gives the verdict on a manifest in a scope as [`Self::replace_verdicts`] wants it.
    async fn known_verdict(&self, scope: &Scope, digest: &Digest) -> Result<Known, LedgerError>;

    /// Replaces verdicts, all of them together with their events; durable on return.
    ///
    /// *Shape*: one answer each, in order: whether it was written. It is not where the verdict
    /// that it was to replace is not there any more, or rests on a later basis. No two are on the same image and scope.
    async fn replace_verdicts(
        &self,
        replacements: Vec<Replacement>,
    ) -> Result<Vec<bool>, LedgerError>;

    /// Gives the verdict on a manifest in a scope; a damaged one is none.
    async fn verdict(&self, scope: &Scope, digest: &Digest)
    -> Result<Option<Verdict>, LedgerError>;

    /// Tells how many bytes the text of a verdict has, without reading it; none where there is none.
    async fn verdict_bytes(
        &self,
        scope: &Scope,
        digest: &Digest,
    ) -> Result<Option<u64>, LedgerError>;

    /// Gives by what and when verdicts were made, without reading their texts: none where there is no
    /// verdict, or one of an earlier form.
    async fn stamps(&self, judged: &[Judged]) -> Result<Vec<Option<Stamp>>, LedgerError>;

    /// Forgets verdicts, those that are there; durable on return. Nothing is told of it, and it is
    /// recorded where what was said of the images was taken back at some time.
    async fn remove_verdicts(
        &self,
        gone: &[Judged],
        withdrawn: Option<Timestamp>,
    ) -> Result<(), LedgerError>;

    /// Names the scopes in which there is a verdict on a manifest, that of the newest first, without
    /// reading the verdicts.
    async fn judged_in(&self, digest: &Digest) -> Result<Vec<Scope>, LedgerError>;

    /// Names judged images, at most `limit` verdicts, after the part before's `next`.
    async fn judged(&self, after: Option<&Judged>, limit: usize)
    -> Result<JudgedPage, LedgerError>;

    /// Counts the verdicts.
    async fn count_verdicts(&self) -> Result<u64, LedgerError>;

    /// Gives the verdicts on a manifest in every scope, newest first.
    async fn verdicts_of(&self, digest: &Digest) -> Result<Vec<Verdict>, LedgerError> {
        let mut found = Vec::new();
        for scope in self.judged_in(digest).await? {
            found.extend(self.verdict(&scope, digest).await?);
        }
        Ok(found)
    }

    /// Adds a tag to a verdict, and gives it with all its tags; none where there is no verdict.
    async fn add_tag(
        &self,
        scope: &Scope,
        digest: &Digest,
        tag: &Tag,
    ) -> Result<Option<Verdict>, LedgerError> {
        loop {
            let known = self.known_verdict(scope, digest).await?;
            let Some(mut verdict) = known.verdict() else {
                return Ok(None);
            };
            if verdict.tags.contains(tag) {
                return Ok(Some(verdict));
            }
            verdict.tags.push(tag.clone());
            verdict.tags.sort();
            let tagged = Replacement::new(&mut verdict, &known)?;
            if self.replace_verdicts(vec![tagged]).await? == [true] {
                return Ok(Some(verdict));
            }
        }
    }
}
