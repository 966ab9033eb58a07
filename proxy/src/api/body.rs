//! JSON answers that may be long: written once, sent in pieces, under a share of the memory for views.
//!
//! Long ones keep their share until the last piece is on its way, so that any number of readers,
//! quick or slow, takes no more memory than the views have.

use axum::body::Body;
use axum::http::header;
use axum::response::{IntoResponse as _, Response};
use bytes::Bytes;
use futures_util::stream;
use serde::Serialize;

use super::answers::Written;
use super::problem::Problem;
use sluicegate_engine::memory::Share;

/// Bytes of one piece: what a connection holds until it is written.
const PIECE_BYTES: usize = 64 * 1024;
/// Largest answer that is sent without a share, in bytes.
const SHORT_BYTES: usize = 1024 * 1024;

/// Writes a value as JSON on a thread of its own, and sends it.
pub(super) async fn json<T: Serialize + Send + 'static>(
    value: T,
    share: Share,
) -> Result<Written<T>, Problem> {
    let text = tokio::task::spawn_blocking(move || serde_json::to_vec(&value));
    let text = text.await.map_err(Problem::internal)?;
    let text = text.map_err(Problem::internal)?;
    Ok(Written::of(sent(text, "application/json", share)))
}

/// Sends a text that was written under a share.
pub(super) fn sent(text: Vec<u8>, media_type: &'static str, share: Share) -> Response {
    let length = text.len();
    let body = if length <= SHORT_BYTES {
        Body::from(text)
    } else {
        let pieces = stream::unfold((Bytes::from(text), share), |(mut rest, share)| async move {
            if rest.is_empty() {
                return None;
            }
            let piece = rest.split_to(rest.len().min(PIECE_BYTES));
            Some((Ok::<_, std::convert::Infallible>(piece), (rest, share)))
        });
        Body::from_stream(pieces)
    };
    let headers = [
        (header::CONTENT_TYPE, media_type.to_owned()),
        (header::CONTENT_LENGTH, length.to_string()),
    ];
    (headers, body).into_response()
}
