//! pip's list of requirements.
//!
//! Source: pip, "Requirements File Format"; Python packaging specifications, "Dependency specifiers"
//! and "Version specifiers".

use super::pin::{Pin, text_lines};

/// Reads `requirements.txt`: what pins one version, such as `name[extra] == 1.0 ; marker`.
///
/// A line that ends in a backslash goes on with the next one, and what begins with `#` ends it.
pub(super) fn requirements(text: &str) -> Vec<Pin> {
    let mut pins = Vec::new();
    let mut joined = String::new();
    for line in text_lines(text) {
        let is_comment = line.trim_start().starts_with('#');
        match line.strip_suffix('\\') {
            Some(start) if !is_comment => joined.push_str(start),
            _ => {
                // A comment behind a backslash stays one.
                joined.push_str(if is_comment { " " } else { "" });
                joined.push_str(line);
                pins.extend(requirement(&joined));
                joined.clear();
            }
        }
    }
    pins.extend(requirement(&joined));
    pins
}

fn requirement(line: &str) -> Option<Pin> {
    let line = without_comment(line).trim();
    let is_of_name = |sign: char| sign.is_ascii_alphanumeric() || matches!(sign, '-' | '_' | '.');
    let end = line.find(|sign| !is_of_name(sign)).unwrap_or(line.len());
    let (name, rest) = line.split_at_checked(end)?;
    // What begins with a dash is an option.
    if name.starts_with('-') {
        return None;
    }
    let rest = rest.trim_start();
    let rest = match rest.strip_prefix('[') {
        Some(extras) => extras.split_once(']')?.1.trim_start(),
        None => rest,
    };
    let specifiers = rest.strip_prefix('(').unwrap_or(rest);
    let specifiers = specifiers.split([';', ')']).next()?;
    Pin::new(name, specifiers.split(',').find_map(exact)?)
}

/// Gives the one version that a specifier allows.
pub(super) fn exact(specifier: &str) -> Option<&str> {
    let rest = specifier.trim_start().strip_prefix("==")?;
    // `===` compares text; `==1.*` allows many versions.
    let as_text = rest.strip_prefix('=');
    let version = as_text.unwrap_or(rest).split_whitespace().next()?;
    let version = version.split(['#', '\\']).next()?;
    (as_text.is_some() || !version.contains('*')).then_some(version)
}

/// Cuts off what begins with `#` at the start or behind a blank.
fn without_comment(line: &str) -> &str {
    let begins = |(at, _): &(usize, &str)| {
        let before = line.get(..*at).unwrap_or_default();
        before.is_empty() || before.ends_with(char::is_whitespace)
    };
    let comment = line.match_indices('#').find(begins);
    let end = comment.map_or(line.len(), |(at, _)| at);
    line.get(..end).unwrap_or(line)
}
