//! A body that may be long: nothing of it is read before somebody wants it, and has memory for it.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use bytes::Bytes;
use http_body_util::{BodyExt as _, LengthLimitError, Limited};
use serde::de::DeserializeOwned;

use super::problem::Problem;

/// What a body says that it is, where it is no JSON.
pub(super) const MEDIA_TYPE: &str = "application/octet-stream";
/// What one says that is.
const JSON: &str = "application/json";
/// Longest body of files, in bytes.
const MAX_LONG_BYTES: usize = 16 * 1024 * 1024;
/// How long it may take to arrive.
const PATIENCE: Duration = Duration::from_mins(5);

/// A body that has not been read yet, and is no JSON.
#[derive(Debug)]
pub(super) struct Upload {
    body: Body,
    length: Option<u64>,
}

/// A body in JSON that has not been read yet.
#[derive(Debug)]
pub(super) struct JsonUpload(pub(super) Upload);

impl Upload {
    /// Tells how many bytes of it are read at most: as long as it says it is, else `most`.
    pub(super) fn bytes(&self, most: usize) -> u64 {
        let most = u64::try_from(most).unwrap_or(u64::MAX);
        self.length.map_or(most, |length| length.min(most))
    }

    /// Takes the body of a request that says what it is.
    fn of(request: Request, wanted: &str) -> Result<Self, Problem> {
        let headers = request.headers();
        let said = headers.get(header::CONTENT_TYPE);
        let said = said.and_then(|kind| kind.to_str().ok()).unwrap_or_default();
        let kind = said.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case(wanted) {
            let why = format!("the body has to say what it is: Content-Type: {wanted}");
            return Err(Problem::unsupported(why));
        }
        let length = headers.get(header::CONTENT_LENGTH);
        let length = length.and_then(|length| length.to_str().ok()?.parse().ok());
        Ok(Self {
            body: request.into_body(),
            length,
        })
    }

    /// Reads all of it.
    ///
    /// *Errors*: 413 where it is longer than that, 400 where it does not come to its end.
    pub(super) async fn read(self, most: usize) -> Result<Bytes, Problem> {
        let too_long = || Problem::too_large(format!("the body has more than {most} bytes"));
        let is_longer = |length: u64| usize::try_from(length).is_ok_and(|length| length > most);
        if self.length.is_some_and(is_longer) {
            return Err(too_long());
        }
        let limit = usize::try_from(self.bytes(most)).unwrap_or(most);
        let arriving = Limited::new(self.body, limit).collect();
        let Ok(arrived) = tokio::time::timeout(PATIENCE, arriving).await else {
            let seconds = PATIENCE.as_secs();
            let why = format!("the body did not arrive within {seconds} s");
            return Err(Problem::bad_request(why));
        };
        let arrived = arrived.map_err(|error| {
            if error.is::<LengthLimitError>() {
                return too_long();
            }
            Problem::bad_request(format!("the body did not arrive: {error}"))
        })?;
        Ok(arrived.to_bytes())
    }
}

impl<S: Send + Sync> FromRequest<S> for Upload {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        Self::of(request, MEDIA_TYPE)
    }
}

impl<S: Send + Sync> FromRequest<S> for JsonUpload {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        Upload::of(request, JSON).map(Self)
    }
}

/// A body in JSON that may be long, read: files of policies.
#[derive(Debug)]
pub(super) struct LongBody<T>(pub(super) T);

impl<S: Send + Sync, T: DeserializeOwned> FromRequest<S> for LongBody<T> {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let text = Upload::of(request, JSON)?.read(MAX_LONG_BYTES).await?;
        let wrong = |error| Problem::bad_request(format!("the body: {error}"));
        serde_json::from_slice(&text).map(Self).map_err(wrong)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    async fn read(body: Body, length: Option<&str>, most: usize) -> Result<Bytes, String> {
        let mut request = Request::builder().header(header::CONTENT_TYPE, MEDIA_TYPE);
        if let Some(length) = length {
            request = request.header(header::CONTENT_LENGTH, length);
        }
        let request = request.body(body).unwrap();
        let upload = Upload::from_request(request, &()).await.unwrap();
        let read = upload.read(most).await;
        read.map_err(|problem| format!("{problem:?}"))
    }

    #[tokio::test]
    async fn what_is_longer_than_it_may_be_is_not_read_to_its_end() {
        let body = || Body::from(vec![1; 100]);
        assert_eq!(read(body(), None, 100).await.unwrap().len(), 100);
        for length in [None, Some("100"), Some("1")] {
            let refused = read(body(), length, 99).await.unwrap_err();
            assert!(refused.contains("413"), "{refused}");
        }
        let never = Body::from_stream(futures_util::stream::pending::<Result<Bytes, String>>());
        let refused = read(never, Some("100000"), 99).await.unwrap_err();
        assert!(refused.contains("413"), "{refused}");
    }

    #[tokio::test]
    async fn a_body_that_does_not_say_what_it_is_is_not_read() {
        let request = Request::builder().body(Body::empty()).unwrap();
        let refused = Upload::from_request(request, &()).await.unwrap_err();
        assert!(format!("{refused:?}").contains("415"));
    }
}
