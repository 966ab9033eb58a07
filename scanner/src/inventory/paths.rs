//! Which of what all can write is on `PATH`: a directory of it or one above, or a program in one.

use sluicegate_model::image_config::ImageConfig;
use sluicegate_model::inventory::Inventory;
use sluicegate_model::weakness::{CONFIGURATION, FoundWeakness};

use crate::configuration::{WRITABLE, is_replaceable};
use crate::image::layers::LayerInput;
use crate::image::told;
use crate::path;
use crate::plugin_set::PluginSet;

/// What runtimes take for `PATH` where an image names none. Source: runc and Docker.
const USUAL: &str = "/usr/local/sbin:/usr/local/bin:/usr/sbin:/usr/bin:/sbin:/bin";

/// Most directories of one `PATH` that are looked at.
const MAX_DIRECTORIES: usize = 256;

/// Leaves of what all can write what is on the image's `PATH`.
pub(super) fn settle(
    inventory: &mut Inventory,
    config: Option<&ImageConfig>,
    layers: &[LayerInput<'_>],
    plugins: &PluginSet,
) {
    let is_asked = inventory.detectors.iter().any(|it| it == CONFIGURATION);
    let is_of_path = |found: &FoundWeakness| found.weakness.id == WRITABLE;
    if !is_asked || !inventory.weaknesses.iter().any(is_of_path) {
        return;
    }
    let directories = told::resolved(layers, plugins, &directories(config));
    let directories: Vec<String> = directories
        .iter()
        .map(|directory| path::shown(directory).into_owned())
        .collect();
    inventory
        .weaknesses
        .retain(|found| !is_of_path(found) || matters(found, &directories));
}

fn matters(found: &FoundWeakness, directories: &[String]) -> bool {
    let place = found.weakness.path.as_str();
    let (parent, _) = place.rsplit_once('/').unwrap_or(("", place));
    directories.iter().any(|directory| {
        let rest = directory.strip_prefix(place);
        let is_above = rest.is_some_and(|rest| rest.starts_with('/'));
        match rest {
            Some("") => true,
            _ if is_above => is_replaceable(&found.weakness),
            _ => parent == directory,
        }
    })
}

/// Gives the directories of `PATH`, from the root of the image. Those that are not from there are of the
/// directory in which a program happens to run.
fn directories(config: Option<&ImageConfig>) -> Vec<String> {
    let texts = config.and_then(|config| config.texts.as_ref());
    let variables = texts.map_or(&[][..], |texts| &texts.env);
    let mut named = variables.iter().filter_map(|it| it.strip_prefix("PATH="));
    let directories = named.next_back().unwrap_or(USUAL).split(':');
    let from_root = directories.filter_map(|it| it.strip_prefix('/'));
    let clean = from_root.filter_map(|name| {
        let mut clean = String::new();
        path::clean(name.as_bytes(), &mut clean).ok()?;
        (!clean.is_empty()).then_some(clean)
    });
    clean.take(MAX_DIRECTORIES).collect()
}
