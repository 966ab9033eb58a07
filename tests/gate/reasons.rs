//! Why something cannot be had: every failure has its own true words, wherever a client looks.

use http::{Method, StatusCode};
use sluicegate_tests::fault::{Fault, FaultUpstream};
use sluicegate_tests::image::{Flavour, Image, ImageBuilder, index};
use sluicegate_tests::wire::Reply;

use crate::stage::{REPO, Stage, base, blob_path, clean, manifest_path, python, vulnerable};

/// Checks that a failure is told alike in body, status line and, where it is a 403, `Warning`.
async fn assert_told(stage: &Stage, path: &str, status: u16, code: &str, words: &str) -> Reply {
    let get = stage.get(path).await;
    let what = format!("{path}: {} {}", get.status, get.text());
    assert_eq!(get.status, status, "{what}");
    let error = &get.json()["errors"][0];
    assert_eq!(error["code"], code, "{what}");
    assert_eq!(error["detail"], serde_json::Value::Null, "{what}");
    assert!(get.message().contains(words), "{what}");
    let head = stage.head(path).await;
    assert_eq!(head.status, status, "HEAD {what}");
    for reply in [&get, &head] {
        assert_told_in_the_status_line(reply, &get.message());
    }
    // Of what failed a HEAD would say nothing else over HTTP/2; what is not there is no trouble.
    for (reply, is_warned_of) in [
        (&get, status == 403),
        (&head, status == 403 || status >= 500),
    ] {
        let warning = reply.header("warning");
        assert_eq!(!warning.is_empty(), is_warned_of, "{what}: {warning}");
    }
    get
}

#[track_caller]
fn assert_told_in_the_status_line(reply: &Reply, message: &str) {
    let reason = &reply.reason;
    assert!(reason.len() <= 400, "{reason}");
    let is_plain = |byte: u8| byte.is_ascii_graphic() || byte == b' ';
    assert!(reason.bytes().all(is_plain), "{reason:?}");
    if message.len() <= 400 {
        assert_eq!(reason, message);
    }
    assert!(
        reason.starts_with(&message[..message.len().min(200)]),
        "{reason}"
    );
}

#[tokio::test]
async fn what_was_asked_for_wrongly_is_called_by_its_name() {
    let stage = Stage::hold().await;
    let digest = sluicegate_model::Digest::of(b"nothing");
    let long = "x".repeat(129);
    for (path, status, code, words) in [
        (
            "/v2/evil.example/x/manifests/1",
            403,
            "DENIED",
            "evil.example",
        ),
        (
            "/v2/x/manifests/1?ns=evil.example",
            403,
            "DENIED",
            "evil.example",
        ),
        (
            "/v2/evil.example:5000/x/tags/list",
            403,
            "DENIED",
            "not configured here",
        ),
        (
            format!("/v2/x/blobs/{digest}?ns=evil.example").as_str(),
            403,
            "DENIED",
            "not configured",
        ),
        (
            format!("/v2/lib/app/manifests/{long}").as_str(),
            400,
            "TAG_INVALID",
            "tag",
        ),
        ("/v2/lib/app/manifests/-x", 400, "TAG_INVALID", "tag"),
        (
            "/v2/lib/app/manifests/sha256:12",
            400,
            "DIGEST_INVALID",
            "digest",
        ),
        ("/v2/lib/app/blobs/latest", 400, "DIGEST_INVALID", "digest"),
        ("/v2/Lib/app/manifests/1", 400, "NAME_INVALID", "Lib/app"),
        (
            "/v2/lib/app/tags/list?n=x",
            400,
            "PAGINATION_NUMBER_INVALID",
            "number",
        ),
        (
            "/v2/lib/app/nothing/1",
            404,
            "UNSUPPORTED",
            "no such endpoint",
        ),
        (
            "/v2/lib/app/manifests/none",
            404,
            "MANIFEST_UNKNOWN",
            "not known",
        ),
        (
            "/v2/lib/none/tags/list",
            404,
            "NAME_UNKNOWN",
            "repository is not known",
        ),
        (
            format!("/v2/lib/app/blobs/{digest}").as_str(),
            404,
            "BLOB_UNKNOWN",
            "not listed by any",
        ),
    ] {
        assert_told(&stage, path, status, code, words).await;
    }
    let write = stage.once(Method::DELETE, "/v2/lib/app/manifests/1").await;
    assert_eq!(write.status, StatusCode::METHOD_NOT_ALLOWED);
    assert_told_in_the_status_line(&write, &write.message());
}

#[tokio::test]
async fn credentials_that_an_upstream_wants_are_no_missing_image() {
    for status in [401, 403] {
        let stage = Stage::hold().await;
        stage.upstream.add(REPO, "1", &clean(500));
        let no = Fault::Status(status, Vec::new());
        stage.upstream.always("/v2/lib/app/", no);
        for path in [manifest_path(REPO, "1"), format!("/v2/{REPO}/tags/list")] {
            let told = assert_told(&stage, &path, 403, "DENIED", "lib/app").await;
            let words = told.message();
            let is_true = words.contains("wants other credentials") || words.contains("denies");
            assert!(is_true, "{words}");
            assert_eq!(
                told.header("www-authenticate"),
                "",
                "nobody is asked for a password"
            );
        }
    }
}

#[tokio::test]
async fn a_layer_that_the_upstream_lacks_is_named() {
    for mode in ["hold", "stream"] {
        let stage = Stage::with(|proxy, _| proxy.flag("--gate", mode)).await;
        let image = clean(501);
        stage.upstream.add(REPO, "1", &image);
        // The largest: stream mode holds another one at its headers.
        let missing = &image.layers[2].digest;
        let gone = Fault::Status(404, Vec::new());
        stage.upstream.always(&format!("/blobs/{missing}"), gone);
        let path = manifest_path(REPO, "1");
        let words = format!("blob {missing} is listed by a manifest of this repository, but");
        if mode == "hold" {
            assert_told(&stage, &path, 404, "MANIFEST_BLOB_UNKNOWN", &words).await;
            assert_told(
                &stage,
                &blob_path(REPO, missing),
                404,
                "BLOB_UNKNOWN",
                &words,
            )
            .await;
        } else {
            stage.get(&path).await;
            let told = stage.get(&blob_path(REPO, missing)).await;
            assert_eq!(told.status, StatusCode::NOT_FOUND, "{}", told.text());
            assert_eq!(
                told.message(),
                format!("sluicegate: {words} the upstream does not have it")
            );
        }
    }
}

#[tokio::test]
async fn a_storage_that_refuses_is_not_the_registry() {
    let stage = Stage::hold().await;
    let storage = FaultUpstream::start().await;
    let image = clean(502);
    stage.upstream.add(REPO, "1", &image);
    let layer = format!("/blobs/{}", image.layers[0].digest);
    stage
        .upstream
        .always(&layer, Fault::RedirectTo(storage.url()));
    for status in [400, 401, 500] {
        storage.always(&layer, Fault::Status(status, Vec::new()));
        let words = format!("its storage at {} answered {status}", storage.url());
        assert_told(
            &stage,
            &manifest_path(REPO, "1"),
            502,
            "UNAVAILABLE",
            &words,
        )
        .await;
    }
    storage.stop();
    let words = format!("cannot talk to {}: connection refused", storage.url());
    assert_told(
        &stage,
        &manifest_path(REPO, "1"),
        502,
        "UNAVAILABLE",
        &words,
    )
    .await;
}

#[tokio::test]
async fn an_upstream_that_cannot_be_talked_to_is_told_with_the_cause() {
    let stage = Stage::with(|proxy, upstream| {
        let plain = upstream.replace("http://", "https://");
        proxy
            .flag("--upstream", "down.test=http://127.0.0.1:1")
            .flag("--upstream", "nowhere.test=http://no-such-host.invalid")
            .flag("--upstream", &format!("plain.test={plain}"))
    })
    .await;
    for (host, words) in [
        (
            "down.test",
            "cannot talk to http://127.0.0.1:1: connection refused",
        ),
        (
            "nowhere.test",
            "cannot talk to http://no-such-host.invalid: ",
        ),
        ("plain.test", ": it does not speak TLS"),
    ] {
        let path = format!("/v2/{host}/lib/app/manifests/1");
        let told = assert_told(&stage, &path, 502, "UNAVAILABLE", words).await;
        if host == "nowhere.test" {
            let words = told.message();
            let is_true = words.contains("no such name") || words.contains("cannot be resolved");
            assert!(is_true, "{words}");
        }
    }
}

#[tokio::test]
async fn a_range_is_for_get_and_one_outside_the_blob_is_said_so() {
    let stage = Stage::hold().await;
    let image = clean(503);
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    let layer = &image.layers[0];
    let (path, size) = (blob_path(REPO, &layer.digest), layer.bytes.len());
    for range in [
        "bytes=0-9".to_owned(),
        "bytes=-5".to_owned(),
        format!("bytes={size}-"),
    ] {
        let head = stage.call(Method::HEAD, &path).header("range", &range);
        let head = head.send().await;
        assert_eq!(head.status, StatusCode::OK, "{range}");
        assert_eq!(head.header("content-length"), size.to_string(), "{range}");
        assert_eq!(head.header("content-range"), "", "{range}");
    }
    let beyond = stage.call(Method::GET, &path);
    let beyond = beyond
        .header("range", &format!("bytes={size}-"))
        .send()
        .await;
    assert_eq!(beyond.status, StatusCode::RANGE_NOT_SATISFIABLE);
    assert_eq!(beyond.header("content-range"), format!("bytes */{size}"));
    assert_told_in_the_status_line(&beyond, &beyond.message());
}

/// Builds an image that is refused, for a platform.
fn bad_on(platform: &str, seed: u64) -> Image {
    let layers = ImageBuilder::new()
        .layer(base())
        .layer(python("badlib", seed));
    layers.platform(platform).build()
}

#[tokio::test]
async fn a_refusal_that_an_index_led_to_names_the_platform() {
    for mode in ["hold", "stream"] {
        let stage = Stage::with(|proxy, _| proxy.flag("--gate", mode)).await;
        let (alone, child) = (vulnerable(504), vulnerable(505));
        // No layer but the base in common: a shared one is refused by either's verdict.
        let arm = bad_on("linux/arm64", 507);
        let both = index(vec![child, arm], Flavour::Oci);
        stage.upstream.add(REPO, "alone", &alone);
        stage.upstream.add_index(REPO, "multi", &both);
        let told = stage.get(&manifest_path(REPO, "multi")).await;
        if mode == "hold" {
            assert!(
                told.message().contains(": linux/amd64: 1 finding"),
                "{}",
                told.text()
            );
        }
        for (child, platform) in both.children.iter().zip(["linux/amd64", "linux/arm64"]) {
            let manifest = manifest_path(REPO, child.digest.as_str());
            stage.get(&manifest).await;
            // Stream mode holds one of them until the verdict is there.
            for layer in &child.layers {
                stage.get(&blob_path(REPO, &layer.digest)).await;
            }
            let layer = blob_path(REPO, &child.layers[1].digest);
            for path in [layer, manifest, blob_path(REPO, &child.config.digest)] {
                let told = stage.get(&path).await;
                assert_eq!(told.status, StatusCode::FORBIDDEN, "{mode} {path}");
                let wanted =
                    format!("rule \"fixable-critical\": {platform}: 1 finding: CVE-2026-1111");
                assert!(
                    told.message().contains(&wanted),
                    "{mode}: {}",
                    told.message()
                );
            }
        }
        let alone = stage.get(&blob_path(REPO, &alone.config.digest)).await;
        assert!(!alone.message().contains("linux/"), "{}", alone.message());
    }
}

#[tokio::test]
async fn a_long_reason_keeps_its_address_in_the_status_line() {
    let long = "because ".repeat(100);
    let policy = format!(
        "apiVersion: sluicegate/v1\nkind: Policy\nmetadata: {{name: wordy}}\nspec:\n  rules:\n    \
         - {{id: r, when: {{severityAtLeast: critical}}, action: refuse, message: \"{long}\"}}\n"
    );
    let stage = Stage::with(|proxy, _| proxy.policy("wordy.yaml", &policy)).await;
    let image = vulnerable(506);
    stage.upstream.add(REPO, "1", &image);
    let told = stage.get(&manifest_path(REPO, "1")).await;
    assert_eq!(told.status, StatusCode::FORBIDDEN);
    assert!(told.message().len() > 800, "{}", told.message());
    assert_eq!(told.reason.len(), 400);
    let address = format!("/api/v1/verdicts/{}", image.digest);
    assert!(told.reason.ends_with(&address), "{}", told.reason);
}
