//! Reads every file of a root filesystem, or of one folder in it, lists the secrets in them, and says
//! what that costs beside SHA-256 over the same bytes.
//!
//! `cargo run --release -p sluicegate-secrets --example secret_cost -- ROOT [FOLDER]`

#![expect(clippy::print_stdout, reason = "its output is what it is for")]

use std::fs;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use sha2::{Digest, Sha256};
use sluicegate_secrets::{SecretRules, SecretSalt};

/// Bytes of a file that are read; as many as the greatest library.
const MOST: u64 = 256 * 1024 * 1024;

fn main() -> Result<(), Box<dyn std::error::Error>> {
    let root = PathBuf::from(std::env::args().nth(1).ok_or("name a root")?);
    let (rules, salt) = (SecretRules::built_in(), SecretSalt::new(&[7; 32]));
    let (mut files, mut bytes, mut secrets) = (0, 0, 0);
    let (mut finding, mut hashing) = (Duration::ZERO, Duration::ZERO);
    let folder = std::env::args().nth(2).unwrap_or_default();
    let mut folders = vec![root.join(folder)];
    while let Some(folder) = folders.pop() {
        let Ok(entries) = fs::read_dir(&folder) else {
            continue;
        };
        for entry in entries.flatten() {
            let (path, kind) = (entry.path(), entry.file_type()?);
            if kind.is_dir() {
                folders.push(path);
                continue;
            }
            let is_small = entry.metadata().is_ok_and(|data| data.len() <= MOST);
            let Some(content) = (kind.is_file() && is_small).then(|| fs::read(&path).ok()) else {
                continue;
            };
            let content = content.unwrap_or_default();
            let inside = path.strip_prefix(&root).unwrap_or(Path::new(""));
            let inside = inside.to_string_lossy();
            let start = Instant::now();
            let found = rules.find(&salt, &inside, &content);
            finding += start.elapsed();
            let start = Instant::now();
            std::hint::black_box(Sha256::digest(&content));
            hashing += start.elapsed();
            (files, bytes) = (files + 1, bytes + content.len());
            secrets += found.len();
            for secret in found {
                println!(
                    "{}:{}\t{inside}:{}:{}",
                    secret.kind.as_str(),
                    secret.rule,
                    secret.line,
                    secret.column
                );
            }
        }
    }
    let rate = |time: Duration| bytes as f64 / 1e6 / time.as_secs_f64();
    println!(
        "{files} files, {:.1} MB, {secrets} secrets",
        bytes as f64 / 1e6
    );
    println!(
        "secrets {:.0} MB/s, SHA-256 {:.0} MB/s",
        rate(finding),
        rate(hashing)
    );
    Ok(())
}
