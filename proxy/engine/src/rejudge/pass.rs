//! One pass: every image by its digest, old verdicts made anew, written in batches.
//!
//! Reading, matching and encoding run on threads of their own at a low priority, so that whatever
//! a request needs comes first. What changes during the pass is in force for the images after it.

use std::sync::{Arc, Mutex, PoisonError};
use std::{thread, vec};

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::mpsc;

use crate::ledger::{Judged, Replacement};

use super::Rejudge;

use crate::pull::error::PullError;

/// Verdicts of one batch: it shares its syncs.
const BATCH: usize = 256;
/// Bytes of new verdicts, compressed, from which a batch is written before it is whole: bounds what
/// is in memory.
const BATCH_BYTES: u64 = 4 * 1024 * 1024;
/// What became of some images.
#[derive(Default)]
struct Renewed {
    /// Verdicts looked at.
    looked_at: u64,
    /// Old verdicts without an inventory to make them anew from.
    skipped: u64,
    /// Verdicts for askers whom no policy tells from others any more: nobody will ask for them.
    gone: Vec<Judged>,
    /// New verdicts, each with when it was made and when it ends by itself.
    made: Vec<((Timestamp, Option<Timestamp>), Replacement)>,
}

impl Rejudge {
    /// Looks at every verdict, and makes those anew that are not current.
    pub(crate) async fn pass(&self) -> Result<(), PullError> {
        self.judge.forget_due();
        self.progress.begin(self.ledger.count_verdicts().await?);
        let mut after = None;
        loop {
            let page = self.ledger.judged(after.as_ref(), BATCH).await?;
            let mut items = page.items;
            items.sort_by_cached_key(Judged::image);
            let same_image = |a: &Judged, b: &Judged| a.image() == b.image();
            let images = items.chunk_by(same_image).map(<[_]>::to_vec);
            let mut outcomes = self.renew_all(images.collect());
            let mut batch = Renewed::default();
            while let Some(renewed) = outcomes.recv().await {
                batch.add(renewed?);
                if batch.bytes() >= BATCH_BYTES {
                    self.write(std::mem::take(&mut batch)).await?;
                }
            }
            self.write(batch).await?;
            after = page.next;
            if after.is_none() {
                return Ok(());
            }
        }
    }

    /// Writes a batch. Where a request was quicker, its verdict stays.
    async fn write(&self, batch: Renewed) -> Result<(), PullError> {
        let (ends, replacements): (Vec<_>, Vec<_>) = batch.made.into_iter().unzip();
        let written = self.ledger.replace_verdicts(replacements).await?;
        if !batch.gone.is_empty() {
            self.ledger.remove_verdicts(&batch.gone).await?;
        }
        let mut renewed = 0_u64;
        for (end, is_written) in ends.into_iter().zip(written) {
            if is_written {
                renewed = renewed.saturating_add(1);
                self.judge.note_end(end.0, end.1);
            }
        }
        self.tally.count_rejudged(renewed, batch.skipped);
        self.progress.add(batch.looked_at, renewed, batch.skipped);
        Ok(())
    }

    /// Renews images side by side; one outcome each, but for one whose thread ended badly. Threads
    /// wait until their outcome is taken.
    fn renew_all(&self, images: Vec<Vec<Judged>>) -> mpsc::Receiver<Result<Renewed, PullError>> {
        let threads = self.threads().min(images.len());
        let queue = Arc::new(Mutex::new(images.into_iter()));
        let (sender, outcomes) = mpsc::channel(1);
        for _ in 0..threads {
            let (rejudge, queue) = (self.clone(), Arc::clone(&queue));
            let (runtime, outcome) = (Handle::current(), sender.clone());
            let work = move || {
                (rejudge.give_way)();
                while let Some(image) = next(&queue) {
                    let renewed = runtime.block_on(rejudge.renew(&image));
                    if outcome.blocking_send(renewed).is_err() {
                        // The pass has ended with an error.
                        return;
                    }
                }
            };
            let started = thread::Builder::new().name("rejudge".into()).spawn(work);
            if let Err(error) = started {
                let failed = PullError::broken("starting a thread to renew", error);
                // Where another outcome waits already, the threads that run do the work.
                let _ = sender.try_send(Err(failed));
            }
        }
        outcomes
    }

    /// Renews those of the verdicts on one image that are old.
    async fn renew(&self, image: &[Judged]) -> Result<Renewed, PullError> {
        let mut renewed = Renewed::default();
        let mut old: Vec<&Judged> = Vec::new();
        let Some(seen) = image.first().map(Judged::image) else {
            return Ok(renewed);
        };
        // What other analyzers listed, or an earlier version did not, is listed anew.
        let mut is_listed = self.ledger.lists_packages(&seen).await?;
        let mut stale = 0_u64;
        for judged in image {
            let (scope, digest) = (&judged.scope, &judged.digest);
            renewed.looked_at = renewed.looked_at.saturating_add(1);
            if !self.judge.judging().knows(scope) {
                renewed.gone.push(judged.clone());
                continue;
            }
            let share = self.judge.room_to_read(scope, digest).await?;
            let known = self.ledger.known_verdict(scope, digest).await?;
            drop(share);
            match &known.verdict {
                Some(verdict) if self.judge.judging().made(verdict) => {
                    let decided_at = verdict.provenance.decided_at;
                    self.judge.note_end(decided_at, verdict.valid_until);
                    if !is_listed {
                        old.push(judged);
                    }
                }
                Some(_) => {
                    stale = stale.saturating_add(1);
                    old.push(judged);
                }
                // Damaged, which means not judged: its next pull does it.
                None => {}
            }
        }
        if old.is_empty() {
            return Ok(renewed);
        }
        let Some(mut held) = self.judge.scanned(&seen).await else {
            renewed.skipped = stale;
            return Ok(renewed);
        };
        for Judged { scope, digest } in old {
            let (judging, basis) = self.judge.judging_in_order().await?;
            self.judge.want(&judging, &held);
            let room = self.judge.with_room(&judging, scope, digest, held).await;
            let Ok(roomy) = room else {
                // Its inventory went away meanwhile.
                renewed.skipped = renewed.skipped.saturating_add(1);
                return Ok(renewed);
            };
            held = roomy;
            let known = self.ledger.known_verdict(scope, digest).await?;
            let (verdict, new) = judging.judge(scope, digest, &known, &[], &held, is_listed)?;
            is_listed = true;
            let end = (verdict.provenance.decided_at, verdict.valid_until);
            renewed.made.push((end, new.resting_on(basis)));
        }
        Ok(renewed)
    }

    /// Gives the number of threads: all cores, one less while pulls are under way.
    fn threads(&self) -> usize {
        let cores = thread::available_parallelism().map_or(1, std::num::NonZero::get);
        let spare = usize::from(!self.pulls.list().is_empty());
        cores.saturating_sub(spare).max(1)
    }
}

impl Renewed {
    /// Tells what the new verdicts take in memory, in bytes.
    fn bytes(&self) -> u64 {
        self.made.iter().map(|(_, new)| new.bytes()).sum()
    }

    fn add(&mut self, other: Self) {
        self.looked_at = self.looked_at.saturating_add(other.looked_at);
        self.skipped = self.skipped.saturating_add(other.skipped);
        self.gone.extend(other.gone);
        self.made.extend(other.made);
    }
}

fn next(queue: &Mutex<vec::IntoIter<Vec<Judged>>>) -> Option<Vec<Judged>> {
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    queue.next()
}
