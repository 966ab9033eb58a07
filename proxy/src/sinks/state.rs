//! How far a place is, for status.

use std::sync::{Mutex, MutexGuard, PoisonError};

use schemars::JsonSchema;
use serde::Serialize;
use sluicegate_config::{SinkPlace, SinkSettings};

/// How far a place has been sent the decision log.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, JsonSchema)]
pub struct SinkView {
    /// What it is called.
    pub name: String,
    /// Where it is.
    pub to: String,
    /// The number of the last line that it was sent; null until it was found where it stood.
    pub sent: Option<u64>,
    /// Lines that it was not sent yet.
    pub behind: u64,
    /// Lines that were found to be damaged and are not sent, in the time of this process.
    pub damaged: u64,
    /// Why the last attempt failed, where it did.
    pub problem: Option<String>,
}

/// The same, while it changes.
#[derive(Debug)]
pub(super) struct State(Mutex<SinkView>);

impl State {
    pub(super) fn new(settings: &SinkSettings) -> Self {
        Self(Mutex::new(SinkView {
            name: settings.name.clone(),
            to: place(&settings.place),
            ..SinkView::default()
        }))
    }

    /// Notes the last line that was sent.
    pub(super) fn stands(&self, seq: u64) {
        self.lock().sent = Some(seq);
    }

    pub(super) fn sent(&self) -> Option<u64> {
        self.lock().sent
    }

    pub(super) fn well(&self) {
        self.lock().problem = None;
    }

    pub(super) fn damaged(&self, lines: u64) {
        if lines > 0 {
            let mut view = self.lock();
            tracing::error!(
                sink = view.name,
                lines,
                "damaged lines of the decision log are not sent"
            );
            view.damaged = view.damaged.saturating_add(lines);
        }
    }

    /// Notes why an attempt failed; a new reason is told in the log as well.
    pub(super) fn failing(&self, why: &str) {
        let mut view = self.lock();
        if view.problem.as_deref() != Some(why) {
            tracing::warn!(sink = view.name, why, "decision log not sent; tried again");
        }
        view.problem = Some(why.to_owned());
    }

    /// Tells how far it is where the log's last line has this number.
    pub(super) fn view(&self, last: u64) -> SinkView {
        let mut view = self.lock().clone();
        view.behind = last.saturating_sub(view.sent.unwrap_or_default());
        view
    }

    fn lock(&self) -> MutexGuard<'_, SinkView> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn place(place: &SinkPlace) -> String {
    match place {
        SinkPlace::Stdout => "stdout".to_owned(),
        SinkPlace::File(path) => path.display().to_string(),
        SinkPlace::Syslog { host, port } => format!("syslog://{host}:{port}"),
        SinkPlace::SyslogTls { host, port, .. } => format!("syslog+tls://{host}:{port}"),
    }
}
