//! Lockfiles with one package on a line: Bundler's and Mix's.
//!
//! Source: Bundler, `Bundler::LockfileParser`; Mix, `Mix.Dep.Lock`.

use super::pin::{Pin, text_lines};

/// Reads `Gemfile.lock`: `    name (version)`, in the sections of sources other than `PATH`.
pub(super) fn gemfile(text: &str) -> Vec<Pin> {
    let mut pins = Vec::new();
    let mut is_own = false;
    for line in text_lines(text) {
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

/// Reads `mix.lock`: `"name": {:hex, :name, "version", …}`.
pub(super) fn mix(text: &str) -> Vec<Pin> {
    text_lines(text).filter_map(mix_entry).collect()
}

fn mix_entry(line: &str) -> Option<Pin> {
    let (_, entry) = line.split_once("{:hex, :")?;
    let (name, rest) = entry.split_once(", \"")?;
    let (version, _) = rest.split_once('"')?;
    Pin::new(name.trim_matches('"'), version)
}
