//! Go's module file.
//!
//! Source: Go Modules Reference, "go.mod files".

use std::collections::BTreeMap;

use super::pin::{Pin, text_lines};

/// A module that is replaced, at one version or at all.
type Replaced<'a> = (&'a str, Option<&'a str>);

/// What each `replace` puts in a module's place; none where that is a directory of the project.
type Replacements<'a> = BTreeMap<Replaced<'a>, Option<Pin>>;

/// Reads what `go.mod` requires, each as it is replaced; `go.sum` lists versions that were only
/// looked at.
pub(super) fn go_mod(text: &str) -> Vec<Pin> {
    let mut required = Vec::new();
    let mut replaced = Replacements::new();
    let mut block = "";
    for line in text_lines(text) {
        let line = line.split("//").next().unwrap_or_default().trim();
        if line == ")" {
            block = "";
        } else if let ("", Some(directive)) = (block, line.strip_suffix('(')) {
            block = directive.trim_end();
        } else {
            let (directive, line) = match block {
                "" => line.split_once(char::is_whitespace).unwrap_or_default(),
                _ => (block, line),
            };
            let words: Vec<&str> = line.split_ascii_whitespace().map(unquoted).collect();
            match (directive, words.as_slice()) {
                ("require", [module, version, ..]) => required.push((*module, *version)),
                ("replace", words) => replaced.extend(replacement(words)),
                _ => {}
            }
        }
    }
    let pins = required.into_iter();
    pins.filter_map(|(module, version)| in_place_of(module, version, &replaced))
        .collect()
}

fn unquoted(word: &str) -> &str {
    word.trim_matches(['"', '`'])
}

/// Reads `module [version] => module version` and `module [version] => directory`.
fn replacement<'a>(words: &[&'a str]) -> Option<(Replaced<'a>, Option<Pin>)> {
    let (replaced, by) = match words {
        [module, "=>", by @ ..] => ((*module, None), by),
        [module, version, "=>", by @ ..] => ((*module, Some(*version)), by),
        _ => return None,
    };
    let by = match by {
        [module, version] => Pin::new(module, version),
        _ => None,
    };
    Some((replaced, by))
}

/// Gives what a required module is replaced by, at its version or at any, else the module itself.
fn in_place_of(module: &str, version: &str, replaced: &Replacements<'_>) -> Option<Pin> {
    let at_version = replaced.get(&(module, Some(version)));
    let replacement = at_version.or_else(|| replaced.get(&(module, None)));
    match replacement {
        Some(by) => by.clone(),
        None => Pin::new(module, version),
    }
}
