//! JSON in which nothing can hide: no duplicate key, no excess depth, no trailing bytes.
//!
//! A manifest that two parsers read differently is how a gate is walked around (CVE-2021-41190 and
//! its family), so documents that a parser might read in two ways are refused before they are read.

use std::collections::BTreeSet;
use std::fmt;

use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

/// Deepest nesting accepted, in levels. OCI documents need five.
pub const MAX_DEPTH: usize = 64;

/// Checks that `text` is one JSON value without duplicate keys.
///
/// `fields` are names that some parsers match whatever their letter case: such a name in another
/// case is refused too, except in objects under `annotations`, whose keys are free.
pub fn check(text: &[u8], fields: &'static [&'static str]) -> Result<(), serde_json::Error> {
    let mut deserializer = serde_json::Deserializer::from_slice(text);
    Unambiguous { depth: 0, fields }.deserialize(&mut deserializer)?;
    deserializer.end()
}

#[derive(Clone, Copy)]
struct Unambiguous {
    depth: usize,
    fields: &'static [&'static str],
}

impl Unambiguous {
    fn deeper<E: serde::de::Error>(self) -> Result<Self, E> {
        if self.depth >= MAX_DEPTH {
            return Err(E::custom(format_args!(
                "nested deeper than {MAX_DEPTH} levels"
            )));
        }
        Ok(Self {
            depth: self.depth + 1,
            ..self
        })
    }

    fn is_misspelt_field(self, key: &str) -> bool {
        self.fields
            .iter()
            .any(|field| *field != key && field.eq_ignore_ascii_case(key))
    }
}

impl<'de> DeserializeSeed<'de> for Unambiguous {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_any(self)
    }
}

impl<'de> Visitor<'de> for Unambiguous {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a JSON value")
    }

    fn visit_bool<E>(self, _: bool) -> Result<(), E> {
        Ok(())
    }
    fn visit_i64<E>(self, _: i64) -> Result<(), E> {
        Ok(())
    }
    fn visit_u64<E>(self, _: u64) -> Result<(), E> {
        Ok(())
    }
    fn visit_f64<E>(self, _: f64) -> Result<(), E> {
        Ok(())
    }
    fn visit_str<E>(self, _: &str) -> Result<(), E> {
        Ok(())
    }
    fn visit_unit<E>(self) -> Result<(), E> {
        Ok(())
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        while items.next_element_seed(inner)?.is_some() {}
        Ok(())
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<(), A::Error> {
        let inner = self.deeper()?;
        let mut seen = BTreeSet::new();
        while let Some(key) = entries.next_key::<String>()? {
            let shown: String = key.chars().take(80).collect();
            if self.is_misspelt_field(&key) {
                return Err(serde::de::Error::custom(format_args!(
                    "key {shown:?} differs from a field only by letter case"
                )));
            }
            let free_keys = key == "annotations";
            if !seen.insert(key) {
                return Err(serde::de::Error::custom(format_args!(
                    "duplicate key {shown:?}"
                )));
            }
            let fields = if free_keys { &[] } else { self.fields };
            entries.next_value_seed(Self { fields, ..inner })?;
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn accepts_plain_json() {
        assert!(
            check(
                br#"{"a":[1,2.5,null,true,"x",{"b":{}}],"c":-1}"#,
                &["layers"]
            )
            .is_ok()
        );
        assert!(
            check(
                br#"{"annotations":{"Layers":"x","layers":"y"}}"#,
                &["layers"]
            )
            .is_ok()
        );
    }

    #[test]
    fn refuses_what_two_parsers_may_read_differently() {
        let deep = "[".repeat(70) + &"]".repeat(70);
        for text in [
            r#"{"a":1,"a":2}"#,
            r#"{"layers":[],"Layers":[]}"#,
            r#"{"LAYERS":[]}"#,
            r#"{"x":{"a":1,"\u0061":2}}"#,
            "{} {}",
            "\u{feff}{}",
            "",
            &deep,
        ] {
            assert!(
                check(text.as_bytes(), &["layers"]).is_err(),
                "{text} was taken"
            );
        }
    }
}
