//! Counters and gauges in Prometheus' text format. Their names are part of the contract.
//!
//! What happens is counted here; what is measured when somebody asks is handed in, and `process` is
//! what the system says of the program.

mod measured;
mod process;
mod text;

use std::sync::Arc;

use jiff::Timestamp;
use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::encoding::text::encode_registry;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use sluicegate_engine::tally::{Found, Tally};
use sluicegate_model::verdict::{Decision, Verdict};

use measured::AllMeasured;
pub use measured::{Label, Measured};
pub use text::MEDIA_TYPE;

/// Buckets of scan times, in seconds: from a cached layer to a huge image.
const SCAN_SECONDS: [f64; 10] = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0];

/// Every metric of the program.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    started: Timestamp,
    pulls: Family<ByDecision, Counter>,
    failures: Counter,
    refusals: Family<ByRule, Counter>,
    denied: Counter,
    blobs: Family<ByOutcome, Counter>,
    scan_seconds: Histogram,
    upstream_requests: Family<ByUpstream, Counter>,
    rejudged: Family<ByOutcome, Counter>,
    webhook: Family<ByWebhook, Counter>,
    hooks: Family<ByOutcome, Counter>,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByDecision {
    decision: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByOutcome {
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByWebhook {
    webhook: String,
    outcome: &'static str,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByUpstream {
    upstream: String,
    code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByRule {
    policy: String,
    rule: String,
}

const fn outcome(found: Found) -> ByOutcome {
    let outcome = match found {
        Found::Hit => "hit",
        Found::Miss => "miss",
    };
    ByOutcome { outcome }
}

impl Tally for Metrics {
    fn count_pull(&self, decision: Decision, verdict: Option<&Arc<Verdict>>) {
        self.pulls
            .get_or_create(&ByDecision {
                decision: decision.as_str(),
            })
            .inc();
        if let (Decision::Refuse, Some(verdict)) = (decision, verdict) {
            // Strictest first: the first one is a rule that refuses.
            let rule = verdict
                .reasons
                .first()
                .map(|reason| reason.rule.to_string());
            self.refusals
                .get_or_create(&ByRule {
                    policy: verdict.policy.name.clone(),
                    rule: rule.unwrap_or_default(),
                })
                .inc();
        }
    }

    fn count_denied(&self) {
        self.denied.inc();
    }

    fn count_blob(&self, found: Found) {
        self.blobs.get_or_create(&outcome(found)).inc();
    }

    fn observe_scan(&self, seconds: f64) {
        self.scan_seconds.observe(seconds);
    }

    fn count_rejudged(&self, renewed: u64, skipped: u64) {
        for (outcome, count) in [("renewed", renewed), ("skipped", skipped)] {
            self.rejudged
                .get_or_create(&ByOutcome { outcome })
                .inc_by(count);
        }
    }
}

impl Metrics {
    /// Registers every metric of a program that started at `started`.
    pub fn new(started: Timestamp) -> Self {
        let mut registry = Registry::with_prefix("sluicegate");
        let pulls = pulls(&mut registry);
        let refusals = Family::<ByRule, Counter>::default();
        registry.register(
            "refusals",
            "Manifest requests refused, by policy and the rule that spoke first",
            refusals.clone(),
        );
        let [failures, denied] = not_served(&mut registry);
        let blobs = blobs(&mut registry);
        let scan_seconds = Histogram::new(SCAN_SECONDS);
        registry.register(
            "scan_seconds",
            "From first request to verdict",
            scan_seconds.clone(),
        );
        let upstream_requests = Family::<ByUpstream, Counter>::default();
        registry.register(
            "upstream_requests",
            "Requests sent upstream",
            upstream_requests.clone(),
        );
        let rejudged = by_outcome(
            &mut registry,
            "rejudged",
            "Old verdicts found in the background, by what became of them",
        );
        let webhook = Family::<ByWebhook, Counter>::default();
        registry.register(
            "webhook_events",
            "Events sent to each webhook, by what became of them",
            webhook.clone(),
        );
        let hooks = by_outcome(
            &mut registry,
            "hook_notifications",
            "Notifications of pushes by registries, by what became of them",
        );
        Self {
            registry: Arc::new(registry),
            started,
            pulls,
            failures,
            refusals,
            denied,
            blobs,
            scan_seconds,
            upstream_requests,
            rejudged,
            webhook,
            hooks,
        }
    }

    /// Counts a manifest request that failed.
    pub fn count_failure(&self) {
        self.failures.inc();
    }

    /// Counts an upstream's answer.
    pub fn count_upstream(&self, upstream: &str, code: u16) {
        self.upstream_requests
            .get_or_create(&ByUpstream {
                upstream: upstream.to_owned(),
                code,
            })
            .inc();
    }

    /// Counts events that a webhook delivered, dropped or lost.
    pub fn count_webhook(&self, webhook: &str, outcome: &'static str, events: u64) {
        let webhook = webhook.to_owned();
        self.webhook
            .get_or_create(&ByWebhook { webhook, outcome })
            .inc_by(events);
    }

    /// Counts a notification of a registry.
    pub fn count_hook(&self, outcome: &'static str) {
        self.hooks.get_or_create(&ByOutcome { outcome }).inc();
    }

    /// Tells when the program started.
    pub fn started(&self) -> Timestamp {
        self.started
    }

    /// Writes all of it as Prometheus reads it, with what was measured just now.
    pub fn encode(&self, mut measured: Vec<Measured>) -> String {
        measured.extend(process::measure(self.started));
        let mut just_now = Registry::default();
        just_now.register_collector(Box::new(AllMeasured(measured)));
        let mut written = String::new();
        for registry in [self.registry.as_ref(), &just_now] {
            if let Err(error) = encode_registry(&mut written, registry) {
                tracing::error!(%error, "metrics not written");
            }
        }
        text::of_openmetrics(&written)
    }
}

fn not_served(registry: &mut Registry) -> [Counter; 2] {
    let counters = [
        ("pull_failures", "Pulls that could not be served"),
        ("denied", "Requests for registries that are not configured"),
    ];
    counters.map(|(name, help)| {
        let counter = Counter::default();
        registry.register(name, help, counter.clone());
        counter
    })
}

/// Registers the pulls, and begins each kind at zero: a rate of what was never counted is no
/// number, and no alert comes of it.
fn pulls(registry: &mut Registry) -> Family<ByDecision, Counter> {
    let pulls = Family::<ByDecision, Counter>::default();
    for decision in [Decision::Allow, Decision::Annotate, Decision::Refuse] {
        let decision = decision.as_str();
        let _begins_at_zero = pulls.get_or_create(&ByDecision { decision });
    }
    let help = "Manifest requests answered, by decision";
    registry.register("pulls", help, pulls.clone());
    pulls
}

/// Registers the uses of the cache, beginning at zero as well.
fn blobs(registry: &mut Registry) -> Family<ByOutcome, Counter> {
    let help = "Blobs asked for, by whether they were here (hit) or had to be fetched (miss)";
    let blobs = by_outcome(registry, "cache_requests", help);
    for found in [Found::Hit, Found::Miss] {
        let _begins_at_zero = blobs.get_or_create(&outcome(found));
    }
    blobs
}

fn by_outcome(registry: &mut Registry, name: &str, help: &str) -> Family<ByOutcome, Counter> {
    let counters = Family::<ByOutcome, Counter>::default();
    registry.register(name, help, counters.clone());
    counters
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn everything_is_described_under_its_own_name() {
        let metrics = Metrics::new(Timestamp::UNIX_EPOCH);
        metrics.count_denied();
        metrics.count_upstream("up.test", 200);
        let measured = vec![
            Measured::one("sluicegate_x_bytes", "Is x", 7.0),
            Measured::each("sluicegate_y", "Is y", "of", [("a\"b".to_owned(), 1.0)]),
            Measured::each("sluicegate_z", "Is nowhere", "of", []),
        ];
        let text = metrics.encode(measured);
        for line in [
            "# TYPE sluicegate_denied_total counter",
            "sluicegate_denied_total 1",
            "sluicegate_pulls_total{decision=\"refuse\"} 0",
            "sluicegate_cache_requests_total{outcome=\"miss\"} 0",
            "sluicegate_upstream_requests_total{upstream=\"up.test\",code=\"200\"} 1",
            "# TYPE sluicegate_x_bytes gauge",
            "sluicegate_x_bytes 7.0",
            "sluicegate_y{of=\"a\\\"b\"} 1.0",
            "# TYPE process_cpu_seconds_total counter",
            "process_start_time_seconds 0.0",
        ] {
            assert!(
                text.lines().any(|written| written == line),
                "{line} in {text}"
            );
        }
        assert!(
            !text.contains("sluicegate_z") && !text.contains("# EOF"),
            "{text}"
        );
    }
}
