//! Lockfiles of Yarn and pnpm.
//!
//! Both are read by their lines: Yarn's first format is one of its own, and the YAML of the others
//! is written in one form, with a package's key on a line by itself. A key of more than some 1,000
//! characters stands behind a question mark, and its colon on the next line.
//!
//! Source: Yarn, "yarn.lock" (classic and berry); pnpm/spec, "lockfile"; YAML 1.2,
//! section 8.2.2.

use super::pin::{Pin, text_lines};

/// Sources that are the project's own directories.
const OWN_SOURCES: [&str; 4] = ["workspace:", "link:", "portal:", "file:"];

const QUOTES: [char; 2] = ['"', '\''];

/// Reads `yarn.lock`: a line `"name@range", …:` and a `version` below it.
pub(super) fn yarn(text: &str) -> Vec<Pin> {
    let mut pins = Vec::new();
    let mut name: Option<&str> = None;
    for line in text_lines(text) {
        if line == ":" {
            continue;
        }
        if !line.starts_with([' ', '#']) {
            let key = line.strip_prefix("? ").or_else(|| line.strip_suffix(':'));
            name = key.and_then(requested);
        } else if let Some(version) = version_below(line)
            && let Some(name) = name.take()
        {
            pins.extend(Pin::new(name, version));
        }
    }
    pins
}

/// Gives the package that the first of a line's requests names.
fn requested(line: &str) -> Option<&str> {
    let request = line.trim_start_matches(QUOTES);
    let request = request.split(['"', '\'', ',']).next()?;
    let (name, range) = split_at_sign(request)?;
    if OWN_SOURCES.iter().any(|own| range.starts_with(own)) {
        return None;
    }
    // `alias@npm:name@range` installs a package under another name.
    let aliased = range.strip_prefix("npm:").and_then(split_at_sign);
    Some(aliased.map_or(name, |(real, _)| real))
}

/// Reads `  version "1.0"` and `  version: 1.0`, right below a package; the key may be quoted.
fn version_below(line: &str) -> Option<&str> {
    let pair = line.strip_prefix("  ")?;
    let value = ["version", "\"version\"", "'version'"]
        .iter()
        .find_map(|key| pair.strip_prefix(key))?;
    let value = value.strip_prefix(':').unwrap_or(value);
    value
        .starts_with(' ')
        .then(|| value.trim().trim_matches(QUOTES))
}

/// Splits `name@rest`, where the name may begin with `@`.
pub(super) fn split_at_sign(text: &str) -> Option<(&str, &str)> {
    let at = text
        .char_indices()
        .skip(1)
        .find(|(_, sign)| *sign == '@')?
        .0;
    Some((text.get(..at)?, text.get(at + 1..)?))
}

/// Reads `pnpm-lock.yaml`: the keys of `packages`, whose form depends on the file's version.
pub(super) fn pnpm(text: &str) -> Vec<Pin> {
    let mut pins = Vec::new();
    let mut in_packages = false;
    let mut has_slashes = false;
    for line in text_lines(text) {
        if let Some(version) = line.strip_prefix("lockfileVersion:") {
            let major = version.trim_matches([' ', '\'', '"']).split('.').next();
            has_slashes = major.and_then(|major| major.parse().ok()).unwrap_or(0) < 6;
        } else if !line.is_empty() && !line.starts_with(' ') {
            in_packages = line == "packages:";
        } else if in_packages
            && let Some(line) = line.strip_prefix("  ")
            && let Some(key) = line.strip_prefix("? ").or_else(|| line.strip_suffix(':'))
            && !key.starts_with(' ')
        {
            let key = key.trim_matches(QUOTES);
            pins.extend(if has_slashes {
                by_slashes(key)
            } else {
                by_sign(key)
            });
        }
    }
    pins
}

/// Reads `/name/version` and `/@scope/name/version_peers`, up to version 5.
fn by_slashes(key: &str) -> Option<Pin> {
    let key = key.strip_prefix('/')?;
    let slashes = usize::from(key.starts_with('@'));
    let (end, _) = key.match_indices('/').nth(slashes)?;
    let version = key.get(end + 1..)?.split(['_', '(', '/']).next()?;
    Pin::new(key.get(..end)?, version)
}

/// Reads `name@version(peers)`, with a slash before it in version 6.
pub(super) fn by_sign(key: &str) -> Option<Pin> {
    let key = key.strip_prefix('/').unwrap_or(key);
    let (name, version) = split_at_sign(key.split('(').next()?)?;
    // A version with a colon or a slash is an address.
    (!version.contains([':', '/'])).then(|| Pin::new(name, version))?
}
