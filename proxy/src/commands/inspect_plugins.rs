//! The plugins that `inspect-image` reads images by: those that are named or were added, and detectors
//! of the program where rules may ask for what they find.

use std::sync::Arc;

use sluicegate_config::Settings;
use sluicegate_engine::plugins::{ActivePlugins, Plugins};
use sluicegate_scanner::NameTables;

use super::CommandError;
use crate::fed_in_force::FedPlugins;
use crate::fed_sources::FedSources;
use crate::inspect::salt;
use crate::looks_for::LooksFor;

/// Takes up the plugins, and the tables of names, that images are read by.
pub(super) fn take_up(
    settings: &Settings,
    (looks_for, names): (LooksFor, NameTables),
) -> Result<Arc<ActivePlugins>, CommandError> {
    let plugins = Plugins::default();
    let clock = sluicegate_machine::clock::system();
    let sources = FedSources::of(settings);
    let fed = sources.and_then(|it| FedPlugins::load_once(it, plugins.clone(), clock));
    let fed = fed.map_err(|error| CommandError::Usage(error.to_string()))?;
    if looks_for.secrets {
        fed.hash_secrets_under(&salt::open(&settings.data));
    }
    let switched = fed.go_by(names);
    let switched = switched.and_then(|()| fed.look_for_as_well(looks_for));
    switched.map_err(|error| CommandError::Usage(error.to_string()))?;
    Ok(plugins.now())
}
