//! What to say of a query that does not fit: which parameter, what is wrong with it, and the word
//! that was probably meant.

use std::collections::BTreeSet;

use schemars::Schema;
use serde_json::Value;
use url::form_urlencoded;

use crate::api::problem::Problem;

/// How alike two words are that may be meant for each other, from 0 to 1.
const ALIKE: f64 = 0.8;
/// Longest text of a client's that is repeated, in characters.
const MAX_SHOWN: usize = 80;
/// What other tools call things, and what they are called here; the first that is known is meant.
const OTHER_NAMES: &[(&str, &[&str])] = &[
    ("advisory", &["vulnerability"]),
    ("cursor", &["after"]),
    ("cve", &["vulnerability"]),
    ("from", &["since"]),
    ("id", &["vulnerability", "digest"]),
    ("image", &["repository"]),
    ("kind", &["type"]),
    ("name", &["package", "repository"]),
    ("next", &["after"]),
    ("offset", &["after"]),
    ("package", &["name"]),
    ("page", &["after"]),
    ("page_size", &["limit"]),
    ("per_page", &["limit"]),
    ("registry", &["repository"]),
    ("repo", &["repository"]),
    ("size", &["limit"]),
    ("status", &["decision"]),
    ("to", &["until"]),
    ("verdict", &["decision"]),
    ("vuln", &["vulnerability"]),
];

/// Makes the problem of a query that could not be read.
///
/// *Shape*: `schema` describes the parameters, `text` is the query, `at` the parameter where
/// reading stopped, `error` why.
pub(super) fn about(
    schema: &Schema,
    text: &str,
    at: &str,
    error: &serde::de::value::Error,
) -> Problem {
    let known = known(schema);
    let mut seen = BTreeSet::new();
    for (name, _) in form_urlencoded::parse(text.as_bytes()) {
        if !known.contains(&name.as_ref()) {
            return unknown(&known, &name);
        }
        if !seen.insert(name.clone()) {
            let detail = format!("parameter {name} is given more than once");
            return Problem::bad_parameter(&name, detail);
        }
    }
    for name in required(schema) {
        if !seen.contains(name) {
            let detail = format!("parameter {name} is missing");
            return Problem::bad_parameter(name, detail);
        }
    }
    let given = form_urlencoded::parse(text.as_bytes()).find(|(name, _)| name == at);
    let value = given.map(|(_, value)| value).unwrap_or_default();
    let options = options(schema, at);
    let detail = if options.is_empty() {
        format!("parameter {at}: {error}")
    } else {
        let meant = meant(&options, &value);
        format!(
            "parameter {at}: got {:?}, wanted one of {}{meant}",
            shown(&value),
            options.join(", ")
        )
    };
    Problem::bad_parameter(at, detail)
}

fn unknown(known: &[&str], name: &str) -> Problem {
    let asked = shown(name);
    let lower = name.to_ascii_lowercase();
    let other = OTHER_NAMES.iter().find(|(other, _)| *other == lower);
    let other = other.and_then(|(_, ours)| ours.iter().find(|ours| known.contains(ours)));
    let meant = other.map_or_else(
        || meant(known, name),
        |ours| format!("; did you mean {ours}?"),
    );
    let listed = match known {
        [] => "this takes none".to_owned(),
        [..] => format!("there are {}", known.join(", ")),
    };
    let detail = format!("no parameter here is called {asked:?}: {listed}{meant}");
    Problem::bad_parameter(&asked, detail).among(known)
}

/// Gives the end of a sentence: the word that was probably meant, or nothing.
fn meant(options: &[&str], asked: &str) -> String {
    let asked = asked.to_ascii_lowercase();
    let likeness = |option: &&&str| strsim::jaro_winkler(option, &asked);
    let best = options
        .iter()
        .max_by(|one, other| likeness(one).total_cmp(&likeness(other)));
    best.filter(|best| likeness(best) > ALIKE)
        .map_or_else(String::new, |best| format!("; did you mean {best}?"))
}

fn known(schema: &Schema) -> Vec<&str> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let names = properties.into_iter().flatten();
    names.map(|(name, _)| name.as_str()).collect()
}

fn required(schema: &Schema) -> impl Iterator<Item = &str> {
    let names = schema.get("required").and_then(Value::as_array);
    names.into_iter().flatten().filter_map(Value::as_str)
}

/// Lists the words that a parameter can be, where it is one of some.
fn options<'a>(schema: &'a Schema, parameter: &str) -> Vec<&'a str> {
    let properties = schema.get("properties").and_then(Value::as_object);
    let property = properties.and_then(|properties| properties.get(parameter));
    property.map(words_of).unwrap_or_default()
}

/// Lists the words that a schema, or one of its alternatives, allows.
fn words_of(schema: &Value) -> Vec<&str> {
    let listed = ["enum", "const"].map(|key| schema.get(key));
    let mut words = Vec::new();
    for value in listed.into_iter().flatten() {
        let values = value
            .as_array()
            .map_or(std::slice::from_ref(value), |values| values);
        let said = values.iter().filter_map(Value::as_str);
        // What may be left empty is no word that anybody means.
        words.extend(said.filter(|word| !word.is_empty()));
    }
    for key in ["oneOf", "anyOf"] {
        let alternatives = schema.get(key).and_then(Value::as_array);
        words.extend(alternatives.into_iter().flatten().flat_map(words_of));
    }
    words
}

fn shown(text: &str) -> String {
    text.chars().take(MAX_SHOWN).collect()
}
