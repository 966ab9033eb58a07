//! Lockfiles in TOML with one table for each package: Cargo's, Poetry's, uv's, PDM's and pylock.toml.
//!
//! Source: The Cargo Book, "Cargo.toml vs Cargo.lock"; Poetry, "poetry.lock"; uv, "Lockfile"; PDM,
//! "Lock file"; Python packaging specifications, "pylock.toml" (PEP 751).

use super::pin::Pin;
use super::toml::{Statement, plain_string, statements};

/// Ways in which uv says that a package is the project's own.
const OWN_SOURCES: [&str; 4] = ["editable", "virtual", "directory", "path"];

/// What one table of a package says.
#[derive(Default)]
struct PackageTable<'a> {
    name: &'a str,
    version: &'a str,
    /// As written, quotes or braces included; empty where there is none.
    source: &'a str,
    /// Whether it comes from a directory of the project, by keys that mean nothing else anywhere.
    is_own: bool,
}

impl<'a> PackageTable<'a> {
    /// Takes a pair of the table, or of one below it, which `table` names; its own is empty.
    fn take(&mut self, table: &str, key: &str, value: &'a str) {
        match (table, key) {
            ("", "name") => self.name = plain_string(value),
            ("", "version") => self.version = plain_string(value),
            ("", "source") => self.source = value,
            // PDM's and pylock.toml's.
            ("", "directory" | "path" | "editable") => self.is_own = true,
            // Poetry's.
            ("source", "type") => self.is_own |= plain_string(value) == "directory",
            _ => {}
        }
    }

    fn pin(&self) -> Option<Pin> {
        Pin::new(self.name, self.version)
    }
}

/// Reads `Cargo.lock`; the workspace's own packages have no source.
pub(super) fn cargo(text: &str) -> Vec<Pin> {
    let sections = sections(text, "package").into_iter();
    sections
        .filter(|section| !section.source.is_empty())
        .filter_map(|section| section.pin())
        .collect()
}

/// Reads `poetry.lock` and `pdm.lock`.
pub(super) fn python(text: &str) -> Vec<Pin> {
    foreign(text, "package")
}

/// Reads `pylock.toml`.
pub(super) fn pylock(text: &str) -> Vec<Pin> {
    foreign(text, "packages")
}

fn foreign(text: &str, array: &str) -> Vec<Pin> {
    let sections = sections(text, array).into_iter();
    sections
        .filter(|section| !section.is_own)
        .filter_map(|section| section.pin())
        .collect()
}

/// Reads `uv.lock`.
pub(super) fn uv(text: &str) -> Vec<Pin> {
    let is_own = |section: &PackageTable<'_>| {
        let inline = section.source.trim_start_matches(['{', ' ']);
        OWN_SOURCES.iter().any(|own| inline.starts_with(own))
    };
    let sections = sections(text, "package").into_iter();
    sections
        .filter(|section| !is_own(section))
        .filter_map(|section| section.pin())
        .collect()
}

/// Lists the items of an array of tables, each with what the tables below it say.
fn sections<'a>(text: &'a str, array: &str) -> Vec<PackageTable<'a>> {
    let mut sections = Vec::new();
    // The open item, and which of its tables; its own has no name.
    let mut open: Option<(PackageTable<'a>, &'a str)> = None;
    for statement in statements(text) {
        match statement {
            Statement::Header { name, is_item } => {
                let below = name
                    .strip_prefix(array)
                    .and_then(|rest| rest.strip_prefix('.'));
                if let (Some((section, table)), Some(below)) = (open.as_mut(), below) {
                    section.is_own |= below == "directory";
                    *table = below;
                } else {
                    sections.extend(open.take().map(|(section, _)| section));
                    let begins = is_item && name == array;
                    open = begins.then(|| (PackageTable::default(), ""));
                }
            }
            Statement::Pair { key, value } => {
                if let Some((section, table)) = &mut open {
                    section.take(table, key, value);
                }
            }
        }
    }
    sections.extend(open.map(|(section, _)| section));
    sections
}
