//! What this service attaches to images: listed beside the upstream's own, and served as long as the
//! image itself is.
//!
//! Nothing of it comes from an upstream, and nothing of it is judged; whoever may not have the image
//! gets nothing that is said of it here.

use std::ops::Range;
use std::sync::Arc;

use sluicegate_model::manifest::{Descriptor, Manifest};
use sluicegate_model::{Digest, Reference, Scope, Tag};

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
    /// Lists what is attached to an image that is served, or what of it has one type.
    pub(super) async fn own_referrers(
        &self,
        scope: &Scope,
        image: &Digest,
        wanted: Option<&str>,
    ) -> Result<Vec<Descriptor>, PullError> {
        let attached = self.attached(scope, image).await?;
        let mut own = attached.map_or_else(Vec::new, |it| it.referrers);
        own.retain(|it| wanted.is_none_or(|wanted| it.artifact_type.as_deref() == Some(wanted)));
        Ok(own)
    }

    async fn attached(&self, scope: &Scope, image: &Digest) -> Result<Option<Attached>, PullError> {
        let known = self.parts.manifests.known(&scope.repository, image);
        let known = match known.await {
            Err(PullError::UnknownManifest) => return Ok(None),
            known => known?,
        };
        match known.parsed {
            Manifest::Image(_) => self.parts.attester.attached(scope, &known).await,
            Manifest::Index(_) => Ok(None),
        }
    }

    /// Answers a request by digest for a manifest that was attached here; none where it is none.
    pub(super) async fn serve_own_manifest(
        &self,
        asked: &Asked,
        digest: &Digest,
    ) -> Result<Option<ManifestAnswer>, PullError> {
        let piece = self.parts.attester.piece(&asked.repository, digest).await?;
        let piece = piece.filter(Piece::is_manifest);
        match piece {
            Some(piece) => self.serve_piece(asked, &piece).await.map(Some),
            None => Ok(None),
        }
    }

    /// Answers a request for the tag of an image's attestations, where the upstream has none; none
    /// where there are none here either.
    pub(super) async fn serve_own_tag(
        &self,
        asked: &Asked,
        tag: &Tag,
    ) -> Result<Option<ManifestAnswer>, PullError> {
        let Some(image) = image_of(tag) else {
            return Ok(None);
        };
        let scope = match self.admitted(asked, &image).await? {
            Ok(scope) => scope,
            Err(Barred::Refused(refusal)) => return Ok(Some(ManifestAnswer::Refuse(refusal))),
            Err(Barred::NotYet(ended)) => return Ok(Some(ManifestAnswer::NotYet(ended))),
        };
        let Some(attached) = self.attached(&scope, &image).await? else {
            return Ok(None);
        };
        self.serve_own_manifest(asked, &attached.tag).await
    }

    /// Serves a manifest of ours to whoever may have the image that it is attached to.
    async fn serve_piece(&self, asked: &Asked, piece: &Piece) -> Result<ManifestAnswer, PullError> {
        match self.admitted(asked, piece.subject()).await? {
            Ok(_scope) => {}
            Err(Barred::Refused(refusal)) => return Ok(ManifestAnswer::Refuse(refusal)),
            Err(Barred::NotYet(ended)) => return Ok(ManifestAnswer::NotYet(ended)),
        }
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
        Ok(ManifestAnswer::Serve(Cleared(served), None))
    }

    /// Answers a request for a blob that was attached here; none where it is none.
    pub(super) async fn serve_own_blob(
        &self,
        asked: &Asked,
        digest: &Digest,
        wanted: &(impl Fn(u64) -> Option<Range<u64>> + Sync),
    ) -> Result<Option<BlobAnswer>, PullError> {
        let empty = Some(Piece::empty_config()).filter(|it| it.digest == *digest);
        let piece = match empty {
            Some(empty) => Some(empty),
            None => self.parts.attester.piece(&asked.repository, digest).await?,
        };
        let Some(piece) = piece.filter(|piece| !piece.is_manifest()) else {
            return Ok(None);
        };
        if !piece.is_everybody_s() {
            match self.admitted(asked, piece.subject()).await? {
                Ok(_scope) => {}
                Err(Barred::Refused(refusal)) => return Ok(Some(BlobAnswer::Refuse(refusal))),
                Err(Barred::NotYet(ended)) => return Ok(Some(BlobAnswer::NotYet(ended))),
            }
        }
        self.prove_log().await?;
        let blob = piece.descriptor();
        let Some(range) = wanted(blob.size) else {
            return Ok(Some(BlobAnswer::Serve(blob, None)));
        };
        let body = content::stream(piece.source(), range, None).map_err(PullError::storage)?;
        Ok(Some(BlobAnswer::Serve(blob, Some(Box::new(Cleared(body))))))
    }

    /// Tells in which scope an image is judged for whoever asks, where they may have it.
    async fn admitted(
        &self,
        asked: &Asked,
        image: &Digest,
    ) -> Result<Result<Scope, Barred>, PullError> {
        let by_digest = Reference::Digest(image.clone());
        let scope = self.scope(asked, self.tag_of(asked, &by_digest).as_ref());
        let judged = Box::pin(self.refusal_of(&scope, image));
        Ok(match asked.patience.wait(judged).await {
            Ok(refused) => match refused? {
                Some(verdict) => Err(Barred::Refused(self.refusal(asked, verdict))),
                None => Ok(scope),
            },
            Err(ended) => Err(Barred::NotYet(ended)),
        })
    }
}

/// Why somebody does not get what is attached to an image.
enum Barred {
    Refused(Refusal),
    NotYet(OutOfPatience),
}

/// Reads which image's attestations a tag names: `sha256-HEX.att`.
fn image_of(tag: &Tag) -> Option<Digest> {
    let image = tag.as_str().strip_suffix(ATTESTATIONS)?;
    image.replacen('-', ":", 1).parse().ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_tag_of_a_digest_names_attestations() {
        let hex = Digest::of(b"image").hex().to_owned();
        let of = |tag: &str| image_of(&tag.parse().unwrap());
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
