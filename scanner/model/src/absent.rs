//! JSON's `null` where a field may be absent: both mean the same, as Go's readers take it.
//!
//! Used on fields of documents that others write, together with `#[serde(default)]`.

use std::collections::BTreeMap;

use serde::{Deserialize, Deserializer};

/// Reads `null` as the default.
pub fn or_default<'de, D, T>(deserializer: D) -> Result<T, D::Error>
where
    D: Deserializer<'de>,
    T: Default + Deserialize<'de>,
{
    Ok(Option::deserialize(deserializer)?.unwrap_or_default())
}

/// Reads free notes; one that is `null` is absent, as are all where the whole is.
pub fn notes<'de, D>(deserializer: D) -> Result<BTreeMap<String, String>, D::Error>
where
    D: Deserializer<'de>,
{
    let written: Option<BTreeMap<String, Option<String>>> = Option::deserialize(deserializer)?;
    let written = written.unwrap_or_default().into_iter();
    Ok(written
        .filter_map(|(name, text)| Some((name, text?)))
        .collect())
}

/// A list as it is written, perhaps as `null`, which is how Go writes an empty one.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub enum Written<T> {
    /// There is none.
    #[default]
    Absent,
    /// It is `null`.
    Null,
    /// It is there.
    There(T),
}

impl<T> Written<T> {
    /// Gives what is there.
    pub fn there(self) -> Option<T> {
        match self {
            Self::There(list) => Some(list),
            Self::Absent | Self::Null => None,
        }
    }
}

impl<'de, T: Deserialize<'de>> Deserialize<'de> for Written<T> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let written = Option::deserialize(deserializer)?;
        Ok(written.map_or(Self::Null, Self::There))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[derive(Debug, Default, PartialEq, Deserialize)]
    #[serde(default)]
    struct Document {
        #[serde(deserialize_with = "or_default")]
        number: u64,
        #[serde(deserialize_with = "or_default")]
        list: Vec<String>,
        #[serde(deserialize_with = "notes")]
        notes: BTreeMap<String, String>,
        written: Written<Vec<u8>>,
    }

    fn read(text: &str) -> Document {
        serde_json::from_str(text).unwrap()
    }

    #[test]
    fn null_is_what_absence_is() {
        let nulls = read(r#"{"number":null,"list":null,"notes":null}"#);
        assert_eq!(nulls, Document::default());
        assert_eq!(nulls, read("{}"));
    }

    #[test]
    fn what_is_there_is_kept() {
        let some = read(r#"{"number":1,"list":["a"],"notes":{"a":"b","c":null}}"#);
        assert_eq!((some.number, some.list.len(), some.notes.len()), (1, 1, 1));
        assert!(serde_json::from_str::<Document>(r#"{"number":"1"}"#).is_err());
    }

    #[test]
    fn an_empty_list_that_is_null_was_written() {
        assert_eq!(read("{}").written, Written::Absent);
        assert_eq!(read(r#"{"written":null}"#).written, Written::Null);
        let list = read(r#"{"written":[1]}"#).written;
        assert_eq!(list, Written::There(vec![1]));
    }
}
