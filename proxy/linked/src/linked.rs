//! All that is known of scanners elsewhere, and what is done to them as a whole.

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Arc, Mutex};

use jiff::Timestamp;
use sluicegate_engine::events::{LossReason, ScannerLoss};
use sluicegate_engine::identity::{Presented, Who};
use sluicegate_engine::memory::Memory;
use sluicegate_model::access::Rights;
use tokio::sync::mpsc::{UnboundedReceiver, UnboundedSender, unbounded_channel};

use crate::book::{Scanner, ScannerState};
use crate::desk::{Desk, LOOK, Standing};
use crate::roll::{ChangeError, Roll, RollParts};
use sluicegate_accounts::vouched::Unproven;
use sluicegate_model::Digest;

/// The scanners of an instance and their work.
#[derive(Clone, Debug)]
pub struct Linked {
    roll: Roll,
    desk: Desk,
    outlet: Arc<Outlet>,
}

/// What others are told of scanners.
#[derive(Debug)]
struct Outlet {
    told: UnboundedSender<News>,
    heard: Mutex<Option<UnboundedReceiver<News>>>,
}

/// What has become of a scanner.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum News {
    /// It has ended: what only it said is to be taken back.
    Ended(String),
    /// Nothing more comes from it, and nobody asked for that. What was so when the service started is
    /// told again.
    Lost(ScannerLoss, Timestamp),
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
        let outlet = Outlet {
            told,
            heard: Mutex::new(Some(heard)),
        };
        Self {
            roll: Roll::new(parts),
            desk: Desk::new(memory, clock),
            outlet: Arc::new(outlet),
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
                self.tell(News::Ended(scanner.name.clone()));
            }
            if state == ScannerState::Suspended {
                self.tell_suspended(&scanner);
            }
        }
        Ok(())
    }

    /// Gives, once, what becomes of scanners from now on.
    pub fn news(&self) -> Option<UnboundedReceiver<News>> {
        let mut heard = self.outlet.heard.lock();
        heard.as_mut().ok()?.take()
    }

    fn tell(&self, news: News) {
        // Nobody hears of it where the service stops.
        let _nobody_hears = self.outlet.told.send(news);
    }

    fn tell_suspended(&self, scanner: &Scanner) {
        let (Some(enrolment), Some(suspension)) = (&scanner.enrolment, &scanner.suspension) else {
            return;
        };
        let loss = ScannerLoss {
            scanner: scanner.name.clone(),
            enrolment: enrolment.id.clone(),
            reason: LossReason::Suspended,
            last_seen: self.desk.standing(&enrolment.id).last_seen,
            detail: Some(suspension.why.clone()),
        };
        self.tell(News::Lost(loss, suspension.at));
    }

    fn tell_of_those_away(&self) {
        for (scanner, last_seen) in self.desk.missed(&self.roll.in_force()) {
            let (name, enrolment) = (&scanner.name, &scanner.enrolment);
            let last = last_seen.map(|at| at.to_string());
            tracing::warn!(scanner = %name, %enrolment, last, "a linked scanner is away");
            let loss = ScannerLoss {
                scanner: name.clone(),
                enrolment: enrolment.clone(),
                reason: LossReason::Away,
                last_seen,
                detail: None,
            };
            self.tell(News::Lost(loss, self.roll.now()));
        }
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
            self.tell(News::Ended(name.to_owned()));
        }
        Ok(ended)
    }

    /// Takes nothing more of a scanner that said what is not so.
    pub async fn suspend(&self, enrolment: &str, why: &str) {
        let suspended = self.roll.suspend(enrolment, why, &this_service()).await;
        match &suspended {
            Ok(Some(scanner)) => {
                self.tell(News::Ended(scanner.name.clone()));
                self.tell_suspended(scanner);
                tracing::error!(scanner = %scanner.name, enrolment, why, "a linked scanner is suspended");
            }
            Ok(None) => {}
            Err(error) => {
                tracing::error!(enrolment, why, %error, "a linked scanner is suspended until the next start only: that cannot be kept");
            }
        }
        self.desk.end(enrolment);
    }

    /// Does what has to be done now and then; for as long as the service runs.
    pub async fn run(self) {
        loop {
            tokio::time::sleep(LOOK).await;
            self.desk.look();
            self.tell_of_those_away();
        }
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
