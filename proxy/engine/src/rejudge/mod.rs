//! Keeps every stored verdict current in the background, from stored inventories alone.
//!
//! A pass starts when another feed snapshot or policy set is in force, when a verdict has ended by
//! itself, and when the program starts. Which verdicts are old shows from what they cite, so that a
//! pass that was cut goes on where it stood. Where all were looked at and other advisories came in
//! force, only images are looked at that hold what the change speaks of. No layer is read or fetched;
//! an image without an inventory, or with signatures that nobody has looked for, is left to its next
//! pull. Requests never wait for it: they judge
//! what they need themselves, and whoever is second writes nothing.
//!
//! Reading order: this file (when), `reach` (which), `pass` and `old` (what), `progress` (how far).

mod old;
mod pass;
mod progress;
mod reach;

use std::sync::Arc;
use std::time::{Duration, Instant};

pub use progress::ProgressView;

use crate::attest::Attester;
use crate::ledger::Ledger;
use crate::pull::error::PullError;
use crate::pull::judge::Judge;
use crate::pull::pulls::Pulls;
use crate::snapshots::{Epoch, Snapshots};
use crate::tally::Tally;
use progress::Progress;
use reach::{Seen, Wanted};

/// How often what is current is looked at.
const LOOK: Duration = Duration::from_secs(1);
/// Least time between passes for verdicts that ended by themselves: each looks at every verdict.
const BETWEEN_ENDS: Duration = Duration::from_mins(1);
/// Time until the next attempt after a pass that failed.
const RETRY: Duration = Duration::from_secs(30);

/// Judges stored images anew.
#[derive(Clone)]
pub struct Rejudge {
    judge: Judge,
    attester: Attester,
    ledger: Arc<dyn Ledger>,
    pulls: Pulls,
    snapshots: Arc<dyn Snapshots>,
    tally: Arc<dyn Tally>,
    /// What each thread does first: it gives way to whatever a request needs.
    give_way: fn(),
    progress: Arc<Progress>,
}

impl Rejudge {
    /// Joins the parts; [`Self::run`] starts it. Each thread calls `give_way` first.
    pub fn new(
        (judge, attester): (Judge, Attester),
        ledger: Arc<dyn Ledger>,
        pulls: Pulls,
        snapshots: Arc<dyn Snapshots>,
        tally: Arc<dyn Tally>,
        give_way: fn(),
    ) -> Self {
        Self {
            judge,
            attester,
            ledger,
            pulls,
            snapshots,
            tally,
            give_way,
            progress: Arc::default(),
        }
    }

    /// Tells how far the running pass is, or how far the last one came.
    pub fn progress(&self) -> ProgressView {
        self.progress.view()
    }

    /// Works until the program ends.
    pub async fn run(self) {
        let (mut judged, mut seen) = (None, None);
        let mut ended = Instant::now();
        loop {
            tokio::time::sleep(LOOK).await;
            let epoch = self.judge.epoch();
            let has_ends = ended.elapsed() >= BETWEEN_ENDS && self.judge.is_due();
            if !self.snapshots.is_loaded() || (judged == Some(epoch) && !has_ends) {
                self.note_beside(&mut seen);
                continue;
            }
            judged = self.pass_under(epoch, &mut seen, has_ends).await;
            ended = Instant::now();
            if judged.is_none() {
                tokio::time::sleep(RETRY).await;
            }
        }
    }

    /// Makes a pass; gives the epoch back if it came to its end. What changed during it is found
    /// again by the caller: the verdicts that were made under the change are current then.
    async fn pass_under(
        &self,
        epoch: Epoch,
        seen: &mut Option<Seen>,
        has_ends: bool,
    ) -> Option<Epoch> {
        let outcome = self.bring_up(seen, has_ends).await;
        let problem = outcome.err().map(|error| error.to_string());
        let view = self.progress.end(problem.clone());
        let (total, renewed, skipped) = (view.total, view.renewed, view.skipped);
        if let Some(error) = problem {
            tracing::error!(%error, renewed, "verdicts not made anew; tried again later");
            return None;
        }
        if renewed > 0 || skipped > 0 {
            tracing::info!(total, renewed, skipped, "verdicts made anew");
        }
        Some(epoch)
    }

    /// Has every verdict rest on what is in force, or count under it.
    pub(crate) async fn bring_up(
        &self,
        seen: &mut Option<Seen>,
        has_ends: bool,
    ) -> Result<(), PullError> {
        self.progress.begin(0);
        let wanted = self.take_up(seen).await?;
        let seen = seen.as_mut();
        let mut settled = seen.map(|seen| &mut seen.is_settled);
        // Until the pass has come to its end.
        if let Some(settled) = &mut settled {
            **settled = false;
        }
        match wanted {
            Wanted::Images(numbers) if !has_ends => self.pass_over(&numbers).await?,
            Wanted::Images(_) | Wanted::All => self.pass().await?,
        }
        if let Some(settled) = settled {
            *settled = true;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
