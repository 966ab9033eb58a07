//! Lists that are the upstream's alone: tags and referrers.

use hyper::{Response, Uri, header};
use sluicegate_model::Digest;

use super::registry::{Asked, Registry};
use super::respond::{self, Body};
use super::route;
use crate::pull::error::PullError;
use crate::upstream::RawResponse;

/// Passes on the list of tags.
pub async fn tags(registry: &Registry, asked: &Asked) -> Response<Body> {
    let query = query_without_ours(asked);
    answer(asked, list_tags(registry, asked, &query).await)
}

/// Passes on the referrers of a manifest.
pub async fn referrers(registry: &Registry, asked: &Asked, digest: &Digest) -> Response<Body> {
    let query = query_without_ours(asked);
    answer(asked, list_referrers(registry, asked, digest, &query).await)
}

async fn list_tags(
    registry: &Registry,
    asked: &Asked,
    query: &str,
) -> Result<RawResponse, PullError> {
    let upstream = registry.gate.upstreams.of(&asked.repository)?;
    Ok(upstream.tags(asked.repository.path(), query).await?)
}

async fn list_referrers(
    registry: &Registry,
    asked: &Asked,
    digest: &Digest,
    query: &str,
) -> Result<RawResponse, PullError> {
    let upstream = registry.gate.upstreams.of(&asked.repository)?;
    Ok(upstream
        .referrers(asked.repository.path(), digest, query)
        .await?)
}

fn answer(asked: &Asked, list: Result<RawResponse, PullError>) -> Response<Body> {
    match list {
        Ok(mut raw) => {
            if let Some(link) = raw.headers.remove(header::LINK)
                && let Ok(link) = link.to_str()
                && let Ok(ours) = link_to_us(link, asked.request.uri()).parse()
            {
                raw.headers.insert(header::LINK, ours);
            }
            respond::passed_through(raw)
        }
        Err(error) => respond::pull_error(&error, asked.head),
    }
}

/// Points the upstream's "next page" at our own path, in the namespace that was asked for.
fn link_to_us(link: &str, asked: &Uri) -> String {
    let query = link
        .split_once('<')
        .and_then(|(_, rest)| rest.split_once('>'))
        .and_then(|(url, _)| url.split_once('?'))
        .map_or("", |(_, query)| query);
    let namespace = route::parameter(asked.query(), "ns").map_or_else(String::new, |ns| {
        let mut pair = url::form_urlencoded::Serializer::new(String::new());
        format!("&{}", pair.append_pair("ns", &ns).finish())
    });
    format!("<{}?{query}{namespace}>; rel=\"next\"", asked.path())
}

fn query_without_ours(asked: &Asked) -> String {
    let mut kept = url::form_urlencoded::Serializer::new(String::new());
    let query = asked.request.uri().query().unwrap_or_default();
    for (key, value) in url::form_urlencoded::parse(query.as_bytes()) {
        if key != "ns" && key != route::HOP_PARAMETER {
            kept.append_pair(&key, &value);
        }
    }
    kept.finish()
}

#[cfg(test)]
mod tests {
    use super::{Uri, link_to_us};

    #[test]
    fn the_next_page_is_asked_of_us() {
        let link = "</v2/lib/x/tags/list?last=b&n=2>; rel=\"next\"";
        let asked = Uri::from_static("/v2/up.test/lib/x/tags/list?n=2");
        let ours = link_to_us(link, &asked);
        assert_eq!(
            ours,
            "</v2/up.test/lib/x/tags/list?last=b&n=2>; rel=\"next\""
        );
        let asked = Uri::from_static("/v2/lib/x/tags/list?ns=up.test");
        let ours = link_to_us(link, &asked);
        assert_eq!(
            ours,
            "</v2/lib/x/tags/list?last=b&n=2&ns=up.test>; rel=\"next\""
        );
    }
}
