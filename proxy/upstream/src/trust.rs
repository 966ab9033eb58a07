//! Who may see an upstream's credentials, and which hosts the operator vouches for.
//!
//! Pure. Credentials go to the configured host itself, to a token service of the same registrable
//! domain over TLS, and to hosts the operator named; to nobody else, whatever the upstream says.

use url::{Host, Url};

use super::text::UpstreamText;

/// Name endings under which unrelated tenants live side by side, besides `co.uk` and its like.
///
/// Source: the private section of the public suffix list, those that host registries or storage.
/// A host below one of these matches only itself.
const SHARED_SUFFIXES: [&str; 30] = [
    "amazonaws.com",
    "aliyuncs.com",
    "appspot.com",
    "azurecr.io",
    "azurewebsites.net",
    "azure.com",
    "backblazeb2.com",
    "blogspot.com",
    "cloudfront.net",
    "cloudsmith.io",
    "digitaloceanspaces.com",
    "fly.dev",
    "github.io",
    "gitlab.io",
    "googleapis.com",
    "googleusercontent.com",
    "herokuapp.com",
    "jfrog.io",
    "myqcloud.com",
    "netlify.app",
    "ngrok.io",
    "ngrok.app",
    "ngrok-free.app",
    "onrender.com",
    "pages.dev",
    "pkg.dev",
    "r2.dev",
    "run.app",
    "windows.net",
    "workers.dev",
];

/// Second-level labels that registries of two-letter top-level domains sell names under.
const SECOND_LEVEL: [&str; 14] = [
    "ac", "co", "com", "edu", "gob", "gov", "go", "gv", "mil", "ne", "net", "nom", "or", "org",
];

/// The place of the configured upstream and the operator's exceptions.
#[derive(Clone, Debug)]
pub(super) struct TrustedPlaces {
    origin: Url,
    allowed: Vec<String>,
}

impl TrustedPlaces {
    pub(super) fn new(origin: Url, allow_hosts: &[String]) -> Self {
        let allowed = allow_hosts
            .iter()
            .map(|host| host.trim().to_ascii_lowercase())
            .collect();
        Self { origin, allowed }
    }

    /// Tells whether `url` is the configured upstream: scheme, host and port.
    pub(super) fn is_origin(&self, url: &Url) -> bool {
        same_place(&self.origin, url)
    }

    /// Gives the address at which the upstream says what it is and how it wants to be asked.
    pub(super) fn base_endpoint(&self) -> Url {
        let mut url = self.origin.clone();
        let prefix = self.origin.path().trim_end_matches('/');
        url.set_path(&format!("{prefix}/v2/"));
        url
    }

    /// Tells whether `url`'s host may be reached at any address.
    pub(super) fn may_be_private(&self, url: &Url) -> bool {
        self.origin.host() == url.host() || self.is_allowed(url)
    }

    /// Tells whether a token service may be asked at all: a token of an `https` upstream must not
    /// travel in the clear.
    pub(super) fn check_token_service(&self, realm: &Url) -> Result<(), &'static str> {
        if self.origin.scheme() == "https" && realm.scheme() != "https" {
            return Err("tokens of an https upstream travel over https only");
        }
        Ok(())
    }

    /// Tells whether a token service may see the credentials, or why not.
    pub(super) fn check_credentials_for(&self, realm: &Url) -> Result<(), &'static str> {
        self.check_token_service(realm)?;
        if self.is_origin(realm) || self.is_allowed(realm) {
            return Ok(());
        }
        if realm.scheme() != "https" {
            return Err("credentials leave for another host over https only");
        }
        if realm.host() == self.origin.host() && same_port(realm, &self.origin) {
            return Ok(());
        }
        let (Some(Host::Domain(ours)), Some(Host::Domain(theirs))) =
            (self.origin.host(), realm.host())
        else {
            return Err("its host is not the upstream's; allow_hosts can name it");
        };
        let same_domain = registrable_domain(ours)
            .is_some_and(|domain| registrable_domain(theirs) == Some(domain));
        if same_domain && same_port(realm, &self.origin) {
            Ok(())
        } else {
            Err("its host is not of the upstream's domain; allow_hosts can name it")
        }
    }

    fn is_allowed(&self, url: &Url) -> bool {
        let Some(host) = url.host_str() else {
            return false;
        };
        let with_port = url
            .port_or_known_default()
            .map(|port| format!("{host}:{port}"));
        self.allowed
            .iter()
            .any(|entry| entry == host || Some(entry) == with_port.as_ref())
    }
}

/// Tells whether two URLs have the same scheme, host and port.
pub(super) fn same_place(one: &Url, other: &Url) -> bool {
    one.scheme() == other.scheme()
        && one.host() == other.host()
        && one.port_or_known_default() == other.port_or_known_default()
}

/// Gives scheme, host and port for messages: paths and queries may hold secrets, and so may the
/// name of a host that the upstream made up.
pub(super) fn place(url: &Url) -> UpstreamText {
    let host = url.host_str().unwrap_or("?");
    UpstreamText::said(&match url.port() {
        Some(port) => format!("{}://{host}:{port}", url.scheme()),
        None => format!("{}://{host}", url.scheme()),
    })
}

/// A token service beside a registry uses the default port or the registry's own.
fn same_port(realm: &Url, origin: &Url) -> bool {
    realm.port().is_none() || realm.port_or_known_default() == origin.port_or_known_default()
}

/// Gives the part of a host name that one owner registered; `None` where that cannot be told.
fn registrable_domain(host: &str) -> Option<&str> {
    let shared = |suffix: &&str| {
        host.strip_suffix(*suffix)
            .is_some_and(|rest| rest.is_empty() || rest.ends_with('.'))
    };
    if SHARED_SUFFIXES.iter().any(shared) {
        return None;
    }
    let mut labels = host.rsplit('.');
    let (top, second) = (labels.next()?, labels.next()?);
    if top.is_empty()
        || second.is_empty()
        || top == "localhost"
        || top.bytes().all(|byte| byte.is_ascii_digit())
    {
        return None;
    }
    let mut kept = top.len() + 1 + second.len();
    if top.len() == 2 && SECOND_LEVEL.contains(&second) {
        let third = labels.next().filter(|label| !label.is_empty())?;
        kept += 1 + third.len();
    }
    host.get(host.len().checked_sub(kept)?..)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn trusts(origin: &str, realm: &str) -> bool {
        TrustedPlaces::new(origin.parse().unwrap(), &[])
            .check_credentials_for(&realm.parse().unwrap())
            .is_ok()
    }

    #[test]
    fn credentials_reach_the_token_services_of_real_registries() {
        for (origin, realm) in [
            (
                "https://registry-1.docker.io",
                "https://auth.docker.io/token",
            ),
            ("https://registry.gitlab.com", "https://gitlab.com/jwt/auth"),
            ("https://ghcr.io", "https://ghcr.io/token"),
            ("https://r.corp.co.uk:5000", "https://auth.corp.co.uk/token"),
            ("http://localhost:5000", "http://localhost:5000/token"),
            ("http://127.0.0.1:5000", "http://127.0.0.1:5000/token"),
        ] {
            assert!(trusts(origin, realm), "{realm} serves {origin}");
        }
    }

    #[test]
    fn credentials_stay_away_from_strangers() {
        for (origin, realm) in [
            ("https://r.corp.example", "https://evil.test/token"),
            (
                "https://r.corp.example",
                "https://r.corp.example.evil.test/token",
            ),
            ("https://r.corp.example", "https://evilcorp.example/token"),
            ("https://r.corp.example", "http://r.corp.example/token"),
            ("https://r.corp.example", "http://auth.corp.example/token"),
            (
                "https://r.corp.example",
                "https://r.corp.example:8443/token",
            ),
            ("https://r.corp.example", "https://10.0.0.1/token"),
            ("https://r.corp.co.uk", "https://evil.co.uk/token"),
            ("https://a.azurecr.io", "https://b.azurecr.io/token"),
            ("https://10.0.0.1", "https://10.0.0.2/token"),
            ("https://1.0.0.1", "https://2.0.0.1/token"),
            ("http://localhost:5000", "http://localhost:5001/token"),
            ("http://localhost:5000", "https://evil.localhost/token"),
            ("https://corp", "https://evil.corp/token"),
            ("https://a.localhost", "https://b.localhost/token"),
            (
                "https://r.xn--crp-0na.example",
                "https://r.crp.example/token",
            ),
        ] {
            assert!(
                !trusts(origin, realm),
                "{realm} saw credentials of {origin}"
            );
        }
    }

    #[test]
    fn operator_can_vouch_for_a_host() {
        let allow = ["Auth.Test:8443".to_owned()];
        let places = TrustedPlaces::new("https://r.example".parse().unwrap(), &allow);
        let check = |url: &str| places.check_credentials_for(&url.parse().unwrap());
        assert!(check("https://auth.test:8443/token").is_ok());
        assert!(check("https://auth.test/token").is_err());
    }
}
