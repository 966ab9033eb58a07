//! What an image says of how it is to be run, as runtimes read it.
//!
//! Source: OCI image-spec, config.md; Go's `encoding/json`, which runtimes read configs by, takes a
//! field's name in any letter case.

use std::collections::BTreeMap;

use serde::{Deserialize, Serialize};
use serde_json::value::RawValue;

/// Longest user that is kept, in bytes: real ones are a name or two numbers.
const MAX_USER_BYTES: usize = 1024;
/// Most bytes of labels that are kept, names and values: those of real images stay below 10,000.
const MAX_LABEL_BYTES: usize = 64 * 1024;

/// As whom an image runs, and its labels.
#[derive(Clone, Debug, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct RunConfig {
    /// The user, perhaps with a group behind `:`; empty where none is named.
    #[serde(default)]
    pub user: String,
    /// The labels. Those for which there is no room are left out.
    #[serde(default, skip_serializing_if = "BTreeMap::is_empty")]
    pub labels: BTreeMap<String, String>,
}

impl RunConfig {
    /// Reads it from an image's config; none where that can be read in two ways.
    pub fn parse(config: &[u8]) -> Option<Self> {
        let own = own_fields(config)?;
        let user = match field(&own, "User")? {
            Some(user) => serde_json::from_str::<Option<String>>(user.get()).ok()?,
            None => None,
        };
        let labels = match field(&own, "Labels")? {
            Some(labels) => serde_json::from_str::<Option<Labels>>(labels.get()).ok()?,
            None => None,
        };
        let labels = labels.unwrap_or_default().into_iter();
        let labels = labels.filter_map(|(name, value)| Some((name, value?)));
        let mut room = MAX_LABEL_BYTES;
        let fits = |(name, value): &(String, String)| {
            let left = room.checked_sub(name.len().saturating_add(value.len()));
            room = left.unwrap_or(room);
            left.is_some()
        };
        let user = user.unwrap_or_default();
        (user.len() <= MAX_USER_BYTES).then(|| Self {
            user,
            labels: labels.filter(fits).collect(),
        })
    }

    /// Tells whether it runs as root: where it names nobody else, by name or number.
    pub fn is_root(&self) -> bool {
        let user = self.user.split(':').next().unwrap_or_default();
        user.is_empty() || user == "root" || user.parse() == Ok(0_i64)
    }
}

type Labels = BTreeMap<String, Option<String>>;

/// Gives the fields of a config's `config`, none of them where it is absent; nothing where that can be
/// read in two ways.
pub(crate) fn own_fields(config: &[u8]) -> Option<BTreeMap<String, &RawValue>> {
    let document: BTreeMap<String, &RawValue> = serde_json::from_slice(config).ok()?;
    let Some(own) = field(&document, "config")? else {
        return Some(BTreeMap::new());
    };
    let own: Option<BTreeMap<String, &RawValue>> = serde_json::from_str(own.get()).ok()?;
    Some(own.unwrap_or_default())
}

/// Finds a field in any letter case; nothing where several have the name.
#[expect(clippy::option_option, reason = "ambiguous, absent or there")]
pub(crate) fn field<'a>(
    document: &BTreeMap<String, &'a RawValue>,
    name: &str,
) -> Option<Option<&'a RawValue>> {
    let mut named = document
        .iter()
        .filter(|(key, _)| folded(key) == folded(name));
    let first = named.next().map(|(_, value)| *value);
    named.next().is_none().then_some(first)
}

/// Folds letters as Go does for names of ASCII.
fn folded(name: &str) -> String {
    let fold = |letter: char| match letter {
        '\u{17f}' => 's',
        '\u{212a}' => 'k',
        _ => letter.to_ascii_lowercase(),
    };
    name.chars().map(fold).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn read(text: &str) -> Option<RunConfig> {
        RunConfig::parse(text.as_bytes())
    }

    #[test]
    fn user_and_labels_are_read_as_runtimes_read_them() {
        let read = read(
            r#"{"os":"linux","config":{"user":"app:0","Labels":{"a":"b","c":null},"Env":["X=1"]}}"#,
        );
        let read = read.unwrap();
        assert_eq!((read.user.as_str(), read.is_root()), ("app:0", false));
        assert_eq!(read.labels, BTreeMap::from([("a".into(), "b".into())]));
    }

    #[test]
    fn whoever_names_nobody_runs_as_root() {
        for (user, wanted) in [
            (r#""""#, true),
            ("null", true),
            (r#""root""#, true),
            (r#""0:1000""#, true),
            (r#""000""#, true),
            (r#"":5""#, true),
            (r#""1000""#, false),
            (r#""nobody:root""#, false),
        ] {
            let read = read(&format!(r#"{{"config":{{"User":{user}}}}}"#)).unwrap();
            assert_eq!(read.is_root(), wanted, "{user}");
        }
        for absent in ["{}", r#"{"config":null}"#, r#"{"config":{}}"#] {
            assert!(read(absent).unwrap().is_root(), "{absent}");
        }
    }

    #[test]
    fn no_image_says_more_than_there_is_room_for() {
        let label = |name: &str, length: usize| format!(r#""{name}":"{}""#, "x".repeat(length));
        let labels = [label("a", 100), label("b", 70_000), label("c", 100)].join(",");
        let read = read(&format!(r#"{{"config":{{"Labels":{{{labels}}}}}}}"#)).unwrap();
        assert_eq!(read.labels.keys().collect::<Vec<_>>(), ["a", "c"]);
        let user = label("User", 2_000);
        assert_eq!(self::read(&format!(r#"{{"config":{{{user}}}}}"#)), None);
    }

    #[test]
    fn what_can_be_read_in_two_ways_is_not_known() {
        for text in [
            r#"{"config":{"User":"1000","user":"root"}}"#,
            r#"{"config":{"User":"1000","uſer":"root"}}"#,
            r#"{"config":{"User":"1000"},"Config":{"User":"0"}}"#,
            r#"{"config":{"Labels":{},"labels":{}}}"#,
            r#"{"config":{"User":7}}"#,
            r#"{"config":[]}"#,
            "[]",
        ] {
            assert_eq!(read(text), None, "{text}");
        }
    }
}
