//! JSON lists and objects of records, read one by one: what a record does not say is not kept.
//!
//! A list of a million empty records costs the time to read it and no memory. The analyzers of
//! JSON files read with it.

use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    Deserialize, DeserializeOwned, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor,
};

use crate::analyzer::AnalyzeError;

/// One record of a list or an object.
pub(super) trait Record: DeserializeOwned {
    /// What is left of it.
    type Kept;

    /// Keeps what matters; `key` is the record's key in an object and empty in a list.
    fn keep(self, key: &str, kept: &mut Vec<Self::Kept>);
}

/// Of a record of which only the key counts.
impl Record for IgnoredAny {
    type Kept = String;

    fn keep(self, key: &str, kept: &mut Vec<String>) {
        kept.push(key.to_owned());
    }
}

/// What is left of all records of a list or an object; `null` has none.
#[derive(Debug)]
pub(super) struct Records<R: Record> {
    /// What was kept, in the order of the records.
    pub(super) kept: Vec<R::Kept>,
    /// How many records left nothing.
    pub(super) others: u64,
}

impl<R: Record> Records<R> {
    fn read(&mut self, record: R, key: &str) {
        let before = self.kept.len();
        record.keep(key, &mut self.kept);
        self.others += u64::from(self.kept.len() == before);
    }
}

impl<R: Record> Default for Records<R> {
    fn default() -> Self {
        Self {
            kept: Vec::new(),
            others: 0,
        }
    }
}

/// Reads a JSON file, which may start with a byte order mark.
pub(super) fn from_json<T: DeserializeOwned>(content: &[u8]) -> Result<T, AnalyzeError> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    serde_json::from_slice(content).map_err(AnalyzeError::of)
}

impl<'de, R: Record> Deserialize<'de> for Records<R> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(RecordsVisitor(PhantomData))
    }
}

struct RecordsVisitor<R>(PhantomData<R>);

impl<'de, R: Record> Visitor<'de> for RecordsVisitor<R> {
    type Value = Records<R>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list or an object")
    }

    fn visit_unit<E>(self) -> Result<Records<R>, E> {
        Ok(Records::default())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Records<R>, A::Error> {
        let mut records = Records::default();
        while let Some(record) = items.next_element::<R>()? {
            records.read(record, "");
        }
        Ok(records)
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Records<R>, A::Error> {
        let mut records = Records::default();
        while let Some((key, record)) = entries.next_entry::<String, R>()? {
            records.read(record, &key);
        }
        Ok(records)
    }
}
