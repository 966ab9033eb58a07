//! Who is told what happens: receivers of events, and places that the decision log goes to as well.

use std::path::Path;
use std::sync::Arc;

use sluicegate_config::Settings;
use sluicegate_local::decisions::DecisionLog;
use sluicegate_model::clock::Clock;

use super::{ServiceParts, StartError, proxy_variables};
use crate::metrics::Metrics;
use crate::sinks::{Sinks, host_name};
use crate::webhook::Webhook;

/// The file with what this machine is called. Source: proc(5).
const MACHINE_NAME: &str = "/proc/sys/kernel/hostname";

/// Starts to send the log to its places. A disk that cannot keep how far they are is no reason not to
/// serve: they are sent all of it.
pub(super) async fn sinks(settings: &Settings, log: &DecisionLog) -> Sinks {
    let host = host_name(&settings.names, Path::new(MACHINE_NAME));
    let sinks = Sinks::new(&settings.decision_log_to, log, &host);
    if let Err(error) = sinks.begin().await {
        tracing::error!(%error, "it is not kept from where on the decision log is sent");
    }
    sinks.run();
    sinks
}

impl ServiceParts {
    /// Prepares the delivery of events to each receiver.
    pub(super) fn webhooks(
        &self,
        settings: &Settings,
        api_url: &str,
        metrics: &Metrics,
        clock: &Clock,
    ) -> Result<Vec<Webhook>, StartError> {
        let build = |webhook| {
            Webhook::new(
                webhook,
                format!("{api_url}/api/v1/events"),
                proxy_variables(settings),
                Arc::clone(&self.ledger),
                self.history.clone(),
                clock.clone(),
                metrics.clone(),
            )
        };
        let built = settings.webhooks.iter().map(build);
        built.collect::<Result<_, _>>().map_err(StartError::Webhook)
    }
}
