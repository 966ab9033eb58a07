//! Adds to events who had pulled the images they speak of, when somebody reads them.
//!
//! Nothing of it is kept with the event: looking through the log would make pulls wait that find
//! their verdict to be old, and the log remembers.

mod event;

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
    /// Who had pulled the image by then, by the decision log.
    pub pulled_by: PulledBy,
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
        let found = found
            .into_iter()
            .chain(std::iter::repeat_with(PulledBy::default));
        let told = events.into_iter().zip(found);
        told.map(|(event, pulled_by)| ToldEvent { event, pulled_by })
            .collect()
    }

    async fn look(&self, events: &[Event]) -> Result<Vec<PulledBy>, HistoryError> {
        if events.is_empty() {
            return Ok(Vec::new());
        }
        let mut asked = Vec::with_capacity(events.len());
        for event in events {
            let (repository, digest) = (&event.change.repository, &event.change.digest);
            let through = self.ledger.indexes_listing(repository, digest).await;
            asked.push(WhoPulled {
                repository: repository.clone(),
                digest: digest.clone(),
                through: through?,
                until: event.time,
            });
        }
        let directory = self.directory.clone();
        let look = move || decisions::pulled_by(&directory, &asked);
        Ok(tokio::task::spawn_blocking(look).await??)
    }
}
