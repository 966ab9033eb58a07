//! Sends the lines of the decision log to other places as well: files, standard output, syslog.
//!
//! The chain on disk is the truth; nothing that leaves waits for any of this. Each place has its own
//! position, kept over restarts: it is sent every line in order, at least once. One that is away is
//! tried again from where it stood, and holds up no other.
//!
//! Reading order: this file (one line after the other), `place` (where they go), `syslog` (what one
//! looks like there), `kept` (positions), `state` (for status).

mod kept;
mod place;
mod state;
mod syslog;

use std::collections::VecDeque;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use sluicegate_config::SinkSettings;
use sluicegate_local::decisions::{Cursor, DecisionLog, FollowedLine, LogReader, Position};
use sluicegate_upstream::jittered;
use tokio::time::Instant;

pub use state::SinkView;

use kept::KeptPosition;
use place::{Place, PlaceError};
use state::State;

/// How often new lines are looked for.
const LOOK: Duration = Duration::from_secs(1);
/// Wait after the first attempt that failed; doubled after each.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Longest wait between two attempts.
const MAX_WAIT: Duration = Duration::from_mins(1);

/// Says why lines are not sent.
#[derive(Debug, thiserror::Error)]
enum SinkError {
    /// The place does not take them.
    #[error(transparent)]
    Place(#[from] PlaceError),
    /// The log cannot be read.
    #[error(transparent)]
    Log(#[from] sluicegate_local::decisions::LogError),
    /// The position cannot be kept.
    #[error("keeping how far the log was sent: {0}")]
    Kept(#[from] std::io::Error),
}

/// All places.
#[derive(Clone, Debug, Default)]
pub struct Sinks(Vec<Sink>);

/// One place.
#[derive(Clone, Debug)]
struct Sink {
    settings: SinkSettings,
    log: DecisionLog,
    host: String,
    kept: KeptPosition,
    state: Arc<State>,
    /// Whether a file is to be opened anew.
    reopen: Arc<AtomicBool>,
}

impl Sinks {
    /// Prepares the places; `host` is what this machine is called. Nothing is opened yet.
    pub fn new(settings: &[SinkSettings], log: &DecisionLog, host: &str) -> Self {
        let sink = |settings: &SinkSettings| Sink {
            settings: settings.clone(),
            log: log.clone(),
            host: host.to_owned(),
            kept: KeptPosition::of(log.directory(), &settings.name),
            state: Arc::new(State::new(settings)),
            reopen: Arc::default(),
        };
        Self(settings.iter().map(sink).collect())
    }

    /// Remembers that what is written until now is not sent, where nothing was ever sent.
    ///
    /// *Errors*: the disk.
    pub async fn begin(&self) -> Result<(), std::io::Error> {
        for sink in &self.0 {
            if sink.kept.read()?.is_none() {
                let reader = LogReader::of(sink.log.directory());
                let last = reader.last(sink.log.end()).await;
                let last = last.map_err(std::io::Error::other)?;
                sink.kept.write(&last.position).await?;
            }
        }
        Ok(())
    }

    /// Starts to send, until the program ends.
    pub fn run(&self) {
        for sink in &self.0 {
            tokio::spawn(sink.clone().run());
        }
    }

    /// Has every file opened anew: somebody may have moved it away.
    pub fn reopen(&self) {
        for sink in &self.0 {
            sink.reopen.store(true, Ordering::Release);
        }
    }

    /// Tells how far each of them is.
    pub fn views(&self) -> Vec<SinkView> {
        let view = |sink: &Sink| sink.state.view(sink.log.end().seq);
        self.0.iter().map(view).collect()
    }
}

/// What was sent, and by when that is settled.
struct Sent {
    /// Up to where lines are settled: what a start begins behind.
    settled: Position,
    /// Lines that may still be lost with the connection that they went over, by when they went.
    unsettled: VecDeque<(Instant, Position)>,
}

impl Sent {
    /// Settles what was sent long enough ago; tells whether anything was.
    fn settle(&mut self, after: Duration) -> bool {
        let is_settled = |(at, _): &mut (Instant, Position)| at.elapsed() >= after;
        let mut any = false;
        while let Some((_, position)) = self.unsettled.pop_front_if(is_settled) {
            self.settled = position;
            any = true;
        }
        any
    }
}

impl Sink {
    async fn run(self) {
        let mut wait = FIRST_WAIT;
        loop {
            let begun = self.state.sent();
            if let Err(error) = self.send().await {
                self.state.failing(&error.to_string());
            }
            // What got through in between begins the waits anew.
            if self.state.sent() != begun {
                wait = FIRST_WAIT;
            }
            tokio::time::sleep(jittered(wait).min(MAX_WAIT)).await;
            wait = wait.saturating_mul(2).min(MAX_WAIT);
        }
    }

    /// Sends lines from where the place stood, until something fails.
    async fn send(&self) -> Result<(), SinkError> {
        let reader = LogReader::of(self.log.directory());
        let mut cursor = self.begin(&reader).await?;
        let mut sent = Sent {
            settled: cursor.position.clone(),
            unsettled: VecDeque::new(),
        };
        self.state.stands(cursor.position.seq);
        let mut place = Place::open(&self.settings.place, &self.host).await?;
        loop {
            if self.reopen.swap(false, Ordering::AcqRel) {
                place.reopen().await?;
            }
            let end = self.log.end();
            if cursor.is_before(end) {
                let followed = reader.after(cursor.clone(), end).await?;
                self.state.damaged(followed.damaged);
                if followed.next == cursor {
                    // It was cut behind our back; `verify` tells.
                    tokio::time::sleep(LOOK).await;
                    continue;
                }
                cursor = self
                    .pass_on(&mut place, followed.lines, followed.next)
                    .await?;
                let now = Instant::now();
                sent.unsettled.push_back((now, cursor.position.clone()));
            } else {
                place.prove_alive()?;
                tokio::time::sleep(LOOK).await;
            }
            if sent.settle(place.settles_after()) {
                self.kept.write(&sent.settled).await?;
            }
        }
    }

    async fn pass_on(
        &self,
        place: &mut Place,
        lines: Vec<FollowedLine>,
        next: Cursor,
    ) -> Result<Cursor, SinkError> {
        if !lines.is_empty() {
            place.write(lines).await?;
        }
        self.state.stands(next.position.seq);
        self.state.well();
        Ok(next)
    }

    /// Finds where the place stood. In a log that another one took the place of, all of it is sent: at
    /// least once is the promise.
    async fn begin(&self, reader: &LogReader) -> Result<Cursor, SinkError> {
        let kept = self.kept.read()?;
        let kept = kept.unwrap_or_else(Position::before_the_first);
        if let Some(cursor) = reader.find(kept.clone()).await? {
            return Ok(cursor);
        }
        tracing::warn!(
            sink = self.settings.name,
            seq = kept.seq,
            "the decision log has no such line; all of it is sent again"
        );
        let first = reader.find(Position::before_the_first()).await?;
        first.ok_or_else(|| SinkError::Kept(std::io::ErrorKind::NotFound.into()))
    }
}

/// Gives what this machine is called in records.
pub fn host_name(names: &[String], machine: &Path) -> String {
    let own = names.first().cloned();
    let own = own.or_else(|| std::fs::read_to_string(machine).ok());
    let own = own.unwrap_or_default();
    let host = own.trim().split(':').next().unwrap_or_default();
    host.to_owned()
}

#[cfg(test)]
mod tests;
