//! A long body, which a route reads by itself once there is memory for it.

use std::time::Duration;

use axum::body::Body;
use axum::extract::{FromRequest, Request};
use axum::http::header;
use bytes::Bytes;
use http_body_util::{BodyExt as _, Limited};

use super::super::problem::Problem;

/// How long a body may take that somebody has memory for.
const PATIENCE: Duration = Duration::from_mins(1);

/// A body in JSON that is not read yet.
#[derive(Debug)]
pub struct Unread {
    bytes: u64,
    body: Body,
}

impl Unread {
    /// Tells how long it is said to be, in bytes.
    pub fn bytes(&self) -> u64 {
        self.bytes
    }

    /// Reads it.
    ///
    /// *Errors*: 413 where it has more than `most` bytes, 400 where it does not come, or not in time.
    pub async fn read(self, most: u64) -> Result<Bytes, Problem> {
        let too_large = || Problem::too_large(format!("the body has more than {most} bytes"));
        if self.bytes > most {
            return Err(too_large());
        }
        let limit = usize::try_from(self.bytes).map_err(|_| too_large())?;
        let body = Limited::new(self.body, limit).collect();
        let late = |_| Problem::bad_request("the body did not come within a minute");
        let came = tokio::time::timeout(PATIENCE, body).await.map_err(late)?;
        let broken = |error| Problem::bad_request(format!("the body did not come: {error}"));
        Ok(came.map_err(broken)?.to_bytes())
    }
}

impl<S: Send + Sync> FromRequest<S> for Unread {
    type Rejection = Problem;

    async fn from_request(request: Request, _state: &S) -> Result<Self, Problem> {
        let text = |name| request.headers().get(name).and_then(|it| it.to_str().ok());
        let kind = text(header::CONTENT_TYPE).unwrap_or_default();
        let kind = kind.split(';').next().unwrap_or_default().trim();
        if !kind.eq_ignore_ascii_case("application/json") {
            return Err(Problem::unsupported(
                "the body has to be JSON and to say so: Content-Type: application/json",
            ));
        }
        let bytes = text(header::CONTENT_LENGTH).and_then(|length| length.parse().ok());
        let unsaid =
            || Problem::bad_request("the request does not say how long it is: Content-Length");
        Ok(Self {
            bytes: bytes.ok_or_else(unsaid)?,
            body: request.into_body(),
        })
    }
}
