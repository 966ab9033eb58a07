//! What is known about an image to the verdict on it in one repository.
//!
//! A verdict is used only while its policy set, its feed snapshot and the analyzers are still the
//! current ones and its `valid_until` has not passed; otherwise it is made again from the stored
//! inventory, in milliseconds. Without an inventory there is no verdict, and never an allowance.

use std::collections::BTreeSet;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use jiff::Timestamp;
use moka::sync::Cache;
use sluicegate_model::image::Tag;
use sluicegate_model::verdict::Verdict;
use sluicegate_model::{Digest, Repository};
use sluicegate_policy::PolicySet;

use super::error::PullError;
use super::job::{Jobs, Scanned};
use super::verdict::{Image, scanner_name, verdict};
use crate::clock::{Clock, is_to_come};
use crate::events::difference;
use crate::feeds::{FeedState, Feeds};
use crate::metrics::Metrics;
use crate::policies::Policies;
use crate::verdicts::{Known, Records, Replacement, StoreError};

/// Verdicts kept in memory. One is some KiB, with many findings some 100 KiB.
const MEMORY_VERDICTS: u64 = 2_000;
/// Findings whose verdicts are kept in memory, in all: each is about half a KiB.
const MEMORY_FINDINGS: u64 = 20_000;

/// Makes verdicts and keeps the current ones warm.
#[derive(Clone)]
pub struct Judge {
    warm: Cache<(Repository, Digest), Warm>,
    jobs: Jobs,
    policies: Arc<Policies>,
    feeds: Arc<Feeds>,
    records: Records,
    clock: Clock,
    metrics: Metrics,
    ends: Arc<Mutex<Ends>>,
}

/// When verdicts end by themselves, as far as is known.
#[derive(Default)]
struct Ends {
    /// The earliest instant at which one does.
    due: Option<Timestamp>,
    /// The latest instant at which one was made: where the clock is behind it, it jumped back.
    latest: Option<Timestamp>,
}

#[derive(Clone)]
struct Warm {
    verdict: Arc<Verdict>,
    epoch: Epoch,
}

/// Which policy set and feed snapshot were current.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Epoch {
    policies: u64,
    feeds: u64,
}

/// What verdicts rest on at one moment.
#[derive(Clone)]
pub(crate) struct Basis {
    epoch: Epoch,
    policies: Arc<PolicySet>,
    feeds: Arc<FeedState>,
    now: Timestamp,
}

impl Basis {
    /// Tells whether a verdict is what would be decided now.
    pub(crate) fn is_of(&self, verdict: &Verdict) -> bool {
        is_valid(verdict, self.now)
            && verdict.policy.digest == self.policies.digest_for(&verdict.repository)
            && verdict.provenance.feeds == self.feeds.index.snapshot()
            && verdict.provenance.scanner == scanner_name()
    }

    /// Decides on a scanned image, and makes the decision ready to replace what is known; with the
    /// marks of its packages where they are not kept yet.
    pub(crate) fn judge(
        &self,
        repository: &Repository,
        digest: &Digest,
        known: &Known,
        tags: &[Tag],
        scanned: &Scanned,
        has_marks: bool,
    ) -> Result<(Verdict, Replacement), StoreError> {
        let earlier = known.verdict.iter().flat_map(|verdict| &verdict.tags);
        let tags: BTreeSet<Tag> = earlier.chain(tags).cloned().collect();
        let image = Image {
            repository: repository.clone(),
            digest: digest.clone(),
            tags: tags.into_iter().collect(),
        };
        let verdict = verdict(image, scanned, &self.policies, &self.feeds, self.now);
        let earlier = known.verdict.as_ref();
        let change = earlier.and_then(|earlier| difference(earlier, &verdict));
        let mut replacement = Replacement::new(&verdict, known)?.told_as(change);
        if !has_marks {
            replacement = replacement.listing(&scanned.inventory)?;
        }
        Ok((verdict, replacement))
    }
}

impl Judge {
    /// Joins the parts that a verdict rests on.
    pub fn new(
        jobs: Jobs,
        policies: Arc<Policies>,
        feeds: Arc<Feeds>,
        records: Records,
        clock: Clock,
        metrics: Metrics,
    ) -> Self {
        let warm = Cache::builder()
            .max_capacity(MEMORY_FINDINGS)
            .weigher(|_, warm: &Warm| {
                let share = MEMORY_FINDINGS / MEMORY_VERDICTS;
                let weight = warm.verdict.findings.len() as u64 + share;
                u32::try_from(weight).unwrap_or(u32::MAX)
            })
            .build();
        Self {
            warm,
            jobs,
            policies,
            feeds,
            records,
            clock,
            metrics,
            ends: Arc::default(),
        }
    }

    /// Gives the verdict if it is in memory and current: no disk, no waiting.
    pub fn warm(&self, repository: &Repository, digest: &Digest) -> Option<Arc<Verdict>> {
        let warm = self.warm.get(&(repository.clone(), digest.clone()))?;
        let is_valid = is_valid(&warm.verdict, self.clock.now());
        (warm.epoch == self.epoch() && is_valid).then_some(warm.verdict)
    }

    /// Gives the current verdict, made again where it has to be; none where the image's bytes
    /// have to be read first.
    pub async fn current(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<Arc<Verdict>>, PullError> {
        if let Some(verdict) = self.warm(repository, digest) {
            return Ok(Some(verdict));
        }
        let basis = self.basis();
        let known = self.records.known_verdict(repository, digest).await?;
        if let Some(stored) = &known.verdict
            && basis.is_of(stored)
        {
            return Ok(Some(self.keep(basis.epoch, stored.clone())));
        }
        let Some(scanned) = self.jobs.remembered(digest).await else {
            return Ok(None);
        };
        self.judge_over(known, repository, digest, &[], &scanned)
            .await
            .map(Some)
    }

    /// Decides on a scanned image and stores the verdict, with the tags that are known and these.
    /// Durable when it returns.
    pub async fn judge(
        &self,
        repository: &Repository,
        digest: &Digest,
        tags: &[Tag],
        scanned: &Arc<Scanned>,
    ) -> Result<Arc<Verdict>, PullError> {
        let known = self.records.known_verdict(repository, digest).await?;
        self.judge_over(known, repository, digest, tags, scanned)
            .await
    }

    /// Decides where `known` is what is stored so far.
    async fn judge_over(
        &self,
        mut known: Known,
        repository: &Repository,
        digest: &Digest,
        tags: &[Tag],
        scanned: &Arc<Scanned>,
    ) -> Result<Arc<Verdict>, PullError> {
        self.feeds.first_load().await;
        loop {
            let basis = self.basis();
            self.want(&basis, scanned);
            let has_marks = self.records.has_marks(digest).await?;
            let epoch = basis.epoch;
            let (image, tags) = ((repository.clone(), digest.clone()), tags.to_vec());
            let scanned = Arc::clone(scanned);
            let decide =
                move || basis.judge(&image.0, &image.1, &known, &tags, &scanned, has_marks);
            let (verdict, replacement) = tokio::task::spawn_blocking(decide)
                .await
                .map_err(|panic| PullError::Storage(format!("matching failed: {panic}")))??;
            // Where the background pass or another request was quicker: once more.
            if self.records.replace_verdicts(vec![replacement]).await? == [true] {
                tracing::info!(%repository, %digest, decision = %verdict.decision,
                    findings = verdict.findings.len(), coverage = ?verdict.coverage.status,
                    scan_ms = verdict.provenance.scan_ms, "pull judged");
                return Ok(self.keep(epoch, verdict));
            }
            known = self.records.known_verdict(repository, digest).await?;
        }
    }

    /// Gives what verdicts rest on now.
    pub(crate) fn basis(&self) -> Basis {
        // First, so that what is swapped meanwhile makes the verdict old rather than wrong.
        let epoch = self.epoch();
        Basis {
            epoch,
            policies: self.policies.current(),
            feeds: self.feeds.current(),
            now: self.clock.now(),
        }
    }

    /// Asks for the feeds that an image needs and the snapshot lacks.
    pub(crate) fn want(&self, basis: &Basis, scanned: &Scanned) {
        self.feeds.want(&scanned.inventory, &basis.feeds.index);
    }

    /// Gives what a scan found in an image, while it is kept and the analyzers are the same.
    pub async fn scanned(&self, digest: &Digest) -> Option<Arc<Scanned>> {
        self.jobs.remembered(digest).await
    }

    /// Adds a tag under which the image was pulled to its verdict.
    pub async fn note_tag(&self, verdict: &Arc<Verdict>, tag: &Tag) -> Result<(), PullError> {
        if verdict.tags.contains(tag) {
            return Ok(());
        }
        let basis = self.basis();
        let (repository, digest) = (&verdict.repository, &verdict.digest);
        let tagged = self.records.add_tag(repository, digest, tag).await?;
        if let Some(tagged) = tagged.filter(|tagged| basis.is_of(tagged)) {
            self.keep(basis.epoch, tagged);
        }
        Ok(())
    }

    /// Counts a scan that has just ended, in milliseconds.
    pub fn observe_scan(&self, scan_ms: u64) {
        self.metrics.observe_scan(scan_ms as f64 / 1_000.0);
    }

    /// Tells whether a verdict has ended by itself since it was last asked, as far as is known.
    pub(crate) fn is_due(&self) -> bool {
        let (ends, now) = (self.ends(), self.clock.now());
        ends.due.is_some_and(|due| due <= now)
            || ends.latest.is_some_and(|latest| is_to_come(latest, now))
    }

    /// Forgets when verdicts end; whoever does looks at every one of them next.
    pub(crate) fn forget_due(&self) {
        *self.ends() = Ends::default();
    }

    /// Remembers when a verdict was made and when it ends by itself.
    pub(crate) fn note_end(&self, decided_at: Timestamp, valid_until: Option<Timestamp>) {
        let mut ends = self.ends();
        ends.due = ends.due.into_iter().chain(valid_until).min();
        ends.latest = ends.latest.max(Some(decided_at));
    }

    fn ends(&self) -> MutexGuard<'_, Ends> {
        self.ends.lock().unwrap_or_else(PoisonError::into_inner)
    }

    fn keep(&self, epoch: Epoch, verdict: Verdict) -> Arc<Verdict> {
        self.note_end(verdict.provenance.decided_at, verdict.valid_until);
        let verdict = Arc::new(verdict);
        let key = (verdict.repository.clone(), verdict.digest.clone());
        self.warm.insert(
            key,
            Warm {
                verdict: Arc::clone(&verdict),
                epoch,
            },
        );
        verdict
    }

    /// Tells which policy set and feed snapshot are current.
    pub(crate) fn epoch(&self) -> Epoch {
        Epoch {
            policies: self.policies.revision(),
            feeds: self.feeds.current().revision,
        }
    }
}

/// Tells whether a verdict has not ended by itself, and none of its times is still to come.
fn is_valid(verdict: &Verdict, now: Timestamp) -> bool {
    let made = &verdict.provenance;
    verdict.valid_until.is_none_or(|until| now < until)
        && !is_to_come(made.decided_at, now)
        && !is_to_come(made.scanned_at, now)
}

#[cfg(test)]
mod tests;
