//! Who may ask for what: access keys, and who is asked for one at each listener.

use std::fmt;
use std::net::{IpAddr, Ipv4Addr};
use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use sluicegate_accounts::api::{ApiIdentity, WithoutKey};
use sluicegate_accounts::keys::{KeyParts, Keys, OpenError};
use sluicegate_accounts::local::LocalIdentity;
use sluicegate_accounts::registry::{Askers, RegistryIdentity};
use sluicegate_config::{Access, Environment, Flags, Settings};
use sluicegate_engine::audit::About;
use sluicegate_engine::identity::{Identity, Presented, Who};
use sluicegate_engine::instance_key::InstanceKey;
use sluicegate_local::decisions::{DecisionLog, LogError, PullLog, logged_book};
use sluicegate_local::keys::KeyFile;
use sluicegate_model::access::{Reach, Rights, Role};
use sluicegate_model::clock::Clock;
use sluicegate_model::{Principal, Repository};

use super::{StartError, data_error};
use crate::http::callers::Callers;
use crate::http::forwarded::TrustedProxies;
use crate::instance_key::{self, InstanceKeyError};
use crate::origins::Upstreams;
use crate::policies::Policies;

/// How often it is kept when keys were used last.
const KEEP_USES: Duration = Duration::from_mins(1);

/// Who is who at each listener.
#[derive(Clone, Debug)]
pub(super) struct Accounts {
    /// The keys.
    pub(super) keys: Keys,
    /// Who asks the registry.
    pub(super) registry: RegistryIdentity,
    api: ApiIdentity,
    trusted: TrustedProxies,
}

impl Accounts {
    /// Opens the keys, where they are those that the log tells of.
    pub(super) async fn open(
        settings: &Settings,
        instance: &InstanceKey,
        log: &Arc<PullLog>,
        in_force: InForce,
        clock: &Clock,
    ) -> Result<Self, StartError> {
        let data = &settings.data;
        let logged = logged_book(log.log().directory(), instance, About::Keys);
        let logged = logged.map_err(|error| data_error(data, &error))?;
        let parts = KeyParts {
            store: Arc::new(KeyFile::new(data, instance.clone())),
            log: log.clone(),
            instance: instance.clone(),
            clock: clock.clone(),
        };
        let keys = Keys::open(parts, logged, &this_process()).await;
        let keys = keys.map_err(|source| StartError::Keys {
            directory: data.clone(),
            source,
        })?;
        let registry = RegistryIdentity::new(
            keys.clone(),
            (instance.clone(), clock.clone()),
            Arc::new(in_force),
            settings.registry_auth == Access::Required,
        );
        tokio::spawn(keep_last_uses(keys.clone()));
        let api = ApiIdentity::new(keys.clone(), without_key(settings));
        Ok(Self {
            keys,
            registry,
            api,
            trusted: TrustedProxies::new(settings.trusted_proxies.clone()),
        })
    }

    /// Tells who asks the registry.
    pub(super) fn of_registry(&self) -> Callers {
        self.callers(Arc::new(self.registry.clone()))
    }

    /// Tells who asks the API.
    pub(super) fn of_api(&self) -> Callers {
        self.callers(Arc::new(self.api.clone()))
    }

    fn callers(&self, identity: Arc<dyn Identity>) -> Callers {
        Callers::new(self.trusted.clone(), identity)
    }
}

/// Tells who asks at the socket of this machine.
pub(super) fn local_callers() -> Callers {
    Callers::new(TrustedProxies::default(), Arc::new(LocalIdentity))
}

/// Keeps now and then when keys were used last.
async fn keep_last_uses(keys: Keys) {
    loop {
        tokio::time::sleep(KEEP_USES).await;
        if let Err(error) = keys.keep_last_uses().await {
            tracing::warn!(%error, "it is not kept when access keys were used last");
        }
    }
}

/// What somebody may do at the API who sends no key.
fn without_key(settings: &Settings) -> WithoutKey {
    let is_local = settings.api_listen.ip().to_canonical().is_loopback();
    match (settings.api_auth, is_local) {
        (Access::Required, _) => WithoutKey::Nothing,
        (Access::Anonymous, false) => WithoutKey::Reads,
        (Access::Anonymous, true) => WithoutKey::ReadsAndScans,
    }
}

/// This process, where it does something by itself.
fn this_process() -> Who {
    let here = IpAddr::V4(Ipv4Addr::LOCALHOST);
    let user = rustix::process::geteuid().as_raw();
    let rights = Rights::of(Role::Admin, Reach::EVERYTHING);
    Presented::from_address(here).by(Some(Principal::Local(user)), rights)
}

/// What the policies in force say of those who ask, and which upstreams tell them apart themselves.
pub(super) struct InForce {
    pub(super) policies: Arc<Policies>,
    pub(super) upstreams: Arc<Upstreams>,
}

impl fmt::Debug for InForce {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("InForce").finish_non_exhaustive()
    }
}

impl Askers for InForce {
    fn name_keys(&self) -> bool {
        self.policies.current().names_keys()
    }

    fn are_let_in_by_upstream(&self, repository: &Repository) -> bool {
        self.upstreams.own_logins(repository).is_some()
    }

    fn has_such_upstreams(&self) -> bool {
        self.upstreams.have_own_logins()
    }

    fn name_network(&self, address: IpAddr) -> bool {
        self.policies.current().names_network(address)
    }
}

/// Gives up all keys of a stopped service, and has its log tell of it.
pub async fn forget_keys(data: &Path) -> Result<(), ForgetError> {
    if !data.join("decisions").is_dir() {
        return Err(ForgetError::NoService(data.to_owned()));
    }
    let opened = DecisionLog::open(&data.join("decisions"));
    let (log, _) = opened.map_err(|error| match error {
        LogError::InUse(..) => ForgetError::InUse(data.to_owned()),
        error => ForgetError::Log(error),
    })?;
    let environment = Environment::of_process();
    let named = sluicegate_config::load_with_file(Flags::default(), &environment);
    let named = named
        .ok()
        .and_then(|loaded| loaded.settings.instance_key_file);
    let instance = instance_key::open(data, named.as_deref())?;
    let logged = logged_book(log.directory(), &instance, About::Keys)?;
    let parts = KeyParts {
        store: Arc::new(KeyFile::new(data, instance.clone())),
        log: Arc::new(PullLog::new(log)),
        instance,
        clock: sluicegate_machine::clock::system(),
    };
    Ok(Keys::forget(&parts, logged, &this_process()).await?)
}

/// Says why keys are not given up.
#[derive(Debug, thiserror::Error)]
pub enum ForgetError {
    /// No service ever kept anything there.
    #[error("{} holds no service's data", .0.display())]
    NoService(PathBuf),
    /// The service runs.
    #[error("{}: a service runs here; stop it, or end single keys with `keys revoke`", .0.display())]
    InUse(PathBuf),
    /// The log does not take it.
    #[error(transparent)]
    Log(#[from] LogError),
    /// There is no key to sign with.
    #[error(transparent)]
    Instance(#[from] InstanceKeyError),
    /// They cannot be kept or logged like this.
    #[error(transparent)]
    Keys(#[from] OpenError),
}
