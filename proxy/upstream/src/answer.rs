//! Reads what an answer means: errors with their details, lengths, media types, digests.
//!
//! Everything in an answer is foreign: numbers are parsed, texts become [`UpstreamText`].

use std::time::Duration;

use http::header::{CONTENT_TYPE, DATE, RETRY_AFTER};
use http::{HeaderMap, Response, StatusCode};
use hyper::body::Incoming;
use jiff::Timestamp;
use serde::Deserialize;
use sluicegate_model::{Digest, absent, media_type};

use super::encoding::decoded;
use super::error::UpstreamError;
use super::text::UpstreamText;
use super::wire::Wire;
use crate::secrets;

/// Most of an error body read, in bytes; OCI errors have a few hundred.
const MAX_ERROR_BYTES: usize = 16 * 1024;

/// The headers that say when a limit ends, the standard's first.
const RESETS: [&str; 4] = [
    "retry-after",
    "x-retry-after",
    "ratelimit-reset",
    "x-ratelimit-reset",
];

/// Longest wait an upstream can ask for; a larger number is a mistake of theirs.
const MAX_RETRY_AFTER: Duration = Duration::from_hours(24);

/// Turns an answer that is no success into its error.
pub(super) async fn failure(
    wire: &Wire,
    what: &str,
    response: Response<Incoming>,
) -> UpstreamError {
    let (head, mut body) = response.into_parts();
    // The status decides; a body that cannot be read only costs its detail.
    let text = wire.read_small(what, &mut body, MAX_ERROR_BYTES).await;
    let text = text.and_then(|text| decoded(what, &head.headers, text, MAX_ERROR_BYTES));
    let message = text.ok().and_then(|text| first_message(&text));
    let what = what.to_owned();
    match head.status {
        StatusCode::NOT_FOUND => UpstreamError::NotFound { what },
        StatusCode::UNAUTHORIZED => UpstreamError::Unauthorized {
            what,
            detail: message,
        },
        StatusCode::FORBIDDEN => UpstreamError::Denied {
            what,
            detail: message,
        },
        StatusCode::TOO_MANY_REQUESTS => UpstreamError::RateLimited {
            what,
            retry_after: reset(&head.headers),
            detail: with_limits(message, &head.headers),
        },
        status => UpstreamError::Unavailable {
            what,
            status: status.as_u16(),
            retry_after: plain_retry_after(&head.headers),
            detail: message,
        },
    }
}

/// Reads how long to wait: `Retry-After`, or what registries say instead of it.
pub fn retry_after(headers: &HeaderMap) -> Option<Duration> {
    RESETS.iter().find_map(|name| {
        let text = headers.get(*name)?.to_str().ok()?.trim();
        wait_until(text, headers)
    })
}

/// Finds when a limit ends, at the latest when the window ends of which nothing is left.
fn reset(headers: &HeaderMap) -> Option<Duration> {
    let remaining = || headers.get("ratelimit-remaining")?.to_str().ok();
    retry_after(headers).or_else(|| window_used_up(remaining()?))
}

/// Reads `0;w=21600`: nothing is left of a window of so many seconds.
fn window_used_up(remaining: &str) -> Option<Duration> {
    let (left, parameters) = remaining.split_once(';')?;
    let mut parameters = parameters.split(';').filter_map(|it| it.split_once('='));
    let (_, window) = parameters.find(|(name, _)| name.trim() == "w")?;
    let window = Duration::from_secs(window.trim().parse().ok()?);
    (left.trim() == "0" && window <= MAX_RETRY_AFTER).then_some(window)
}

/// Reads `Retry-After` alone: what else says when a limit ends does so of every answer.
fn plain_retry_after(headers: &HeaderMap) -> Option<Duration> {
    let text = headers.get(RETRY_AFTER)?.to_str().ok()?.trim();
    wait_until(text, headers)
}

/// Reads seconds or a time, which is compared with the answer's own `Date`: as HTTP writes it, or
/// in seconds since 1970, as Docker Hub, GitHub and GitLab do.
fn wait_until(text: &str, headers: &HeaderMap) -> Option<Duration> {
    let until = match text.parse().map(Duration::from_secs) {
        Ok(wait) if wait <= MAX_RETRY_AFTER => return Some(wait),
        Ok(since_1970) => Timestamp::from_second(i64::try_from(since_1970.as_secs()).ok()?).ok()?,
        Err(_) => jiff::fmt::rfc2822::parse(text).ok()?.timestamp(),
    };
    let sent = headers.get(DATE)?.to_str().ok()?;
    let sent = jiff::fmt::rfc2822::parse(sent).ok()?.timestamp();
    let wait = Duration::try_from(until.duration_since(sent)).unwrap_or_default();
    (wait <= MAX_RETRY_AFTER).then_some(wait)
}

/// Gives the media type without parameters, lower case; empty if the answer names none.
pub(super) fn media_type_of(headers: &HeaderMap) -> String {
    headers
        .get(CONTENT_TYPE)
        .and_then(|value| value.to_str().ok())
        .map_or_else(String::new, |text| {
            let essence = media_type::essence(text).to_ascii_lowercase();
            // It is quoted where it is wrong, and kept where it is right.
            secrets::scrub(&essence).into_owned()
        })
}

/// Reads `Docker-Content-Digest`.
///
/// *Errors*: a header that is there and is no digest.
pub(super) fn promised_digest(
    what: &str,
    headers: &HeaderMap,
) -> Result<Option<Digest>, UpstreamError> {
    let Some(value) = headers.get("docker-content-digest") else {
        return Ok(None);
    };
    let text = String::from_utf8_lossy(value.as_bytes());
    text.trim()
        .parse()
        .map(Some)
        .map_err(|error| UpstreamError::Protocol {
            what: what.to_owned(),
            reason: UpstreamText::said(&format!("Docker-Content-Digest is wrong: {error}")),
        })
}

/// Reads `Content-Length` as a header says it, which on HEAD is the length of what GET would send.
pub fn promised_length(headers: &HeaderMap) -> Option<u64> {
    headers
        .get(http::header::CONTENT_LENGTH)?
        .to_str()
        .ok()?
        .parse()
        .ok()
}

/// The start, and the total if known, of a `Content-Range: bytes 5-9/10`.
pub(super) fn content_range(headers: &HeaderMap) -> Option<(u64, Option<u64>)> {
    let text = headers.get(http::header::CONTENT_RANGE)?.to_str().ok()?;
    let (range, total) = text.trim().strip_prefix("bytes ")?.split_once('/')?;
    let (start, end) = range.split_once('-')?;
    let (start, end): (u64, u64) = (start.parse().ok()?, end.parse().ok()?);
    let total = match total {
        "*" => None,
        number => Some(number.parse::<u64>().ok()?),
    };
    let sound = start <= end && total.is_none_or(|total| end < total);
    sound.then_some((start, total))
}

#[derive(Deserialize)]
struct ErrorBody {
    errors: Vec<ErrorEntry>,
}

#[derive(Deserialize)]
struct ErrorEntry {
    #[serde(default, deserialize_with = "absent::or_default")]
    code: String,
    #[serde(default, deserialize_with = "absent::or_default")]
    message: String,
}

fn first_message(body: &[u8]) -> Option<UpstreamText> {
    let body: ErrorBody = serde_json::from_slice(body).ok()?;
    let first = body.errors.into_iter().next()?;
    let text = if first.message.is_empty() {
        first.code
    } else {
        first.message
    };
    Some(UpstreamText::said(&text)).filter(|text| !text.is_empty())
}

fn with_limits(message: Option<UpstreamText>, headers: &HeaderMap) -> Option<UpstreamText> {
    let mut parts: Vec<String> = message.iter().map(ToString::to_string).collect();
    for name in ["ratelimit-limit", "ratelimit-remaining"] {
        if let Some(value) = headers.get(name).and_then(|value| value.to_str().ok()) {
            parts.push(format!("{name} {value}"));
        }
    }
    (!parts.is_empty()).then(|| UpstreamText::said(&parts.join(", ")))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn headers(pairs: &[(&'static str, &str)]) -> HeaderMap {
        pairs
            .iter()
            .map(|(name, value)| (http::HeaderName::from_static(name), value.parse().unwrap()))
            .collect()
    }

    #[test]
    fn retry_after_is_understood_in_seconds_and_as_a_date() {
        fn seconds(pairs: &[(&'static str, &str)]) -> Option<u64> {
            Some(retry_after(&headers(pairs))?.as_secs())
        }
        assert_eq!(seconds(&[("retry-after", "7")]), Some(7));
        let date = ("date", "Fri, 31 Dec 1999 23:59:00 GMT");
        let later = ("retry-after", "Fri, 31 Dec 1999 23:59:59 GMT");
        assert_eq!(seconds(&[date, later]), Some(59));
        assert_eq!(
            seconds(&[("date", later.1), ("retry-after", date.1)]),
            Some(0)
        );
        assert_eq!(seconds(&[("retry-after", "1733333333")]), None);
        assert_eq!(seconds(&[("retry-after", "-1")]), None);
        // 1999-12-31T23:59:30Z in seconds since 1970.
        for name in ["retry-after", "x-retry-after", "ratelimit-reset"] {
            assert_eq!(seconds(&[date, (name, "946684770")]), Some(30), "{name}");
        }
        assert_eq!(seconds(&[date, ("retry-after", "946771201")]), None);
        let both = [("retry-after", "soon"), ("x-ratelimit-reset", "21")];
        assert_eq!(seconds(&both), Some(21));
    }

    #[test]
    fn the_end_of_a_limit_is_found_however_it_is_said() {
        let seconds = |name, text| {
            let date = ("date", "Fri, 31 Dec 1999 23:59:00 GMT");
            Some(reset(&headers(&[date, (name, text)]))?.as_secs())
        };
        for (name, text, wanted) in [
            ("retry-after", "7", Some(7)),
            ("x-retry-after", "946684799", Some(59)),
            ("ratelimit-reset", "30", Some(30)),
            ("x-ratelimit-reset", "946684800", Some(60)),
            ("ratelimit-remaining", "0;w=21600", Some(21_600)),
            ("ratelimit-remaining", "7;w=21600", None),
            ("ratelimit-remaining", "0", None),
            ("ratelimit-remaining", "0;w=99999999", None),
            ("x-ratelimit-reset", "soon", None),
        ] {
            assert_eq!(seconds(name, text), wanted, "{name}: {text}");
        }
    }

    #[test]
    fn content_range_must_make_sense() {
        let range = |text| content_range(&headers(&[("content-range", text)]));
        assert_eq!(range("bytes 5-9/10"), Some((5, Some(10))));
        assert_eq!(range("bytes 5-9/*"), Some((5, None)));
        for text in [
            "bytes 9-5/10",
            "bytes 5-10/10",
            "bytes */10",
            "bytes -5/10",
            "items 1-2/3",
            "5-9/10",
        ] {
            assert_eq!(range(text), None, "{text}");
        }
    }

    #[test]
    fn the_first_error_of_the_protocols_form_is_its_message() {
        let message = |body: &[u8]| first_message(body).map(|text| text.to_string());
        let body = br#"{"errors":[{"code":"X","message":"a\r\n b"},{"message":"c"}]}"#;
        assert_eq!(message(body).as_deref(), Some("a b"));
        assert_eq!(
            message(br#"{"errors":[{"code":"X"}]}"#).as_deref(),
            Some("X")
        );
        assert_eq!(message(b"<html>"), None);
    }
}
