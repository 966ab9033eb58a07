//! The host that a request names, and the origin of the page it comes from: parsed, nothing judged.
//!
//! Source: RFC 9110, section 7.2; RFC 3986, section 3.2; RFC 6454, section 7.

use std::net::{IpAddr, Ipv4Addr, Ipv6Addr};

use url::Url;

/// A host and the port that was written behind it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct Authority {
    pub(super) host: Host,
    pub(super) port: Option<u16>,
}

/// What a host can be. Addresses are canonical, names in lower case without the dot of the root.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) enum Host {
    Address(IpAddr),
    Name(String),
}

/// The origin of a web page.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(super) struct WebOrigin {
    scheme: String,
    host: Host,
    port: u16,
}

impl Authority {
    /// Reads `HOST[:PORT]`; none where it is anything else, a user name before it included.
    pub(super) fn parse(text: &str) -> Option<Self> {
        if let Some(rest) = text.strip_prefix('[') {
            let (inner, rest) = rest.split_once(']')?;
            // A zone means something on the client's machine only.
            let (address, _zone) = inner.split_once('%').unwrap_or((inner, ""));
            let address: Ipv6Addr = address.parse().ok()?;
            return Some(Self {
                host: Host::Address(IpAddr::V6(address).to_canonical()),
                port: port(rest).ok()?,
            });
        }
        let at = text.find(':').unwrap_or(text.len());
        let (host, rest) = text.split_at(at);
        Some(Self {
            host: Host::parse(host)?,
            port: port(rest).ok()?,
        })
    }
}

impl Host {
    fn parse(text: &str) -> Option<Self> {
        let text = text.strip_suffix('.').unwrap_or(text);
        if let Ok(address) = text.parse::<Ipv4Addr>() {
            return Some(Self::Address(IpAddr::V4(address)));
        }
        let is_of_names = |byte: u8| byte.is_ascii_alphanumeric() || b"-._".contains(&byte);
        let is_name = !text.is_empty() && !text.starts_with('.') && text.bytes().all(is_of_names);
        is_name.then(|| Self::Name(text.to_ascii_lowercase()))
    }
}

impl WebOrigin {
    /// Reads the origin of an http(s) page; none for `null` and everything else.
    pub(super) fn parse(text: &str) -> Option<Self> {
        let url = Url::parse(text).ok()?;
        let is_origin = matches!(url.scheme(), "http" | "https")
            && url.username().is_empty()
            && url.password().is_none()
            && url.path() == "/"
            && url.query().is_none()
            && url.fragment().is_none();
        is_origin.then(|| Self::of(&url)).flatten()
    }

    /// Gives the origin of a page at `url`.
    pub(super) fn of(url: &Url) -> Option<Self> {
        let host = match url.host()? {
            url::Host::Ipv4(address) => Host::Address(IpAddr::V4(address)),
            url::Host::Ipv6(address) => Host::Address(IpAddr::V6(address).to_canonical()),
            url::Host::Domain(name) => Host::parse(name)?,
        };
        Some(Self {
            scheme: url.scheme().to_owned(),
            host,
            port: url.port_or_known_default()?,
        })
    }

    /// Tells whether the page came from the place that it now asks.
    pub(super) fn is_of(&self, asked: &Authority) -> bool {
        let default = if self.scheme == "https" { 443 } else { 80 };
        self.host == asked.host && self.port == asked.port.unwrap_or(default)
    }

    pub(super) fn host(&self) -> &Host {
        &self.host
    }
}

/// What stands behind a host is no port.
struct NotAPort;

/// Reads what stands behind a host: nothing, or a colon and a number that may be left out.
fn port(text: &str) -> Result<Option<u16>, NotAPort> {
    if text.is_empty() || text == ":" {
        return Ok(None);
    }
    let digits = text.strip_prefix(':').ok_or(NotAPort)?;
    if !digits.bytes().all(|byte| byte.is_ascii_digit()) {
        return Err(NotAPort);
    }
    digits.parse().map(Some).map_err(|_| NotAPort)
}
