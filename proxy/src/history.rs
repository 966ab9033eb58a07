//! Adds to events who had pulled the images they speak of, when somebody reads them.
//!
//! Nothing of it is kept with the event: looking through the log would make pulls wait that find
//! their verdict to be old, and the log remembers.

mod event;
mod happening;

use std::path::PathBuf;
use std::sync::Arc;

use schemars::JsonSchema;
use serde::Serialize;
use sluicegate_engine::events::Event;
use sluicegate_engine::ledger::{Ledger, LedgerError};
use sluicegate_local::decisions::{self, LogError, PulledBy, WhoPulled};

use event::EventAnswer;

/// An event as others see it.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct ToldEvent {
    /// What happened.
    #[serde(flatten, with = "EventAnswer")]
    pub event: Event,
    /// Who had pulled the image by then, by the decision log; absent where it is about no image.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub pulled_by: Option<PulledBy>,
}

/// Says why it is not known who had pulled an image: the fault of this machine's disk, or ours.
#[derive(Debug, thiserror::Error)]
enum HistoryError {
    #[error(transparent)]
    Store(#[from] LedgerError),
    #[error(transparent)]
    Log(#[from] LogError),
    #[error(transparent)]
    Failed(#[from] tokio::task::JoinError),
}

/// Looks into the decision log.
#[derive(Clone, Debug)]
pub struct PullHistory {
    directory: PathBuf,
    ledger: Arc<dyn Ledger>,
}

impl PullHistory {
    /// Looks into the log in this directory, and into the records for what leads to an image.
    pub fn new(directory: PathBuf, ledger: Arc<dyn Ledger>) -> Self {
        Self { directory, ledger }
    }

    /// Fills in who pulled. Where the log cannot be read the events are told without it.
    pub async fn tell(&self, events: Vec<Event>) -> Vec<ToldEvent> {
        let found = self.look(&events).await.unwrap_or_else(|error| {
            tracing::error!(why = %error, "events do not tell who pulled");
            Vec::new()
        });
        let mut found = found.into_iter();
        let told = events.into_iter().map(|event| {
            let is_of_image = event.change().is_some();
            let pulled_by = is_of_image.then(|| found.next().unwrap_or_default());
            ToldEvent { event, pulled_by }
        });
        told.collect()
    }

    /// Gives who pulled the images of those events that are about one, in their order.
    async fn look(&self, events: &[Event]) -> Result<Vec<PulledBy>, HistoryError> {
        let mut asked = Vec::with_capacity(events.len());
        for event in events {
            let Some(change) = event.change() else {
                continue;
            };
            let (repository, digest) = (&change.repository, &change.digest);
            let through = self.ledger.indexes_listing(repository, digest).await;
            asked.push(WhoPulled {
                repository: repository.clone(),
                digest: digest.clone(),
                through: through?,
                until: event.time,
            });
        }
        if asked.is_empty() {
            return Ok(Vec::new());
        }
        let directory = self.directory.clone();
        let look = move || decisions::pulled_by(&directory, &asked);
        Ok(tokio::task::spawn_blocking(look).await??)
    }
}
