//! What a request asks for, as types: parameters of the query, the part of a path, a JSON body.
//!
//! A route declares its parameters as a struct that knows no others; whatever does not fit it is a
//! problem that names the parameter and the right word. `words` finds that word.

mod words;

use axum::extract::rejection::JsonRejection;
use axum::extract::{FromRequest, FromRequestParts, Path as PathOf, Request};
use axum::http::StatusCode;
use axum::http::request::Parts;
use schemars::JsonSchema;
use serde::de::{Deserialize, DeserializeOwned, Deserializer, Error as _};
use url::form_urlencoded;

use super::problem::Problem;

/// The parameters of a query.
#[derive(Debug)]
pub struct Query<T>(pub T);

/// The one part of the path that changes.
#[derive(Debug)]
pub struct Path<T>(pub T);

/// A body in JSON. One that does not say that it is JSON is not read, so that no web page can send
/// one.
#[derive(Debug)]
pub struct Body<T>(pub T);

/// The parameters of a route that takes none.
#[derive(Debug, serde::Deserialize, JsonSchema)]
#[serde(deny_unknown_fields)]
pub struct Nothing {}

impl<T: DeserializeOwned + JsonSchema> Query<T> {
    /// Reads the text behind the `?`.
    ///
    /// *Errors*: 400 that names the parameter which is unknown, given twice, missing, or makes no
    /// sense.
    pub fn read(text: &str) -> Result<Self, Problem> {
        let pairs = form_urlencoded::parse(text.as_bytes());
        let reader = serde_urlencoded::Deserializer::new(pairs);
        serde_path_to_error::deserialize(reader)
            .map(Self)
            .map_err(|error| {
                let at = error.path().to_string();
                words::about(&T::json_schema_of(), text, &at, &error.into_inner())
            })
    }
}

/// The schema of a type, with everything that it refers to written out.
trait SchemaOf: JsonSchema {
    fn json_schema_of() -> schemars::Schema {
        let settings = schemars::generate::SchemaSettings::draft2020_12();
        let settings = settings.with(|settings| settings.inline_subschemas = true);
        settings.into_generator().into_root_schema_for::<Self>()
    }
}

impl<T: JsonSchema> SchemaOf for T {}

impl<S: Sync, T: DeserializeOwned + JsonSchema> FromRequestParts<S> for Query<T> {
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, _state: &S) -> Result<Self, Problem> {
        Self::read(parts.uri.query().unwrap_or_default())
    }
}

impl<S, T> FromRequestParts<S> for Path<T>
where
    S: Send + Sync,
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    type Rejection = Problem;

    async fn from_request_parts(parts: &mut Parts, state: &S) -> Result<Self, Problem> {
        let part = PathOf::<String>::from_request_parts(parts, state).await;
        let PathOf(part) = part.map_err(|error| Problem::bad_request(error.body_text()))?;
        let read = part.parse().map(Self);
        read.map_err(|error| Problem::bad_request(format!("{error}")))
    }
}

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for Body<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, state: &S) -> Result<Self, Problem> {
        let body = axum::Json::from_request(request, state).await;
        let read = body.map(|axum::Json(body)| Self(body));
        read.map_err(|error: JsonRejection| match error.status() {
            StatusCode::PAYLOAD_TOO_LARGE => Problem::too_large(error.body_text()),
            StatusCode::UNSUPPORTED_MEDIA_TYPE => Problem::unsupported(
                "the body has to be JSON and to say so: Content-Type: application/json",
            ),
            _ => Problem::bad_request(error.body_text()),
        })
    }
}

/// Reads a value that is written as one text, for types that can be parsed from it.
pub(super) fn from_text<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: std::str::FromStr<Err: std::fmt::Display>,
{
    let text = String::deserialize(deserializer)?;
    text.parse().map_err(D::Error::custom)
}

#[cfg(test)]
mod tests;
