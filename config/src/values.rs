//! What settings are once they are checked, where that is more than a number or a text.

use std::path::PathBuf;

use url::Url;

use crate::defaults;
use sluicegate_model::secret::Secret;

/// One registry that may be pulled from, or another place that is asked over HTTP.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct UpstreamSettings {
    /// Its name, the first part of canonical repository names.
    pub name: String,
    /// Where its `/v2/` is, without it; ends in `/`.
    pub url: Url,
    /// Who we are there; none = nobody in particular.
    pub login: Option<Login>,
    /// Whose credentials it is asked with.
    pub identity: UpstreamIdentity,
    /// More certificate authorities to believe for it, PEM.
    pub ca_file: Option<PathBuf>,
    /// Whether credentials may go over plain HTTP.
    pub allow_insecure_credentials: bool,
    /// Hosts other than its own to which its token requests and redirects may go unchecked.
    pub allow_hosts: Vec<String>,
    /// Most requests of one kind to it at a time.
    pub max_requests: usize,
    /// The linked scanner that scans its images; none = this machine.
    pub scan_by: Option<String>,
}

impl UpstreamSettings {
    /// Describes a registry that is asked anonymously and has nothing special about it.
    pub fn anonymous(name: &str, url: Url) -> Self {
        Self {
            name: name.to_owned(),
            url,
            login: None,
            identity: UpstreamIdentity::Service,
            ca_file: None,
            allow_insecure_credentials: false,
            allow_hosts: Vec::new(),
            max_requests: defaults::MAX_REQUESTS,
            scan_by: None,
        }
    }
}

/// Whose credentials an upstream is asked with.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum UpstreamIdentity {
    /// Ours, for everybody who may pull.
    Service,
    /// Each client's own: the upstream says what they may have.
    Client,
}

/// Where it is known from who we are at a registry.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Login {
    /// It is said once for all.
    Said(Credentials),
    /// The password is in a file, which is read again when it changes.
    InFile(Credentials, PathBuf),
    /// A program tells it: `docker-credential-NAME get`, by Docker's protocol.
    Helper(String),
    /// A program tells it by the kubelet's protocol.
    Provider(CredentialProvider),
}

impl Login {
    /// Gives what is known without asking anybody.
    pub fn said(&self) -> Option<&Credentials> {
        match self {
            Self::Said(credentials) | Self::InFile(credentials, _) => Some(credentials),
            Self::Helper(_) | Self::Provider(_) => None,
        }
    }
}

/// A program that tells credentials by the kubelet's protocol of credential providers.
#[derive(Clone, PartialEq, Eq)]
pub struct CredentialProvider {
    /// The program: a path, or a name that is looked for in `PATH`.
    pub command: String,
    /// Its arguments.
    pub args: Vec<String>,
    /// Variables that it has beside this program's own.
    pub env: Vec<(String, String)>,
}

impl std::fmt::Debug for CredentialProvider {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        // The values may be secrets.
        f.debug_struct("CredentialProvider")
            .field("command", &self.command)
            .finish_non_exhaustive()
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

/// Who is sent which events.
#[derive(Clone, PartialEq, Eq)]
pub struct WebhookSettings {
    /// What it is called; its position is kept under this.
    pub name: String,
    /// The receiver; path and query may hold a secret.
    pub url: Url,
    /// What messages look like.
    pub format: WebhookFormat,
    /// What messages are signed with; none = they are not.
    pub secret: Option<Secret>,
    /// Patterns over the canonical names of repositories; none = whatever it is about.
    pub repositories: Vec<String>,
    /// The types of events; none = all.
    pub types: Vec<&'static str>,
    /// The directions of changed verdicts; none = all.
    pub directions: Vec<&'static str>,
}

/// What the message of a webhook looks like.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum WebhookFormat {
    /// A `CloudEvent` in JSON.
    CloudEvents,
    /// What Slack's incoming webhooks take.
    Slack,
    /// What a workflow of Teams takes.
    Teams,
}

/// A place where the lines of the decision log go as well.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct SinkSettings {
    /// What it is called; its position is kept under this.
    pub name: String,
    /// Where it is.
    pub place: SinkPlace,
}

/// Where lines go.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum SinkPlace {
    /// The program's standard output.
    Stdout,
    /// A file that is appended to.
    File(PathBuf),
    /// A syslog server over TCP.
    Syslog {
        /// Its host.
        host: String,
        /// Its port.
        port: u16,
    },
    /// A syslog server over TLS.
    SyslogTls {
        /// Its host.
        host: String,
        /// Its port.
        port: u16,
        /// More certificate authorities, PEM.
        ca_file: Option<PathBuf>,
    },
}

/// A file with a secret, and what it held when it was read.
#[derive(Clone, PartialEq, Eq)]
pub struct SecretFile {
    /// The file.
    pub path: PathBuf,
    /// What it held.
    pub secret: Secret,
}

/// Whether a listener answers those of whom nobody knows who they are.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Access {
    /// It does not.
    Required,
    /// It does. The API, where others reach it, answers reads that start nothing.
    Anonymous,
}

impl Access {
    /// Gives the word of the settings.
    pub const fn as_str(self) -> &'static str {
        match self {
            Self::Required => "required",
            Self::Anonymous => "anonymous",
        }
    }
}

/// Which engine keeps verdicts, in files under the data directory.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum StoreEngine {
    /// sled.
    Sled,
    /// redb.
    Redb,
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
    /// Authorities whose certificates clients may show to say who they are; none = none is asked for.
    pub client_ca_file: Option<PathBuf>,
}
