//! What is known about an image to the verdict on it in one repository.
//!
//! A verdict is used only while its policy set, its feed snapshot and the analyzers are still the
//! current ones and its `valid_until` has not passed; otherwise it is made again from the stored
//! inventory, in milliseconds. Without an inventory there is no verdict, and never an allowance.

use std::sync::Arc;

use jiff::SignedDuration;
use moka::sync::Cache;
use sluicegate_model::coverage::GapKind;
use sluicegate_model::image::Tag;
use sluicegate_model::verdict::{Provenance, Verdict};
use sluicegate_model::{Digest, Repository};
use sluicegate_policy::{PolicySet, Subject};

use super::error::PullError;
use super::job::{Jobs, Scanned};
use crate::clock::Clock;
use crate::feeds::{FeedState, Feeds};
use crate::metrics::Metrics;
use crate::policies::Policies;
use crate::verdicts::Records;

/// Verdicts kept in memory. One is some KiB, with many findings some 100 KiB.
const MEMORY_VERDICTS: u64 = 2_000;
/// Findings whose verdicts are kept in memory, in all: each is about half a KiB.
const MEMORY_FINDINGS: u64 = 20_000;

/// How long a verdict stands on a scan that the time or the disk of this machine cut short.
const SCAN_AGAIN_AFTER: SignedDuration = SignedDuration::from_mins(5);

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
}

#[derive(Clone)]
struct Warm {
    verdict: Arc<Verdict>,
    epoch: Epoch,
}

/// Which policy set and feed snapshot were current.
#[derive(Clone, Copy, PartialEq, Eq)]
struct Epoch {
    policies: u64,
    feeds: u64,
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
        }
    }

    /// Gives the verdict if it is in memory and current: no disk, no waiting.
    pub fn warm(&self, repository: &Repository, digest: &Digest) -> Option<Arc<Verdict>> {
        let warm = self.warm.get(&(repository.clone(), digest.clone()))?;
        let current = warm.epoch == self.epoch() && self.is_valid(&warm.verdict);
        current.then_some(warm.verdict)
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
        let epoch = self.epoch();
        let stored = self.records.verdict(repository, digest).await?;
        if let Some(stored) = &stored
            && self.is_current(repository, stored)
        {
            return Ok(Some(self.keep(epoch, stored.clone())));
        }
        let Some(scanned) = self.jobs.remembered(digest).await else {
            return Ok(None);
        };
        let tags = stored.map(|verdict| verdict.tags).unwrap_or_default();
        self.judge(repository, digest, tags, &scanned)
            .await
            .map(Some)
    }

    /// Decides on a scanned image and stores the verdict. Durable when it returns.
    pub async fn judge(
        &self,
        repository: &Repository,
        digest: &Digest,
        tags: Vec<Tag>,
        scanned: &Arc<Scanned>,
    ) -> Result<Arc<Verdict>, PullError> {
        self.feeds.first_load().await;
        let epoch = self.epoch();
        let (policies, feeds) = (self.policies.current(), self.feeds.current());
        self.feeds.want(&scanned.inventory, &feeds.index);
        let image = Image {
            repository: repository.clone(),
            digest: digest.clone(),
            tags,
        };
        let (scanned, now) = (Arc::clone(scanned), self.clock.now());
        let decide = move || verdict(image, &scanned, &policies, &feeds, now);
        let verdict = tokio::task::spawn_blocking(decide)
            .await
            .map_err(|panic| PullError::Storage(format!("matching failed: {panic}")))?;
        self.records.put_verdict(&verdict).await?;
        tracing::info!(%repository, %digest, decision = %verdict.decision,
            findings = verdict.findings.len(), coverage = ?verdict.coverage.status,
            scan_ms = verdict.provenance.scan_ms, "pull judged");
        Ok(self.keep(epoch, verdict))
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
        let epoch = self.epoch();
        let mut tagged = Verdict::clone(verdict);
        tagged.tags.push(tag.clone());
        tagged.tags.sort();
        self.records.put_verdict(&tagged).await?;
        self.keep(epoch, tagged);
        Ok(())
    }

    /// Counts a scan that has just ended, in milliseconds.
    pub fn observe_scan(&self, scan_ms: u64) {
        self.metrics.observe_scan(scan_ms as f64 / 1_000.0);
    }

    fn keep(&self, epoch: Epoch, verdict: Verdict) -> Arc<Verdict> {
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

    fn epoch(&self) -> Epoch {
        Epoch {
            policies: self.policies.revision(),
            feeds: self.feeds.current().revision,
        }
    }

    fn is_current(&self, repository: &Repository, verdict: &Verdict) -> bool {
        verdict.policy.digest == self.policies.current().digest_for(repository)
            && verdict.provenance.feeds == self.feeds.current().index.snapshot()
            && verdict.provenance.scanner == scanner_name()
            && self.is_valid(verdict)
    }

    fn is_valid(&self, verdict: &Verdict) -> bool {
        verdict
            .valid_until
            .is_none_or(|until| self.clock.now() < until)
    }
}

/// Which image a verdict is on.
pub(crate) struct Image {
    /// The canonical repository.
    pub(crate) repository: Repository,
    /// The manifest's digest.
    pub(crate) digest: Digest,
    /// The tags it is known by.
    pub(crate) tags: Vec<Tag>,
}

/// Holds what was scanned against feeds and policies.
pub(crate) fn verdict(
    image: Image,
    scanned: &Scanned,
    policies: &PolicySet,
    feeds: &FeedState,
    now: jiff::Timestamp,
) -> Verdict {
    let report = sluicegate_scanner::judge(&scanned.inventory, &feeds.index, now);
    let subject = Subject {
        repository: &image.repository,
        content: scanned.content,
    };
    let outcome = sluicegate_policy::decide(policies, &subject, &report, &feeds.standing, now);
    let mut gaps = report.coverage.gaps.iter();
    let was_interrupted = gaps.any(|gap| gap.kind == GapKind::Interrupted);
    let again = was_interrupted.then(|| now + SCAN_AGAIN_AFTER);
    Verdict {
        digest: image.digest,
        repository: image.repository,
        tags: image.tags,
        platform: report.platform,
        decision: outcome.decision,
        policy: outcome.policy,
        valid_until: [outcome.valid_until, report.valid_until, again]
            .into_iter()
            .flatten()
            .min(),
        reasons: outcome.reasons,
        findings: outcome.findings,
        coverage: report.coverage,
        distro: report.distro,
        packages: report.packages,
        provenance: Provenance {
            scanner: scanner_name(),
            feeds: report.feeds,
            feed_time: report.feed_time,
            scanned_at: scanned.scanned_at,
            decided_at: now,
            scan_ms: scanned.scan_ms,
        },
    }
}

/// Names this program, its version and its analyzers, as verdicts cite them.
pub fn scanner_name() -> String {
    format!(
        "sluicegate/{} {}",
        env!("CARGO_PKG_VERSION"),
        sluicegate_scanner::fingerprint()
    )
}
