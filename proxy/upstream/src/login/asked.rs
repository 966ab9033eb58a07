//! A program that is asked who we are: one question at a time, anew before its answer ends and when
//! the upstream refuses it.
//!
//! Where no new answer comes the last one is used until it ends, and never after.

use std::collections::HashMap;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use tokio::time::Instant;

use crate::secrets;

use super::error::LoginError;
use super::program::Program;
use super::told::Told;
use super::{helper, proof, provider};

/// Shortest time between two questions that refusals lead to: an upstream may refuse us for good.
pub(super) const RENEWED_EVERY: Duration = Duration::from_secs(10);
/// How long a program that failed is not asked again: many wait for the same answer.
const FAILED_FOR: Duration = Duration::from_secs(1);
/// Most repositories whose own answers are kept.
const MAX_ANSWERS: usize = 10_000;

/// What a program speaks.
pub(super) enum Protocol {
    Helper(Program),
    Provider(Program),
}

/// A program, and what it said.
pub(crate) struct Asked {
    protocol: Protocol,
    /// The upstream's host, perhaps with a port, as programs are asked for it.
    registry: String,
    answers: Mutex<Answers>,
    /// Held by the one who asks.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct Answers {
    /// By repository; one that holds for all is under no name.
    by_path: HashMap<String, Answer>,
    /// Why the last question had no answer, and when that was known.
    failed: Option<(Instant, LoginError)>,
}

#[derive(Clone)]
struct Answer {
    proof: Option<HeaderValue>,
    asked_at: Instant,
    used_for: Duration,
    lives: Duration,
}

impl Asked {
    pub(super) fn new(protocol: Protocol, registry: String) -> Self {
        Self {
            protocol,
            registry,
            answers: Mutex::default(),
            asking: tokio::sync::Mutex::new(()),
        }
    }

    pub(super) async fn proof(&self, path: &str) -> Result<Option<HeaderValue>, LoginError> {
        let Some(last) = self.last(path) else {
            return self.ask(path, None).await;
        };
        let age = last.asked_at.elapsed();
        if age < last.used_for {
            return Ok(last.proof);
        }
        if age >= last.lives {
            return self.ask(path, Some(&last)).await;
        }
        // One asks, the others use what they have meanwhile.
        if self.asking.try_lock().is_err() {
            return Ok(last.proof);
        }
        match self.ask(path, Some(&last)).await {
            Err(error) => {
                let registry = &self.registry;
                tracing::warn!(registry, %error,
                    "credentials not renewed; the last ones stay until they end");
                Ok(last.proof)
            }
            renewed => renewed,
        }
    }

    pub(super) fn last_proof(&self, path: &str) -> Option<HeaderValue> {
        self.last(path)?.proof
    }

    pub(super) async fn has_changed(&self, path: &str, refused: Option<&HeaderValue>) -> bool {
        let Some(last) = self.last(path) else {
            return false;
        };
        if refused.is_some() && last.proof.as_ref() != refused {
            return true;
        }
        if last.asked_at.elapsed() < RENEWED_EVERY {
            return false;
        }
        match self.ask(path, Some(&last)).await {
            Ok(renewed) => renewed != last.proof,
            Err(error) => {
                let registry = &self.registry;
                tracing::warn!(registry, %error, "refused credentials not renewed");
                false
            }
        }
    }

    /// Asks, or takes what somebody else was told meanwhile: anything but `last`.
    async fn ask(
        &self,
        path: &str,
        last: Option<&Answer>,
    ) -> Result<Option<HeaderValue>, LoginError> {
        let _one_at_a_time = self.asking.lock().await;
        if let Some(answer) = self.last(path)
            && last.is_none_or(|last| last.asked_at != answer.asked_at)
        {
            return Ok(answer.proof);
        }
        if let Some((at, error)) = &self.answers().failed
            && at.elapsed() < FAILED_FOR
        {
            return Err(error.clone());
        }
        let asked_at = Instant::now();
        let told = self.told(path).await;
        let mut answers = self.answers();
        let failed = told.as_ref().err().cloned();
        answers.failed = failed.map(|error| (Instant::now(), error));
        let told = told?;
        if answers.by_path.len() >= MAX_ANSWERS {
            // They are asked for again.
            answers.by_path.clear();
        }
        let name = if told.is_of_one { path } else { "" };
        let answer = told_at(asked_at, &told);
        let proof = answer.proof.clone();
        answers.by_path.insert(name.to_owned(), answer);
        Ok(proof)
    }

    async fn told(&self, path: &str) -> Result<Told, LoginError> {
        match &self.protocol {
            Protocol::Helper(program) => helper::ask(program, &self.registry).await,
            Protocol::Provider(program) => {
                provider::ask(program, &format!("{}/{path}", self.registry)).await
            }
        }
    }

    fn last(&self, path: &str) -> Option<Answer> {
        let answers = self.answers();
        let of_one = answers.by_path.get(path);
        of_one.or_else(|| answers.by_path.get("")).cloned()
    }

    fn answers(&self) -> MutexGuard<'_, Answers> {
        self.answers.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

fn told_at(asked_at: Instant, told: &Told) -> Answer {
    if let Some(credentials) = &told.credentials {
        // As one of many to come.
        let (username, password) = (&credentials.username, credentials.password.expose());
        secrets::learn_passing(password);
        secrets::learn_passing(&format!("{username}:{password}"));
    }
    Answer {
        proof: told.credentials.as_ref().map(proof),
        asked_at,
        used_for: told.used_for,
        lives: told.lives,
    }
}
