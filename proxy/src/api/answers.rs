//! Answers that are neither a short JSON document nor a problem, each with what is said of it in the
//! description.

use std::marker::PhantomData;

use axum::http::{StatusCode, header};
use axum::response::{IntoResponse, Response};
use schemars::JsonSchema;
use serde::Serialize;

use super::describe::{Answers, Operation, object, text};
use super::json::Json;
use super::readiness::Readiness;
use crate::metrics;

/// A page of a list.
#[derive(Debug, Serialize, JsonSchema)]
#[schemars(rename = "ListOf{T}")]
pub struct List<T> {
    /// What is on it.
    pub items: Vec<T>,
    /// What to give as `after` for the next page; null on the last one.
    pub next: Option<String>,
}

/// A document that was written before, and may be long.
#[derive(Debug)]
pub struct Written<T>(Response, PhantomData<T>);

/// Something that has begun, and where it is shown.
#[derive(Debug)]
pub struct Begun<T> {
    /// What has begun.
    pub what: T,
    /// Its path.
    pub shown_at: String,
}

/// The metrics in Prometheus' text format.
#[derive(Debug)]
pub struct Exposition(pub String);

/// A bill of materials.
#[derive(Debug)]
pub struct Bill(pub Response);

/// A statement in a signed envelope.
#[derive(Debug)]
pub(super) struct SignedStatement(pub Response);

/// A public key.
#[derive(Debug)]
pub(super) struct Pem(pub Response);

impl Pem {
    /// The media type of a PEM, of which none is registered.
    pub(super) const MEDIA_TYPE: &'static str = "application/x-pem-file";
}

/// The description of the API.
#[derive(Debug)]
pub(super) struct OpenApi(pub(super) &'static str);

/// A word for whoever only wants to know that somebody is there.
#[derive(Debug)]
pub struct Word(pub &'static str);

impl<T> Written<T> {
    /// Takes an answer whose body is a `T` as JSON.
    pub(super) fn of(response: Response) -> Self {
        Self(response, PhantomData)
    }
}

impl<T> IntoResponse for Written<T> {
    fn into_response(self) -> Response {
        self.0
    }
}

impl<T: Serialize> IntoResponse for Begun<T> {
    fn into_response(self) -> Response {
        let headers = [(header::LOCATION, self.shown_at)];
        (StatusCode::ACCEPTED, headers, Json(self.what)).into_response()
    }
}

impl IntoResponse for Exposition {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, metrics::MEDIA_TYPE)], self.0).into_response()
    }
}

impl IntoResponse for Bill {
    fn into_response(self) -> Response {
        self.0
    }
}

impl IntoResponse for SignedStatement {
    fn into_response(self) -> Response {
        self.0
    }
}

impl IntoResponse for Pem {
    fn into_response(self) -> Response {
        self.0
    }
}

impl IntoResponse for OpenApi {
    fn into_response(self) -> Response {
        ([(header::CONTENT_TYPE, "application/json")], self.0).into_response()
    }
}

impl IntoResponse for Word {
    fn into_response(self) -> Response {
        self.0.into_response()
    }
}

impl<T: JsonSchema> Answers for Json<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.json::<T>(StatusCode::OK);
    }
}

impl<T: JsonSchema> Answers for Written<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.json::<T>(StatusCode::OK);
    }
}

impl<T: JsonSchema> Answers for Begun<T> {
    fn describe(operation: &mut Operation<'_>) {
        operation.json::<T>(StatusCode::ACCEPTED);
        operation.header(StatusCode::ACCEPTED, "Location", "Where it is shown.");
    }
}

impl Answers for Readiness {
    fn describe(operation: &mut Operation<'_>) {
        operation.json::<Self>(StatusCode::OK);
        operation.json::<Self>(StatusCode::SERVICE_UNAVAILABLE);
    }
}

impl Answers for Exposition {
    fn describe(operation: &mut Operation<'_>) {
        operation.media("text/plain", &text());
    }
}

impl Answers for Bill {
    fn describe(operation: &mut Operation<'_>) {
        operation.media("application/vnd.cyclonedx+json", &object());
        operation.media("application/spdx+json", &object());
    }
}

impl Answers for SignedStatement {
    fn describe(operation: &mut Operation<'_>) {
        operation.media(sluicegate_engine::attest::ENVELOPE, &object());
    }
}

impl Answers for Pem {
    fn describe(operation: &mut Operation<'_>) {
        operation.media(Self::MEDIA_TYPE, &text());
    }
}

impl Answers for OpenApi {
    fn describe(operation: &mut Operation<'_>) {
        operation.media("application/json", &object());
    }
}

impl Answers for Word {
    fn describe(operation: &mut Operation<'_>) {
        operation.media("text/plain", &text());
    }
}
