//! All that is known of scanners elsewhere, and what is done to them as a whole.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use sluicegate_engine::identity::{Presented, Who};
use sluicegate_engine::memory::Memory;
use sluicegate_model::access::Rights;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::book::{Scanner, ScannerState};
use crate::desk::{Desk, Standing};
use crate::roll::{ChangeError, Roll, RollParts};
use sluicegate_accounts::vouched::Unproven;
use sluicegate_model::Digest;

/// The scanners of an instance and their work.
#[derive(Clone, Debug)]
pub struct Linked {
    roll: Roll,
    desk: Desk,
    ended: Arc<Ended>,
}

/// Names of scanners that have ended, for whoever takes back what only they said.
#[derive(Debug)]
struct Ended {
    told: UnboundedSender<String>,
    heard: Mutex<Option<UnboundedReceiver<String>>>,
}

/// A scanner as it is shown.
#[derive(Clone, Debug)]
pub struct ShownScanner {
    /// The scanner.
    pub scanner: Scanner,
    /// How it stands.
    pub state: ScannerState,
    /// How it stands with its work.
    pub standing: Standing,
}

impl Linked {
    /// Begins without any scanner; [`Self::take_up`] finds those that are kept.
    pub fn new(parts: RollParts, memory: Memory) -> Self {
        let clock = parts.book.clock.clone();
        let (told, heard) = unbounded_channel();
        let ended = Ended {
            told,
            heard: Mutex::new(Some(heard)),
        };
        Self {
            roll: Roll::new(parts),
            desk: Desk::new(memory, clock),
            ended: Arc::new(ended),
        }
    }

    /// Takes up the scanners that are kept, where they are those that the log tells of: `logged` is the
    /// digest in its last line about a change.
    pub async fn take_up(&self, logged: Option<Digest>) -> Result<(), Unproven> {
        self.roll.take_up(logged, &this_service()).await?;
        let now = self.roll.now();
        // A crash may have come between their end and what follows from it.
        for scanner in self.roll.all() {
            let state = scanner.state(now);
            let has_ended = matches!(state, ScannerState::Revoked | ScannerState::Suspended);
            if has_ended && self.roll.named(&scanner.name).is_none() {
                self.ended(&scanner.name);
            }
        }
        Ok(())
    }

    /// Gives, once, the names of scanners as they end: what only they said is to be taken back.
    pub fn endings(&self) -> Option<UnboundedReceiver<String>> {
        let mut heard = self.ended.heard.lock();
        heard.as_mut().ok()?.take()
    }

    fn ended(&self, name: &str) {
        // Nobody hears of it where the service stops.
        let _nobody_hears = self.ended.told.send(name.to_owned());
    }

    /// Gives who is linked.
    pub fn roll(&self) -> &Roll {
        &self.roll
    }

    /// Gives their work.
    pub fn desk(&self) -> &Desk {
        &self.desk
    }

    /// Lists all scanners, the oldest first.
    pub fn list(&self) -> Vec<ShownScanner> {
        let now = self.roll.now();
        let shown = |scanner: Scanner| {
            let enrolment = scanner.enrolment.as_ref();
            let standing = enrolment.map(|enrolment| self.desk.standing(&enrolment.id));
            ShownScanner {
                state: scanner.state(now),
                standing: standing.unwrap_or_default(),
                scanner,
            }
        };
        self.roll.all().into_iter().map(shown).collect()
    }

    /// Ends a scanner: its leases end with it, and nothing it says is taken from now on.
    pub async fn revoke(&self, name: &str, by: &Who) -> Result<Vec<Scanner>, ChangeError> {
        let ended = self.roll.revoke(name, by).await?;
        for enrolment in ended.iter().filter_map(|it| it.enrolment.as_ref()) {
            self.desk.end(&enrolment.id);
            self.ended(name);
        }
        Ok(ended)
    }

    /// Takes nothing more of a scanner that said what is not so.
    pub async fn suspend(&self, enrolment: &str, why: &str) {
        let suspended = self.roll.suspend(enrolment, why, &this_service()).await;
        self.desk.end(enrolment);
        match suspended {
            Ok(Some(scanner)) => {
                self.ended(&scanner.name);
                tracing::error!(scanner = %scanner.name, enrolment, why, "a linked scanner is suspended");
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(enrolment, why, %error, "a linked scanner is suspended until the next start only: that cannot be kept");
            }
        }
    }

    /// Does what has to be done now and then; for as long as the service runs.
    pub async fn run(self) {
        self.desk.run().await;
    }

    /// Gives out nothing more: the service stops.
    pub fn close(&self) {
        self.desk.close();
    }
}

/// The service, where it does something by itself.
fn this_service() -> Who {
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    Presented::from_address(here).by(None, Rights::everywhere(&[]))
}
