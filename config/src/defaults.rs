//! Defaults that more than one row of the table has to know, with unit, reason and source.

use std::time::Duration;

/// The public bucket of OSV. Source: google.github.io/osv.dev/data, "Data dumps".
pub(crate) const FEED: &str = "https://osv-vulnerabilities.storage.googleapis.com/";
/// Most requests of one kind to a registry at a time, once it has shown that it bears them. Fewer are
/// asked to begin with.
pub const MAX_REQUESTS: usize = 24;
/// Largest `max_requests`: more is no politeness.
pub(crate) const MOST_REQUESTS: usize = 1_000;
/// The longest that response headers wait for a verdict: new containerd and Docker give up on
/// silence at 30 s (measured), and the answer still has to travel.
pub(crate) const HOLD: Duration = Duration::from_secs(20);

/// The well-known public registries: the name in references, and where their API is.
pub(crate) const UPSTREAMS: [(&str, &str); 8] = [
    ("docker.io", "https://registry-1.docker.io/"),
    ("ghcr.io", "https://ghcr.io/"),
    ("quay.io", "https://quay.io/"),
    ("gcr.io", "https://gcr.io/"),
    ("registry.k8s.io", "https://registry.k8s.io/"),
    ("public.ecr.aws", "https://public.ecr.aws/"),
    ("mcr.microsoft.com", "https://mcr.microsoft.com/"),
    ("registry.gitlab.com", "https://registry.gitlab.com/"),
];
