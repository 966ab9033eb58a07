//! The texts in which Python's installers record a distribution. Pure.

use sluicegate_model::package::MAX_LICENCE_BYTES;

use super::classifier::Classified;
use crate::analyzers::lockfiles;

/// Most pins taken from one list; pip has about twenty.
const MAX_PINS: usize = 1_000;

/// Tells whether a path is where installers record a distribution.
pub(in crate::analyzers) fn is_evidence(path: &str) -> bool {
    let mut parts = path.rsplit('/');
    let name = parts.next().unwrap_or_default();
    let dir = parts.next().unwrap_or_default().to_ascii_lowercase();
    match name {
        "METADATA" => dir.ends_with(".dist-info"),
        "PKG-INFO" => dir.ends_with(".egg-info") || dir == "egg-info",
        _ => name.to_ascii_lowercase().ends_with(".egg-info"),
    }
}

/// What a record says of its distribution.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Stated {
    pub(super) name: String,
    pub(super) version: String,
    /// The licence, by the best of the three fields that may say it.
    pub(super) licence: Option<String>,
}

/// The fields that say which licence it has, as they come.
///
/// Source: PyPA, "Core metadata specifications", `License-Expression`, `License`, `Classifier`.
#[derive(Default)]
struct LicenceFields {
    expression: Option<String>,
    text: Option<String>,
    classified: Classified,
}

impl LicenceFields {
    /// Gives what says it best: an expression, else a line of text, else the one classifier. Many write
    /// the whole text into the second, or that it is not known.
    fn best(self) -> Option<String> {
        let is_said = |text: &String| {
            text.len() <= MAX_LICENCE_BYTES && !text.eq_ignore_ascii_case("unknown")
        };
        let text = self.text.filter(is_said);
        self.expression.or(text).or_else(|| self.classified.one())
    }
}

/// Gives what the header says, which ends at the first blank line.
///
/// The first of each counts. A value may go on in lines that begin with a space or a tab.
pub(super) fn headers(content: &[u8]) -> Option<Stated> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let (mut name, mut version) = (None::<String>, None::<String>);
    let mut licence = LicenceFields::default();
    let mut current: Option<&mut Option<String>> = None;
    for line in content.split(|byte| *byte == b'\n') {
        let line = line.trim_ascii_end();
        if line.is_empty() {
            break;
        }
        let folded = line.starts_with(b" ") || line.starts_with(b"\t");
        if !folded {
            let colon = line.iter().position(|byte| *byte == b':');
            let (key, value) = line.split_at(colon.unwrap_or(line.len()));
            let value = value.get(1..).unwrap_or_default();
            if key.eq_ignore_ascii_case(b"classifier") {
                licence.classified.take(value);
            }
            current = if key.eq_ignore_ascii_case(b"name") {
                Some(&mut name)
            } else if key.eq_ignore_ascii_case(b"version") {
                Some(&mut version)
            } else if key.eq_ignore_ascii_case(b"license-expression") {
                Some(&mut licence.expression)
            } else if key.eq_ignore_ascii_case(b"license") {
                Some(&mut licence.text)
            } else {
                None
            };
            if let Some(slot) = &mut current {
                fill(slot, value);
            }
        } else if let Some(slot) = &mut current {
            fill(slot, line);
        }
    }
    Some(Stated {
        name: name?,
        version: version?,
        licence: licence.best(),
    })
}

fn fill(slot: &mut Option<String>, value: &[u8]) {
    let value = value.trim_ascii();
    if slot.is_none() && !value.is_empty() {
        *slot = std::str::from_utf8(value).ok().map(str::to_owned);
    }
}

/// Gives the exact pins of a list of requirements.
pub(super) fn pins(content: &[u8]) -> Vec<(String, String)> {
    lockfiles::pinned_requirements(content)
        .take(MAX_PINS)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_fold_and_end() {
        for (text, wanted) in [
            ("Name: a\nVersion: 1\n", Some(("a", "1"))),
            ("\u{feff}name:\ta\r\nVERSION:  1 \r\n", Some(("a", "1"))),
            ("Name:\n  a\nVersion:\n\t1\n\n", Some(("a", "1"))),
            (
                "Summary: x\n Name: no\nName: a\nVersion: 1",
                Some(("a", "1")),
            ),
            ("Name: a\nName: b\nVersion: 1\nVersion: 2", Some(("a", "1"))),
            ("Name: a\n\nVersion: 1\n", None),
            ("Version: 1\nVersion\n", None),
            ("", None),
        ] {
            let found = headers(text.as_bytes()).map(|stated| (stated.name, stated.version));
            let wanted = wanted.map(|(name, version)| (name.to_owned(), version.to_owned()));
            assert_eq!(found, wanted, "{text:?}");
        }
    }
}
