//! Events, numbered without holes, the newest ones kept.
//!
//! Those about a verdict are written by `replace_verdicts`, each together with the verdict it speaks
//! of: either both are there or neither is.

use async_trait::async_trait;
use jiff::Timestamp;

use super::error::LedgerError;
use super::filter::{EventFilter, EventPage};
use crate::events::{Event, Happening};

/// Most events kept, about a KiB each.
pub const KEPT_EVENTS: u64 = 20_000;

/// Gives the number of the oldest event that is kept where `last` is the newest.
pub fn oldest_event(last: u64) -> u64 {
    last.saturating_sub(KEPT_EVENTS).saturating_add(1)
}

/// What is told a single time, whoever notices it again.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Once {
    /// What tells it from everything else that is told once.
    pub name: String,
    /// Until when it is remembered that it was told: nobody notices it later.
    pub until: Timestamp,
}

/// The events.
#[async_trait]
pub trait Events: Send + Sync {
    /// Lists events, newest first, at most `limit` that are older than the event `after`.
    async fn list_events(
        &self,
        filter: &EventFilter,
        limit: usize,
        after: Option<u64>,
    ) -> Result<EventPage, LedgerError>;

    /// Records what happened that is about no verdict, and gives its number; durable on return.
    async fn tell(&self, time: Timestamp, happened: Happening) -> Result<u64, LedgerError>;

    /// Records what happened and that it is told, together, unless it was told before; gives its number
    /// where it was not. What need not be remembered any more by `time` is forgotten.
    async fn tell_once(
        &self,
        time: Timestamp,
        happened: Happening,
        once: &Once,
    ) -> Result<Option<u64>, LedgerError>;

    /// Gives the number of the newest event; 0 where there has been none.
    async fn last_event(&self) -> Result<u64, LedgerError>;

    /// Gives an event by its number; none where it is damaged, too old, or not there yet.
    async fn event(&self, seq: u64) -> Result<Option<Event>, LedgerError>;

    /// Gives the number of the last event that a receiver need not be sent any more; none where nothing
    /// was ever delivered to it.
    async fn delivered_event(&self, receiver: &str) -> Result<Option<u64>, LedgerError>;

    /// Records that a receiver need not be sent an event, and all before it, any more.
    async fn put_delivered_event(&self, receiver: &str, seq: u64) -> Result<(), LedgerError>;
}
