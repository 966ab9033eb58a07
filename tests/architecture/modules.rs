//! The arrows between the modules of each crate: as `docs/modules.md` lists them, and never in a
//! circle.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use super::{crates, root, rust_files};

/// Folders whose files are modules of their own in the tables.
const OPENED: &str = "image";
/// The crate of the whole-system tests, which has no modules in the product.
const TESTS: &str = "tests";

/// Names of files and folders that hold no product code.
pub(super) const OF_TESTS: [&str; 8] = [
    "tests", "testing", "testkit", "golden", "samples", "evasion", "fake", "contract",
];

/// A module of a table: `facts`, `image/tree`.
type Module = String;

/// Reads the table of a crate: each module, in order, and what it may use.
fn documented(tables: &str, folder: &str) -> Vec<(Module, Vec<Module>)> {
    let section = tables
        .split(&format!("\n## `{folder}`\n"))
        .nth(1)
        .and_then(|rest| rest.split("\n## ").next())
        .unwrap_or_default();
    let rows = section.lines().filter(|line| line.starts_with("| `"));
    let row = |line: &str| {
        let cells: Vec<&str> = line.split('|').map(str::trim).collect();
        let uses = match cells[2] {
            "–" => Vec::new(),
            listed => listed.split(", ").map(str::to_owned).collect(),
        };
        (cells[1].trim_matches('`').to_owned(), uses)
    };
    rows.map(row).collect()
}

/// Gives the path of the module that a file is, below the crate.
pub(super) fn module_path(file: &Path, source: &Path) -> Vec<String> {
    let inside = file.strip_prefix(source).expect("inside the crate");
    let mut parts: Vec<String> = inside
        .with_extension("")
        .iter()
        .map(|part| part.to_string_lossy().into_owned())
        .collect();
    if parts.last().is_some_and(|last| last == "mod") {
        parts.pop();
    }
    parts
}

/// Gives the module of a table that a path in the crate leads to.
fn module(path: &[String]) -> Option<Module> {
    let (first, rest) = path.split_first()?;
    match rest.first() {
        Some(second) if first == OPENED && second.starts_with(|c: char| c.is_lowercase()) => {
            Some(format!("{first}/{second}"))
        }
        _ => Some(first.clone()),
    }
}

/// Leaves what is compiled into the product: no comments, no module of tests at a file's end.
pub(super) fn product(text: &str) -> String {
    let is_end = |at: &usize| {
        let mut lines = text[*at..].lines().skip(1);
        lines
            .next()
            .is_some_and(|line| line.ends_with("mod tests {"))
    };
    let mut marks = text.match_indices("#[cfg(test)]").map(|(at, _)| at);
    let code = &text[..marks.find(is_end).unwrap_or(text.len())];
    let lines = code.lines();
    lines
        .map(|line| line.split("//").next().unwrap_or_default())
        .collect::<Vec<_>>()
        .join("\n")
}

/// Gives every path that a text names after `crate::` or `super::`, groups in braces taken apart.
pub(super) fn named(text: &str, own: &[String]) -> Vec<Vec<String>> {
    let mut found = Vec::new();
    for (start, depth_of_base) in [("crate::", None), ("super::", Some(1)), ("self::", Some(0))] {
        for (at, _) in text.match_indices(start) {
            let before = text[..at].chars().next_back();
            // To whom something is visible is no use of that.
            let is_visibility = text[..at].ends_with("(in ");
            let is_within = |c: char| c.is_alphanumeric() || matches!(c, '_' | ':');
            if is_visibility || before.is_some_and(is_within) {
                continue;
            }
            let mut rest = &text[at + start.len()..];
            let mut up = depth_of_base.unwrap_or(own.len());
            while let Some(higher) = rest.strip_prefix("super::") {
                rest = higher;
                up += 1;
            }
            let base = own[..own.len().saturating_sub(up)].to_vec();
            expand(rest, base, &mut found);
        }
    }
    found
}

/// Takes a path that may end in a group apart; gives what follows it.
fn expand<'a>(text: &'a str, mut path: Vec<String>, found: &mut Vec<Vec<String>>) -> &'a str {
    let text = text.trim_start();
    if let Some(mut rest) = text.strip_prefix('{') {
        loop {
            rest = rest.trim_start().trim_start_matches(',').trim_start();
            if rest.is_empty() {
                return rest;
            }
            if let Some(after) = rest.strip_prefix('}') {
                return after;
            }
            let after = expand(rest, path.clone(), found);
            // A renaming, or what is no path: to the end of this member.
            let end = after.find([',', '}']).unwrap_or(after.len());
            rest = &after[end..];
        }
    }
    let end = text.find(|c: char| !c.is_alphanumeric() && c != '_');
    let (name, rest) = text.split_at(end.unwrap_or(text.len()));
    if !name.is_empty() && name != "self" {
        path.push(name.to_owned());
    }
    match rest.strip_prefix("::") {
        Some(rest) if !name.is_empty() => expand(rest, path, found),
        _ => {
            found.push(path);
            rest
        }
    }
}

/// Reads which module of a crate uses which.
fn actual(folder: &str) -> BTreeMap<Module, BTreeSet<Module>> {
    let source = root().join(folder).join("src");
    let mut files = Vec::new();
    rust_files(&source, &mut files);
    let paths = files.iter().map(|file| module_path(file, &source));
    let known: BTreeSet<Module> = paths.filter_map(|path| module(&path)).collect();
    let mut arrows = BTreeMap::<Module, BTreeSet<Module>>::new();
    for file in files {
        let own = module_path(&file, &source);
        let is_of_tests = own.iter().any(|part| OF_TESTS.contains(&part.as_str()));
        let is_root = |from: &Module| matches!(from.as_str(), "lib" | "main");
        let Some(from) = module(&own).filter(|from| !is_root(from) && !is_of_tests) else {
            continue;
        };
        let text = product(&fs::read_to_string(&file).expect("read a source file"));
        let targets = named(&text, &own).into_iter();
        let targets = targets.filter_map(|path| module(&path));
        let others = targets
            .filter(|to| *to != from && known.contains(to) && !OF_TESTS.contains(&to.as_str()));
        arrows.entry(from.clone()).or_default().extend(others);
    }
    arrows
}

/// Says what of a crate is not as its table has it.
fn departures(tables: &str, folder: &str) -> Vec<String> {
    let documented = documented(tables, folder);
    let mut wrong = Vec::new();
    for (at, (module, uses)) in documented.iter().enumerate() {
        let above: Vec<_> = documented[..at].iter().map(|(name, _)| name).collect();
        let below = uses.iter().filter(|used| !above.contains(used));
        wrong.extend(below.map(|used| format!("{module} stands above {used}, which it uses")));
    }
    let mut table: BTreeMap<_, _> = documented.into_iter().collect();
    for (module, uses) in actual(folder) {
        let Some(allowed) = table.remove(&module) else {
            if module != OPENED {
                wrong.push(format!("{module} is not in the table"));
            }
            continue;
        };
        let news = uses.iter().filter(|used| !allowed.contains(used));
        wrong.extend(news.map(|used| format!("{module} uses {used}")));
        let olds = allowed.iter().filter(|used| !uses.contains(*used));
        wrong.extend(olds.map(|used| format!("{module} does not use {used}")));
    }
    wrong.extend(
        table
            .into_keys()
            .map(|module| format!("{module} is no module")),
    );
    wrong
        .into_iter()
        .map(|line| format!("{folder}: {line}"))
        .collect()
}

#[test]
fn modules_use_each_other_as_their_tables_say() {
    let tables = fs::read_to_string(root().join("docs/modules.md")).expect("read the tables");
    let crates = crates().into_iter().filter(|folder| folder != TESTS);
    let wrong: Vec<String> = crates
        .flat_map(|folder| departures(&tables, &folder))
        .collect();
    assert!(wrong.is_empty(), "not in docs/modules.md: {wrong:#?}");
}

#[test]
fn paths_are_read_from_groups_and_from_above() {
    let own = ["image", "judge", "system"].map(str::to_owned);
    let text = "use crate::{facts, image::{tree::Tree, places}};\nuse super::super::stack::x as y;\n\
                fn f() { crate::distro::identify(); supercrate::no() }";
    let mut modules: Vec<_> = named(text, &own)
        .iter()
        .filter_map(|it| module(it))
        .collect();
    modules.sort();
    let wanted = [
        "distro",
        "facts",
        "image/places",
        "image/stack",
        "image/tree",
    ];
    assert_eq!(modules, wanted);
}
