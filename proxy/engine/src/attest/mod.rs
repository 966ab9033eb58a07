//! What this service says of an image, for others to verify: verdicts as signed statements, and what is
//! attached to an image that was allowed.
//!
//! An ECDSA signature is another one each time, so that each is made once for each verdict and kept:
//! whoever asks again, also after a start, gets the same bytes. Reading order: `key`, `envelope`,
//! `piece` (one thing that is attached), `manifests` (all of an image), `index` (what of an index is
//! said), `kept` (where they lie).

mod envelope;
mod index;
mod kept;
mod key;
mod manifests;
mod piece;

use std::fmt::Debug;
use std::io;
use std::sync::Arc;

use sluicegate_model::inventory::Inventory;
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Digest, Repository, Scope};
use tokio::sync::Mutex;

use crate::blocking;
use crate::content::Content;
use crate::ledger::{Judged, Ledger};
use crate::pull::error::PullError;
use crate::pull::judge::Judge;
use crate::pull::manifests::KnownManifest;

pub use envelope::{BUNDLE, ENVELOPE, Envelope, Signed};
pub use index::{JudgedImage, JudgedIndex, Unjudged};
pub use key::{AttestationKey, KeyError};
pub use manifests::Attached;
pub use piece::Piece;

use kept::Kept;

/// Most bytes of a bill of materials that is attached; a longer one is at the API.
const MAX_BILL_BYTES: usize = 32 * 1024 * 1024;
/// Largest piece, in bytes, that is sent without a share of the memory: manifests and most envelopes
/// are smaller, as what is read of any blob at a time is.
const MAX_SMALL_BYTES: u64 = 64 * 1024;
/// How many images are signed at the same time.
const LANES: usize = 16;

/// What a statement says, in the words of its predicate.
#[derive(Clone, Debug)]
pub struct Statement {
    /// The predicate's type.
    pub predicate: &'static str,
    /// The statement.
    pub text: Vec<u8>,
}

/// What an image holds, in one of the field's formats.
#[derive(Clone, Debug)]
pub struct Bill {
    /// The format.
    pub media_type: &'static str,
    /// The document.
    pub text: Vec<u8>,
}

/// The port to whoever writes. The same gives the same bytes.
pub trait Writes: Send + Sync + Debug {
    /// Writes what a verdict says, once for each predicate.
    fn statements(&self, verdict: &Verdict) -> io::Result<Vec<Statement>>;

    /// Writes what is said of an index, once for each predicate.
    fn of_index(&self, index: &JudgedIndex) -> io::Result<Vec<Statement>>;

    /// Writes what an image holds, once for each format.
    fn bills(&self, verdict: &Verdict, inventory: &Inventory) -> io::Result<Vec<Bill>>;
}

/// What attesting is done with.
#[derive(Clone, Debug)]
pub struct Attests {
    /// By what is signed.
    pub key: Arc<AttestationKey>,
    /// Who writes what is signed.
    pub writes: Arc<dyn Writes>,
}

/// Signs verdicts, and keeps what is attached to images.
#[derive(Clone)]
pub struct Attester {
    attests: Attests,
    kept: Kept,
    ledger: Arc<dyn Ledger>,
    judge: Judge,
    /// Two who ask for the same image make it once.
    lanes: Arc<[Mutex<()>; LANES]>,
}

impl Attester {
    /// Joins the parts.
    pub(crate) fn new(
        attests: Attests,
        content: Arc<dyn Content>,
        ledger: Arc<dyn Ledger>,
        judge: Judge,
    ) -> Self {
        Self {
            attests,
            kept: Kept::new(content),
            ledger,
            judge,
            lanes: Arc::default(),
        }
    }

    /// Gives the key by which statements are verified, as PEM.
    pub fn public_key(&self) -> String {
        self.attests.key.public_pem()
    }

    /// Gives what a verdict says, signed: made once for each verdict, whatever it says.
    pub async fn signed(&self, verdict: Verdict) -> Result<Signed, PullError> {
        let lane = self.lane(&verdict.digest).lock().await;
        let signed = self.signed_alone(verdict).await;
        drop(lane);
        signed
    }

    /// Gives what is attached to an image of which the verdict is current; none where it was not
    /// allowed, or is not judged.
    pub async fn attached(
        &self,
        scope: &Scope,
        image: &KnownManifest,
    ) -> Result<Option<Attached>, PullError> {
        let lane = self.lane(&image.digest).lock().await;
        let attached = self.attached_alone(scope, image).await;
        drop(lane);
        attached
    }

    /// Tells to what image or index of a repository something of this digest is attached, and whether
    /// it is a manifest; none where that is nothing of ours.
    pub async fn subject_of(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<(Digest, bool)>, PullError> {
        let header = self.kept.header(repository, digest).await?;
        Ok(header.map(|it| (it.subject, it.is_manifest)))
    }

    /// Gives what was attached to some image of a repository, by its digest; none where that is
    /// nothing of ours.
    pub async fn piece(
        &self,
        repository: &Repository,
        digest: &Digest,
    ) -> Result<Option<Piece>, PullError> {
        let Some(bytes) = self.kept.piece_bytes(repository, digest).await? else {
            return Ok(None);
        };
        // Held until the last byte is sent: together they take no more than everything that is shown.
        let share = if bytes > MAX_SMALL_BYTES {
            Some(self.judge.view(bytes).await)
        } else {
            None
        };
        let piece = self.kept.piece(repository, digest).await?;
        Ok(piece.map(|piece| piece.holding(share)))
    }

    /// Drops what was signed and attached by verdicts that are gone. What cannot be dropped stays, and
    /// is never served.
    pub(crate) async fn forget(&self, gone: &[Judged]) {
        for judged in gone {
            if let Err(error) = self.forget_one(judged).await {
                let (repository, digest) = (&judged.scope, &judged.digest);
                tracing::warn!(%repository, %digest, %error, "attestations of a verdict that is gone stay");
            }
        }
    }

    async fn forget_one(&self, gone: &Judged) -> Result<(), PullError> {
        let Judged { digest, scope } = gone;
        for index in self.kept.indexes(scope, digest).await? {
            let lane = self.lane(&index).lock().await;
            self.kept.forget(scope, &index, &[]).await?;
            drop(lane);
        }
        // Bills are the same for all for whom an image of a repository was judged.
        let mut others = self.ledger.judged_in(digest).await?;
        others.retain(|it| it.repository == scope.repository && it != scope);
        let lane = self.lane(digest).lock().await;
        let forgotten = self.kept.forget(scope, digest, &others).await;
        drop(lane);
        forgotten
    }

    fn lane(&self, digest: &Digest) -> &Mutex<()> {
        let number = digest.hex().bytes().fold(0_usize, |sum, digit| {
            sum.wrapping_mul(31).wrapping_add(usize::from(digit))
        });
        let [first, ..] = &*self.lanes;
        self.lanes.get(number % LANES).unwrap_or(first)
    }

    async fn signed_alone(&self, mut verdict: Verdict) -> Result<Signed, PullError> {
        // A tag more is no other verdict.
        verdict.tags.clear();
        let (scope, digest) = (verdict.scope(), verdict.digest.clone());
        let attests = self.attests.clone();
        let statements = self
            .off_worker(move || attests.writes.statements(&verdict))
            .await?;
        self.signed_once(&scope, &digest, statements).await
    }

    /// Signs statements on an image or an index, unless they are signed already.
    async fn signed_once(
        &self,
        scope: &Scope,
        digest: &Digest,
        statements: Vec<Statement>,
    ) -> Result<Signed, PullError> {
        let basis = basis(&self.attests.key, &statements);
        if let Some(signed) = self.kept.signed(scope, digest).await?
            && signed.basis == basis
        {
            return Ok(signed);
        }
        let attests = self.attests.clone();
        let signed = self
            .off_worker(move || sign(&attests.key, basis, &statements))
            .await?;
        self.kept.keep_signed(scope, digest, &signed).await?;
        Ok(signed)
    }

    async fn attached_alone(
        &self,
        scope: &Scope,
        image: &KnownManifest,
    ) -> Result<Option<Attached>, PullError> {
        let digest = &image.digest;
        let bytes = self.ledger.verdict_bytes(scope, digest).await?;
        let share = self.judge.view_of(bytes.unwrap_or(0)).await;
        let Some(verdict) = self.ledger.verdict(scope, digest).await? else {
            return Ok(None);
        };
        if verdict.decision == Decision::Refuse {
            return Ok(None);
        }
        let signed = self.signed_alone(verdict.clone()).await?;
        if signed.envelopes.is_empty() {
            return Ok(None);
        }
        let before = self.kept.attached(scope, digest).await?;
        if let Some(attached) = &before
            && attached.is_of(&signed)
            && attached.has_bills()
            && self.kept.has_pieces(&scope.repository, attached).await?
        {
            return Ok(before);
        }
        let bills = self.bills(verdict.clone()).await?;
        if let Some(attached) = &before
            && attached.is_of(&signed)
            && bills.is_empty()
            && self.kept.has_signed(&scope.repository, attached).await?
        {
            return Ok(before);
        }
        let (image, decided_at) = (manifests::Subject::of(image), verdict.provenance.decided_at);
        let make = move || manifests::attach(&signed, bills, &image, decided_at);
        let (attached, pieces) = self.off_worker(make).await?;
        let attached = self
            .kept
            .keep_attached(scope, digest, before, attached, pieces);
        let attached = attached.await?;
        drop(share);
        Ok(Some(attached))
    }

    /// Writes what an image holds, where that is still kept; what is too long to be attached is left
    /// out.
    async fn bills(&self, mut verdict: Verdict) -> Result<Vec<Bill>, PullError> {
        verdict.tags.clear();
        let Some(scanned) = self.judge.scanned(&verdict.sighting()).await else {
            return Ok(Vec::new());
        };
        let attests = self.attests.clone();
        let write = move || attests.writes.bills(&verdict, &scanned.inventory);
        let mut bills = self.off_worker(write).await?;
        bills.retain(|bill| bill.text.len() <= MAX_BILL_BYTES);
        Ok(bills)
    }

    async fn off_worker<T: Send + 'static>(
        &self,
        work: impl FnOnce() -> io::Result<T> + Send + 'static,
    ) -> Result<T, PullError> {
        let done = blocking::run(work).await;
        let done = done.map_err(|error| PullError::broken("attesting", error))?;
        done.map_err(|error| PullError::broken("attesting", error))
    }
}

/// Names what is signed and by what: the same for as long as neither changes.
fn basis(key: &AttestationKey, statements: &[Statement]) -> Digest {
    let mut text = key.id().to_string();
    for statement in statements {
        text.push('\n');
        text.push_str(Digest::of(&statement.text).as_str());
    }
    Digest::of(text.as_bytes())
}

fn sign(key: &AttestationKey, basis: Digest, statements: &[Statement]) -> io::Result<Signed> {
    let sign = |statement: &Statement| {
        Ok(Envelope {
            predicate: statement.predicate.to_owned(),
            text: envelope::seal(key, &statement.text)?,
        })
    };
    let envelopes: io::Result<Vec<Envelope>> = statements.iter().map(sign).collect();
    Ok(Signed {
        basis,
        hint: key.hint(),
        envelopes: envelopes?,
    })
}

#[cfg(test)]
mod tests;
