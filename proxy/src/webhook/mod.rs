//! Sends every event to one URL: in order, at least once, from where the last process stopped.
//!
//! The receiver's answer decides. A success moves the cursor, which is durable before the next
//! event is sent. No answer, 408, 429 and 5xx are tried again for as long as it takes; what the
//! receiver refuses is tried for some minutes and then dropped, told and counted, for one event
//! that it cannot take must not keep all others from it.
//!
//! Reading order: this file (one event after the other), `message` (what is sent), `attempt` (one
//! POST and what its answer means), `state` (for status).

mod attempt;
mod message;
mod state;

use std::sync::Arc;
use std::time::Duration;

use sluicegate_config::WebhookSettings;
use sluicegate_engine::ledger::LedgerError;
use sluicegate_engine::ledger::{Ledger, oldest_event};

pub use state::WebhookView;

use sluicegate_model::clock::Clock;
use sluicegate_upstream::{ProxyVariables, UpstreamError, jittered};

use crate::history::{PullHistory, ToldEvent};
use crate::metrics::Metrics;
use attempt::{AttemptAnswer, WebhookTarget};
use state::State;

/// How often new events are looked for.
const LOOK: Duration = Duration::from_secs(1);
/// Wait after the first attempt that failed; doubled after each.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Longest wait between two attempts, also where the receiver asks for more.
const MAX_WAIT: Duration = Duration::from_mins(5);
/// How often an event that the receiver refuses is sent: for about four minutes.
const MAX_REFUSALS: u32 = 9;
/// Wait after the verdict store failed.
const STORE_WAIT: Duration = Duration::from_secs(10);

/// Delivers events.
#[derive(Clone)]
pub struct Webhook {
    target: Arc<WebhookTarget>,
    ledger: Arc<dyn Ledger>,
    history: PullHistory,
    clock: Clock,
    metrics: Metrics,
    state: Arc<State>,
}

impl Webhook {
    /// Prepares a delivery; connects to nothing. `source` is where the events can be read.
    ///
    /// *Errors*: [`UpstreamError::Settings`].
    pub fn new(
        settings: &WebhookSettings,
        source: String,
        proxy: ProxyVariables,
        ledger: Arc<dyn Ledger>,
        history: PullHistory,
        clock: Clock,
        metrics: Metrics,
    ) -> Result<Self, UpstreamError> {
        let target = WebhookTarget::new(settings, source, proxy)?;
        let state = State::new(target.place());
        Ok(Self {
            target: Arc::new(target),
            ledger,
            history,
            clock,
            metrics,
            state: Arc::new(state),
        })
    }

    /// Tells how the delivery stands.
    pub fn view(&self) -> WebhookView {
        self.state.view()
    }

    /// Remembers that what has happened until now is not sent, where nothing was ever sent.
    ///
    /// A store that cannot write, on a full disk, has no new events either: [`Self::run`] tries again.
    pub async fn begin(&self) -> Result<(), LedgerError> {
        if self.ledger.delivered_event().await?.is_none() {
            let last = self.ledger.last_event().await?;
            self.ledger.put_delivered_event(last).await?;
        }
        Ok(())
    }

    /// Delivers until the program ends.
    pub async fn run(self) {
        loop {
            if let Err(error) = self.deliver_all().await {
                tracing::error!(%error, "events not delivered; tried again later");
                tokio::time::sleep(STORE_WAIT).await;
            }
            tokio::time::sleep(LOOK).await;
        }
    }

    /// Sends everything that waits.
    async fn deliver_all(&self) -> Result<(), LedgerError> {
        self.begin().await?;
        let mut done = self.ledger.delivered_event().await?.unwrap_or_default();
        loop {
            let last = self.ledger.last_event().await?;
            self.state.waiting(last.saturating_sub(done));
            if done >= last {
                return Ok(());
            }
            let oldest = done.saturating_add(1).max(oldest_event(last));
            self.count_lost(oldest.saturating_sub(done).saturating_sub(1));
            match self.ledger.event(oldest).await? {
                Some(event) => {
                    for told in self.history.tell(vec![event]).await {
                        self.deliver(&told).await;
                    }
                }
                // Its record is damaged.
                None => self.count_lost(1),
            }
            self.ledger.put_delivered_event(oldest).await?;
            done = oldest;
        }
    }

    /// Counts events that were removed or damaged before they could be delivered.
    fn count_lost(&self, lost: u64) {
        if lost > 0 {
            tracing::error!(lost, "events were lost before they could be delivered");
            self.metrics.count_webhook("lost", lost);
            self.state.lost(lost);
        }
    }

    /// Sends one event until the receiver has it or has refused it often enough.
    async fn deliver(&self, told: &ToldEvent) {
        let event = &told.event;
        let mut wait = FIRST_WAIT;
        let mut refusals = 0_u32;
        loop {
            let asked = match self.target.send(told, self.clock.now()).await {
                AttemptAnswer::Taken => {
                    self.metrics.count_webhook("delivered", 1);
                    self.state.delivered(event.seq);
                    return;
                }
                AttemptAnswer::Later { after, why } => {
                    self.state.failing(why);
                    after
                }
                AttemptAnswer::Refused { why } => {
                    refusals = refusals.saturating_add(1);
                    if refusals >= MAX_REFUSALS {
                        tracing::error!(seq = event.seq, %why, "event dropped, its receiver refuses it");
                        self.metrics.count_webhook("dropped", 1);
                        self.state.dropped(why);
                        return;
                    }
                    self.state.failing(why);
                    None
                }
            };
            tokio::time::sleep(asked.unwrap_or_else(|| jittered(wait)).min(MAX_WAIT)).await;
            wait = wait.saturating_mul(2).min(MAX_WAIT);
        }
    }
}
