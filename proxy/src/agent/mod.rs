//! A linked scanner: enrols with a service, asks it for work, fetches what it may from its own
//! registries, and says what it found. It dials out only, and no byte of an image leaves it.
//!
//! Reading order: `credential` (who it is to the service), `service` (what is asked of that),
//! `modules` (the plugins that work is done by), `reach` (which registries it may fetch from), `looks` (one layer or image), `watch` with `told` (images that nobody asks for), `work` (all of it, until it is
//! told to stop).

mod credential;
mod looks;
mod modules;
mod reach;
mod service;
mod told;
mod watch;
mod work;

use std::path::PathBuf;
use std::sync::Arc;

pub use self::watch::Watched;

use sluicegate_config::{Environment, Settings, UpstreamSettings};
use sluicegate_linked::task::revisions;
use sluicegate_model::Digest;
use sluicegate_model::secret::Secret;
use sluicegate_upstream::UpstreamError;
use url::Url;

use self::credential::{Enrolment, KeptError};
use self::looks::Looks;
use self::modules::Modules;
use self::reach::Reach;
use self::service::{Service, ServiceError};
use self::told::Told;
use self::watch::Watch;

/// What a scanner is started with.
pub struct AgentParts {
    /// The service's API.
    pub service: Url,
    /// Certificate authorities to believe for the service, beside the system's.
    pub ca_file: Option<PathBuf>,
    /// What it may enrol with, where it is not enrolled yet.
    pub linking_key: Option<Secret>,
    /// The registries that it may fetch from.
    pub allow: Vec<UpstreamSettings>,
    /// What it looks for by itself.
    pub watch: Vec<Watched>,
    /// Where it keeps its credential and what it found.
    pub data: PathBuf,
    /// The proxies of this machine, and what else sources of images ask for.
    pub settings: Arc<Settings>,
    /// The environment of this process.
    pub environment: Arc<Environment>,
}

/// Says why a scanner ends before it is told to.
#[derive(Debug, thiserror::Error)]
pub enum AgentError {
    /// It has no credential, and nothing to get one with.
    #[error("{0:?} holds no credential, and no linking key was given: --linking-key-file")]
    NotLinked(PathBuf),
    /// What it keeps cannot be read or written.
    #[error(transparent)]
    Kept(#[from] KeptError),
    /// A registry or the service cannot be asked like this.
    #[error(transparent)]
    Settings(#[from] UpstreamError),
    /// The service does not let it in.
    #[error("the service refuses this scanner: {0}")]
    Refused(String),
}

/// Runs a scanner until `stop` ends.
pub async fn run(parts: AgentParts, stop: impl Future<Output = ()>) -> Result<(), AgentError> {
    let service = Service::new(&parts.service, parts.ca_file.as_deref(), &parts.settings)?;
    let reach = Reach::new(&parts)?;
    let enrolment = Enrolment::open(&parts.data, parts.linking_key.as_ref())?;
    let enrolment = enrolment.ok_or_else(|| AgentError::NotLinked(parts.data.clone()))?;
    let looks = Looks::new(reach.clone(), parts.data.join("facts"));
    let modules = Arc::new(Modules::new(parts.data.join("plugins")));
    let mut stop = std::pin::pin!(stop);
    let enrolled = tokio::select! {
        enrolled = enrol(&service, enrolment, parts.linking_key.as_ref()) => enrolled?,
        () = &mut stop => return Ok(()),
    };
    let service = Arc::new(service.presenting(&enrolled));
    let whoever = Digest::of(enrolled.expose().as_bytes());
    let watch = Watch {
        watched: parts.watch,
        reach,
        looks: looks.clone(),
        service: Arc::clone(&service),
        modules: Arc::clone(&modules),
        told: Told::open(&parts.data, format!("{whoever} {}", revisions())),
    };
    let watching = tokio::spawn(watch.run());
    let worked = work::work(service, (looks, modules), stop).await;
    watching.abort();
    worked
}

/// Enrols the scanner where it is not yet, however long the service is away.
async fn enrol(
    service: &Service,
    mut enrolment: Enrolment,
    linking_key: Option<&Secret>,
) -> Result<Secret, AgentError> {
    let mut pause = work::Pause::default();
    while let (false, Some(linking_key)) = (enrolment.is_enrolled(), linking_key) {
        match service.enrol(linking_key, &enrolment.credential()).await {
            Ok(enrolled) => {
                let repositories = match enrolled.repositories.as_slice() {
                    [] => "all".to_owned(),
                    some => some.join(", "),
                };
                tracing::info!(scanner = %enrolled.name, repositories, "enrolled");
                enrolment.keep_enrolled()?;
            }
            Err(ServiceError::Refused(why)) => return Err(AgentError::Refused(why)),
            Err(error) => pause.after(&error).await,
        }
    }
    Ok(enrolment.credential())
}
