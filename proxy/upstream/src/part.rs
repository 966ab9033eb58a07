//! A part of a blob: proof that an upstream has the rest of it too.

use std::ops::Range;

use bytes::Bytes;
use http::{HeaderValue, Method, StatusCode, header};
use sluicegate_model::Digest;

use super::answer::content_range;
use super::blob::BlobBody;
use super::error::UpstreamError;
use super::retry::very_patiently;
use super::turns::{Askers, Size};
use super::{Upstream, protocol};

/// What an upstream sends when it is asked for a part of a blob.
#[derive(Debug)]
pub enum BlobPart {
    /// That part.
    Part(Bytes),
    /// The whole: it ignores `Range`. Nothing of it has been read.
    Whole(BlobBody),
    /// Something else, or nothing. What that means, the whole must tell.
    Neither,
}

impl Upstream {
    /// Fetches a part of a blob, a few KiB; it waits for its turn, but not long.
    ///
    /// *Errors*: silence, a limit or trouble. An upstream that answers no is [`BlobPart::Neither`].
    pub async fn blob_part(
        &self,
        path: &str,
        digest: &Digest,
        part: Range<u64>,
    ) -> Result<BlobPart, UpstreamError> {
        let asked = very_patiently(|| self.ask_for_part(path, digest, &part)).await;
        match asked {
            Err(error) if error.is_an_answer() => Ok(BlobPart::Neither),
            asked => asked,
        }
    }

    async fn ask_for_part(
        &self,
        path: &str,
        digest: &Digest,
        part: &Range<u64>,
    ) -> Result<BlobPart, UpstreamError> {
        let ask = self.ask(Method::GET, path, "blob", "blobs", digest.as_str())?;
        let last = part.end.saturating_sub(1);
        let range = HeaderValue::try_from(format!("bytes={}-{last}", part.start))
            .map_err(|error| protocol(&ask.what, error.to_string()))?;
        let ask = ask.with(header::RANGE, range);
        let mut place = self
            .blobs
            .enter(&ask.what, &Askers::of(digest), Size::Small)
            .await?;
        let response = self.asked_at(&mut place, &ask).await?;
        if response.status() != StatusCode::PARTIAL_CONTENT {
            return Ok(BlobPart::Whole(self.body(&ask, response, 0, place)?));
        }
        let range = content_range(response.headers());
        if range.is_none_or(|(start, _)| start != part.start) {
            return Ok(BlobPart::Neither);
        }
        let length = usize::try_from(part.end.saturating_sub(part.start)).unwrap_or(usize::MAX);
        let mut body = response.into_body();
        let bytes = self.session.wire.read_small(&ask.what, &mut body, length);
        let bytes = bytes.await?;
        place.succeed();
        Ok(if bytes.len() == length {
            BlobPart::Part(bytes)
        } else {
            BlobPart::Neither
        })
    }
}
