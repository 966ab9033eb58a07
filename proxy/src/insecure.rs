//! Settings that lower security, in words, for status. Called by `app`.

use sluicegate_config::{FeedSource, Settings};
use url::{Host, Url};

/// Names them, a line each.
pub(crate) fn settings(settings: &Settings) -> Vec<String> {
    let mut insecure = Vec::new();
    for upstream in settings.upstreams.values() {
        if upstream.url.scheme() == "http" {
            insecure.push(format!("upstream {} is reached without TLS", upstream.name));
        }
    }
    for feed in &settings.feeds {
        if let FeedSource::Url(url) = feed
            && url.scheme() == "http"
        {
            insecure.push(format!("feed {url} is fetched without TLS"));
        }
    }
    if let Some(webhook) = &settings.webhook
        && webhook.url.scheme() == "http"
        && !is_loopback(&webhook.url)
    {
        let place = webhook.url.origin().ascii_serialization();
        insecure.push(format!("events are sent to {place} without TLS"));
    }
    if settings.api_open {
        insecure.push("the API answers reads without a key on every address".into());
    }
    if settings.allow_anonymous {
        insecure.push("upstreams with credentials are served to anonymous clients".into());
    }
    insecure
}

fn is_loopback(url: &Url) -> bool {
    match url.host() {
        Some(Host::Ipv4(address)) => address.is_loopback(),
        Some(Host::Ipv6(address)) => address.is_loopback(),
        Some(Host::Domain(name)) => name == "localhost",
        None => false,
    }
}
