//! What one upstream needs to know: where it is, who we are there, whom else it may send us to.

use std::fmt;
use std::path::PathBuf;
use std::sync::Arc;

use sluicegate_config::{DEFAULT_MAX_REQUESTS, Login, UpstreamSettings};
use url::Url;

use super::error::{SettingsError, UpstreamError};

/// The settings of one upstream.
#[derive(Clone, Debug)]
pub struct UpstreamOptions {
    /// The name under which repositories know it, such as `docker.io`.
    pub name: String,
    /// Where it is: `http` or `https`, host, port, and perhaps a path before `/v2/`.
    pub url: Url,
    /// Who we are there; anonymous if absent.
    pub login: Option<Login>,
    /// Certificate authorities to trust besides the system's, as PEM.
    pub ca_pem: Option<Vec<u8>>,
    /// Whether credentials may travel over plain HTTP.
    pub allow_insecure_credentials: bool,
    /// Hosts, or `host:port`, that may see the credentials as a token service, and that may be
    /// reached at a private address.
    pub allow_hosts: Vec<String>,
    /// Most requests of one kind that run at a time.
    pub max_requests: usize,
    /// How to leave this network.
    pub proxy: ProxyVariables,
    /// Writes a `traceparent` for a request that follows from somebody's; none where nobody's does.
    pub trace: fn() -> Option<String>,
}

impl UpstreamOptions {
    /// Takes over the settings of one upstream, and reads its CA file.
    ///
    /// *Errors*: [`UpstreamError::Settings`] where the file cannot be read.
    pub fn from_settings(
        settings: &UpstreamSettings,
        proxy: ProxyVariables,
    ) -> Result<Self, UpstreamError> {
        let read = |path: &PathBuf| {
            std::fs::read(path).map_err(|error| UpstreamError::Settings {
                name: settings.name.clone(),
                why: SettingsError::CaFile {
                    path: path.clone(),
                    source: Arc::new(error),
                },
            })
        };
        Ok(Self {
            name: settings.name.clone(),
            url: settings.url.clone(),
            login: settings.login.clone(),
            ca_pem: settings.ca_file.as_ref().map(read).transpose()?,
            allow_insecure_credentials: settings.allow_insecure_credentials,
            allow_hosts: settings.allow_hosts.clone(),
            max_requests: settings.max_requests,
            proxy,
            trace: || None,
        })
    }

    /// Describes an anonymous upstream with nothing special about it.
    pub fn anonymous(name: &str, url: Url) -> Self {
        Self {
            name: name.to_owned(),
            url,
            login: None,
            ca_pem: None,
            allow_insecure_credentials: false,
            allow_hosts: Vec::new(),
            max_requests: DEFAULT_MAX_REQUESTS,
            proxy: ProxyVariables::default(),
            trace: || None,
        }
    }
}

/// The values of the conventional proxy variables; the program that reads the environment fills it.
#[derive(Clone, Default)]
pub struct ProxyVariables {
    /// `HTTPS_PROXY`: the proxy that tunnels to `https` upstreams.
    pub https_proxy: Option<String>,
    /// `NO_PROXY`: hosts, domains and networks reached directly.
    pub no_proxy: Option<String>,
}

impl fmt::Debug for ProxyVariables {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A proxy's URL may hold a password.
        f.debug_struct("ProxyVariables")
            .field("https_proxy", &self.https_proxy.is_some())
            .field("no_proxy", &self.no_proxy)
            .finish()
    }
}
