//! A password in a file, read again when that changes.
//!
//! One that cannot be read any more leaves the last one in use.

use std::path::PathBuf;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use http::HeaderValue;
use sluicegate_config::{Credentials, read_password};
use tokio::time::Instant;

use crate::stamp::Stamp;

use super::{learn_for_good, proof};

/// How often it is looked whether the file has changed.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// A file with a password.
pub(crate) struct PasswordFile {
    username: String,
    file: PathBuf,
    last: Mutex<Last>,
}

/// What was found at the last look.
struct Last {
    proof: HeaderValue,
    stamp: Option<Stamp>,
    looked_at: Instant,
}

impl PasswordFile {
    /// Takes up what was read from the file before.
    pub(super) fn new(credentials: Credentials, file: PathBuf) -> Self {
        learn_for_good(&credentials);
        let last = Last {
            proof: proof(&credentials),
            // A change since then is found by the next look.
            stamp: None,
            looked_at: Instant::now(),
        };
        Self {
            username: credentials.username,
            file,
            last: Mutex::new(last),
        }
    }

    /// Gives what is in the file, where that was not looked at just now.
    pub(super) fn proof(&self) -> HeaderValue {
        let mut last = self.last();
        if last.looked_at.elapsed() < LOOK_EVERY {
            return last.proof.clone();
        }
        last.looked_at = Instant::now();
        if Stamp::of(&self.file) == last.stamp {
            return last.proof.clone();
        }
        self.read_into(last)
    }

    pub(super) fn last_proof(&self) -> HeaderValue {
        self.last().proof.clone()
    }

    /// Reads the file whether it seems to have changed or not.
    pub(super) fn read(&self) -> HeaderValue {
        self.read_into(self.last())
    }

    fn read_into(&self, mut last: MutexGuard<'_, Last>) -> HeaderValue {
        // Taken first: a change while it is read is found by the next look.
        last.stamp = Stamp::of(&self.file);
        match read_password(&self.file) {
            Ok(password) => {
                let credentials = Credentials {
                    username: self.username.clone(),
                    password,
                };
                let proof = proof(&credentials);
                if proof != last.proof {
                    learn_for_good(&credentials);
                    last.proof = proof;
                }
            }
            Err(error) => tracing::warn!(%error, "password not read; the last one stays"),
        }
        last.proof.clone()
    }

    fn last(&self) -> MutexGuard<'_, Last> {
        self.last.lock().unwrap_or_else(PoisonError::into_inner)
    }
}
