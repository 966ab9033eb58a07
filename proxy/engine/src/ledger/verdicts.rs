//! Verdicts: one per repository and manifest, each replaced only by whoever knew it.

use async_trait::async_trait;
use sluicegate_model::verdict::Verdict;
use sluicegate_model::{Digest, Repository, Tag};

use super::error::LedgerError;
use super::replacement::{Known, Replacement};

/// A verdict's place in a walk over all.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Judged {
    /// The manifest.
    pub digest: Digest,
    /// The repository in which it was judged.
    pub repository: Repository,
}

/// A part of the walk.
#[derive(Clone, Debug)]
pub struct JudgedPage {
    /// The verdicts, by digest and then repository.
    pub items: Vec<Judged>,
    /// What to give as `after` for the next part; none on the last one.
    pub next: Option<Judged>,
}

/// The verdicts.
#[async_trait]
pub trait Verdicts: Send + Sync {
    /// Gives the verdict on a manifest in a repository as [`Self::replace_verdicts`] wants it.
    async fn known_verdict(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Known, LedgerError>;

    /// Replaces verdicts, all of them together with their events; durable on return.
    ///
    /// *Shape*: one answer each, in order: whether it was written. It is not where the verdict
    /// that it was to replace is not there any more. No two are on the same image and repository.
    async fn replace_verdicts(
        &self,
        replacements: Vec<Replacement>,
    ) -> Result<Vec<bool>, LedgerError>;

    /// Gives the verdict on a manifest in a repository; a damaged one is none.
    async fn verdict(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<Verdict>, LedgerError>;

    /// Tells how many bytes the text of a verdict has, without reading it; none where there is none.
    async fn verdict_bytes(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<u64>, LedgerError>;

    /// Names the repositories in which there is a verdict on a manifest, that of the newest first,
    /// without reading the verdicts.
    async fn judged_in(&self, digest: &Digest) -> Result<Vec<Repository>, LedgerError>;

    /// Names judged images, at most `limit` verdicts, after the part before's `next`.
    async fn judged(&self, after: Option<&Judged>, limit: usize)
    -> Result<JudgedPage, LedgerError>;

    /// Counts the verdicts.
    async fn count_verdicts(&self) -> Result<u64, LedgerError>;

    /// Gives the verdicts on a manifest in every repository, newest first.
    async fn verdicts_of(&self, digest: &Digest) -> Result<Vec<Verdict>, LedgerError> {
        let mut found = Vec::new();
        for repository in self.judged_in(digest).await? {
            found.extend(self.verdict(&repository, digest).await?);
        }
        Ok(found)
    }

    /// Adds a tag to a verdict, and gives it with all its tags; none where there is no verdict.
    async fn add_tag(
        &self,
        repository: &Repository,
        digest: &Digest,
        tag: &Tag,
    ) -> Result<Option<Verdict>, LedgerError> {
        loop {
            let known = self.known_verdict(repository, digest).await?;
            let Some(mut verdict) = known.verdict.clone() else {
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
