//! Lists are read, not passed on: names and descriptors come out, whatever went in.

use sluicegate_model::Digest;
use sluicegate_model::manifest::Descriptor;
use sluicegate_model::media_type::{OCI_INDEX, OCI_MANIFEST};
use sluicegate_model::registry::{MAX_REFERRERS, TagPage};

use crate::UpstreamError;
use crate::fake::{Fake, Seen, answer};

async fn tags_of(body: String) -> Result<TagPage, UpstreamError> {
    let fake = Fake::start(move |_| {
        let body = body.clone();
        async move { answer(200, &[("content-type", "text/html")], body) }
    })
    .await;
    fake.upstream().tags("a", "").await
}

#[tokio::test]
async fn only_what_can_be_a_tag_comes_out() {
    let body = r#"{"name":"<script>","tags":["1","<script>","a b","","../x","v2"],"more":"<b>"}"#;
    let page = tags_of(body.to_owned()).await.unwrap();
    let tags: Vec<String> = page.tags.iter().map(ToString::to_string).collect();
    assert_eq!(tags, ["1", "v2"]);
    for empty in [
        r#"{"name":"a","tags":null}"#,
        r#"{"name":"a"}"#,
        r#"{"tags":[]}"#,
    ] {
        assert_eq!(tags_of(empty.to_owned()).await.unwrap().tags, []);
    }
    for wrong in [
        "<html><script>1</script>",
        "[]",
        "{}",
        r#"{"tags":"x"}"#,
        r#"{"errors":[]}"#,
    ] {
        let outcome = tags_of(wrong.to_owned()).await;
        assert!(
            matches!(outcome, Err(UpstreamError::Protocol { .. })),
            "{wrong}: {outcome:?}"
        );
    }
}

#[tokio::test]
async fn eighty_thousand_tags_are_a_list_and_a_list_without_end_is_none() {
    let tag = |number| format!("\"t{number:06}-{}\"", "x".repeat(56));
    let many: Vec<String> = (0..80_000).map(tag).collect();
    let page = tags_of(format!(r#"{{"name":"a","tags":[{}]}}"#, many.join(","))).await;
    assert_eq!(page.unwrap().tags.len(), 80_000);
    let outcome = tags_of(" ".repeat(16 * 1024 * 1024 + 1)).await;
    assert!(
        matches!(outcome, Err(UpstreamError::TooLarge { .. })),
        "{outcome:?}"
    );
    let outcome = tags_of(format!(r#"{{"tags":[{}"1"]}}"#, "\"1\",".repeat(500_000))).await;
    assert!(
        matches!(outcome, Err(UpstreamError::Protocol { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn every_page_of_tags_is_read_once() {
    let fake = Fake::start(|seen: Seen| async move {
        match seen.target.as_str() {
            "/v2/a/tags/list?n=1000" => {
                let next = "<https://evil.test/x?n=1&last=1>; rel=\"next\"";
                answer(200, &[("link", next)], r#"{"name":"a","tags":["1"]}"#)
            }
            "/v2/a/tags/list?n=1&last=1" => answer(200, &[], r#"{"name":"a","tags":["1","2"]}"#),
            other => answer(404, &[], other.to_owned()),
        }
    })
    .await;
    let tags = fake.upstream().all_tags("a").await.unwrap();
    assert_eq!(tags.len(), 2);
}

#[tokio::test]
async fn every_page_of_repositories_is_read_once_and_names_that_are_none_are_left_out() {
    let fake = Fake::start(|seen: Seen| async move {
        match seen.target.as_str() {
            "/v2/_catalog?n=1000" => {
                let next = "</v2/_catalog?n=1&last=a>; rel=\"next\"";
                let body = r#"{"repositories":["a","../x","b/c"]}"#;
                answer(200, &[("link", next)], body)
            }
            "/v2/_catalog?n=1&last=a" => answer(200, &[], r#"{"repositories":["b/c","d"]}"#),
            other => answer(404, &[], other.to_owned()),
        }
    })
    .await;
    let repositories = fake.upstream().repositories().await.unwrap();
    assert_eq!(repositories, ["a", "b/c", "d"]);
    let none = Fake::start(|_| async move { answer(404, &[], "") }).await;
    let outcome = none.upstream().repositories().await;
    assert!(
        matches!(outcome, Err(UpstreamError::NotFound { .. })),
        "{outcome:?}"
    );
}

fn subject() -> Digest {
    Digest::of(b"subject")
}

fn entry(name: &str, more: &str) -> String {
    let digest = Digest::of(name.as_bytes());
    format!(r#"{{"mediaType":"{OCI_MANIFEST}","digest":"{digest}","size":7{more}}}"#)
}

fn index_of(entries: &[String]) -> String {
    let entries = entries.join(",");
    format!(r#"{{"schemaVersion":2,"mediaType":"{OCI_INDEX}","manifests":[{entries}]}}"#)
}

async fn referrers_of(body: String, kind: &'static str) -> Vec<Descriptor> {
    let fake = Fake::start(move |seen: Seen| {
        let body = body.clone();
        async move {
            if seen.target.contains("/referrers/") {
                return answer(200, &[("content-type", kind)], body);
            }
            answer(404, &[], "")
        }
    })
    .await;
    let listed = fake.upstream().referrers("a", &subject(), None).await;
    listed.unwrap().found
}

#[tokio::test]
async fn only_descriptors_of_manifests_come_out_and_no_content_with_them() {
    let long = format!(r#","annotations":{{"a":"{}"}}"#, "x".repeat(5000));
    let entries = [
        entry(
            "data",
            r#","data":"PHNjcmlwdD4=","urls":["http://x"],"more":1,"platform":{"os":"x"}"#,
        ),
        entry("data", ""),
        entry(
            "notes",
            r#","artifactType":"application/vnd.x+json","annotations":{"a":"b"}"#,
        ),
        entry("long", &long),
        entry("kind", r#","artifactType":"<script>""#),
        entry("null", r#","artifactType":null,"annotations":null"#),
        entry("layer", "").replace(OCI_MANIFEST, "application/octet-stream"),
        entry("html", "").replace(OCI_MANIFEST, "text/html"),
        "{}".to_owned(),
        "1".to_owned(),
        entry("subject", ""),
    ];
    let found = referrers_of(index_of(&entries), OCI_INDEX).await;
    let names = ["data", "notes", "long", "kind", "null"];
    let wanted: Vec<Digest> = names.map(|name| Digest::of(name.as_bytes())).into();
    let digests: Vec<Digest> = found.iter().map(|one| one.digest.clone()).collect();
    assert_eq!(digests, wanted);
    let text = serde_json::to_string(&found).unwrap();
    for gone in [
        "PHNjcmlwdD4",
        "http://x",
        "more",
        "script",
        "xxxx",
        "platform",
    ] {
        assert!(!text.contains(gone), "{gone} in {text}");
    }
    assert_eq!(found[1].annotations["a"], "b");
    assert_eq!(
        found[1].artifact_type.as_deref(),
        Some("application/vnd.x+json")
    );
}

#[tokio::test]
async fn at_most_a_thousand_are_taken_over_and_the_rest_is_told() {
    let entries: Vec<String> = (0..2_000)
        .map(|number| entry(&format!("{number}"), ""))
        .collect();
    let body = index_of(&entries);
    let fake = Fake::start(move |_| {
        let body = body.clone();
        async move { answer(200, &[("content-type", OCI_INDEX)], body) }
    })
    .await;
    let listed = fake
        .upstream()
        .referrers("a", &subject(), None)
        .await
        .unwrap();
    assert_eq!(listed.found.len(), MAX_REFERRERS);
    assert!(listed.are_cut);
}

#[tokio::test]
async fn whatever_is_no_index_means_the_tag_schema_and_nothing_there_is_empty() {
    let tag = subject().as_str().replace(':', "-");
    for (status, kind, body) in [
        (404, "text/plain", "Not Found"),
        (400, "application/json", r#"{"errors":[]}"#),
        (401, "text/html", ""),
        (403, "text/html", ""),
        (405, "text/html", ""),
        (406, "text/html", ""),
        (410, "text/html", ""),
        (422, "text/html", ""),
        (501, "text/html", ""),
        (204, "text/html", ""),
        (302, "text/html", ""),
        (
            200,
            OCI_MANIFEST,
            r#"{"schemaVersion":2,"config":{},"layers":[]}"#,
        ),
        (200, OCI_MANIFEST, r#"{"schemaVersion":2,"manifests":[]}"#),
        (200, "text/html", "<html>sign in</html>"),
        (200, "application/json", r#"{"errors":[]}"#),
        (200, OCI_INDEX, "null"),
    ] {
        let (tag, list) = (tag.clone(), index_of(&[entry("one", "")]));
        let fake = Fake::start(move |seen: Seen| {
            let (tag, list) = (tag.clone(), list.clone());
            async move {
                if seen.target.ends_with(&format!("/v2/full/manifests/{tag}")) {
                    return answer(200, &[("content-type", OCI_INDEX)], list);
                }
                if seen.target.contains("/referrers/") {
                    return answer(status, &[("content-type", kind)], body);
                }
                answer(404, &[], "")
            }
        })
        .await;
        let upstream = fake.upstream();
        let full = upstream.referrers("full", &subject(), None).await.unwrap();
        assert_eq!(full.found.len(), 1, "{status} {body}");
        let empty = upstream.referrers("empty", &subject(), None).await.unwrap();
        assert!(empty.found.is_empty(), "{status} {body}");
    }
}

#[tokio::test]
async fn a_redirect_to_where_nothing_is_means_the_tag_schema_at_once() {
    for status in [302, 303, 307] {
        for elsewhere in [403, 404] {
            let packages =
                Fake::start(move |_| async move { answer(elsewhere, &[], "Not Found") }).await;
            let to = packages.url("/packages/x");
            let fake = Fake::start(move |seen: Seen| {
                let to = to.clone();
                async move {
                    if seen.target.contains("/referrers/") {
                        return answer(status, &[("location", &to)], "");
                    }
                    let list = index_of(&[entry("one", "")]);
                    answer(200, &[("content-type", OCI_INDEX)], list)
                }
            })
            .await;
            let listed = fake.upstream().referrers("a", &subject(), None).await;
            assert_eq!(listed.unwrap().found.len(), 1, "{status} {elsewhere}");
            assert_eq!(fake.count("/referrers/"), 1, "{status} {elsewhere}");
        }
    }
}

#[tokio::test]
async fn a_tag_that_is_not_there_is_an_empty_list_however_that_is_said() {
    for status in [302, 400, 401, 403, 404, 405, 406, 410, 422, 501] {
        let fake = Fake::start(move |_| async move { answer(status, &[], "") }).await;
        let listed = fake.upstream().referrers("a", &subject(), None).await;
        assert_eq!(listed.unwrap().found, [], "{status}");
    }
}

#[tokio::test]
async fn a_tag_that_is_the_subject_itself_lists_nothing() {
    let image = r#"{"schemaVersion":2,"config":{},"layers":[]}"#.to_owned();
    for (kind, body) in [
        (OCI_INDEX, index_of(&[entry("child", "")])),
        (OCI_MANIFEST, image),
    ] {
        let subject = Digest::of(body.as_bytes());
        let fake = Fake::start(move |seen: Seen| {
            let body = body.clone();
            async move {
                if seen.target.contains("/referrers/") {
                    return answer(404, &[], "");
                }
                answer(200, &[("content-type", kind)], body)
            }
        })
        .await;
        let listed = fake.upstream().referrers("a", &subject, None).await;
        assert_eq!(listed.unwrap().found, [], "{kind}");
    }
}

#[tokio::test]
async fn null_in_a_list_is_what_absence_is() {
    let body = format!(r#"{{"mediaType":"{OCI_INDEX}","manifests":null}}"#);
    assert_eq!(referrers_of(body, OCI_INDEX).await, []);
    let noted = entry(
        "a",
        r#","annotations":{"a":null,"b":"c"},"artifactType":null"#,
    );
    let found = referrers_of(index_of(&[noted]), OCI_INDEX).await;
    assert_eq!(found[0].annotations.len(), 1);
    let page = tags_of(r#"{"name":null,"tags":["1",null]}"#.to_owned()).await;
    assert_eq!(page.unwrap().tags.len(), 1);
}

#[tokio::test]
async fn trouble_is_no_empty_list() {
    for status in [429, 500, 503] {
        let fake = Fake::start(move |seen: Seen| async move {
            let status = if seen.target.contains("/referrers/") {
                status
            } else {
                404
            };
            answer(status, &[], "")
        })
        .await;
        let outcome = fake.upstream().referrers("a", &subject(), None).await;
        assert!(outcome.is_err(), "{status}: {outcome:?}");
    }
}

#[tokio::test]
async fn one_type_is_picked_here_whether_the_upstream_filters_or_not() {
    let typed = |name: &str, kind: &str| entry(name, &format!(r#","artifactType":"{kind}""#));
    let body = index_of(&[typed("a", "x/a"), typed("b", "x/b"), entry("c", "")]);
    let fake = Fake::start(move |_| {
        let body = body.clone();
        async move { answer(200, &[("content-type", OCI_INDEX)], body) }
    })
    .await;
    let listed = fake
        .upstream()
        .referrers("a", &subject(), Some("x/b"))
        .await;
    let found = listed.unwrap().found;
    assert_eq!(found.len(), 1);
    assert_eq!(found[0].digest, Digest::of(b"b"));
    assert!(fake.seen()[0].target.ends_with("?artifactType=x%2Fb"));
}
