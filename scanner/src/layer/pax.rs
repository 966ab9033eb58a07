//! The records of a PAX extended header that change what an entry is.
//!
//! Source: POSIX.1-2017, pax, "pax Extended Header"; GNU tar manual, "Storing Sparse Files";
//! libarchive, `archive_read_support_format_tar.c`.

/// What a PAX header overrides.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct PaxRecords {
    pub(super) path: Option<Vec<u8>>,
    /// Whether the path stands after the name of a sparse file.
    pub(super) path_is_last: bool,
    pub(super) link_path: Option<Vec<u8>>,
    pub(super) size_bytes: Option<u64>,
    /// How the content is stored, where holes are left out.
    pub(super) sparse: Option<SparseRecords>,
    /// How many bytes are data in Solaris' map, which libarchive reads: those up to the first hole.
    pub(super) data_bytes: Option<u64>,
    /// The size with holes in star's form, which libarchive reads.
    pub(super) star_bytes: Option<u64>,
}

/// What a PAX header says of a file that is stored without its holes.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub(super) struct SparseRecords {
    /// The file's own name; the header has one made up.
    pub(super) name: Option<Vec<u8>>,
    /// The size with holes.
    pub(super) size_bytes: Option<u64>,
    /// Major and minor version; older forms state none.
    version: [Option<u64>; 2],
    /// How many pieces are stored.
    blocks: Option<u64>,
    /// Offsets and lengths in turn, in the older forms.
    numbers: Vec<u64>,
}

/// Where the map of a sparse file is.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum SparseMap<'a> {
    /// Here, as offsets and lengths in turn.
    Listed(&'a [u64]),
    /// Before the content, as lines of digits.
    InContent,
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
    /// A name is empty: some readers take that for the name, others for none.
    #[error("a pax header gives an empty name")]
    Empty,
    /// The size is no number.
    #[error("a pax size is no number")]
    Size,
    /// What is said of a sparse file is in no form that every reader knows.
    #[error("a pax header describes a sparse file in no known form")]
    Sparse,
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
    /// Gives the name of a file that is stored without its holes.
    pub(super) fn sparse_name(&self) -> Option<&[u8]> {
        self.sparse.as_ref()?.name.as_deref()
    }

    fn apply(&mut self, key: &[u8], value: &[u8]) -> Result<(), PaxError> {
        if matches!(key, b"path" | b"linkpath" | b"GNU.sparse.name") {
            if value.contains(&0) {
                return Err(PaxError::Shape);
            }
            if value.is_empty() {
                return Err(PaxError::Empty);
            }
        }
        match key {
            b"path" => {
                self.path = Some(value.to_vec());
                self.path_is_last = self.sparse_name().is_some();
            }
            b"linkpath" => self.link_path = Some(value.to_vec()),
            b"size" => self.size_bytes = Some(decimal(value).ok_or(PaxError::Size)?),
            b"SCHILY.realsize" => self.star_bytes = Some(decimal(value).ok_or(PaxError::Size)?),
            b"SUN.holesdata" => {
                // With holes, or twice, programs that know the map read something else.
                let data = value.strip_prefix(b" 0 ").and_then(decimal);
                let data = data.filter(|_| self.data_bytes.is_none());
                self.data_bytes = Some(data.ok_or(PaxError::Sparse)?);
            }
            _ => {
                if let Some(key) = key.strip_prefix(b"GNU.sparse.") {
                    let sparse = self.sparse.get_or_insert_default();
                    sparse.apply(key, value).ok_or(PaxError::Sparse)?;
                }
            }
        }
        Ok(())
    }
}

impl SparseRecords {
    /// Says where the map is.
    pub(super) fn map(&self) -> Result<SparseMap<'_>, PaxError> {
        let (pairs, _) = self.numbers.as_chunks::<2>();
        let counted = self.blocks == u64::try_from(pairs.len()).ok();
        match self.version {
            [Some(1), Some(0)] if self.numbers.is_empty() => Ok(SparseMap::InContent),
            [Some(0), Some(0 | 1)] if counted => Ok(SparseMap::Listed(&self.numbers)),
            [None, None] if counted && !pairs.is_empty() => Ok(SparseMap::Listed(&self.numbers)),
            _ => Err(PaxError::Sparse),
        }
    }

    /// Takes a record, its key without prefix; none where readers would differ on it.
    fn apply(&mut self, key: &[u8], value: &[u8]) -> Option<()> {
        let turn = self.numbers.len() % 2;
        match key {
            b"name" if self.name.is_none() && !value.is_empty() => self.name = Some(value.to_vec()),
            b"size" | b"realsize" if self.size_bytes.is_none() => {
                self.size_bytes = Some(decimal(value)?);
            }
            b"major" => self.version = [Some(decimal(value)?), self.version[1]],
            b"minor" => self.version = [self.version[0], Some(decimal(value)?)],
            b"numblocks" if self.blocks.is_none() => self.blocks = Some(decimal(value)?),
            b"offset" if turn == 0 => self.numbers.push(decimal(value)?),
            b"numbytes" if turn == 1 => self.numbers.push(decimal(value)?),
            b"map" if self.numbers.is_empty() => {
                let numbers = value.split(|byte| *byte == b',').map(decimal);
                self.numbers = numbers.collect::<Option<_>>()?;
            }
            _ => return None,
        }
        Some(())
    }
}

pub(super) fn decimal(digits: &[u8]) -> Option<u64> {
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
            path_is_last: false,
            link_path: Some(b"c/d".to_vec()),
            size_bytes: Some(42),
            ..PaxRecords::default()
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
            b"8 path=\n",
            b"8 size=\n",
            b"22 GNU.sparse.size=-1\n",
            b"25 GNU.sparse.numbytes=1\n",
            b"23 GNU.sparse.map=1,,2\n",
            b"20 GNU.sparse.odd=1\n",
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
