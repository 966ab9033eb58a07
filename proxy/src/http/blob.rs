//! Blobs: which bytes of one are asked for, and what the gate answers, as a response.

use hyper::{Response, header};
use sluicegate_engine::content::BlobBody;
use sluicegate_model::Digest;
use sluicegate_model::manifest::Descriptor;

use super::body::Body;
use super::errors::{self, Wanted};
use super::range::{self, Span, Unsatisfiable};
use super::registry::{Call, Registry};
use super::respond::{self, Sending};
use sluicegate_engine::gate::{BlobAnswer, Cleared};

/// Answers a blob request.
pub async fn answer(registry: &Registry, call: &Call, digest: &Digest) -> Response<Body> {
    let sending = Sending::of(call, digest.as_str());
    let wanted = |size| {
        let span = span(call, digest.as_str(), size).ok()?;
        (sending == Sending::Whole).then_some(span.range)
    };
    let served = registry.gate.serve_blob(&call.asked, digest, wanted);
    match served.await {
        Ok(BlobAnswer::Serve(blob, body)) => serve(call, sending, &blob, body),
        Ok(BlobAnswer::Refuse(refusal)) => registry.refusal(call, &refusal),
        Ok(BlobAnswer::NotYet(ended)) => call.not_yet(ended),
        Err(error) => {
            tracing::warn!(%error, "blob not served");
            errors::pull_error(&error, Wanted::Blob, call.asked.head)
        }
    }
}

fn serve(
    call: &Call,
    sending: Sending,
    blob: &Descriptor,
    body: Option<Box<Cleared<BlobBody>>>,
) -> Response<Body> {
    let digest = blob.digest.as_str();
    match span(call, digest, blob.size) {
        Ok(span) => respond::blob(digest, blob.size, &span, body.map(|body| *body), sending),
        Err(Unsatisfiable) => errors::unsatisfiable(blob.size, call.asked.head),
    }
}

/// Tells which bytes are asked for. A range is for GET only. Source: RFC 9110, section 14.2.
fn span(call: &Call, digest: &str, size: u64) -> Result<Span, Unsatisfiable> {
    let wanted = call
        .header(header::RANGE)
        .filter(|_| !call.asked.head && if_range_holds(call, digest));
    range::parse(wanted, size)
}

/// A Range that depends on an older version of the content asks for the whole instead.
fn if_range_holds(call: &Call, digest: &str) -> bool {
    call.header(header::IF_RANGE)
        .is_none_or(|tag| tag.trim_matches('"') == digest)
}
