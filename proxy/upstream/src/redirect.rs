//! Which answers send us elsewhere, and where to: never out of TLS, never with a login in the address.

use http::{HeaderMap, StatusCode, header};
use url::Url;

use super::error::UpstreamError;
use super::text::UpstreamText;
use super::trust::place;

/// Most redirects followed for one request. Real registries use one or two.
pub(super) const MAX_REDIRECTS: usize = 5;

pub(super) fn is_redirect(status: StatusCode) -> bool {
    matches!(status.as_u16(), 301 | 302 | 303 | 307 | 308)
}

pub(super) fn redirect_target(
    what: &str,
    from: &Url,
    headers: &HeaderMap,
) -> Result<Url, UpstreamError> {
    let refuse = |target: UpstreamText, reason| UpstreamError::BadRedirect {
        what: what.to_owned(),
        target,
        reason,
    };
    let target = headers
        .get(header::LOCATION)
        .and_then(|value| value.to_str().ok())
        .and_then(|text| from.join(text).ok())
        .ok_or_else(|| refuse(UpstreamText::said("nowhere"), "its Location is no address"))?;
    if !matches!(target.scheme(), "http" | "https") || target.host().is_none() {
        return Err(refuse(place(&target), "it is no http(s) address"));
    }
    if from.scheme() == "https" && target.scheme() == "http" {
        return Err(refuse(place(&target), "it leaves TLS"));
    }
    if !target.username().is_empty() || target.password().is_some() {
        return Err(refuse(place(&target), "its address holds a user name"));
    }
    Ok(target)
}
