//! Every plugin as it is shown, built in or fed: for the API, and for a command where no service runs.

use jiff::Timestamp;
use schemars::JsonSchema;
use serde::Serialize;
use sluicegate_engine::plugins::ActivePlugins;
use sluicegate_model::schema::Instant;
use sluicegate_scanner::{PluginInfo, describe_fed};

use crate::fed_in_force::FedPlugins;

/// Where those come from that are compiled in.
const BUILT_IN: &str = "built in";

/// All plugins, in the order of their set.
#[derive(Debug, Serialize, JsonSchema)]
pub struct PluginsShown {
    /// The name of all that makes inventories what they are.
    fingerprint: String,
    /// Why the newest files are not in force, where they are not.
    problem: Option<String>,
    items: Vec<PluginShown>,
    /// Always null: there is one page.
    next: Option<String>,
}

/// A plugin.
#[derive(Debug, Serialize, JsonSchema)]
struct PluginShown {
    /// Such as `os/dpkg`, and `fed/acme` of one that was fed.
    name: String,
    /// `analyzer`, `detector`, `matcher` or `feed`.
    kind: String,
    /// Of one that is compiled in: raised with every change of what it finds.
    revision: u16,
    /// Of a fed one, its version, as its author says.
    version: Option<String>,
    /// Of a fed one, the SHA-256 of its file.
    digest: Option<String>,
    /// Whether it runs.
    enabled: bool,
    /// Where it came from: built in, a directory, a file, a registry, a feed.
    source: String,
    /// The trusted keys that signed it.
    signed_by: Vec<String>,
    /// What it claims: files, ecosystems or sources.
    claims: Vec<String>,
    /// What was seen of it; null where nobody counts.
    seen: Option<SeenOfIt>,
}

/// What was seen of a fed plugin since the service started, or since its file came.
#[derive(Debug, Serialize, JsonSchema)]
struct SeenOfIt {
    /// When it was asked last.
    #[schemars(with = "Option<Instant>")]
    last_asked: Option<Timestamp>,
    /// How many files and inventories it was asked about.
    asked: u64,
    /// How long it took in all, in milliseconds.
    took_ms: u64,
    /// How often it failed on one.
    failed: u64,
    /// Why it failed last.
    last_failure: Option<String>,
}

/// Shows the plugins of a set, where those came from that were fed, and, of a running service, what was
/// seen of them.
pub fn shown(active: &ActivePlugins, fed: Option<&FedPlugins>, is_running: bool) -> PluginsShown {
    let is_on = |it: &PluginInfo| {
        active
            .set()
            .fed()
            .any(|on| describe_fed(on).name == it.name)
    };
    let off = sluicegate_scanner::detectors().into_iter();
    let off = off.filter(|it| !is_on(it));
    let ours = sluicegate_scanner::plugins()
        .into_iter()
        .chain(off)
        .map(of_ours);
    let of_fed = active.set().fed().map(|plugin| {
        if plugin.is_built_in() {
            return of_ours(describe_fed(plugin));
        }
        let id = plugin.id();
        let origin = fed.and_then(|it| it.origin(id.name)).unwrap_or_default();
        let count = fed.filter(|_| is_running).map(|it| it.count(id.digest));
        PluginShown {
            source: origin.source,
            signed_by: origin.signed_by,
            seen: count.map(|count| SeenOfIt {
                last_asked: count.last,
                asked: count.asked,
                took_ms: u64::try_from(count.took.as_millis()).unwrap_or(u64::MAX),
                failed: count.failed,
                last_failure: count.last_failure,
            }),
            ..of_ours(describe_fed(plugin))
        }
    });
    PluginsShown {
        fingerprint: active.fingerprint().to_owned(),
        problem: fed.and_then(FedPlugins::last_error),
        items: ours.chain(of_fed).collect(),
        next: None,
    }
}

fn of_ours(info: PluginInfo) -> PluginShown {
    PluginShown {
        name: info.name,
        kind: info.kind.as_str().to_owned(),
        revision: info.revision,
        version: info.version,
        digest: info.digest,
        enabled: info.enabled,
        source: BUILT_IN.to_owned(),
        signed_by: Vec::new(),
        claims: info.claims,
        seen: None,
    }
}
