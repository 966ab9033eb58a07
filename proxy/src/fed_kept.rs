//! The plugins that subscriptions brought last and that were in force, kept for the next start: where what
//! a subscription brings has a mistake by then, they stay.

use std::fs;
use std::io;
use std::path::{Path, PathBuf};

use sha2::Digest as _;
use sluicegate_machine::private;

use crate::fed_origin::kept_beside;
use crate::fed_plugins::{FedFileError, Loaded, load_directory, read_file};

/// The directory's name in the data directory.
const FOLDER: &str = "subscribed-plugins";
/// Written last: what lies beside it is whole.
const WHOLE: &str = "whole";

/// Where they are kept.
#[derive(Clone, Debug)]
pub struct Kept {
    directory: PathBuf,
    beside: PathBuf,
}

impl Kept {
    /// Names the place in a data directory; touches nothing.
    pub fn under(data: &Path) -> Self {
        Self {
            directory: data.join(FOLDER),
            beside: data.join(format!("{FOLDER}.new")),
        }
    }

    /// Loads what is kept; nothing where nothing is.
    pub fn load(&self) -> Result<Vec<Loaded>, FedFileError> {
        let places = [&self.directory, &self.beside];
        let Some(place) = places.into_iter().find(|it| it.join(WHOLE).is_file()) else {
            return Ok(Vec::new());
        };
        let loaded = load_directory(place)?.into_iter();
        let loaded = loaded.map(|(path, plugin)| Loaded {
            origin: kept_beside(&path, plugin.digest()).unwrap_or_default(),
            path,
            plugin,
        });
        Ok(loaded.collect())
    }

    /// Keeps these in place of those before, unless they are the same.
    pub fn keep(&self, plugins: &[Loaded]) -> io::Result<()> {
        if self.has(plugins) {
            return Ok(());
        }
        remove(&self.beside)?;
        if plugins.is_empty() {
            return remove(&self.directory);
        }
        private::create_dir_all(&self.beside)?;
        for plugin in plugins {
            self.write(plugin)?;
        }
        private::replace(&self.beside.join(WHOLE), b"")?;
        remove(&self.directory)?;
        fs::rename(&self.beside, &self.directory)
    }

    /// Tells whether just these are kept.
    fn has(&self, plugins: &[Loaded]) -> bool {
        let name = |it: &Loaded| (it.plugin.digest().to_owned(), it.origin.clone());
        let known = self.load();
        known.is_ok_and(|known| known.iter().map(name).eq(plugins.iter().map(name)))
    }

    fn write(&self, plugin: &Loaded) -> io::Result<()> {
        let place = self.beside.join(plugin.file_name());
        let bytes = read_file(&plugin.path)?;
        let digest = plugin.plugin.digest();
        if hex::encode(sha2::Sha256::digest(&bytes)) != digest {
            let why = format!("{} has changed meanwhile", plugin.path.display());
            return Err(io::Error::other(why));
        }
        private::replace(&place, &bytes)?;
        plugin.origin.keep_beside(&place, digest)
    }
}

fn remove(directory: &Path) -> io::Result<()> {
    match fs::remove_dir_all(directory) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
        _ => Ok(()),
    }
}
