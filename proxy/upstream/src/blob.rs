//! A blob that is arriving from an upstream.

use std::time::Duration;

use bytes::Bytes;
use hyper::body::Incoming;

use super::error::UpstreamError;
use super::places::Place;
use super::text::UpstreamText;
use super::wire::next_piece;

/// A body that is silent for this part of the time after which it is given up leaves its place to
/// others.
const SILENT_PART: u32 = 6;

/// A blob's bytes from `offset` on. Nothing is verified here: the reader hashes.
#[derive(Debug)]
pub struct BlobBody {
    /// The length of the whole blob, if the upstream says it.
    pub total_len: Option<u64>,
    /// Where these bytes start: 0 if the upstream ignored the wanted offset, so the reader skips.
    pub offset: u64,
    pub(super) what: String,
    pub(super) received: u64,
    pub(super) body: Incoming,
    pub(super) stall: Duration,
    /// Kept until the body has ended or nobody reads it any more.
    pub(super) place: Place,
}

impl BlobBody {
    /// Waits for the next bytes; `None` at the end.
    ///
    /// *Errors*: 30 s of silence, a body that breaks, ends early or is too long. All but the last
    /// are retryable from the offset reached.
    pub async fn chunk(&mut self) -> Result<Option<Bytes>, UpstreamError> {
        let received = usize::try_from(self.received).unwrap_or(usize::MAX);
        let next = next_piece(&self.what, &mut self.body, received, self.stall);
        let mut next = std::pin::pin!(next);
        let piece = match tokio::time::timeout(self.stall / SILENT_PART, &mut next).await {
            Ok(piece) => piece?,
            Err(_silent) => {
                // Others may have something to come.
                self.place.give_back();
                next.await?
            }
        };
        let expected = self
            .total_len
            .map(|total| total.saturating_sub(self.offset));
        let Some(piece) = piece else {
            return match expected {
                Some(expected) if self.received < expected => Err(UpstreamError::Cut {
                    what: self.what.clone(),
                    received: self.received,
                    source: None,
                }),
                Some(_) | None => {
                    self.place.succeed();
                    Ok(None)
                }
            };
        };
        self.received = self.received.saturating_add(piece.len() as u64);
        if expected.is_some_and(|expected| self.received > expected) {
            return Err(UpstreamError::Protocol {
                what: self.what.clone(),
                reason: UpstreamText::said("body is longer than the upstream said"),
            });
        }
        Ok(Some(piece))
    }
}
