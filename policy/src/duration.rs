//! Durations as policies write them: `90m`, `24h`, `7d`.

use jiff::SignedDuration;

/// Says why a text is no duration: the fault of whoever wrote it.
#[derive(Debug, PartialEq, Eq, thiserror::Error)]
pub(crate) enum DurationError {
    #[error("{0:?} is no duration, such as 90m, 24h or 7d")]
    Other(String),
    #[error("{0:?} is longer than a century")]
    Long(String),
}

/// Parses a whole number of `s`, `m`, `h`, `d` or `w`.
pub(crate) fn parse(text: &str) -> Result<SignedDuration, DurationError> {
    let wanted = || DurationError::Other(text.to_owned());
    let text = text.trim();
    let split = text.len().checked_sub(1).ok_or_else(wanted)?;
    let (number, unit) = text.split_at_checked(split).ok_or_else(wanted)?;
    let seconds: i64 = match unit {
        "s" => 1,
        "m" => 60,
        "h" => 3_600,
        "d" => 86_400,
        "w" => 7 * 86_400,
        _ => return Err(wanted()),
    };
    let number: u32 = number.parse().map_err(|_| wanted())?;
    // A century is longer than any policy means, and keeps every sum in range.
    let total = i64::from(number) * seconds;
    if total > 36_525 * 86_400 {
        return Err(DurationError::Long(text.to_owned()));
    }
    Ok(SignedDuration::from_secs(total))
}

#[cfg(test)]
mod tests {
    use super::parse;
    use jiff::SignedDuration;

    #[test]
    fn reads_durations() {
        assert_eq!(parse("7d"), Ok(SignedDuration::from_hours(168)));
        assert_eq!(parse("90m"), Ok(SignedDuration::from_secs(5_400)));
        for odd in ["", "d", "7", "-1d", "1.5h", "7 days", "999999999w", "7é"] {
            assert!(parse(odd).is_err(), "{odd:?} was taken for a duration");
        }
    }
}
