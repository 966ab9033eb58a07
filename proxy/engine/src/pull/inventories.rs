//! What images hold, as it is kept: named by whose word it is and by the analyzers that made it, and
//! read again within the memory that everybody who judges shares.
//!
//! Whoever holds an inventory holds the memory for it ([`Held`]); while something else is waited for,
//! both are put down ([`Resting`]).

use std::sync::Arc;

use futures_util::FutureExt as _;
use futures_util::future::{BoxFuture, Shared as SharedFuture};
use sluicegate_model::clock::{Clock, is_to_come};
use sluicegate_model::{Domain, Sighting};

use super::error::{InventoryGone, PullError};
use crate::blocking;
use crate::content::{Content, DocumentKind};
use crate::memory::{Memory, Share};
use crate::plugins::{ActivePlugins, Plugins};
use crate::reused::Reused;
use crate::scan::Scanned;

/// Bytes in memory for each byte of a stored inventory while it is read, text included.
const READING_IN_MEMORY: u64 = 3;
/// What reading an inventory takes beside that, in bytes.
const READING_BYTES: u64 = 512 * 1024;
/// Largest inventory that waits for memory without being given any, in bytes of its text.
const MAX_WAITING_BYTES: usize = 1024 * 1024;

/// What was scanned, with the memory that it may be judged in.
#[derive(Clone, Debug)]
pub struct Held {
    /// What was found.
    pub scanned: Arc<Scanned>,
    /// By what it was read.
    plugins: Arc<ActivePlugins>,
    share: Arc<Share>,
    kept: Kept,
}

impl std::ops::Deref for Held {
    type Target = Scanned;

    fn deref(&self) -> &Scanned {
        &self.scanned
    }
}

/// Whether an inventory can be read from the content store.
#[derive(Clone)]
enum Kept {
    /// It was read from there.
    Long,
    /// Once this ends.
    Soon(SharedFuture<BoxFuture<'static, ()>>),
    /// Never: another scan may find more. It is small.
    Never,
}

impl std::fmt::Debug for Kept {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(match self {
            Self::Long => "Long",
            Self::Soon(_) => "Soon",
            Self::Never => "Never",
        })
    }
}

/// What was scanned, while nobody holds memory for it: whoever takes it up reads it.
#[derive(Clone)]
pub struct Resting {
    kept: Kept,
    plugins: Arc<ActivePlugins>,
    /// An inventory that is not kept.
    unkept: Option<Arc<Scanned>>,
}

/// Keeps inventories and reads them again.
#[derive(Clone)]
pub struct Inventories {
    content: Arc<dyn Content>,
    memory: Memory,
    plugins: Plugins,
    clock: Clock,
}

impl Held {
    /// Tells by what it was read.
    pub fn plugins(&self) -> &Arc<ActivePlugins> {
        &self.plugins
    }
}

impl Inventories {
    /// Keeps them in a content store, and reads them within a memory; those by other plugins than are
    /// in force are missing.
    pub fn new(content: Arc<dyn Content>, memory: Memory, plugins: Plugins, clock: Clock) -> Self {
        Self {
            content,
            memory,
            plugins,
            clock,
        }
    }

    /// Gives what reads images.
    pub(super) fn plugins(&self) -> &Plugins {
        &self.plugins
    }

    /// Gives the memory that everybody who scans or judges shares.
    pub(super) fn memory(&self) -> &Memory {
        &self.memory
    }

    /// Holds what another scan may find more in: it is never kept. A long one gives up what it holds,
    /// for it waits for memory without having any; that it was cut short stands.
    pub(super) fn hold_unkept(
        mut scanned: Scanned,
        text_bytes: usize,
        share: Share,
        plugins: Arc<ActivePlugins>,
    ) -> Held {
        if text_bytes > MAX_WAITING_BYTES {
            scanned.inventory.components.clear();
            scanned.inventory.declared.clear();
        }
        Held {
            scanned: Arc::new(scanned),
            plugins,
            share: Arc::new(share),
            kept: Kept::Never,
        }
    }

    /// Holds what was found, and has its text written without holding up the verdict: whatever is lost
    /// is made again. The text is in memory until then, and so is the share.
    pub(super) fn keep(
        &self,
        image: &Sighting,
        scanned: Scanned,
        text: Vec<u8>,
        (share, plugins): (Share, Arc<ActivePlugins>),
    ) -> Held {
        let (content, share) = (Arc::clone(&self.content), Arc::new(share));
        let (key, used) = (document_key(image, &plugins), Arc::clone(&share));
        let written = tokio::spawn(async move {
            let kind = DocumentKind::Inventory;
            if let Err(error) = content.put_document(kind, &key, text).await {
                tracing::warn!(kind = kind.name(), key, %error, "document not kept");
            }
            drop(used);
        });
        // A writer that failed has said so; whoever reads finds nothing.
        let kept = Kept::Soon(written.map(|_| ()).boxed().shared());
        Held {
            scanned: Arc::new(scanned),
            plugins,
            share,
            kept,
        }
    }

    /// Gives what an earlier job found, if analyzers are still the same and nothing is damaged.
    /// Waits for the memory to read it into; whoever calls holds none.
    pub async fn remembered(&self, image: &Sighting) -> Option<Held> {
        let plugins = self.plugins.now();
        let (kind, key) = (DocumentKind::Inventory, document_key(image, &plugins));
        let bytes = self.content.document_bytes(kind, &key).await.ok()??;
        let wanted = bytes.saturating_mul(READING_IN_MEMORY) + READING_BYTES;
        let share = self.memory.share(wanted).await;
        self.read(image, plugins, share).await
    }

    async fn read(
        &self,
        image: &Sighting,
        plugins: Arc<ActivePlugins>,
        share: Share,
    ) -> Option<Held> {
        let (kind, key) = (DocumentKind::Inventory, document_key(image, &plugins));
        let body = self.content.document(kind, &key).await.ok()??;
        let body = Reused::from(body);
        let read = move || serde_json::from_slice::<Scanned>(&body).ok();
        let mut scanned = blocking::run(read).await.ok()??;
        let now = self.clock.now();
        if is_to_come(scanned.scanned_at, now) {
            // The bytes were read while the clock stood wrong, and are the same since: what was
            // found in them holds, and all that is known of the time is that it has passed.
            scanned.scanned_at = now;
        }
        Some(Held {
            scanned: Arc::new(scanned),
            plugins,
            share: Arc::new(share),
            kept: Kept::Long,
        })
    }

    /// Sees to it that what was scanned is held with at least `bytes` of memory. Where those are not
    /// free at once, the memory held is given back before more is waited for.
    pub async fn with_room(
        &self,
        image: &Sighting,
        held: Held,
        bytes: u64,
    ) -> Result<Held, PullError> {
        if held.share.covers(bytes) {
            return Ok(held);
        }
        if let Some(share) = self.memory.share_at_once(bytes) {
            let share = Arc::new(share);
            return Ok(Held { share, ..held });
        }
        self.take_up(image, Self::put_down(held), bytes).await
    }

    /// Gives the memory back while something else is waited for.
    pub fn put_down(held: Held) -> Resting {
        let unkept = matches!(held.kept, Kept::Never).then(|| Arc::clone(&held.scanned));
        Resting {
            kept: held.kept,
            plugins: held.plugins,
            unkept,
        }
    }

    /// Takes up what was put down, with at least `bytes` of memory.
    pub async fn take_up(
        &self,
        image: &Sighting,
        resting: Resting,
        bytes: u64,
    ) -> Result<Held, PullError> {
        let Resting {
            kept,
            plugins,
            unkept,
        } = resting;
        if let Kept::Soon(written) = kept {
            written.await;
        }
        let (kind, key) = (DocumentKind::Inventory, document_key(image, &plugins));
        let stored = self.content.document_bytes(kind, &key).await?;
        let reading = stored.unwrap_or(0).saturating_mul(READING_IN_MEMORY) + READING_BYTES;
        let share = self.memory.share(bytes.max(reading)).await;
        if let Some(scanned) = unkept {
            return Ok(Held {
                scanned,
                plugins,
                share: Arc::new(share),
                kept: Kept::Never,
            });
        }
        let held = self.read(image, plugins, share).await;
        held.ok_or_else(|| PullError::storage(InventoryGone(image.digest.clone())))
    }

    /// Keeps what somebody says an image holds, under their word; on disk on return.
    pub(crate) async fn keep_said(
        &self,
        image: &Sighting,
        scanned: Scanned,
    ) -> Result<Held, PullError> {
        let written = tokio::task::spawn_blocking(move || {
            let body = serde_json::to_vec(&scanned);
            (scanned, body)
        });
        let (scanned, body) = written
            .await
            .map_err(|panic| PullError::broken("writing an inventory", panic))?;
        let body = body.map_err(|error| PullError::broken("writing an inventory", error))?;
        let wanted = (body.len() as u64).saturating_mul(READING_IN_MEMORY) + READING_BYTES;
        let share = self.memory.share(wanted).await;
        let plugins = self.plugins.now();
        let (kind, key) = (DocumentKind::Inventory, document_key(image, &plugins));
        self.content.put_document(kind, &key, body).await?;
        Ok(Held {
            scanned: Arc::new(scanned),
            plugins,
            share: Arc::new(share),
            kept: Kept::Long,
        })
    }

    /// Forgets what somebody said an image holds.
    pub(crate) async fn forget_said(&self, image: &Sighting) {
        let (kind, key) = (
            DocumentKind::Inventory,
            document_key(image, &self.plugins.now()),
        );
        if let Err(error) = self.content.remove_document(kind, &key).await {
            tracing::warn!(kind = kind.name(), key, %error, "document not removed");
        }
    }
}

/// Names what an image holds by somebody's word, under the plugins that read it. What was reported stays
/// as it is: nobody here can look again.
fn document_key(image: &Sighting, plugins: &ActivePlugins) -> String {
    let fingerprint = plugins.fingerprint();
    let digest = image.digest.hex();
    let domain = image.domain.in_keys().unwrap_or_default();
    match image.domain {
        Domain::Here => format!("{digest}-{fingerprint}"),
        Domain::Scanner { .. } => format!("{digest}-{fingerprint}-{domain}"),
        Domain::Reporter(_) => format!("{digest}-reported-{domain}"),
    }
}
