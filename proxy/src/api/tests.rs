//! The description of the API, which is made of the types: that it is whole, and says what is meant.

use std::path::Path;

use serde_json::Value;

use super::description;

/// The environment variable that has a run write the pinned files anew, as the golden corpora have it.
const MODE: &str = "SLUICEGATE_GOLDEN";

/// Compares what is written now with a file of this crate's sources.
pub(crate) fn assert_pinned(file: &str, now: &str) {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("src").join(file);
    if std::env::var_os(MODE).is_some_and(|mode| mode == "write") {
        std::fs::write(&path, now).unwrap();
    }
    let pinned = std::fs::read_to_string(&path).unwrap_or_default();
    let lines = pinned.lines().zip(now.lines()).enumerate();
    for (at, (was, is)) in lines {
        assert_eq!(was, is, "line {} of {file}", at + 1);
    }
    assert_eq!(pinned.lines().count(), now.lines().count(), "{file}");
}

fn each(value: &Value, visit: &mut impl FnMut(&Value)) {
    visit(value);
    match value {
        Value::Array(values) => values.iter().for_each(|value| each(value, visit)),
        Value::Object(values) => values.values().for_each(|value| each(value, visit)),
        Value::Null | Value::Bool(_) | Value::Number(_) | Value::String(_) => {}
    }
}

#[test]
fn every_reference_of_the_description_leads_somewhere() {
    let document = description();
    let mut references = Vec::new();
    each(&document, &mut |value| {
        references.extend(
            value
                .get("$ref")
                .and_then(Value::as_str)
                .map(ToOwned::to_owned),
        );
    });
    assert!(references.len() > 20, "{references:?}");
    for reference in references {
        let pointer = reference.strip_prefix('#').unwrap();
        assert!(document.pointer(pointer).is_some(), "{reference}");
    }
}

#[test]
fn the_description_is_the_one_that_programs_were_made_from() {
    let now = serde_json::to_string_pretty(&description()).unwrap();
    assert_pinned("api/tests/openapi.json", &(now + "\n"));
}

#[test]
fn every_route_says_what_it_takes_and_gives() {
    let document = description();
    for (path, methods) in document["paths"].as_object().unwrap() {
        for operation in methods.as_object().unwrap().values() {
            for parameter in operation["parameters"].as_array().unwrap() {
                assert!(parameter["description"].is_string(), "{path}: {parameter}");
                let schema = parameter["schema"].to_string();
                assert!(!schema.contains("null"), "{path}: {parameter}");
            }
            let responses = operation["responses"].as_object().unwrap();
            assert!(
                responses.keys().any(|status| status.starts_with('2')),
                "{path}"
            );
            for status in ["400", "403", "421"] {
                let media = responses[status]["content"].as_object().unwrap();
                assert!(
                    media.contains_key("application/problem+json"),
                    "{path}: {status}"
                );
            }
        }
    }
}

#[test]
fn a_route_that_would_take_any_parameter_is_found_out() {
    // What its query does not declare is told to whoever asks, so the declaration has to be whole.
    for (path, named) in [
        (
            "/api/v1/verdicts",
            &["after", "decision", "digest", "limit", "package"][..],
        ),
        ("/api/v1/decisions", &["client", "since", "until"]),
        ("/api/v1/packages", &["name", "version"]),
        ("/readyz", &["strict"]),
    ] {
        let document = description();
        let parameters = &document["paths"][path]["get"]["parameters"];
        let names: Vec<&str> = parameters
            .as_array()
            .unwrap()
            .iter()
            .map(|parameter| parameter["name"].as_str().unwrap())
            .collect();
        for name in named {
            assert!(names.contains(name), "{path}: {names:?}");
        }
    }
    let document = description();
    let of_packages = &document["paths"]["/api/v1/packages"]["get"]["parameters"];
    let name = of_packages
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "name");
    assert_eq!(name.unwrap()["required"], true);
    let limits = &document["paths"]["/api/v1/verdicts"]["get"]["parameters"];
    let limit = limits
        .as_array()
        .unwrap()
        .iter()
        .find(|one| one["name"] == "limit");
    let schema = &limit.unwrap()["schema"];
    assert_eq!(
        (&schema["default"], &schema["maximum"]),
        (&100.into(), &1000.into())
    );
}
