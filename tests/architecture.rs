//! The rules that keep the code readable and the arrows one way, checked on the source itself.
//!
//! It reads manifests and source files as text; it builds nothing.

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};

#[path = "architecture/circles.rs"]
mod circles;
#[path = "architecture/dependencies.rs"]
mod dependencies;
#[path = "architecture/modules.rs"]
mod modules;

/// Longest file that a person reads as one piece.
const MAX_LINES: usize = 500;
/// Folders beside the crates' sources that are held to the same length and header.
const BESIDE: [&str; 2] = ["tests", "fuzz/src"];
/// Marks of unfinished or switched-off code. Split, so that this file does not hold them.
const FORBIDDEN: [(&str, &str); 5] = [
    ("#[ig", "nore"),
    ("to", "do!("),
    ("unimpl", "emented!("),
    ("FI", "XME"),
    ("unsafe", " {"),
];

fn root() -> PathBuf {
    Path::new(env!("CARGO_MANIFEST_DIR"))
        .parent()
        .expect("tests lies in the workspace")
        .into()
}

fn rust_files(folder: &Path, found: &mut Vec<PathBuf>) {
    for entry in fs::read_dir(folder).expect("read a source folder") {
        let path = entry.expect("read a folder entry").path();
        if path.is_dir() {
            rust_files(&path, found);
        } else if path.extension().is_some_and(|extension| extension == "rs") {
            found.push(path);
        }
    }
}

fn all_files() -> Vec<(PathBuf, String)> {
    let mut found = Vec::new();
    let sources = crates().into_iter().filter(|folder| folder != "tests");
    for source in sources {
        rust_files(&root().join(source).join("src"), &mut found);
    }
    for beside in BESIDE {
        rust_files(&root().join(beside), &mut found);
    }
    found.sort();
    let read = |path: PathBuf| {
        let text = fs::read_to_string(&path).expect("read a source file");
        (
            path.strip_prefix(root())
                .expect("inside the workspace")
                .into(),
            text,
        )
    };
    found.into_iter().map(read).collect()
}

/// Gives the folders of the workspace's crates, as its manifest lists them.
fn crates() -> Vec<String> {
    let manifest = fs::read_to_string(root().join("Cargo.toml")).expect("the workspace's manifest");
    let members = manifest
        .split("members = [")
        .nth(1)
        .and_then(|rest| rest.split(']').next())
        .expect("the workspace lists its members");
    members
        .split('"')
        .skip(1)
        .step_by(2)
        .map(str::to_owned)
        .collect()
}

/// Reads the table of crates in the map: name, and what it may use.
fn documented_edges() -> BTreeMap<String, Vec<String>> {
    let map = fs::read_to_string(root().join("docs/ARCHITECTURE.md")).expect("read the map");
    let rows = map.lines().skip_while(|line| *line != "## Crates").skip(1);
    let rows: Vec<Vec<&str>> = rows
        .take_while(|line| !line.starts_with("## "))
        .filter(|line| line.starts_with("| `"))
        .map(|line| line.split('|').map(str::trim).collect())
        .collect();
    let name = |row: &Vec<&str>| {
        row[2]
            .split('`')
            .nth(1)
            .expect("a crate name in backticks")
            .to_owned()
    };
    let mut edges = BTreeMap::new();
    for (at, row) in rows.iter().enumerate() {
        let uses = match row[4] {
            "–" => Vec::new(),
            "all" | "all above" => rows[..at].iter().map(name).collect(),
            listed => listed
                .split(',')
                .map(|short| format!("sluicegate-{}", short.trim()))
                .collect(),
        };
        edges.insert(name(row), uses);
    }
    edges
}

/// Reads the workspace crates that a manifest names as dependencies of any kind.
fn actual_edges(manifest: &str) -> Vec<String> {
    let mut in_dependencies = false;
    let mut found = Vec::new();
    for line in manifest.lines().map(str::trim) {
        if line.starts_with('[') {
            in_dependencies = line.contains("dependencies");
        } else if in_dependencies && line.starts_with("sluicegate") {
            let name = line
                .split(['.', ' ', '='])
                .next()
                .expect("a line has a first word");
            found.push(name.to_owned());
        }
    }
    found
}

#[test]
fn crates_depend_only_as_the_map_says() {
    let (documented, crates) = (documented_edges(), crates());
    assert_eq!(documented.len(), crates.len(), "{documented:?}");
    let mut wrong = Vec::new();
    for folder in &crates {
        let manifest =
            fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("manifest");
        let name = manifest
            .split('"')
            .nth(1)
            .expect("a manifest begins with its name")
            .to_owned();
        for used in actual_edges(&manifest) {
            if !documented[&name].contains(&used) {
                wrong.push(format!("{name} uses {used}"));
            }
        }
    }
    assert!(wrong.is_empty(), "not in docs/ARCHITECTURE.md: {wrong:?}");
}

#[test]
fn pure_crates_name_no_runtime_and_no_network() {
    let impure = [
        "tokio", "hyper", "axum", "sled", "redb", "rustls", "reqwest",
    ];
    for folder in [
        "scanner/model",
        "scanner",
        "scanner/secrets",
        "policy",
        "policy/signatures",
        "proxy/remedy",
    ] {
        let manifest =
            fs::read_to_string(root().join(folder).join("Cargo.toml")).expect("manifest");
        for library in impure {
            let is_named = manifest.lines().any(|line| line.starts_with(library));
            assert!(!is_named, "{folder} depends on {library}");
        }
    }
}

#[test]
fn every_file_opens_with_what_it_owns() {
    let bare: Vec<_> = all_files()
        .into_iter()
        .filter(|(_, text)| !text.starts_with("//! "))
        .map(|(path, _)| path)
        .collect();
    assert!(bare.is_empty(), "files without a header: {bare:?}");
}

#[test]
fn no_file_is_too_long_to_read() {
    let long: Vec<_> = all_files()
        .into_iter()
        .map(|(path, text)| (path, text.lines().count()))
        .filter(|(_, lines)| *lines > MAX_LINES)
        .collect();
    assert!(long.is_empty(), "files over {MAX_LINES} lines: {long:?}");
}

#[test]
fn nothing_is_unfinished_or_switched_off() {
    let mut found = Vec::new();
    for (path, text) in all_files() {
        for (head, tail) in FORBIDDEN {
            let mark = format!("{head}{tail}");
            for (at, line) in text.lines().enumerate() {
                if line.contains(&mark) {
                    found.push(format!("{}:{}: {}", path.display(), at + 1, line.trim()));
                }
            }
        }
    }
    assert!(found.is_empty(), "forbidden: {found:#?}");
}

#[test]
fn no_log_line_speaks_the_programs_own_language() {
    let mut found = Vec::new();
    for (path, text) in all_files() {
        if !path.starts_with("proxy") || path.to_string_lossy().contains("tests") {
            continue;
        }
        let product = text.split("#[cfg(test)]").next().unwrap_or_default();
        for call in product.split("tracing::").skip(1) {
            let line = call.split(");").next().unwrap_or_default();
            let is_event = ["info!(", "warn!(", "error!("];
            let is_event = is_event.iter().any(|start| line.starts_with(start));
            let speaks = ["(?", " ?", ":?}"].iter().any(|mark| line.contains(mark));
            if is_event && speaks {
                found.push(format!("{}: {line}", path.display()));
            }
        }
    }
    assert!(
        found.is_empty(),
        "values as the compiler writes them: {found:#?}"
    );
}
