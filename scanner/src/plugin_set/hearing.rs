//! What a set asks of its fed plugins: who claims a file, and what each says of it.

use std::panic::{AssertUnwindSafe, catch_unwind};

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::image_config::ImageConfig;
use sluicegate_model::inventory::Inventory;

use super::claims::Claimants;
use super::fed::FedWork;
use super::set::PluginSet;
use crate::facts::{PluginName, Told};
use crate::fed::{EntryMode, FedAnswer, FedKind, FedPlugin, MAX_FAILURES, MAX_LAYER_WORK};

impl PluginSet {
    /// Gives the plugins that were fed.
    pub fn fed(&self) -> impl Iterator<Item = &dyn FedPlugin> {
        self.fed.plugins.iter().map(|plugin| &**plugin)
    }

    /// Tells whether any plugin was fed.
    pub(crate) fn has_fed(&self) -> bool {
        !self.fed.plugins.is_empty()
    }

    /// Gives the detectors of the program that are on.
    pub(crate) fn detectors(&self) -> impl Iterator<Item = &dyn FedPlugin> {
        self.fed().filter(|plugin| plugin.is_built_in())
    }

    /// Tells whether any plugin reads files in pieces.
    pub(crate) fn has_in_pieces(&self) -> bool {
        self.fed.in_pieces.contains(&true)
    }

    /// Gives the plugins that look at headers, by their places.
    pub(crate) fn of_headers(&self) -> &[u16] {
        &self.fed.of_headers
    }

    /// Has a plugin look at a header, within what it may say of a layer.
    pub(crate) fn fed_see(
        &self,
        place: u16,
        entry: EntryMode<'_>,
        done: &mut FedWork,
    ) -> Option<Told> {
        let plugin = self.fed_at(place)?;
        let answer = guarded(|| FedAnswer {
            told: plugin.see(entry),
            work: 0,
        });
        if answer.told.is_empty() || !done.may_go_on(place) {
            return None;
        }
        done.note(place, answer)
    }

    /// Tells whether the fed plugin at a place reads files in pieces.
    pub(crate) fn is_in_pieces(&self, place: u16) -> bool {
        self.fed.in_pieces.get(usize::from(place)) == Some(&true)
    }

    /// Asks the plugins that look at an image's configuration; none where it cannot be read.
    pub(crate) fn look(&self, config: Option<&ImageConfig>) -> Vec<(&dyn FedPlugin, Told)> {
        let failed = || Told::failed("it failed on the image's configuration");
        let looked = self.fed().map(|plugin| {
            let told = catch_unwind(AssertUnwindSafe(|| plugin.look(config)));
            (plugin, told.unwrap_or_else(|_| failed()))
        });
        looked.filter(|(_, told)| !told.is_empty()).collect()
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

    pub(crate) fn fed_at(&self, place: u16) -> Option<&dyn FedPlugin> {
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

fn guarded(ask: impl FnOnce() -> FedAnswer) -> FedAnswer {
    catch_unwind(AssertUnwindSafe(ask)).unwrap_or_else(|_| FedAnswer {
        told: Told::failed("its host failed on it"),
        work: MAX_LAYER_WORK,
    })
}
