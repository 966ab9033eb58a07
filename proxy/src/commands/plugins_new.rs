//! `sluicegate plugins new`: a Rust project that builds to a plugin.

use std::fs;
use std::io::Write;
use std::path::{Path, PathBuf};

use clap::Args;
use sluicegate_wasm::{Manifest, namespace};

use super::CommandError;

pub(super) const HELP: &str = "Example:\n  \
    sluicegate plugins new acme\n  \
    cd acme && cargo build --release --target wasm32-unknown-unknown";

/// The project's files, in which the plugin's name and namespace are filled in.
const FILES: [(&str, &str); 4] = [
    ("Cargo.toml", include_str!("plugins_new/Cargo.toml.txt")),
    ("plugin.json", include_str!("plugins_new/plugin.json.txt")),
    ("src/lib.rs", include_str!("plugins_new/lib.rs.txt")),
    ("src/guest.rs", include_str!("plugins_new/guest.rs.txt")),
];

/// What to begin.
#[derive(Args, Debug)]
pub struct NewArgs {
    /// The plugin's name: lower-case letters, digits and `_`
    name: String,
    /// Where the project goes; it must not be there yet
    #[arg(long, value_name = "DIR")]
    directory: Option<PathBuf>,
}

/// Writes the project.
pub(super) fn run(args: &NewArgs, out: &mut impl Write) -> Result<(), CommandError> {
    let name = &args.name;
    let filled = FILES.map(|(file, text)| (file, filled(text, name)));
    let manifest = filled.iter().find(|(file, _)| *file == "plugin.json");
    let manifest = manifest.map(|(_, text)| text.as_bytes());
    Manifest::read(manifest.unwrap_or_default())
        .map_err(|error| CommandError::Usage(error.to_string()))?;
    let directory = args.directory.clone().unwrap_or_else(|| name.into());
    let failed = |path: &Path, error: &std::io::Error| {
        CommandError::Failed(format!("cannot write {}: {error}", path.display()))
    };
    fs::create_dir(&directory).map_err(|error| failed(&directory, &error))?;
    let sources = directory.join("src");
    fs::create_dir(&sources).map_err(|error| failed(&sources, &error))?;
    for (file, text) in filled {
        let path = directory.join(file);
        fs::write(&path, text).map_err(|error| failed(&path, &error))?;
    }
    let place = directory.display();
    writeln!(
        out,
        "{place}: what it claims is in plugin.json, what it finds in src/lib.rs"
    )?;
    writeln!(
        out,
        "build:  cd {place} && cargo build --release --target wasm32-unknown-unknown"
    )?;
    let built = format!("target/wasm32-unknown-unknown/release/{name}.wasm");
    Ok(writeln!(
        out,
        "try:    sluicegate plugins test {built} DIR"
    )?)
}

fn filled(text: &str, name: &str) -> String {
    let namespace = namespace(name);
    let text = text.replace("@NAMESPACE@", namespace.trim_end_matches('-'));
    text.replace("@NAME@", name)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_project_is_written_once() {
        let place = tempfile::tempdir().unwrap();
        let args = |name: &str| NewArgs {
            name: name.to_owned(),
            directory: Some(place.path().join("acme")),
        };
        let refused = run(&args("Acme"), &mut Vec::new()).unwrap_err();
        assert_eq!(refused.exit_code(), 2);
        run(&args("acme_x"), &mut Vec::new()).unwrap();
        for (file, _) in FILES {
            let text = fs::read_to_string(place.path().join("acme").join(file)).unwrap();
            assert!(!text.contains("@NAME"), "{file}");
        }
        let again = run(&args("acme_x"), &mut Vec::new()).unwrap_err();
        assert_eq!(again.exit_code(), 3);
    }
}
