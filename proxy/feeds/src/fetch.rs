//! Downloads one file of a mirror: conditionally, within bounds, again when it may help.
//!
//! What arrives lies beside the good copy under a name of its own until the caller has looked at
//! it; a download that fails leaves nothing behind. Called by `mirror`.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::Duration;

use http::{HeaderMap, HeaderName, HeaderValue, Response, StatusCode, header};
use hyper::body::Incoming;
use serde::{Deserialize, Serialize};
use sha2::Digest as _;
use sluicegate_config::UpstreamSettings;
use sluicegate_machine::private;
use sluicegate_upstream::{ProxyVariables, UpstreamError, Web, jittered, promised_length};
use tokio::io::AsyncWriteExt as _;
use url::Url;

use super::access::Access;
use super::broken::Broken;

/// How often a file is asked for in all.
const ATTEMPTS: u32 = 4;
/// Wait before the second attempt; quadrupled for each further one. Nobody waits for a sync, and a
/// mirror in trouble is helped by patience.
const FIRST_WAIT: Duration = Duration::from_secs(1);
/// Longest `Retry-After` waited for; a longer one ends this sync, and the next comes by itself.
const MAX_RETRY_AFTER: Duration = Duration::from_secs(30);
/// Longest time for one body: 512 MiB at 2.4 Mbit/s. A drip ends here.
const TRANSFER: Duration = Duration::from_mins(30);
/// Longest validator kept, in bytes; real ones have about 40.
const MAX_VALIDATOR_BYTES: usize = 512;

/// Says why a file could not be had.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// The mirror did not send it.
    #[error(transparent)]
    Upstream(#[from] UpstreamError),
    /// It could not be kept.
    #[error("{action} {path}", path = path.display())]
    File {
        /// What was attempted.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: std::io::Error,
    },
    /// It wants to know who we are, or does not believe it.
    #[error("{what}: the place {advice}")]
    Login {
        /// What was fetched.
        what: String,
        /// What is wrong, and what to do.
        advice: &'static str,
    },
    /// All files of the mirror together would be too large.
    #[error("{what}: the mirror's files together are larger than {limit} bytes")]
    NoRoom {
        /// What was fetched.
        what: String,
        /// The limit in bytes.
        limit: u64,
    },
    /// What came is not what its name says.
    #[error("{what}: {why}")]
    NotWhole {
        /// What was fetched.
        what: String,
        /// What is wrong with it.
        #[source]
        why: Broken,
    },
}

impl FetchError {
    /// Tells whether the mirror says that it has no such file. Buckets that do not list their
    /// content answer 403 for what is not there.
    pub(super) fn is_absent(&self) -> bool {
        matches!(
            self,
            Self::Upstream(UpstreamError::NotFound { .. } | UpstreamError::Denied { .. })
        )
    }

    /// Tells whether it says nothing about the file: the mirror cannot be reached or is busy, or
    /// nothing can be kept here.
    pub(super) fn is_passing(&self) -> bool {
        match self {
            Self::Upstream(UpstreamError::RateLimited { .. }) | Self::File { .. } => true,
            Self::Upstream(error) => error.is_retryable(),
            Self::Login { .. } | Self::NoRoom { .. } | Self::NotWhole { .. } => false,
        }
    }

    /// Gives how long to wait before the next attempt; none where another would not help.
    fn pause(&self, usual: Duration) -> Option<Duration> {
        match self {
            Self::Upstream(UpstreamError::RateLimited {
                retry_after: Some(asked),
                ..
            }) => (*asked <= MAX_RETRY_AFTER).then_some(*asked),
            Self::Upstream(UpstreamError::RateLimited { .. }) => Some(jittered(usual)),
            Self::Upstream(error) => error.is_retryable().then(|| jittered(usual)),
            Self::Login { .. }
            | Self::File { .. }
            | Self::NoRoom { .. }
            | Self::NotWhole { .. } => None,
        }
    }
}

/// What a mirror said about the version of a file that it sent.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Validators {
    etag: Option<String>,
    last_modified: Option<String>,
}

/// A file to fetch.
#[derive(Clone, Debug)]
pub(super) struct Errand {
    /// What it is, in words, for messages.
    pub(super) what: String,
    /// Where it is.
    pub(super) url: Url,
    /// Where it is put.
    pub(super) into: PathBuf,
    /// Most bytes.
    pub(super) limit: u64,
    /// What the mirror said about the copy that is here.
    pub(super) known: Option<Validators>,
}

/// How a download ended.
#[derive(Debug)]
pub(super) enum Fetched {
    /// The copy that is here is the newest.
    Unchanged,
    /// A new one lies where it was to be put; it is not durable yet.
    New(Arrived),
}

/// A file that has arrived.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Arrived {
    pub(super) validators: Validators,
    pub(super) bytes: u64,
    /// Of the content, in hex.
    pub(super) sha256: String,
}

/// The bytes that all files of a mirror may still take.
#[derive(Debug)]
pub(super) struct Room {
    left: AtomicU64,
    limit: u64,
}

impl Room {
    /// Counts `used` of `limit` bytes as taken.
    pub(super) fn new(limit: u64, used: u64) -> Self {
        let left = AtomicU64::new(limit.saturating_sub(used));
        Self { left, limit }
    }

    fn take(&self, bytes: u64) -> bool {
        self.left
            .fetch_update(Ordering::Relaxed, Ordering::Relaxed, |left| {
                left.checked_sub(bytes)
            })
            .is_ok()
    }

    fn give_back(&self, bytes: u64) {
        self.left.fetch_add(bytes, Ordering::Relaxed);
    }
}

/// Told the bytes received so far, and those expected where the mirror says it.
pub(super) type OnBytes = dyn Fn(u64, Option<u64>) + Send + Sync;

/// Fetches files from one place.
#[derive(Debug)]
pub(super) struct Fetcher {
    access: Access,
    first_wait: Duration,
}

impl Fetcher {
    /// Prepares a client that nobody needs to know; connects to nothing.
    pub(super) fn new(base: &Url, proxy: ProxyVariables) -> Result<Self, UpstreamError> {
        let name = base.host_str().unwrap_or_default();
        Self::of(UpstreamSettings::anonymous(name, base.clone()), proxy)
    }

    /// Prepares a client; connects to nothing.
    pub(super) fn of(site: UpstreamSettings, proxy: ProxyVariables) -> Result<Self, UpstreamError> {
        Ok(Self {
            access: Access::new(site, proxy)?,
            first_wait: FIRST_WAIT,
        })
    }

    /// Waits as told between attempts.
    #[cfg(test)]
    pub(super) fn waiting(self, first_wait: Duration) -> Self {
        Self { first_wait, ..self }
    }

    /// Fetches a file, or learns that the copy that is here is the newest.
    pub(super) async fn fetch(
        &self,
        errand: &Errand,
        room: &Room,
        on_bytes: &OnBytes,
    ) -> Result<Fetched, FetchError> {
        let mut wait = self.first_wait;
        for _ in 1..ATTEMPTS {
            match self.attempt(errand, room, on_bytes).await {
                Err(error) => match error.pause(wait) {
                    Some(pause) => {
                        tracing::debug!(%error, "feed file not fetched, trying again");
                        tokio::time::sleep(pause).await;
                    }
                    None => return Err(error),
                },
                fetched => return fetched,
            }
            wait = wait.saturating_mul(4);
        }
        self.attempt(errand, room, on_bytes).await
    }

    async fn attempt(
        &self,
        errand: &Errand,
        room: &Room,
        on_bytes: &OnBytes,
    ) -> Result<Fetched, FetchError> {
        let conditions = errand.known.as_ref().map(conditions).unwrap_or_default();
        let web = self.access.web();
        let response = web.get(&errand.what, &errand.url, conditions).await;
        let response = response.map_err(|error| self.told(errand, error))?;
        if response.status() == StatusCode::NOT_MODIFIED {
            return Ok(Fetched::Unchanged);
        }
        let mut received = 0;
        let receiving = receive(&web, errand, response, room, &mut received, on_bytes);
        let outcome = match tokio::time::timeout(TRANSFER, receiving).await {
            Ok(outcome) => outcome,
            Err(_) => Err(FetchError::Upstream(UpstreamError::Timeout {
                what: errand.what.clone(),
                host: None,
                phase: "the whole body",
                after: TRANSFER,
            })),
        };
        if outcome.is_err() {
            room.give_back(received);
            // The error that stopped the download says more than one about its leftovers would.
            let _ = tokio::fs::remove_file(&errand.into).await;
        }
        outcome.map(Fetched::New)
    }

    /// Says of a login that is missing or wrong what to do about it.
    fn told(&self, errand: &Errand, error: UpstreamError) -> FetchError {
        match error {
            UpstreamError::Unauthorized { .. } => FetchError::Login {
                what: errand.what.clone(),
                advice: if self.access.is_known_there() {
                    "refuses the user name and password that are configured"
                } else {
                    "wants a user name and a password: write the feed in the config file, as an \
                     entry of feed with url, username and password_file"
                },
            },
            error => FetchError::Upstream(error),
        }
    }
}

async fn receive(
    web: &Web,
    errand: &Errand,
    response: Response<Incoming>,
    room: &Room,
    received: &mut u64,
    on_bytes: &OnBytes,
) -> Result<Arrived, FetchError> {
    let (head, mut body) = response.into_parts();
    let expected = promised_length(&head.headers);
    if expected.is_some_and(|length| length > errand.limit) {
        return Err(too_large(errand));
    }
    let failed = |action| file_error(action, &errand.into);
    let made = private::create(&errand.into).map_err(failed("create"))?;
    let mut file = tokio::fs::File::from_std(made);
    let mut hasher = sha2::Sha256::new();
    while let Some(piece) = web.next_piece(&errand.what, &mut body, *received).await? {
        let length = u64::try_from(piece.len()).unwrap_or(u64::MAX);
        if received.saturating_add(length) > errand.limit {
            return Err(too_large(errand));
        }
        if !room.take(length) {
            return Err(FetchError::NoRoom {
                what: errand.what.clone(),
                limit: room.limit,
            });
        }
        *received = received.saturating_add(length);
        hasher.update(&piece);
        file.write_all(&piece).await.map_err(failed("write"))?;
        on_bytes(*received, expected);
    }
    file.flush().await.map_err(failed("write"))?;
    Ok(Arrived {
        validators: Validators::of(&head.headers),
        bytes: *received,
        sha256: hex::encode(hasher.finalize()),
    })
}

impl Validators {
    fn of(headers: &HeaderMap) -> Self {
        let kept = |name: HeaderName| {
            let text = headers.get(name)?.to_str().ok()?;
            (text.len() <= MAX_VALIDATOR_BYTES).then(|| text.to_owned())
        };
        Self {
            etag: kept(header::ETAG),
            last_modified: kept(header::LAST_MODIFIED),
        }
    }
}

/// Words the validators as conditions: a tag is exact, a date is asked about only without one.
fn conditions(known: &Validators) -> HeaderMap {
    let (name, text) = match (&known.etag, &known.last_modified) {
        (Some(tag), _) => (header::IF_NONE_MATCH, tag),
        (None, Some(date)) => (header::IF_MODIFIED_SINCE, date),
        (None, None) => return HeaderMap::new(),
    };
    let value = HeaderValue::from_str(text).ok();
    value.map(|value| (name, value)).into_iter().collect()
}

fn too_large(errand: &Errand) -> FetchError {
    FetchError::Upstream(UpstreamError::TooLarge {
        what: errand.what.clone(),
        limit: usize::try_from(errand.limit).unwrap_or(usize::MAX),
    })
}

pub(super) fn file_error(
    action: &'static str,
    path: &Path,
) -> impl FnOnce(std::io::Error) -> FetchError + use<> {
    let path = path.to_owned();
    move |source| FetchError::File {
        action,
        path,
        source,
    }
}
