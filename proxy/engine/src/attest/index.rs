//! What is said of an index: that the images of it that are judged here were allowed, each by name.
//!
//! It speaks for no image alone: what was found in one, and why it is allowed, its own statements say.

use sluicegate_model::verdict::Verdict;
use sluicegate_model::{Digest, Scope};

use super::{Attached, Attester, Decision, KnownManifest, PullError, manifests};

/// An index of which images are judged, none of them refused.
#[derive(Clone, Debug)]
pub struct JudgedIndex {
    /// The index.
    pub digest: Digest,
    /// The images that are judged, in the index's order; at least one.
    pub images: Vec<JudgedImage>,
    /// What it lists beside them, which nobody has asked for here.
    pub unjudged: Vec<Unjudged>,
}

/// What an index lists and nobody has asked for, with the platform that the index says it is of.
pub type Unjudged = (Digest, Option<String>);

/// One of its images.
#[derive(Clone, Debug)]
pub struct JudgedImage {
    /// Its verdict, without findings and gaps.
    pub verdict: Verdict,
    /// The signed statements on it.
    pub attestations: Vec<Digest>,
}

impl Attester {
    /// Gives what is attached to an index of which these images are judged; none where one of them
    /// was not allowed.
    pub async fn attached_to_index(
        &self,
        scope: &Scope,
        index: &KnownManifest,
        (judged, unjudged): (&[Digest], Vec<Unjudged>),
    ) -> Result<Option<Attached>, PullError> {
        let mut images = Vec::new();
        for digest in judged {
            match self.judged_image(scope, digest).await? {
                Some(image) => images.push(image),
                None => return Ok(None),
            }
        }
        let said = JudgedIndex {
            digest: index.digest.clone(),
            images,
            unjudged,
        };
        let lane = self.lane(&index.digest).lock().await;
        let attached = self.attached_to_index_alone(scope, index, said).await;
        drop(lane);
        attached
    }

    /// Reads how an image was judged; none where it was not allowed.
    async fn judged_image(
        &self,
        scope: &Scope,
        digest: &Digest,
    ) -> Result<Option<JudgedImage>, PullError> {
        let bytes = self.ledger.verdict_bytes(scope, digest).await?;
        let share = self.judge.view_of(bytes.unwrap_or(0)).await;
        let Some(mut verdict) = self.ledger.verdict(scope, digest).await? else {
            return Ok(None);
        };
        if verdict.decision == Decision::Refuse {
            return Ok(None);
        }
        let signed = self.signed(verdict.clone()).await?;
        let texts = signed.envelopes.iter();
        let attestations = texts.map(|it| Digest::of(it.text.as_bytes())).collect();
        verdict.findings.clear();
        verdict.coverage.gaps.clear();
        verdict.tags.clear();
        drop(share);
        Ok(Some(JudgedImage {
            verdict,
            attestations,
        }))
    }

    async fn attached_to_index_alone(
        &self,
        scope: &Scope,
        index: &KnownManifest,
        said: JudgedIndex,
    ) -> Result<Option<Attached>, PullError> {
        let digest = &index.digest;
        let decided_at = |image: &JudgedImage| image.verdict.provenance.decided_at;
        let Some(oldest) = said.images.iter().map(decided_at).min() else {
            return Ok(None);
        };
        let images = said.images.iter().map(|it| it.verdict.digest.clone());
        let images: Vec<Digest> = images.collect();
        let writes = self.attests.writes.clone();
        let statements = self.off_worker(move || writes.of_index(&said)).await?;
        if statements.is_empty() {
            return Ok(None);
        }
        let signed = self.signed_once(scope, digest, statements).await?;
        let before = self.kept.attached(scope, digest).await?;
        if let Some(attached) = &before
            && attached.is_of(&signed)
            && self.kept.has_pieces(&scope.repository, attached).await?
        {
            return Ok(before);
        }
        let subject = manifests::Subject::of(index);
        let make = move || manifests::attach(&signed, Vec::new(), &subject, oldest);
        let (attached, pieces) = self.off_worker(make).await?;
        let kept = self
            .kept
            .keep_attached(scope, digest, before, attached, pieces);
        let attached = kept.await?;
        for image in &images {
            self.kept.note_index(scope, image, digest).await?;
        }
        Ok(Some(attached))
    }
}
