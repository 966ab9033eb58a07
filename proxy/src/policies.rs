//! Which policy set is current: loads files, notices changes, swaps the set as a whole.
//!
//! A set with a mistake never becomes current: the last good one stays, and the mistake is shown.

mod attached;
mod files;

use std::io;
use std::path::PathBuf;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use arc_swap::ArcSwap;
use sluicegate_model::clock::Clock;
use sluicegate_model::{Digest, Scope};
use sluicegate_policy::{ListedException, LoadErrors, PolicySet, SourceFile};

use sluicegate_local::decisions::{PolicyRecord, RecordError, TextsError};
use sluicegate_scanner::fed::FedError;

use crate::fed_in_force::FedPlugins;
use crate::looks_for::LooksFor;

pub use files::{PolicyFiles, read_all};

/// How often files are looked at: an exception is in force well within ten seconds.
const POLL: Duration = Duration::from_secs(2);

/// The current policy set and where it came from.
#[derive(Debug)]
pub struct Policies {
    paths: Vec<PathBuf>,
    current: ArcSwap<PolicySet>,
    revision: AtomicU64,
    read: Mutex<ReadFiles>,
    unread: Mutex<Vec<String>>,
    last_error: Mutex<Option<String>>,
    /// Where it is written down which set is in force; nowhere for a command.
    record: OnceLock<PolicyRecord>,
    /// Where detectors are switched that rules ask for.
    detectors: OnceLock<Arc<FedPlugins>>,
    /// What a delegated directory allows has to end soon enough.
    clock: Clock,
}

/// What the current set was made of.
#[derive(Debug)]
struct ReadFiles {
    files: Vec<SourceFile>,
    /// Of the files that those name the digest: they can be long.
    attached: Digest,
}

impl ReadFiles {
    fn of(read: PolicyFiles) -> Self {
        Self {
            attached: attached::digest_of(&read.attached),
            files: read.files,
        }
    }

    fn is(&self, read: &PolicyFiles) -> bool {
        self.files == read.files && self.attached == attached::digest_of(&read.attached)
    }
}

/// Says why policies cannot be loaded.
#[derive(Debug, thiserror::Error)]
pub enum PolicyError {
    /// A file or directory cannot be read.
    #[error("reading policy {path:?}: {source}")]
    Unreadable {
        /// The file or directory.
        path: PathBuf,
        /// What went wrong.
        source: io::Error,
    },
    /// The documents have mistakes.
    #[error("{0}")]
    Mistakes(#[from] LoadErrors),
    /// It cannot be written down who decides.
    #[error("not in force, for it cannot be written down: {0}")]
    NotWritten(#[from] RecordError),
    /// What its rules ask for cannot be looked for.
    #[error("not in force, for nobody could look for what its rules ask for: {0}")]
    Detectors(#[from] FedError),
}

impl Policies {
    /// Loads the set; without any path it is the built-in one.
    pub fn load(paths: &[PathBuf], clock: Clock) -> Result<Arc<Self>, PolicyError> {
        let mut read = read_all(paths)?;
        let set = parse(paths, &read, &clock)?;
        let unread = std::mem::take(&mut read.unread);
        warn_of(&unread, &[]);
        Ok(Arc::new(Self {
            paths: paths.to_vec(),
            current: ArcSwap::from_pointee(set),
            revision: AtomicU64::new(1),
            read: Mutex::new(ReadFiles::of(read)),
            unread: Mutex::new(unread),
            last_error: Mutex::new(None),
            record: OnceLock::new(),
            detectors: OnceLock::new(),
            clock,
        }))
    }

    /// Writes down from now on which set is in force, this one first; blocks on the disk.
    ///
    /// Where that fails for this one, the next [`Policies::reload`] tries again: whoever starts on a
    /// full disk still serves what was judged before.
    pub fn record_in(&self, record: PolicyRecord) -> Result<(), RecordError> {
        let written = record.enter(&self.current());
        let _only_the_first_counts = self.record.set(record);
        written
    }

    /// Switches detectors from now on by what the rules in force ask for, by this set first.
    pub fn switch(&self, detectors: Arc<FedPlugins>) -> Result<(), FedError> {
        let detectors = self.detectors.get_or_init(|| detectors);
        detectors.look_for(LooksFor::asked_by(&self.current()))
    }

    /// Keeps the texts of a set that decide in a scope; blocks on the disk where they are new.
    pub fn keep_for(&self, set: &PolicySet, scope: &Scope) -> Result<(), TextsError> {
        match self.record.get() {
            Some(record) => record.keep_for(set, scope),
            None => Ok(()),
        }
    }

    /// Gives the current set.
    pub fn current(&self) -> Arc<PolicySet> {
        self.current.load_full()
    }

    /// Lists the exceptions of the current set, the ones that end first at the beginning.
    pub fn exceptions(&self) -> Vec<ListedException> {
        let read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        sluicegate_policy::exceptions(&read.files)
    }

    /// Counts swaps: verdicts of an older revision are made again.
    pub fn revision(&self) -> u64 {
        self.revision.load(Ordering::Acquire)
    }

    /// Tells why the newest files are not in force, where they are not.
    pub fn last_error(&self) -> Option<String> {
        self.last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner)
            .clone()
    }

    /// Reads the files again, and swaps the set if they changed and have no mistake.
    pub fn reload(&self) {
        let outcome = self.try_reload();
        let mut last = self
            .last_error
            .lock()
            .unwrap_or_else(PoisonError::into_inner);
        match outcome {
            Ok(()) => *last = None,
            Err(error) => {
                let text = error.to_string();
                if last.as_deref() != Some(text.as_str()) {
                    tracing::error!(error = %text, "policy not loaded; the last good one stays");
                }
                *last = Some(text);
            }
        }
    }

    /// Names the files in policy directories that look as if they counted and do not.
    pub fn unread(&self) -> Vec<String> {
        let unread = self.unread.lock().unwrap_or_else(PoisonError::into_inner);
        unread.clone()
    }

    fn try_reload(&self) -> Result<(), PolicyError> {
        let mut found = read_all(&self.paths)?;
        let unread = std::mem::take(&mut found.unread);
        let mut before = self.unread.lock().unwrap_or_else(PoisonError::into_inner);
        warn_of(&unread, &before);
        *before = unread;
        drop(before);
        let mut read = self.read.lock().unwrap_or_else(PoisonError::into_inner);
        if read.is(&found) {
            self.write_down(&self.current())?;
            return Ok(());
        }
        let set = parse(&self.paths, &found, &self.clock)?;
        self.write_down(&set)?;
        tracing::info!(digest = %set.digest(), "policy loaded");
        let asked = LooksFor::asked_by(&set);
        // On before a rule asks, off only after: what nobody looked for is never taken for clean.
        self.with_detectors(|detectors| detectors.look_for_as_well(asked))?;
        *read = ReadFiles::of(found);
        self.current.store(Arc::new(set));
        self.revision.fetch_add(1, Ordering::AcqRel);
        self.with_detectors(|detectors| detectors.look_for(asked))?;
        Ok(())
    }

    fn with_detectors(
        &self,
        switch: impl FnOnce(&FedPlugins) -> Result<(), FedError>,
    ) -> Result<(), FedError> {
        let detectors = self.detectors.get();
        detectors.map_or(Ok(()), |detectors| switch(detectors))
    }

    /// Writes down which set is in force: before it decides anything.
    fn write_down(&self, set: &PolicySet) -> Result<(), RecordError> {
        self.record.get().map_or(Ok(()), |record| record.enter(set))
    }

    /// Looks for changes until the program ends.
    pub async fn watch(self: Arc<Self>) {
        if self.paths.is_empty() {
            return;
        }
        loop {
            tokio::time::sleep(POLL).await;
            let policies = Arc::clone(&self);
            if let Err(panic) = tokio::task::spawn_blocking(move || policies.reload()).await {
                tracing::error!(%panic, "policy not read");
            }
        }
    }
}

fn warn_of(unread: &[String], before: &[String]) {
    for warning in unread.iter().filter(|line| !before.contains(line)) {
        tracing::warn!(%warning, "policy directory holds more than is read");
    }
}

fn parse(paths: &[PathBuf], read: &PolicyFiles, clock: &Clock) -> Result<PolicySet, LoadErrors> {
    if paths.is_empty() {
        Ok(PolicySet::built_in())
    } else {
        PolicySet::load(&read.sources(clock.now()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn load(path: &std::path::Path) -> Arc<Policies> {
        let paths = [path.to_owned()];
        Policies::load(&paths, sluicegate_machine::clock::system()).unwrap()
    }

    const POLICY: &str = "apiVersion: sluicegate/v1\nkind: Policy\nmetadata: {name: p}\nspec: {}\n";

    #[test]
    fn a_mistake_keeps_the_last_good_set_and_is_shown_until_mended() {
        let directory = tempfile::tempdir().unwrap();
        let file = directory.path().join("p.yaml");
        std::fs::write(&file, POLICY).unwrap();
        let policies = load(directory.path());
        let good = policies.current().digest();

        std::fs::write(&file, "kind: [").unwrap();
        policies.reload();
        assert_eq!(
            (policies.current().digest(), policies.revision()),
            (good.clone(), 1)
        );
        assert!(policies.last_error().unwrap().contains("p.yaml"));

        std::fs::write(&file, POLICY.replace("{}", "{mode: audit}")).unwrap();
        policies.reload();
        assert_ne!(policies.current().digest(), good);
        assert_eq!((policies.revision(), policies.last_error()), (2, None));
    }

    #[test]
    fn a_removed_exception_file_is_noticed() {
        let directory = tempfile::tempdir().unwrap();
        std::fs::write(directory.path().join("p.yaml"), POLICY).unwrap();
        let extra = directory.path().join("q.yml");
        std::fs::write(&extra, POLICY.replace("name: p", "name: q")).unwrap();
        let policies = load(directory.path());
        assert_eq!(policies.current().policy_names(), ["p", "q"]);
        std::fs::remove_file(extra).unwrap();
        policies.reload();
        assert_eq!(policies.current().policy_names(), ["p"]);
    }

    #[test]
    fn a_file_that_a_policy_names_belongs_to_the_set() {
        let directory = tempfile::tempdir().unwrap();
        let vex = directory.path().join("vex/a.json");
        std::fs::create_dir(vex.parent().unwrap()).unwrap();
        let text = r#"{"@context": "https://openvex.dev/ns/v0.2.0", "@id": "urn:x", "author": "a",
            "timestamp": "2026-05-01T00:00:00Z", "version": 1, "statements": []}"#;
        std::fs::write(&vex, text).unwrap();
        let policy = POLICY.replace("{}", "{vex: [vex/a.json]}");
        std::fs::write(directory.path().join("p.yaml"), policy).unwrap();
        let policies = load(directory.path());
        assert_eq!(policies.unread(), [""; 0]);
        let first = policies.current().digest();
        policies.reload();
        assert_eq!(policies.revision(), 1);
        std::fs::write(&vex, text.replace("urn:x", "urn:y")).unwrap();
        policies.reload();
        assert_ne!(policies.current().digest(), first);
        assert_eq!(policies.revision(), 2);

        std::fs::write(&vex, "{").unwrap();
        policies.reload();
        assert!(policies.last_error().unwrap().contains("vex/a.json:1:2: "));
        std::fs::remove_file(&vex).unwrap();
        policies.reload();
        let error = policies.last_error().unwrap();
        assert!(
            error.contains("p.yaml:4:14: \"vex/a.json\": No such file"),
            "{error}"
        );
        assert_eq!(policies.revision(), 2);
    }

    #[test]
    fn a_key_beside_a_policy_is_looked_at_like_the_policy() {
        let directory = tempfile::tempdir().unwrap();
        let key = directory.path().join("release.pub");
        let text = "-----BEGIN PUBLIC KEY-----\n\
                    MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEqAxw57/2f1T2qzbCTR6Q3m8ktMYT\n\
                    KQVmHSkpMys21FxVGDfrph3CGAx+UOeefm6vjUlNsCVbaro2kdtQCJ1jbw==\n\
                    -----END PUBLIC KEY-----\n";
        let rule = "{rules: [{id: r, image: {signedBy: release.pub}, action: annotate}]}";
        std::fs::write(&key, text).unwrap();
        let policy = directory.path().join("p.yaml");
        std::fs::write(&policy, POLICY.replace("{}", rule)).unwrap();
        let policies = load(directory.path());
        assert_eq!(policies.unread(), [""; 0]);
        let first = policies.current().digest();

        std::fs::write(&key, "no key").unwrap();
        policies.reload();
        let error = policies.last_error().unwrap();
        let wanted = "p.yaml:4:42: \"release.pub\": wanted a public key that begins with";
        assert!(error.contains(wanted), "{error}");
        assert_eq!(policies.current().digest(), first);

        std::fs::write(&key, format!("{text}\n")).unwrap();
        policies.reload();
        assert_eq!((policies.revision(), policies.last_error()), (2, None));
        assert_ne!(policies.current().digest(), first);
    }

    #[test]
    fn a_missing_file_is_a_clear_error() {
        let paths = [PathBuf::from("/nowhere/p.yaml")];
        let error = Policies::load(&paths, sluicegate_machine::clock::system()).unwrap_err();
        assert!(error.to_string().contains("/nowhere/p.yaml"), "{error}");
    }
}
