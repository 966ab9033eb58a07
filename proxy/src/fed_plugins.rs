//! Plugins that lie in files: one, or all of a directory, loaded whole or not at all.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};

use sluicegate_scanner::fed::{FedError, MAX_FED};
use sluicegate_wasm::limits::MAX_MODULE_BYTES;
use sluicegate_wasm::{PluginError, WasmPlugin, load};

/// How the names of plugins' files end.
const ENDING: &str = "wasm";

/// Says why plugins could not be taken from files.
#[derive(Debug, thiserror::Error)]
pub enum FedFileError {
    /// The file or directory cannot be read.
    #[error("cannot read {}: {source}", path.display())]
    Unreadable {
        /// Which.
        path: PathBuf,
        /// What went wrong.
        source: std::io::Error,
    },
    /// The file is no plugin.
    #[error("{}: {}", path.display(), whole(source))]
    NoPlugin {
        /// Which.
        path: PathBuf,
        /// Why not.
        source: PluginError,
    },
    /// The file is not called as its plugin is.
    #[error("{}: the plugin in it is called {name}, so the file has to be {name}.wasm", path.display())]
    Misnamed {
        /// Which.
        path: PathBuf,
        /// The plugin's name.
        name: String,
    },
    /// They make no set.
    #[error(transparent)]
    Set(#[from] FedError),
    /// Images are read elsewhere.
    #[error(
        "images of upstream {0} are read by a linked scanner, which is not sent any plugins: take the \
         plugins away, or the scan_by"
    )]
    Elsewhere(String),
    /// The directory has too many plugins.
    #[error("{} has more than {MAX_FED} plugins", .0.display())]
    TooMany(PathBuf),
}

/// Loads the plugin in a file.
pub fn load_file(path: &Path) -> Result<WasmPlugin, FedFileError> {
    let unreadable = |source| FedFileError::Unreadable {
        path: path.to_owned(),
        source,
    };
    let file = File::open(path).map_err(unreadable)?;
    let most = u64::try_from(MAX_MODULE_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    // One byte over the bound is enough to be refused for it.
    file.take(most.saturating_add(1))
        .read_to_end(&mut bytes)
        .map_err(unreadable)?;
    load(&bytes).map_err(|source| FedFileError::NoPlugin {
        path: path.to_owned(),
        source,
    })
}

/// Loads every plugin of a directory, ordered by the names of their files.
pub fn load_directory(directory: &Path) -> Result<Vec<(PathBuf, WasmPlugin)>, FedFileError> {
    let unreadable = |source| FedFileError::Unreadable {
        path: directory.to_owned(),
        source,
    };
    let mut paths = Vec::new();
    for entry in std::fs::read_dir(directory).map_err(unreadable)? {
        let path = entry.map_err(unreadable)?.path();
        if path.extension().is_some_and(|ending| ending == ENDING) {
            paths.push(path);
        }
        if paths.len() > MAX_FED {
            return Err(FedFileError::TooMany(directory.to_owned()));
        }
    }
    paths.sort();
    let load_named = |path: PathBuf| {
        let plugin = load_file(&path)?;
        let name = &plugin.manifest().name;
        if path.file_stem().is_none_or(|stem| stem != name.as_str()) {
            let name = name.clone();
            return Err(FedFileError::Misnamed { path, name });
        }
        Ok((path, plugin))
    };
    paths.into_iter().map(load_named).collect()
}

/// Gives an error with what is behind it.
fn whole(error: &PluginError) -> String {
    match std::error::Error::source(error) {
        Some(source) => format!("{error}: {source}"),
        None => error.to_string(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_is_no_plugin_is_named_with_its_file() {
        let directory = tempfile::tempdir().unwrap();
        assert_eq!(load_directory(directory.path()).unwrap().len(), 0);
        std::fs::write(directory.path().join("notes.txt"), "x").unwrap();
        std::fs::write(directory.path().join("bad.wasm"), "x").unwrap();
        let error = load_directory(directory.path()).unwrap_err().to_string();
        assert!(
            error.contains("bad.wasm: the file is no WebAssembly module"),
            "{error}"
        );
        let missing = load_file(&directory.path().join("none.wasm")).unwrap_err();
        assert!(matches!(missing, FedFileError::Unreadable { .. }));
    }
}
