//! The texts of an image's configuration in which secrets may stand: held while an image is looked at,
//! never written and never shown.
//!
//! Source: OCI image-spec, config.md.

use std::collections::BTreeMap;
use std::fmt;

use serde::Deserialize;
use serde_json::value::RawValue;

use crate::run_config::{field, own_fields};

/// Environment, labels and command, as an image's author says.
#[derive(Clone, Default, PartialEq, Eq)]
pub struct ConfigTexts {
    /// `config.Env`: `NAME=value`.
    pub env: Vec<String>,
    /// `config.Labels`.
    pub labels: Vec<(String, String)>,
    /// `config.Entrypoint`, then `config.Cmd`.
    pub command: Vec<String>,
}

/// A list of words, or one.
#[derive(Deserialize)]
#[serde(untagged)]
enum Words {
    List(Vec<Option<String>>),
    One(String),
}

impl ConfigTexts {
    /// Reads them from an image's config; none where that can be read in two ways.
    pub fn parse(config: &[u8]) -> Option<Self> {
        let own = own_fields(config)?;
        let labels = match field(&own, "Labels")? {
            Some(labels) => serde_json::from_str(labels.get()).ok()?,
            None => None,
        };
        let labels: BTreeMap<String, Option<String>> = labels.unwrap_or_default();
        let labels = labels.into_iter();
        let labels = labels.map(|(name, value)| (name, value.unwrap_or_default()));
        let mut command = words(&own, "Entrypoint")?;
        command.extend(words(&own, "Cmd")?);
        Some(Self {
            env: words(&own, "Env")?,
            labels: labels.collect(),
            command,
        })
    }
}

fn words(own: &BTreeMap<String, &RawValue>, name: &str) -> Option<Vec<String>> {
    let Some(found) = field(own, name)? else {
        return Some(Vec::new());
    };
    let words: Option<Words> = serde_json::from_str(found.get()).ok()?;
    Some(match words {
        Some(Words::List(words)) => words.into_iter().flatten().collect(),
        Some(Words::One(word)) => vec![word],
        None => Vec::new(),
    })
}

/// What they say is shown to nobody.
impl fmt::Debug for ConfigTexts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ConfigTexts(***)")
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_read_as_runtimes_read_them_and_never_shown() {
        let text = r#"{"config":{"env":["A=1",null],"Labels":{"a":"b","c":null},
            "Entrypoint":["x","y"],"Cmd":"z"}}"#;
        let texts = ConfigTexts::parse(text.as_bytes()).unwrap();
        assert_eq!(texts.env, ["A=1"]);
        let labels = [("a", "b"), ("c", "")].map(|(name, value)| (name.into(), value.into()));
        assert_eq!(texts.labels, labels);
        assert_eq!(texts.command, ["x", "y", "z"]);
        assert_eq!(format!("{texts:?}"), "ConfigTexts(***)");
        for nothing in ["{}", r#"{"config":null}"#, r#"{"config":{"Env":null}}"#] {
            let texts = ConfigTexts::parse(nothing.as_bytes());
            assert_eq!(texts, Some(ConfigTexts::default()), "{nothing}");
        }
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_not_known() {
        for text in [
            r#"{"config":{"Env":[],"env":["A=1"]}}"#,
            r#"{"config":{"Env":[1]}}"#,
            r#"{"config":[]}"#,
            "[]",
        ] {
            assert_eq!(ConfigTexts::parse(text.as_bytes()), None, "{text}");
        }
    }
}
