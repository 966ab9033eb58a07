//! Manifests: resolve, know, judge, log, answer.

use std::sync::Arc;

use hyper::{Response, header};
use sluicegate_local::cache::{Waiting, Watched};
use sluicegate_local::decisions::Pull;
use sluicegate_model::image::{Reference, Tag};
use sluicegate_model::manifest::Manifest;
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Digest, Repository};

use super::drip;
use super::errors::{self, Wanted};
use super::hold::HoldEnded;
use super::old_clients;
use super::registry::{Asked, Registry};
use super::respond::{self, Body, Sending};
use crate::pull::error::PullError;
use crate::pull::gate::{Cleared, ManifestAnswer, ServedManifest};
use crate::pull::manifests::KnownManifest;
use crate::pull::releases::Releases;
use crate::pull::resolve::Resolved;

/// Answers a manifest request.
pub async fn answer(registry: &Registry, asked: &Asked, reference: &Reference) -> Response<Body> {
    let found = match asked.hold.wait(find(registry, asked, reference)).await {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return failed(registry, &error, asked.head),
        Err(HoldEnded::NextHop) => return asked.hold.redirect(&asked.request),
        Err(HoldEnded::LastHop) => return errors::still_scanning(asked.head),
    };
    let tag = found.tag.as_ref();
    let judged = registry
        .gate
        .manifest(&asked.repository, &found.manifest, tag);
    match asked.hold.wait(judged).await {
        Ok(Ok(ManifestAnswer::Serve(cleared))) => serve(registry, asked, found, cleared).await,
        Ok(Ok(ManifestAnswer::Refuse(verdict))) => refuse(registry, asked, found, &verdict).await,
        Ok(Err(error)) => failed(registry, &error, asked.head),
        Err(HoldEnded::NextHop) => asked.hold.redirect(&asked.request),
        Err(HoldEnded::LastHop) => after_last_hop(registry, asked, &found).await,
    }
}

/// What the request turned out to be about.
struct Found {
    manifest: Arc<KnownManifest>,
    tag: Option<Tag>,
    stale: Option<String>,
}

impl Found {
    /// Describes the request for the log of pulls.
    fn pull(&self, asked: &Asked, verdict: Option<&Arc<Verdict>>) -> Pull {
        let mut pull = asked.pull(&self.manifest.digest, self.tag.as_ref(), verdict);
        if let Manifest::Index(index) = &self.manifest.parsed {
            let children = index.manifests.iter().map(|child| child.digest.clone());
            pull.leads_to = children.collect();
        }
        pull
    }
}

async fn find(
    registry: &Registry,
    asked: &Asked,
    reference: &Reference,
) -> Result<Found, PullError> {
    let repository = &asked.repository;
    let (resolved, tag) = match reference {
        Reference::Digest(digest) => (
            Resolved {
                digest: digest.clone(),
                stale_since: None,
            },
            None,
        ),
        Reference::Tag(tag) => (
            registry.resolver.resolve(repository, tag).await?,
            Some(tag.clone()),
        ),
    };
    let manifests = &registry.gate.manifests;
    let manifest = match &tag {
        Some(tag) => manifests.tagged(repository, &resolved.digest, tag).await?,
        None => manifests.known(repository, &resolved.digest).await?,
    };
    let stale = resolved.stale_since.map(|since| {
        format!(
            "sluicegate: {} cannot be reached; tag last confirmed {since}",
            repository.upstream()
        )
    });
    Ok(Found {
        manifest,
        tag,
        stale,
    })
}

async fn serve(
    registry: &Registry,
    asked: &Asked,
    found: Found,
    cleared: Cleared<ServedManifest>,
) -> Response<Body> {
    let verdict = cleared.get().verdict.clone();
    let digest = &found.manifest.digest;
    if let (Some(verdict), Some(tag)) = (&verdict, &found.tag)
        && verdict.digest == *digest
        && let Err(error) = registry.gate.judge.note_tag(verdict, tag).await
    {
        return failed(registry, &error, asked.head);
    }
    if let Err(error) = release(registry, asked, &found, verdict.as_ref()).await {
        return failed(registry, &error, asked.head);
    }
    let sending = match (asked.has(digest.as_str()), asked.head) {
        (true, _) => Sending::NotModified,
        (false, true) => Sending::HeadersOnly,
        (false, false) => Sending::Whole,
    };
    respond::manifest(cleared, sending, &registry.details.base(asked), found.stale)
}

/// Records that the manifest leaves: durable before the response.
async fn release(
    registry: &Registry,
    asked: &Asked,
    found: &Found,
    verdict: Option<&Arc<Verdict>>,
) -> Result<(), PullError> {
    record(registry, asked, found, verdict).await?;
    let digest = &found.manifest.digest;
    let Some(verdict) = verdict else {
        release_later(registry, asked, found);
        return Ok(());
    };
    let (releases, head) = (&registry.releases, asked.head);
    note_release(releases, &asked.repository, digest, verdict, head).await
}

/// Remembers that an allowed manifest was given out, and on GET the platform it is for.
async fn note_release(
    releases: &Releases,
    repository: &Repository,
    digest: &Digest,
    verdict: &Verdict,
    head: bool,
) -> Result<(), PullError> {
    releases.manifest(repository, digest).await?;
    if !head {
        releases.platform(repository, &verdict.platform).await?;
    }
    Ok(())
}

/// Does the same for a manifest that left before its verdict, once there is one that allows it.
/// What it rests on is told in the log; a refusal is told there when it is made.
fn release_later(registry: &Registry, asked: &Asked, found: &Found) {
    let (gate, releases) = (registry.gate.clone(), registry.releases.clone());
    let (pulls, clock) = (Arc::clone(&registry.pulls), registry.clock.clone());
    let (repository, head) = (asked.repository.clone(), asked.head);
    let (mut pull, digest) = (found.pull(asked, None), found.manifest.digest.clone());
    tokio::spawn(async move {
        let verdict = match gate.pulls.running(&repository, &digest) {
            Some(pull) => pull.outcome().await.ok(),
            None => gate.judge.warm(&repository, &digest),
        };
        let Some(verdict) = verdict.filter(|verdict| verdict.decision != Decision::Refuse) else {
            return;
        };
        if let Err(error) = note_release(&releases, &repository, &digest, &verdict, head).await {
            tracing::error!(%repository, %digest, %error, "release not recorded");
        }
        pull.rests_on = Some(verdict);
        if let Err(error) = pulls.record_verdict(pull, clock.now()).await {
            tracing::error!(%repository, %digest, %error, "verdict of a pull not logged");
        }
    });
}

async fn refuse(
    registry: &Registry,
    asked: &Asked,
    found: Found,
    verdict: &Arc<Verdict>,
) -> Response<Body> {
    if let Some(tag) = &found.tag
        && verdict.digest == found.manifest.digest
        && let Err(error) = registry.gate.judge.note_tag(verdict, tag).await
    {
        return failed(registry, &error, asked.head);
    }
    if let Err(error) = record(registry, asked, &found, Some(verdict)).await {
        return failed(registry, &error, asked.head);
    }
    let user_agent = asked.header(header::USER_AGENT).unwrap_or_default();
    if asked.head && registry.explain_to_old_clients && old_clients::hides_reasons(user_agent) {
        let digest = &found.manifest.digest;
        match registry
            .gate
            .records
            .is_released(&asked.repository, digest)
            .await
        {
            Ok(false) => return respond::unjudged_head(&registry.gate.drip(&found.manifest)),
            Ok(true) => {}
            Err(error) => return failed(registry, &error.into(), asked.head),
        }
    }
    registry.refusal(asked, verdict)
}

async fn record(
    registry: &Registry,
    asked: &Asked,
    found: &Found,
    verdict: Option<&Arc<Verdict>>,
) -> Result<(), PullError> {
    let pull = found.pull(asked, verdict);
    registry.metrics.count_pull(pull.decision(), verdict);
    let recorded = registry.pulls.record(pull, registry.clock.now()).await;
    recorded.map_err(|error| PullError::Storage(error.to_string()))
}

/// The client's patience is used up: a HEAD learns what was never secret, a GET is dripped.
async fn after_last_hop(registry: &Registry, asked: &Asked, found: &Found) -> Response<Body> {
    let cleared = registry.gate.drip(&found.manifest);
    if asked.head {
        return match unjudged(registry, asked, found).await {
            Ok(true) => respond::unjudged_head(&cleared),
            Ok(false) => errors::still_scanning(true),
            Err(error) => failed(registry, &error, true),
        };
    }
    // A task of its own: the pull is logged even if the client leaves.
    let client = Waiting::default();
    let watched = client.seen_from_afar();
    let logged = tokio::spawn(log_when_judged(registry, asked, found, watched));
    let judged = async move {
        if let Err(error) = logged.await {
            tracing::error!(%error, "dripped pull not logged");
        }
        // Until here, and no longer than the body is sent.
        drop(client);
    };
    respond::dripped_manifest(&cleared, drip::body(found.manifest.bytes.clone(), judged))
}

/// Tells whether a HEAD may be answered before the verdict, and logs it if so: a node that has the
/// content needs no more than this to count the image as pulled.
async fn unjudged(registry: &Registry, asked: &Asked, found: &Found) -> Result<bool, PullError> {
    let (records, digest) = (&registry.gate.records, &found.manifest.digest);
    if records.is_released(&asked.repository, digest).await? {
        return Ok(false);
    }
    release(registry, asked, found, None).await?;
    Ok(true)
}

/// Waits for the verdict on a manifest that is being dripped, then logs the pull with it.
fn log_when_judged(
    registry: &Registry,
    asked: &Asked,
    found: &Found,
    client: Watched,
) -> impl Future<Output = ()> + Send + use<> {
    let (gate, repository) = (registry.gate.clone(), asked.repository.clone());
    let (pulls, clock) = (Arc::clone(&registry.pulls), registry.clock.clone());
    let releases = registry.releases.clone();
    let (manifest, tag) = (Arc::clone(&found.manifest), found.tag.clone());
    let mut pull = found.pull(asked, None);
    async move {
        let answer = gate.manifest_for(&repository, &manifest, tag.as_ref(), client);
        if let Ok(answer) = answer.await {
            let verdict = match answer {
                ManifestAnswer::Serve(served) => served.into_inner().verdict,
                ManifestAnswer::Refuse(verdict) => Some(verdict),
            };
            if let Some(verdict) = verdict {
                pull.rests_on = Some(Arc::clone(&verdict));
                let digest = &manifest.digest;
                if verdict.decision != Decision::Refuse
                    && let Err(error) =
                        note_release(&releases, &repository, digest, &verdict, false).await
                {
                    tracing::error!(%repository, %digest, %error, "release not recorded");
                }
            }
        }
        if let Err(error) = pulls.record(pull, clock.now()).await {
            tracing::error!(%error, "pull not logged");
        }
    }
}

fn failed(registry: &Registry, error: &PullError, head: bool) -> Response<Body> {
    registry.metrics.count_failure();
    tracing::warn!(%error, "pull not served");
    errors::pull_error(error, Wanted::Manifest, head)
}
