//! Checked settings: what the rest of the program may rely on.
//!
//! Values only. `check` is the one place that makes them.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::Duration;

use ipnet::IpNet;
use sluicegate_model::manifest::Platform;
use url::Url;

use crate::defaults;
use crate::secret::Secret;

/// Settings, and what deserves a word although it is no mistake.
#[derive(Clone, Debug)]
pub struct Loaded {
    /// The settings.
    pub settings: Settings,
    /// One line each, for the log.
    pub warnings: Vec<String>,
}

/// Everything `serve` can be told.
#[derive(Clone)]
pub struct Settings {
    /// Where the registry listens.
    pub listen: SocketAddr,
    /// Where the API listens.
    pub api_listen: SocketAddr,
    /// Host names under which clients know this registry, lower case, with port where not default.
    pub names: Vec<String>,
    /// The data directory.
    pub data: PathBuf,
    /// Policy files and directories; empty = the built-in default.
    pub policy: Vec<PathBuf>,
    /// Advisory feeds; empty = inventory only.
    pub feeds: Vec<FeedSource>,
    /// Public keys that sign feed bundles: each a key, or the name of a file with one.
    pub feed_trust: Vec<String>,
    /// Registries by name.
    pub upstreams: BTreeMap<String, UpstreamSettings>,
    /// The registry of requests that name none; a key of `upstreams`.
    pub default_upstream: String,
    /// The platforms that are judged when an index is asked for.
    pub platforms: Vec<Platform>,
    /// When bytes may leave.
    pub gate: GateMode,
    /// How much the content store may hold, in bytes.
    pub cache_bytes: u64,
    /// How log lines look.
    pub log_format: LogFormat,
    /// The registry listener's certificate; none = plain HTTP.
    pub tls: Option<TlsFiles>,
    /// The API listener's certificate; none = plain HTTP.
    pub api_tls: Option<TlsFiles>,
    /// Whether the API answers those who send no key.
    pub api_auth: ApiAuth,
    /// Whether anybody who reaches the registry may pull what an upstream gives to our credentials.
    pub allow_anonymous: bool,
    /// Whether old containerd gets a 200 on HEAD so that it shows the reason of the GET's 403.
    pub explain_to_old_clients: bool,
    /// The API's URL as users reach it, without a trailing `/`; none = its own address.
    pub api_url: Option<String>,
    /// How long a tag is believed without asking the upstream.
    pub tag_ttl: Duration,
    /// How long the headers of a response may wait for a verdict; only tests change it.
    pub hold: Duration,
    /// How many connections each listener holds at once.
    pub max_connections: usize,
    /// The reverse proxies whose word on who a client is counts.
    pub trusted_proxies: Vec<IpNet>,
    /// Where events are sent; none = nowhere.
    pub webhook: Option<WebhookSettings>,
    /// `HTTPS_PROXY`: the proxy that tunnels to `https` upstreams and feeds.
    pub https_proxy: Option<String>,
    /// `NO_PROXY`: hosts, domains and networks reached directly.
    pub no_proxy: Option<String>,
}

impl std::fmt::Debug for Settings {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The rest is left out: a proxy's URL may hold a password.
        f.debug_struct("Settings")
            .field("listen", &self.listen)
            .field("api_listen", &self.api_listen)
            .field("data", &self.data)
            .field("feeds", &self.feeds)
            .field("upstreams", &self.upstreams)
            .finish_non_exhaustive()
    }
}

/// One registry that may be pulled from, or another place that is asked over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamSettings {
    /// Its name, the first part of canonical repository names.
    pub name: String,
    /// Where its `/v2/` is, without it; ends in `/`.
    pub url: Url,
    /// How it is asked; none = anonymously.
    pub credentials: Option<Credentials>,
    /// The file that the password was read from; none where it came from elsewhere.
    pub password_file: Option<PathBuf>,
    /// More certificate authorities to believe for it, PEM.
    pub ca_file: Option<PathBuf>,
    /// Whether credentials may go over plain HTTP.
    pub allow_insecure_credentials: bool,
    /// Hosts other than its own to which its token requests and redirects may go unchecked.
    pub allow_hosts: Vec<String>,
    /// Most requests of one kind to it at a time.
    pub max_requests: usize,
}

impl UpstreamSettings {
    /// Describes a registry that is asked anonymously and has nothing special about it.
    pub fn anonymous(name: &str, url: Url) -> Self {
        Self {
            name: name.to_owned(),
            url,
            credentials: None,
            password_file: None,
            ca_file: None,
            allow_insecure_credentials: false,
            allow_hosts: Vec::new(),
            max_requests: defaults::MAX_REQUESTS,
        }
    }
}

/// A user name and its secret.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Credentials {
    /// The user name.
    pub username: String,
    /// The password or token.
    pub password: Secret,
}

/// Where advisories come from, in the OSV bucket layout.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum FeedSource {
    /// A directory.
    Directory(PathBuf),
    /// An http(s) base URL that ends in `/`, and who we are there; its name is its host.
    Url(Box<UpstreamSettings>),
    /// The snapshot that was imported last.
    Imported,
    /// Nobody chose: the imported snapshot where there is one, else this public URL.
    Usual(Url),
}

impl FeedSource {
    /// Names a place that is asked over HTTP.
    pub fn url(site: UpstreamSettings) -> Self {
        Self::Url(Box::new(site))
    }

    /// Gives the place that is asked over HTTP, where there is one.
    pub fn site(&self) -> Option<UpstreamSettings> {
        match self {
            Self::Url(site) => Some(UpstreamSettings::clone(site)),
            Self::Usual(url) => {
                let name = url.host_str().unwrap_or_default();
                Some(UpstreamSettings::anonymous(name, url.clone()))
            }
            Self::Directory(_) | Self::Imported => None,
        }
    }
}

/// Who is sent events.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSettings {
    /// The receiver; path and query may hold a secret.
    pub url: Url,
    /// What messages are signed with; none = they are not.
    pub secret: Option<Secret>,
}

/// Whether the API answers those who send no key.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum ApiAuth {
    /// It does not.
    Required,
    /// It does: on a listener that others reach, reads that start nothing.
    Anonymous,
}

/// When bytes may leave.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum GateMode {
    /// Nothing before the verdict.
    Hold,
    /// All but what makes a layer usable.
    Stream,
}

/// How log lines look.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum LogFormat {
    /// For people.
    Text,
    /// For machines.
    Json,
}

/// A certificate chain and its key, PEM.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct TlsFiles {
    /// The certificate chain.
    pub cert_file: PathBuf,
    /// The private key.
    pub key_file: PathBuf,
}
