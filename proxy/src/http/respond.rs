//! The one map from values and errors to status, headers and the OCI error envelope.
//!
//! A body with image content can only be made from a `Cleared<T>`. Texts of errors never carry an
//! upstream's words or bytes a terminal would act on.

use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Full, combinators::UnsyncBoxBody};
use hyper::header::{self, HeaderName, HeaderValue};
use hyper::{Response, StatusCode};
use serde_json::json;
use sluicegate_model::verdict::{Decision, Verdict};
use sluicegate_model::{Tag, media_type};

use super::name::CanonicalNameError;
use super::range::Span;
use super::route::RouteError;
use crate::cache::BlobBody;
use crate::pull::error::PullError;
use crate::pull::gate::{Cleared, ListedReferrers, ServedManifest};
use crate::secrets;
use crate::upstream::{MAX_REFERRERS, UpstreamError};

/// What may go wrong while a body is being sent: the connection is cut.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;
/// Every response body of the registry listener.
pub type Body = UnsyncBoxBody<Bytes, BodyError>;

/// The digest of what is served.
pub const DOCKER_CONTENT_DIGEST: HeaderName = HeaderName::from_static("docker-content-digest");
const SLUICEGATE_VERDICT: HeaderName = HeaderName::from_static("sluicegate-verdict");
const SLUICEGATE_VERDICT_URL: HeaderName = HeaderName::from_static("sluicegate-verdict-url");
const API_VERSION: HeaderName = HeaderName::from_static("docker-distribution-api-version");
const OCI_FILTERS_APPLIED: HeaderName = HeaderName::from_static("oci-filters-applied");
/// Most bytes of all `Warning` headers. Source: distribution-spec, "Warnings".
const MAX_WARNING_BYTES: usize = 4_096;

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

/// Sends a cleared manifest.
pub fn manifest(
    cleared: Cleared<ServedManifest>,
    sending: Sending,
    api_url: &str,
    stale: Option<String>,
) -> Response<Body> {
    let served = cleared.into_inner();
    let known = &served.manifest;
    let mut response = content_response(sending, known.bytes.len() as u64, || {
        full(known.bytes.clone())
    });
    let headers = response.headers_mut();
    set(headers, header::CONTENT_TYPE, &known.media_type);
    set(headers, DOCKER_CONTENT_DIGEST, known.digest.as_str());
    set(headers, header::ETAG, &format!("\"{}\"", known.digest));
    let mut room = MAX_WARNING_BYTES;
    if let Some(verdict) = &served.verdict {
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
    if let Some(text) = stale {
        warn(headers, &text, &mut room);
    }
    response
}

/// Sends a cleared manifest through a body that drips.
pub fn dripped_manifest(cleared: &Cleared<ServedManifest>, body: Body) -> Response<Body> {
    let known = &cleared.get().manifest;
    let mut response = content_response(Sending::Whole, known.bytes.len() as u64, || body);
    let headers = response.headers_mut();
    set(headers, header::CONTENT_TYPE, &known.media_type);
    set(headers, DOCKER_CONTENT_DIGEST, known.digest.as_str());
    response
}

/// Sends the headers of a manifest that was never released here and is still being judged.
pub fn unjudged_head(cleared: &Cleared<ServedManifest>) -> Response<Body> {
    let known = &cleared.get().manifest;
    let mut response = content_response(Sending::HeadersOnly, known.bytes.len() as u64, || {
        full(Bytes::new())
    });
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
        Some(cleared) => Body::new(cleared.into_inner().map_err(BodyError::from)),
        None => full(Bytes::new()),
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

/// Answers a list of tags that was asked for by a count that is none.
pub fn bad_count(head: bool) -> Response<Body> {
    let message = "sluicegate: n is the number of tags wanted, from 0 to 999999999";
    envelope(
        StatusCode::BAD_REQUEST,
        "PAGINATION_NUMBER_INVALID",
        message,
        json!({}),
        head,
    )
}

/// Answers `GET /v2/`.
pub fn ping() -> Response<Body> {
    let mut response = Response::new(full(Bytes::from_static(b"{}")));
    set(
        response.headers_mut(),
        header::CONTENT_TYPE,
        "application/json",
    );
    set(response.headers_mut(), API_VERSION, "registry/2.0");
    response
}

/// Refuses an image for its verdict.
pub fn refusal(verdict: &Verdict, api_url: &str, head: bool) -> Response<Body> {
    let message = sluicegate_policy::refusal_message(verdict, api_url);
    let mut findings: Vec<&str> = verdict
        .reasons
        .iter()
        .filter(|reason| reason.action == Decision::Refuse)
        .flat_map(|reason| reason.findings.iter().map(String::as_str))
        .collect();
    // Two rules may speak about one finding.
    let mut named = std::collections::BTreeSet::new();
    findings.retain(|id| named.insert(*id));
    let detail = json!({
        "digest": verdict.digest,
        "repository": verdict.repository,
        "policy": verdict.policy.name,
        "rule": verdict.reasons.first().map(|reason| &reason.rule),
        "findings": findings,
        "verdict": verdict_url(api_url, verdict.digest.as_str()),
    });
    let mut response = envelope(StatusCode::FORBIDDEN, "DENIED", &message, detail, head);
    let headers = response.headers_mut();
    set(headers, SLUICEGATE_VERDICT, verdict.decision.as_str());
    set(
        headers,
        SLUICEGATE_VERDICT_URL,
        &verdict_url(api_url, verdict.digest.as_str()),
    );
    response
}

/// Sends a held request to its next hop: the same URL, counted.
pub fn next_hop(location: &str) -> Response<Body> {
    // A few bytes, so that the hop counts as progress with clients that watch for it.
    let mut response = Response::new(full(Bytes::from_static(b"held")));
    *response.status_mut() = StatusCode::TEMPORARY_REDIRECT;
    set(response.headers_mut(), header::LOCATION, location);
    set(response.headers_mut(), header::CACHE_CONTROL, "no-store");
    response
}

/// Asks to come back: the last hop is used up and there is no verdict yet.
pub fn still_scanning(head: bool) -> Response<Body> {
    let message = "sluicegate: the image is still being scanned; ask again in a minute";
    let mut response = envelope(
        StatusCode::SERVICE_UNAVAILABLE,
        "UNAVAILABLE",
        message,
        json!({}),
        head,
    );
    set(response.headers_mut(), header::RETRY_AFTER, "30");
    response
}

/// Answers a range that the blob does not have.
pub fn unsatisfiable(total: u64) -> Response<Body> {
    let mut response = Response::new(full(Bytes::new()));
    *response.status_mut() = StatusCode::RANGE_NOT_SATISFIABLE;
    set(
        response.headers_mut(),
        header::CONTENT_RANGE,
        &format!("bytes */{total}"),
    );
    response
}

/// Answers a request without a route.
pub fn route_error(error: &RouteError, head: bool) -> Response<Body> {
    let (status, code) = match error {
        RouteError::ReadOnly => (StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED"),
        RouteError::NoEndpoint => (StatusCode::NOT_FOUND, "UNSUPPORTED"),
        RouteError::Name(CanonicalNameError::UnknownUpstream(_)) => {
            (StatusCode::NOT_FOUND, "NAME_UNKNOWN")
        }
        RouteError::Name(CanonicalNameError::Invalid(_)) | RouteError::Malformed => {
            (StatusCode::BAD_REQUEST, "NAME_INVALID")
        }
        RouteError::Reference(_) => (StatusCode::BAD_REQUEST, "DIGEST_INVALID"),
    };
    let mut response = envelope(
        status,
        code,
        &format!("sluicegate: {error}"),
        json!({}),
        head,
    );
    if *error == RouteError::ReadOnly {
        set(response.headers_mut(), header::ALLOW, "GET, HEAD");
    }
    response
}

/// Answers a pull that could not be carried out.
pub fn pull_error(error: &PullError, head: bool) -> Response<Body> {
    let (status, code) = status_of(error);
    let message = format!("sluicegate: {error}");
    let mut response = envelope(status, code, &message, json!({}), head);
    if let Some(wait) = error.retry_after() {
        let seconds = wait.max(Duration::from_secs(1)).as_secs();
        set(
            response.headers_mut(),
            header::RETRY_AFTER,
            &seconds.to_string(),
        );
    }
    response
}

fn status_of(error: &PullError) -> (StatusCode, &'static str) {
    match error {
        PullError::UnknownManifest => (StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN"),
        PullError::UnknownBlob | PullError::AbsentBlob => (StatusCode::NOT_FOUND, "BLOB_UNKNOWN"),
        PullError::Manifest(_) => (StatusCode::NOT_FOUND, "MANIFEST_INVALID"),
        PullError::Damaged(_) => (StatusCode::BAD_GATEWAY, "UNKNOWN"),
        PullError::Full(_) | PullError::Storage(_) | PullError::Forsaken(_) => {
            (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE")
        }
        PullError::Upstream(error) => upstream_status(error),
    }
}

fn upstream_status(error: &Arc<UpstreamError>) -> (StatusCode, &'static str) {
    match **error {
        UpstreamError::NotFound { .. } => (StatusCode::NOT_FOUND, "MANIFEST_UNKNOWN"),
        // 401 would ask the client for credentials of the upstream, which it does not talk to.
        UpstreamError::Unauthorized { .. } | UpstreamError::Denied { .. } => {
            (StatusCode::NOT_FOUND, "NAME_UNKNOWN")
        }
        UpstreamError::RateLimited { .. } => (StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS"),
        UpstreamError::Timeout { .. } => (StatusCode::GATEWAY_TIMEOUT, "UNAVAILABLE"),
        _ => (StatusCode::BAD_GATEWAY, "UNAVAILABLE"),
    }
}

fn envelope(
    status: StatusCode,
    code: &str,
    message: &str,
    detail: serde_json::Value,
    head: bool,
) -> Response<Body> {
    let message = sluicegate_policy::one_line(message);
    // Here as well, because what is not printable has become something else only now.
    let message = secrets::scrub(&message);
    let text =
        json!({"errors": [{"code": code, "message": message, "detail": detail}]}).to_string();
    let length = text.len();
    let body = if head {
        empty()
    } else {
        full(Bytes::from(text))
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    set(
        response.headers_mut(),
        header::CONTENT_TYPE,
        "application/json",
    );
    set(
        response.headers_mut(),
        header::CONTENT_LENGTH,
        &length.to_string(),
    );
    response
}

/// Sends a document of ours.
fn json(document: &serde_json::Value, media_type: &str, head: bool) -> Response<Body> {
    let text = document.to_string();
    let sending = if head {
        Sending::HeadersOnly
    } else {
        Sending::Whole
    };
    let length = text.len() as u64;
    let mut response = content_response(sending, length, || full(Bytes::from(text)));
    set(response.headers_mut(), header::CONTENT_TYPE, media_type);
    response
}

fn content_response(sending: Sending, length: u64, body: impl FnOnce() -> Body) -> Response<Body> {
    let mut response = match sending {
        Sending::Whole => Response::new(body()),
        Sending::HeadersOnly => Response::new(empty()),
        Sending::NotModified => {
            let mut response = Response::new(empty());
            *response.status_mut() = StatusCode::NOT_MODIFIED;
            return response;
        }
    };
    set(
        response.headers_mut(),
        header::CONTENT_LENGTH,
        &length.to_string(),
    );
    response
}

fn verdict_url(api_url: &str, digest: &str) -> String {
    format!("{}/api/v1/verdicts/{digest}", api_url.trim_end_matches('/'))
}

fn warn(headers: &mut header::HeaderMap, text: &str, room: &mut usize) {
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

fn set(headers: &mut header::HeaderMap, name: HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::try_from(value) {
        headers.insert(name, value);
    }
}

fn full(bytes: Bytes) -> Body {
    Body::new(Full::new(bytes).map_err(|never| match never {}))
}

fn empty() -> Body {
    Body::new(Empty::new().map_err(|never| match never {}))
}
