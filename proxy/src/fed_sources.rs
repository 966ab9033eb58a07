//! Where plugins come from: directories of this machine, and feeds that are subscribed to and bring them
//! signed.

use std::path::{Path, PathBuf};
use std::time::SystemTime;
use std::{fs, io};

use sluicegate_config::{FeedSource, Settings};
use sluicegate_feeds::bundle::Imported;
use sluicegate_feeds::carried::PLUGINS;

use crate::fed_origin::{Origin, kept_beside};
use crate::fed_plugins::{FedFileError, Loaded, load_directory};

/// Names the directory of the plugins that `plugins add` puts in force.
pub fn own_directory(data: &Path) -> PathBuf {
    data.join("plugins")
}

/// The directories and subscriptions that plugins come from.
#[derive(Clone, Debug)]
pub struct FedSources {
    named: Vec<PathBuf>,
    /// The service's own; none of a look at some directories.
    data: Option<PathBuf>,
    /// Where the feeds use what is imported.
    imported: Option<Imported>,
}

/// A directory with plugins that are signed, and by whom.
struct Subscribed {
    directory: PathBuf,
    origin: Origin,
}

/// A file as it is told from another in its place.
#[derive(Clone, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub struct Seen {
    path: PathBuf,
    bytes: u64,
    changed: Option<SystemTime>,
}

impl FedSources {
    /// Takes the sources that a service or command of these settings has.
    pub fn of(settings: &Settings) -> Self {
        let uses_imported = |source: &FeedSource| match source {
            FeedSource::Imported | FeedSource::Usual(_) => true,
            FeedSource::Directory(_) | FeedSource::Url(_) => false,
        };
        let imported = Imported::under(&settings.data.join("feeds"));
        Self {
            named: settings.plugin.clone(),
            data: Some(settings.data.clone()),
            imported: settings.feeds.iter().any(uses_imported).then_some(imported),
        }
    }

    /// Takes just these directories.
    pub fn of_directories(named: Vec<PathBuf>) -> Self {
        Self {
            named,
            data: None,
            imported: None,
        }
    }

    /// Names the directory in which the service keeps what it needs.
    pub fn data(&self) -> Option<&Path> {
        self.data.as_deref()
    }

    /// Tells whether anything is subscribed to that may bring plugins.
    pub fn has_subscriptions(&self) -> bool {
        self.imported.is_some()
    }

    /// Loads the plugins of this machine's directories.
    ///
    /// *Errors*: one has a mistake, or a directory that was named cannot be read.
    pub fn load_own(&self) -> Result<Vec<Loaded>, FedFileError> {
        let mut loaded = Vec::new();
        for directory in &self.named {
            let source = directory.display().to_string();
            let plugins = load_directory(directory)?.into_iter();
            loaded.extend(plugins.map(|(path, plugin)| Loaded {
                path,
                plugin,
                origin: Origin::unsigned(source.clone()),
            }));
        }
        let added = self.data().map(own_directory);
        // It is made with its first plugin.
        if let Some(added) = added.filter(|it| it.is_dir()) {
            for (path, plugin) in load_directory(&added)? {
                let origin = kept_beside(&path, plugin.digest());
                let origin = origin.unwrap_or_else(|| Origin::unsigned("added".to_owned()));
                loaded.push(Loaded {
                    path,
                    plugin,
                    origin,
                });
            }
        }
        Ok(loaded)
    }

    /// Loads the plugins that come with subscriptions.
    ///
    /// *Errors*: one has a mistake, or it is not known what is subscribed to.
    pub fn load_subscribed(&self) -> Result<Vec<Loaded>, FedFileError> {
        let mut loaded = Vec::new();
        for Subscribed { directory, origin } in self.subscribed()? {
            let plugins = load_directory(&directory);
            let plugins = plugins.map_err(|source| FedFileError::Subscribed {
                source: Box::new(source),
                from: origin.source.clone(),
            })?;
            loaded.extend(plugins.into_iter().map(|(path, plugin)| Loaded {
                path,
                plugin,
                origin: origin.clone(),
            }));
        }
        Ok(loaded)
    }

    /// Lists the directories of subscriptions that have any plugin.
    fn subscribed(&self) -> Result<Vec<Subscribed>, FedFileError> {
        let mut subscribed = Vec::new();
        let current = self.imported.as_ref().map(Imported::current).transpose()?;
        if let Some((snapshot, place)) = current.flatten() {
            subscribed.push(Subscribed {
                directory: place.join(PLUGINS),
                origin: Origin {
                    source: format!("feed bundle {}", snapshot.version),
                    signed_by: snapshot.signed_by,
                },
            });
        }
        subscribed.retain(|it| it.directory.is_dir());
        Ok(subscribed)
    }

    /// Lists what lies in all directories; one that is missing has nothing.
    pub fn seen(&self) -> Vec<Seen> {
        let mut directories = self.named.clone();
        directories.extend(self.data().map(own_directory));
        // What cannot be looked at is told where it is read.
        let subscribed = self.subscribed().unwrap_or_default().into_iter();
        directories.extend(subscribed.map(|it| it.directory));
        let mut seen = Vec::new();
        for directory in &directories {
            let entries = fs::read_dir(directory).into_iter().flatten();
            let files = entries.filter_map(|entry| file(&entry.ok()?.path()).ok());
            seen.extend(files);
        }
        seen.sort();
        seen
    }
}

fn file(path: &Path) -> io::Result<Seen> {
    let metadata = fs::metadata(path)?;
    Ok(Seen {
        path: path.to_owned(),
        bytes: metadata.len(),
        changed: metadata.modified().ok(),
    })
}
