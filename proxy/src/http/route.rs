//! Method, path and query to a route: pure, one parse that every later step relies on.
//!
//! What is outside the grammar of the distribution-spec gets no second chance: no decoding in
//! steps, no merging of slashes. Source: distribution-spec 1.1, "Endpoints".

use std::borrow::Cow;

use hyper::Method;
use sluicegate_model::digest::DigestError;
use sluicegate_model::image::{NameError, Reference};
use sluicegate_model::{Digest, Repository};

use sluicegate_model::names::{CanonicalNameError, Names};

/// Longest path and query accepted, in bytes: two names of 255 and a digest fit many times.
const MAX_TARGET_BYTES: usize = 4096;
/// The query parameter that counts the hops of a held request.
pub const HOP_PARAMETER: &str = "sluicegate-hop";
/// The last hop: clients give up at the tenth redirect (measured).
pub const LAST_HOP: u8 = 9;

/// What a request on the registry listener asks for.
#[derive(Clone, Debug, PartialEq, Eq)]
pub enum Route {
    /// `GET /v2/`.
    Ping,
    /// A manifest by tag or digest.
    Manifest(Repository, Reference),
    /// A blob by digest.
    Blob(Repository, Digest),
    /// The list of tags.
    Tags(Repository),
    /// The referrers of a manifest.
    Referrers(Repository, Digest),
}

impl Route {
    /// Gives the repository that is asked for something.
    pub fn repository(&self) -> Option<&Repository> {
        match self {
            Self::Ping => None,
            Self::Manifest(repository, _)
            | Self::Blob(repository, _)
            | Self::Tags(repository)
            | Self::Referrers(repository, _) => Some(repository),
        }
    }
}

/// A read request, parsed.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Target {
    /// What is asked for.
    pub route: Route,
    /// Whether no body is wanted.
    pub head: bool,
    /// How often this request was already held; 0 where the parameter is absent or malformed.
    pub hop: u8,
    /// The host given by `?ns=`.
    pub ns: Option<String>,
}

/// Says why a request has no route.
#[derive(Clone, Debug, PartialEq, Eq, thiserror::Error)]
pub enum RouteError {
    /// The method would write.
    #[error("this registry is read-only")]
    ReadOnly,
    /// There is nothing at this path.
    #[error("no such endpoint")]
    NoEndpoint,
    /// The repository cannot be named.
    #[error(transparent)]
    Name(#[from] CanonicalNameError),
    /// The tag breaks the grammar.
    #[error("{0}")]
    Tag(String),
    /// What stands where only a digest may stand is none.
    #[error("{0}")]
    Digest(String),
    /// The path or query is too long or holds bytes that names never have.
    #[error("request target is malformed")]
    Malformed,
}

/// Parses a request line.
pub fn parse(
    method: &Method,
    path: &str,
    query: Option<&str>,
    names: &Names,
) -> Result<Target, RouteError> {
    let head = match *method {
        Method::GET => false,
        Method::HEAD => true,
        _ => return Err(RouteError::ReadOnly),
    };
    if path.len() + query.map_or(0, str::len) > MAX_TARGET_BYTES {
        return Err(RouteError::Malformed);
    }
    let ns = parameter(query, "ns");
    let hop = parameter(query, HOP_PARAMETER)
        .as_deref()
        .map_or(0, parse_hop);
    // A digest's colon is the one byte that some clients escape; nothing else is ever decoded.
    let path = if path.contains('%') {
        Cow::Owned(path.replace("%3A", ":").replace("%3a", ":"))
    } else {
        Cow::Borrowed(path)
    };
    if path
        .bytes()
        .any(|byte| byte == b'%' || !byte.is_ascii_graphic())
    {
        return Err(RouteError::Malformed);
    }
    let route = parse_path(&path, ns.as_deref(), names)?;
    Ok(Target {
        route,
        head,
        hop,
        ns,
    })
}

fn parse_path(path: &str, ns: Option<&str>, names: &Names) -> Result<Route, RouteError> {
    if path == "/v2/" || path == "/v2" {
        return Ok(Route::Ping);
    }
    let rest = path.strip_prefix("/v2/").ok_or(RouteError::NoEndpoint)?;
    if let Some(name) = rest.strip_suffix("/tags/list") {
        return Ok(Route::Tags(names.canonical(name, ns)?));
    }
    let (front, last) = rest.rsplit_once('/').ok_or(RouteError::NoEndpoint)?;
    let (name, endpoint) = front.rsplit_once('/').ok_or(RouteError::NoEndpoint)?;
    match endpoint {
        "manifests" => {
            let repository = names.canonical(name, ns)?;
            let reference = last
                .parse()
                .map_err(|error| reference_error(last, &error))?;
            Ok(Route::Manifest(repository, reference))
        }
        "blobs" => Ok(Route::Blob(names.canonical(name, ns)?, parse_digest(last)?)),
        "referrers" => Ok(Route::Referrers(
            names.canonical(name, ns)?,
            parse_digest(last)?,
        )),
        _ => Err(RouteError::NoEndpoint),
    }
}

fn parse_digest(text: &str) -> Result<Digest, RouteError> {
    text.parse()
        .map_err(|error: DigestError| RouteError::Digest(error.to_string()))
}

/// Tells which of the two a reference was meant to be: no tag holds a colon.
fn reference_error(text: &str, error: &NameError) -> RouteError {
    if text.contains(':') {
        RouteError::Digest(error.to_string())
    } else {
        RouteError::Tag(error.to_string())
    }
}

fn parse_hop(text: &str) -> u8 {
    let hop = text.parse().ok();
    hop.filter(|hop| (1..=LAST_HOP).contains(hop)).unwrap_or(0)
}

/// Finds a parameter of a query, decoded once.
pub fn parameter(query: Option<&str>, name: &str) -> Option<String> {
    url::form_urlencoded::parse(query?.as_bytes())
        .find(|(key, _)| key == name)
        .map(|(_, value)| value.into_owned())
}

/// Gives path and query of the next hop of a held request: everything else stays as it was.
pub fn next_hop(path: &str, query: Option<&str>, hop: u8) -> String {
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    for (key, value) in url::form_urlencoded::parse(query.unwrap_or_default().as_bytes()) {
        if key != HOP_PARAMETER {
            pairs.append_pair(&key, &value);
        }
    }
    pairs.append_pair(HOP_PARAMETER, &(hop + 1).to_string());
    format!("{path}?{}", pairs.finish())
}

#[cfg(test)]
mod tests {
    use super::*;

    const HEX: &str = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad";

    fn get(path: &str, query: Option<&str>) -> Result<Target, RouteError> {
        let names = Names::new(["docker.io", "up.test"], [], "docker.io");
        parse(&Method::GET, path, query, &names)
    }

    #[test]
    fn finds_every_endpoint() {
        assert_eq!(get("/v2/", None).unwrap().route, Route::Ping);
        let manifest = get("/v2/up.test/a/b/manifests/1.0", None).unwrap().route;
        assert!(matches!(manifest, Route::Manifest(name, _) if name.path() == "a/b"));
        for digest in [format!("sha256:{HEX}"), format!("sha256%3A{HEX}")] {
            let blob = get(&format!("/v2/a/blobs/{digest}"), Some("ns=up.test"))
                .unwrap()
                .route;
            assert!(matches!(blob, Route::Blob(name, _) if name.upstream() == "up.test"));
        }
        assert!(matches!(
            get("/v2/a/tags/list", None).unwrap().route,
            Route::Tags(_)
        ));
        let odd = get("/v2/up.test/manifests/blobs/manifests/tags", None)
            .unwrap()
            .route;
        assert!(matches!(odd, Route::Manifest(name, _) if name.path() == "manifests/blobs"));
    }

    #[test]
    fn every_write_is_refused_whatever_the_path() {
        let names = Names::new(["docker.io"], [], "docker.io");
        for method in [
            Method::POST,
            Method::PUT,
            Method::PATCH,
            Method::DELETE,
            Method::OPTIONS,
        ] {
            let got = parse(&method, "/v2/a/blobs/uploads/", None, &names);
            assert_eq!(got, Err(RouteError::ReadOnly));
        }
    }

    #[test]
    fn nothing_is_decoded_twice() {
        for path in [
            "/v2/a%2fb/manifests/1",
            "/v2/a/%2e%2e/manifests/1",
            "/v2//a/manifests/1",
            "/v2/a/manifests/sha256:12",
            "/v2/a/manifests/%00",
            "/v2/../v2/a/manifests/1",
            "/v2/a/manifests/",
            "/v2/privat%65/manifests/1",
            "/v1/a/manifests/1",
        ] {
            assert!(get(path, None).is_err(), "{path} found a route");
        }
    }

    #[test]
    fn what_is_malformed_is_called_by_its_name() {
        let wrong = |path: &str| get(path, None).unwrap_err();
        let long = format!("/v2/a/manifests/{}", "x".repeat(129));
        for path in ["/v2/a/manifests/.hidden", "/v2/a/manifests/a+b", &long] {
            assert!(matches!(wrong(path), RouteError::Tag(_)), "{path}");
        }
        for path in [
            "/v2/a/manifests/sha256:12",
            "/v2/a/manifests/md5:x",
            "/v2/a/blobs/latest",
            "/v2/a/referrers/latest",
        ] {
            assert!(matches!(wrong(path), RouteError::Digest(_)), "{path}");
        }
        let upper = wrong("/v2/A/manifests/1");
        assert!(
            matches!(upper, RouteError::Name(CanonicalNameError::Invalid(_))),
            "{upper:?}"
        );
    }

    #[test]
    fn a_hop_counts_from_one_to_nine_and_keeps_the_query() {
        let hop = |query| get("/v2/a/manifests/1", Some(query)).unwrap().hop;
        assert_eq!(hop("sluicegate-hop=3"), 3);
        for odd in [
            "sluicegate-hop=0",
            "sluicegate-hop=10",
            "sluicegate-hop=x",
            "x=1",
        ] {
            assert_eq!(hop(odd), 0, "{odd}");
        }
        assert_eq!(
            next_hop("/v2/a/manifests/1", Some("ns=h%3A5000&sluicegate-hop=3"), 3),
            "/v2/a/manifests/1?ns=h%3A5000&sluicegate-hop=4"
        );
    }
}
