//! Which fed plugins are in force: loads their directories, notices changes, swaps the set as a whole.
//!
//! A set with a mistake never comes in force: the last good one stays, and the mistake is shown.

use std::path::{Path, PathBuf};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, SystemTime};
use std::{fs, io};

use sluicegate_engine::plugins::Plugins;
use sluicegate_scanner::PluginSet;
use sluicegate_scanner::fed::FedPlugin;

use crate::fed_plugins::{FedFileError, load_directory};

/// How often the directories are looked at.
const POLL: Duration = Duration::from_secs(2);

/// Names the directory of the plugins that `plugins add` puts in force.
pub fn own_directory(data: &Path) -> PathBuf {
    data.join("plugins")
}

/// The fed plugins, and where they come from.
#[derive(Debug)]
pub struct FedPlugins {
    directories: Vec<PathBuf>,
    plugins: Plugins,
    /// An upstream whose images a scanner elsewhere reads: it is not sent any plugins.
    elsewhere: Option<String>,
    /// What was there when they were read last.
    seen: Mutex<Vec<Seen>>,
    last_error: Mutex<Option<String>>,
}

/// A file as it is told from another in its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
struct Seen {
    path: PathBuf,
    bytes: u64,
    changed: Option<SystemTime>,
}

impl FedPlugins {
    /// Takes the plugins of these directories in force, and those that were added to the service. One
    /// with a mistake is an error: whoever starts must not read images without it unnoticed. `elsewhere`
    /// is an upstream whose images another scanner reads.
    pub fn load(
        named: &[PathBuf],
        data: &Path,
        plugins: Plugins,
        elsewhere: Option<String>,
    ) -> Result<Arc<Self>, FedFileError> {
        let directories = [named, &[own_directory(data)]].concat();
        let seen = seen(&directories);
        let fed = Self {
            directories,
            plugins,
            elsewhere,
            seen: Mutex::new(seen),
            last_error: Mutex::default(),
        };
        fed.take()?;
        Ok(Arc::new(fed))
    }

    /// Tells why the newest files are not in force, where they are not.
    pub fn last_error(&self) -> Option<String> {
        let last = self.last_error.lock();
        last.unwrap_or_else(PoisonError::into_inner).clone()
    }

    /// Looks at the directories until the program ends.
    pub async fn watch(self: Arc<Self>) {
        loop {
            tokio::time::sleep(POLL).await;
            let fed = Arc::clone(&self);
            if let Err(panic) = tokio::task::spawn_blocking(move || fed.look()).await {
                tracing::error!(%panic, "plugins are not looked at");
            }
        }
    }

    /// Takes what is there in force, if it is not what was there.
    pub fn look(&self) {
        let found = seen(&self.directories);
        let mut known = self.seen.lock().unwrap_or_else(PoisonError::into_inner);
        if *known == found {
            return;
        }
        *known = found;
        let taken = self.take();
        let mut last = self
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match taken {
            Ok(()) => *last = None,
            Err(error) => {
                tracing::error!(%error, "plugins have a mistake; the last good set stays in force");
                *last = Some(error.to_string());
            }
        }
    }

    /// Tells whether a directory is to be read: the service's own is made with its first plugin.
    fn has_to_be(&self, directory: &PathBuf) -> bool {
        self.directories.last() != Some(directory) || directory.is_dir()
    }

    fn take(&self) -> Result<(), FedFileError> {
        let mut fed: Vec<Arc<dyn FedPlugin>> = Vec::new();
        for directory in self.directories.iter().filter(|it| self.has_to_be(it)) {
            for (_, plugin) in load_directory(directory)? {
                fed.push(Arc::new(plugin));
            }
        }
        if let Some(upstream) = self.elsewhere.as_ref().filter(|_| !fed.is_empty()) {
            return Err(FedFileError::Elsewhere(upstream.clone()));
        }
        let names: Vec<String> = fed
            .iter()
            .map(|plugin| format!("{} {}", plugin.id().name, plugin.id().version))
            .collect();
        let set = PluginSet::with_fed(fed)?;
        if self.plugins.take(set) {
            tracing::info!(plugins = names.join(", "), "plugins in force");
        }
        Ok(())
    }
}

/// Lists what lies in the directories; one that is missing has nothing.
fn seen(directories: &[PathBuf]) -> Vec<Seen> {
    let mut seen = Vec::new();
    for directory in directories {
        // What cannot be looked at is told where it is read.
        let entries = fs::read_dir(directory).into_iter().flatten();
        let files = entries.filter_map(|entry| file(&entry.ok()?.path()).ok());
        seen.extend(files);
    }
    seen.sort();
    seen
}

fn file(path: &Path) -> io::Result<Seen> {
    let metadata = fs::metadata(path)?;
    Ok(Seen {
        path: path.to_owned(),
        bytes: metadata.len(),
        changed: metadata.modified().ok(),
    })
}
