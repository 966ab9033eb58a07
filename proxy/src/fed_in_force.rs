//! Which fed plugins are in force: loads them, notices changes, swaps the set as a whole. Detectors of the
//! program are of it while a rule of policy, or a list of malicious files, asks for what they find.
//!
//! A set with a mistake never comes in force: the last good one stays, and the mistake is shown. What a
//! subscription brings is kept, so that it stays over a restart as well.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};
use std::time::Duration;

use sluicegate_engine::plugins::Plugins;
use sluicegate_feeds::ReadingAsked;
use sluicegate_model::Digest;
use sluicegate_model::clock::Clock;
use sluicegate_scanner::fed::{FedError, FedPlugin};
use sluicegate_scanner::{NameTables, SecretDetector};

use crate::fed_counts::{Count, Counts};
use crate::fed_held::Held;
use crate::fed_kept::Kept;
use crate::fed_origin::Origin;
use crate::fed_plugins::{FedFileError, Loaded, read_file};
use crate::fed_sources::{FedSources, Seen};
use crate::looks_for::LooksFor;

/// How often the sources are looked at.
const POLL: Duration = Duration::from_secs(2);

/// The fed plugins, and where they come from.
#[derive(Debug)]
pub struct FedPlugins {
    sources: FedSources,
    plugins: Plugins,
    /// Where what subscriptions bring is kept; none for a command, which changes nothing.
    kept: Option<Kept>,
    counts: Counts,
    held: Mutex<Held>,
    /// What was there when they were read last.
    seen: Mutex<Vec<Seen>>,
    /// Where each in force came from, by name.
    origins: Mutex<BTreeMap<String, Origin>>,
    /// The files of those in force, by SHA-256.
    files: Mutex<BTreeMap<String, PathBuf>>,
    last_error: Mutex<Option<String>>,
}

impl FedPlugins {
    /// Takes the plugins of these sources in force, for a service. One of this machine with a mistake is
    /// an error: whoever starts must not read images without it unnoticed. Where what a subscription
    /// brings has one, what it brought before stays.
    pub fn load(
        sources: FedSources,
        plugins: Plugins,
        clock: Clock,
    ) -> Result<Arc<Self>, FedFileError> {
        let kept = sources.data().map(Kept::under);
        Self::start(sources, plugins, kept, clock)
    }

    /// Takes the plugins of these sources in force for one command: every mistake is an error.
    pub fn load_once(
        sources: FedSources,
        plugins: Plugins,
        clock: Clock,
    ) -> Result<Arc<Self>, FedFileError> {
        Self::start(sources, plugins, None, clock)
    }

    fn start(
        sources: FedSources,
        plugins: Plugins,
        kept: Option<Kept>,
        clock: Clock,
    ) -> Result<Arc<Self>, FedFileError> {
        let seen = sources.seen();
        let fed = Self {
            sources,
            plugins,
            kept,
            counts: Counts::new(clock),
            held: Mutex::default(),
            seen: Mutex::new(seen),
            origins: Mutex::default(),
            files: Mutex::default(),
            last_error: Mutex::default(),
        };
        match (fed.take(), &fed.kept) {
            (Ok(()), _) => {}
            (Err(error), Some(kept)) if fed.sources.has_subscriptions() => {
                let own = fed.sources.load_own()?;
                fed.put(&own, &kept.load()?)?;
                fed.note(&error);
            }
            (Err(error), _) => return Err(error),
        }
        Ok(Arc::new(fed))
    }

    /// Tells why the newest files are not in force, where they are not.
    pub fn last_error(&self) -> Option<String> {
        locked(&self.last_error).clone()
    }

    /// Tells where the plugin of a name came from.
    pub fn origin(&self, name: &str) -> Option<Origin> {
        locked(&self.origins).get(name).cloned()
    }

    /// Tells what was seen of the plugin with this SHA-256.
    pub fn count(&self, digest: &str) -> Count {
        self.counts.count(digest)
    }

    /// Reads the file of a plugin or a table of names in force; none where it is not, or another file lies
    /// there. Of the detector of secrets, which has no file, it is the salt.
    pub fn module(&self, digest: &Digest) -> Option<Vec<u8>> {
        if digest.hex() == SecretDetector::digest() {
            return locked(&self.held).salt().map(Vec::from);
        }
        if let Some(table) = locked(&self.held).table(digest.hex()) {
            return Some(table);
        }
        let path = locked(&self.files).get(digest.hex()).cloned()?;
        let bytes = read_file(&path).ok()?;
        (Digest::of(&bytes) == *digest).then_some(bytes)
    }

    /// Says under which salt secrets are hashed.
    pub fn hash_secrets_under(&self, salt: &[u8; 32]) {
        locked(&self.held).hash_secrets_under(salt);
    }

    /// Takes detectors in force beside those that are.
    pub fn look_for_as_well(&self, more: LooksFor) -> Result<(), FedError> {
        self.switch(|are| are.and(more))
    }

    /// Takes the detectors that policies ask for in force, and the others out of it; that of malicious
    /// files stays as it is.
    pub fn look_for(&self, wanted: LooksFor) -> Result<(), FedError> {
        self.switch(|are| LooksFor {
            malware: are.malware,
            ..wanted
        })
    }

    /// Has layers read as knowledge asks: the digests of files are kept for lists of malicious ones, or no
    /// more, and analyzers go by its tables of names.
    pub fn read_for(&self, asked: ReadingAsked) -> Result<(), FedError> {
        let malware = asked.hashes;
        self.switch_by(Some(asked.names), |are| LooksFor { malware, ..are })
    }

    /// Takes tables of names in force, for one command.
    pub fn go_by(&self, names: NameTables) -> Result<(), FedError> {
        self.switch_by(Some(names), |are| are)
    }

    fn switch(&self, change: impl FnOnce(LooksFor) -> LooksFor) -> Result<(), FedError> {
        self.switch_by(None, change)
    }

    /// Takes other detectors, or tables of names, in force. What was judged before is judged anew.
    fn switch_by(
        &self,
        names: Option<NameTables>,
        change: impl FnOnce(LooksFor) -> LooksFor,
    ) -> Result<(), FedError> {
        let mut held = locked(&self.held);
        let wanted = change(held.looks_for);
        let names = names.unwrap_or_else(|| held.names.clone());
        if held.looks_for == wanted && held.names == names {
            return Ok(());
        }
        (held.looks_for, held.names) = (wanted, names);
        if self.plugins.take(held.set()?) {
            let LooksFor {
                secrets,
                configuration,
                malware,
            } = wanted;
            let tables = held.names.fed().count();
            tracing::info!(
                secrets,
                configuration,
                malware,
                tables,
                "detectors and fed tables of names are switched"
            );
        }
        Ok(())
    }

    /// Looks at the sources until the program ends.
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
        let found = self.sources.seen();
        let mut known = locked(&self.seen);
        if *known == found {
            return;
        }
        *known = found;
        match self.take() {
            Ok(()) => *locked(&self.last_error) = None,
            Err(error) => self.note(&error),
        }
    }

    fn note(&self, error: &FedFileError) {
        tracing::error!(%error, "plugins have a mistake; the last good set stays in force");
        *locked(&self.last_error) = Some(error.to_string());
    }

    fn take(&self) -> Result<(), FedFileError> {
        let own = self.sources.load_own()?;
        let subscribed = self.sources.load_subscribed()?;
        self.put(&own, &subscribed)?;
        if let Some(kept) = &self.kept
            && let Err(error) = kept.keep(&subscribed)
        {
            tracing::error!(%error, "plugins of subscriptions are not kept for the next start");
        }
        if self.kept.is_some()
            && let Err(error) = self.sources.accept()
        {
            tracing::error!(%error, "it is not kept which lists of plugins were in force");
        }
        Ok(())
    }

    /// Takes these in force, as one set.
    fn put(&self, own: &[Loaded], subscribed: &[Loaded]) -> Result<(), FedFileError> {
        let loaded = || own.iter().chain(subscribed);
        let origins = origins(loaded())?;
        let fed: Vec<Arc<dyn FedPlugin>> = loaded()
            .map(|it| self.counts.of(Arc::clone(&it.plugin) as Arc<dyn FedPlugin>))
            .collect();
        let names: Vec<String> = fed
            .iter()
            .map(|plugin| format!("{} {}", plugin.id().name, plugin.id().version))
            .collect();
        self.counts.keep(&fed);
        let mut held = locked(&self.held);
        let next = held.with(fed);
        let set = next.set()?;
        *held = next;
        if self.plugins.take(set) {
            tracing::info!(plugins = names.join(", "), "plugins in force");
        }
        *locked(&self.origins) = origins;
        let files = loaded().map(|it| (it.plugin.digest().to_owned(), it.path.clone()));
        *locked(&self.files) = files.collect();
        Ok(())
    }
}

/// Tells where each came from, by name; two of one name make no set.
fn origins<'a>(
    loaded: impl Iterator<Item = &'a Loaded>,
) -> Result<BTreeMap<String, Origin>, FedFileError> {
    let mut origins: BTreeMap<String, Origin> = BTreeMap::new();
    for it in loaded {
        let name = &it.plugin.manifest().name;
        if let Some(one) = origins.insert(name.clone(), it.origin.clone()) {
            return Err(FedFileError::Twice {
                name: name.clone(),
                one: one.source,
                other: it.origin.source.clone(),
            });
        }
    }
    Ok(origins)
}

fn locked<T>(mutex: &Mutex<T>) -> MutexGuard<'_, T> {
    mutex.lock().unwrap_or_else(PoisonError::into_inner)
}

#[cfg(test)]
mod tests;
