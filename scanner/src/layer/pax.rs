//! The records of a PAX extended header that change what an entry is.
//!
//! Source: POSIX.1-2017, pax, "pax Extended Header"; GNU tar manual, "Storing Sparse Files".

/// What a PAX header overrides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PaxRecords {
    pub(super) path: Option<Vec<u8>>,
    pub(super) link_path: Option<Vec<u8>>,
    pub(super) size_bytes: Option<u64>,
    /// Whether the content is stored as a sparse map.
    pub(super) sparse: bool,
}

/// Says what is wrong with a PAX header.
#[derive(Clone, Copy, Debug, PartialEq, Eq, thiserror::Error)]
pub(super) enum PaxError {
    /// A record's length is no number or does not fit.
    #[error("a pax record has a wrong length")]
    Length,
    /// A record has no `=` or no newline at its end.
    #[error("a pax record has no key and value")]
    Shape,
    /// The size is no number.
    #[error("a pax size is no number")]
    Size,
}

/// Parses the records; a later record of the same key wins.
pub(super) fn parse(mut text: &[u8]) -> Result<PaxRecords, PaxError> {
    let mut records = PaxRecords::default();
    while !text.is_empty() {
        let space = text
            .iter()
            .position(|byte| *byte == b' ')
            .ok_or(PaxError::Length)?;
        let digits = text.get(..space).unwrap_or_default();
        let length = decimal(digits).and_then(|length| usize::try_from(length).ok());
        let length = length.ok_or(PaxError::Length)?;
        let record = text.get(space + 1..length).ok_or(PaxError::Length)?;
        text = text.get(length..).ok_or(PaxError::Length)?;
        let record = record.strip_suffix(b"\n").ok_or(PaxError::Shape)?;
        let equals = record
            .iter()
            .position(|byte| *byte == b'=')
            .ok_or(PaxError::Shape)?;
        let key = record.get(..equals).unwrap_or_default();
        let value = record.get(equals + 1..).unwrap_or_default();
        records.apply(key, value)?;
    }
    Ok(records)
}

impl PaxRecords {
    fn apply(&mut self, key: &[u8], value: &[u8]) -> Result<(), PaxError> {
        // An empty value withdraws an earlier one.
        let kept = || (!value.is_empty()).then(|| value.to_vec());
        if value.contains(&0) && matches!(key, b"path" | b"linkpath" | b"GNU.sparse.name") {
            return Err(PaxError::Shape);
        }
        match key {
            b"path" | b"GNU.sparse.name" => self.path = kept(),
            b"linkpath" => self.link_path = kept(),
            b"size" if value.is_empty() => self.size_bytes = None,
            b"size" => self.size_bytes = Some(decimal(value).ok_or(PaxError::Size)?),
            _ => self.sparse |= key.starts_with(b"GNU.sparse."),
        }
        self.sparse |= key == b"GNU.sparse.name";
        Ok(())
    }
}

fn decimal(digits: &[u8]) -> Option<u64> {
    let all_digits = !digits.is_empty() && digits.iter().all(u8::is_ascii_digit);
    all_digits
        .then(|| std::str::from_utf8(digits).ok()?.parse().ok())
        .flatten()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn reads_overrides() {
        let records = parse(b"12 path=a/b\n11 size=42\n16 linkpath=c/d\n");
        let wanted = PaxRecords {
            path: Some(b"a/b".to_vec()),
            link_path: Some(b"c/d".to_vec()),
            size_bytes: Some(42),
            sparse: false,
        };
        assert_eq!(records, Ok(wanted));
    }

    #[test]
    fn refuses_records_that_readers_take_differently() {
        for text in [
            &b"99 path=a\n"[..],
            b"path=a\n",
            b"0 \n",
            b"9 path=ab",
            b"7 path\n",
            b"11 size=-1\n",
            b"12 path=a\0b\n",
            b"18446744073709551616 path=a\n",
        ] {
            assert!(
                parse(text).is_err(),
                "{:?} was taken",
                text.escape_ascii().to_string()
            );
        }
    }
}
