//! Lists are ours: JSON, names that can be asked for, referrers that the gate would serve.

use bytes::Bytes;
use http::{Method, StatusCode};
use sluicegate_tests::fault::Fault;
use sluicegate_tests::image::{Flavour, Image, artifact, index};
use sluicegate_tests::wire::Reply;

use crate::stage::{REPO, Stage, blob_path, clean, manifest_path, python, vulnerable};

const SIGNATURE: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";
const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const SPDX: &str = "application/spdx+json";
const TAR_GZIP: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const OCI_INDEX: &str = "application/vnd.oci.image.index.v1+json";
const PAGE: &str = "<html><script>alert(document.domain)</script></html>";

fn html() -> Vec<(&'static str, String)> {
    vec![
        ("content-type", "text/html".to_owned()),
        ("warning", "299 - \"theirs\"".to_owned()),
        ("set-cookie", "a=b".to_owned()),
    ]
}

#[track_caller]
fn assert_ours(reply: &Reply, content_type: &str, what: &str) {
    assert_eq!(reply.header("content-type"), content_type, "{what}");
    assert_eq!(reply.header("x-content-type-options"), "nosniff", "{what}");
    assert_eq!(reply.header("set-cookie"), "", "{what}");
    assert!(!reply.header("warning").contains("theirs"), "{what}");
    assert!(!reply.text().contains("script"), "{what}: {}", reply.text());
}

#[tokio::test]
async fn a_list_of_tags_is_json_of_ours_or_an_error() {
    let stage = Stage::hold().await;
    let path = format!("/v2/up.test/{REPO}/tags/list");
    let say = |body: &str| Fault::Say(200, html(), body.to_owned());
    for body in [PAGE, "[]", r#"{"errors":[]}"#, ""] {
        stage.upstream.script("/tags/list", [say(body)]);
        let reply = stage.get(&path).await;
        assert_eq!(reply.status, StatusCode::BAD_GATEWAY, "{body}");
        assert_ours(&reply, "application/json", body);
    }
    let body = r#"{"name":"<script>","tags":["1","<script>","2"],"script":"1"}"#;
    stage.upstream.script("/tags/list", [say(body)]);
    let reply = stage.get(&path).await;
    assert_ours(&reply, "application/json", "tags");
    let wanted = serde_json::json!({"name": format!("up.test/{REPO}"), "tags": ["1", "2"]});
    assert_eq!(reply.json(), wanted);
}

#[tokio::test]
async fn pages_of_tags_lead_to_us_whatever_the_upstream_links() {
    let stage = Stage::hold().await;
    let link = "<https://evil.test/v2/x/tags/list?last=b&n=2&ns=evil.test>; rel=\"next\"";
    let headers = vec![("link", link.to_owned())];
    let say = Fault::Say(200, headers, r#"{"tags":["a","b"]}"#.to_owned());
    stage.upstream.script("/tags/list?n=2", [say]);
    let path = format!("/v2/{REPO}/tags/list?n=2&ns=up.test&sluicegate-hop=3");
    let reply = stage.get(&path).await;
    let wanted = format!("</v2/{REPO}/tags/list?last=b&n=2&ns=up.test>; rel=\"next\"");
    assert_eq!(reply.header("link"), wanted);
    assert_eq!(stage.upstream.count("GET", "/tags/list?n=2"), 1);
    let reply = stage.get(&format!("/v2/{REPO}/tags/list?n=-1")).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{}", reply.text());
}

/// An image with a good signature, a good SBOM and an attestation that is a vulnerable layer.
struct Referred {
    image: Image,
    signature: Image,
    sbom: Image,
    decoy: Image,
}

fn referred(seed: u64, image: Image) -> Referred {
    let text = |number: u64| Bytes::from(format!("{{\"n\":{number}}}"));
    let signature = artifact(SIGNATURE, &[(SIMPLE_SIGNING, text(seed))], Some(&image));
    let sbom = artifact(SPDX, &[(SPDX, text(seed + 1))], Some(&image));
    let bad = python("badlib", seed).bytes;
    let decoy = artifact(SIGNATURE, &[(TAR_GZIP, bad)], Some(&image));
    Referred {
        image,
        signature,
        sbom,
        decoy,
    }
}

impl Referred {
    fn all(&self) -> Vec<Image> {
        vec![
            self.signature.clone(),
            self.sbom.clone(),
            self.decoy.clone(),
        ]
    }

    /// Offers the image and its referrers by the API, each with content in its descriptor.
    fn offer(&self, stage: &Stage) {
        stage.upstream.add(REPO, "1", &self.image);
        let mut entries = Vec::new();
        for referrer in self.all() {
            stage
                .upstream
                .add(REPO, referrer.digest.as_str(), &referrer);
            let mut entry = referrer.descriptor();
            entry["data"] = "PHNjcmlwdD4=".into();
            entry["urls"] = serde_json::json!(["http://evil.test/"]);
            let kind = serde_json::from_slice::<serde_json::Value>(&referrer.manifest);
            entry["artifactType"] = kind.expect("JSON")["artifactType"].clone();
            entries.push(entry);
        }
        let list = serde_json::json!({
            "schemaVersion": 2, "mediaType": OCI_INDEX, "manifests": entries, "script": PAGE,
        });
        let mut headers = html();
        headers[0] = ("content-type", OCI_INDEX.to_owned());
        let say = Fault::Say(200, headers, list.to_string());
        stage
            .upstream
            .always(&format!("/referrers/{}", self.image.digest), say);
    }

    async fn list(&self, stage: &Stage, query: &str) -> Reply {
        let path = format!("/v2/{REPO}/referrers/{}{query}", self.image.digest);
        stage.get(&path).await
    }
}

/// Names the referrers of the upstream: ours say when they were made.
fn digests(reply: &Reply) -> Vec<String> {
    let list = reply.json();
    let list = list["manifests"].as_array().expect("a list").clone();
    let is_theirs = |entry: &&serde_json::Value| {
        entry["annotations"]["org.opencontainers.image.created"].is_null()
    };
    let digest = |entry: &serde_json::Value| entry["digest"].as_str().expect("text").to_owned();
    list.iter().filter(is_theirs).map(digest).collect()
}

#[tokio::test]
async fn referrers_that_the_gate_would_refuse_are_not_listed() {
    for mode in ["hold", "stream"] {
        let stage = Stage::with(|proxy, _| proxy.flag("--gate", mode)).await;
        let referred = referred(530, clean(530));
        referred.offer(&stage);
        let reply = referred.list(&stage, "").await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        assert_ours(&reply, OCI_INDEX, mode);
        let wanted = [&referred.signature, &referred.sbom].map(|one| one.digest.to_string());
        assert_eq!(digests(&reply), wanted, "{mode}");
        for gone in ["PHNjcmlwdD4", "evil.test", "urls", "data"] {
            assert!(!reply.text().contains(gone), "{gone}: {}", reply.text());
        }
        let reply = referred
            .list(
                &stage,
                &format!("?artifactType={}", SPDX.replace('+', "%2B")),
            )
            .await;
        assert_eq!(digests(&reply), [referred.sbom.digest.to_string()]);
        assert_eq!(reply.header("oci-filters-applied"), "artifactType");
        // A list releases nothing.
        let layer = blob_path(REPO, &referred.decoy.layers[0].digest);
        let reply = stage.get(&layer).await;
        assert_eq!(
            reply.status,
            StatusCode::FORBIDDEN,
            "{mode}: {}",
            reply.text()
        );
    }
}

#[tokio::test]
async fn the_referrers_of_a_refused_image_are_refused_with_it() {
    for is_pulled_first in [true, false] {
        let stage = Stage::hold().await;
        let referred = referred(540, vulnerable(540));
        referred.offer(&stage);
        if is_pulled_first {
            let reply = stage.get(&manifest_path(REPO, "1")).await;
            assert_eq!(reply.status, StatusCode::FORBIDDEN);
        }
        let reply = referred.list(&stage, "").await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{}", reply.text());
        assert!(reply.text().contains("CVE-2026-1111"), "{}", reply.text());
        for referrer in referred.all() {
            assert!(!reply.text().contains(referrer.digest.as_str()));
        }
    }
}

#[tokio::test]
async fn an_upstream_without_the_api_is_asked_by_the_tag_schema() {
    let stage = Stage::hold().await;
    let referred = referred(550, clean(550));
    stage.upstream.add(REPO, "1", &referred.image);
    let list = index(referred.all(), Flavour::Oci);
    let tag = referred.image.digest.as_str().replace(':', "-");
    stage.upstream.add_index(REPO, &tag, &list);
    let page = Fault::Say(200, html(), PAGE.to_owned());
    for fault in [None, Some(page), Some(Fault::Status(405, Vec::new()))] {
        if let Some(fault) = fault {
            stage.upstream.always("/referrers/", fault);
        }
        let reply = referred.list(&stage, "").await;
        assert_ours(&reply, OCI_INDEX, "tag schema");
        let wanted = [&referred.signature, &referred.sbom].map(|one| one.digest.to_string());
        assert_eq!(digests(&reply), wanted);
    }
    // What nobody refers to has an empty list, known or not.
    let nothing = sluicegate_model::Digest::of(b"nobody has this");
    let reply = stage.get(&format!("/v2/{REPO}/referrers/{nothing}")).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    assert!(digests(&reply).is_empty());
}

#[tokio::test]
async fn two_thousand_referrers_are_a_thousand() {
    let stage = Stage::hold().await;
    let image = clean(560);
    stage.upstream.add(REPO, "1", &image);
    let entry = |number: u64| {
        let digest = sluicegate_model::Digest::of(&number.to_le_bytes());
        sluicegate_tests::image::descriptor(&image.media_type, &digest, 7)
    };
    let entries: Vec<_> = (0..2_000).map(entry).collect();
    let list = serde_json::json!({"schemaVersion": 2, "manifests": entries});
    let headers = vec![("content-type", OCI_INDEX.to_owned())];
    let say = Fault::Say(200, headers, list.to_string());
    stage.upstream.always("/referrers/", say);
    let path = format!("/v2/{REPO}/referrers/{}", image.digest);
    let reply = stage.get(&path).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    assert!(digests(&reply).len() <= 1_000);
    assert!(
        reply.header("warning").contains("1000"),
        "{}",
        reply.header("warning")
    );
}

#[tokio::test]
async fn browsers_are_told_to_take_nothing_for_what_it_is_not() {
    let stage = Stage::hold().await;
    let image = clean(570);
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    for (path, kind) in [
        ("/v2/".to_owned(), "application/json"),
        (manifest_path(REPO, "1"), image.media_type.as_str()),
        (
            blob_path(REPO, &image.layers[0].digest),
            "application/octet-stream",
        ),
        (manifest_path(REPO, "none"), "application/json"),
        ("/v2/nothing".to_owned(), "application/json"),
    ] {
        for method in [Method::GET, Method::HEAD, Method::POST] {
            let reply = stage.once(method.clone(), &path).await;
            assert_eq!(
                reply.header("x-content-type-options"),
                "nosniff",
                "{method} {path}"
            );
            if method == Method::GET {
                assert_eq!(reply.header("content-type"), kind, "{path}");
            }
        }
    }
    let reply = stage.proxy.api("/api/v1/verdicts").await;
    assert_eq!(reply.header("x-content-type-options"), "nosniff");
}
