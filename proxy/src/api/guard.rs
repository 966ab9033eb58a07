//! Which requests the API looks at: its own names, no page of another site, and, where others reach
//! the listener, nothing that starts work.
//!
//! Every route stands behind it. A name that a browser was led to may be anybody's (DNS
//! rebinding), an address cannot be; probes of orchestrators come by address.

use std::collections::BTreeSet;
use std::net::SocketAddr;

use axum::http::{HeaderMap, Method, Request, Version, header};
use url::Url;

use super::authority::{Authority, Host, WebOrigin};
use super::problem::Problem;

/// Where Linux keeps the machine's name. Source: proc_sys_kernel(5).
const MACHINE_NAME: &str = "/proc/sys/kernel/hostname";
/// Where registries tell of pushes.
const HOOKS: &str = "/api/v1/hooks/";
/// The name that means this machine everywhere.
const LOCALHOST: &str = "localhost";

/// The rules of one listener.
#[derive(Clone, Debug)]
pub struct Guard {
    names: BTreeSet<String>,
    published: Option<WebOrigin>,
    is_local: bool,
}

impl Guard {
    /// Makes the rules of the listener at `address`.
    ///
    /// *Shape*: `names` are the configured host names, perhaps with ports; `api_url` is where people
    /// open the API.
    pub fn new(address: SocketAddr, names: &[String], api_url: Option<&str>) -> Self {
        let published = api_url.and_then(|url| Url::parse(url).ok());
        let published = published.as_ref().and_then(WebOrigin::of);
        let of_url = published.as_ref().map(WebOrigin::host).cloned();
        let configured = names.iter().filter_map(|name| Authority::parse(name));
        let hosts = configured.map(|authority| authority.host).chain(of_url);
        let names = hosts.filter_map(|host| match host {
            Host::Name(name) => Some(name),
            Host::Address(_) => None,
        });
        Self {
            names: names.chain([LOCALHOST.to_owned()]).collect(),
            published,
            is_local: address.ip().to_canonical().is_loopback(),
        }
    }

    /// Adds the names of the machine that the program runs on.
    #[must_use]
    pub fn with_machine_names(mut self) -> Self {
        let name = std::fs::read_to_string(MACHINE_NAME).unwrap_or_default();
        if let Some(Authority {
            host: Host::Name(name),
            port: None,
        }) = Authority::parse(name.trim())
        {
            let short = name.split('.').next().unwrap_or_default().to_owned();
            self.names.extend([short, name]);
        }
        self
    }

    /// Lets a request in, or says why not.
    ///
    /// *Errors*: 400 where it names no host or several, 421 where the host is a name of somebody
    /// else, 403 where a page of another site sent it or where it would start work for anybody.
    pub fn admit<B>(&self, request: &Request<B>) -> Result<(), Problem> {
        let asked = self.host(request)?;
        self.check_origin(request.headers(), asked.as_ref())?;
        let reads = matches!(*request.method(), Method::GET | Method::HEAD);
        // Whoever sends a key is asked what it may do. Routes of hooks take nothing without a proof of
        // their own, which not every registry sends where keys stand.
        let has_key = request.headers().contains_key(header::AUTHORIZATION);
        let is_asked = has_key || request.uri().path().starts_with(HOOKS);
        if !self.is_local && !reads && !is_asked {
            let method = request.method().as_str();
            return Err(Problem::forbidden(format!(
                "{method} is not answered without a key: others reach this listener, so that \
                 without one it reads at most and starts nothing (api_auth: anonymous); send a key, \
                 or ask an API that listens on loopback, on its own machine"
            )));
        }
        Ok(())
    }

    /// Finds the host that is asked; none where an old client names none.
    fn host<B>(&self, request: &Request<B>) -> Result<Option<Authority>, Problem> {
        let malformed = || Problem::bad_request("the request names no host, or not one host");
        let mut named = Vec::new();
        if let Some(target) = request.uri().authority() {
            named.push(Authority::parse(target.as_str()).ok_or_else(malformed)?);
        }
        let mut hosts = request.headers().get_all(header::HOST).iter();
        if let Some(host) = hosts.next() {
            let host = host.to_str().ok().and_then(Authority::parse);
            named.push(host.ok_or_else(malformed)?);
        }
        if hosts.next().is_some() {
            return Err(malformed());
        }
        for authority in &named {
            self.check_host(&authority.host)?;
        }
        // No browser speaks HTTP/1.0, so nobody was led here by a name.
        let is_old = request.version() < Version::HTTP_11;
        match named.into_iter().next() {
            None if !is_old => Err(malformed()),
            first => Ok(first),
        }
    }

    fn check_host(&self, host: &Host) -> Result<(), Problem> {
        match host {
            Host::Name(name) if !self.names.contains(name) => Err(Problem::misdirected(format!(
                "{name:?} is no name of this service: ask by address or localhost, or list it \
                     in the settings name or api_url"
            ))),
            Host::Name(_) | Host::Address(_) => Ok(()),
        }
    }

    fn check_origin(&self, headers: &HeaderMap, asked: Option<&Authority>) -> Result<(), Problem> {
        for origin in headers.get_all(header::ORIGIN) {
            let text = String::from_utf8_lossy(origin.as_bytes());
            let origin = WebOrigin::parse(&text);
            let is_same = |origin: &WebOrigin| asked.is_some_and(|asked| origin.is_of(asked));
            let is_ours = origin
                .is_some_and(|origin| is_same(&origin) || self.published.as_ref() == Some(&origin));
            if !is_ours {
                return Err(Problem::forbidden(format!(
                    "pages of {text:?} may not ask this API; where it is opened under another \
                     address than its own, the setting api_url names that"
                )));
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests;
