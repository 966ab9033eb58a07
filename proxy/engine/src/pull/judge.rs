//! What is known about an image to the verdict on it in one repository, for those who are judged
//! alike there.
//!
//! A verdict is used only while its policy set, its feed snapshot and the analyzers are still the
//! current ones and its `valid_until` has not passed; otherwise it is made again from the stored
//! inventory, in milliseconds. Without an inventory there is no verdict, and never an allowance.

use std::sync::atomic::{AtomicUsize, Ordering};
use std::sync::{Arc, Mutex, PoisonError, RwLock};
use std::time::Duration;

use crate::blocking;
use crate::identity::Who;
use crate::ledger::{Basis, BasisNumber, Ledger, LedgerError};
use crate::memory::{Memory, Share};
use crate::plugins::ActivePlugins;
use crate::scan::Scanned;
use crate::snapshots::{Epoch, Snapshots};
use crate::tally::Tally;
use jiff::Timestamp;
use moka::sync::Cache;
use sluicegate_model::clock::Clock;
use sluicegate_model::image::Tag;
use sluicegate_model::snapshot::SnapshotId;
use sluicegate_model::verdict::Verdict;
use sluicegate_model::{Digest, Repository, Scope, Sighting};
use sluicegate_policy::PolicySet;
use sluicegate_scanner::KnownPackages;

use super::brief::{brief, reading_bytes, weight};
use super::carried::Carried;
use super::ends::Ends;
use super::error::PullError;
use super::inventories::{Held, Inventories};
use super::job::Jobs;
use super::judging::{self, Before, Judging, Subject};
use super::signed::Signed;
use super::verdict::judging_bytes;
use super::waived::Waived;

mod again;
mod signing;
mod stored;
mod turns;

use self::signing::RestsOn;
use self::turns::{Asked, Turns};

/// Memory of verdicts that are kept for the next request, in bytes.
const WARM_BYTES: u64 = 16 * 1024 * 1024;
/// How often a verdict is made while others replace it: each time they were quicker, or what they
/// have is newer.
const ATTEMPTS: usize = 32;
/// How long whoever judges unasked waits before it looks again whether requests do, and how often.
const GLANCE: Duration = Duration::from_millis(2);
const PATIENCE: usize = 250;

/// Makes verdicts and keeps the current ones warm.
#[derive(Clone)]
pub struct Judge {
    warm: Cache<(Scope, Digest), Warm>,
    jobs: Jobs,
    inventories: Inventories,
    signed: Signed,
    memory: Memory,
    snapshots: Arc<dyn Snapshots>,
    ledger: Arc<dyn Ledger>,
    clock: Clock,
    tally: Arc<dyn Tally>,
    waived: Waived,
    ends: Ends,
    /// The basis that was in force last, with its number.
    numbered: Arc<Numbered>,
    /// Which verdicts of earlier bases count under the one in force.
    carried: Arc<RwLock<Arc<Carried>>>,
    /// How many requests judge at this moment.
    asked: Arc<AtomicUsize>,
    turns: Turns,
    /// What is known of packages, and under which snapshot.
    known: Arc<Mutex<Option<KnownUnder>>>,
}

type KnownUnder = (SnapshotId, Arc<KnownPackages>);
type Numbered = tokio::sync::Mutex<Option<(Basis, BasisNumber)>>;

#[derive(Clone)]
struct Warm {
    verdict: Arc<Verdict>,
    epoch: Epoch,
}

impl Judge {
    /// Joins the parts that a verdict rests on.
    pub(crate) fn new(
        (jobs, inventories): (Jobs, Inventories),
        signed: Signed,
        snapshots: Arc<dyn Snapshots>,
        ledger: Arc<dyn Ledger>,
        clock: Clock,
        tally: Arc<dyn Tally>,
        waived: Waived,
    ) -> Self {
        let warm = Cache::builder()
            .max_capacity(WARM_BYTES)
            .weigher(|_, warm: &Warm| weight(&warm.verdict))
            .build();
        Self {
            warm,
            memory: inventories.memory().clone(),
            jobs,
            inventories,
            signed,
            snapshots,
            ledger,
            clock,
            tally,
            waived,
            ends: Ends::default(),
            numbered: Arc::default(),
            carried: Arc::default(),
            asked: Arc::default(),
            turns: Turns::default(),
            known: Arc::default(),
        }
    }

    /// Gives the time of day.
    pub fn now(&self) -> Timestamp {
        self.clock.now()
    }

    /// Gives the policies in force.
    pub fn policies(&self) -> Arc<PolicySet> {
        self.snapshots.policies()
    }

    /// Keeps the texts of the policies that decide in a scope. Durable when it returns.
    pub(crate) async fn keep_texts(&self, scope: &Scope) -> Result<(), PullError> {
        let policies = self.policies();
        let (keeper, scope) = (Arc::clone(&self.snapshots), scope.clone());
        let keep = move || keeper.keep_texts(&policies, &scope);
        let kept = tokio::task::spawn_blocking(keep).await;
        let kept = kept.map_err(|panic| PullError::broken("keeping policies", panic))?;
        kept.map_err(PullError::storage)
    }

    /// Tells where and for whom somebody is judged who asks in a repository, by a tag where that is
    /// known.
    pub fn scope(&self, repository: &Repository, who: &Who, tag: Option<&Tag>) -> Scope {
        let policies = self.snapshots.policies();
        let audience = policies.audience(repository, &who.asker());
        Scope {
            repository: repository.clone(),
            audience: policies.by_tag(audience, repository, tag),
            domain: self.jobs.domain(repository),
        }
    }

    /// Gives the verdict if it is in memory and current: no disk, no waiting.
    pub fn warm(&self, scope: &Scope, digest: &Digest) -> Option<Arc<Verdict>> {
        let verdict = self.warm_verdict(scope, digest)?;
        Some(self.waived.applied(verdict, &self.clock))
    }

    fn warm_verdict(&self, scope: &Scope, digest: &Digest) -> Option<Arc<Verdict>> {
        let warm = self.warm.get(&(scope.clone(), digest.clone()))?;
        let is_valid = is_valid(&warm.verdict, self.clock.now());
        let is_current = warm.epoch == self.epoch() && is_valid;
        let rests_on = || self.rests_on(scope, &warm.verdict);
        (is_current && rests_on() == RestsOn::WhatIsKnown).then_some(warm.verdict)
    }

    /// Gives the current verdict, made again where it has to be; none where the image's bytes
    /// have to be read first. One of very many findings comes without them.
    pub async fn current(
        &self,
        scope: &Scope,
        digest: &Digest,
    ) -> Result<Option<Arc<Verdict>>, PullError> {
        self.current_under(scope, digest, None).await
    }

    /// Does the same; one that is made now lists the tag.
    pub async fn current_under(
        &self,
        scope: &Scope,
        digest: &Digest,
        tag: Option<&Tag>,
    ) -> Result<Option<Arc<Verdict>>, PullError> {
        if let Some(verdict) = self.warm(scope, digest) {
            return Ok(Some(verdict));
        }
        if let Some(verdict) = self.stored(scope, digest).await? {
            return Ok(Some(self.waived.applied(verdict, &self.clock)));
        }
        let turn = self.turns.take(scope, digest).await;
        if turn.has_waited
            && let Some(verdict) = self.stored(scope, digest).await?
        {
            return Ok(Some(self.waived.applied(verdict, &self.clock)));
        }
        let Some(scanned) = self.inventories.remembered(&scope.sighting(digest)).await else {
            return Ok(None);
        };
        let tags = tag.map(std::slice::from_ref).unwrap_or_default();
        let verdict = self.judge(scope, digest, tags, scanned).await?;
        Ok(Some(verdict))
    }

    /// Decides on a scanned image and stores the verdict, with the tags that are known and these.
    /// Durable when it returns. One of very many findings comes without them.
    pub async fn judge(
        &self,
        scope: &Scope,
        digest: &Digest,
        tags: &[Tag],
        held: Held,
    ) -> Result<Arc<Verdict>, PullError> {
        let verdict = self.decide(scope, digest, tags, held).await?;
        Ok(self.waived.applied(verdict, &self.clock))
    }

    async fn decide(
        &self,
        scope: &Scope,
        digest: &Digest,
        tags: &[Tag],
        held: Held,
    ) -> Result<Arc<Verdict>, PullError> {
        let image = scope.sighting(digest);
        let mut held = self.wait_for_feeds(&image, held).await?;
        let _asked = Asked::one(&self.asked);
        let mut tried = BasisNumber::default();
        for attempt in 1..=ATTEMPTS {
            let (judging, basis) = self.judging_in_order().await?;
            tried = basis;
            self.want(&judging, &held);
            let looked;
            (held, looked) = self
                .knowing_signatures(&judging, scope, digest, held)
                .await?;
            held = self.with_room(&judging, scope, digest, held).await?;
            let known = self.ledger.known_verdict(scope, digest).await?;
            let before = Before {
                is_listed: self.ledger.lists_packages(&image).await?,
                is_given: self.is_given(&judging, scope, digest).await?,
                known,
            };
            let known = &before.known;
            let epoch = judging.in_force.epoch;
            if known.basis > basis
                && let Some(newer) = known.verdict().filter(|it| is_valid(it, judging.now))
            {
                // It rests on what has not come here yet.
                return Ok(self.keep(epoch, newer));
            }
            let subject = Subject {
                scope: scope.clone(),
                digest: digest.clone(),
                tags: tags.to_vec(),
                looked,
            };
            let scanned = held.clone();
            let decide = move || judging.judge(&subject, &before, &scanned);
            let (verdict, replacement) = tokio::task::spawn_blocking(decide)
                .await
                .map_err(|panic| PullError::broken("judging an image", panic))??;
            // Where the background pass or another request was quicker: once more.
            let new = vec![replacement.resting_on(basis)];
            if self.ledger.replace_verdicts(new).await? == [true] {
                tracing::info!(repository = %scope, %digest, decision = %verdict.decision,
                    findings = verdict.findings.len(), coverage = verdict.coverage.status.as_str(),
                    scan_ms = verdict.provenance.scan_ms, "pull judged");
                // What other plugins have read is not what those in force would find.
                let plugins = held.plugins().number();
                let verdict = self.keep(Epoch { plugins, ..epoch }, verdict);
                // What came in force meanwhile did not find it among the images that it concerns.
                if self.epoch() == epoch || attempt == ATTEMPTS {
                    return Ok(verdict);
                }
            }
        }
        drop(held);
        self.judged_by_others(scope, digest, tried).await
    }

    /// Tells whether an image was given out, where any policy gives time to such.
    pub(crate) async fn is_given(
        &self,
        judging: &Judging,
        scope: &Scope,
        digest: &Digest,
    ) -> Result<bool, LedgerError> {
        if !judging.in_force.policies.gives_grace(scope) {
            return Ok(false);
        }
        self.ledger.is_given(&scope.repository, digest).await
    }

    /// Waits for the first load of the feeds, without holding memory meanwhile.
    async fn wait_for_feeds(&self, image: &Sighting, held: Held) -> Result<Held, PullError> {
        if self.snapshots.is_ready_for(&held.scanned.inventory) {
            return Ok(held);
        }
        let ecosystems = held.scanned.inventory.one_of_each_ecosystem();
        let resting = Inventories::put_down(held);
        self.snapshots.ready_for(&ecosystems).await;
        self.inventories.take_up(image, resting, 0).await
    }

    /// Holds what was scanned with the memory that judging it takes.
    pub(crate) async fn with_room(
        &self,
        judging: &Judging,
        scope: &Scope,
        digest: &Digest,
        held: Held,
    ) -> Result<Held, PullError> {
        let known = self.ledger.verdict_bytes(scope, digest).await?;
        let scanned = Arc::clone(&held.scanned);
        let index = Arc::clone(&judging.in_force.advisories.index);
        let packages = Arc::clone(&judging.known);
        let with_licences = judging.asks_for_licences(scope);
        let estimate =
            move || judging_bytes(&scanned.inventory, (&index, &packages), with_licences);
        let judging = blocking::run(estimate)
            .await
            .map_err(|panic| PullError::broken("judging an image", panic))?;
        let bytes = judging.saturating_add(known.map_or(0, reading_bytes));
        self.inventories
            .with_room(&scope.sighting(digest), held, bytes)
            .await
    }

    /// Gives what is judged by now, and the number of its basis.
    pub(crate) async fn judging_in_order(&self) -> Result<(Judging, BasisNumber), LedgerError> {
        // One after the other, so that the order of numbers is that in which bases came in force.
        let mut numbered = self.numbered.lock().await;
        let judging = self.judging();
        let basis = judging.basis();
        if let Some((known, number)) = &*numbered
            && *known == basis
        {
            return Ok((judging, *number));
        }
        let number = self.ledger.number_basis(&basis, judging.now).await?;
        *numbered = Some((basis, number));
        Ok((judging, number))
    }

    /// Gives what is judged by now.
    pub(crate) fn judging(&self) -> Judging {
        // Before what else is in force, so that what is swapped meanwhile is later than its epoch.
        let plugins = self.inventories.plugins().now();
        let mut in_force = self.snapshots.in_force();
        in_force.epoch.plugins = plugins.number();
        Judging {
            known: self.known(in_force.advisories.index.snapshot()),
            in_force,
            plugins,
            keeper: Arc::clone(&self.snapshots),
            carried: self.carried(),
            draft: None,
            now: self.clock.now(),
        }
    }

    /// Gives what is known of packages under a snapshot; that of the one before is dropped.
    fn known(&self, snapshot: &SnapshotId) -> Arc<KnownPackages> {
        let mut known = self.known.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some((of, known)) = &*known
            && of == snapshot
        {
            return Arc::clone(known);
        }
        let (_, anew) = known.insert((snapshot.clone(), Arc::default()));
        Arc::clone(anew)
    }

    /// Tells which verdicts of earlier bases count.
    pub(crate) fn carried(&self) -> Arc<Carried> {
        let carried = self.carried.read();
        Arc::clone(&carried.unwrap_or_else(PoisonError::into_inner))
    }

    /// Has verdicts of earlier bases count.
    pub(crate) fn carry(&self, carried: Carried) {
        let mut held = self.carried.write().unwrap_or_else(PoisonError::into_inner);
        *held = Arc::new(carried);
    }

    /// Asks for the feeds that an image needs and the snapshot lacks.
    pub(crate) fn want(&self, judging: &Judging, scanned: &Scanned) {
        let index = &judging.in_force.advisories.index;
        self.snapshots.want(&scanned.inventory, index);
    }

    /// Gives what a scan found in an image, while it is kept and the analyzers are the same.
    pub async fn scanned(&self, image: &Sighting) -> Option<Held> {
        self.inventories.remembered(image).await
    }

    /// Waits for memory to show something in.
    pub async fn view(&self, bytes: u64) -> Share {
        self.memory.view(bytes).await
    }

    /// Waits for memory to show a verdict whose text has so many bytes.
    pub async fn view_of(&self, bytes: u64) -> Share {
        self.memory.view(reading_bytes(bytes)).await
    }

    /// Waits while requests judge, for a moment at most: whoever judges unasked comes after them.
    pub(crate) async fn let_pulls_pass(&self) {
        for _ in 0..PATIENCE {
            if self.asked.load(Ordering::Relaxed) == 0 {
                return;
            }
            tokio::time::sleep(GLANCE).await;
        }
    }

    /// Adds a tag under which the image was pulled to its verdict.
    pub async fn note_tag(&self, verdict: &Arc<Verdict>, tag: &Tag) -> Result<(), PullError> {
        if verdict.tags.contains(tag) {
            return Ok(());
        }
        let judging = self.judging();
        let (scope, digest) = (&verdict.scope(), &verdict.digest);
        let bytes = self.ledger.verdict_bytes(scope, digest).await?;
        let _share = self.memory.share(reading_bytes(bytes.unwrap_or(0))).await;
        let tagged = self.ledger.add_tag(scope, digest, tag).await?;
        if let Some(tagged) = tagged
            && self.counts(&judging, &tagged).await?
        {
            self.keep(judging.in_force.epoch, tagged);
        }
        Ok(())
    }

    /// Counts a scan that has just ended, in milliseconds.
    pub fn observe_scan(&self, scan_ms: u64) {
        self.tally.observe_scan(scan_ms as f64 / 1_000.0);
    }

    /// Tells whether a verdict has ended by itself since it was last asked, as far as is known.
    pub(crate) fn is_due(&self) -> bool {
        self.ends.is_due(self.clock.now())
    }

    /// Forgets when verdicts end; whoever does looks at every one of them next.
    pub(crate) fn forget_due(&self) {
        self.ends.forget();
    }

    /// Remembers when a verdict was made and when it ends by itself.
    pub(crate) fn note_end(&self, decided_at: Timestamp, valid_until: Option<Timestamp>) {
        self.ends.note(decided_at, valid_until);
    }

    fn keep(&self, epoch: Epoch, verdict: Verdict) -> Arc<Verdict> {
        self.note_end(verdict.provenance.decided_at, verdict.valid_until);
        let verdict = Arc::new(brief(verdict));
        let key = (verdict.scope(), verdict.digest.clone());
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
            plugins: self.inventories.plugins().now().number(),
            ..self.snapshots.epoch()
        }
    }

    /// Gives what reads images.
    pub fn plugins(&self) -> Arc<ActivePlugins> {
        self.inventories.plugins().now()
    }
}

fn is_valid(verdict: &Verdict, now: Timestamp) -> bool {
    judging::is_valid(verdict.valid_until, &verdict.provenance, now)
}

#[cfg(test)]
mod tests;
