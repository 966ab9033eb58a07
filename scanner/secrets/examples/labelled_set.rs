//! Writes the labelled set into a directory: `set/` holds the files, `labels.tsv` says of each its
//! kind, the line of its secret (0: none), and which of our rules found what in which line.
//!
//! `cargo run --release -p sluicegate-secrets --example labelled_set -- DIRECTORY`

use std::fmt::Write as _;
use std::fs;
use std::path::Path;

use sluicegate_secrets::{SecretRules, SecretSalt};

#[path = "../tests/labelled/mod.rs"]
mod labelled;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let directory = std::env::args().nth(1).ok_or("name a directory")?;
    let directory = Path::new(&directory);
    let (rules, salt) = (SecretRules::built_in(), SecretSalt::new(&[7; 32]));
    let mut labels = String::new();
    for (number, case) in labelled::cases().into_iter().enumerate() {
        let name = format!("set/{number:05}/{}", case.path);
        let file = directory.join(&name);
        fs::create_dir_all(file.parent().ok_or("a file lies in a directory")?)?;
        fs::write(&file, &case.text)?;
        let line = case.line().unwrap_or(0);
        let found = rules.find(&salt, &case.path, &case.text);
        let found: Vec<String> = found
            .iter()
            .map(|secret| format!("{}:{}", secret.line, secret.rule))
            .collect();
        writeln!(labels, "{name}\t{}\t{line}\t{}", case.kind, found.join(","))?;
    }
    fs::write(directory.join("labels.tsv"), labels)?;
    Ok(())
}
