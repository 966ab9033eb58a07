//! How the service stands: pulls under way, cache, feeds, policy, insecure settings.

use std::sync::Arc;

use axum::Extension;
use axum::extract::State;
use schemars::JsonSchema;
use serde::Serialize;
use sluicegate_accounts::keys::Keys;
use sluicegate_config::Access;
use sluicegate_engine::identity::Who;
use sluicegate_engine::lacks::lacks;
use sluicegate_feeds::shown::{FeedsShown, tell};
use sluicegate_model::weakness::{CONFIGURATION, MALWARE, SECRETS};
use sluicegate_model::{Digest, Repository};
use sluicegate_scanner::PluginSet;
use sluicegate_upstream::Upstream;

use super::ApiState;
use super::answers::Word;
use super::asked::{Nothing, Query};
use super::break_glass;
use super::json::Json;
use crate::sinks::SinkView;
use crate::webhook::{Webhook, WebhookView};
use sluicegate_engine::pull::pulls::Pull;
use sluicegate_engine::rejudge::ProgressView;

/// Most warnings about policies that are shown.
const MAX_WARNINGS: usize = 100;

/// The state of the service.
#[derive(Debug, Serialize, JsonSchema)]
pub struct Status {
    /// The version of the program.
    version: &'static str,
    /// The program with the fingerprint of its parts.
    scanner: String,
    /// `hold` or `stream`.
    gate: &'static str,
    /// The engine that keeps the verdicts: `sled` or `redb`.
    store: String,
    /// How many pulls are under way.
    queue: usize,
    /// The pulls under way, longest first.
    pulls: Vec<RunningPull>,
    /// The upstreams that are asked for anything now, or left alone for a while.
    upstreams: Vec<UpstreamStatus>,
    /// The content store.
    cache: CacheStatus,
    /// Advisory feeds.
    feeds: FeedsStatus,
    /// The policy set in force.
    policy: PolicyStatus,
    /// The plugins in force beside those that come with the program.
    plugins: PluginsStatus,
    /// What is let through at this moment against what policy says, what ends first at the
    /// beginning.
    break_glass: Vec<break_glass::Shown>,
    /// The running pass over all stored verdicts, or the last one.
    rejudge: ProgressView,
    /// The delivery of events by the setting `webhook`; null where there is none.
    webhook: Option<WebhookView>,
    /// The delivery of events to each receiver, that one first.
    webhooks: Vec<WebhookView>,
    /// The places that the decision log goes to as well, and how far each is.
    decision_log_to: Vec<SinkView>,
    /// Who is asked for a key.
    access: AccessStatus,
    /// What lowers security, a line each.
    insecure: Vec<String>,
}

/// The plugins in force beside those that come with the program.
#[derive(Debug, Serialize, JsonSchema)]
struct PluginsStatus {
    fed: Vec<FedStatus>,
    /// The detector of secrets.
    secrets: DetectorStatus,
    /// The detector of careless configurations.
    configuration: DetectorStatus,
    /// Whether the digests of files are kept: on while a list of malicious files is in force.
    malware: DetectorStatus,
    /// Why the newest files are not in force, where they are not.
    problem: Option<String>,
}

/// A detector that comes with the program.
#[derive(Debug, Serialize, JsonSchema)]
struct DetectorStatus {
    /// Whether images are read by it.
    on: bool,
    /// Why, or why not.
    why: String,
}

/// A plugin that was fed.
#[derive(Debug, Serialize, JsonSchema)]
struct FedStatus {
    name: String,
    version: String,
    /// The SHA-256 of its file.
    digest: String,
}

/// Who is asked for a key: `required`, or `anonymous` where whoever comes is answered.
#[derive(Debug, Serialize, JsonSchema)]
struct AccessStatus {
    registry: &'static str,
    api: &'static str,
    /// How many keys are good; null where the service is stopped.
    keys: Option<usize>,
}

/// A pull under way.
#[derive(Debug, Serialize, JsonSchema)]
struct RunningPull {
    repository: Repository,
    digest: Digest,
    bytes_done: u64,
    bytes_expected: u64,
    /// For how long it has been under way.
    seconds: u64,
    /// What its upstream said for which it is left alone for a while.
    waits_for: Option<String>,
}

/// What is asked of an upstream now.
#[derive(Debug, Serialize, JsonSchema)]
struct UpstreamStatus {
    name: String,
    /// Requests under way.
    running: usize,
    /// Requests that wait for their turn.
    waiting: usize,
    /// How many blobs it is asked for at a time.
    limit: usize,
    /// What it said for which it is left alone for a while.
    waits_for: Option<String>,
}

/// The content store.
#[derive(Debug, Serialize, JsonSchema)]
struct CacheStatus {
    bytes: u64,
    capacity_bytes: u64,
}

/// Advisory feeds.
#[derive(Debug, Serialize, JsonSchema)]
struct FeedsStatus {
    #[serde(flatten)]
    shown: FeedsShown,
    /// Ecosystems that pulls wait for, or waited for in vain: they are being fetched.
    awaited: Vec<String>,
}

/// The policy set in force.
#[derive(Debug, Serialize, JsonSchema)]
struct PolicyStatus {
    names: Vec<String>,
    digest: Digest,
    /// How many sets have been in force since the start.
    revision: u64,
    /// Why the newest files are not in force, where they are not.
    error: Option<String>,
    /// What is surprising about the policy files, a line each: what loosens, never hits or is not
    /// read.
    warnings: Vec<String>,
}

/// Shows a pull under way.
fn running(state: &ApiState, pull: &Pull) -> RunningPull {
    let (bytes_done, bytes_expected) = pull.progress.bytes();
    let upstream = state.upstreams.client(&pull.scope.repository);
    RunningPull {
        repository: pull.scope.repository.clone(),
        digest: pull.manifest.digest.clone(),
        bytes_done,
        bytes_expected,
        seconds: pull.started.elapsed().as_secs(),
        waits_for: upstream.and_then(waits_for),
    }
}

fn plugins(state: &ApiState) -> PluginsStatus {
    let active = state.judge.plugins();
    let fed = active.set().fed().filter(|plugin| !plugin.is_built_in());
    let fed = fed.map(|plugin| FedStatus {
        name: plugin.id().name.to_owned(),
        version: plugin.id().version.to_owned(),
        digest: format!("sha256:{}", plugin.id().digest),
    });
    PluginsStatus {
        fed: fed.collect(),
        secrets: detector(active.set(), SECRETS, "secret"),
        configuration: detector(active.set(), CONFIGURATION, "configuration"),
        malware: malware_detector(active.set()),
        problem: state.fed.as_ref().and_then(|fed| fed.last_error()),
    }
}

fn malware_detector(set: &PluginSet) -> DetectorStatus {
    let on = is_on(set, MALWARE);
    let lists = if on { "a list" } else { "no list" };
    DetectorStatus {
        on,
        why: format!("{lists} of malicious files is in force"),
    }
}

fn is_on(set: &PluginSet, name: &str) -> bool {
    set.fed().any(|plugin| plugin.id().name == name)
}

fn detector(set: &PluginSet, name: &str, kind: &'static str) -> DetectorStatus {
    let on = is_on(set, name);
    let asks = if on { "a rule asks" } else { "no rule asks" };
    DetectorStatus {
        on,
        why: format!("{asks} for kind: {kind}"),
    }
}

/// Shows everything an operator asks first.
pub async fn status(
    State(state): State<Arc<ApiState>>,
    Extension(who): Extension<Who>,
    _: Query<Nothing>,
) -> Json<Status> {
    let pulls = state.running.list();
    let pulls: Vec<RunningPull> = pulls.iter().map(|pull| running(&state, pull)).collect();
    let webhooks: Vec<WebhookView> = state.webhooks.iter().map(Webhook::view).collect();
    Json(Status {
        version: env!("CARGO_PKG_VERSION"),
        scanner: state.judge.plugins().scanner().to_owned(),
        gate: state.gate_mode,
        store: state.store.to_string(),
        queue: pulls.len(),
        pulls,
        upstreams: upstreams(&state),
        cache: CacheStatus {
            bytes: state.content.used_bytes(),
            capacity_bytes: state.content.capacity_bytes(),
        },
        feeds: feeds(&state),
        policy: policy(&state),
        plugins: plugins(&state),
        break_glass: break_glass::in_force(&state, &who),
        rejudge: state.rejudge.progress(),
        webhook: webhooks.iter().find(|it| it.name == "webhook").cloned(),
        webhooks,
        decision_log_to: state.sinks.views(),
        access: access(&state),
        insecure: insecure(&state),
    })
}

fn access(state: &ApiState) -> AccessStatus {
    AccessStatus {
        registry: state.registry_auth.as_str(),
        api: state.api_auth.as_str(),
        keys: state.keys.as_ref().map(Keys::active),
    }
}

/// Names what lowers security: settings, and what is open although there are keys.
fn insecure(state: &ApiState) -> Vec<String> {
    let mut insecure = state.insecure.clone();
    let keys = state.keys.as_ref().map_or(0, Keys::active);
    if keys > 0 && state.registry_auth == Access::Anonymous {
        let line = "the registry answers without a key although there are some \
                    (registry_auth: required asks for them)";
        insecure.push(line.to_owned());
    }
    insecure
}

/// Shows what is asked of each upstream that is asked for anything now.
fn upstreams(state: &ApiState) -> Vec<UpstreamStatus> {
    let all = state.upstreams.all().into_iter();
    all.filter_map(|upstream| {
        let [blobs, manifests] = upstream.load();
        let waits_for = waits_for(upstream);
        let running = blobs.running + manifests.running;
        let waiting = blobs.waiting + manifests.waiting;
        (running + waiting > 0 || waits_for.is_some()).then(|| UpstreamStatus {
            name: upstream.name().to_owned(),
            running,
            waiting,
            limit: blobs.limit,
            waits_for,
        })
    })
    .collect()
}

/// Says what an upstream that is left alone for a while has said, and for how long that is.
fn waits_for(upstream: &Upstream) -> Option<String> {
    let paused = upstream.load().into_iter().filter_map(|load| load.paused);
    let (left, words) = paused.max_by_key(|(left, _)| *left)?;
    let seconds = left.as_millis().div_ceil(1_000);
    Some(format!("{words}; asked again in {seconds} s"))
}

/// Says that the process lives.
pub async fn healthz() -> Word {
    Word("ok\n")
}

fn feeds(state: &ApiState) -> FeedsStatus {
    let (current, is_loaded) = (state.feeds.current(), state.feeds.is_loaded());
    FeedsStatus {
        shown: tell(&current, is_loaded, state.clock.now()),
        awaited: state.feeds.awaited(),
    }
}

fn policy(state: &ApiState) -> PolicyStatus {
    let current = state.policies.current();
    let mut warnings = state.policies.unread();
    warnings.extend(current.lint(state.clock.now()));
    warnings.extend(current.unmet(None, &lacks(&state.feeds.current().index)));
    warnings.truncate(MAX_WARNINGS);
    PolicyStatus {
        names: current.policy_names(),
        digest: current.digest(),
        revision: state.policies.revision(),
        error: state.policies.last_error(),
        warnings,
    }
}
