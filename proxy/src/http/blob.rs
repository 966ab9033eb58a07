//! Blobs: only those that a judged and allowed manifest of the repository lists.

use std::sync::Arc;

use hyper::{Response, header};
use sluicegate_local::cache::BlobSource;
use sluicegate_local::decisions::PullMethod;
use sluicegate_model::Digest;
use sluicegate_model::verdict::Verdict;

use super::errors::{self, Wanted};
use super::hold::HoldEnded;
use super::range::{self, Span, Unsatisfiable};
use super::registry::{Asked, Registry};
use super::respond::{self, Body, Sending};
use crate::metrics::Found;
use crate::pull::error::PullError;
use crate::pull::gate::{BlobAnswer, Cleared, Grant};

/// Answers a blob request.
pub async fn answer(registry: &Registry, asked: &Asked, digest: &Digest) -> Response<Body> {
    match asked.hold.wait(judge(registry, asked, digest)).await {
        Ok(Ok(BlobAnswer::Serve(grant))) => serve(registry, asked, *grant).await,
        Ok(Ok(BlobAnswer::Refuse(verdict))) => refuse(registry, asked, &verdict).await,
        Ok(Err(error)) => failed(&error, asked.head),
        Err(HoldEnded::NextHop) => asked.hold.redirect(&asked.request),
        Err(HoldEnded::LastHop) => errors::still_scanning(asked.head),
    }
}

/// Judges the blob, and waits for the verdict where no byte that was asked for may leave before it:
/// headers and then silence would end in a cut without a reason.
async fn judge(
    registry: &Registry,
    asked: &Asked,
    digest: &Digest,
) -> Result<BlobAnswer, PullError> {
    let gate = &registry.gate;
    let answer = Box::pin(gate.blob(&asked.repository, digest)).await?;
    if let BlobAnswer::Serve(grant) = &answer
        && sending(asked, digest.as_str()) == Sending::Whole
        && let Ok(span) = span(asked, digest.as_str(), grant.get().blob.size)
        && grant.get().withholds_from(span.range.start)
    {
        return Box::pin(gate.judged_blob(&asked.repository, digest)).await;
    }
    Ok(answer)
}

fn sending(asked: &Asked, digest: &str) -> Sending {
    match (asked.has(digest), asked.head) {
        (true, _) => Sending::NotModified,
        (false, true) => Sending::HeadersOnly,
        (false, false) => Sending::Whole,
    }
}

/// Tells which bytes are asked for. A range is for GET only. Source: RFC 9110, section 14.2.
fn span(asked: &Asked, digest: &str, size: u64) -> Result<Span, Unsatisfiable> {
    let wanted = asked
        .header(header::RANGE)
        .filter(|_| !asked.head && if_range_holds(asked, digest));
    range::parse(wanted, size)
}

async fn serve(registry: &Registry, asked: &Asked, grant: Cleared<Grant>) -> Response<Body> {
    // A blob has no line of its own, but where none can be written nothing leaves.
    if let Err(error) = registry.pulls.prove().await {
        return failed(&PullError::Storage(error.to_string()), asked.head);
    }
    let blob = grant.get().blob.clone();
    let digest = blob.digest.as_str();
    let Ok(span) = span(asked, digest, blob.size) else {
        return errors::unsatisfiable(blob.size, asked.head);
    };
    let sending = sending(asked, digest);
    if sending != Sending::Whole {
        return respond::blob(digest, blob.size, &span, None, sending);
    }
    let begun = Box::pin(registry.gate.begun(&asked.repository, &grant));
    let begun = match asked.hold.wait(begun).await {
        Ok(Ok(source)) => Some(source),
        // Past the last hop headers are all that can be said.
        Err(HoldEnded::LastHop) => None,
        Ok(Err(error)) => return failed(&error, asked.head),
        Err(HoldEnded::NextHop) => return asked.hold.redirect(&asked.request),
    };
    let found = match begun.as_ref().map(Cleared::get) {
        Some(BlobSource::Stored(_)) => Found::Hit,
        _ => Found::Miss,
    };
    registry.metrics.count_blob(found);
    let range = span.range.clone();
    let opened = registry.gate.open(&asked.repository, grant, begun, range);
    match opened.await {
        Ok(body) => respond::blob(digest, blob.size, &span, Some(body), sending),
        Err(error) => failed(&error, asked.head),
    }
}

/// Refuses and logs: where the manifest left before the verdict, this is how the pull ends.
async fn refuse(registry: &Registry, asked: &Asked, verdict: &Arc<Verdict>) -> Response<Body> {
    let mut pull = asked.pull(&verdict.digest, None, Some(verdict));
    pull.method = PullMethod::Blob;
    match registry.pulls.record(pull, registry.clock.now()).await {
        Ok(()) => registry.refusal(asked, verdict),
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
    errors::pull_error(error, Wanted::Blob, head)
}
