//! Parameters that several routes take.

use std::borrow::Cow;
use std::str::FromStr;

use jiff::Timestamp;
use schemars::{JsonSchema, Schema, SchemaGenerator, json_schema};
use serde::{Deserialize, Deserializer, Serialize, Serializer};
use sluicegate_model::Repository;
use sluicegate_model::names::CanonicalNameError;

use super::ApiState;
use super::asked::from_text;
use super::problem::Problem;
use crate::moment::Moment;

/// Items of a page where none is asked for.
const DEFAULT_LIMIT: usize = 100;
/// Most items of a page: some MB of JSON.
const MAX_LIMIT: usize = 1_000;
/// The upstream of images that never had one.
const NO_UPSTREAM: &str = "local/";

/// Items of a page.
#[derive(Clone, Copy, Debug, PartialEq, Eq, Serialize)]
pub(super) struct Limit(pub(super) usize);

/// The cursor of a list that is numbered.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Sequence(pub(super) u64);

/// The number of a line of the log.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct LineNumber(pub u64);

/// Says that a text is no number of a line.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no number of a line")]
pub struct NoLineNumber(String);

/// A parameter that is on where it stands without a value, or with `true`.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub(super) struct Switch(pub(super) bool);

/// A repository as somebody calls it who pulls from it, or its canonical name.
#[derive(Clone, Debug, Deserialize, JsonSchema)]
#[schemars(inline)]
pub(super) struct RepositoryName(String);

/// Says that a text is no number of items.
#[derive(Debug, thiserror::Error)]
#[error("got {0:?}, wanted a whole number from 1 to {MAX_LIMIT}")]
pub(super) struct NoLimit(String);

/// Says that a text is neither on nor off.
#[derive(Debug, thiserror::Error)]
#[error("got {0:?}, wanted true, false or nothing")]
pub(super) struct NoSwitch(String);

/// Says that a text is no cursor.
#[derive(Debug, thiserror::Error)]
#[error("{0:?} is no cursor of this list, wanted the next of the page before")]
pub(super) struct NoCursor(pub(super) String);

impl Default for Limit {
    fn default() -> Self {
        Self(DEFAULT_LIMIT)
    }
}

impl FromStr for Limit {
    type Err = NoLimit;

    fn from_str(text: &str) -> Result<Self, NoLimit> {
        let items = whole_number(text).and_then(|items| usize::try_from(items).ok());
        let items = items.filter(|items| (1..=MAX_LIMIT).contains(items));
        items.map(Self).ok_or_else(|| NoLimit(shown(text)))
    }
}

impl FromStr for Switch {
    type Err = NoSwitch;

    fn from_str(text: &str) -> Result<Self, NoSwitch> {
        match text {
            "" | "true" => Ok(Self(true)),
            "false" => Ok(Self(false)),
            _ => Err(NoSwitch(shown(text))),
        }
    }
}

impl FromStr for LineNumber {
    type Err = NoLineNumber;

    fn from_str(text: &str) -> Result<Self, NoLineNumber> {
        let number = whole_number(text).map(Self);
        number.ok_or_else(|| NoLineNumber(shown(text)))
    }
}

impl FromStr for Sequence {
    type Err = NoCursor;

    fn from_str(text: &str) -> Result<Self, NoCursor> {
        let number = whole_number(text).map(Self);
        number.ok_or_else(|| NoCursor(shown(text)))
    }
}

impl RepositoryName {
    /// Takes a name that stands in a document.
    pub(super) fn of(name: &str) -> Self {
        Self(name.to_owned())
    }

    /// Gives the canonical name. One whose upstream is configured no longer may be asked for, too.
    pub(super) fn canonical(&self, state: &ApiState) -> Result<Repository, Problem> {
        let name = &self.0;
        let wrong = |error: &dyn std::fmt::Display| {
            let detail = format!("parameter repository: {error}");
            Problem::bad_parameter("repository", detail)
        };
        let as_it_is = || name.parse::<Repository>().map_err(|error| wrong(&error));
        if name.starts_with(NO_UPSTREAM) {
            return as_it_is();
        }
        match state.names.canonical(name, None) {
            Ok(repository) => Ok(repository),
            Err(CanonicalNameError::UnknownUpstream(_)) => as_it_is(),
            Err(error @ CanonicalNameError::Invalid(_)) => Err(wrong(&error)),
        }
    }
}

/// Gives the canonical name of a repository that may be asked for.
pub(super) fn repository(
    asked: Option<&RepositoryName>,
    state: &ApiState,
) -> Result<Option<Repository>, Problem> {
    asked.map(|name| name.canonical(state)).transpose()
}

/// Gives the instant of a moment that may be asked for.
pub(super) fn instant(asked: Option<Moment>, state: &ApiState) -> Option<Timestamp> {
    asked.map(|moment| moment.instant(state.clock.now()))
}

impl<'de> Deserialize<'de> for Limit {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

impl Serialize for Switch {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(if self.0 { "true" } else { "false" })
    }
}

impl<'de> Deserialize<'de> for Switch {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

impl<'de> Deserialize<'de> for Sequence {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        from_text(deserializer)
    }
}

impl JsonSchema for Limit {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Limit".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": 1, "maximum": MAX_LIMIT})
    }
}

impl JsonSchema for Switch {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Switch".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "enum": ["", "true", "false"]})
    }
}

impl JsonSchema for LineNumber {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "LineNumber".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "integer", "minimum": 0, "maximum": i64::MAX})
    }
}

impl JsonSchema for Sequence {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Sequence".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({"type": "string", "pattern": "^[0-9]{1,19}$"})
    }
}

impl JsonSchema for Moment {
    fn inline_schema() -> bool {
        true
    }

    fn schema_name() -> Cow<'static, str> {
        "Moment".into()
    }

    fn json_schema(_: &mut SchemaGenerator) -> Schema {
        json_schema!({
            "type": "string",
            "examples": ["2026-11-28T10:00:00Z", "2026-11-28", "7d"],
        })
    }
}

fn whole_number(text: &str) -> Option<u64> {
    let is_plain = text.bytes().all(|byte| byte.is_ascii_digit());
    text.parse().ok().filter(|_| is_plain)
}

fn shown(text: &str) -> String {
    text.chars().take(80).collect()
}
