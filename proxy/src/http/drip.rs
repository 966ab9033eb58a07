//! A manifest body that is completed byte by byte while the verdict is awaited.
//!
//! Used after the last hop only: whatever the verdict, the true manifest is then completed, for
//! cutting or altering it is worse in every client (measured); a refusal is the 403 on config and
//! layers.

use std::convert::Infallible;
use std::time::Duration;

use bytes::Bytes;
use futures_util::stream;
use http_body_util::StreamBody;
use hyper::body::{Body, Frame};

/// The pause between two bytes: far below every client's limit on silence in a body.
const PAUSE: Duration = Duration::from_secs(3);

/// Builds a body that gives one byte a pause until `verdict` ends, then the rest.
///
/// The last byte never leaves before that.
pub(super) fn body(
    manifest: Bytes,
    verdict: impl Future<Output = ()> + Send + 'static,
) -> impl Body<Data = Bytes, Error = Infallible> + Send + 'static {
    let verdict = Box::pin(verdict);
    let frames = stream::unfold(Some((manifest, verdict)), |state| async move {
        let (mut rest, mut verdict) = state?;
        if rest.is_empty() {
            return None;
        }
        loop {
            tokio::select! {
                () = &mut verdict => return Some((Ok::<_, Infallible>(Frame::data(rest)), None)),
                () = tokio::time::sleep(PAUSE) => {
                    if rest.len() > 1 {
                        let byte = rest.split_to(1);
                        return Some((Ok(Frame::data(byte)), Some((rest, verdict))));
                    }
                }
            }
        }
    });
    StreamBody::new(frames)
}
