//! The fed plugins of a set: who claims a file, what each says of it, and how much it may take of
//! one layer.

use std::collections::BTreeMap;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::Arc;

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::inventory::Inventory;

use super::claims::{Claimants, Claims};
use super::set::PluginSet;
use crate::facts::{PluginName, Told};
use crate::fed::{
    FedAnswer, FedError, FedKind, FedPlugin, MAX_FAILURES, MAX_FED, MAX_LAYER_WORK, MAX_TOLD_BYTES,
};

/// The plugins that were fed, with their claims.
#[derive(Default)]
pub(super) struct Fed {
    plugins: Vec<Arc<dyn FedPlugin>>,
    claims: Claims,
}

/// What fed plugins have done of one layer.
#[derive(Debug, Default)]
pub(crate) struct FedWork {
    each: BTreeMap<u16, Done>,
}

/// What one plugin has done of one layer.
#[derive(Clone, Debug, Default)]
struct Done {
    work: u64,
    failures: u64,
    told_bytes: u64,
    /// Files that it was not handed any more.
    unread: u64,
}

impl Fed {
    /// Takes plugins in, each with its claims.
    pub(super) fn of(plugins: Vec<Arc<dyn FedPlugin>>) -> Result<Self, FedError> {
        if plugins.len() > MAX_FED {
            return Err(FedError::TooMany(plugins.len()));
        }
        let mut names: Vec<_> = plugins.iter().map(|plugin| plugin.id().name).collect();
        names.sort_unstable();
        if let Some([name, _]) = names.array_windows().find(|[one, other]| one == other) {
            return Err(FedError::SameName((*name).to_owned()));
        }
        let mut claims = Claims::default();
        for (place, plugin) in (0..=u16::MAX).zip(&plugins) {
            for wants in plugin.claims() {
                claims.add_one_of_many(wants, place);
            }
        }
        Ok(Self { plugins, claims })
    }
}

impl PluginSet {
    /// Gives the plugins that were fed.
    pub fn fed(&self) -> impl Iterator<Item = &dyn FedPlugin> {
        self.fed.plugins.iter().map(|plugin| &**plugin)
    }

    /// Tells whether any plugin was fed.
    pub(crate) fn has_fed(&self) -> bool {
        !self.fed.plugins.is_empty()
    }

    /// Decides which fed plugins read a file, by its name and first bytes.
    pub(crate) fn fed_claimants(&self, path: &str, head: &[u8]) -> Claimants {
        let by_path = self.fed.claims.by_path(path);
        self.fed.claims.by_content(head, by_path)
    }

    /// Names the fed plugins that claim one name of a file and not the other.
    pub(crate) fn fed_claimants_of_name(&self, path: &str, other: &str) -> Vec<u16> {
        let known = self.fed.claims.by_path(other);
        let places = self.fed.claims.by_path(path);
        let places = places.places().iter().copied();
        places
            .filter(|place| !known.places().contains(place))
            .collect()
    }

    /// Gives the place of a fed plugin among all that make facts.
    pub(crate) fn place_of_fed(&self, place: u16) -> u16 {
        let before = u16::try_from(self.analyzers().count()).unwrap_or(u16::MAX);
        before.saturating_add(place)
    }

    /// Gives a fed plugin by the name that its facts are kept under.
    pub(crate) fn fed_named(&self, name: &PluginName) -> Option<&dyn FedPlugin> {
        self.fed().find(|plugin| plugin.id().kept_as() == *name)
    }

    pub(super) fn fed_at(&self, place: u16) -> Option<&dyn FedPlugin> {
        let plugin = self.fed.plugins.get(usize::from(place));
        plugin.map(|plugin| &**plugin)
    }

    /// Gives the largest file that any of these is handed, in bytes.
    pub(crate) fn fed_max_bytes(&self, places: &[u16]) -> u64 {
        let plugins = places.iter().filter_map(|place| self.fed_at(*place));
        plugins
            .map(FedPlugin::max_file_bytes)
            .max()
            .unwrap_or_default()
    }

    /// Has a fed plugin read a file, within what it may take of a layer. None stands for a file that
    /// it is not handed any more.
    pub(crate) fn fed_read(
        &self,
        place: u16,
        path: &str,
        content: Option<&[u8]>,
        size_bytes: u64,
        done: &mut FedWork,
    ) -> Option<Told> {
        let plugin = self.fed_at(place)?;
        if !done.may_go_on(place) {
            return None;
        }
        let most = plugin.max_file_bytes();
        let answer = match content.filter(|_| size_bytes <= most) {
            Some(content) => guarded(|| plugin.read(path, content)),
            None => FedAnswer {
                told: Told::failed(format!(
                    "it reads files of at most {most} bytes, got {size_bytes}"
                )),
                work: 0,
            },
        };
        done.note(place, answer)
    }

    /// Asks the detectors without claims about what an image holds.
    pub(crate) fn detect(&self, inventory: &Inventory) -> Vec<(&dyn FedPlugin, Told)> {
        let asked = self
            .fed()
            .filter(|plugin| plugin.kind() == FedKind::Detector && plugin.claims().is_empty());
        let told = asked.map(|plugin| (plugin, guarded(|| plugin.detect(inventory)).told));
        told.filter(|(_, told)| !told.is_empty()).collect()
    }

    /// Says of which plugins not all was heard in a layer, for what they took of it.
    pub(crate) fn fed_gaps(&self, done: &FedWork) -> Vec<Gap> {
        let each = done.each.iter();
        let each = each.filter_map(|(place, done)| Some((self.fed_at(*place)?, done)));
        let cut = each.filter(|(_, done)| done.unread > 0);
        let gaps = cut.map(|(plugin, done)| {
            let (name, unread) = (plugin.id().name, done.unread);
            let why = if done.failures >= MAX_FAILURES {
                format!("failed on {} files", done.failures)
            } else {
                "took more of the layer than a plugin may".to_owned()
            };
            let detail = format!("plugin {name} {why}: {unread} more files were not read by it");
            Gap::partial(GapKind::PluginFailed, detail)
        });
        gaps.collect()
    }
}

impl FedWork {
    /// Notes that a plugin cannot be handed a file. None where that is no more said of each.
    pub(crate) fn missed(&mut self, place: u16, why: &str) -> Option<Told> {
        let told = Told::failed(why);
        let answer = FedAnswer { told, work: 0 };
        self.may_go_on(place).then(|| self.note(place, answer))?
    }

    fn of(&mut self, place: u16) -> &mut Done {
        self.each.entry(place).or_default()
    }

    /// Tells whether a plugin is handed another file of the layer; counts the file where it is not.
    fn may_go_on(&mut self, place: u16) -> bool {
        let done = self.of(place);
        let may = done.failures < MAX_FAILURES
            && done.work < MAX_LAYER_WORK
            && done.told_bytes < MAX_TOLD_BYTES;
        if !may {
            done.unread += 1;
        }
        may
    }

    fn note(&mut self, place: u16, answer: FedAnswer) -> Option<Told> {
        let done = self.of(place);
        done.work = done.work.saturating_add(answer.work);
        if answer.told.is_empty() {
            return None;
        }
        // A file that it was not handed says nothing of the plugin.
        done.failures += u64::from(answer.told.failed.is_some() && answer.work > 0);
        done.told_bytes = done.told_bytes.saturating_add(answer.told.weight());
        if done.told_bytes > MAX_TOLD_BYTES {
            let why = format!("it says more than {MAX_TOLD_BYTES} bytes of one layer");
            return Some(Told::failed(why));
        }
        Some(answer.told)
    }
}

fn guarded(ask: impl FnOnce() -> FedAnswer) -> FedAnswer {
    catch_unwind(AssertUnwindSafe(ask)).unwrap_or_else(|_| FedAnswer {
        told: Told::failed("its host failed on it"),
        work: MAX_LAYER_WORK,
    })
}
