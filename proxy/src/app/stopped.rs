//! The API over the directory of a stopped service: the same answers as while it ran, without a
//! listener, and without anything in the background.

use std::net::{Ipv4Addr, SocketAddr};
use std::path::{Path, PathBuf};
use std::sync::Arc;

use axum::{Extension, Router};
use sluicegate_config::{Environment, Flags, Settings};
use sluicegate_local::store::EngineKind;

use super::access::local_callers;
use super::{ServiceParts, StartError, store};
use crate::api::guard::Guard;
use crate::api::{self, ApiState};
use crate::http::server::PeerInfo;
use crate::metrics::Metrics;

/// Says why a directory cannot be asked.
#[derive(Debug, thiserror::Error)]
pub enum StoppedError {
    /// No service ever kept its verdicts there.
    #[error("{} holds no store: wanted the data directory of a service", .0.display())]
    NoStore(PathBuf),
    /// The service kept its verdicts in another engine than this process is told.
    #[error("{} holds verdicts of {found} and none of {wanted}: set SLUICEGATE_STORE={found}, or store in the configuration", .directory.display())]
    OtherEngine {
        /// The directory.
        directory: PathBuf,
        /// The engine of the settings.
        wanted: EngineKind,
        /// The engine whose verdicts are there.
        found: EngineKind,
    },
    /// The configuration of this process has mistakes.
    #[error("configuration has mistakes:\n{0}")]
    Settings(String),
    /// The store cannot be opened.
    #[error(transparent)]
    Start(#[from] StartError),
}

/// Opens what is there, and creates nothing where there is nothing. Names of registries and the
/// engine are those of this process's configuration.
pub fn api(data: &Path) -> Result<Router, StoppedError> {
    let settings = settings(data)?;
    let (directory, wanted) = (data.to_owned(), store::engine(&settings));
    if let Some(found) = store::other(&settings) {
        return Err(StoppedError::OtherEngine {
            directory,
            wanted,
            found,
        });
    }
    if !wanted.is_in(data) {
        return Err(StoppedError::NoStore(directory));
    }
    let clock = sluicegate_machine::clock::system();
    let metrics = Metrics::new(clock.now());
    let parts = ServiceParts::build(&settings, &clock, &metrics)?;
    let state = ApiState {
        replays: None,
        ..parts.api_state(&settings, &metrics, &clock)
    };
    let here = SocketAddr::from((Ipv4Addr::LOCALHOST, 0));
    let guard = Guard::new(here, &[], None);
    let router = api::router(Arc::new(state), guard, local_callers());
    // This process asks itself.
    let user = Some(rustix::process::geteuid().as_raw());
    let peer = PeerInfo {
        user,
        ..PeerInfo::from_addr(here)
    };
    Ok(router.layer(Extension(peer)))
}

/// Takes registries and their names from the configuration; nothing is fetched and nothing judged,
/// so that feeds and policies are left where they are.
fn settings(data: &Path) -> Result<Settings, StoppedError> {
    let flags = Flags {
        data: Some(data.display().to_string()),
        feed: vec!["none".to_owned()],
        ..Flags::default()
    };
    let loaded = sluicegate_config::load_with_file(flags, &Environment::of_process());
    let mut settings = loaded
        .map_err(|errors| StoppedError::Settings(errors.to_string()))?
        .settings;
    settings.policy.clear();
    settings.webhooks.clear();
    settings.decision_log_to.clear();
    Ok(settings)
}
