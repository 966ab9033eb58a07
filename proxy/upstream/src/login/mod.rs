//! Who we are at one upstream, as its operator says now: once for all, in a file that changes, or by
//! a program that is asked.
//!
//! One question to a program is under way at a time; an answer is asked for anew before it ends, and
//! when the upstream refuses it. Where no new answer comes the last one is used until it ends, and
//! never after. Called by `token`.

mod error;
mod helper;
mod program;
mod provider;
mod told;

#[cfg(test)]
mod tests;

use std::collections::HashMap;
use std::path::Path;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::{Duration, SystemTime};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use sluicegate_config::{Credentials, Login as Source, read_password};
use tokio::time::Instant;
use url::{Position, Url};

pub use error::LoginError;

use crate::secrets;
use program::Program;
use told::Told;

/// How often it is looked whether a file has changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);
/// Shortest time between two questions that refusals lead to: an upstream may refuse us for good.
const RENEWED_EVERY: Duration = Duration::from_secs(10);
/// How long a program that failed is not asked again: many wait for the same answer.
const FAILED_FOR: Duration = Duration::from_secs(1);
/// Most repositories whose own answers are kept.
const MAX_ANSWERS: usize = 10_000;

/// Who we are: what goes into a request, and a number that no other answer has.
#[derive(Clone, Debug)]
pub(super) struct Known {
    /// The value of `Authorization` that proves it.
    pub(super) basic: HeaderValue,
    /// Which answer this is; tokens are had for one.
    pub(super) number: u64,
}

/// Finds out who we are at one upstream.
pub(super) struct Login {
    source: Source,
    /// The upstream's host, perhaps with a port, as programs are asked for it.
    registry: String,
    state: Mutex<State>,
    /// Held by the one who asks a program.
    asking: tokio::sync::Mutex<()>,
}

#[derive(Default)]
struct State {
    /// Answers by repository; one that holds for all is under no name.
    answers: HashMap<String, Answer>,
    /// The number of the newest answer.
    number: u64,
    /// Why the last question had no answer, and when that was known.
    failed: Option<(Instant, LoginError)>,
}

#[derive(Clone)]
struct Answer {
    known: Option<Known>,
    credentials: Option<Credentials>,
    asked_at: Instant,
    told: Lasting,
}

/// How long an answer is good.
#[derive(Clone, Copy)]
enum Lasting {
    /// For ever.
    ForGood,
    /// As long as a file is what it was; looked at now and then.
    File(Option<Stamp>, Instant),
    /// For a time after it was asked for: to be used, and to stand in for another.
    For(Duration, Duration),
}

/// When a file was written, and its size.
type Stamp = (SystemTime, u64);

impl Login {
    /// Takes up who we are said to be at the upstream with this address; asks nobody yet.
    pub(super) fn new(source: Source, base: &Url) -> Self {
        let registry = &base[Position::BeforeHost..Position::AfterPort];
        let login = Self {
            registry: registry.to_owned(),
            state: Mutex::default(),
            asking: tokio::sync::Mutex::new(()),
            source,
        };
        if let Some(said) = login.source.said().cloned() {
            let told = match &login.source {
                Source::InFile(_, file) => Lasting::File(stamp(file), Instant::now()),
                Source::Said(_) | Source::Helper(_) | Source::Provider(_) => Lasting::ForGood,
            };
            login.keep(String::new(), Some(said), Instant::now(), told);
        }
        login
    }

    /// Tells who we are for a repository; none where nobody in particular.
    pub(super) async fn known(&self, path: &str) -> Result<Option<Known>, LoginError> {
        let Some(answer) = self.answer(path) else {
            return self.ask(path, None).await;
        };
        match answer.told {
            Lasting::ForGood => Ok(answer.known),
            Lasting::File(..) => Ok(self.read_again(&answer)),
            Lasting::For(used_for, _) if answer.asked_at.elapsed() < used_for => Ok(answer.known),
            Lasting::For(_, lives) if answer.asked_at.elapsed() < lives => {
                // One asks, the others use what they have meanwhile.
                if self.asking.try_lock().is_err() {
                    return Ok(answer.known);
                }
                match self.ask(path, Some(&answer)).await {
                    Err(error) => {
                        let registry = &self.registry;
                        tracing::warn!(registry, reason = %error,
                            "credentials not renewed; the last ones stay until they end");
                        Ok(answer.known)
                    }
                    renewed => renewed,
                }
            }
            Lasting::For(..) => self.ask(path, Some(&answer)).await,
        }
    }

    /// Finds out, after a refusal, whether we are somebody else by now: `refused` is the number of
    /// what was refused, none where nobody had been asked before.
    pub(super) async fn has_changed(&self, path: &str, refused: Option<u64>) -> bool {
        let Some(answer) = self.answer(path) else {
            return false;
        };
        let number = |known: &Option<Known>| known.as_ref().map(|known| known.number);
        if refused.is_some() && number(&answer.known) != refused {
            return true;
        }
        let renewed = match answer.told {
            Lasting::ForGood => return false,
            Lasting::File(..) => self.read_file(&answer),
            Lasting::For(..) if answer.asked_at.elapsed() < RENEWED_EVERY => return false,
            Lasting::For(..) => match self.ask(path, Some(&answer)).await {
                Ok(renewed) => renewed,
                Err(error) => {
                    let registry = &self.registry;
                    tracing::warn!(registry, reason = %error, "refused credentials not renewed");
                    return false;
                }
            },
        };
        number(&renewed) != number(&answer.known)
    }

    /// Gives the number of what would be used now; none where nobody has been asked yet.
    pub(super) fn number(&self, path: &str) -> Option<u64> {
        self.answer(path)?.known.map(|known| known.number)
    }

    fn answer(&self, path: &str) -> Option<Answer> {
        let state = self.state();
        let answer = state.answers.get(path).or_else(|| state.answers.get(""));
        answer.cloned()
    }

    /// Asks the program, or takes what somebody else was told meanwhile: anything but `before`.
    async fn ask(&self, path: &str, before: Option<&Answer>) -> Result<Option<Known>, LoginError> {
        let _one_at_a_time = self.asking.lock().await;
        if let Some(answer) = self.answer(path)
            && before.is_none_or(|before| before.asked_at != answer.asked_at)
        {
            return Ok(answer.known);
        }
        let failed = self.state().failed.clone();
        if let Some((at, error)) = failed
            && at.elapsed() < FAILED_FOR
        {
            return Err(error);
        }
        let asked_at = Instant::now();
        let told = self.told(path).await;
        let failed = told.as_ref().err().cloned();
        self.state().failed = failed.map(|error| (Instant::now(), error));
        let Told {
            credentials,
            is_of_one,
            used_for,
            lives,
        } = told?;
        let name = if is_of_one { path } else { "" };
        let lasting = Lasting::For(used_for, lives);
        Ok(self.keep(name.to_owned(), credentials, asked_at, lasting))
    }

    async fn told(&self, path: &str) -> Result<Told, LoginError> {
        match &self.source {
            Source::Helper(name) => helper::ask(&helper::program(name), &self.registry).await,
            Source::Provider(provider) => {
                let program: Program = provider::program(provider);
                let image = format!("{}/{path}", self.registry);
                provider::ask(&program, &image).await
            }
            // These never end.
            Source::Said(said) | Source::InFile(said, _) => {
                let said = Some(said.clone());
                Ok(Told::of_all(said, Duration::MAX, Duration::MAX))
            }
        }
    }

    /// Looks at the file again, where the last look was a while ago and it is another one.
    fn read_again(&self, answer: &Answer) -> Option<Known> {
        let Lasting::File(stamp_then, looked_at) = answer.told else {
            return answer.known.clone();
        };
        let Source::InFile(_, file) = &self.source else {
            return answer.known.clone();
        };
        if looked_at.elapsed() < LOOK_EVERY {
            return answer.known.clone();
        }
        if stamp(file) == stamp_then {
            if let Some(kept) = self.state().answers.get_mut("") {
                kept.told = Lasting::File(stamp_then, Instant::now());
            }
            return answer.known.clone();
        }
        self.read_file(answer)
    }

    /// Reads the file; one that gives no password leaves the last one in use.
    fn read_file(&self, answer: &Answer) -> Option<Known> {
        let Source::InFile(said, file) = &self.source else {
            return answer.known.clone();
        };
        // Taken first: a change while it is read is found by the next look.
        let lasting = Lasting::File(stamp(file), Instant::now());
        let credentials = match read_password(file) {
            Ok(password) => Some(Credentials {
                username: said.username.clone(),
                password,
            }),
            Err(error) => {
                let (registry, error) = (&self.registry, LoginError::Password(Arc::new(error)));
                tracing::warn!(registry, reason = %error, "password not read; the last one stays");
                answer.credentials.clone()
            }
        };
        self.keep(String::new(), credentials, Instant::now(), lasting)
    }

    /// Keeps an answer; the same credentials keep their number.
    fn keep(
        &self,
        name: String,
        credentials: Option<Credentials>,
        asked_at: Instant,
        told: Lasting,
    ) -> Option<Known> {
        let mut state = self.state();
        let before = state.answers.get(&name);
        let same = before.filter(|before| before.credentials == credentials);
        let known = match (same, &credentials) {
            (Some(same), _) => same.known.clone(),
            (None, None) => None,
            (None, Some(credentials)) => {
                learn(credentials, told);
                state.number += 1;
                let number = state.number;
                basic(credentials).map(|basic| Known { basic, number })
            }
        };
        if state.answers.len() >= MAX_ANSWERS {
            // They are asked for again.
            state.answers.clear();
        }
        let answer = Answer {
            known: known.clone(),
            credentials,
            asked_at,
            told,
        };
        state.answers.insert(name, answer);
        known
    }

    fn state(&self) -> MutexGuard<'_, State> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

/// Has the secret recognised wherever it comes back: for ever, or as one of many to come.
fn learn(credentials: &Credentials, told: Lasting) {
    let (username, password) = (&*credentials.username, credentials.password.expose());
    match told {
        Lasting::ForGood | Lasting::File(..) => secrets::learn_login(username, password),
        Lasting::For(..) => {
            secrets::learn_passing(password);
            secrets::learn_passing(&format!("{username}:{password}"));
        }
    }
}

fn basic(credentials: &Credentials) -> Option<HeaderValue> {
    let pair = format!("{}:{}", credentials.username, credentials.password.expose());
    let mut header = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair))).ok()?;
    header.set_sensitive(true);
    Some(header)
}

fn stamp(file: &Path) -> Option<Stamp> {
    let file = file.metadata().ok()?;
    Some((file.modified().ok()?, file.len()))
}
