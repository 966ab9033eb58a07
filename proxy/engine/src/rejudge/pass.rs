//! One pass: images by their digest, old verdicts made anew, written in batches.
//!
//! Which verdicts are old shows from their stamps; only those are read. Reading, matching and encoding
//! run on threads of their own at a low priority, so that whatever a request needs comes first. What
//! changes during the pass is in force for the images after it.

use std::sync::{Arc, Mutex, PoisonError};
use std::{thread, vec};

use jiff::Timestamp;
use tokio::runtime::Handle;
use tokio::sync::mpsc;
use tokio::task::JoinHandle;

use crate::blocking;
use crate::ledger::{Judged, Replacement};

use super::Rejudge;
use super::old::Old;

use crate::pull::error::PullError;
use crate::pull::judging::{Before, Subject};

/// Verdicts of one batch: it shares its syncs.
const BATCH: usize = 256;
/// Bytes of new verdicts, compressed, from which a batch is written before it is whole: twice that
/// bounds what is in memory, for one is written while the next is made.
const BATCH_BYTES: u64 = 2 * 1024 * 1024;

/// Some verdicts, and which of them are old; found while those before are made anew.
#[derive(Default)]
struct Page {
    /// Verdicts looked at.
    looked_at: u64,
    /// Images with old ones.
    old: Vec<Old>,
    /// Those for askers whom no policy tells from others any more: nobody will ask for them.
    gone: Vec<Judged>,
}

/// What became of some images.
#[derive(Default)]
struct Renewed {
    /// Verdicts looked at.
    looked_at: u64,
    /// Old verdicts that have no inventory to make them anew from, or rest on no look for the signatures
    /// that policies ask for by now.
    skipped: u64,
    /// Verdicts for askers whom no policy tells from others any more: nobody will ask for them.
    gone: Vec<Judged>,
    /// New verdicts, each with when it was made and when it ends by itself.
    made: Vec<((Timestamp, Option<Timestamp>), Replacement)>,
    /// What those take in memory, in bytes.
    bytes: u64,
}

impl Rejudge {
    /// Looks at every verdict, and makes those anew that are not current.
    pub(crate) async fn pass(&self) -> Result<(), PullError> {
        self.judge.forget_due();
        self.progress.begin(self.ledger.count_verdicts().await?);
        let mut writer = Writer::default();
        let (mut page, mut after) = self.page(None).await?;
        while let Some(next) = after {
            let ahead = self.page(Some(&next));
            let looked = self.look_at(page, &mut writer);
            ((), (page, after)) = tokio::try_join!(looked, ahead)?;
        }
        self.look_at(page, &mut writer).await?;
        writer.end().await
    }

    /// Looks at the verdicts on some images alone.
    pub(crate) async fn pass_over(&self, numbers: &[u32]) -> Result<(), PullError> {
        self.progress.begin(numbers.len() as u64);
        let (mut writer, mut page) = (Writer::default(), Page::default());
        for numbers in numbers.chunks(BATCH) {
            let looked = self.look_at(page, &mut writer);
            ((), page) = tokio::try_join!(looked, self.page_of(numbers))?;
        }
        self.look_at(page, &mut writer).await?;
        writer.end().await
    }

    /// Finds what is old of the verdicts after one, and which the page ends with.
    async fn page(&self, after: Option<&Judged>) -> Result<(Page, Option<Judged>), PullError> {
        let page = self.ledger.judged(after, BATCH).await?;
        Ok((self.page_among(page.items).await?, page.next))
    }

    /// Finds what is old of the verdicts on some images.
    async fn page_of(&self, numbers: &[u32]) -> Result<Page, PullError> {
        let images = self.ledger.images_listed(numbers).await?;
        let mut judged = Vec::new();
        for image in images.into_iter().flatten() {
            let scopes = self.ledger.judged_in(&image.digest).await?;
            let own = scopes.into_iter().filter(|it| it.domain == image.domain);
            judged.extend(own.map(|scope| Judged {
                digest: image.digest.clone(),
                scope,
            }));
        }
        self.progress.found(judged.len(), numbers.len());
        self.page_among(judged).await
    }

    async fn page_among(&self, judged: Vec<Judged>) -> Result<Page, PullError> {
        let looked_at = judged.len() as u64;
        let (old, gone) = self.old_among(judged).await?;
        Ok(Page {
            looked_at,
            old,
            gone,
        })
    }

    /// Makes anew what is old of a page.
    async fn look_at(&self, page: Page, writer: &mut Writer) -> Result<(), PullError> {
        let mut batch = Renewed {
            looked_at: page.looked_at,
            gone: page.gone,
            ..Renewed::default()
        };
        let mut outcomes = self.renew_all(page.old);
        while let Some(renewed) = outcomes.recv().await {
            batch.add(renewed?);
            if batch.bytes >= BATCH_BYTES {
                writer.write(self, std::mem::take(&mut batch)).await?;
            }
        }
        writer.write(self, batch).await
    }

    /// Writes a batch. Where a request was quicker, its verdict stays.
    async fn write(self, batch: Renewed) -> Result<(), PullError> {
        let (ends, replacements): (Vec<_>, Vec<_>) = batch.made.into_iter().unzip();
        let mut renewed = 0_u64;
        if !replacements.is_empty() {
            let written = self.ledger.replace_verdicts(replacements).await?;
            for (end, is_written) in ends.into_iter().zip(written) {
                if is_written {
                    renewed = renewed.saturating_add(1);
                    self.judge.note_end(end.0, end.1);
                }
            }
        }
        if !batch.gone.is_empty() {
            self.ledger.remove_verdicts(&batch.gone, None).await?;
            self.attester.forget(&batch.gone).await;
        }
        self.tally.count_rejudged(renewed, batch.skipped);
        self.progress.add(batch.looked_at, renewed, batch.skipped);
        Ok(())
    }

    /// Renews images side by side; one outcome each, but for one whose thread ended badly. Threads
    /// wait until their outcome is taken.
    fn renew_all(&self, images: Vec<Old>) -> mpsc::Receiver<Result<Renewed, PullError>> {
        let threads = self.threads().min(images.len());
        let queue = Arc::new(Mutex::new(images.into_iter()));
        let (sender, outcomes) = mpsc::channel(1);
        for _ in 0..threads {
            let (rejudge, queue) = (self.clone(), Arc::clone(&queue));
            let (runtime, outcome) = (Handle::current(), sender.clone());
            let work = move || {
                (rejudge.give_way)();
                blocking::let_this_thread_wait();
                while let Some(image) = next(&queue) {
                    let renewed = runtime.block_on(rejudge.renew(image));
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

    /// Renews the old verdicts on one image.
    async fn renew(&self, old: Old) -> Result<Renewed, PullError> {
        let mut renewed = Renewed::default();
        self.judge.let_pulls_pass().await;
        let Some(mut held) = self.judge.scanned(&old.image).await else {
            renewed.skipped = old.stale;
            return Ok(renewed);
        };
        // What other analyzers listed, or an earlier version did not, is listed anew.
        let mut is_listed = old.is_listed;
        for Judged { scope, digest } in &old.judged {
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
            if known.earlier.is_none() {
                // Damaged, which means not judged: its next pull does it.
                continue;
            }
            if !judging.needs_no_look(scope, &known, &held) {
                renewed.skipped = renewed.skipped.saturating_add(1);
                continue;
            }
            let before = Before {
                known,
                is_listed,
                is_given: self.judge.is_given(&judging, scope, digest).await?,
            };
            let subject = Subject {
                scope: scope.clone(),
                digest: digest.clone(),
                tags: Vec::new(),
                // Nobody is asked: what is known of signatures stands until its next pull.
                looked: None,
            };
            let (verdict, new) = judging.judge(&subject, &before, &held)?;
            is_listed = true;
            let end = (verdict.provenance.decided_at, verdict.valid_until);
            renewed.bytes = renewed.bytes.saturating_add(new.bytes());
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

/// Writes one batch while the next is made; when it is dropped, what was begun still ends.
#[derive(Default)]
struct Writer(Option<JoinHandle<Result<(), PullError>>>);

impl Writer {
    /// Begins to write a batch, when the one before is written.
    async fn write(&mut self, rejudge: &Rejudge, batch: Renewed) -> Result<(), PullError> {
        self.settle().await?;
        self.0 = Some(tokio::spawn(rejudge.clone().write(batch)));
        Ok(())
    }

    /// Waits until all is written.
    async fn end(mut self) -> Result<(), PullError> {
        self.settle().await
    }

    async fn settle(&mut self) -> Result<(), PullError> {
        let Some(running) = self.0.take() else {
            return Ok(());
        };
        let written = running.await;
        written.unwrap_or_else(|panic| Err(PullError::broken("writing verdicts", panic)))
    }
}

impl Renewed {
    fn add(&mut self, other: Self) {
        self.looked_at = self.looked_at.saturating_add(other.looked_at);
        self.skipped = self.skipped.saturating_add(other.skipped);
        self.bytes = self.bytes.saturating_add(other.bytes);
        self.gone.extend(other.gone);
        self.made.extend(other.made);
    }
}

fn next(queue: &Mutex<vec::IntoIter<Old>>) -> Option<Old> {
    let mut queue = queue.lock().unwrap_or_else(PoisonError::into_inner);
    queue.next()
}
