//! Requests for registries that are not configured: a line in the log, so that the first day shows
//! what nodes ask for.

use hyper::Request;
use sluicegate_engine::audit::Denial;
use sluicegate_engine::identity::Who;
use sluicegate_model::image::Reference;
use sluicegate_model::names::CanonicalNameError;

use super::registry::Registry;
use super::route::RouteError;

/// Logs and counts a request that failed for its registry; others are none of ours.
pub(super) async fn note(registry: &Registry, request: &Request<()>, who: Who, error: &RouteError) {
    let RouteError::Name(CanonicalNameError::UnknownUpstream(host)) = error else {
        return;
    };
    let (name, reference) = asked_for(request.uri().path());
    let (tag, digest) = match reference.and_then(|text| text.parse().ok()) {
        Some(Reference::Tag(tag)) => (Some(tag), None),
        Some(Reference::Digest(digest)) => (None, Some(digest)),
        None => (None, None),
    };
    let denial = Denial {
        who,
        registry: host.clone(),
        path: name
            .strip_prefix(&format!("{host}/"))
            .unwrap_or(name)
            .to_owned(),
        tag,
        digest,
    };
    registry.gate.note_denied(denial).await;
}

/// Gives the repository that a path names, and the reference behind `manifests`.
fn asked_for(path: &str) -> (&str, Option<&str>) {
    let rest = path.strip_prefix("/v2/").unwrap_or(path);
    if let Some((name, reference)) = rest.rsplit_once("/manifests/") {
        return (name, Some(reference));
    }
    let ends = ["/blobs/", "/referrers/", "/tags/list"];
    let mut named = ends.into_iter().filter_map(|end| rest.rsplit_once(end));
    (named.next().map_or(rest, |(name, _)| name), None)
}

#[cfg(test)]
mod tests {
    use super::asked_for;

    #[test]
    fn finds_the_repository_of_every_endpoint() {
        for (path, wanted) in [
            ("/v2/x.test/a/b/manifests/1.0", ("x.test/a/b", Some("1.0"))),
            (
                "/v2/a/manifests/b/manifests/1",
                ("a/manifests/b", Some("1")),
            ),
            ("/v2/x.test/a/blobs/sha256:00", ("x.test/a", None)),
            ("/v2/x.test/a/tags/list", ("x.test/a", None)),
            ("/v2/x.test/a/referrers/sha256:00", ("x.test/a", None)),
            ("/v2/odd", ("odd", None)),
        ] {
            assert_eq!(asked_for(path), wanted, "{path}");
        }
    }
}
