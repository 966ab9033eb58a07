//! The one map from refusals and errors to status, code and the line that people read.
//!
//! The line is the message of the OCI error envelope and the reason phrase of the status line;
//! where access is refused, and in answers to HEAD where something failed, it is a `Warning` as well,
//! for HTTP/2 has no phrase. It never carries an upstream's words as they came, or bytes that a
//! terminal would act on. The statuses are those
//! that clients show with their reason (measured): of a 404 most say only "not found", and a 401
//! would ask them for credentials of a registry that they do not talk to.

use std::time::Duration;

use hyper::{Response, StatusCode, header};
use serde_json::json;
use sluicegate_engine::origin::Failure;
use sluicegate_model::Repository;
use sluicegate_model::names::CanonicalNameError;
use sluicegate_model::verdict::Decision;
use sluicegate_policy::NameRefusal;
use sluicegate_remedy::first::first_step;
use sluicegate_upstream::secrets;

use super::body::Body;
use super::phrase;
use super::respond::{
    MAX_WARNING_BYTES, SLUICEGATE_VERDICT, SLUICEGATE_VERDICT_URL, set, verdict_url, warn,
};
use super::route::{Route, RouteError};
use sluicegate_engine::gate::Refusal;
use sluicegate_engine::identity::{Unidentified, Who};
use sluicegate_engine::pull::error::PullError;

/// What was asked for where a pull failed: one failure is told in the terms of the request.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wanted {
    /// A manifest, or what is said about one.
    Manifest,
    /// A blob.
    Blob,
    /// The list of a repository's tags.
    Tags,
}

impl Wanted {
    /// Tells what a route asks for.
    pub fn of(route: &Route) -> Self {
        match route {
            Route::Ping | Route::Manifest(..) | Route::Referrers(..) => Self::Manifest,
            Route::Blob(..) => Self::Blob,
            Route::Tags(_) => Self::Tags,
        }
    }

    /// Gives the code for what is not there. Source: distribution-spec 1.1, "Error Codes".
    fn unknown(self) -> &'static str {
        match self {
            Self::Manifest => "MANIFEST_UNKNOWN",
            Self::Blob => "BLOB_UNKNOWN",
            Self::Tags => "NAME_UNKNOWN",
        }
    }
}

/// Refuses an image for its verdict.
pub fn refusal(refusal: &Refusal, api_url: &str, head: bool) -> Response<Body> {
    let (verdict, platform) = (&refusal.verdict, refusal.platform.as_deref());
    let first = first_step(verdict, sluicegate_scanner::compare_versions);
    let first = first.as_deref();
    let message = sluicegate_policy::refusal_message(verdict, platform, first, api_url);
    let mut response = envelope(StatusCode::FORBIDDEN, "DENIED", &message, head);
    let url = verdict_url(api_url, verdict.digest.as_str());
    let headers = response.headers_mut();
    set(headers, SLUICEGATE_VERDICT, verdict.decision.as_str());
    set(headers, SLUICEGATE_VERDICT_URL, &url);
    response
}

/// Refuses what an image is called: there is no verdict to point to.
pub fn refused_name(refusal: &NameRefusal, head: bool) -> Response<Body> {
    let message = refusal.message();
    let mut response = envelope(StatusCode::FORBIDDEN, "DENIED", &message, head);
    let headers = response.headers_mut();
    set(headers, SLUICEGATE_VERDICT, Decision::Refuse.as_str());
    response
}

/// Answers a list of tags that was asked for by a count that is none.
pub fn bad_count(head: bool) -> Response<Body> {
    let message = "sluicegate: n is the number of tags wanted, from 0 to 999999999";
    let code = "PAGINATION_NUMBER_INVALID";
    envelope(StatusCode::BAD_REQUEST, code, message, head)
}

/// Asks to come back: the last hop is used up and there is no verdict yet.
pub fn still_scanning(head: bool) -> Response<Body> {
    let message = "sluicegate: the image is still being scanned; ask again in a minute";
    let mut response = envelope(
        StatusCode::SERVICE_UNAVAILABLE,
        "UNAVAILABLE",
        message,
        head,
    );
    set(response.headers_mut(), header::RETRY_AFTER, "30");
    response
}

/// Answers a range that the blob does not have.
pub fn unsatisfiable(total: u64, head: bool) -> Response<Body> {
    let message = format!("sluicegate: the range lies outside the blob's {total} bytes");
    let code = "RANGE_INVALID";
    let mut response = envelope(StatusCode::RANGE_NOT_SATISFIABLE, code, &message, head);
    let range = format!("bytes */{total}");
    set(response.headers_mut(), header::CONTENT_RANGE, &range);
    response
}

/// Answers somebody of whom it is not known who that is, and says how to tell.
pub fn unidentified(error: &Unidentified, challenge: &str, head: bool) -> Response<Body> {
    let (status, code) = match error {
        Unidentified::Missing | Unidentified::Wrong => (StatusCode::UNAUTHORIZED, "UNAUTHORIZED"),
        Unidentified::Unknown(_) => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
    };
    let mut response = envelope(status, code, &format!("sluicegate: {error}"), head);
    if status == StatusCode::UNAUTHORIZED {
        set(response.headers_mut(), header::WWW_AUTHENTICATE, challenge);
    }
    response
}

/// Answers somebody whose token is for another repository.
pub fn token_for_another(challenge: &str, head: bool) -> Response<Body> {
    let message = "sluicegate: the token is for another repository";
    let mut response = envelope(StatusCode::UNAUTHORIZED, "UNAUTHORIZED", message, head);
    set(response.headers_mut(), header::WWW_AUTHENTICATE, challenge);
    response
}

/// Answers somebody who knows of no such repository: the same whether there is one.
pub fn foreign(who: &Who, repository: &Repository, head: bool) -> Response<Body> {
    let message = format!("sluicegate: {who} may not read {repository}");
    envelope(StatusCode::FORBIDDEN, "DENIED", &message, head)
}

/// Answers a request without a route.
pub fn route_error(error: &RouteError, head: bool) -> Response<Body> {
    let (status, code) = match error {
        RouteError::ReadOnly => (StatusCode::METHOD_NOT_ALLOWED, "UNSUPPORTED"),
        RouteError::NoEndpoint => (StatusCode::NOT_FOUND, "UNSUPPORTED"),
        RouteError::Name(CanonicalNameError::UnknownUpstream(_)) => {
            (StatusCode::FORBIDDEN, "DENIED")
        }
        RouteError::Name(CanonicalNameError::Invalid(_)) | RouteError::Malformed => {
            (StatusCode::BAD_REQUEST, "NAME_INVALID")
        }
        RouteError::Tag(_) => (StatusCode::BAD_REQUEST, "TAG_INVALID"),
        RouteError::Digest(_) => (StatusCode::BAD_REQUEST, "DIGEST_INVALID"),
    };
    let mut response = envelope(status, code, &format!("sluicegate: {error}"), head);
    if *error == RouteError::ReadOnly {
        set(response.headers_mut(), header::ALLOW, "GET, HEAD");
    }
    response
}

/// Answers a pull that could not be carried out.
pub fn pull_error(error: &PullError, wanted: Wanted, head: bool) -> Response<Body> {
    let (status, code) = status_of(error, wanted);
    let words = match (error, wanted) {
        (PullError::UnknownManifest, Wanted::Tags) => {
            "repository is not known to its upstream".to_owned()
        }
        _ => error.to_string(),
    };
    let mut response = envelope(status, code, &format!("sluicegate: {words}"), head);
    if let Some(wait) = error.retry_after() {
        let seconds = wait.max(Duration::from_secs(1)).as_secs().to_string();
        set(response.headers_mut(), header::RETRY_AFTER, &seconds);
    }
    response
}

fn status_of(error: &PullError, wanted: Wanted) -> (StatusCode, &'static str) {
    match error {
        PullError::UnknownManifest => (StatusCode::NOT_FOUND, wanted.unknown()),
        PullError::UnknownBlob => (StatusCode::NOT_FOUND, "BLOB_UNKNOWN"),
        PullError::AbsentBlob(_) => match wanted {
            Wanted::Blob => (StatusCode::NOT_FOUND, "BLOB_UNKNOWN"),
            Wanted::Manifest | Wanted::Tags => (StatusCode::NOT_FOUND, "MANIFEST_BLOB_UNKNOWN"),
        },
        PullError::Manifest(_) => (StatusCode::FORBIDDEN, "MANIFEST_INVALID"),
        PullError::Damaged(_) => (StatusCode::BAD_GATEWAY, "UNKNOWN"),
        PullError::Full(_)
        | PullError::Storage(_)
        | PullError::Broken(_)
        | PullError::Crowded(_)
        | PullError::Forsaken(_) => (StatusCode::SERVICE_UNAVAILABLE, "UNAVAILABLE"),
        PullError::Upstream(error) => upstream_status(error.failure, wanted),
    }
}

fn upstream_status(failure: Failure, wanted: Wanted) -> (StatusCode, &'static str) {
    match failure {
        Failure::Absent => (StatusCode::NOT_FOUND, wanted.unknown()),
        Failure::Unauthorized | Failure::Denied => (StatusCode::FORBIDDEN, "DENIED"),
        Failure::Limited => (StatusCode::TOO_MANY_REQUESTS, "TOOMANYREQUESTS"),
        Failure::Silent => (StatusCode::GATEWAY_TIMEOUT, "UNAVAILABLE"),
        Failure::Overloaded
        | Failure::Unreachable
        | Failure::Fleeting
        | Failure::Broken
        | Failure::Unusable => (StatusCode::BAD_GATEWAY, "UNAVAILABLE"),
    }
}

/// Tells whether the line is a `Warning` as well: what is refused, and of a HEAD, which has no body,
/// all trouble. That something is not there is what many ask for, and nothing to warn of.
fn is_warned_of(status: StatusCode, head: bool) -> bool {
    let is_trouble = status.is_server_error() || status == StatusCode::TOO_MANY_REQUESTS;
    status == StatusCode::FORBIDDEN || (head && is_trouble)
}

/// Makes the answer: the line stands wherever some client looks for it.
fn envelope(status: StatusCode, code: &str, message: &str, head: bool) -> Response<Body> {
    let message = sluicegate_policy::one_line(message);
    // Here as well, because what is not printable has become something else only now.
    let message = secrets::scrub(&message);
    let text = json!({"errors": [{"code": code, "message": message}]}).to_string();
    let length = text.len().to_string();
    let body = if head {
        Body::nothing()
    } else {
        Body::words(text)
    };
    let mut response = Response::new(body);
    *response.status_mut() = status;
    phrase::set(&mut response, &message);
    let headers = response.headers_mut();
    set(headers, header::CONTENT_TYPE, "application/json");
    set(headers, header::CONTENT_LENGTH, &length);
    if is_warned_of(status, head) {
        let mut room = MAX_WARNING_BYTES;
        warn(headers, &message, &mut room);
    }
    response
}
