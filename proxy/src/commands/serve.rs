//! `sluicegate serve`: the proxy, until a signal ends it.

use clap::Args;
use sluicegate_config::{ConfigErrors, Environment, Flags, Loaded};
use tokio::signal::unix::{SignalKind, signal};

use super::CommandError;
use crate::app::{App, StartError};
use crate::telemetry;

/// Every flag has an environment variable `SLUICEGATE_<FLAG>` and a key in the config file.
#[derive(Args, Clone, Debug, Default)]
#[command(
    after_help = "Example: sluicegate serve --listen 0.0.0.0:5000 --feed /srv/osv --policy /etc/sluicegate/policies\n\n\
        Every flag has an environment variable SLUICEGATE_<FLAG> and a key in the config file\n\
        (the flag's name with _). Flag beats environment beats file beats default."
)]
pub struct ServeArgs {
    /// Configuration file (YAML)
    #[arg(long, value_name = "FILE")]
    config: Option<std::path::PathBuf>,
    /// Where the registry listens [default: 127.0.0.1:5000]
    #[arg(long, value_name = "ADDR")]
    listen: Option<String>,
    /// Where the API listens [default: 127.0.0.1:5080]
    #[arg(long, value_name = "ADDR")]
    api_listen: Option<String>,
    /// A host name of this proxy, as clients may send it in ?ns= (repeatable)
    #[arg(long, value_name = "HOST")]
    name: Vec<String>,
    /// Where everything is kept [default: $XDG_DATA_HOME/sluicegate, /var/lib/sluicegate as root]
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Policy file or directory (repeatable) [default: the built-in policy]
    #[arg(long, value_name = "PATH")]
    policy: Vec<String>,
    /// Advisory feed: a directory or URL in the layout of the OSV bucket, imported, or none
    /// (repeatable) [default: the imported bundle if there is one, else the public OSV bucket]
    #[arg(long, value_name = "SOURCE")]
    feed: Vec<String>,
    /// A public key whose feed bundles "feeds import" believes, or a file with one (repeatable)
    #[arg(long, value_name = "KEY")]
    feed_trust: Vec<String>,
    /// Adds or replaces a registry (repeatable)
    #[arg(long, value_name = "NAME=URL")]
    upstream: Vec<String>,
    /// The registry of names without a host [default: docker.io]
    #[arg(long, value_name = "NAME")]
    default_upstream: Option<String>,
    /// Platforms judged with every index [default: the host's own]
    #[arg(long, value_name = "LIST", value_delimiter = ',')]
    platforms: Vec<String>,
    /// When bytes leave: hold (after the verdict) or stream (all but the end before it)
    #[arg(long, value_name = "MODE")]
    gate: Option<String>,
    /// Capacity of the content cache, with suffix MiB or GiB [default: 20GiB]
    #[arg(long, value_name = "BYTES")]
    cache_size: Option<String>,
    /// How log lines look: text or json
    #[arg(long, value_name = "FORMAT")]
    log_format: Option<String>,
    /// Whether the API answers without a key: required or anonymous (reads that start nothing)
    /// [default: required, unless it listens on loopback only]
    #[arg(long, value_name = "MODE")]
    api_auth: Option<String>,
    /// Old name of --api-auth anonymous
    #[arg(long)]
    api_open: bool,
    /// Serves upstreams with credentials to anonymous clients on any address
    #[arg(long)]
    allow_anonymous: bool,
    /// Answers HEAD 200 and GET 403 to clients that hide the reason of a HEAD's 403
    #[arg(long)]
    explain_to_old_clients: bool,
    /// The API's base URL as shown to clients [default: http:// and api-listen]
    #[arg(long, value_name = "URL")]
    api_url: Option<String>,
    /// How long an upstream's answer on a tag is believed [default: 60s]
    #[arg(long, value_name = "DURATION")]
    tag_ttl: Option<String>,
    /// Most connections at a time
    #[arg(long, value_name = "N")]
    max_connections: Option<String>,
    /// Networks of reverse proxies whose X-Forwarded-For or Forwarded is believed (list)
    #[arg(long, value_name = "NETWORK", value_delimiter = ',')]
    trusted_proxies: Vec<String>,
    /// URL to which events are sent, as CloudEvents
    #[arg(long, value_name = "URL")]
    webhook: Option<String>,
    /// File with the secret that signs them
    #[arg(long, value_name = "FILE")]
    webhook_secret_file: Option<String>,
}

impl From<ServeArgs> for Flags {
    fn from(args: ServeArgs) -> Self {
        Self {
            config: args.config,
            listen: args.listen,
            api_listen: args.api_listen,
            name: args.name,
            data: args.data,
            policy: args.policy,
            feed: args.feed,
            feed_trust: args.feed_trust,
            upstream: args.upstream,
            default_upstream: args.default_upstream,
            platforms: args.platforms,
            gate: args.gate,
            cache_size: args.cache_size,
            log_format: args.log_format,
            api_auth: args.api_auth,
            api_open: args.api_open,
            allow_anonymous: args.allow_anonymous,
            explain_to_old_clients: args.explain_to_old_clients,
            api_url: args.api_url,
            tag_ttl: args.tag_ttl,
            max_connections: args.max_connections,
            trusted_proxies: args.trusted_proxies,
            webhook: args.webhook,
            webhook_secret_file: args.webhook_secret_file,
        }
    }
}

/// Serves until SIGTERM or SIGINT; SIGHUP takes up changes of policy, feeds and certificates at once,
/// and says what of the configuration needs a restart.
pub async fn run(args: ServeArgs) -> Result<(), CommandError> {
    let environment = Environment::of_process();
    let load = || sluicegate_config::load_with_file(args.clone().into(), &environment);
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
        | StartError::Tls(_) => CommandError::Usage(error.to_string()),
        StartError::Data { .. } | StartError::InUse(_) | StartError::Listen { .. } => {
            CommandError::Failed(error.to_string())
        }
    }
}
