//! Errors of the API as problem details. Source: RFC 9457.

use axum::http::{HeaderValue, StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use super::json::Json;

/// When to ask again, in seconds, where too much is under way: an image is judged in that time.
const RETRY_AFTER_SECONDS: &str = "10";

/// An error as the API shows it.
#[derive(Debug)]
pub struct Problem {
    status: StatusCode,
    body: ProblemBody,
}

/// The problem details.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "Problem")]
pub struct ProblemBody {
    /// Always `about:blank`: the status says what kind of problem it is.
    #[serde(rename = "type")]
    kind: &'static str,
    /// The status in words.
    title: &'static str,
    /// The status.
    status: u16,
    /// What is wrong, in one line.
    detail: String,
    /// The parameter that it is about.
    #[serde(skip_serializing_if = "Option::is_none")]
    parameter: Option<String>,
    /// The parameters that there are.
    #[serde(skip_serializing_if = "Option::is_none")]
    known: Option<Vec<String>>,
    /// What becomes of what was asked for.
    #[serde(skip_serializing_if = "Option::is_none")]
    state: Option<ProblemState>,
}

/// What becomes of what is not there yet.
#[derive(Clone, Copy, Debug, Serialize, JsonSchema)]
#[serde(rename_all = "lowercase")]
enum ProblemState {
    /// The image is being scanned.
    Scanning,
}

impl Problem {
    /// Says that there is no such thing.
    pub fn not_found(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::NOT_FOUND, detail)
    }

    /// Says that there is no verdict yet, for the image is being scanned.
    pub fn still_scanning() -> Self {
        let mut problem = Self::not_found("the image is being scanned");
        problem.body.state = Some(ProblemState::Scanning);
        problem
    }

    /// Says that the request makes no sense.
    pub fn bad_request(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::BAD_REQUEST, detail)
    }

    /// Says that a parameter makes no sense.
    pub fn bad_parameter(parameter: &str, detail: impl Into<String>) -> Self {
        let mut problem = Self::bad_request(detail);
        problem.body.parameter = Some(parameter.to_owned());
        problem
    }

    /// Says that it has to be known who asks.
    pub fn unauthorized(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNAUTHORIZED, detail)
    }

    /// Says that there is something already where this would be.
    pub fn conflict(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::CONFLICT, detail)
    }

    /// Says that nobody who asks like this is answered.
    pub fn forbidden(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::FORBIDDEN, detail)
    }

    /// Says that the request was meant for somebody else.
    pub fn misdirected(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::MISDIRECTED_REQUEST, detail)
    }

    /// Says that the method is not answered at this path.
    pub fn bad_method(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::METHOD_NOT_ALLOWED, detail)
    }

    /// Says that the body is longer than any that makes sense.
    pub fn too_large(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::PAYLOAD_TOO_LARGE, detail)
    }

    /// Says that the body is of no type that is read.
    pub fn unsupported(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNSUPPORTED_MEDIA_TYPE, detail)
    }

    /// Says that the request can be read and names what cannot be had.
    pub fn unprocessable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::UNPROCESSABLE_ENTITY, detail)
    }

    /// Says that this can be asked again later.
    pub fn too_many(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::TOO_MANY_REQUESTS, detail)
    }

    /// Says that this can be answered soon.
    pub fn unavailable(detail: impl Into<String>) -> Self {
        Self::new(StatusCode::SERVICE_UNAVAILABLE, detail)
    }

    /// Says that something of ours failed.
    pub fn internal(error: impl std::fmt::Display) -> Self {
        tracing::error!(%error, "API request failed");
        Self::new(StatusCode::INTERNAL_SERVER_ERROR, error.to_string())
    }

    /// Adds the words that would have made sense.
    pub fn among(mut self, known: &[&str]) -> Self {
        self.body.known = Some(known.iter().map(|name| (*name).to_owned()).collect());
        self
    }

    fn new(status: StatusCode, detail: impl Into<String>) -> Self {
        let body = ProblemBody {
            kind: "about:blank",
            title: status.canonical_reason().unwrap_or("Error"),
            status: status.as_u16(),
            detail: detail.into(),
            parameter: None,
            known: None,
            state: None,
        };
        Self { status, body }
    }
}

impl IntoResponse for Problem {
    fn into_response(self) -> Response {
        let mut response = (self.status, Json(self.body)).into_response();
        let kind = HeaderValue::from_static("application/problem+json");
        response.headers_mut().insert(header::CONTENT_TYPE, kind);
        if self.status == StatusCode::UNAUTHORIZED {
            let challenge = HeaderValue::from_static("Basic realm=\"sluicegate\"");
            response
                .headers_mut()
                .insert(header::WWW_AUTHENTICATE, challenge);
        }
        if self.status == StatusCode::TOO_MANY_REQUESTS {
            let later = HeaderValue::from_static(RETRY_AFTER_SECONDS);
            response.headers_mut().insert(header::RETRY_AFTER, later);
        }
        response
    }
}
