//! The one map from values to status, headers and bodies; `errors` has what is no success.
//!
//! What may be in a body is the business of `body`.

use std::sync::Arc;

use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::json;
use sluicegate_engine::content::BlobBody;
use sluicegate_model::registry::MAX_REFERRERS;
use sluicegate_model::verdict::Decision;
use sluicegate_model::{Tag, media_type};
use sluicegate_upstream::secrets;

use super::body::Body;
use super::range::Span;
use super::registry::Call;
use sluicegate_engine::gate::{Cleared, ListedReferrers, ServedManifest};

/// The digest of what is served.
pub const DOCKER_CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
/// The decision on what is served or refused.
pub(super) const SLUICEGATE_VERDICT: HeaderName = HeaderName::from_static("sluicegate-verdict");
/// Where the verdict can be read.
pub(super) const SLUICEGATE_VERDICT_URL: HeaderName =
    HeaderName::from_static("sluicegate-verdict-url");
const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
const OCI_FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");
/// Headers of most answers: room is made for them once.
const HEADERS: usize = 10;
/// Most bytes of all `Warning` headers. Source: distribution-spec, "Warnings".
pub(super) const MAX_WARNING_BYTES: usize = 4_096;

/// How served content is to be sent.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Sending {
    /// Headers and body.
    Whole,
    /// Headers only: the request was HEAD.
    HeadersOnly,
    /// Nothing: the client has it already.
    NotModified,
}

impl Sending {
    /// Tells what is to be sent to whoever asks for this content.
    pub(super) fn of(call: &Call, digest: &str) -> Self {
        match (call.has(digest), call.asked.head) {
            (true, _) => Self::NotModified,
            (false, true) => Self::HeadersOnly,
            (false, false) => Self::Whole,
        }
    }
}

/// Sends a cleared manifest.
pub fn manifest(
    cleared: Cleared<ServedManifest>,
    sending: Sending,
    api_url: &str,
    doubt: Option<String>,
) -> Response<Body> {
    let verdict = cleared.get().verdict.clone();
    let known = Arc::clone(&cleared.get().manifest);
    let length = known.bytes.len() as u64;
    let mut response = content_response(sending, length, || Body::of_manifest(cleared));
    let headers = response.headers_mut();
    set(headers, header::CONTENT_TYPE, &known.media_type);
    set(headers, DOCKER_CONTENT_DIGEST, known.digest.as_str());
    set(headers, header::ETAG, &format!("\"{}\"", known.digest));
    let mut room = MAX_WARNING_BYTES;
    if let Some(verdict) = &verdict {
        set(headers, SLUICEGATE_VERDICT, verdict.decision.as_str());
        set(
            headers,
            SLUICEGATE_VERDICT_URL,
            &verdict_url(api_url, known.digest.as_str()),
        );
        if verdict.decision == Decision::Annotate {
            warn(
                headers,
                &sluicegate_policy::warning_text(verdict),
                &mut room,
            );
        }
    }
    if let Some(text) = doubt {
        warn(headers, &text, &mut room);
    }
    response
}

/// Sends a cleared manifest so slowly that its last byte comes once `judged` has ended.
pub fn dripped_manifest(
    cleared: Cleared<ServedManifest>,
    judged: impl Future<Output = ()> + Send + 'static,
) -> Response<Body> {
    let known = Arc::clone(&cleared.get().manifest);
    let body = || Body::of_manifest_until(cleared, judged);
    let mut response = content_response(Sending::Whole, known.bytes.len() as u64, body);
    let headers = response.headers_mut();
    set(headers, header::CONTENT_TYPE, &known.media_type);
    set(headers, DOCKER_CONTENT_DIGEST, known.digest.as_str());
    response
}

/// Sends the headers of a manifest that was never released here and is still being judged.
pub fn announced_manifest(cleared: &Cleared<ServedManifest>) -> Response<Body> {
    let known = &cleared.get().manifest;
    let length = known.bytes.len() as u64;
    let mut response = content_response(Sending::HeadersOnly, length, Body::nothing);
    let headers = response.headers_mut();
    set(headers, header::CONTENT_TYPE, &known.media_type);
    set(headers, DOCKER_CONTENT_DIGEST, known.digest.as_str());
    response
}

/// Sends a cleared blob, or a span of it; none is for HEAD and for a client that has it.
pub fn blob(
    digest: &str,
    total: u64,
    span: &Span,
    body: Option<Cleared<BlobBody>>,
    sending: Sending,
) -> Response<Body> {
    let length = span.range.end.saturating_sub(span.range.start);
    let mut response = content_response(sending, length, || match body {
        Some(cleared) => Body::of_blob(cleared),
        None => Body::nothing(),
    });
    if span.partial && sending != Sending::NotModified {
        *response.status_mut() = StatusCode::PARTIAL_CONTENT;
        let last = span.range.end.saturating_sub(1);
        let range = format!("bytes {}-{last}/{total}", span.range.start);
        set(response.headers_mut(), header::CONTENT_RANGE, &range);
    }
    let headers = response.headers_mut();
    set(headers, header::CONTENT_TYPE, "application/octet-stream");
    set(headers, header::ACCEPT_RANGES, "bytes");
    set(headers, DOCKER_CONTENT_DIGEST, digest);
    set(headers, header::ETAG, &format!("\"{digest}\""));
    response
}

/// Sends a list of tags under the name that the client used, with where it goes on.
pub fn tags(name: &str, tags: &[Tag], next: Option<&str>, head: bool) -> Response<Body> {
    let tags: Vec<&str> = tags.iter().map(Tag::as_str).collect();
    let mut response = json(
        &json!({"name": name, "tags": tags}),
        "application/json",
        head,
    );
    if let Some(next) = next {
        set(response.headers_mut(), header::LINK, &secrets::scrub(next));
    }
    response
}

/// Sends referrers that the gate would serve as an image index of ours.
pub fn referrers(
    cleared: Cleared<ListedReferrers>,
    are_filtered: bool,
    head: bool,
) -> Response<Body> {
    let list = cleared.into_inner();
    let index = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_INDEX,
        "manifests": list.referrers,
    });
    let mut response = json(&index, media_type::OCI_INDEX, head);
    let headers = response.headers_mut();
    if are_filtered {
        set(headers, OCI_FILTERS_APPLIED, "artifactType");
    }
    let mut room = MAX_WARNING_BYTES;
    if list.unjudged > 0 {
        let count = list.unjudged;
        let text = format!("sluicegate: {count} referrers are left out: they are not judged");
        warn(headers, &text, &mut room);
    }
    if list.are_cut {
        let text = format!("sluicegate: only the first {MAX_REFERRERS} referrers are listed");
        warn(headers, &text, &mut room);
    }
    response
}

/// Answers `GET /v2/`.
pub fn ping() -> Response<Body> {
    let mut response = Response::new(Body::words("{}".to_owned()));
    set(
        response.headers_mut(),
        header::CONTENT_TYPE,
        "application/json",
    );
    set(response.headers_mut(), API_VERSION, "registry/2.0");
    response
}

/// Sends a held request to its next hop: the same URL, counted.
pub fn next_hop(location: &str) -> Response<Body> {
    // A few bytes, so that the hop counts as progress with clients that watch for it.
    let mut response = Response::new(Body::words("held".to_owned()));
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    set(response.headers_mut(), header::LOCATION, location);
    set(response.headers_mut(), header::CACHE_CONTROL, "no-store");
    response
}

/// Sends a document of ours.
pub(super) fn json(document: &serde_json::Value, media_type: &str, head: bool) -> Response<Body> {
    let text = document.to_string();
    let sending = if head {
        Sending::HeadersOnly
    } else {
        Sending::Whole
    };
    let length = text.len() as u64;
    let mut response = content_response(sending, length, || Body::words(text));
    set(response.headers_mut(), header::CONTENT_TYPE, media_type);
    response
}

fn content_response(sending: Sending, length: u64, body: impl FnOnce() -> Body) -> Response<Body> {
    let mut response = match sending {
        Sending::Whole => Response::new(body()),
        Sending::HeadersOnly => Response::new(Body::nothing()),
        Sending::NotModified => {
            let mut response = Response::new(Body::nothing());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
    };
    let headers = response.headers_mut();
    headers.reserve(HEADERS);
    set(headers, header::CONTENT_LENGTH, &length.to_string());
    response
}

/// Gives the address of a verdict.
pub(super) fn verdict_url(api_url: &str, digest: &str) -> String {
    format!("{}/api/v1/verdicts/{digest}", api_url.trim_end_matches('/'))
}

/// Adds a `Warning` of one line, within what room is left for all of them.
pub(super) fn warn(headers: &mut header::HeaderMap, text: &str, room: &mut usize) {
    let quoted = sluicegate_policy::one_line(text).replace(['"', '\\'], "'");
    let quoted = secrets::scrub(&quoted);
    let overhead = "299 - \"\"".len();
    let kept: String = quoted.chars().take(room.saturating_sub(overhead)).collect();
    if kept.is_empty() {
        return;
    }
    *room = room.saturating_sub(kept.len() + overhead);
    if let Ok(value) = HeaderValue::try_from(format!("299 - \"{kept}\"")) {
        headers.append(header::WARNING, value);
    }
}

/// Sets a header, unless its value cannot be sent.
pub(super) fn set(headers: &mut header::HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}
