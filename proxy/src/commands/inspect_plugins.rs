//! The plugins that `inspect-image` reads images by: those that are named or were added, and the detector
//! of secrets where rules may ask for them.

use std::sync::Arc;

use sluicegate_config::Settings;
use sluicegate_engine::plugins::{ActivePlugins, Plugins};

use super::CommandError;
use crate::fed_in_force::FedPlugins;
use crate::fed_sources::FedSources;
use crate::inspect::salt;

/// Takes up the plugins that images are read by.
pub(super) fn take_up(
    settings: &Settings,
    looks_for_secrets: bool,
) -> Result<Arc<ActivePlugins>, CommandError> {
    let plugins = Plugins::default();
    let clock = sluicegate_machine::clock::system();
    let sources = FedSources::of(settings);
    let fed = sources.and_then(|it| FedPlugins::load_once(it, plugins.clone(), clock));
    let fed = fed.map_err(|error| CommandError::Usage(error.to_string()))?;
    if looks_for_secrets {
        fed.hash_secrets_under(&salt::open(&settings.data));
    }
    let switched = fed.look_for_secrets(looks_for_secrets);
    switched.map_err(|error| CommandError::Usage(error.to_string()))?;
    Ok(plugins.now())
}
