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
        Self(UnsyncBoxBody::new(Frames(cleared.into_inner())))
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
