//! What a response may send: content that the gate has cleared, and words of ours.
//!
//! A body cannot be made in any other way, so that no byte of an image leaves unjudged.

use std::pin::Pin;
use std::task::{Context, Poll};

use bytes::Bytes;
use futures_util::Stream as _;
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt as _, Empty, Full};
use hyper::body::{Frame, SizeHint};
use sluicegate_engine::content::BlobBody;

use super::drip;
use sluicegate_engine::gate::{Cleared, ServedManifest};

/// What may go wrong while a body is being sent: the connection is cut.
pub type BodyError = Box<dyn std::error::Error + Send + Sync>;

/// Every response body of the registry listener.
pub struct Body(UnsyncBoxBody<Bytes, BodyError>);

impl Body {
    /// Sends a manifest.
    pub(super) fn of_manifest(cleared: Cleared<ServedManifest>) -> Self {
        Self::full(cleared.into_inner().manifest.bytes.clone())
    }

    /// Sends a manifest so slowly that its last byte comes once `judged` has ended.
    pub(super) fn of_manifest_until(
        cleared: Cleared<ServedManifest>,
        judged: impl Future<Output = ()> + Send + 'static,
    ) -> Self {
        let bytes = cleared.into_inner().manifest.bytes.clone();
        let dripping = drip::body(bytes, judged).map_err(|never| match never {});
        Self(UnsyncBoxBody::new(dripping))
    }

    /// Sends a blob, or a part of it.
    pub(super) fn of_blob(cleared: Cleared<BlobBody>) -> Self {
        let frames = Frames(cleared.into_inner());
        Self(UnsyncBoxBody::new(HeadFirst::of(frames)))
    }

    /// Sends words of ours.
    pub(super) fn words(text: String) -> Self {
        Self::full(Bytes::from(text))
    }

    /// Sends nothing.
    pub(super) fn nothing() -> Self {
        let nothing = Empty::new().map_err(|never| match never {});
        Self(UnsyncBoxBody::new(nothing))
    }

    fn full(bytes: Bytes) -> Self {
        let full = Full::new(bytes).map_err(|never| match never {});
        Self(UnsyncBoxBody::new(full))
    }
}

/// The pieces of a blob as frames; its size hint is exact.
struct Frames(BlobBody);

impl hyper::body::Body for Frames {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        let piece = Pin::new(&mut self.0).poll_next(context);
        piece.map_ok(Frame::data).map_err(BodyError::from)
    }

    fn is_end_stream(&self) -> bool {
        self.0.left_bytes() == 0
    }

    fn size_hint(&self) -> SizeHint {
        SizeHint::with_exact(self.0.left_bytes())
    }
}

/// A body whose head is sent even where there is nothing to send behind it: a server that is told of
/// an error before it has written anything writes nothing at all, and a client that is told nothing
/// does not know what came of what it asked.
struct HeadFirst<B> {
    body: B,
    has_begun: bool,
    failed: Option<BodyError>,
}

impl<B> HeadFirst<B> {
    fn of(body: B) -> Self {
        Self {
            body,
            has_begun: false,
            failed: None,
        }
    }
}

impl<B> hyper::body::Body for HeadFirst<B>
where
    B: hyper::body::Body<Data = Bytes, Error = BodyError> + Unpin,
{
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        if let Some(error) = self.failed.take() {
            return Poll::Ready(Some(Err(error)));
        }
        let frame = Pin::new(&mut self.body).poll_frame(context);
        let had_begun = std::mem::replace(&mut self.has_begun, true);
        match frame {
            // What waits for a body writes meanwhile what it has.
            Poll::Ready(Some(Err(error))) if !had_begun => {
                self.failed = Some(error);
                context.waker().wake_by_ref();
                Poll::Pending
            }
            frame => frame,
        }
    }

    fn is_end_stream(&self) -> bool {
        self.body.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.body.size_hint()
    }
}

impl hyper::body::Body for Body {
    type Data = Bytes;
    type Error = BodyError;

    fn poll_frame(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
    ) -> Poll<Option<Result<Frame<Bytes>, BodyError>>> {
        Pin::new(&mut self.0).poll_frame(context)
    }

    fn is_end_stream(&self) -> bool {
        self.0.is_end_stream()
    }

    fn size_hint(&self) -> SizeHint {
        self.0.size_hint()
    }
}

#[cfg(test)]
mod tests {
    use std::convert::Infallible;

    use http_body_util::StreamBody;
    use hyper::server::conn::http1;
    use hyper::service::service_fn;
    use hyper::{Request, Response};
    use hyper_util::rt::TokioIo;
    use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

    use super::*;

    /// Asks a server whose bodies are of these pieces, and gives all that it sends.
    async fn sent(pieces: &'static [Option<&'static str>]) -> String {
        let (mut client, server) = tokio::io::duplex(4096);
        let answer = move |_: Request<hyper::body::Incoming>| async move {
            let frames = pieces.iter().map(|piece| match piece {
                Some(text) => Ok(Frame::data(Bytes::from_static(text.as_bytes()))),
                None => Err(BodyError::from("the upstream sent something else")),
            });
            let body = StreamBody::new(futures_util::stream::iter(frames));
            Ok::<_, Infallible>(Response::new(HeadFirst::of(body)))
        };
        let serving =
            http1::Builder::new().serve_connection(TokioIo::new(server), service_fn(answer));
        let serving = tokio::spawn(serving);
        let request = b"GET / HTTP/1.1\r\nhost: a\r\nconnection: close\r\n\r\n";
        client.write_all(request).await.unwrap();
        let mut all = String::new();
        client.read_to_string(&mut all).await.unwrap();
        assert_eq!(serving.await.unwrap().is_err(), pieces.contains(&None));
        all
    }

    #[tokio::test]
    async fn a_body_that_fails_at_once_has_a_head() {
        let all = sent(&[None]).await;
        assert!(all.starts_with("HTTP/1.1 200"), "{all:?}");
        assert!(!all.ends_with("0\r\n\r\n"), "it is not whole: {all:?}");
    }

    #[tokio::test]
    async fn a_body_that_does_not_fail_is_sent_as_it_is() {
        let all = sent(&[Some("ab"), Some("c")]).await;
        assert!(all.ends_with("2\r\nab\r\n1\r\nc\r\n0\r\n\r\n"), "{all:?}");
    }
}
