//! Lists: tags and referrers, asked of the upstream and written anew.
//!
//! Nothing of an upstream's answer is passed on but what its values mean: names that can be asked
//! for, descriptors that the gate would serve.

use hyper::{Response, Uri};
use sluicegate_model::Digest;
use sluicegate_upstream::{Referrers, TagPage};

use super::errors::{self, Wanted};
use super::hold::HoldEnded;
use super::registry::{Asked, Registry};
use super::respond::{self, Body};
use super::route;
use crate::pull::error::PullError;

/// Most digits of `n`: more is no number of tags.
const MAX_COUNT_DIGITS: usize = 9;

/// Lists the tags of a repository.
pub async fn tags(registry: &Registry, asked: &Asked) -> Response<Body> {
    let uri = asked.request.uri();
    if let Some(count) = route::parameter(uri.query(), "n")
        && !is_count(&count)
    {
        return errors::bad_count(asked.head);
    }
    match list_tags(registry, asked).await {
        Ok(page) => {
            let next = page.next.map(|next| next_page(uri, next));
            respond::tags(
                repository_asked(uri),
                &page.tags,
                next.as_deref(),
                asked.head,
            )
        }
        Err(error) => failed(&error, Wanted::Tags, asked.head),
    }
}

/// Lists the referrers of a manifest, unless the manifest itself is refused.
pub async fn referrers(registry: &Registry, asked: &Asked, digest: &Digest) -> Response<Body> {
    let wanted = route::parameter(asked.request.uri().query(), "artifactType");
    let wanted = wanted.as_deref().filter(|kind| !kind.is_empty());
    let (gate, repository) = (&registry.gate, &asked.repository);
    let refusal = Box::pin(gate.refusal_of(repository, digest));
    match asked.hold.wait(refusal).await {
        Ok(Ok(None)) => {}
        Ok(Ok(Some(verdict))) => {
            return registry.refusal(asked, &verdict);
        }
        Ok(Err(error)) => return failed(&error, Wanted::Manifest, asked.head),
        Err(ended) => return held(asked, ended),
    }
    let found = match asked
        .hold
        .wait(find_referrers(registry, asked, digest, wanted))
        .await
    {
        Ok(Ok(found)) => found,
        Ok(Err(error)) => return failed(&error, Wanted::Manifest, asked.head),
        Err(ended) => return held(asked, ended),
    };
    let judged = Box::pin(gate.referrers(repository, found.clone()));
    let listed = match asked.hold.wait(judged).await {
        Ok(listed) => Ok(listed),
        Err(HoldEnded::NextHop) => return held(asked, HoldEnded::NextHop),
        // The client's patience is used up: what is judged by now is listed, and no more.
        Err(HoldEnded::LastHop) => gate.judged_referrers(repository, found).await,
    };
    match listed {
        Ok(listed) => respond::referrers(listed, wanted.is_some(), asked.head),
        Err(error) => failed(&error, Wanted::Manifest, asked.head),
    }
}

async fn list_tags(registry: &Registry, asked: &Asked) -> Result<TagPage, PullError> {
    let upstream = registry.gate.upstreams.of(&asked.repository)?;
    let query = query_without_ours(asked.request.uri());
    Ok(upstream.tags(asked.repository.path(), &query).await?)
}

async fn find_referrers(
    registry: &Registry,
    asked: &Asked,
    digest: &Digest,
    wanted: Option<&str>,
) -> Result<Referrers, PullError> {
    let (upstream, path) = (
        registry.gate.upstreams.of(&asked.repository)?,
        asked.repository.path(),
    );
    Ok(upstream.referrers(path, digest, wanted).await?)
}

fn held(asked: &Asked, ended: HoldEnded) -> Response<Body> {
    match ended {
        HoldEnded::NextHop => asked.hold.redirect(&asked.request),
        HoldEnded::LastHop => errors::still_scanning(asked.head),
    }
}

fn failed(error: &PullError, wanted: Wanted, head: bool) -> Response<Body> {
    tracing::warn!(%error, "list not served");
    errors::pull_error(error, wanted, head)
}

/// Points the upstream's next page at our own path, in the namespace that was asked for. Which
/// upstream is asked is never the upstream's choice.
fn next_page(asked: &Uri, next: Vec<(String, String)>) -> String {
    let mut pairs = url::form_urlencoded::Serializer::new(String::new());
    pairs.extend_pairs(next.iter().filter(|(name, _)| !is_ours(name)));
    if let Some(ns) = route::parameter(asked.query(), "ns") {
        pairs.append_pair("ns", &ns);
    }
    format!("<{}?{}>; rel=\"next\"", asked.path(), pairs.finish())
}

/// Gives the repository by the name that the client used.
fn repository_asked(asked: &Uri) -> &str {
    let path = asked.path().strip_prefix("/v2/").unwrap_or_default();
    path.strip_suffix("/tags/list").unwrap_or_default()
}

fn query_without_ours(asked: &Uri) -> String {
    let query = asked.query().unwrap_or_default();
    let pairs = url::form_urlencoded::parse(query.as_bytes());
    let mut kept = url::form_urlencoded::Serializer::new(String::new());
    kept.extend_pairs(pairs.filter(|(name, _)| !is_ours(name)));
    kept.finish()
}

fn is_ours(name: &str) -> bool {
    name == "ns" || name == route::HOP_PARAMETER
}

fn is_count(text: &str) -> bool {
    (1..=MAX_COUNT_DIGITS).contains(&text.len()) && text.bytes().all(|byte| byte.is_ascii_digit())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_next_page_is_asked_of_us() {
        let next = |pairs: &[(&str, &str)]| {
            let owned = |(name, value): &(&str, &str)| ((*name).to_owned(), (*value).to_owned());
            pairs.iter().map(owned).collect::<Vec<_>>()
        };
        let asked = Uri::from_static("/v2/up.test/lib/x/tags/list?n=2");
        assert_eq!(
            next_page(&asked, next(&[("last", "b"), ("n", "2")])),
            "</v2/up.test/lib/x/tags/list?last=b&n=2>; rel=\"next\""
        );
        let asked = Uri::from_static("/v2/lib/x/tags/list?ns=up.test");
        assert_eq!(
            next_page(
                &asked,
                next(&[("last", "b"), ("ns", "evil.test"), ("sluicegate-hop", "9")])
            ),
            "</v2/lib/x/tags/list?last=b&ns=up.test>; rel=\"next\""
        );
        let odd = next(&[("last", "b>; rel=\"next\", </evil?\r\nx: y")]);
        let link = next_page(&asked, odd);
        assert_eq!(link.matches('>').count(), 1, "{link}");
        assert!(!link.contains(['\r', '\n']), "{link}");
    }

    #[test]
    fn a_number_of_tags_is_a_short_number() {
        for (text, is_number) in [
            ("0", true),
            ("100", true),
            ("", false),
            ("-1", false),
            ("1e3", false),
            ("9999999999", false),
        ] {
            assert_eq!(is_count(text), is_number, "{text}");
        }
    }

    #[test]
    fn the_list_is_named_as_it_was_asked_for() {
        let asked = Uri::from_static("/v2/up.test/lib/x/tags/list?n=2");
        assert_eq!(repository_asked(&asked), "up.test/lib/x");
    }
}
