//! What would keep a service from starting, found out without starting one.
//!
//! It builds the parts that a start builds from files, and keeps none.

use std::path::Path;

use jiff::Timestamp;
use sluicegate_config::{FeedSource, Settings};
use sluicegate_machine::clock;

use super::judged_by::policies;
use super::listeners::Certificates;
use super::upstreams;
use crate::attestation_key;
use crate::fed_sources::FedSources;
use crate::insecure;
use crate::metrics::Metrics;

/// Names every mistake in what the settings point at, a line each.
pub fn problems(settings: &Settings) -> Vec<String> {
    let mut problems = Vec::new();
    problems.extend(
        policies(settings, &clock::system())
            .err()
            .map(|error| error.to_string()),
    );
    let certificates = Certificates::open(settings);
    problems.extend(certificates.err().map(|error| error.to_string()));
    let metrics = Metrics::new(Timestamp::UNIX_EPOCH);
    for (name, upstream) in &settings.upstreams {
        let mut alone = settings.clone();
        alone.upstreams = [(name.clone(), upstream.clone())].into();
        let built = upstreams(&alone, &metrics);
        problems.extend(built.err().map(|error| error.to_string()));
    }
    for feed in &settings.feeds {
        if let FeedSource::Directory(path) = feed
            && !path.is_dir()
        {
            problems.push(format!(
                "feed {} is no directory that is there",
                path.display()
            ));
        }
    }
    // What a subscription brings keeps no service from starting.
    let plugins = FedSources::of(settings).and_then(|it| it.load_own());
    problems.extend(plugins.err().map(|error| error.to_string()));
    if let Some(named) = &settings.attestation_key_file {
        let key = attestation_key::open(&settings.data, Some(named));
        problems.extend(key.err().map(|error| error.to_string()));
    }
    problems.extend(unusable_data(&settings.data));
    problems
}

/// Names what lowers security, as the status of the service would.
pub fn insecure(settings: &Settings) -> Vec<String> {
    insecure::list(settings, &[])
}

/// Says why a data directory cannot be one; it need not be there yet.
fn unusable_data(data: &Path) -> Option<String> {
    let nearest = data.ancestors().find(|path| path.exists())?;
    let (data, nearest_shown) = (data.display(), nearest.display());
    (!nearest.is_dir()).then(|| format!("data {data}: {nearest_shown} is no directory"))
}
