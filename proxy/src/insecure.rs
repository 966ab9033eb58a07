//! What lowers security, in words, for status: settings, and files that others can read. Called by
//! `app`.

use sluicegate_config::{Access, FeedSource, Settings, SinkPlace, is_loopback};

/// Names it, a line each; `readable` is what of the data directory could not be closed.
pub(crate) fn list(settings: &Settings, readable: &[String]) -> Vec<String> {
    for place in readable {
        tracing::warn!(place, "data is not private");
    }
    let mut insecure = readable.to_vec();
    for upstream in settings.upstreams.values() {
        if upstream.url.scheme() == "http" {
            insecure.push(format!("upstream {} is reached without TLS", upstream.name));
        }
    }
    for feed in &settings.feeds {
        if let FeedSource::Url(site) = feed
            && site.url.scheme() == "http"
        {
            let url = &site.url;
            insecure.push(format!("feed {url} is fetched without TLS"));
        }
    }
    for webhook in &settings.webhooks {
        if webhook.url.scheme() == "http" && !is_loopback(&webhook.url) {
            let place = webhook.url.origin().ascii_serialization();
            insecure.push(format!("events are sent to {place} without TLS"));
        }
    }
    for sink in &settings.decision_log_to {
        if let SinkPlace::Syslog { host, port } = &sink.place
            && !is_local_host(host)
        {
            insecure.push(format!(
                "the decision log is sent to {host}:{port} without TLS"
            ));
        }
    }
    let api = settings.api_listen;
    if settings.api_auth == Access::Anonymous && !api.ip().to_canonical().is_loopback() {
        insecure.push(format!(
            "the API answers reads without a key at {api}, which others reach"
        ));
    }
    if settings.allow_anonymous {
        insecure.push("upstreams with credentials are served to anonymous clients".into());
    }
    insecure
}

fn is_local_host(host: &str) -> bool {
    let address = host.parse::<std::net::IpAddr>();
    host == "localhost" || address.is_ok_and(|address| address.to_canonical().is_loopback())
}
