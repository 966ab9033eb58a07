//! What registries tell of pushes: who may tell it, what it says, and the scans that follow.
//!
//! Nothing of a notification is believed but that its image is worth a look: a scan asks the
//! upstream, as every scan does. Reading order: this file, `secret` (who may tell it), `pushed` (one
//! image), `recent` (what was told of before), then what each registry sends: `harbor`, `github`,
//! `generic`.

mod generic;
mod github;
mod harbor;
mod pushed;
mod recent;
mod secret;

use std::net::{IpAddr, Ipv4Addr};
use std::sync::{Mutex, PoisonError};

use axum::http::HeaderMap;
use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use serde::de::DeserializeOwned;
use sluicegate_accounts::guesses::Guesses;
use sluicegate_config::SecretFile;
use sluicegate_engine::identity::{Presented, Who};
use sluicegate_engine::scans::{ScanError, ScanState, Scans};
use sluicegate_model::access::{Permission, Reach, Rights};
use sluicegate_model::names::Names;
use sluicegate_model::{Reference, Repository};
use tokio::sync::{Semaphore, SemaphorePermit};

pub use generic::GenericEvent;
pub use github::GithubEvent;
pub use harbor::HarborEvent;
pub use pushed::{NoImage, Pushed};
pub use secret::Proof;

use recent::Recent;
use secret::HookSecret;

/// Most images of one notification. Registries tell of one push at a time.
pub const MAX_IMAGES: usize = 64;
/// Notifications that are read at a time: anybody can send one, of 1 MiB at most.
const MAX_READ_AT_ONCE: usize = 16;
/// What guesses at the secret are counted under: there is one.
const GUESSED: &str = "hook";

/// What a registry sends.
pub trait Payload: DeserializeOwned + JsonSchema + Send {
    /// How that registry proves that it knows the secret.
    const PROOF: Proof;

    /// Reads what it tells.
    ///
    /// *Errors*: it tells of a push, and of no image.
    fn told(self) -> Result<Told, NoImage>;
}

/// What a notification tells.
#[derive(Debug, PartialEq, Eq)]
pub enum Told {
    /// Images were pushed.
    Pushed(Vec<Pushed>),
    /// Something else happened, in words.
    Other(String),
}

/// Listens to registries.
pub struct Hooks {
    secret: HookSecret,
    guesses: Guesses,
    turns: Semaphore,
    recent: Mutex<Recent>,
}

/// The scan of an image that was pushed.
#[derive(Clone, Debug, PartialEq, Eq, Serialize, JsonSchema)]
pub struct PushedScan {
    /// Its canonical name with tag or digest.
    pub image: String,
    /// The scan, as `/api/v1/scans/{id}` shows it.
    pub id: String,
    /// Whether this notification started it; the same digest within an hour starts nothing.
    pub started: bool,
}

/// Says why nothing, or not all, is scanned.
#[derive(Debug, thiserror::Error)]
pub enum HookError {
    /// The notification tells of more than any push.
    #[error("the notification names {0} images, at most {MAX_IMAGES} are taken")]
    TooMany(usize),
    /// It names an image that cannot be one, or is of no configured upstream.
    #[error(transparent)]
    Image(#[from] NoImage),
    /// A scan was not started.
    #[error(transparent)]
    Scan(#[from] ScanError),
}

impl Hooks {
    /// Takes up the secret that was read from its file.
    pub fn new(file: &SecretFile) -> Self {
        Self {
            secret: HookSecret::new(file),
            guesses: Guesses::default(),
            turns: Semaphore::new(MAX_READ_AT_ONCE),
            recent: Mutex::default(),
        }
    }

    /// Gives a turn to read a notification, before it is known who sent it; none where many are read.
    pub fn turn(&self) -> Option<SemaphorePermit<'_>> {
        self.turns.try_acquire().ok()
    }

    /// Tells whether whoever sent this body knows the secret.
    pub async fn is_proven(&self, proof: Proof, headers: &HeaderMap, body: &[u8]) -> bool {
        proof.is_given(&self.secret.current().await, headers, body)
    }

    /// Counts a notification that does not prove the secret, and waits until that may be told.
    pub async fn slow(&self, address: IpAddr) {
        tracing::warn!(%address, "a notification of a push does not prove the secret of hooks");
        self.guesses.slow(address, GUESSED).await;
    }

    /// Starts a scan of each image, unless its digest was told of within the hour; the images are
    /// looked at first, so that one that makes no sense starts nothing.
    ///
    /// *Errors*: those of the images, and what keeps a scan from starting; what was started before
    /// that goes on, and is remembered.
    pub fn start(
        &self,
        scans: &Scans,
        names: &Names,
        pushed: &[Pushed],
        now: Timestamp,
    ) -> Result<Vec<PushedScan>, HookError> {
        if pushed.len() > MAX_IMAGES {
            return Err(HookError::TooMany(pushed.len()));
        }
        let images = pushed.iter().map(|image| image.canonical(names));
        let images = images.collect::<Result<Vec<_>, NoImage>>()?;
        // Held meanwhile, so that a push that is told of twice at once is scanned once.
        let mut recent = self.recent.lock().unwrap_or_else(PoisonError::into_inner);
        recent.forget_old(now);
        let started = images.into_iter().map(|(repository, reference)| {
            start_one(&mut recent, scans, (repository, reference), now)
        });
        started.collect()
    }
}

fn start_one(
    recent: &mut Recent,
    scans: &Scans,
    (repository, reference): (Repository, Reference),
    now: Timestamp,
) -> Result<PushedScan, HookError> {
    let Reference::Digest(digest) = reference else {
        // A tag may lead elsewhere now; what it leads to is judged once all the same.
        let image = format!("{repository}:{reference}");
        let id = scans.start(&image, everybody())?.id;
        return Ok(PushedScan {
            image,
            id,
            started: true,
        });
    };
    let image = format!("{repository}@{digest}");
    if let Some(id) = recent.scan(&repository, &digest) {
        let shown = scans.show(id, &Reach::EVERYTHING);
        let has_failed = shown.is_some_and(|scan| scan.state == ScanState::Failed);
        if !has_failed {
            let id = id.to_owned();
            return Ok(PushedScan {
                image,
                id,
                started: false,
            });
        }
    }
    let id = scans.start(&image, everybody())?.id;
    recent.note(repository, digest, id.clone(), now);
    Ok(PushedScan {
        image,
        id,
        started: true,
    })
}

/// Those for whom is judged what was pushed: everybody whom no binding names. The address is
/// nobody's, for the registry that told of it is not who will pull.
fn everybody() -> Who {
    let nowhere = IpAddr::V4(Ipv4Addr::UNSPECIFIED);
    Presented::from_address(nowhere).by(None, Rights::everywhere(&[Permission::Scan]))
}

#[cfg(test)]
mod tests;
