//! Manifests: what the gate answers, as a response.

use hyper::Response;
use sluicegate_model::image::Reference;

use super::body::Body;
use super::errors::{self, Wanted};
use super::registry::{Call, Registry};
use super::respond::{self, Sending};
use sluicegate_engine::gate::{Cleared, ManifestAnswer, ServedManifest};

/// Answers a manifest request.
pub async fn answer(registry: &Registry, call: &Call, reference: &Reference) -> Response<Body> {
    match registry.gate.serve_manifest(&call.asked, reference).await {
        Ok(ManifestAnswer::Serve(cleared, doubt)) => serve(registry, call, cleared, doubt),
        Ok(ManifestAnswer::Announce(cleared)) => respond::announced_manifest(&cleared),
        Ok(ManifestAnswer::Drip(cleared, judged)) => respond::dripped_manifest(cleared, judged),
        Ok(ManifestAnswer::Refuse(refusal)) => registry.refusal(call, &refusal),
        Ok(ManifestAnswer::RefuseName(refusal)) => errors::refused_name(&refusal, call.asked.head),
        Ok(ManifestAnswer::NotYet(ended)) => call.not_yet(ended),
        Err(error) => {
            registry.metrics.count_failure();
            tracing::warn!(%error, "pull not served");
            errors::pull_error(&error, Wanted::Manifest, call.asked.head)
        }
    }
}

fn serve(
    registry: &Registry,
    call: &Call,
    cleared: Cleared<ServedManifest>,
    doubt: Option<String>,
) -> Response<Body> {
    let sending = Sending::of(call, cleared.get().manifest.digest.as_str());
    respond::manifest(cleared, sending, &registry.details.base(call), doubt)
}
