//! Plugins that lie in files: one, or all of a directory, loaded whole or not at all.

use std::fs::File;
use std::io::{self, Read as _};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use sluicegate_feeds::bundle::BundleError;
use sluicegate_feeds::signed::ListError;
use sluicegate_scanner::fed::{FedError, MAX_FED};
use sluicegate_wasm::limits::MAX_MODULE_BYTES;
use sluicegate_wasm::{PluginError, WasmPlugin, load};

use crate::fed_origin::Origin;
use crate::fed_trust::TrustError;

/// How the names of plugins' files end.
const ENDING: &str = "wasm";

/// A plugin that was loaded from a file, and where it came from.
#[derive(Debug)]
pub struct Loaded {
    /// The file.
    pub path: PathBuf,
    /// The plugin.
    pub plugin: Arc<WasmPlugin>,
    /// Where it came from, and who signed it.
    pub origin: Origin,
}

impl Loaded {
    /// Names the file of such a plugin in a directory of plugins.
    pub fn file_name(&self) -> String {
        format!("{}.{ENDING}", self.plugin.manifest().name)
    }
}

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
    /// What a subscription brings has a mistake.
    #[error("plugins of {from}: {source}")]
    Subscribed {
        /// What is wrong.
        source: Box<FedFileError>,
        /// Which subscription.
        from: String,
    },
    /// It cannot be told what the imported bundle brings.
    #[error("plugins of the imported feed bundle: {0}")]
    Bundle(#[source] Box<BundleError>),
    /// A key of the settings cannot be used.
    #[error(transparent)]
    Trust(#[from] TrustError),
    /// What a URL offers cannot be read.
    #[error("plugins of {url}: {source}")]
    Offered {
        /// Which.
        url: String,
        /// What is wrong.
        source: ListError,
    },
    /// Nobody who is believed has signed what a URL offers.
    #[error("plugins of {0}: their list is signed by none of the keys of plugin_trust")]
    Unsigned(String),
    /// A URL offers less than it did.
    #[error(
        "plugins of {url}: their list has version {offered}, and {accepted} was in force before"
    )]
    Rollback {
        /// Which.
        url: String,
        /// What it offers.
        offered: u64,
        /// What it offered before.
        accepted: u64,
    },
    /// A file is another than the list has.
    #[error("plugins of {url}: {name} is not the file that was signed")]
    Other {
        /// Which.
        url: String,
        /// The file.
        name: String,
    },
    /// Two have one name.
    #[error(
        "two plugins are called {name}, that of {one} and that of {other}: take one of them away"
    )]
    Twice {
        /// The name.
        name: String,
        /// Where one came from.
        one: String,
        /// Where the other did.
        other: String,
    },
    /// They make no set.
    #[error(transparent)]
    Set(#[from] FedError),
    /// The directory has too many plugins.
    #[error("{} has more than {MAX_FED} plugins", .0.display())]
    TooMany(PathBuf),
}

impl From<BundleError> for FedFileError {
    fn from(error: BundleError) -> Self {
        Self::Bundle(Box::new(error))
    }
}

/// Reads a file that may be a plugin; of one that is too large, as much as shows that.
pub fn read_file(path: &Path) -> io::Result<Vec<u8>> {
    let most = u64::try_from(MAX_MODULE_BYTES).unwrap_or(u64::MAX);
    let mut bytes = Vec::new();
    let file = File::open(path)?;
    file.take(most.saturating_add(1)).read_to_end(&mut bytes)?;
    Ok(bytes)
}

/// Loads the plugin in a file.
pub fn load_file(path: &Path) -> Result<WasmPlugin, FedFileError> {
    let bytes = read_file(path).map_err(|source| FedFileError::Unreadable {
        path: path.to_owned(),
        source,
    })?;
    load(&bytes).map_err(|source| FedFileError::NoPlugin {
        path: path.to_owned(),
        source,
    })
}

/// Loads every plugin of a directory, ordered by the names of their files.
pub fn load_directory(directory: &Path) -> Result<Vec<(PathBuf, Arc<WasmPlugin>)>, FedFileError> {
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
        Ok((path, Arc::new(plugin)))
    };
    paths.into_iter().map(load_named).collect()
}

/// Gives an error with what is behind it.
pub fn whole(error: &PluginError) -> String {
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
