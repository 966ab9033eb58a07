//! What is written down when policies come in force and when they decide: their texts, and a line.

use sluicegate_model::Scope;
use sluicegate_model::clock::Clock;
use sluicegate_policy::PolicySet;

use super::DecisionLog;
use super::entry::{Grounds, LineKind, LogEntry};
use super::policy_texts::{PolicyTexts, TextsError};
use crate::chain::LogError;

/// Keeps texts of policies and logs their changes.
#[derive(Clone, Debug)]
pub struct PolicyRecord {
    log: DecisionLog,
    texts: PolicyTexts,
    clock: Clock,
}

/// Says why a set cannot be written down.
#[derive(Debug, thiserror::Error)]
pub enum RecordError {
    /// Its texts cannot be kept.
    #[error(transparent)]
    Texts(#[from] TextsError),
    /// Its line cannot be written.
    #[error(transparent)]
    Log(#[from] LogError),
}

impl PolicyRecord {
    /// Joins the log and the texts beside it.
    pub fn new(log: DecisionLog, texts: PolicyTexts, clock: Clock) -> Self {
        Self { log, texts, clock }
    }

    /// Writes down that a set comes in force: its texts, and a line where it is another one than the
    /// last, be that of an earlier process. Blocks on the disk; durable when it returns.
    ///
    /// The first set ever changes nothing and is no line: the lines of pulls name it.
    pub fn enter(&self, set: &PolicySet) -> Result<(), RecordError> {
        let digest = set.digest();
        let before = self.texts.in_force();
        if before.as_ref() == Some(&digest) {
            return Ok(());
        }
        self.texts.keep(&digest, || set.documents())?;
        if before.is_some() {
            self.log.append_blocking(self.line(set))?;
        }
        self.texts.set_in_force(&digest)?;
        Ok(())
    }

    /// Keeps the texts that decide in a scope; blocks on the disk where they are new.
    pub fn keep_for(&self, set: &PolicySet, scope: &Scope) -> Result<(), TextsError> {
        let digest = set.digest_for(scope);
        self.texts.keep(&digest, || set.documents_for(scope))
    }

    fn line(&self, set: &PolicySet) -> LogEntry {
        LogEntry {
            basis: Grounds {
                policy: Some(set.policy_names().join("+")),
                policies: Some(set.digest()),
                ..Grounds::default()
            },
            count: 0,
            ..LogEntry::new(self.clock.now(), LineKind::Policy)
        }
    }
}
