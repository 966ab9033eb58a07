//! What documents that people write may hold, as tables, and the JSON Schema made of them.
//!
//! Editors ask for the schema; the readers of documents do not. Tests of those who have a table hold it
//! against their reader, key by key. Source: JSON Schema, draft 2020-12.

#[cfg(any(test, feature = "samples"))]
pub mod checked;

use serde_json::{Map, Value, json};

/// The draft that schemas are written in.
const DRAFT: &str = "https://json-schema.org/draft/2020-12/schema";

/// A duration, as policies and settings write it.
const AGE: &str = "^\\s*\\+?[0-9]+(s|m|h|d|w)\\s*$";

/// A map of which the keys are known.
#[derive(Clone, Copy, Debug)]
pub struct Table {
    /// Its name among the definitions of the schema.
    pub name: &'static str,
    /// What it is for.
    pub note: &'static str,
    /// Its keys.
    pub keys: &'static [Key],
    /// Which of its keys have to be there, beside those that each have to.
    pub wants: Wants,
}

/// Which of a table's keys have to be there together.
#[derive(Clone, Copy, Debug)]
pub enum Wants {
    /// No others.
    Nothing,
    /// At least one of these.
    AnyOf(&'static [&'static str]),
    /// One of these and no second one.
    OneOf(&'static [&'static str]),
}

/// A key of a table.
#[derive(Clone, Copy, Debug)]
pub struct Key {
    /// As it is written.
    pub name: &'static str,
    /// Whether it has to be there.
    pub is_required: bool,
    /// What stands behind it.
    pub shape: Shape,
    /// What it means, in one sentence; it may be formatted as Markdown.
    pub note: &'static str,
}

/// What may stand behind a key.
#[derive(Clone, Copy, Debug)]
pub enum Shape {
    /// A text.
    Text,
    /// A text, or a whole number, which is read as one.
    Scalar,
    /// A text that begins so.
    Beginning(&'static str),
    /// One of some words.
    Words(fn() -> Vec<String>),
    /// True or false.
    Switch,
    /// A number from 0 to this.
    UpTo(f64),
    /// A duration: `90m`, `24h`, `7d`.
    Age,
    /// A list.
    List(&'static Shape),
    /// A list with at least one item.
    Filled(&'static Shape),
    /// One, or a list with at least one.
    OneOrMore(&'static Shape),
    /// One, or a list.
    OneOrMany(&'static Shape),
    /// One of several shapes.
    Either(&'static [Shape]),
    /// A map with keys of the writer's own.
    MapOf(&'static Shape),
    /// The same with at least one key.
    FilledMapOf(&'static Shape),
    /// A table, by its name.
    Of(&'static str),
    /// A table, by its name, with at least one key.
    FilledOf(&'static str),
}

/// Declares a table, each key once, with what it means above it.
///
/// ```text
/// table! {
///     /// What the map is for.
///     CONSTANT = "name", Wants::AnyOf(&["some_key"]);
///
///     /// What it means.
///     some_key: Shape::Text;
///
///     /// One that has to be there.
///     other_key: Shape::Switch, required;
/// }
/// ```
#[macro_export]
macro_rules! table {
    ($(#[doc = $note:literal])+ $table:ident = $name:literal $(, $wants:expr)?; $(
        $(#[doc = $key_note:literal])+ $key:ident: $shape:expr $(, $must:ident)?;
    )+) => {
        const $table: $crate::shape::Table = $crate::shape::Table {
            name: $name,
            note: concat!($($note),+),
            keys: &[$($crate::shape::Key {
                name: stringify!($key),
                is_required: $crate::table!(@must $($must)?),
                shape: $shape,
                note: concat!($($key_note),+),
            },)+],
            wants: $crate::table!(@wants $($wants)?),
        };
    };
    (@must required) => { true };
    (@must) => { false };
    (@wants $wants:expr) => { $wants };
    (@wants) => { $crate::shape::Wants::Nothing };
}

/// Gives the words of a list of words and what they mean.
pub fn words<T>(list: &[(&str, T)]) -> Vec<String> {
    list.iter().map(|(word, _)| (*word).to_owned()).collect()
}

/// Makes a whole schema: its title, what a document is, and the tables that this speaks of.
pub fn schema(title: &str, document: Value, tables: &[&Table]) -> Value {
    let mut whole = Map::new();
    whole.insert("$schema".into(), DRAFT.into());
    whole.insert("title".into(), title.into());
    if let Value::Object(document) = document {
        whole.extend(document);
    }
    let defs = tables
        .iter()
        .map(|table| (table.name.to_owned(), table.schema()));
    let defs: Map<String, Value> = defs.collect();
    if !defs.is_empty() {
        whole.insert("$defs".into(), defs.into());
    }
    whole.into()
}

impl Table {
    /// Gives the schema of the map.
    pub fn schema(&self) -> Value {
        let properties = self.keys.iter().map(|key| {
            let mut schema = key.shape.schema();
            if let Value::Object(schema) = &mut schema {
                schema.insert("description".into(), key.note.trim().into());
            }
            (key.name.to_owned(), schema)
        });
        let properties: Map<String, Value> = properties.collect();
        let required = self.keys.iter().filter(|key| key.is_required);
        let required: Vec<&str> = required.map(|key| key.name).collect();
        let mut schema = json!({
            "type": "object",
            "description": self.note.trim(),
            "properties": properties,
            "additionalProperties": false,
        });
        if let Value::Object(schema) = &mut schema {
            if !required.is_empty() {
                schema.insert("required".into(), required.into());
            }
            let each = |keys: &[&str]| keys.iter().map(|key| json!({"required": [key]})).collect();
            match self.wants {
                Wants::Nothing => None,
                Wants::AnyOf(keys) => schema.insert("anyOf".into(), each(keys)),
                Wants::OneOf(keys) => schema.insert("oneOf".into(), each(keys)),
            };
        }
        schema
    }
}

impl Shape {
    /// Gives the schema of what has this shape.
    pub fn schema(self) -> Value {
        let one_or = |shape: &Self, list: Value| json!({"anyOf": [shape.schema(), list]});
        match self {
            Self::Text => json!({"type": "string"}),
            Self::Scalar => json!({"type": ["string", "integer"]}),
            Self::Beginning(with) => json!({"type": "string", "pattern": format!("^{with}")}),
            Self::Words(words) => json!({"enum": words()}),
            Self::Switch => json!({"type": "boolean"}),
            Self::UpTo(most) => json!({"type": "number", "minimum": 0, "maximum": most}),
            Self::Age => json!({"type": "string", "pattern": AGE}),
            Self::List(item) => json!({"type": "array", "items": item.schema()}),
            Self::Filled(item) => json!({"type": "array", "items": item.schema(), "minItems": 1}),
            Self::OneOrMore(item) => one_or(item, Self::Filled(item).schema()),
            Self::OneOrMany(item) => one_or(item, Self::List(item).schema()),
            Self::Either(shapes) => {
                let each: Vec<Value> = shapes.iter().map(|shape| shape.schema()).collect();
                json!({"anyOf": each})
            }
            Self::MapOf(value) => {
                json!({"type": "object", "additionalProperties": value.schema()})
            }
            Self::FilledMapOf(value) => json!({
                "type": "object", "additionalProperties": value.schema(), "minProperties": 1,
            }),
            Self::Of(table) => json!({"$ref": format!("#/$defs/{table}")}),
            Self::FilledOf(table) => {
                json!({"$ref": format!("#/$defs/{table}"), "minProperties": 1})
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    table! {
        /// A part,
        /// in two lines.
        PART = "part", Wants::OneOf(&["file", "url"]);

        /// Its name.
        id: Shape::Text, required;

        /// How old it is.
        age: Shape::Age;

        /// How likely it is.
        odds: Shape::UpTo(1.0);

        /// Its tags.
        tags: Shape::OneOrMore(&Shape::Text);

        /// What is in it.
        inner: Shape::FilledOf("part");

        /// Its labels.
        labels: Shape::FilledMapOf(&Shape::Scalar);

        /// Its colour.
        colour: Shape::Words(|| words(&[("red", 1), ("blue", 2)]));

        /// Where it lies.
        file: Shape::Text;

        /// Where it lies elsewhere.
        url: Shape::Beginning("https:");
    }

    #[test]
    fn a_schema_takes_what_its_table_says_and_nothing_else() {
        let whole = schema("parts", json!({"$ref": "#/$defs/part"}), &[&PART]);
        let is_right = |document: Value| checked::mistakes(&whole, &document).is_empty();
        for (more, wanted) in [
            (json!({}), true),
            (
                json!({"age": "7d", "odds": 1, "tags": "a", "labels": {"x": 1}}),
                true,
            ),
            (json!({"tags": ["a"], "colour": "red", "odds": 0.5}), true),
            (json!({"inner": {"id": "y", "url": "https://x"}}), true),
            (json!({"age": "7 days"}), false),
            (json!({"age": 7}), false),
            (json!({"odds": 1.5}), false),
            (json!({"tags": []}), false),
            (json!({"labels": {}}), false),
            (json!({"labels": {"x": true}}), false),
            (json!({"colour": "green"}), false),
            (json!({"inner": {}}), false),
            (json!({"url": "https://x"}), false),
            (json!({"size": 1}), false),
        ] {
            let mut document = json!({"id": "x", "file": "f"});
            let shown = more.to_string();
            for (key, value) in more.as_object().unwrap() {
                document[key] = value.clone();
            }
            assert_eq!(is_right(document), wanted, "{shown}");
        }
        assert!(!is_right(json!({"id": "x"})), "one of file and url");
        assert!(!is_right(json!({"file": "x"})), "the name is missing");
        assert!(!is_right(json!([])));
        let part = &whole["$defs"]["part"];
        assert_eq!(part["description"], "A part, in two lines.");
        assert_eq!(part["properties"]["id"]["description"], "Its name.");
    }
}
