//! What reads images here: a set of plugins and the names of what it makes, taken in force as a whole.

use std::fmt;
use std::sync::{Arc, LazyLock, PoisonError, RwLock};

use sluicegate_scanner::PluginSet;

use crate::fingerprint::{fingerprint_by, verdict_fingerprint_by};

/// A set of plugins, and the names of what it makes: what was made by another is made anew.
pub struct ActivePlugins {
    /// None for those that come with the program.
    set: Option<Arc<PluginSet>>,
    /// How often the set was changed before.
    number: u64,
    fingerprint: String,
    verdicts: String,
    scanner: String,
}

impl ActivePlugins {
    /// Gives those that come with the program.
    pub fn built_in() -> Arc<Self> {
        static BUILT_IN: LazyLock<Arc<ActivePlugins>> =
            LazyLock::new(|| Arc::new(ActivePlugins::of(None, 0)));
        Arc::clone(&BUILT_IN)
    }

    fn of(set: Option<Arc<PluginSet>>, number: u64) -> Self {
        let by = set.as_deref().unwrap_or(PluginSet::built_in());
        let verdicts = verdict_fingerprint_by(by);
        Self {
            number,
            fingerprint: fingerprint_by(by),
            scanner: named(env!("CARGO_PKG_VERSION"), &verdicts),
            verdicts,
            set,
        }
    }

    /// Gives the plugins themselves.
    pub fn set(&self) -> &PluginSet {
        self.set.as_deref().unwrap_or(PluginSet::built_in())
    }

    /// Tells whether these are the plugins that come with the program, and were never others.
    pub fn come_with_the_program(&self) -> bool {
        self.set.is_none()
    }

    /// Tells how often the set was changed before this one.
    pub fn number(&self) -> u64 {
        self.number
    }

    /// Names all that makes an inventory, as kept documents cite it.
    pub fn fingerprint(&self) -> &str {
        &self.fingerprint
    }

    /// Names all that makes a verdict.
    pub fn verdict_fingerprint(&self) -> &str {
        &self.verdicts
    }

    /// Names this program, its version and its plugins, as verdicts cite them.
    pub fn scanner(&self) -> &str {
        &self.scanner
    }

    /// Names a program of another version with the same plugins.
    pub fn scanner_of(&self, version: &str) -> String {
        named(version, &self.verdicts)
    }
}

fn named(version: &str, verdicts: &str) -> String {
    format!("sluicegate/{version} {verdicts}")
}

impl fmt::Debug for ActivePlugins {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("ActivePlugins").field(&self.scanner).finish()
    }
}

/// The plugins in force. Copies share them.
#[derive(Clone, Debug)]
pub struct Plugins(Arc<RwLock<Arc<ActivePlugins>>>);

impl Default for Plugins {
    fn default() -> Self {
        Self(Arc::new(RwLock::new(ActivePlugins::built_in())))
    }
}

impl Plugins {
    /// Gives those in force. Whoever begins to read an image ends with the same.
    pub fn now(&self) -> Arc<ActivePlugins> {
        Arc::clone(&self.0.read().unwrap_or_else(PoisonError::into_inner))
    }

    /// Takes a set in force, unless it makes what the one before makes; tells whether it did.
    pub fn take(&self, set: PluginSet) -> bool {
        let mut held = self.0.write().unwrap_or_else(PoisonError::into_inner);
        let next = ActivePlugins::of(Some(Arc::new(set)), held.number.saturating_add(1));
        let is_other = next.fingerprint != held.fingerprint;
        if is_other {
            *held = Arc::new(next);
        }
        is_other
    }
}
