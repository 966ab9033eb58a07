//! How the delivery stands, for status.

use std::sync::{Mutex, MutexGuard, PoisonError};

use schemars::JsonSchema;
use serde::Serialize;

/// How the delivery of events stands.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct WebhookView {
    /// What it is called.
    pub name: String,
    /// The receiver, without path and query: they may hold a secret.
    pub target: String,
    /// Events that wait.
    pub waiting: u64,
    /// The number of the last event that was delivered by this process.
    pub delivered: Option<u64>,
    /// Events that the receiver refused, dropped by this process.
    pub dropped: u64,
    /// Events that were too old before they could be delivered, in the time of this process.
    pub lost: u64,
    /// Why the last attempt failed, where it did.
    pub problem: Option<String>,
}

/// The same, while it changes.
#[derive(Debug)]
pub(super) struct State(Mutex<WebhookView>);

impl State {
    pub(super) fn new(name: String, target: String) -> Self {
        Self(Mutex::new(WebhookView {
            name,
            target,
            ..WebhookView::default()
        }))
    }

    pub(super) fn waiting(&self, events: u64) {
        self.lock().waiting = events;
    }

    pub(super) fn delivered(&self, seq: u64) {
        let mut view = self.lock();
        view.delivered = Some(seq);
        view.problem = None;
    }

    /// Notes why an attempt failed; a new reason is told in the log as well.
    pub(super) fn failing(&self, why: String) {
        let mut view = self.lock();
        if view.problem.as_ref() != Some(&why) {
            tracing::warn!(webhook = view.name, target = view.target, %why, "event not delivered; tried again");
        }
        view.problem = Some(why);
    }

    pub(super) fn dropped(&self, why: String) {
        let mut view = self.lock();
        view.dropped = view.dropped.saturating_add(1);
        view.problem = Some(why);
    }

    pub(super) fn lost(&self, events: u64) {
        let mut view = self.lock();
        view.lost = view.lost.saturating_add(events);
    }

    pub(super) fn view(&self) -> WebhookView {
        self.lock().clone()
    }

    fn lock(&self) -> MutexGuard<'_, WebhookView> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
