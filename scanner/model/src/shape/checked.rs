//! Holds documents against a schema, for tests: the keywords that [`shape`](super) writes and no others.
//!
//! A keyword that it does not know is a panic, so that no schema passes unread.

use serde_json::{Map, Value, json};

use crate::strict_yaml::{Node, Value as Yaml};

/// Gives what YAML says as an editor sees it.
///
/// # Panics
///
/// Where a key is no text.
pub fn seen(node: &Node) -> Value {
    match &node.value {
        Yaml::Null => Value::Null,
        Yaml::Bool(value) => json!(value),
        Yaml::Integer(value) => json!(value),
        Yaml::Float(value) => json!(value),
        Yaml::Text(text) => json!(text),
        Yaml::List(items) => items.iter().map(seen).collect(),
        Yaml::Map(entries) => {
            let name = |key: &Node| key.text().expect("keys are texts").to_owned();
            let pair = |(key, value): &(Node, Node)| (name(key), seen(value));
            entries.iter().map(pair).collect::<Map<_, _>>().into()
        }
    }
}

/// Lists what is wrong with a document, each with its place.
///
/// # Panics
///
/// Where the schema uses a keyword that is not known here.
pub fn mistakes(schema: &Value, document: &Value) -> Vec<String> {
    let mut checker = Checker {
        whole: schema,
        mistakes: Vec::new(),
    };
    checker.check(schema, document, "");
    checker.mistakes
}

struct Checker<'a> {
    whole: &'a Value,
    mistakes: Vec<String>,
}

impl Checker<'_> {
    fn check(&mut self, schema: &Value, document: &Value, place: &str) {
        let Value::Object(keywords) = schema else {
            if schema == &Value::Bool(false) {
                let mistake = format!("{place}: nothing may stand here");
                self.mistakes.push(mistake);
            }
            return;
        };
        for (keyword, wanted) in keywords {
            let holds = is_held(keyword, wanted, document)
                .or_else(|| self.is_one_held(keyword, wanted, document));
            match holds {
                Some(true) => {}
                Some(false) => {
                    let wanted: String = wanted.to_string().chars().take(200).collect();
                    self.mistakes.push(format!("{place}: {keyword} {wanted}"));
                }
                None => self.check_inside(keyword, wanted, schema, document, place),
            }
        }
    }

    fn is_right(&self, schema: &Value, document: &Value) -> bool {
        let mut inner = Checker {
            whole: self.whole,
            mistakes: Vec::new(),
        };
        inner.check(schema, document, "");
        inner.mistakes.is_empty()
    }

    /// Tells whether one of several schemas holds, where that is what the keyword asks.
    fn is_one_held(&self, keyword: &str, wanted: &Value, document: &Value) -> Option<bool> {
        let each = wanted.as_array().into_iter().flatten();
        let count = each
            .filter(|schema| self.is_right(schema, document))
            .count();
        match keyword {
            "anyOf" => Some(count > 0),
            "oneOf" => Some(count == 1),
            _ => None,
        }
    }

    /// Holds a document, or what is in it, against further schemas.
    fn check_inside(
        &mut self,
        keyword: &str,
        wanted: &Value,
        schema: &Value,
        document: &Value,
        place: &str,
    ) {
        let entries = || document.as_object().into_iter().flatten();
        match keyword {
            "$ref" => {
                let target = wanted.as_str().and_then(|text| text.strip_prefix('#'));
                let target = target.and_then(|text| self.whole.pointer(text));
                let target = target.unwrap_or_else(|| panic!("{wanted} leads nowhere"));
                self.check(&target.clone(), document, place);
            }
            "allOf" => {
                for schema in wanted.as_array().into_iter().flatten() {
                    self.check(schema, document, place);
                }
            }
            "if" => {
                let then = schema.get("then");
                if let Some(then) = then.filter(|_| self.is_right(wanted, document)) {
                    self.check(then, document, place);
                }
            }
            "items" => {
                for (number, item) in document.as_array().into_iter().flatten().enumerate() {
                    self.check(wanted, item, &format!("{place}/{number}"));
                }
            }
            "properties" => {
                for (key, value) in entries() {
                    let schema = wanted.get(key).unwrap_or(&Value::Bool(true));
                    self.check(schema, value, &format!("{place}/{key}"));
                }
            }
            "additionalProperties" => {
                let known = schema.get("properties");
                let is_known = |key: &str| known.is_some_and(|known| known.get(key).is_some());
                for (key, value) in entries().filter(|(key, _)| !is_known(key)) {
                    self.check(wanted, value, &format!("{place}/{key}"));
                }
            }
            other => panic!("the keyword {other} is not known here"),
        }
    }
}

/// Tells whether a document is as a keyword wants, where that asks for no other schema.
fn is_held(keyword: &str, wanted: &Value, document: &Value) -> Option<bool> {
    let mut each = wanted.as_array().into_iter().flatten();
    let least = usize::try_from(wanted.as_u64().unwrap_or_default()).unwrap_or(usize::MAX);
    let number = document.as_f64();
    Some(match keyword {
        "$schema" | "$defs" | "title" | "description" | "then" => true,
        "type" => each.chain([wanted]).any(|name| is_of(document, name)),
        "const" => document == wanted,
        "enum" => each.any(|value| value == document),
        "minimum" => number.is_none() || number >= wanted.as_f64(),
        "maximum" => number.is_none() || number <= wanted.as_f64(),
        "pattern" => document.as_str().is_none_or(|text| is_like(text, wanted)),
        "minItems" => document.as_array().is_none_or(|list| list.len() >= least),
        "minProperties" => document.as_object().is_none_or(|map| map.len() >= least),
        "required" => each.all(|key| {
            let key = key.as_str().unwrap_or_default();
            document.get(key).is_some()
        }),
        _ => return None,
    })
}

fn is_of(document: &Value, name: &Value) -> bool {
    match name.as_str() {
        Some("string") => document.is_string(),
        Some("boolean") => document.is_boolean(),
        Some("integer") => document.is_i64() || document.is_u64(),
        Some("number") => document.is_number(),
        Some("array") => document.is_array(),
        Some("object") => document.is_object(),
        _ => false,
    }
}

/// Reads the two kinds of patterns that there are: a beginning, and a duration.
fn is_like(text: &str, pattern: &Value) -> bool {
    let pattern = pattern.as_str().unwrap_or_default();
    if pattern == super::AGE {
        let text = text.trim();
        let number = text
            .strip_suffix(['s', 'm', 'h', 'd', 'w'])
            .unwrap_or_default();
        let number = number.strip_prefix('+').unwrap_or(number);
        return !number.is_empty() && number.bytes().all(|byte| byte.is_ascii_digit());
    }
    pattern
        .strip_prefix('^')
        .is_some_and(|beginning| text.starts_with(beginning))
}
