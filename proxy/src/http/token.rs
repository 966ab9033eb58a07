//! The token endpoint: clients say once who they are, and come back with what they are given.
//!
//! Source: distribution's token specification; what clients ask is measured. Most send a key by
//! Basic; nobody is refused for credentials that are meant for another registry.

use std::collections::BTreeSet;

use hyper::{Method, Request, Response, header};
use jiff::Timestamp;
use serde_json::json;
use sluicegate_accounts::token::{MAX_REPOSITORIES, TOKEN_LIFE};
use sluicegate_model::Repository;
use sluicegate_model::names::Names;
use url::form_urlencoded;

use super::body::Body;
use super::registry::Registry;
use super::respond::set;
use super::route::RouteError;
use super::server::PeerInfo;
use super::{errors, respond};

/// Where it is.
pub(super) const PATH: &str = "/token";

/// Answers a request for a token.
pub(super) async fn answer(
    registry: &Registry,
    request: &Request<()>,
    peer: &PeerInfo,
) -> Response<Body> {
    if *request.method() != Method::GET {
        return errors::route_error(&RouteError::ReadOnly, false);
    }
    let repositories = scopes(request.uri().query(), &registry.names);
    let presented = registry.callers.presented(peer, request.headers());
    match registry.tokens.token(presented, repositories).await {
        Ok((token, issued)) => granted(token.expose(), issued),
        Err(error) => {
            // Whoever is refused here sent a key that is wrong, or none where one is needed.
            let challenge = registry.challenge(peer, request).basic();
            errors::unidentified(&error, &challenge, false)
        }
    }
}

fn granted(token: &str, issued: Timestamp) -> Response<Body> {
    let granted = json!({
        "token": token,
        "access_token": token,
        "expires_in": TOKEN_LIFE.as_secs(),
        "issued_at": issued.to_string(),
    });
    let mut response = respond::json(&granted, "application/json", false);
    set(response.headers_mut(), header::CACHE_CONTROL, "no-store");
    response
}

/// Reads which repositories a token is to be for: those that can be named, by their canonical names.
fn scopes(query: Option<&str>, names: &Names) -> BTreeSet<Repository> {
    let parameters = form_urlencoded::parse(query.unwrap_or_default().as_bytes());
    let asked: Vec<String> = parameters
        .filter(|(name, _)| name == "scope")
        .flat_map(|(_, scope)| scope.split(' ').map(str::to_owned).collect::<Vec<_>>())
        .collect();
    let repository = |scope: &String| {
        let rest = scope.strip_prefix("repository:")?;
        let (name, _actions) = rest.rsplit_once(':')?;
        names.canonical(name, None).ok()
    };
    asked
        .iter()
        .filter_map(repository)
        .take(MAX_REPOSITORIES)
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_is_for_the_repositories_that_are_asked_for_and_can_be_named() {
        let names = Names::new(["docker.io", "up.test"], ["gate:5000"], "docker.io");
        for (query, wanted) in [
            (
                "scope=repository:nginx:pull",
                &["docker.io/library/nginx"][..],
            ),
            (
                "service=x&scope=repository%3Aup.test%2Fa%2Fb%3Apull&scope=repository:c/d:pull,push",
                &["docker.io/c/d", "up.test/a/b"],
            ),
            (
                "scope=repository:nginx:pull%20repository:up.test/x:pull",
                &["docker.io/library/nginx", "up.test/x"],
            ),
            (
                "scope=registry:catalog:*&scope=repository:A:pull&scope=repository:nginx",
                &[],
            ),
            ("account=ci&offline_token=true", &[]),
        ] {
            let scopes: Vec<String> = scopes(Some(query), &names)
                .iter()
                .map(ToString::to_string)
                .collect();
            assert_eq!(scopes, wanted, "{query}");
        }
        assert!(scopes(None, &names).is_empty());
        let each = (0..40).map(|n| format!("scope=repository:up.test/x{n}:pull"));
        let many = each.collect::<Vec<_>>().join("&");
        assert_eq!(scopes(Some(&many), &names).len(), MAX_REPOSITORIES);
    }
}
