//! Lockfiles with one package on a line: pip's, Bundler's, Go's and Mix's.
//!
//! Source: pip, "Requirements File Format"; Bundler, `Bundler::LockfileParser`; Go Modules
//! Reference, "go.mod files"; Mix, `Mix.Dep.Lock`.

use super::{Pin, text_lines};

/// Reads `requirements.txt`: lines that pin one version, `name[extra]==1.0 ; marker`.
pub(super) fn requirements(content: &[u8]) -> Vec<Pin> {
    text_lines(content).filter_map(requirement).collect()
}

fn requirement(line: &str) -> Option<Pin> {
    let (name, rest) = line.split_once("==")?;
    let name = name.split('[').next()?.trim();
    let is_name = name
        .bytes()
        .all(|byte| byte.is_ascii_alphanumeric() || b"-_.".contains(&byte));
    let is_end = |sign: char| sign.is_whitespace() || matches!(sign, ';' | ',' | '#' | '\\');
    let version = rest.trim_start().split(is_end).next()?;
    // `===` compares text, and `1.*` allows many.
    let is_pin = is_name && !version.starts_with('=') && !version.contains('*');
    is_pin.then(|| Pin::new(name, version))?
}

/// Reads `Gemfile.lock`: `    name (version)`, in the sections of sources other than `PATH`.
pub(super) fn gemfile(content: &[u8]) -> Vec<Pin> {
    let mut pins = Vec::new();
    let mut is_own = false;
    for line in text_lines(content) {
        if !line.is_empty() && !line.starts_with(' ') {
            is_own = line == "PATH";
        } else if !is_own
            && let Some(gem) = line
                .strip_prefix("    ")
                .filter(|gem| !gem.starts_with(' '))
            && let Some((name, version)) = gem.split_once(" (")
        {
            // What follows a dash is the platform.
            let version = version.split([')', '-']).next().unwrap_or_default();
            pins.extend(Pin::new(name, version));
        }
    }
    pins
}

/// Reads what `go.mod` requires; `go.sum` lists versions that were only looked at.
pub(super) fn go_mod(content: &[u8]) -> Vec<Pin> {
    let mut pins = Vec::new();
    let mut in_block = false;
    for line in text_lines(content).map(str::trim_start) {
        let line = line.split("//").next().unwrap_or_default();
        let mut words = line.split_ascii_whitespace();
        let first = words.next().unwrap_or_default();
        match (first, in_block) {
            ("require", false) => match words.next().unwrap_or_default() {
                "(" => in_block = true,
                module => pins.extend(Pin::new(module, words.next().unwrap_or_default())),
            },
            (")", _) => in_block = false,
            (module, true) => pins.extend(Pin::new(module, words.next().unwrap_or_default())),
            _ => {}
        }
    }
    pins
}

/// Reads `mix.lock`: `"name": {:hex, :name, "version", …}`.
pub(super) fn mix(content: &[u8]) -> Vec<Pin> {
    text_lines(content).filter_map(mix_entry).collect()
}

fn mix_entry(line: &str) -> Option<Pin> {
    let (_, entry) = line.split_once("{:hex, :")?;
    let (name, rest) = entry.split_once(", \"")?;
    let (version, _) = rest.split_once('"')?;
    Pin::new(name.trim_matches('"'), version)
}
