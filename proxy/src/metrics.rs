//! Counters and gauges in Prometheus' text format. Their names are part of the contract.

use std::sync::Arc;

use prometheus_client::encoding::EncodeLabelSet;
use prometheus_client::metrics::counter::Counter;
use prometheus_client::metrics::family::Family;
use prometheus_client::metrics::gauge::Gauge;
use prometheus_client::metrics::histogram::Histogram;
use prometheus_client::registry::Registry;
use sluicegate_model::verdict::Decision;

/// Buckets of scan times, in seconds: from a cached layer to a huge image.
const SCAN_SECONDS: [f64; 10] = [0.01, 0.05, 0.1, 0.5, 1.0, 5.0, 10.0, 30.0, 60.0, 300.0];

/// Every metric of the program.
#[derive(Clone)]
pub struct Metrics {
    registry: Arc<Registry>,
    pulls: Family<ByDecision, Counter>,
    failures: Counter,
    denied: Counter,
    scan_seconds: Histogram,
    upstream_requests: Family<ByUpstream, Counter>,
    feed_age: Family<ByEcosystem, Gauge>,
    cache_bytes: Gauge,
    pulls_running: Gauge,
    rejudged: Family<ByOutcome, Counter>,
    webhook: Family<ByOutcome, Counter>,
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
struct ByUpstream {
    upstream: String,
    code: u16,
}

#[derive(Clone, Debug, PartialEq, Eq, Hash, EncodeLabelSet)]
struct ByEcosystem {
    ecosystem: String,
}

impl Default for Metrics {
    fn default() -> Self {
        Self::new()
    }
}

impl Metrics {
    /// Registers every metric.
    pub fn new() -> Self {
        let mut registry = Registry::with_prefix("sluicegate");
        let pulls = Family::<ByDecision, Counter>::default();
        registry.register(
            "pulls",
            "Manifest requests answered, by decision",
            pulls.clone(),
        );
        let [failures, denied] = not_served(&mut registry);
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
        let feed_age = Family::<ByEcosystem, Gauge>::default();
        registry.register(
            "feed_age_seconds",
            "Age of the newest record of an ecosystem's family",
            feed_age.clone(),
        );
        let cache_bytes = gauge(&mut registry, "cache_bytes", "Bytes of content kept");
        let pulls_running = gauge(
            &mut registry,
            "pulls_running",
            "Pulls being fetched and scanned",
        );
        let rejudged = by_outcome(
            &mut registry,
            "rejudged",
            "Old verdicts found in the background, by what became of them",
        );
        let webhook = by_outcome(
            &mut registry,
            "webhook_events",
            "Events sent to the webhook, by what became of them",
        );
        Self {
            registry: Arc::new(registry),
            pulls,
            failures,
            denied,
            scan_seconds,
            upstream_requests,
            feed_age,
            cache_bytes,
            pulls_running,
            rejudged,
            webhook,
        }
    }

    /// Counts a manifest request that was decided.
    pub fn count_pull(&self, decision: Decision) {
        self.pulls
            .get_or_create(&ByDecision {
                decision: decision.as_str(),
            })
            .inc();
    }

    /// Counts a manifest request that failed.
    pub fn count_failure(&self) {
        self.failures.inc();
    }

    /// Counts a request for a registry that is not configured.
    pub fn count_denied(&self) {
        self.denied.inc();
    }

    /// Notes how long an image took to be judged, in seconds.
    pub fn observe_scan(&self, seconds: f64) {
        self.scan_seconds.observe(seconds);
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

    /// Notes the age of what is known of each ecosystem, in seconds. Those that are no longer
    /// loaded go: they would stay as young as they were.
    pub fn set_feed_ages(&self, ages: Vec<(String, i64)>) {
        self.feed_age.clear();
        for (ecosystem, seconds) in ages {
            self.feed_age
                .get_or_create(&ByEcosystem { ecosystem })
                .set(seconds);
        }
    }

    /// Notes the size of the content store, in bytes.
    pub fn set_cache_bytes(&self, bytes: u64) {
        self.cache_bytes
            .set(i64::try_from(bytes).unwrap_or(i64::MAX));
    }

    /// Notes how many pulls are under way.
    pub fn set_pulls_running(&self, pulls: usize) {
        self.pulls_running
            .set(i64::try_from(pulls).unwrap_or(i64::MAX));
    }

    /// Counts old verdicts that the background pass made anew, and those that it could not.
    pub fn count_rejudged(&self, renewed: u64, skipped: u64) {
        for (outcome, count) in [("renewed", renewed), ("skipped", skipped)] {
            self.rejudged
                .get_or_create(&ByOutcome { outcome })
                .inc_by(count);
        }
    }

    /// Counts events that the webhook delivered, dropped or lost.
    pub fn count_webhook(&self, outcome: &'static str, events: u64) {
        self.webhook
            .get_or_create(&ByOutcome { outcome })
            .inc_by(events);
    }

    /// Writes all of it as Prometheus reads it.
    pub fn encode(&self) -> String {
        let mut text = String::new();
        match prometheus_client::encoding::text::encode(&mut text, &self.registry) {
            Ok(()) => text,
            Err(error) => format!("# metrics could not be written: {error}\n"),
        }
    }
}

fn not_served(registry: &mut Registry) -> [Counter; 2] {
    let counters = [
        ("pull_failures", "Pulls that could not be served"),
        (
            "unconfigured_registry_requests",
            "Requests for registries that are not configured here",
        ),
    ];
    counters.map(|(name, help)| {
        let counter = Counter::default();
        registry.register(name, help, counter.clone());
        counter
    })
}

fn gauge(registry: &mut Registry, name: &str, help: &str) -> Gauge {
    let gauge = Gauge::default();
    registry.register(name, help, gauge.clone());
    gauge
}

fn by_outcome(registry: &mut Registry, name: &str, help: &str) -> Family<ByOutcome, Counter> {
    let counters = Family::<ByOutcome, Counter>::default();
    registry.register(name, help, counters.clone());
    counters
}
