//! What was seen of plugins while the service runs: how often each was asked, when last, how long it took
//! and how often it failed.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::Timestamp;
use sluicegate_model::clock::Clock;
use sluicegate_model::inventory::Inventory;
use sluicegate_scanner::analyzer::Wants;
use sluicegate_scanner::fed::{FedAnswer, FedId, FedKind, FedPlugin};

/// What was seen of one plugin.
#[derive(Clone, Debug, Default, PartialEq, Eq)]
pub struct Count {
    /// Files and inventories that it was asked about.
    pub asked: u64,
    /// How often it failed on one.
    pub failed: u64,
    /// How long it took on this machine, in all.
    pub took: Duration,
    /// When it was asked last.
    pub last: Option<Timestamp>,
    /// Why it failed last.
    pub last_failure: Option<String>,
}

/// What was seen of each, by the SHA-256 of its file. Copies share it.
#[derive(Clone)]
pub struct Counts {
    clock: Clock,
    each: Arc<Mutex<BTreeMap<String, Arc<Mutex<Count>>>>>,
}

/// A plugin whose questions are counted.
struct Counted {
    plugin: Arc<dyn FedPlugin>,
    clock: Clock,
    count: Arc<Mutex<Count>>,
}

impl Counts {
    /// Begins with none.
    pub fn new(clock: Clock) -> Self {
        Self {
            clock,
            each: Arc::default(),
        }
    }

    /// Counts what is asked of a plugin from now on, added to what was before.
    pub fn of(&self, plugin: Arc<dyn FedPlugin>) -> Arc<dyn FedPlugin> {
        let digest = plugin.id().digest.to_owned();
        let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        let count = Arc::clone(each.entry(digest).or_default());
        Arc::new(Counted {
            plugin,
            clock: self.clock.clone(),
            count,
        })
    }

    /// Forgets those that are not among these.
    pub fn keep(&self, plugins: &[Arc<dyn FedPlugin>]) {
        let mut each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        each.retain(|digest, _| plugins.iter().any(|it| it.id().digest == digest));
    }

    /// Tells what was seen of the plugin with this SHA-256.
    pub fn count(&self, digest: &str) -> Count {
        let each = self.each.lock().unwrap_or_else(PoisonError::into_inner);
        let count = each.get(digest);
        let count = count.map(|it| it.lock().unwrap_or_else(PoisonError::into_inner).clone());
        count.unwrap_or_default()
    }
}

impl fmt::Debug for Counts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Counts").field(&self.each).finish()
    }
}

impl Counted {
    fn ask(&self, ask: impl FnOnce(&dyn FedPlugin) -> FedAnswer) -> FedAnswer {
        let began = Instant::now();
        let answer = ask(&*self.plugin);
        let took = began.elapsed();
        let mut count = self.count.lock().unwrap_or_else(PoisonError::into_inner);
        count.asked = count.asked.saturating_add(1);
        count.took = count.took.saturating_add(took);
        count.last = Some(self.clock.now());
        if let Some(why) = &answer.told.failed {
            count.failed = count.failed.saturating_add(1);
            count.last_failure = Some(why.clone());
        }
        answer
    }
}

impl FedPlugin for Counted {
    fn id(&self) -> FedId<'_> {
        self.plugin.id()
    }

    fn kind(&self) -> FedKind {
        self.plugin.kind()
    }

    fn claims(&self) -> Vec<Wants<'_>> {
        self.plugin.claims()
    }

    fn max_file_bytes(&self) -> u64 {
        self.plugin.max_file_bytes()
    }

    fn read(&self, path: &str, content: &[u8]) -> FedAnswer {
        self.ask(|plugin| plugin.read(path, content))
    }

    fn detect(&self, inventory: &Inventory) -> FedAnswer {
        self.ask(|plugin| plugin.detect(inventory))
    }
}

#[cfg(test)]
mod tests {
    use sluicegate_machine::clock::system;
    use sluicegate_scanner::facts::Told;

    use super::*;

    /// Fails on what is empty.
    struct Fussy;

    impl FedPlugin for Fussy {
        fn id(&self) -> FedId<'_> {
            FedId {
                name: "fussy",
                version: "1",
                digest: "ab",
            }
        }

        fn kind(&self) -> FedKind {
            FedKind::Analyzer
        }

        fn claims(&self) -> Vec<Wants<'_>> {
            Vec::new()
        }

        fn max_file_bytes(&self) -> u64 {
            1
        }

        fn read(&self, _: &str, content: &[u8]) -> FedAnswer {
            let failed = content.is_empty().then(|| Told::failed("it is empty"));
            FedAnswer {
                told: failed.unwrap_or_default(),
                work: 1,
            }
        }

        fn detect(&self, _: &Inventory) -> FedAnswer {
            FedAnswer::default()
        }
    }

    #[test]
    fn what_is_asked_is_counted_across_sets_until_the_plugin_is_gone() {
        let counts = Counts::new(system());
        let counted = counts.of(Arc::new(Fussy));
        assert_eq!(counts.count("ab"), Count::default());
        counted.read("a", b"x");
        // The next set has it as well.
        let again = counts.of(Arc::new(Fussy));
        counts.keep(&[Arc::clone(&again)]);
        again.read("b", b"");
        let count = counts.count("ab");
        assert_eq!((count.asked, count.failed), (2, 1));
        assert_eq!(count.last_failure.as_deref(), Some("it is empty"));
        assert!(count.last.is_some() && count.took > Duration::ZERO);
        counts.keep(&[]);
        assert_eq!(counts.count("ab"), Count::default());
    }
}
