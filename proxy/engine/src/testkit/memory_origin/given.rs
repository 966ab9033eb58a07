//! What the registry in memory gives through the port.

use std::ops::Range;
use std::sync::Arc;
use std::time::Duration;

use async_trait::async_trait;
use bytes::Bytes;
use futures_util::stream::{self, BoxStream, StreamExt as _};
use sluicegate_model::registry::{ManifestHead, Referrers, TagPage};
use sluicegate_model::{Digest, Reference, Repository, Tag};

use super::{Fault, Given, MemoryOrigin, failed};
use crate::origin::{
    Askers, BlobPart, Failure, Origin, OriginBlob, OriginError, OriginManifest, Origins,
};
use crate::testkit::turns::InTurn;

/// Bytes of one piece of a blob.
const PIECE_BYTES: usize = 16 * 1024;
/// The pause between two bytes of a blob that drips.
const DRIP: Duration = Duration::from_millis(10);

/// Makes a blob of what there is, from `offset` on.
fn arriving(name: &str, given: &Given, offset: u64, turns: &InTurn) -> OriginBlob {
    let has = |fault: &Fault| given.faults.contains(fault);
    let length = given.bytes.len();
    let offset = if has(&Fault::IgnoresRange) { 0 } else { offset };
    let start = usize::try_from(offset).unwrap().min(length);
    let mut bytes = given.bytes.slice(start..);
    let cut = given.faults.iter().find_map(|fault| match fault {
        Fault::Cut(after) => Some(*after),
        _ => None,
    });
    bytes.truncate(cut.unwrap_or(usize::MAX));
    let end = cut.map(|_| Err(failed(name, Failure::Unreachable, None)));
    let piece_bytes = if has(&Fault::Drips) { 1 } else { PIECE_BYTES };
    let pause = has(&Fault::Drips).then_some(DRIP);
    OriginBlob {
        total_len: (!has(&Fault::Untold)).then_some(length as u64),
        offset,
        pieces: pieces(name, bytes, piece_bytes, pause, turns)
            .chain(stream::iter(end))
            .boxed(),
    }
}

fn pieces(
    name: &str,
    bytes: Bytes,
    length: usize,
    pause: Option<Duration>,
    turns: &InTurn,
) -> BoxStream<'static, Result<Bytes, OriginError>> {
    let begun = (bytes, turns.clone(), name.to_owned());
    stream::unfold(begun, move |(mut bytes, turns, name)| async move {
        if let Some(pause) = pause {
            tokio::time::sleep(pause).await;
        }
        let length = turns.piece(&name, length).await;
        let piece = bytes.split_to(length.min(bytes.len()));
        (!piece.is_empty()).then_some((Ok(piece), (bytes, turns, name)))
    })
    .boxed()
}

#[async_trait]
impl Origin for MemoryOrigin {
    fn known_as(&self, repository: &Repository) -> Vec<Repository> {
        let own = Repository::new("origin.test:5000", repository.path());
        own.into_iter().collect()
    }

    async fn manifest(
        &self,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<OriginManifest, OriginError> {
        let name = format!("{}/manifests/{reference}", repository.path());
        let Given {
            media_type, bytes, ..
        } = self.ask(&name).await?;
        let digest = Digest::of(&bytes);
        let is_other = matches!(reference, Reference::Digest(asked) if *asked != digest);
        if is_other {
            return Err(failed(&name, Failure::Broken, None));
        }
        Ok(OriginManifest {
            bytes,
            media_type,
            digest,
        })
    }

    async fn manifest_soon(
        &self,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<OriginManifest, OriginError> {
        self.manifest(repository, reference).await
    }

    async fn head(
        &self,
        repository: &Repository,
        reference: &Reference,
    ) -> Result<Option<ManifestHead>, OriginError> {
        let name = format!("HEAD {}/manifests/{reference}", repository.path());
        match self.ask(&name).await {
            Ok(given) => Ok(Some(ManifestHead {
                digest: Digest::of(&given.bytes),
                media_type: given.media_type,
            })),
            Err(error) if error.is_an_answer() => Ok(None),
            Err(error) => Err(error),
        }
    }

    async fn blob(
        &self,
        _: &Askers,
        repository: &Repository,
        digest: &Digest,
        offset: u64,
    ) -> Result<OriginBlob, OriginError> {
        let name = format!("{}/blobs/{digest}", repository.path());
        let given = self.ask(&name).await?;
        Ok(arriving(&name, &given, offset, &self.0.turns))
    }

    async fn blob_part(
        &self,
        repository: &Repository,
        digest: &Digest,
        part: Range<u64>,
    ) -> Result<BlobPart, OriginError> {
        let name = format!("{}/blobs/{digest}", repository.path());
        let given = match self.ask(&name).await {
            Err(error) if error.is_an_answer() => return Ok(BlobPart::Neither),
            given => given?,
        };
        if given.faults.contains(&Fault::IgnoresRange) {
            return Ok(BlobPart::Whole(arriving(&name, &given, 0, &self.0.turns)));
        }
        let [start, end] = [part.start, part.end].map(|at| usize::try_from(at).unwrap());
        let is_there = start <= end && end <= given.bytes.len();
        Ok(if is_there {
            BlobPart::Part(given.bytes.slice(start..end))
        } else {
            BlobPart::Neither
        })
    }

    async fn tags(&self, repository: &Repository, query: &str) -> Result<TagPage, OriginError> {
        let page = self.tag_page(repository.path(), query).await;
        page.ok_or_else(|| failed("tags", Failure::Absent, None))
    }

    async fn all_tags(&self, repository: &Repository) -> Result<Vec<Tag>, OriginError> {
        Ok(self.tags(repository, "").await?.tags)
    }

    async fn referrers(
        &self,
        repository: &Repository,
        manifest: &Digest,
        artifact_type: Option<&str>,
    ) -> Result<Referrers, OriginError> {
        let mut found = self.referring(repository.path(), manifest.as_str()).await?;
        if artifact_type.is_some() {
            found.retain(|one| one.artifact_type.as_deref() == artifact_type);
        }
        Ok(Referrers {
            found,
            are_cut: false,
        })
    }
}

impl Origins for MemoryOrigin {
    fn of(&self, _: &Repository) -> Result<Arc<dyn Origin>, OriginError> {
        Ok(Arc::new(self.clone()))
    }
}
