//! Lists: tags and referrers, asked of the upstream and written anew.
//!
//! Nothing of an upstream's answer is passed on but what its values mean: names that can be asked
//! for, descriptors that the gate would serve.

use hyper::{Response, Uri};
use sluicegate_model::Digest;

use super::body::Body;
use super::errors::{self, Wanted};
use super::registry::{Call, Registry};
use super::respond;
use super::route;
use sluicegate_engine::gate::ReferrersAnswer;
use sluicegate_engine::pull::error::PullError;

/// Most digits of `n`: more is no number of tags.
const MAX_COUNT_DIGITS: usize = 9;

/// Lists the tags of a repository, unless none of them could be pulled.
pub async fn tags(registry: &Registry, call: &Call) -> Response<Body> {
    let uri = call.request.uri();
    if let Some(count) = route::parameter(uri.query(), "n")
        && !is_count(&count)
    {
        return errors::bad_count(call.asked.head);
    }
    if let Some(refusal) = registry.gate.refuses_repository(&call.asked) {
        return errors::refused_name(&refusal, call.asked.head);
    }
    let query = query_without_ours(uri);
    match registry.gate.tags(&call.asked.repository, &query).await {
        Ok(page) => {
            let next = page.next.map(|next| next_page(uri, next));
            respond::tags(
                repository_asked(uri),
                &page.tags,
                next.as_deref(),
                call.asked.head,
            )
        }
        Err(error) => failed(&error, Wanted::Tags, call),
    }
}

/// Lists the referrers of a manifest, unless the manifest itself is refused.
pub async fn referrers(registry: &Registry, call: &Call, digest: &Digest) -> Response<Body> {
    let wanted = route::parameter(call.request.uri().query(), "artifactType");
    let wanted = wanted.as_deref().filter(|kind| !kind.is_empty());
    let served = registry.gate.serve_referrers(&call.asked, digest, wanted);
    match served.await {
        Ok(ReferrersAnswer::List(listed)) => {
            respond::referrers(listed, wanted.is_some(), call.asked.head)
        }
        Ok(ReferrersAnswer::Refuse(refusal)) => registry.refusal(call, &refusal),
        Ok(ReferrersAnswer::RefuseName(refusal)) => errors::refused_name(&refusal, call.asked.head),
        Ok(ReferrersAnswer::NotYet(ended)) => call.not_yet(ended),
        Err(error) => failed(&error, Wanted::Manifest, call),
    }
}

fn failed(error: &PullError, wanted: Wanted, call: &Call) -> Response<Body> {
    tracing::warn!(%error, "list not served");
    errors::pull_error(error, wanted, call.asked.head)
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
