//! Where plugins come from: directories of this machine, and feeds that are subscribed to and bring them
//! signed.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::SystemTime;
use std::{fs, io};

use sluicegate_config::{FeedSource, Settings};
use sluicegate_feeds::bundle::Imported;
use sluicegate_feeds::carried::PLUGINS;
use sluicegate_feeds::mirror::directory_of;
use sluicegate_feeds::signed::{folder, offered};
use sluicegate_machine::private;

use crate::fed_origin::{Origin, kept_beside};
use crate::fed_plugins::{FedFileError, Loaded, load_directory, load_file};
use crate::fed_trust::PluginTrust;

/// The file that has the version of the list that came in force last.
const ACCEPTED: &str = "accepted";

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
    /// URLs, each with its copy, whose plugins count that these keys have signed.
    mirrors: Vec<(String, PathBuf)>,
    trust: PluginTrust,
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
    ///
    /// *Errors*: a key of `plugin_trust` cannot be used.
    pub fn of(settings: &Settings) -> Result<Self, FedFileError> {
        let uses_imported = |source: &FeedSource| match source {
            FeedSource::Imported | FeedSource::Usual(_) => true,
            FeedSource::Directory(_) | FeedSource::Url(_) => false,
        };
        let feeds = settings.data.join("feeds");
        let imported = Imported::under(&feeds);
        let trust = PluginTrust::read(&settings.plugin_trust)?;
        let sites = settings.feeds.iter().filter_map(FeedSource::site);
        let mirrors = sites.map(|site| (site.url.to_string(), directory_of(&site.url, &feeds)));
        Ok(Self {
            named: settings.plugin.clone(),
            data: Some(settings.data.clone()),
            imported: settings.feeds.iter().any(uses_imported).then_some(imported),
            // Where nobody is believed nothing is offered.
            mirrors: mirrors.filter(|_| !trust.is_empty()).collect(),
            trust,
        })
    }

    /// Takes just these directories.
    pub fn of_directories(named: Vec<PathBuf>) -> Self {
        Self {
            named,
            data: None,
            imported: None,
            mirrors: Vec::new(),
            trust: PluginTrust::default(),
        }
    }

    /// Names the directory in which the service keeps what it needs.
    pub fn data(&self) -> Option<&Path> {
        self.data.as_deref()
    }

    /// Tells whether anything is subscribed to that may bring plugins.
    pub fn has_subscriptions(&self) -> bool {
        self.imported.is_some() || !self.mirrors.is_empty()
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
        for (url, mirror) in &self.mirrors {
            loaded.extend(self.load_offered(url, mirror)?);
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

    /// Loads what a URL offers, where its list is signed and each file is the one that it has.
    fn load_offered(&self, url: &str, mirror: &Path) -> Result<Vec<Loaded>, FedFileError> {
        let offered = offered(mirror).map_err(|source| FedFileError::Offered {
            url: url.to_owned(),
            source,
        })?;
        let Some(offered) = offered else {
            return Ok(Vec::new());
        };
        let signed_by = self.trust.signers(&offered.text, &offered.signatures);
        if signed_by.is_empty() {
            return Err(FedFileError::Unsigned(url.to_owned()));
        }
        let accepted = accepted(mirror);
        if offered.version < accepted {
            return Err(FedFileError::Rollback {
                url: url.to_owned(),
                offered: offered.version,
                accepted,
            });
        }
        let source = format!("{url} (list {})", offered.version);
        let origin = Origin { source, signed_by };
        let mut loaded = Vec::new();
        for (name, path, digest) in offered.files {
            let plugin = load_file(&path).map_err(|source| FedFileError::Subscribed {
                source: Box::new(source),
                from: format!("{url} ({name})"),
            })?;
            let is_it = plugin.digest() == digest;
            let it = Loaded {
                path,
                plugin: Arc::new(plugin),
                origin: origin.clone(),
            };
            if !is_it || it.file_name() != name {
                let url = url.to_owned();
                return Err(FedFileError::Other { url, name });
            }
            loaded.push(it);
        }
        Ok(loaded)
    }

    /// Remembers which lists of URLs came in force, so that no earlier one takes their place.
    pub fn accept(&self) -> io::Result<()> {
        for (_, mirror) in &self.mirrors {
            let version = offered(mirror).ok().flatten().map(|it| it.version);
            if let Some(version) = version.filter(|it| *it > accepted(mirror)) {
                let text = version.to_string();
                private::replace(&folder(mirror).join(ACCEPTED), text.as_bytes())?;
            }
        }
        Ok(())
    }

    /// Lists what lies in all directories; one that is missing has nothing.
    pub fn seen(&self) -> Vec<Seen> {
        let mut directories = self.named.clone();
        directories.extend(self.data().map(own_directory));
        // What cannot be looked at is told where it is read.
        let subscribed = self.subscribed().unwrap_or_default().into_iter();
        directories.extend(subscribed.map(|it| it.directory));
        directories.extend(self.mirrors.iter().map(|(_, mirror)| folder(mirror)));
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

/// Gives the version of the list of a URL that came in force last; 0 where none did.
fn accepted(mirror: &Path) -> u64 {
    let text = fs::read_to_string(folder(mirror).join(ACCEPTED));
    text.ok()
        .and_then(|text| text.trim().parse().ok())
        .unwrap_or_default()
}

fn file(path: &Path) -> io::Result<Seen> {
    let metadata = fs::metadata(path)?;
    Ok(Seen {
        path: path.to_owned(),
        bytes: metadata.len(),
        changed: metadata.modified().ok(),
    })
}
