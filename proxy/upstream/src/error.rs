//! Why a request to an upstream failed.
//!
//! Every variant says what was asked. Bodies of upstream errors are never passed on: at most one
//! bounded message of the first OCI error, cleaned and without secrets, as all foreign words are.

use std::error::Error;
use std::io;
use std::path::PathBuf;
use std::sync::Arc;
use std::time::Duration;

use rustls::client::VerifierBuilderError;
use rustls::pki_types::pem;
use sluicegate_model::Digest;

use super::login::LoginError;
use super::text::UpstreamText;

/// A cause that several waiters can share.
pub type Cause = Arc<dyn Error + Send + Sync>;

/// Says why a request to an upstream failed.
///
/// *Shape*: `what` names the thing asked for and the upstream, for example
/// `manifest library/nginx:1 of docker.io`.
#[derive(Clone, Debug, thiserror::Error)]
#[non_exhaustive]
pub enum UpstreamError {
    /// The upstream answered that it does not have it.
    #[error("{what} does not exist there")]
    NotFound {
        /// What was asked.
        what: String,
    },
    /// The upstream wants credentials that we do not have, or refuses the ones we have.
    #[error("{what}: upstream wants other credentials{}", shown(.detail.as_ref()))]
    Unauthorized {
        /// What was asked.
        what: String,
        /// The upstream's own words, cleaned.
        detail: Option<UpstreamText>,
    },
    /// The upstream knows us and says no.
    #[error("{what}: upstream denies access{}", shown(.detail.as_ref()))]
    Denied {
        /// What was asked.
        what: String,
        /// The upstream's own words, cleaned.
        detail: Option<UpstreamText>,
    },
    /// The upstream's rate limit is used up.
    #[error("{what}: upstream limits the rate of requests{}{}", reset(*.retry_after), shown(.detail.as_ref()))]
    RateLimited {
        /// What was asked.
        what: String,
        /// How long to wait, if the upstream said it.
        retry_after: Option<Duration>,
        /// The upstream's own words and its `ratelimit-*` headers, cleaned.
        detail: Option<UpstreamText>,
    },
    /// The upstream answered with a status that means trouble on its side.
    #[error("{what}: upstream answered {status}{}", shown(.detail.as_ref()))]
    Unavailable {
        /// What was asked.
        what: String,
        /// The HTTP status.
        status: u16,
        /// How long to wait, if the upstream said it.
        retry_after: Option<Duration>,
        /// The upstream's own words, cleaned.
        detail: Option<UpstreamText>,
    },
    /// Where the upstream sent us for the content, there was none. Its words stay there: they may
    /// quote the signature of the link.
    #[error("{what}: its storage at {host} answered {status}{}", expired(*.status))]
    Storage {
        /// What was asked.
        what: String,
        /// Scheme, host and port of the storage.
        host: UpstreamText,
        /// The HTTP status.
        status: u16,
    },
    /// Nothing came for too long.
    #[error("{what}: timed out: waited {} s for {phase}{}", .after.as_secs(), of(.host.as_ref()))]
    Timeout {
        /// What was asked.
        what: String,
        /// Scheme, host and port of whoever is silent, where it may be somebody else.
        host: Option<UpstreamText>,
        /// What did not come: headers, the next byte, the whole body.
        phase: &'static str,
        /// The limit that ran out.
        after: Duration,
    },
    /// No connection could be made, or it failed before an answer.
    #[error("{what}: cannot talk to {host}: {why}")]
    Connect {
        /// What was asked.
        what: String,
        /// Scheme, host and port that were tried.
        host: UpstreamText,
        /// The cause, in words.
        why: UpstreamText,
    },
    /// The body ended early or broke.
    #[error("{what}: body was cut after {received} bytes")]
    Cut {
        /// What was asked.
        what: String,
        /// Bytes received in this answer.
        received: u64,
        /// The cause, if the connection gave one.
        #[source]
        source: Option<Cause>,
    },
    /// The answer is larger than anything legitimate.
    #[error("{what}: answer is larger than {limit} bytes")]
    TooLarge {
        /// What was asked.
        what: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// The upstream gave other content than the digest promises.
    #[error("{what}: digest is {got}, wanted {wanted}")]
    DigestMismatch {
        /// What was asked.
        what: String,
        /// The digest that was asked for or promised in a header.
        wanted: Digest,
        /// The digest of what came.
        got: Digest,
    },
    /// The upstream sent us to a place we do not go.
    #[error("{what}: refused redirect to {target}: {reason}")]
    BadRedirect {
        /// What was asked.
        what: String,
        /// Scheme, host and port of the target; never its path or query, which may hold secrets.
        target: UpstreamText,
        /// Why it was refused.
        reason: &'static str,
    },
    /// The upstream asked us to authenticate at a place that must not see its credentials.
    #[error("{what}: refused token service {realm}: {reason}")]
    BadRealm {
        /// What was asked.
        what: String,
        /// Scheme, host and port of the token service.
        realm: UpstreamText,
        /// Why it was refused.
        reason: &'static str,
    },
    /// The answer breaks the protocol.
    #[error("{what}: {reason}")]
    Protocol {
        /// What was asked.
        what: String,
        /// What was wrong.
        reason: UpstreamText,
    },
    /// It is not known who we are there.
    #[error("{what}: credentials: {why}")]
    Login {
        /// What was asked.
        what: String,
        /// Why it is not.
        #[source]
        why: LoginError,
    },
    /// The settings of this upstream cannot work.
    #[error("upstream {name}: {why}")]
    Settings {
        /// The upstream's name.
        name: String,
        /// What is wrong with them.
        #[source]
        why: SettingsError,
    },
}

impl UpstreamError {
    /// Tells whether the same request may succeed if it is sent again soon.
    pub fn is_retryable(&self) -> bool {
        match self {
            Self::Unavailable { status, .. } => {
                (*status >= 500 && *status != 501) || *status == 408
            }
            // A link that has expired is made anew with the next request.
            Self::Storage { status, .. } => {
                *status >= 500 || matches!(*status, 401 | 403 | 404 | 408)
            }
            Self::Timeout { .. } | Self::Connect { .. } | Self::Cut { .. } => true,
            Self::Login { why, .. } => why.is_fleeting(),
            Self::RateLimited { retry_after, .. } => {
                retry_after.is_none_or(|wait| wait <= super::SHORT_RETRY_AFTER)
            }
            Self::NotFound { .. }
            | Self::Unauthorized { .. }
            | Self::Denied { .. }
            | Self::TooLarge { .. }
            | Self::DigestMismatch { .. }
            | Self::BadRedirect { .. }
            | Self::BadRealm { .. }
            | Self::Protocol { .. }
            | Self::Settings { .. } => false,
        }
    }

    /// Tells whether the upstream says that it is asked for too much: it may give the same thing
    /// later.
    pub fn is_too_much(&self) -> bool {
        match self {
            Self::RateLimited { .. } => true,
            Self::Unavailable { status, .. } | Self::Storage { status, .. } => *status == 503,
            _ => false,
        }
    }

    /// Gives how long the upstream asks to be left alone.
    pub fn retry_after(&self) -> Option<Duration> {
        match self {
            Self::RateLimited { retry_after, .. } | Self::Unavailable { retry_after, .. } => {
                *retry_after
            }
            _ => None,
        }
    }

    /// Says the same of something else, where the upstream wants to be left alone for so long yet.
    pub(super) fn of_another(&self, what: &str, left: Duration) -> Self {
        let seconds = left.as_secs() + u64::from(left.subsec_nanos() > 0);
        let mut error = self.clone();
        if let Self::RateLimited {
            what: asked,
            retry_after,
            ..
        }
        | Self::Unavailable {
            what: asked,
            retry_after,
            ..
        } = &mut error
        {
            what.clone_into(asked);
            *retry_after = Some(Duration::from_secs(seconds));
        }
        error
    }

    /// Tells whether this is what the upstream answers, rather than that it cannot answer now: it
    /// is silent, limits the rate, or has trouble.
    ///
    /// 501 is an answer: it says that the upstream does not know how.
    pub fn is_an_answer(&self) -> bool {
        match self {
            Self::Unavailable { status, .. } | Self::Storage { status, .. } => {
                matches!(*status, 501) || !(500..600).contains(status)
            }
            Self::NotFound { .. }
            | Self::Unauthorized { .. }
            | Self::Denied { .. }
            | Self::TooLarge { .. }
            | Self::DigestMismatch { .. }
            | Self::BadRedirect { .. }
            | Self::Protocol { .. } => true,
            Self::RateLimited { .. }
            | Self::Timeout { .. }
            | Self::Connect { .. }
            | Self::Cut { .. }
            | Self::BadRealm { .. }
            | Self::Login { .. }
            | Self::Settings { .. } => false,
        }
    }
}

fn of(host: Option<&UpstreamText>) -> String {
    host.map_or_else(String::new, |host| format!(" of {host}"))
}

/// Says what a storage most often means by a refusal.
fn expired(status: u16) -> &'static str {
    if matches!(status, 400 | 401 | 403) {
        "; the link that the upstream gave is not accepted there"
    } else {
        ""
    }
}

fn shown(detail: Option<&UpstreamText>) -> String {
    detail.map_or_else(String::new, |text| format!(" ({text})"))
}

fn reset(retry_after: Option<Duration>) -> String {
    retry_after.map_or_else(String::new, |wait| {
        format!(", try again in {} s", wait.as_secs())
    })
}

/// Says what is wrong with an upstream's settings: the fault of whoever wrote them.
#[derive(Clone, Debug, thiserror::Error)]
pub enum SettingsError {
    /// Its registry cannot be asked by HTTP.
    #[error("its url is neither http:// nor https://")]
    Scheme,
    /// A secret stands where everybody sees it.
    #[error("its url holds credentials; give them by file or environment")]
    UrlCredentials,
    /// A secret would be sent as it is.
    #[error("credentials would travel in the clear; allow_insecure_credentials allows that")]
    ClearCredentials,
    /// The file with its authorities cannot be read.
    #[error("cannot read its CA file {path}: {source}", path = path.display())]
    CaFile {
        /// The file.
        path: PathBuf,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// That file is no PEM.
    #[error("cannot read its CA file: {0}")]
    Pem(#[source] Arc<pem::Error>),
    /// That file has nothing in it.
    #[error("its CA file holds no certificate")]
    NoCertificate,
    /// A certificate in it is of no use.
    #[error("cannot use its CA file: {0}")]
    Ca(#[source] rustls::Error),
    /// All of them together are of no use.
    #[error("cannot use its CA file: {0}")]
    Verifier(#[source] VerifierBuilderError),
    /// This program's own choice of TLS is refused by its library.
    #[error("cannot set up TLS: {0}")]
    Tls(#[source] rustls::Error),
}
