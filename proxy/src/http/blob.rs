//! Blobs: only those that a judged and allowed manifest of the repository lists.

use hyper::{Response, header};
use sluicegate_model::Digest;
use sluicegate_model::verdict::Verdict;

use super::hold::HoldEnded;
use super::range;
use super::registry::{Asked, Registry};
use super::respond::{self, Body, Sending};
use crate::pull::error::PullError;
use crate::pull::gate::{BlobAnswer, Cleared, Grant};

/// Answers a blob request.
pub async fn answer(registry: &Registry, asked: &Asked, digest: &Digest) -> Response<Body> {
    let judged = Box::pin(registry.gate.blob(&asked.repository, digest));
    match asked.hold.wait(judged).await {
        Ok(Ok(BlobAnswer::Serve(grant))) => serve(registry, asked, *grant).await,
        Ok(Ok(BlobAnswer::Refuse(verdict))) => refuse(registry, asked, &verdict).await,
        Ok(Err(error)) => respond::pull_error(&error, asked.head),
        Err(HoldEnded::NextHop) => asked.hold.redirect(&asked.request),
        Err(HoldEnded::LastHop) => respond::still_scanning(asked.head),
    }
}

async fn serve(registry: &Registry, asked: &Asked, grant: Cleared<Grant>) -> Response<Body> {
    // A blob has no line of its own, but where none can be written nothing leaves.
    if let Err(error) = registry.pulls.prove().await {
        return failed(&PullError::Storage(error.to_string()), asked.head);
    }
    let blob = grant.get().blob.clone();
    let digest = blob.digest.as_str();
    let wanted = asked
        .header(header::RANGE)
        .filter(|_| if_range_holds(asked, digest));
    let Ok(span) = range::parse(wanted, blob.size) else {
        return respond::unsatisfiable(blob.size);
    };
    let sending = match (asked.has(digest), asked.head) {
        (true, _) => Sending::NotModified,
        (false, true) => Sending::HeadersOnly,
        (false, false) => Sending::Whole,
    };
    if sending != Sending::Whole {
        return respond::blob(digest, blob.size, &span, None, sending);
    }
    let opened = registry
        .gate
        .open(&asked.repository, grant, span.range.clone());
    match opened.await {
        Ok(body) => respond::blob(digest, blob.size, &span, Some(body), sending),
        Err(error) => failed(&error, asked.head),
    }
}

/// Refuses and logs: where the manifest left before the verdict, this is how the pull ends.
async fn refuse(registry: &Registry, asked: &Asked, verdict: &Verdict) -> Response<Body> {
    let pull = asked.pull(&verdict.digest, None, Some(verdict));
    match registry.pulls.record(pull, registry.clock.now()).await {
        Ok(()) => respond::refusal(verdict, &registry.api_url, asked.head),
        Err(error) => failed(&PullError::Storage(error.to_string()), asked.head),
    }
}

/// A Range that depends on an older version of the content asks for the whole instead.
fn if_range_holds(asked: &Asked, digest: &str) -> bool {
    asked
        .header(header::IF_RANGE)
        .is_none_or(|tag| tag.trim_matches('"') == digest)
}

fn failed(error: &PullError, head: bool) -> Response<Body> {
    tracing::warn!(%error, "blob not served");
    respond::pull_error(error, head)
}
