//! Under which address the details of a verdict are shown to a client: one that leads somewhere from
//! where the client is, or none.
//!
//! A listener that others reach never tells them of an address of this machine alone: it would lead
//! them to their own.

use std::net::SocketAddr;

use hyper::header;

use super::registry::Call;

/// Addresses of the API, as clients are told.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Details {
    /// The same for everybody.
    At(String),
    /// The API's port, under the name by which the client asked, or the first of ours.
    ByName {
        /// `http` or `https`.
        scheme: &'static str,
        /// The API's port.
        port: u16,
        /// Own host names, in lower case, without ports.
        names: Vec<String>,
    },
    /// None that leads anywhere: only the path is told.
    PathOnly,
}

impl Details {
    /// Chooses for a registry that listens at `registry` and an API at `api`.
    ///
    /// *Shape*: `published` is the setting `api_url`, `names` are own host names, perhaps with ports.
    pub fn new(
        published: Option<&str>,
        (registry, api): (SocketAddr, SocketAddr),
        scheme: &'static str,
        names: &[String],
    ) -> Self {
        if let Some(url) = published {
            return Self::At(url.to_owned());
        }
        let is_local = |address: SocketAddr| address.ip().to_canonical().is_loopback();
        let api_ip = api.ip().to_canonical();
        if is_local(registry) || !(is_local(api) || api_ip.is_unspecified()) {
            return Self::At(format!("{scheme}://{api}"));
        }
        let names: Vec<String> = names.iter().map(|name| host(name)).collect();
        if is_local(api) || names.is_empty() {
            return Self::PathOnly;
        }
        Self::ByName {
            scheme,
            port: api.port(),
            names,
        }
    }

    /// Gives the address for a client, without a trailing `/`; empty where there is none.
    pub fn base(&self, call: &Call) -> String {
        let authority = call.request.uri().authority();
        let authority = authority.map(http::uri::Authority::as_str);
        let named = authority.or_else(|| call.header(header::HOST));
        self.for_host(named.unwrap_or_default())
    }

    fn for_host(&self, asked: &str) -> String {
        match self {
            Self::At(url) => url.clone(),
            Self::PathOnly => String::new(),
            Self::ByName {
                scheme,
                port,
                names,
            } => {
                let asked = host(asked);
                let name = names.iter().find(|name| **name == asked);
                let name = name.or_else(|| names.first()).map_or("", String::as_str);
                format!("{scheme}://{name}:{port}")
            }
        }
    }
}

/// Gives a host without its port, in lower case.
fn host(name: &str) -> String {
    let bare = match name.rsplit_once(':') {
        Some((host, port)) if port.bytes().all(|byte| byte.is_ascii_digit()) => host,
        _ => name,
    };
    bare.to_ascii_lowercase()
}

#[cfg(test)]
mod tests {
    use super::*;

    const NAMES: [&str; 2] = ["gate.corp:5000", "gate.example"];

    /// Chooses without a setting, and gives what a client that asks for `host` is told.
    fn told(registry: &str, api: &str, names: &[&str], host: &str) -> String {
        let addresses = (registry.parse().unwrap(), api.parse().unwrap());
        let names: Vec<String> = names.iter().map(|name| (*name).to_owned()).collect();
        Details::new(None, addresses, "http", &names).for_host(host)
    }

    #[test]
    fn what_others_reach_never_tells_of_this_machine_alone() {
        let (all, local) = ("0.0.0.0:5000", "127.0.0.1:5080");
        assert_eq!(told(all, local, &NAMES, "gate.corp:5000"), "");
        assert_eq!(told(all, local, &[], "10.0.0.1:5000"), "");
        assert_eq!(told("10.0.0.1:5000", "[::1]:5080", &[], "10.0.0.1"), "");
        assert_eq!(told(all, "0.0.0.0:5080", &[], "10.0.0.1:5000"), "");
        assert_eq!(
            told("127.0.0.1:5000", local, &NAMES, "x"),
            "http://127.0.0.1:5080"
        );
    }

    #[test]
    fn the_name_that_was_asked_is_told_where_it_is_ours_and_else_the_first_of_ours() {
        let (all, api) = ("0.0.0.0:5000", "[::]:5080");
        for (asked, wanted) in [
            ("gate.corp:5000", "http://gate.corp:5080"),
            ("GATE.example", "http://gate.example:5080"),
            ("evil.example", "http://gate.corp:5080"),
            ("", "http://gate.corp:5080"),
        ] {
            assert_eq!(told(all, api, &NAMES, asked), wanted, "{asked}");
        }
        let own = told(all, "10.0.0.1:5080", &[], "evil.example");
        assert_eq!(
            own, "http://10.0.0.1:5080",
            "it leads there from everywhere"
        );
    }

    #[test]
    fn the_setting_is_told_to_everybody() {
        let addresses = (
            "0.0.0.0:5000".parse().unwrap(),
            "127.0.0.1:5080".parse().unwrap(),
        );
        let details = Details::new(Some("https://audit.corp/x"), addresses, "http", &[]);
        assert_eq!(details.for_host("evil.example"), "https://audit.corp/x");
    }
}
