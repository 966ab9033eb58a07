//! The texts in which Python's installers record a distribution. Pure.

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

/// Gives name and version from the header, which ends at the first blank line.
///
/// The first of each counts. A value may go on in lines that begin with a space or a tab.
pub(super) fn headers(content: &[u8]) -> Option<(String, String)> {
    let content = content.strip_prefix(b"\xef\xbb\xbf").unwrap_or(content);
    let (mut name, mut version) = (None::<String>, None::<String>);
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
            current = if key.eq_ignore_ascii_case(b"name") {
                Some(&mut name)
            } else if key.eq_ignore_ascii_case(b"version") {
                Some(&mut version)
            } else {
                None
            };
            if let Some(slot) = &mut current {
                fill(slot, value.get(1..).unwrap_or_default());
            }
        } else if let Some(slot) = &mut current {
            fill(slot, line);
        }
    }
    Some((name?, version?))
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
            let found = headers(text.as_bytes());
            let wanted = wanted.map(|(name, version)| (name.to_owned(), version.to_owned()));
            assert_eq!(found, wanted, "{text:?}");
        }
    }
}
