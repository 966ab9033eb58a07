//! Letting one image of one repository through for a while, against what policy says: written down
//! before, told as an event, gone by itself.

use std::sync::Arc;
use std::time::Duration;

use jiff::{SignedDuration, Timestamp};
use sluicegate_model::clock::Clock;
use sluicegate_model::{Digest, Repository};

use crate::audit::{Audit, AuditError, GlassBroken};
use crate::events::{Happening, LetThrough};
use crate::identity::Who;
use crate::ledger::{Ledger, LedgerError, Waiver};
use crate::pull::waived::Waived;

/// Longest reason, in bytes.
const MAX_REASON_BYTES: usize = 500;

/// Says why nothing was let through.
#[derive(Debug, thiserror::Error)]
pub enum BreakGlassError {
    /// Nobody would know why.
    #[error("a reason is needed, of at most {MAX_REASON_BYTES} bytes in one line")]
    NoReason,
    /// It would be for no time, or too long.
    #[error("it may be for at most {} min, and for 1 s at least", .0.as_mins())]
    Time(SignedDuration),
    /// It could not be written down.
    #[error("it cannot be written down who let it through: {0}")]
    NotLogged(#[from] AuditError),
    /// It could not be kept.
    #[error(transparent)]
    NotKept(#[from] LedgerError),
}

/// Lets images through.
#[derive(Clone)]
pub struct BreakGlass {
    waived: Waived,
    ledger: Arc<dyn Ledger>,
    audit: Arc<dyn Audit>,
    clock: Clock,
    longest: SignedDuration,
}

impl BreakGlass {
    /// Joins the parts; nothing is let through for longer than this.
    pub(crate) fn new(
        waived: Waived,
        ledger: Arc<dyn Ledger>,
        audit: Arc<dyn Audit>,
        clock: Clock,
        longest: Duration,
    ) -> Self {
        Self {
            waived,
            ledger,
            audit,
            clock,
            longest: SignedDuration::try_from(longest).unwrap_or(SignedDuration::MAX),
        }
    }

    /// Takes up what was let through before a restart.
    pub async fn take_up(&self) -> Result<(), LedgerError> {
        for waiver in self.ledger.waivers().await? {
            self.waived.put(waiver);
        }
        Ok(())
    }

    /// Lets an image through.
    ///
    /// *Errors*: there is no reason, it is for too long, or it cannot be written down or kept.
    pub async fn let_through(
        &self,
        who: &Who,
        (repository, digest): (&Repository, &Digest),
        reason: &str,
        time: SignedDuration,
    ) -> Result<Waiver, BreakGlassError> {
        let reason = reason.trim();
        let is_line = !reason.contains(char::is_control);
        if reason.is_empty() || reason.len() > MAX_REASON_BYTES || !is_line {
            return Err(BreakGlassError::NoReason);
        }
        let now = self.clock.now();
        let until = now.checked_add(time).ok();
        let until = until.filter(|_| time <= self.longest && time.as_secs() > 0);
        let until = until.ok_or(BreakGlassError::Time(self.longest))?;
        let waiver = Waiver {
            repository: repository.clone(),
            digest: digest.clone(),
            by: who
                .principal
                .as_ref()
                .map_or_else(|| who.client.to_string(), ToString::to_string),
            reason: reason.to_owned(),
            since: now,
            until,
        };
        let broken = GlassBroken {
            who: who.clone(),
            repository: repository.clone(),
            digest: digest.clone(),
            words: format!("until {until}: {reason}"),
        };
        self.audit.record_break_glass(broken, now).await?;
        self.ledger.let_through(&waiver).await?;
        self.tell(&waiver, now).await?;
        self.waived.put(waiver.clone());
        Ok(waiver)
    }

    /// Lists what is let through at this moment, what ends first at the beginning.
    pub fn in_force(&self) -> Vec<Waiver> {
        self.waived.in_force(self.clock.now())
    }

    async fn tell(&self, waiver: &Waiver, now: Timestamp) -> Result<(), LedgerError> {
        let through = LetThrough {
            digest: waiver.digest.clone(),
            repository: waiver.repository.clone(),
            by: waiver.by.clone(),
            reason: waiver.reason.clone(),
            until: waiver.until,
        };
        self.ledger
            .tell(now, Happening::BreakGlass(through))
            .await?;
        Ok(())
    }
}
