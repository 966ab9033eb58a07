//! The composition root: settings become parts, parts become two listeners.
//!
//! The only file that names every part. Nothing here decides anything.

mod access;
mod judged_by;
mod kept;
mod listeners;
mod reload;
mod scanning;
mod start_error;
pub mod stopped;
mod store;
mod tasks;
mod telling;
pub mod unstarted;

use std::net::SocketAddr;
use std::sync::Arc;

use sluicegate_accounts::keys::Keys;
use sluicegate_config::{Settings, UpstreamIdentity};
use sluicegate_engine::ahead::Ahead;
use sluicegate_engine::attest::{AttestationKey, Attester, Attests};
use sluicegate_engine::audit::About;
use sluicegate_engine::blocked::Blocked;
use sluicegate_engine::break_glass::BreakGlass;
use sluicegate_engine::content::Content;
use sluicegate_engine::engine::{Engine, Ports, Ways};
use sluicegate_engine::instance_key::InstanceKey;
use sluicegate_engine::ledger::Ledger;
use sluicegate_engine::memory::Memory;
use sluicegate_engine::plugins::Plugins;
use sluicegate_engine::trace;
use sluicegate_feeds::Feeds;
use sluicegate_linked::linked::Linked;
use sluicegate_local::decisions::{PullLog, logged_book};
use sluicegate_model::clock::Clock;
use sluicegate_model::gate::GateMode;
use sluicegate_model::names::Names;
use sluicegate_upstream::{ProxyVariables, Upstream, UpstreamOptions, why};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::api::guard::Guard;
use crate::api::readiness::StoreProof;
use crate::api::{Allowances, ApiState};
use crate::attestation::Documents;
use crate::data_directory;
use crate::fed_in_force::FedPlugins;
use crate::history::PullHistory;
use crate::hooks::Hooks;
use crate::http::challenge::Front;
use crate::http::details::Details;
use crate::http::registry::Registry;
use crate::in_force::Current;
use crate::insecure;
use crate::metrics::Metrics;
use crate::origins::{OwnLogins, Upstreams, Whose};
use crate::policies::Policies;
use crate::replay::Replays;
use crate::sinks::Sinks;
use sluicegate_engine::gate::Gate;
use sluicegate_engine::pull::judge::Judge;
use sluicegate_engine::pull::pulls::Pulls;
use sluicegate_engine::rejudge::Rejudge;
use sluicegate_engine::reports::Reports;
use sluicegate_engine::reread::Reread;
use sluicegate_engine::scans::Scans;

pub use self::access::forget_keys;
pub use self::start_error::StartError;

use self::access::{Accounts, InForce};
use self::judged_by::{fed_plugins, judged_by, record_policies};
use self::kept::KeptParts;
use self::listeners::{Bound, Certificates, front};
use self::scanning::{ScanParts, follow, linked, who_scans};
use self::start_error::data_error;
use self::tasks::{
    begin_delivery, let_through_again, prepare_lists, prove_store, read_pulls, settle_pulls,
    tell_outgrown, tell_unmet,
};

/// A running service.
pub struct App {
    /// Where the registry listens.
    pub registry_addr: SocketAddr,
    /// Where the API listens.
    pub api_addr: SocketAddr,
    /// The current policies, for reloading.
    pub policies: Arc<Policies>,
    /// The current feeds, for looking at them at once.
    pub feeds: Arc<Feeds>,
    settings: Settings,
    certificates: Certificates,
    log: Arc<PullLog>,
    clock: Clock,
    keys: Keys,
    linked: Linked,
    blocked: Blocked,
    sinks: Sinks,
    draining: watch::Sender<bool>,
    listeners: Vec<JoinHandle<()>>,
}

impl App {
    /// Builds every part and starts listening.
    pub async fn start(settings: Settings) -> Result<Self, StartError> {
        let clock = sluicegate_machine::clock::system();
        let metrics = Metrics::new(clock.now());
        let draining = watch::Sender::new(false);
        let closed = data_directory::close(&settings.data)
            .map_err(|error| data_error(&settings.data, &error))?;
        let parts = ServiceParts::build(&settings, &clock, &metrics)?;
        let sinks = telling::sinks(&settings, parts.log.log()).await;
        record_policies(&parts, &clock, &settings.data)?;
        let bound = Bound::open(&settings).await?;
        let (registry_addr, api_addr) = (bound.registry_addr, bound.api_addr);
        let accounts = parts.accounts(&settings, &clock).await?;
        let certificates = Certificates::open(&settings)?;
        let scheme = certificates.api_scheme();
        let own_url = || format!("{scheme}://{api_addr}");
        let api_url = settings.api_url.clone().unwrap_or_else(own_url);
        let front = front(&settings, (registry_addr, api_addr), scheme);
        let registry = parts.registry(&settings, front, &accounts, &metrics, draining.subscribe());
        let webhooks = parts.webhooks(&settings, &api_url, &metrics, &clock)?;
        begin_delivery(&webhooks).await;
        let guard = Guard::new(api_addr, &settings.names, settings.api_url.as_deref());
        let guard = guard.with_machine_names();
        let state = Arc::new(ApiState {
            keys: Some(accounts.keys.clone()),
            linked: Some(parts.linked.clone()),
            webhooks,
            sinks: sinks.clone(),
            hooks: settings.hook_secret.as_ref().map(Hooks::new),
            insecure: insecure::list(&settings, &closed.problems),
            certificates: certificates.each(),
            ..parts.api_state(&settings, &metrics, &clock)
        });
        let listeners = bound.serve(
            &certificates,
            settings.max_connections,
            registry,
            (state, guard, accounts.of_api()),
            &settings.data,
            &draining,
        );
        closed.finish_in_background(settings.data.clone());
        parts.work_in_the_background(&settings, &clock);
        tracing::info!(%registry_addr, %api_addr, data = %settings.data.display(), "listening");
        Ok(Self {
            registry_addr,
            api_addr,
            policies: parts.policies,
            feeds: parts.feeds,
            settings,
            certificates,
            log: parts.log,
            clock,
            keys: accounts.keys,
            linked: parts.linked,
            blocked: parts.blocked,
            sinks,
            draining,
            listeners,
        })
    }

    /// Stops accepting and waits until connections have ended or were given their time.
    pub async fn drain(self) {
        self.draining.send_replace(true);
        self.linked.close();
        for listener in self.listeners {
            if let Err(error) = listener.await {
                tracing::error!(%error, "listener ended badly");
            }
        }
        if let Err(error) = self.log.drain(self.clock.now()).await {
            tracing::error!(%error, "last pulls not logged");
        }
        if let Err(error) = self.blocked.tell_all().await {
            tracing::error!(%error, "last refused pulls are no events");
        }
        if let Err(error) = self.keys.keep_last_uses().await {
            tracing::warn!(%error, "it is not kept when access keys were used last");
        }
    }
}

struct ServiceParts {
    content: Arc<dyn Content>,
    ledger: Arc<dyn Ledger>,
    log: Arc<PullLog>,
    policies: Arc<Policies>,
    feeds: Arc<Feeds>,
    fed: Arc<FedPlugins>,
    upstreams: Arc<Upstreams>,
    judge: Judge,
    running: Pulls,
    gate: Gate,
    history: PullHistory,
    rejudge: Rejudge,
    reread: Reread,
    reports: Reports,
    replays: Replays,
    break_glass: BreakGlass,
    blocked: Blocked,
    ahead: Ahead,
    attester: Attester,
    key: InstanceKey,
    linked: Linked,
}

impl ServiceParts {
    fn build(settings: &Settings, clock: &Clock, metrics: &Metrics) -> Result<Self, StartError> {
        let plugins = Plugins::default();
        let fed = fed_plugins(settings, &plugins, clock)?;
        let kept = KeptParts::open(settings, &plugins)?;
        let (content, ledger, log) = (kept.content, kept.ledger, kept.log);
        let history = PullHistory::new(log.directory().to_owned(), Arc::clone(&ledger));
        let log = Arc::new(PullLog::new(log));
        let upstreams = Arc::new(upstreams(settings, metrics)?);
        let (policies, feeds) = judged_by(settings, (&fed, &kept.key), clock)?;
        let memory = Memory::default();
        let linked = linked(settings, (&kept.key, &log), &memory, clock);
        let scan = ScanParts {
            limits: kept.limits,
            memory: &memory,
            instance: &kept.key,
            content: &content,
            origins: &upstreams,
            linked: &linked,
            plugins: &plugins,
        };
        let ports = Ports {
            content: Arc::clone(&content),
            ledger: Arc::clone(&ledger),
            origins: upstreams.clone(),
            layer_scan: who_scans(settings, scan),
            audit: log.clone(),
            snapshots: Current::new(Arc::clone(&policies), Arc::clone(&feeds)),
            tally: Arc::new(metrics.clone()),
            clock: clock.clone(),
            key: kept.key.clone(),
            attests: attests(kept.attestation_key, &feeds),
        };
        let engine = Engine::new(ports, ways(settings, memory, plugins));
        let (judge, drafts) = (engine.judge.clone(), engine.drafts);
        let lines = log.log().directory().to_owned();
        let replays = Replays::new(lines, drafts, judge, Arc::clone(&content));
        Ok(Self {
            content,
            ledger,
            log,
            policies,
            feeds,
            fed,
            upstreams,
            judge: engine.judge,
            running: engine.running,
            gate: engine.gate,
            history,
            rejudge: engine.rejudge,
            reread: engine.reread,
            reports: engine.reports,
            replays,
            break_glass: engine.break_glass,
            blocked: engine.blocked,
            ahead: engine.ahead,
            attester: engine.attester,
            key: kept.key,
            linked,
        })
    }

    /// Takes up who may ask for what: scanners and access keys.
    async fn accounts(&self, settings: &Settings, clock: &Clock) -> Result<Accounts, StartError> {
        let log = self.log.log().directory();
        let logged = logged_book(log, &self.key, About::Scanners);
        let logged = logged.map_err(|error| data_error(&settings.data, &error))?;
        let scanners = self.linked.take_up(logged).await;
        scanners.map_err(|error| data_error(&settings.data, &why(&error)))?;
        let in_force = InForce {
            policies: Arc::clone(&self.policies),
            upstreams: Arc::clone(&self.upstreams),
        };
        Accounts::open(settings, &self.key, &self.log, in_force, clock).await
    }

    fn work_in_the_background(&self, settings: &Settings, clock: &Clock) {
        tokio::spawn(Arc::clone(&self.policies).watch());
        tokio::spawn(Arc::clone(&self.fed).watch());
        tokio::spawn(tell_unmet(
            Arc::clone(&self.policies),
            Arc::clone(&self.feeds),
        ));
        tokio::spawn(prepare_lists(Arc::clone(&self.ledger)));
        tokio::spawn(prove_store(Arc::clone(&self.ledger)));
        tokio::spawn(read_pulls(Arc::clone(&self.ledger)));
        if let Some(most) = store::engine(settings).most_verdicts() {
            tokio::spawn(tell_outgrown(Arc::clone(&self.ledger), most));
        }
        tokio::spawn(let_through_again(self.break_glass.clone()));
        tokio::spawn(self.rejudge.clone().run());
        tokio::spawn(self.reread.clone().run());
        tokio::spawn(self.blocked.clone().run());
        tokio::spawn(self.ahead.clone().run());
        tokio::spawn(self.linked.clone().run());
        tokio::spawn(follow(
            self.linked.clone(),
            self.reports.clone(),
            Arc::clone(&self.ledger),
        ));
        tokio::spawn(settle_pulls(Arc::clone(&self.log), clock.clone()));
    }

    fn registry(
        &self,
        settings: &Settings,
        (details, front): (Details, Front),
        accounts: &Accounts,
        metrics: &Metrics,
        draining: watch::Receiver<bool>,
    ) -> Arc<Registry> {
        Arc::new(Registry {
            names: names(settings),
            callers: accounts.of_registry(),
            tokens: accounts.registry.clone(),
            upstreams: Arc::clone(&self.upstreams),
            front,
            gate: self.gate.clone(),
            details,
            explain_to_old_clients: settings.explain_to_old_clients,
            hold: settings.hold,
            metrics: metrics.clone(),
            draining,
        })
    }

    /// Gives what the API shows, but for what only a service that runs has.
    fn api_state(&self, settings: &Settings, metrics: &Metrics, clock: &Clock) -> ApiState {
        ApiState {
            ledger: Arc::clone(&self.ledger),
            store_proof: StoreProof::default(),
            content: self.content.clone(),
            judge: self.judge.clone(),
            attester: self.attester.clone(),
            running: self.running.clone(),
            upstreams: Arc::clone(&self.upstreams),
            names: names(settings),
            keys: None,
            linked: None,
            reports: self.reports.clone(),
            scans: Scans::new(names(settings), self.gate.clone(), clock.clone()),
            feeds: Arc::clone(&self.feeds),
            fed: Some(Arc::clone(&self.fed)),
            policies: Arc::clone(&self.policies),
            replays: Some(self.replays.clone()),
            break_glass: self.break_glass.clone(),
            rejudge: self.rejudge.clone(),
            audit: self.log.clone(),
            webhooks: Vec::new(),
            sinks: Sinks::default(),
            hooks: None,
            metrics: metrics.clone(),
            certificates: Vec::new(),
            data: settings.data.clone(),
            store: store::engine(settings),
            decisions_dir: settings.data.join("decisions"),
            allowances: Allowances::new(settings.data.join("decisions")),
            history: self.history.clone(),
            registry_auth: settings.registry_auth,
            api_auth: settings.api_auth,
            gate_mode: match settings.gate {
                GateMode::Hold => "hold",
                GateMode::Stream => "stream",
            },
            insecure: Vec::new(),
            clock: clock.clone(),
        }
    }
}

fn attests(key: AttestationKey, feeds: &Arc<Feeds>) -> Attests {
    Attests {
        key: Arc::new(key),
        writes: Arc::new(Documents::new(Arc::clone(feeds))),
    }
}

fn names(settings: &Settings) -> Names {
    Names::new(
        settings.upstreams.keys().map(String::as_str),
        settings.names.iter().map(String::as_str),
        &settings.default_upstream,
    )
}

fn upstreams(settings: &Settings, metrics: &Metrics) -> Result<Upstreams, StartError> {
    let mut upstreams = Vec::new();
    for (name, upstream) in &settings.upstreams {
        let metrics = metrics.clone();
        let proxy = proxy_variables(settings);
        let count = move |upstream: &str, code: u16| metrics.count_upstream(upstream, code);
        let built = UpstreamOptions::from_settings(upstream, proxy).and_then(|mut options| {
            options.trace = trace::step;
            match upstream.identity {
                UpstreamIdentity::Service => Upstream::new(options, Some(Arc::new(count)))
                    .map(|upstream| Whose::Service(Arc::new(upstream))),
                UpstreamIdentity::Client => OwnLogins::new(options, Some(Arc::new(count)))
                    .map(|own| Whose::Clients(Box::new(own))),
            }
        });
        let built = built.map_err(|source| StartError::Upstream {
            name: name.clone(),
            source,
        })?;
        upstreams.push(built);
    }
    Ok(Upstreams::new(upstreams))
}

fn ways(settings: &Settings, memory: Memory, plugins: Plugins) -> Ways {
    Ways {
        mode: settings.gate,
        platforms: settings.platforms.clone().into(),
        tag_ttl: settings.tag_ttl,
        break_glass_max: settings.break_glass_max,
        memory,
        plugins,
        give_way: tasks::give_way,
    }
}

/// Gives the proxy of the environment, for upstreams and feeds.
pub(crate) fn proxy_variables(settings: &Settings) -> ProxyVariables {
    ProxyVariables {
        https_proxy: settings.https_proxy.clone(),
        no_proxy: settings.no_proxy.clone(),
    }
}
