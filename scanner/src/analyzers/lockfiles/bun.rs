//! Bun's lockfile, which is JSON with comments and with commas behind last items.
//!
//! Source: Bun documentation, "Lockfile", `bun.lock`.

use std::fmt;

use serde::de::{Deserialize, Deserializer, IgnoredAny, SeqAccess, Visitor};

use super::javascript;
use super::pin::Pin;
use crate::analyzers::records::{Record, Records, from_json};

/// Reads `bun.lock`; its elder binary form is not read.
pub(super) fn bun(text: &str) -> Vec<Pin> {
    from_json::<BunLock>(plain(text).as_bytes())
        .map(|lock| lock.packages.kept)
        .unwrap_or_default()
}

#[derive(serde::Deserialize)]
struct BunLock {
    #[serde(default)]
    packages: Records<LockedPackage>,
}

/// A package by its place: a list of which the first item is `name@version`.
struct LockedPackage(String);

impl Record for LockedPackage {
    type Kept = Pin;

    fn keep(self, _: &str, kept: &mut Vec<Pin>) {
        kept.extend(javascript::by_sign(&self.0));
    }
}

impl<'de> Deserialize<'de> for LockedPackage {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_seq(EntryVisitor)
    }
}

struct EntryVisitor;

impl<'de> Visitor<'de> for EntryVisitor {
    type Value = LockedPackage;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a list that begins with a text")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<LockedPackage, A::Error> {
        let resolved = items.next_element::<String>()?.unwrap_or_default();
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(LockedPackage(resolved))
    }
}

/// Writes JSON with comments and commas behind last items as plain JSON, without blanks.
fn plain(text: &str) -> String {
    let mut plain = String::with_capacity(text.len());
    let mut is_comma_due = false;
    let mut rest = text;
    while !rest.is_empty() {
        let (token, after) = rest
            .split_at_checked(token_length(rest))
            .unwrap_or((rest, ""));
        rest = after;
        if token.starts_with("//") || token.starts_with("/*") || token.trim().is_empty() {
            continue;
        }
        if token == "," {
            is_comma_due = true;
            continue;
        }
        if is_comma_due && !matches!(token, "]" | "}") {
            plain.push(',');
        }
        is_comma_due = false;
        plain.push_str(token);
    }
    plain
}

/// Gives the bytes of the string, comment or single character that a text begins with.
fn token_length(text: &str) -> usize {
    if text.starts_with("//") {
        return text.find('\n').unwrap_or(text.len());
    }
    if text.starts_with("/*") {
        return text.find("*/").map_or(text.len(), |end| end + 2);
    }
    let first = text.chars().next().map_or(0, char::len_utf8);
    if !text.starts_with('"') {
        return first;
    }
    let mut is_escaped = false;
    for (at, byte) in text.bytes().enumerate().skip(1) {
        match byte {
            b'"' if !is_escaped => return at + 1,
            b'\\' => is_escaped = !is_escaped,
            _ => is_escaped = false,
        }
    }
    text.len()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn comments_and_last_commas_are_no_content() {
        for (text, wanted) in [
            ("{\"a\": [1, 2,],\n}", "{\"a\":[1,2]}"),
            ("// x\n{/* , */\"a\" /**/:1 , // y\n}", "{\"a\":1}"),
            (r#"["a\",]//\\",]"#, r#"["a\",]//\\"]"#),
            (r#"["ä\"#, r#"["ä\"#),
            ("/*", ""),
            ("[1 /", "[1/"),
        ] {
            assert_eq!(plain(text), wanted, "{text}");
        }
    }
}
