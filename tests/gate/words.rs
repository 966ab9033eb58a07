//! What answers say: tags fresh and stale, conditional requests, notes on allowed images, and the
//! exact form of a refusal.

use http::{Method, StatusCode};
use sluicegate_tests::fault::Fault;
use sluicegate_tests::image::{Image, blob_of, image as document_image};

use crate::stage::{REPO, Stage, blob_path, clean, dubious, eventually, manifest_path, vulnerable};

#[tokio::test]
async fn a_tag_is_believed_for_its_time_and_then_asked_for_by_head() {
    for (ttl, heads) in [("1h", 0), ("0s", 1)] {
        let stage = Stage::with(|proxy, _| proxy.flag("--tag-ttl", ttl)).await;
        let image = clean(90);
        stage.upstream.add(REPO, "1", &image);
        stage.pull(REPO, "1", &image).await;
        let before = stage.upstream.count("HEAD", "/manifests/1");
        stage.pull(REPO, "1", &image).await;
        let asked = stage.upstream.count("HEAD", "/manifests/1") - before;
        assert_eq!(asked, heads, "{ttl}");
        assert_eq!(stage.upstream.count("GET", "/manifests/"), 1, "{ttl}");
    }
}

#[tokio::test]
async fn a_question_about_a_tag_that_outlasts_the_hold_is_asked_once() {
    let stage = Stage::hold().await;
    let image = clean(99);
    stage.upstream.add(REPO, "1", &image);
    let slow = Fault::Delay(std::time::Duration::from_millis(1_500));
    stage.upstream.script("/manifests/1", [slow]);
    let held = stage.once(Method::HEAD, &manifest_path(REPO, "1")).await;
    assert_eq!(held.status, StatusCode::TEMPORARY_REDIRECT);
    stage.pull(REPO, "1", &image).await;
    assert_eq!(stage.upstream.count("GET", "/manifests/1"), 1);
}

#[tokio::test]
async fn a_tag_that_moved_is_judged_by_its_new_digest() {
    let stage = Stage::with(|proxy, _| proxy.flag("--tag-ttl", "0s")).await;
    let (old, new) = (clean(91), vulnerable(91));
    stage.upstream.add(REPO, "1", &old);
    stage.pull(REPO, "1", &old).await;
    stage.upstream.add(REPO, "1", &new);
    let moved = stage.get(&manifest_path(REPO, "1")).await;
    assert_eq!(moved.status, StatusCode::FORBIDDEN, "{}", moved.text());
    stage.pull(REPO, old.digest.as_str(), &old).await;
}

#[tokio::test]
async fn with_its_upstream_down_a_known_tag_is_served_stale_with_a_warning() {
    let stage = Stage::with(|proxy, _| proxy.flag("--tag-ttl", "0s")).await;
    let image = clean(92);
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    stage.upstream.stop();
    stage.upstream.always("/", Fault::Status(500, Vec::new()));
    let path = manifest_path(REPO, "1");
    eventually("the tag is stale", async || {
        let reply = stage.get(&path).await;
        assert_eq!(
            (reply.status, &reply.body),
            (StatusCode::OK, &image.manifest)
        );
        let warning = reply.header("warning").to_owned();
        warning.starts_with("299 - \"sluicegate: up.test cannot be reached")
    })
    .await;
    for blob in image.blobs() {
        assert_eq!(
            stage.get(&blob_path(REPO, &blob.digest)).await.body,
            blob.bytes
        );
    }
    let unknown = stage.get(&manifest_path(REPO, "never-seen")).await;
    assert!(unknown.status.is_server_error(), "{}", unknown.status);
}

#[tokio::test]
async fn an_unknown_tag_is_404_and_asked_for_once() {
    let stage = Stage::hold().await;
    for _ in 0..3 {
        let reply = stage.get(&manifest_path(REPO, "none")).await;
        assert_eq!(reply.status, StatusCode::NOT_FOUND);
        assert_eq!(reply.json()["errors"][0]["code"], "MANIFEST_UNKNOWN");
    }
    assert_eq!(stage.upstream.count("GET", "/manifests/none"), 1);
}

#[tokio::test]
async fn a_client_that_has_it_gets_304_unless_it_is_refused() {
    let stage = Stage::hold().await;
    let (good, bad) = (clean(93), vulnerable(93));
    stage.upstream.add(REPO, "good", &good);
    stage.upstream.add(REPO, "bad", &bad);
    stage.pull(REPO, "good", &good).await;
    stage.get(&manifest_path(REPO, "bad")).await;
    let ask = async |path: String, digest: &str| {
        let quoted = format!("\"{digest}\"");
        let call = stage
            .call(Method::GET, &path)
            .header("if-none-match", &quoted);
        call.send().await
    };
    let layer = good.layers[2].digest.as_str();
    for (path, digest, status) in [
        (
            manifest_path(REPO, "good"),
            good.digest.as_str(),
            StatusCode::NOT_MODIFIED,
        ),
        (
            manifest_path(REPO, "good"),
            bad.digest.as_str(),
            StatusCode::OK,
        ),
        (
            blob_path(REPO, &good.layers[2].digest),
            layer,
            StatusCode::NOT_MODIFIED,
        ),
        (
            manifest_path(REPO, "bad"),
            bad.digest.as_str(),
            StatusCode::FORBIDDEN,
        ),
    ] {
        let reply = ask(path.clone(), digest).await;
        assert_eq!(reply.status, status, "{path}");
        if status == StatusCode::NOT_MODIFIED {
            assert_eq!(reply.body_bytes, 0);
            assert_eq!(reply.header("etag"), format!("\"{digest}\""));
        }
    }
}

#[tokio::test]
async fn a_verdict_is_told_by_headers_and_an_annotation_by_a_warning() {
    let stage = Stage::hold().await;
    for (tag, image, verdict) in [
        ("clean", clean(94), "allow"),
        ("dubious", dubious(94), "annotate"),
    ] {
        stage.upstream.add(REPO, tag, &image);
        stage.pull(REPO, tag, &image).await;
        for method in [Method::GET, Method::HEAD] {
            let reply = stage.once(method, &manifest_path(REPO, tag)).await;
            assert_eq!(reply.header("sluicegate-verdict"), verdict);
            let url = format!(
                "http://{}/api/v1/verdicts/{}",
                stage.proxy.api_address(),
                image.digest
            );
            assert_eq!(reply.header("sluicegate-verdict-url"), url);
            let warnings: Vec<_> = reply.headers.get_all("warning").iter().collect();
            let bytes: usize = warnings.iter().map(|value| value.len()).sum();
            assert_eq!(warnings.is_empty(), verdict == "allow");
            assert!(bytes <= 4_096);
            if verdict == "annotate" {
                let text = reply.header("warning");
                assert!(
                    text.starts_with("299 - \"") && text.contains("CVE-2026-2222"),
                    "{text}"
                );
            }
        }
    }
}

#[tokio::test]
async fn a_refusal_names_policy_rule_finding_package_fix_and_where_to_read_more() {
    let stage = Stage::hold().await;
    let image = vulnerable(95);
    stage.upstream.add(REPO, "1", &image);
    let path = manifest_path(REPO, "1");
    let reply = stage.get(&path).await;
    let url = format!(
        "http://{}/api/v1/verdicts/{}",
        stage.proxy.api_address(),
        image.digest
    );
    let wanted = format!(
        "sluicegate: refused by policy \"default\", rule \"fixable-critical\": 1 finding: \
         CVE-2026-1111 critical badlib 1.0 (fix: 2.0). First step: upgrade badlib to 2.0 or later. \
         Details: {url}"
    );
    assert_eq!(reply.message(), wanted);
    let error = &reply.json()["errors"][0];
    let whole = serde_json::json!({"code": "DENIED", "message": wanted});
    assert_eq!(
        *error, whole,
        "and nothing that some clients print as a map"
    );
    let blob = stage.get(&blob_path(REPO, &image.config.digest)).await;
    assert_eq!(blob.message(), wanted, "the same words on every route");
    let head = stage.head(&path).await;
    assert_eq!((head.status, head.body_bytes), (StatusCode::FORBIDDEN, 0));
    let warning = format!("299 - \"{}\"", wanted.replace('"', "'"));
    for answer in [reply, blob, head] {
        assert_eq!(
            answer.reason, wanted,
            "the status line has no body to be read"
        );
        assert_eq!(answer.header("warning"), warning);
    }
}

#[tokio::test]
async fn old_containerd_is_shown_the_reason_by_a_get_if_so_configured() {
    let old = "containerd/1.6.20";
    for (flag, head_status) in [(true, StatusCode::OK), (false, StatusCode::FORBIDDEN)] {
        let stage = Stage::with(|proxy, _| {
            proxy.environment("SLUICEGATE_EXPLAIN_TO_OLD_CLIENTS", &flag.to_string())
        })
        .await;
        let image = vulnerable(96);
        stage.upstream.add(REPO, "1", &image);
        let path = manifest_path(REPO, "1");
        assert_eq!(stage.get(&path).await.status, StatusCode::FORBIDDEN);
        let ask = async |method, agent| {
            stage
                .call(method, &path)
                .header("user-agent", agent)
                .send()
                .await
                .status
        };
        assert_eq!(ask(Method::HEAD, old).await, head_status);
        assert_eq!(ask(Method::GET, old).await, StatusCode::FORBIDDEN);
        assert_eq!(
            ask(Method::HEAD, "containerd/2.3.3").await,
            StatusCode::FORBIDDEN
        );
    }
}

/// Offers a document as a manifest under its own media type.
fn offer(stage: &Stage, tag: &str, text: &str, media_type: &str, like: &Image) {
    let mut odd = document_image(
        &serde_json::Value::Null,
        media_type,
        like.config.clone(),
        like.layers.clone(),
        "linux/amd64",
    );
    let written = blob_of(text.to_owned());
    (odd.manifest, odd.digest) = (written.bytes, written.digest);
    stage.upstream.add(REPO, tag, &odd);
}

#[tokio::test]
async fn a_manifest_that_can_be_read_in_two_ways_is_refused_and_lists_nothing() {
    let stage = Stage::hold().await;
    let image = clean(97);
    let oci = image.media_type.as_str();
    let text = String::from_utf8(image.manifest.to_vec()).expect("JSON");
    let with = |extra: &str| format!("{},{extra}}}", &text[..text.len() - 1]);
    let docker = "application/vnd.docker.distribution.manifest.v2+json";
    let schema1 = r#"{"schemaVersion":1,"name":"lib/app","tag":"1","fsLayers":[],"history":[]}"#;
    for (tag, document, media_type) in [
        ("both", with(r#""manifests":[]"#), oci),
        ("duplicate", with(r#""layers":[]"#), oci),
        ("case", with(r#""Layers":[]"#), oci),
        ("header", text.clone(), docker),
        ("bom", format!("\u{feff}{text}"), oci),
        ("trailing", format!("{text}{{}}"), oci),
        (
            "schema1",
            schema1.into(),
            "application/vnd.docker.distribution.manifest.v1+prettyjws",
        ),
        ("unknown", text.clone(), "application/json"),
        (
            "deep",
            with(&format!("\"x\":{}1{}", "[".repeat(100), "]".repeat(100))),
            oci,
        ),
    ] {
        offer(&stage, tag, &document, media_type, &image);
        let path = manifest_path(REPO, tag);
        for method in [Method::GET, Method::HEAD] {
            let reply = stage.once(method.clone(), &path).await;
            assert!(
                reply.status.is_client_error(),
                "{tag}: {} {}",
                reply.status,
                reply.text()
            );
            if method == Method::GET {
                assert_eq!(
                    reply.json()["errors"][0]["code"],
                    "MANIFEST_INVALID",
                    "{tag}"
                );
            }
            assert_eq!(reply.status, StatusCode::FORBIDDEN, "{tag}");
            assert!(
                reply.reason.contains("manifest is refused"),
                "{tag}: {reply:?}"
            );
        }
        let digest = sluicegate_model::Digest::of(document.as_bytes());
        let reply = stage.get(&manifest_path(REPO, digest.as_str())).await;
        assert!(reply.status.is_client_error(), "{tag} by digest");
    }
    let blob = stage.get(&blob_path(REPO, &image.layers[0].digest)).await;
    assert_eq!(blob.status, StatusCode::NOT_FOUND);
}

#[tokio::test]
async fn a_manifest_or_config_past_its_bound_is_refused() {
    let stage = Stage::hold().await;
    let image = clean(98);
    let text = String::from_utf8(image.manifest.to_vec()).expect("JSON");
    let padding = "x".repeat(4 * 1024 * 1024);
    let huge = format!(
        "{},\"annotations\":{{\"a\":\"{padding}\"}}}}",
        &text[..text.len() - 1]
    );
    offer(&stage, "huge", &huge, &image.media_type, &image);
    let reply = stage.get(&manifest_path(REPO, "huge")).await;
    assert!(!reply.status.is_success(), "{}", reply.status);
    assert!(stage.metric("sluicegate_pulls_total").await < 1.0);
}
