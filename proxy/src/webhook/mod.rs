//! Sends events to URLs: to each what it asks for, in order, at least once, from where the last process
//! stopped. Each has its own position, so that one which is down holds up no other.
//!
//! The receiver's answer decides. A success moves the cursor, which is durable before the next
//! event is sent. No answer, 408, 429 and 5xx are tried again for as long as it takes; what the
//! receiver refuses is tried for some minutes and then dropped, told and counted, for one event
//! that it cannot take must not keep all others from it.
//!
//! Reading order: this file (one event after the other), `wanted` (which), `message` (what is sent),
//! with `words` and `chat` (to people), `attempt` (one POST and what its answer means), `state` (for
//! status).

mod attempt;
mod chat;
mod message;
mod state;
mod wanted;
mod words;

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
use wanted::Wanted;

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

/// Delivers events to one receiver.
#[derive(Clone)]
pub struct Webhook {
    name: String,
    target: Arc<WebhookTarget>,
    wanted: Wanted,
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
        let state = State::new(settings.name.clone(), target.place());
        Ok(Self {
            name: settings.name.clone(),
            wanted: Wanted::of(settings),
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
        if self.ledger.delivered_event(&self.name).await?.is_none() {
            let last = self.ledger.last_event().await?;
            self.ledger.put_delivered_event(&self.name, last).await?;
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
        let name = &self.name;
        let mut done = self.ledger.delivered_event(name).await?.unwrap_or_default();
        // What it does not ask for is passed over, and written down with the next that it does.
        let mut written = done;
        loop {
            let last = self.ledger.last_event().await?;
            self.state.waiting(last.saturating_sub(done));
            if done >= last {
                if written < done {
                    self.ledger.put_delivered_event(name, done).await?;
                }
                return Ok(());
            }
            let oldest = done.saturating_add(1).max(oldest_event(last));
            self.count_lost(oldest.saturating_sub(done).saturating_sub(1));
            done = oldest;
            let Some(event) = self.ledger.event(oldest).await? else {
                // Its record is damaged.
                self.count_lost(1);
                continue;
            };
            let Some(event) = self.wanted.part(event) else {
                continue;
            };
            for told in self.history.tell(vec![event]).await {
                self.deliver(&told).await;
            }
            self.ledger.put_delivered_event(name, done).await?;
            written = done;
        }
    }

    /// Counts events that were removed or damaged before they could be delivered.
    fn count_lost(&self, lost: u64) {
        if lost > 0 {
            tracing::error!(
                webhook = self.name,
                lost,
                "events were lost before they could be delivered"
            );
            self.metrics.count_webhook(&self.name, "lost", lost);
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
                    self.metrics.count_webhook(&self.name, "delivered", 1);
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
                        tracing::error!(webhook = self.name, seq = event.seq, %why, "event dropped, its receiver refuses it");
                        self.metrics.count_webhook(&self.name, "dropped", 1);
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
