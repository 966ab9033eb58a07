//! One byte range of a blob, as asked for and as it is answered.
//!
//! Source: RFC 9110, section 14. Several ranges in one request are answered by the whole, which
//! the RFC allows.

use std::ops::Range;

/// The bytes to send.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Span {
    /// First byte, and the byte after the last.
    pub range: Range<u64>,
    /// Whether the answer is 206.
    pub partial: bool,
}

/// Says that no byte of the blob is in the range.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
#[error("range is outside the content")]
pub struct Unsatisfiable;

/// Reads a `Range` header for content of `total` bytes.
pub fn parse(header: Option<&str>, total: u64) -> Result<Span, Unsatisfiable> {
    let whole = Span {
        range: 0..total,
        partial: false,
    };
    let Some(spec) = header.and_then(|text| text.trim().strip_prefix("bytes=")) else {
        return Ok(whole);
    };
    let Some((first, last)) = spec.split_once('-').filter(|_| !spec.contains(',')) else {
        return Ok(whole);
    };
    let (first, last) = (first.trim(), last.trim());
    let range = match (first.parse::<u64>(), last.parse::<u64>()) {
        (Ok(first), Ok(last)) if first <= last => first..last.saturating_add(1).min(total),
        (Ok(first), Err(_)) if last.is_empty() => first..total,
        (Err(_), Ok(length)) if first.is_empty() => {
            if length == 0 {
                return Err(Unsatisfiable);
            }
            total.saturating_sub(length)..total
        }
        _ => return Ok(whole),
    };
    if range.start >= total {
        Err(Unsatisfiable)
    } else {
        Ok(Span {
            range,
            partial: true,
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn answers_ranges_as_the_rfc_says() {
        let partial = |range| {
            Ok(Span {
                range,
                partial: true,
            })
        };
        let whole = Ok(Span {
            range: 0..100,
            partial: false,
        });
        for (header, wanted) in [
            ("bytes=0-9", partial(0..10)),
            ("bytes=90-", partial(90..100)),
            ("bytes=-5", partial(95..100)),
            ("bytes=-500", partial(0..100)),
            ("bytes=50-1000", partial(50..100)),
            ("bytes=100-", Err(Unsatisfiable)),
            ("bytes=-0", Err(Unsatisfiable)),
            ("bytes=9-5", whole.clone()),
            ("bytes=0-1,5-6", whole.clone()),
            ("lines=1-2", whole.clone()),
            ("bytes=x-y", whole.clone()),
        ] {
            assert_eq!(parse(Some(header), 100), wanted, "{header}");
        }
        assert_eq!(parse(None, 100), whole);
    }
}
