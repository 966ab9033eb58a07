//! Every default, with its unit, reason and source.

use std::time::Duration;

/// Where the registry listens: the port that registries use, for this machine only.
pub(crate) const LISTEN: &str = "127.0.0.1:5000";
/// Where the API listens.
pub(crate) const API_LISTEN: &str = "127.0.0.1:5080";
/// The registry that Docker means when a name has none.
pub(crate) const UPSTREAM: &str = "docker.io";
/// Bytes of the content store: some forty usual images, small beside a server's disk.
pub(crate) const CACHE_BYTES: u64 = 20 * 1024 * 1024 * 1024;
/// The public bucket of OSV. Source: google.github.io/osv.dev/data, "Data dumps".
pub(crate) const FEED: &str = "https://osv-vulnerabilities.storage.googleapis.com/";
/// How long a tag is believed: a push is seen within a minute, a rollout asks upstream once.
pub(crate) const TAG_TTL: Duration = Duration::from_mins(1);
/// Connections of each listener: a cluster of 500 nodes with three pulls each, and room.
pub(crate) const MAX_CONNECTIONS: usize = 4096;
/// Most requests of one kind to a registry at a time, once it has shown that it bears them. Fewer are
/// asked to begin with.
pub const MAX_REQUESTS: usize = 24;
/// Largest `max_requests`: more is no politeness.
pub(crate) const MOST_REQUESTS: u32 = 1_000;
/// The longest that response headers wait for a verdict: new containerd and Docker give up on
/// silence at 30 s (measured), and the answer still has to travel.
pub(crate) const HOLD: Duration = Duration::from_secs(20);
/// Longest `tag_ttl`: a tag believed for longer hides security fixes.
pub(crate) const MAX_TAG_TTL: Duration = Duration::from_hours(7 * 24);

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
