//! `sluicegate scanner`: a linked scanner, until a signal ends it.

use std::fs::File;
use std::io::Read as _;
use std::path::{Path, PathBuf};
use std::sync::Arc;

use clap::Args;
use sluicegate_config::{Environment, Flags, UpstreamSettings, is_loopback, registry_allowed};
use sluicegate_model::secret::Secret;
use tokio::signal::unix::{SignalKind, signal};

use super::CommandError;
use super::query::{note, service_url};
use crate::agent::{self, AgentError, AgentParts, Watched};
use crate::telemetry;

/// Most bytes of a linking key's file read.
const MAX_KEY_BYTES: u64 = 4096;

/// What a scanner is started with.
#[derive(Args, Debug)]
#[command(
    after_help = "Every flag has a variable SLUICEGATE_<FLAG>, lists separated by ';'.\n\n\
    Example: sluicegate scanner --service https://gate.example:5080 --linking-key-file ./key --allow registry.local\n\n\
    It dials out to the service and to the registries that it is allowed, and opens no port. The\n\
    linking key is good once; from then on the scanner keeps a credential of its own."
)]
pub struct ScannerArgs {
    /// The service's API: a URL or HOST:PORT
    #[arg(long, value_name = "URL")]
    service: Option<String>,
    /// File with the linking key, as "scanners link" printed it; needed until it is enrolled
    #[arg(long, value_name = "FILE")]
    linking_key_file: Option<PathBuf>,
    /// A registry that it may fetch from, by its name in canonical repositories; with =URL where it
    /// is elsewhere (repeatable)
    #[arg(long, value_name = "HOST[=URL]")]
    allow: Vec<String>,
    /// Images that it tells the service of by itself, of a registry that is allowed: a pattern of
    /// repositories, without wildcard or of a registry that lists its own (repeatable)
    #[arg(long, value_name = "GLOB")]
    watch: Vec<String>,
    /// Where the credential and what it found are kept, in the folder "scanner" [default:
    /// $XDG_DATA_HOME/sluicegate, /var/lib/sluicegate as root]
    #[arg(long, value_name = "DIR")]
    data: Option<String>,
    /// Credentials for the registries, as docker login writes them
    #[arg(long, value_name = "FILE")]
    docker_config: Option<PathBuf>,
    /// Certificate authorities to believe for the service and the registries beside the system's (PEM)
    #[arg(long, value_name = "FILE")]
    ca_file: Option<PathBuf>,
}

/// Scans until SIGTERM or SIGINT.
pub async fn run(args: ScannerArgs) -> Result<(), CommandError> {
    let environment = Environment::of_process();
    let parts = parts(&args, environment)?;
    telemetry::start(
        parts.settings.log_format,
        parts.environment.get("SLUICEGATE_LOG"),
    );
    let stop = told_to_stop().map_err(|error| CommandError::Failed(error.to_string()))?;
    let service = parts.service.to_string();
    tracing::info!(%service, "scanner started");
    agent::run(parts, stop).await.map_err(|error| match error {
        AgentError::NotLinked(_) | AgentError::Settings(_) => {
            CommandError::Usage(error.to_string())
        }
        AgentError::Kept(_) | AgentError::Refused(_) => CommandError::Failed(error.to_string()),
    })?;
    tracing::info!("scanner stopped");
    Ok(())
}

/// Waits for the signal to stop.
fn told_to_stop() -> std::io::Result<impl Future<Output = ()>> {
    let mut terminate = signal(SignalKind::terminate())?;
    let mut interrupt = signal(SignalKind::interrupt())?;
    Ok(async move {
        tokio::select! {
            _ = terminate.recv() => {}
            _ = interrupt.recv() => {}
        }
    })
}

fn parts(args: &ScannerArgs, environment: Environment) -> Result<AgentParts, CommandError> {
    let said = |flag: Option<&Path>, name: &str| {
        let variable = || environment.get(name).map(PathBuf::from);
        flag.map(Path::to_owned).or_else(variable)
    };
    let service = args.service.as_deref();
    let service = service.or_else(|| environment.get("SLUICEGATE_SERVICE"));
    let service = service.ok_or_else(|| CommandError::Usage("say where: --service URL".into()))?;
    let service = service_url(service)?;
    if service.scheme() == "http" && !is_loopback(&service) {
        note("warning: the scanner's credential goes to the service without TLS");
    }
    let flags = Flags {
        data: args.data.clone(),
        ..Flags::default()
    };
    let settings = sluicegate_config::load(flags, &environment, None);
    let settings = settings.map_err(|errors| CommandError::Usage(errors.to_string()))?;
    let settings = settings.settings;
    let ca_file = said(args.ca_file.as_deref(), "SLUICEGATE_CA_FILE");
    let docker_config = said(args.docker_config.as_deref(), "SLUICEGATE_DOCKER_CONFIG");
    let key_file = said(
        args.linking_key_file.as_deref(),
        "SLUICEGATE_LINKING_KEY_FILE",
    );
    let linking_key = key_file.map(|path| linking_key(&path)).transpose()?;
    let allowed = several(&args.allow, environment.get("SLUICEGATE_ALLOW"));
    if allowed.is_empty() {
        let why = "say which registries it may fetch from: --allow HOST";
        return Err(CommandError::Usage(why.to_owned()));
    }
    let mut allow = Vec::new();
    for text in allowed {
        let registry = registry_allowed(&text, &settings, docker_config.as_deref());
        let (registry, warnings) =
            registry.map_err(|errors| CommandError::Usage(errors.to_string()))?;
        for warning in warnings {
            note(&warning);
        }
        allow.push(UpstreamSettings {
            ca_file: ca_file.clone(),
            ..registry
        });
    }
    let watch = watched(
        several(&args.watch, environment.get("SLUICEGATE_WATCH")),
        &allow,
    )?;
    Ok(AgentParts {
        service,
        watch,
        ca_file,
        linking_key: linking_key.flatten(),
        allow,
        data: settings.data.join("scanner"),
        settings: Arc::new(settings),
        environment: Arc::new(environment),
    })
}

/// Reads what is looked for; each registry of it has to be allowed.
fn watched(
    patterns: Vec<String>,
    allow: &[UpstreamSettings],
) -> Result<Vec<Watched>, CommandError> {
    let read = |text: String| {
        let watched: Watched = text.parse().map_err(|error| usage(&error))?;
        let is_allowed = allow.iter().any(|it| it.name == watched.registry);
        let name = &watched.registry;
        let why = format!("--watch {text}: the registry is not allowed; add --allow {name}");
        is_allowed
            .then_some(watched)
            .ok_or(CommandError::Usage(why))
    };
    patterns.into_iter().map(read).collect()
}

fn usage(error: &dyn std::fmt::Display) -> CommandError {
    CommandError::Usage(error.to_string())
}

/// Takes the values of a flag, or those of its variable where there are none.
fn several(flag: &[String], variable: Option<&str>) -> Vec<String> {
    if !flag.is_empty() {
        return flag.to_vec();
    }
    let texts = variable.unwrap_or_default().split(['\n', ';']);
    let texts = texts.map(str::trim).filter(|text| !text.is_empty());
    texts.map(str::to_owned).collect()
}

/// Reads a linking key; none where the file is gone, which it may be once it was used.
fn linking_key(path: &Path) -> Result<Option<Secret>, CommandError> {
    let mut text = String::new();
    let read = File::open(path).and_then(|file| file.take(MAX_KEY_BYTES).read_to_string(&mut text));
    match read {
        Ok(_) => Ok(Some(Secret::new(text.trim()))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => Ok(None),
        Err(error) => {
            let why = format!("--linking-key-file {}: {error}", path.display());
            Err(CommandError::Usage(why))
        }
    }
}
