//! Who we are at one upstream, as its operator says now: once for all, in a file that changes, or by
//! a program that is asked.
//!
//! Each way is a file of its own; called by `token`. What proves who we are is the value of
//! `Authorization` that `Basic` wants: another one is another answer.

mod asked;
mod error;
mod file;
mod helper;
mod program;
mod provider;
mod told;

#[cfg(test)]
mod tests;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use sluicegate_config::{Credentials, Login as Source};
use url::{Position, Url};

pub use error::LoginError;

use crate::secrets;
use asked::{Asked, Protocol};
use file::PasswordFile;

/// Finds out who we are at one upstream.
pub(super) enum Login {
    /// That never changes.
    Said(HeaderValue),
    /// The password is in a file.
    InFile(PasswordFile),
    /// A program tells it.
    Asked(Box<Asked>),
}

impl Login {
    /// Takes up who we are said to be at the upstream with this address; asks nobody yet.
    pub(super) fn new(source: Source, base: &Url) -> Self {
        let registry = base[Position::BeforeHost..Position::AfterPort].to_owned();
        let asked = |protocol| Self::Asked(Box::new(Asked::new(protocol, registry)));
        match source {
            Source::Said(credentials) => {
                learn_for_good(&credentials);
                Self::Said(proof(&credentials))
            }
            Source::InFile(credentials, file) => Self::InFile(PasswordFile::new(credentials, file)),
            Source::Helper(name) => asked(Protocol::Helper(helper::program(&name))),
            Source::Provider(provider) => asked(Protocol::Provider(provider::program(provider))),
        }
    }

    /// Gives what proves who we are for a repository; none where we are nobody in particular.
    pub(super) async fn proof(&self, path: &str) -> Result<Option<HeaderValue>, LoginError> {
        match self {
            Self::Said(proof) => Ok(Some(proof.clone())),
            Self::InFile(file) => Ok(Some(file.proof())),
            Self::Asked(asked) => asked.proof(path).await,
        }
    }

    /// Gives the last proof that is known without asking anybody.
    pub(super) fn last_proof(&self, path: &str) -> Option<HeaderValue> {
        match self {
            Self::Said(proof) => Some(proof.clone()),
            Self::InFile(file) => Some(file.last_proof()),
            Self::Asked(asked) => asked.last_proof(path),
        }
    }

    /// Looks, after a refusal, whether we are somebody else by now than the one who was refused.
    pub(super) async fn has_changed(&self, path: &str, refused: Option<&HeaderValue>) -> bool {
        match self {
            Self::Said(_) => false,
            Self::InFile(file) => refused.is_some_and(|refused| file.read() != *refused),
            Self::Asked(asked) => asked.has_changed(path, refused).await,
        }
    }
}

/// Has a secret recognised wherever it comes back, as long as the program runs.
fn learn_for_good(credentials: &Credentials) {
    secrets::learn_login(&credentials.username, credentials.password.expose());
}

/// Writes credentials as `Basic` wants them.
fn proof(credentials: &Credentials) -> HeaderValue {
    let pair = format!("{}:{}", credentials.username, credentials.password.expose());
    let header = HeaderValue::try_from(format!("Basic {}", STANDARD.encode(pair)));
    // Base64 has no character that a header cannot.
    let mut header = header.unwrap_or_else(|_| HeaderValue::from_static("Basic"));
    header.set_sensitive(true);
    header
}
