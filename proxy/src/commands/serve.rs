//! `sluicegate serve`: the proxy, until a signal ends it.

use sluicegate_config::{ConfigErrors, Environment, Flags, Loaded};
use tokio::signal::unix::{SignalKind, signal};

use super::CommandError;
use crate::app::{App, StartError};
use crate::telemetry;

/// What `serve` takes beside its flags, in words.
pub const HELP: &str = "\
Example: sluicegate serve --listen 0.0.0.0:5000 --feed /srv/osv --policy /etc/sluicegate/policies

Every flag has an environment variable SLUICEGATE_<FLAG> and a key in the config file
(the flag's name with _). Flag beats environment beats file beats default.";

/// Serves until SIGTERM or SIGINT; SIGHUP takes up changes of policy, feeds and certificates at once,
/// and says what of the configuration needs a restart.
pub async fn run(flags: Flags) -> Result<(), CommandError> {
    let environment = Environment::of_process();
    let load = || sluicegate_config::load_with_file(flags.clone(), &environment);
    let loaded = load()
        .map_err(|errors| CommandError::Usage(format!("configuration has mistakes:\n{errors}")))?;
    telemetry::start(
        loaded.settings.log_format,
        environment.get("SLUICEGATE_LOG"),
    );
    for warning in &loaded.warnings {
        tracing::warn!(%warning, "configuration");
    }
    let app = App::start(loaded.settings).await.map_err(start_error)?;
    until_stopped(&app, || Some(load()))
        .await
        .map_err(|error| CommandError::Failed(error.to_string()))?;
    tracing::info!("draining");
    app.drain().await;
    tracing::info!("stopped");
    Ok(())
}

/// Waits for the signal to stop; on SIGHUP meanwhile, has the service look at what has changed, and
/// `load`s its configuration again for that, where it has one.
pub async fn until_stopped(
    app: &App,
    load: impl Fn() -> Option<Result<Loaded, ConfigErrors>>,
) -> std::io::Result<()> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    let mut hangup = signal(SignalKind::hangup())?;
    loop {
        tokio::select! {
            _ = terminate.recv() => return Ok(()),
            _ = interrupt.recv() => return Ok(()),
            _ = hangup.recv() => app.reload(load()),
        }
    }
}

/// Maps a failed start to its exit code: settings are usage, the rest could not be done.
pub fn start_error(error: StartError) -> CommandError {
    match error {
        StartError::Policy(_)
        | StartError::Upstream { .. }
        | StartError::Webhook(_)
        | StartError::Feed(_)
        | StartError::Plugins(_)
        | StartError::AttestationKey(_)
        | StartError::Tls(_) => CommandError::Usage(error.to_string()),
        StartError::Data { .. }
        | StartError::Keys { .. }
        | StartError::InUse(_)
        | StartError::Listen { .. } => CommandError::Failed(error.to_string()),
    }
}
