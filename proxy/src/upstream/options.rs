//! What one upstream needs to know: where it is, who we are there, whom else it may send us to.

use std::fmt;

use url::Url;

/// The settings of one upstream.
#[derive(Clone, Debug)]
pub struct UpstreamOptions {
    /// The name under which repositories know it, such as `docker.io`.
    pub name: String,
    /// Where it is: `http` or `https`, host, port, and perhaps a path before `/v2/`.
    pub url: Url,
    /// Who we are there; anonymous if absent.
    pub credentials: Option<UpstreamCredentials>,
    /// Certificate authorities to trust besides the system's, as PEM.
    pub ca_pem: Option<Vec<u8>>,
    /// Whether credentials may travel over plain HTTP.
    pub allow_insecure_credentials: bool,
    /// Hosts, or `host:port`, that may see the credentials as a token service, and that may be
    /// reached at a private address.
    pub allow_hosts: Vec<String>,
    /// How to leave this network.
    pub proxy: ProxyVariables,
}

impl UpstreamOptions {
    /// Describes an anonymous upstream with nothing special about it.
    pub fn anonymous(name: &str, url: Url) -> Self {
        Self {
            name: name.to_owned(),
            url,
            credentials: None,
            ca_pem: None,
            allow_insecure_credentials: false,
            allow_hosts: Vec::new(),
            proxy: ProxyVariables::default(),
        }
    }
}

/// A user name and a password that does not print.
#[derive(Clone)]
pub struct UpstreamCredentials {
    /// The user name.
    pub username: String,
    /// The password or access token.
    pub password: Password,
}

impl fmt::Debug for UpstreamCredentials {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("UpstreamCredentials(..)")
    }
}

/// A password that does not print.
#[derive(Clone)]
pub struct Password(String);

impl Password {
    /// Wraps a password.
    pub fn new(text: String) -> Self {
        Self(text)
    }

    /// Gives the password to the one place that sends it.
    pub(super) fn reveal(&self) -> &str {
        &self.0
    }
}

impl fmt::Debug for Password {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Password(..)")
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
