//! Lockfiles of `[[package]]` sections: Cargo's, Poetry's and uv's.
//!
//! They are TOML, written by tools in one form: a key at the start of each line. That form is read
//! line by line, which takes no memory for the lists of digests that make up most of them.
//!
//! Source: The Cargo Book, "Cargo.toml vs Cargo.lock"; Poetry, "poetry.lock"; uv, "Lockfile".

use super::{Pin, text_lines};

/// Ways in which uv says that a package is the project's own.
const OWN_SOURCES: [&str; 4] = ["editable", "virtual", "directory", "path"];

/// What one section says.
#[derive(Default)]
struct Section<'a> {
    name: &'a str,
    version: &'a str,
    /// As written, quotes or braces included; empty where there is none.
    source: &'a str,
}

impl Section<'_> {
    fn is_whole(&self) -> bool {
        !self.name.is_empty() && !self.version.is_empty()
    }

    fn pin(&self) -> Option<Pin> {
        Pin::new(self.name, self.version)
    }
}

/// Reads `Cargo.lock`; the workspace's own packages have no source.
pub(super) fn cargo(content: &[u8]) -> Vec<Pin> {
    let sections = sections(content).into_iter();
    sections
        .filter(|section| !section.source.is_empty())
        .filter_map(|section| section.pin())
        .collect()
}

/// Reads `poetry.lock`.
pub(super) fn poetry(content: &[u8]) -> Vec<Pin> {
    let sections = sections(content).into_iter();
    sections.filter_map(|section| section.pin()).collect()
}

/// Reads `uv.lock`.
pub(super) fn uv(content: &[u8]) -> Vec<Pin> {
    let is_own = |section: &Section<'_>| {
        let inline = section.source.trim_start_matches(['{', ' ']);
        OWN_SOURCES.iter().any(|own| inline.starts_with(own))
    };
    let sections = sections(content).into_iter();
    sections
        .filter(|section| !is_own(section))
        .filter_map(|section| section.pin())
        .collect()
}

fn sections(content: &[u8]) -> Vec<Section<'_>> {
    let mut sections = Vec::new();
    let mut open: Option<Section<'_>> = None;
    for line in text_lines(content) {
        // Any other header, such as `[package.dependencies]`, ends the keys of the section.
        if line.starts_with('[') {
            sections.extend(open.take().filter(Section::is_whole));
            open = (line == "[[package]]").then(Section::default);
        } else if let Some(section) = &mut open
            && let Some((key, value)) = line.split_once(" = ")
        {
            match key {
                "name" => section.name = quoted(value),
                "version" => section.version = quoted(value),
                "source" => section.source = value,
                _ => {}
            }
        }
    }
    sections.extend(open.filter(Section::is_whole));
    sections
}

/// Gives a string's text; empty where it is no plain string.
fn quoted(value: &str) -> &str {
    let text = value
        .strip_prefix('"')
        .and_then(|rest| rest.strip_suffix('"'));
    text.filter(|text| !text.contains(['"', '\\']))
        .unwrap_or_default()
}
