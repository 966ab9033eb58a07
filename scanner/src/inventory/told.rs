//! Adds what fed plugins say to an inventory, after everything else has been judged.
//!
//! It adds components, weaknesses and gaps and changes none that is there. Each plugin has a budget
//! of its own, so that none takes another's place.

use std::collections::{BTreeMap, BTreeSet};

use sluicegate_model::coverage::{Gap, GapKind};
use sluicegate_model::digest::Digest;
use sluicegate_model::image_config::ImageConfig;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::package::{Component, Evidence};
use sluicegate_model::weakness::{
    CONFIGURATION, FoundWeakness, MALWARE, SECRETS, ToldComponent, Weakness,
};

use super::appliers;
use super::component::component;
use super::hashed::Hashes;
use crate::facts::{DIRECTORY_ITSELF, Event, FoundPackage, Told, ToldFile};
use crate::image::layers::LayerInput;
use crate::image::told::{PresentFile, hidden, present};
use crate::image::tree::Applier;
use crate::path;
use crate::plugin_set::PluginSet;

/// Most packages that one plugin adds to an image.
const MAX_PACKAGES: usize = 1_000;

/// Most weaknesses that one plugin adds to an image.
const MAX_WEAKNESSES: usize = 200;

/// Most that a detector of the program finds in an image, in its files and in its configuration each.
const MAX_BUILT_IN: usize = 1_000;

/// Most gaps that one plugin adds to an image in its own words.
const MAX_GAPS: usize = 100;

/// Adds what plugins said of files that are in the merged image, then what they say of the whole.
pub(super) fn add(inventory: &mut Inventory, layers: &[LayerInput<'_>], plugins: &PluginSet) {
    if !plugins.has_fed() {
        return;
    }
    note_detectors(inventory, layers, plugins);
    let mut sayings = Sayings::of(inventory);
    let present = present_files(layers, plugins);
    let hidden = hidden(&present, layers);
    let secrets = hidden_secrets(&hidden, layers, plugins);
    Hashes::of(&present, &hidden, layers).add_to(inventory, layers);
    for PresentFile { path, layer, told } in present {
        let (path, at) = match path.strip_suffix(DIRECTORY_ITSELF) {
            Some(directory) if is_set_above(directory, layer, layers) => continue,
            Some(directory) => (directory.to_owned(), layer),
            None => (path, layer),
        };
        let Some(layer) = layers.get(at) else {
            continue;
        };
        let (first, end) = told;
        for file in layer.facts.told.get(first..end).unwrap_or_default() {
            if let Some(plugin) = teller(layer, file, plugins) {
                let shown = path::shown(&path);
                sayings.take(plugin, Some(&shown), layer.digest, &file.told, inventory);
            }
        }
    }
    for (path, layer, told) in &secrets {
        sayings.take(SECRETS, Some(path), layer, told, inventory);
    }
    let last = layers.last().map(|layer| layer.digest);
    if let Some(layer) = last {
        for (plugin, told) in plugins.detect(inventory) {
            sayings.take(plugin.id().name, None, layer, &told, inventory);
        }
    }
    sayings.finish(inventory);
}

/// Gives the secrets of files that later layers replace or remove, as their own layers name them: whoever
/// has the image has those layers.
fn hidden_secrets(
    hidden: &[(usize, &ToldFile)],
    layers: &[LayerInput<'_>],
    plugins: &PluginSet,
) -> Vec<(String, Digest, Told)> {
    let files = hidden.iter().filter_map(|(at, file)| {
        let layer = layers.get(*at)?;
        if teller(layer, file, plugins) != Some(SECRETS) {
            return None;
        }
        let mut told = file.told.clone();
        for weakness in &mut told.weaknesses {
            weakness.is_hidden = true;
        }
        let path = path::shown(&file.path).into_owned();
        Some((path, layer.digest.clone(), told))
    });
    files.collect()
}

/// Says which detectors of the program looked at the image, and which layers somebody read without.
fn note_detectors(inventory: &mut Inventory, layers: &[LayerInput<'_>], plugins: &PluginSet) {
    for detector in plugins.detectors() {
        let (name, kept_as) = (detector.id().name, detector.id().kept_as());
        inventory.detectors.push(name.to_owned());
        for layer in layers {
            let made_by = &layer.facts.readers.plugins;
            // What nobody has read says so itself.
            if !made_by.is_empty() && !made_by.contains(&kept_as) {
                let detail = format!("the layer was read without detector {name}");
                let gap = Gap::fatal(GapKind::PluginFailed, detail);
                inventory.gaps.push(gap.in_layer(layer.digest.clone()));
            }
        }
    }
}

/// Adds what detectors say of an image's configuration.
pub(super) fn add_of_config(
    inventory: &mut Inventory,
    config: Option<&ImageConfig>,
    layers: &[LayerInput<'_>],
    plugins: &PluginSet,
) {
    let told = plugins.look(config);
    if told.is_empty() {
        return;
    }
    // An image without layers has the digest of nothing in their place.
    let layer = layers.last().map(|layer| layer.digest.clone());
    let layer = layer.unwrap_or_else(|| Digest::of(&[]));
    let mut sayings = Sayings::of(inventory);
    for (plugin, told) in told {
        sayings.take(plugin.id().name, None, &layer, &told, inventory);
    }
    sayings.finish(inventory);
}

fn present_files(layers: &[LayerInput<'_>], plugins: &PluginSet) -> BTreeSet<PresentFile> {
    if layers.iter().all(|layer| layer.facts.told.is_empty()) {
        return BTreeSet::new();
    }
    let (mut files, departs) = present(Applier::USUAL, layers, plugins);
    for applier in appliers::others(layers, departs) {
        files.extend(present(applier, layers, plugins).0);
    }
    files
}

/// Tells whether a layer above another has a directory of its own at a place: its mode counts then.
fn is_set_above(directory: &str, layer: usize, layers: &[LayerInput<'_>]) -> bool {
    let above = layers.iter().skip(layer.saturating_add(1));
    let mut events = above.flat_map(|layer| &layer.facts.events);
    events.any(|event| matches!(event, Event::Directory(path) if path == directory))
}

/// Gives the plugin that says it, where that is one of the set.
fn teller<'a>(layer: &LayerInput<'_>, file: &ToldFile, plugins: &'a PluginSet) -> Option<&'a str> {
    let made = &layer.facts.readers.plugins;
    let name = made.get(usize::from(file.plugin))?;
    Some(plugins.fed_named(name)?.id().name)
}

/// What plugins say of one image, while it is collected.
struct Sayings {
    /// Which packages are known, by URL and place: those are never a plugin's.
    known: BTreeSet<(String, String)>,
    each: BTreeMap<String, Counts>,
    failures: BTreeMap<(String, Digest), Failure>,
}

#[derive(Default)]
struct Counts {
    packages: usize,
    weaknesses: usize,
    gaps: usize,
}

/// A plugin's failures in one layer.
struct Failure {
    path: Option<String>,
    why: String,
    count: u64,
}

impl Sayings {
    fn of(inventory: &Inventory) -> Self {
        let components = inventory.components.iter();
        let known = components.map(|it| (it.purl.clone(), it.path.clone()));
        Self {
            known: known.collect(),
            each: BTreeMap::new(),
            failures: BTreeMap::new(),
        }
    }

    fn take(
        &mut self,
        plugin: &str,
        path: Option<&str>,
        layer: &Digest,
        told: &Told,
        inventory: &mut Inventory,
    ) {
        if let Some(why) = &told.failed {
            let failures = self.failures.entry((plugin.to_owned(), layer.clone()));
            let failure = failures.or_insert_with(|| Failure {
                path: path.map(str::to_owned),
                why: why.clone(),
                count: 0,
            });
            failure.count += 1;
            return;
        }
        let counts = self.each.entry(plugin.to_owned()).or_default();
        for package in &told.packages {
            counts.packages += 1;
            if counts.packages <= MAX_PACKAGES {
                let path = path.unwrap_or_default();
                let found = FoundPackage::of(Evidence::Installed, package.clone());
                let distro = inventory.distro.as_ref();
                let component = component(path, &found, layer, distro, None);
                let key = (component.purl.clone(), component.path.clone());
                if self.known.insert(key) {
                    add_component(inventory, plugin, component);
                }
            }
        }
        for weakness in &told.weaknesses {
            counts.weaknesses += 1;
            if counts.weaknesses <= most_weaknesses(plugin) {
                let weakness = placed(weakness, path);
                inventory.weaknesses.push(FoundWeakness {
                    plugin: plugin.to_owned(),
                    layer: layer.clone(),
                    weakness,
                });
            }
        }
        for gap in &told.gaps {
            counts.gaps += 1;
            if counts.gaps <= MAX_GAPS {
                let detail = path::sentence(format!("{}: {gap}", named(plugin)));
                let gap = Gap::partial(GapKind::FileUnreadable, detail).in_layer(layer.clone());
                inventory.gaps.push(match path {
                    Some(path) => gap.at(path),
                    None => gap,
                });
            }
        }
    }

    fn finish(self, inventory: &mut Inventory) {
        for ((plugin, layer), failure) in self.failures {
            let Failure { path, why, count } = failure;
            let more = match count {
                1 => String::new(),
                _ => format!(", and failed on {} more files of the layer", count - 1),
            };
            let detail = path::sentence(format!("{} is not heard: {why}{more}", named(&plugin)));
            let gap = Gap::partial(GapKind::PluginFailed, detail).in_layer(layer);
            inventory.gaps.push(match path {
                Some(path) => gap.at(path),
                None => gap,
            });
        }
        for (plugin, counts) in self.each {
            let over = [
                ("packages", counts.packages, MAX_PACKAGES),
                ("weaknesses", counts.weaknesses, most_weaknesses(&plugin)),
                ("gaps", counts.gaps, MAX_GAPS),
            ];
            for (what, said, most) in over.into_iter().filter(|(_, said, most)| said > most) {
                let detail = format!(
                    "{} names {said} {what} of the image, of which {most} are heard",
                    named(&plugin)
                );
                let gap = Gap::partial(GapKind::PluginFailed, detail);
                inventory.gaps.push(gap);
            }
        }
        inventory.components.sort_unstable();
        inventory.told.sort_unstable();
        inventory.told.dedup();
        inventory.weaknesses.sort_unstable();
        inventory.weaknesses.dedup();
        inventory.gaps.sort();
        inventory.gaps.dedup();
    }
}

fn named(plugin: &str) -> String {
    if [SECRETS, CONFIGURATION, MALWARE].contains(&plugin) {
        format!("detector {plugin}")
    } else {
        format!("plugin {plugin}")
    }
}

fn most_weaknesses(plugin: &str) -> usize {
    if [SECRETS, CONFIGURATION].contains(&plugin) {
        MAX_BUILT_IN
    } else {
        MAX_WEAKNESSES
    }
}

fn add_component(inventory: &mut Inventory, plugin: &str, component: Component) {
    inventory.told.push(ToldComponent {
        purl: component.purl.clone(),
        path: component.path.clone(),
        plugin: plugin.to_owned(),
    });
    inventory.components.push(component);
}

/// Names a weakness's place in the merged image: within the file that it was found in, if in any.
fn placed(weakness: &Weakness, file: Option<&str>) -> Weakness {
    let path = match (file, weakness.path.as_str()) {
        (None, said) => path::shown(said).into_owned(),
        (Some(file), "") => file.to_owned(),
        (Some(file), inside) => format!("{file}/{}", path::shown(inside)),
    };
    Weakness {
        path,
        ..weakness.clone()
    }
}
