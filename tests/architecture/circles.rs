//! That no two of the scanner's files need each other.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;

use super::modules::{OF_TESTS, module_path, named, product};
use super::{root, rust_files};

/// A file, by its path in the crate.
type File = Vec<String>;

type Arrows = BTreeMap<File, BTreeSet<File>>;

/// Reads which file names something of which other.
fn arrows() -> Arrows {
    let source = root().join("scanner/src");
    let mut paths = Vec::new();
    rust_files(&source, &mut paths);
    let mut texts = BTreeMap::new();
    for path in paths {
        let file = module_path(&path, &source);
        if !file.iter().any(|part| OF_TESTS.contains(&part.as_str())) {
            let text = fs::read_to_string(&path).expect("read a source file");
            texts.insert(file, product(&text));
        }
    }
    let files: BTreeSet<File> = texts.keys().cloned().collect();
    let arrows = texts.iter().map(|(file, text)| {
        let paths = named(text, file).into_iter();
        let named = paths.filter_map(|path| file_of(path, &files));
        let uses = named.chain(children(file, text)).filter(|to| to != file);
        (file.clone(), uses.collect())
    });
    arrows.collect()
}

/// Gives the file that defines what a path leads to, or declares it.
fn file_of(mut path: Vec<String>, files: &BTreeSet<File>) -> Option<File> {
    if path.iter().any(|part| OF_TESTS.contains(&part.as_str())) {
        return None;
    }
    while !path.is_empty() && !files.contains(&path) {
        path.pop();
    }
    (!path.is_empty()).then_some(path)
}

/// Gives the files below one from which it takes something, not those that it only declares.
fn children(file: &[String], text: &str) -> Vec<File> {
    let declared = text.lines().filter_map(|line| {
        let (_, rest) = line.split_once("mod ")?;
        rest.strip_suffix(';')
    });
    let uses = |name: &&str| {
        text.match_indices(&format!("{name}::")).any(|(at, _)| {
            let before = text[..at].trim_end_matches("self::").chars().next_back();
            before.is_none_or(|c| !c.is_alphanumeric() && !matches!(c, '_' | ':'))
        })
    };
    let used = declared.filter(uses);
    used.map(|name| [file, &[name.to_owned()]].concat())
        .collect()
}

/// Leaves the files that are on a circle, or between two.
fn on_circles(mut arrows: Arrows) -> Arrows {
    loop {
        let before = arrows.len();
        let used: BTreeSet<File> = arrows.values().flatten().cloned().collect();
        let here: BTreeSet<File> = arrows.keys().cloned().collect();
        arrows.retain(|file, uses| used.contains(file) && uses.iter().any(|to| here.contains(to)));
        let here: BTreeSet<File> = arrows.keys().cloned().collect();
        arrows
            .values_mut()
            .for_each(|uses| uses.retain(|to| here.contains(to)));
        if arrows.len() == before {
            return arrows;
        }
    }
}

#[test]
fn no_two_files_of_the_scanner_need_each_other() {
    let left = on_circles(arrows());
    let pairs = left
        .iter()
        .flat_map(|(file, uses)| uses.iter().map(move |to| (file, to)));
    let circles: Vec<String> = pairs
        .map(|(file, to)| format!("{} uses {}", file.join("/"), to.join("/")))
        .collect();
    assert!(circles.is_empty(), "{circles:#?}");
}

#[test]
fn only_what_is_on_a_circle_is_left() {
    let file = |name: &str| vec![name.to_owned()];
    let uses = |names: &[&str]| names.iter().map(|name| file(name)).collect();
    let arrows = Arrows::from([
        (file("lib"), uses(&["a", "c"])),
        (file("a"), uses(&["b"])),
        (file("b"), uses(&["a", "c"])),
        (file("c"), uses(&[])),
    ]);
    let left: Vec<File> = on_circles(arrows).into_keys().collect();
    assert_eq!(left, [file("a"), file("b")]);
    let text = "mod one;\nmod two;\npub(super) use one::X;\nuse crate::two::Y;";
    assert_eq!(
        children(&file("a"), text),
        [["a", "one"].map(str::to_owned)]
    );
}
