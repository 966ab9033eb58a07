//! An audit that keeps what it was told, and can be told to fail.

use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use async_trait::async_trait;
use jiff::Timestamp;

use super::turns::{InTurn, Turns};
use crate::audit::{Audit, AuditError, Denial, GlassBroken, KeyLine, Pull, RefusedName};

/// Keeps every line in memory.
#[derive(Debug, Default)]
pub struct MemoryAudit {
    pulls: Mutex<Vec<(Pull, Timestamp)>>,
    denials: Mutex<Vec<Denial>>,
    names: Mutex<Vec<RefusedName>>,
    keys: Mutex<Vec<KeyLine>>,
    broken: Mutex<Vec<GlassBroken>>,
    fails: AtomicBool,
    turns: InTurn,
}

impl MemoryAudit {
    /// Starts empty; every line takes a turn.
    pub fn in_turns(turns: Arc<dyn Turns>) -> Self {
        Self {
            turns: InTurn::of(turns),
            ..Self::default()
        }
    }

    /// Gives what was recorded, each time that it was.
    pub fn pulls(&self) -> Vec<Pull> {
        let pulls = self.timed_pulls().into_iter();
        pulls.map(|(pull, _)| pull).collect()
    }

    /// Gives the same, and when.
    pub fn timed_pulls(&self) -> Vec<(Pull, Timestamp)> {
        lock(&self.pulls).clone()
    }

    /// Gives what was denied.
    pub fn denials(&self) -> Vec<Denial> {
        lock(&self.denials).clone()
    }

    /// Gives which names were refused.
    pub fn names(&self) -> Vec<RefusedName> {
        lock(&self.names).clone()
    }

    /// Gives what was done with keys.
    pub fn keys(&self) -> Vec<KeyLine> {
        lock(&self.keys).clone()
    }

    /// Gives what was let through.
    pub fn broken(&self) -> Vec<GlassBroken> {
        lock(&self.broken).clone()
    }

    /// Says whether lines can be written from now on.
    pub fn let_fail(&self, fails: bool) {
        self.fails.store(fails, Ordering::SeqCst);
    }

    async fn write<T>(&self, lines: &Mutex<Vec<T>>, line: T) -> Result<(), AuditError> {
        self.turns.take("audit").await;
        self.check()?;
        lock(lines).push(line);
        Ok(())
    }

    fn check(&self) -> Result<(), AuditError> {
        if self.fails.load(Ordering::SeqCst) {
            return Err(AuditError("lines cannot be written".into()));
        }
        Ok(())
    }
}

#[async_trait]
impl Audit for MemoryAudit {
    async fn record(&self, pull: Pull, now: Timestamp) -> Result<(), AuditError> {
        self.write(&self.pulls, (pull, now)).await
    }

    async fn record_verdict(&self, pull: Pull, now: Timestamp) -> Result<(), AuditError> {
        self.write(&self.pulls, (pull, now)).await
    }

    async fn record_name(&self, refused: RefusedName, _now: Timestamp) -> Result<(), AuditError> {
        self.write(&self.names, refused).await
    }

    async fn record_denial(&self, denial: Denial, _now: Timestamp) -> Result<(), AuditError> {
        self.write(&self.denials, denial).await
    }

    async fn record_break_glass(
        &self,
        broken: GlassBroken,
        _now: Timestamp,
    ) -> Result<(), AuditError> {
        self.write(&self.broken, broken).await
    }

    async fn record_key(&self, line: KeyLine, _now: Timestamp) -> Result<(), AuditError> {
        self.write(&self.keys, line).await
    }

    async fn prove(&self) -> Result<(), AuditError> {
        self.check()
    }
}

fn lock<T>(lines: &Mutex<Vec<T>>) -> MutexGuard<'_, Vec<T>> {
    lines.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests {
    use sluicegate_model::Digest;
    use sluicegate_model::verdict::Decision;

    use super::*;
    use crate::testkit::audit_suite::{self, Subject};

    impl Subject for MemoryAudit {
        fn audit(&self) -> &dyn Audit {
            self
        }

        fn written(&self) -> Vec<(Option<Digest>, Decision)> {
            let pulls = self.pulls().into_iter();
            let pulls = pulls.map(|pull| (Some(pull.digest.clone()), pull.decision()));
            let denials = self.denials().into_iter();
            pulls
                .chain(denials.map(|denial| (denial.digest, Decision::Refuse)))
                .collect()
        }

        fn let_fail(&mut self, fails: bool) {
            MemoryAudit::let_fail(self, fails);
        }
    }

    #[tokio::test]
    async fn keeps_every_promise() {
        audit_suite::prove(MemoryAudit::default).await;
    }
}
