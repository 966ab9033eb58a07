//! What this service attaches to images: listed beside the upstream's own, and served as long as the
//! image itself is.
//!
//! Nothing of it comes from an upstream, and nothing of it is judged; whoever may not have the image
//! gets nothing that is said of it here.

use std::ops::Range;
use std::sync::Arc;

use sluicegate_model::manifest::{Descriptor, Manifest};
use sluicegate_model::{Digest, Reference, Scope, Tag};

use super::standing::{Listed, Standing};
use super::{BlobAnswer, Cleared, Gate, ManifestAnswer, Refusal, ServedManifest};
use crate::attest::{Attached, Piece};
use crate::content;
use crate::pull::asked::Asked;
use crate::pull::error::PullError;
use crate::pull::manifests::KnownManifest;
use crate::pull::patience::OutOfPatience;

/// How the tag ends that names an image's attestations. Source: sigstore/cosign
/// `specs/SIGNATURE_SPEC.md`, "Tag-based Discovery".
const ATTESTATIONS: &str = ".att";

impl Gate {
    /// Lists what is attached to an image or index that is served, or what of it has one type.
    pub(super) async fn own_referrers(
        &self,
        scope: &Scope,
        subject: &Digest,
        wanted: Option<&str>,
    ) -> Result<Vec<Descriptor>, PullError> {
        let standing = self.standing(scope, subject).await?;
        let attached = self.attached(scope, standing).await?;
        let mut own = attached.map_or_else(Vec::new, |it| it.referrers);
        own.retain(|it| wanted.is_none_or(|wanted| it.artifact_type.as_deref() == Some(wanted)));
        Ok(own)
    }

    async fn attached(
        &self,
        scope: &Scope,
        standing: Standing,
    ) -> Result<Option<Attached>, PullError> {
        let attester = &self.parts.attester;
        match standing {
            Standing::Image(image) => attester.attached(scope, &image).await,
            Standing::Index(index, Listed { judged, unjudged }) => {
                let attached = attester.attached_to_index(scope, &index, (&judged, unjudged));
                attached.await
            }
            Standing::Refused(_) | Standing::Unsaid => Ok(None),
        }
    }

    /// Answers a request by digest for a manifest that was attached here; none where it is none.
    pub(super) async fn serve_own_manifest(
        &self,
        asked: &Asked,
        digest: &Digest,
    ) -> Result<Option<ManifestAnswer>, PullError> {
        let own = self.parts.attester.subject_of(&asked.repository, digest);
        let Some((subject, true)) = own.await? else {
            return Ok(None);
        };
        match self.admitted(asked, &subject).await? {
            Admitted::Yes(..) => self.serve_piece(asked, digest).await,
            Admitted::Refused(refusal) => Ok(Some(ManifestAnswer::Refuse(refusal))),
            Admitted::NotYet(ended) => Ok(Some(ManifestAnswer::NotYet(ended))),
            Admitted::Unsaid => Ok(None),
        }
    }

    /// Answers a request for the tag of an image's or index's attestations, where the upstream has
    /// none; none where there are none here either.
    pub(super) async fn serve_own_tag(
        &self,
        asked: &Asked,
        tag: &Tag,
    ) -> Result<Option<ManifestAnswer>, PullError> {
        let Some(subject) = subject_of(tag) else {
            return Ok(None);
        };
        let (scope, standing) = match self.admitted(asked, &subject).await? {
            Admitted::Yes(scope, standing) => (scope, *standing),
            Admitted::Refused(refusal) => return Ok(Some(ManifestAnswer::Refuse(refusal))),
            Admitted::NotYet(ended) => return Ok(Some(ManifestAnswer::NotYet(ended))),
            Admitted::Unsaid => return Ok(None),
        };
        match self.attached(&scope, standing).await? {
            Some(attached) => self.serve_piece(asked, &attached.tag).await,
            None => Ok(None),
        }
    }

    /// Serves a manifest of ours to whoever may have what it is attached to.
    async fn serve_piece(
        &self,
        asked: &Asked,
        digest: &Digest,
    ) -> Result<Option<ManifestAnswer>, PullError> {
        let Some(piece) = self.parts.attester.piece(&asked.repository, digest).await? else {
            return Ok(None);
        };
        self.prove_log().await?;
        let parsed = Manifest::parse(&piece.bytes, piece.media_type());
        let manifest = Arc::new(KnownManifest {
            digest: piece.digest.clone(),
            media_type: piece.media_type().to_owned(),
            bytes: piece.bytes.clone(),
            parsed: parsed.map_err(|error| PullError::broken("attaching", error))?,
        });
        let served = ServedManifest {
            manifest,
            verdict: None,
        };
        Ok(Some(ManifestAnswer::Serve(Cleared(served), None)))
    }

    /// Answers a request for a blob that was attached here; none where it is none.
    pub(super) async fn serve_own_blob(
        &self,
        asked: &Asked,
        digest: &Digest,
        wanted: &(impl Fn(u64) -> Option<Range<u64>> + Sync),
    ) -> Result<Option<BlobAnswer>, PullError> {
        let empty = Piece::empty_config();
        if empty.digest == *digest {
            // It is everybody's.
            return self.send_piece(&empty, wanted).await.map(Some);
        }
        let own = self.parts.attester.subject_of(&asked.repository, digest);
        let Some((subject, false)) = own.await? else {
            return Ok(None);
        };
        match self.admitted(asked, &subject).await? {
            Admitted::Yes(..) => {}
            Admitted::Refused(refusal) => return Ok(Some(BlobAnswer::Refuse(refusal))),
            Admitted::NotYet(ended) => return Ok(Some(BlobAnswer::NotYet(ended))),
            Admitted::Unsaid => return Ok(None),
        }
        let piece = self.parts.attester.piece(&asked.repository, digest);
        match asked.patience.wait(piece).await {
            Ok(piece) => match piece? {
                Some(piece) => self.send_piece(&piece, wanted).await.map(Some),
                None => Ok(None),
            },
            Err(ended) => Ok(Some(BlobAnswer::NotYet(ended))),
        }
    }

    async fn send_piece(
        &self,
        piece: &Piece,
        wanted: &(impl Fn(u64) -> Option<Range<u64>> + Sync),
    ) -> Result<BlobAnswer, PullError> {
        self.prove_log().await?;
        let blob = piece.descriptor();
        let Some(range) = wanted(blob.size) else {
            return Ok(BlobAnswer::Serve(blob, None));
        };
        let body = content::stream(piece.source(), range, None).map_err(PullError::storage)?;
        Ok(BlobAnswer::Serve(blob, Some(Box::new(Cleared(body)))))
    }

    /// Tells in which scope something is judged for whoever asks, and what is to be said of it, where
    /// they may have it.
    async fn admitted(&self, asked: &Asked, subject: &Digest) -> Result<Admitted, PullError> {
        let by_digest = Reference::Digest(subject.clone());
        let scope = self.scope(asked, self.tag_of(asked, &by_digest).as_ref());
        let standing = Box::pin(self.standing(&scope, subject));
        Ok(match asked.patience.wait(standing).await {
            Ok(standing) => match standing? {
                Standing::Refused(verdict) => Admitted::Refused(self.refusal(asked, verdict)),
                Standing::Unsaid => Admitted::Unsaid,
                standing => Admitted::Yes(scope, Box::new(standing)),
            },
            Err(ended) => Admitted::NotYet(ended),
        })
    }
}

/// Whether somebody gets what is attached to an image or index.
enum Admitted {
    Yes(Scope, Box<Standing>),
    Refused(Refusal),
    NotYet(OutOfPatience),
    /// Nothing is said of it.
    Unsaid,
}

/// Reads of what a tag names the attestations: `sha256-HEX.att`.
fn subject_of(tag: &Tag) -> Option<Digest> {
    let subject = tag.as_str().strip_suffix(ATTESTATIONS)?;
    subject.replacen('-', ":", 1).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tag_of_a_digest_names_attestations() {
        let hex = Digest::of(b"image").hex().to_owned();
        let of = |tag: &str| subject_of(&tag.parse().unwrap());
        assert_eq!(of(&format!("sha256-{hex}.att")), Some(Digest::of(b"image")));
        for other in [
            format!("sha256-{hex}"),
            format!("sha256-{hex}.sig"),
            "x.att".into(),
        ] {
            assert_eq!(of(&other), None, "{other}");
        }
    }
}
