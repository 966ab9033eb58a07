//! The plugins that a service's work is done by: fetched from the service by digest, proven, kept, and made
//! the set that it names.

use std::io;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sluicegate_engine::plugins::{ActivePlugins, Plugins};
use sluicegate_linked::task::{PluginNamed, TABLES};
use sluicegate_machine::private;
use sluicegate_model::Digest;
use sluicegate_scanner::fed::{FedError, FedPlugin, MAX_FED};
use sluicegate_scanner::{
    ConfigurationDetector, MalwareDetector, NameTables, PluginSet, SecretDetector, TableError,
};
use sluicegate_wasm::PluginError;

use super::service::{Service, ServiceError};
use crate::fed_plugins::read_file;

/// Most modules kept; then those go that the newest set does not have.
const MOST_KEPT: usize = 2 * MAX_FED;

/// Most of a service: plugins, detectors of the program and tables of names.
const MOST_NAMED: usize = MAX_FED + 5;

/// The plugins of a service, as a scanner has them.
pub(super) struct Modules {
    directory: PathBuf,
    /// The set that was named last.
    last: Mutex<Option<(Vec<PluginNamed>, Arc<ActivePlugins>)>>,
}

/// Says why a set cannot be had.
#[derive(Debug, thiserror::Error)]
pub(super) enum ModuleError {
    /// The service does not give one of it.
    #[error("plugin {name}: {source}")]
    Service {
        /// Which.
        name: String,
        /// What it says.
        source: ServiceError,
    },
    /// What came is not what was named.
    #[error("plugin {name}: the service sent something else than {digest}")]
    Other {
        /// Which.
        name: String,
        /// What was asked for.
        digest: Digest,
    },
    /// What was named is no plugin to this program.
    #[error("plugin {name}: {source}")]
    NoPlugin {
        /// Which.
        name: String,
        /// Why not.
        source: PluginError,
    },
    /// What was named is no table to this program.
    #[error(transparent)]
    NoTable(#[from] TableError),
    /// They make no set.
    #[error(transparent)]
    Set(#[from] FedError),
    /// They cannot be kept.
    #[error("plugins cannot be kept: {0}")]
    Io(#[from] io::Error),
}

impl Modules {
    /// Keeps modules in this directory.
    pub(super) fn new(directory: PathBuf) -> Self {
        Self {
            directory,
            last: Mutex::default(),
        }
    }

    /// Gives the set of these plugins; those that are not here yet come from the service.
    pub(super) async fn set(
        &self,
        named: &[PluginNamed],
        service: &Service,
    ) -> Result<Arc<ActivePlugins>, ModuleError> {
        if named.is_empty() {
            return Ok(ActivePlugins::built_in());
        }
        if named.len() > MOST_NAMED {
            return Err(FedError::TooMany(named.len()).into());
        }
        if let Some(known) = self.known(named) {
            return Ok(known);
        }
        let (mut fed, mut names) = (Vec::<Arc<dyn FedPlugin>>::new(), NameTables::default());
        for plugin in named {
            if plugin.digest.hex() == SecretDetector::digest() {
                let salt = self.salt(plugin, service).await?;
                fed.push(Arc::new(SecretDetector::new(&salt)));
                continue;
            }
            if plugin.digest.hex() == ConfigurationDetector::digest() {
                fed.push(Arc::new(ConfigurationDetector));
                continue;
            }
            if plugin.digest.hex() == MalwareDetector::digest() {
                fed.push(Arc::new(MalwareDetector));
                continue;
            }
            let bytes = match self.kept(&plugin.digest) {
                Some(bytes) => bytes,
                None => self.fetch(plugin, service).await?,
            };
            // What is no table that this program knows is no plugin either.
            let table = plugin.name.strip_prefix(TABLES);
            if let Some(table) = table.filter(|table| NameTables::have(table)) {
                names = with_table(names, table.to_owned(), bytes).await?;
                continue;
            }
            let loaded = tokio::task::spawn_blocking(move || sluicegate_wasm::load(&bytes));
            let loaded = loaded.await.map_err(io::Error::other)?;
            let loaded = loaded.map_err(|source| ModuleError::NoPlugin {
                name: plugin.name.clone(),
                source,
            })?;
            fed.push(Arc::new(loaded));
        }
        let plugins = Plugins::default();
        plugins.take(PluginSet::with_tables(fed, names)?);
        let set = plugins.now();
        tracing::info!(plugins = listed(named), "plugins of the service in force");
        let mut last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        *last = Some((named.to_vec(), Arc::clone(&set)));
        drop(last);
        self.sweep(named);
        Ok(set)
    }

    fn known(&self, named: &[PluginNamed]) -> Option<Arc<ActivePlugins>> {
        let last = self.last.lock().unwrap_or_else(PoisonError::into_inner);
        let (known, set) = last.as_ref()?;
        (known == named).then(|| Arc::clone(set))
    }

    fn place(&self, digest: &Digest) -> PathBuf {
        self.directory.join(format!("{}.wasm", digest.hex()))
    }

    /// Reads a module that is here, where it still is the one that was named.
    fn kept(&self, digest: &Digest) -> Option<Vec<u8>> {
        let bytes = read_file(&self.place(digest)).ok()?;
        (Digest::of(&bytes) == *digest).then_some(bytes)
    }

    /// Asks the service under which salt it hashes secrets: what comes with the program has no file.
    async fn salt(&self, plugin: &PluginNamed, service: &Service) -> Result<[u8; 32], ModuleError> {
        let sent = self.sent(plugin, service).await?;
        <[u8; 32]>::try_from(sent).map_err(|_| other(plugin))
    }

    async fn sent(&self, plugin: &PluginNamed, service: &Service) -> Result<Vec<u8>, ModuleError> {
        let sent = service.plugin(&plugin.digest).await;
        let sent = sent.map_err(|source| ModuleError::Service {
            name: plugin.name.clone(),
            source,
        })?;
        STANDARD.decode(sent.module).map_err(|_| other(plugin))
    }

    async fn fetch(&self, plugin: &PluginNamed, service: &Service) -> Result<Vec<u8>, ModuleError> {
        let digest = &plugin.digest;
        let bytes = self.sent(plugin, service).await?;
        if Digest::of(&bytes) != *digest {
            return Err(other(plugin));
        }
        private::create_dir_all(&self.directory)?;
        private::replace(&self.place(digest), &bytes)?;
        Ok(bytes)
    }

    /// Removes what the newest set does not have, once there is much of it.
    fn sweep(&self, named: &[PluginNamed]) {
        let entries = std::fs::read_dir(&self.directory).into_iter().flatten();
        let paths: Vec<PathBuf> = entries.filter_map(|it| Some(it.ok()?.path())).collect();
        if paths.len() <= MOST_KEPT {
            return;
        }
        let wanted: Vec<PathBuf> = named.iter().map(|it| self.place(&it.digest)).collect();
        for path in paths.iter().filter(|path| !wanted.contains(path)) {
            // It is tried again with the next set.
            let _ = std::fs::remove_file(path);
        }
    }
}

/// Puts a table among those that analyzers go by.
async fn with_table(
    mut names: NameTables,
    table: String,
    bytes: Vec<u8>,
) -> Result<NameTables, ModuleError> {
    let taken = move || names.take(&table, bytes).map(|()| names);
    let taken = tokio::task::spawn_blocking(taken);
    Ok(taken.await.map_err(io::Error::other)??)
}

fn other(plugin: &PluginNamed) -> ModuleError {
    ModuleError::Other {
        name: plugin.name.clone(),
        digest: plugin.digest.clone(),
    }
}

/// Lists plugins for people.
pub(super) fn listed(named: &[PluginNamed]) -> String {
    let named = named.iter();
    let named: Vec<String> = named
        .map(|it| format!("{} {}", it.name, it.version))
        .collect();
    named.join(", ")
}
