//! What images are read and judged by: plugins, policies and feeds, as settings name them.

use std::path::Path;
use std::sync::Arc;

use sluicegate_config::{FeedSource, Settings};
use sluicegate_engine::instance_key::InstanceKey;
use sluicegate_engine::plugins::Plugins;
use sluicegate_feeds::Feeds;
use sluicegate_local::decisions::{PolicyRecord, PolicyTexts};
use sluicegate_model::clock::Clock;

use super::{ServiceParts, StartError, data_error, proxy_variables};
use crate::fed_in_force::FedPlugins;
use crate::fed_plugins::FedFileError;
use crate::fed_sources::FedSources;
use crate::policies::Policies;

/// Takes up the plugins that images are read by.
pub(super) fn fed_plugins(
    settings: &Settings,
    plugins: &Plugins,
    clock: &Clock,
) -> Result<Arc<FedPlugins>, StartError> {
    let (sources, plugins) = (FedSources::of(settings)?, plugins.clone());
    Ok(FedPlugins::load(sources, plugins, clock.clone())?)
}

/// Takes up what images are judged by, and has them read as that asks.
pub(super) fn judged_by(
    settings: &Settings,
    (fed, key): (&Arc<FedPlugins>, &InstanceKey),
    clock: &Clock,
) -> Result<(Arc<Policies>, Arc<Feeds>), StartError> {
    let (policies, feeds) = (policies(settings, clock)?, feeds(settings, clock)?);
    fed.hash_secrets_under(key.code("secrets", &[]).bytes());
    let switched = policies.switch(Arc::clone(fed));
    switched.map_err(FedFileError::from)?;
    read_for(&feeds, fed);
    Ok((policies, feeds))
}

pub(super) fn policies(settings: &Settings, clock: &Clock) -> Result<Arc<Policies>, StartError> {
    Ok(Policies::load(&settings.policy, clock.clone())?)
}

/// Has layers read as the knowledge in force asks.
fn read_for(feeds: &Feeds, fed: &Arc<FedPlugins>) {
    let fed = Arc::clone(fed);
    feeds.on_knowledge(move |asked| {
        if let Err(error) = fed.read_for(asked) {
            // Images that nobody hashed the files of are not clean by a list.
            tracing::error!(%error, "layers are not read as knowledge files ask");
        }
    });
}

/// Writes down from now on which policies are in force.
pub(super) fn record_policies(
    parts: &ServiceParts,
    clock: &Clock,
    data: &Path,
) -> Result<(), StartError> {
    let log = parts.log.log();
    let texts = PolicyTexts::open(log.directory()).map_err(|error| data_error(data, &error))?;
    let record = PolicyRecord::new(log.clone(), texts, clock.clone());
    if let Err(error) = parts.policies.record_in(record) {
        // Images that are judged are served all the same; what needs a new verdict tries again.
        tracing::error!(%error, "policies not written down");
    }
    Ok(())
}

fn feeds(settings: &Settings, clock: &Clock) -> Result<Arc<Feeds>, StartError> {
    let (sources, directory) = (settings.feeds.clone(), settings.data.join("feeds"));
    for source in &sources {
        // A name that is mistyped would be a service without advisories.
        if let FeedSource::Directory(path) = source
            && !path.is_dir()
        {
            return Err(StartError::Feed(path.clone()));
        }
    }
    Ok(Feeds::start(
        sources,
        directory,
        (
            &proxy_variables(settings),
            !settings.plugin_trust.is_empty(),
        ),
        clock.clone(),
    ))
}
