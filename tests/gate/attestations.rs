//! What the service says of images, signed: OpenSSL verifies it, it is attached to what is served, and is
//! the same after a restart.

use http::StatusCode;
use serde_json::{Value, json};
use sluicegate_model::Digest;
use sluicegate_tests::image::{Flavour, ImageBuilder, index};
use sluicegate_tests::verifiers;

use crate::stage::{REPO, Stage, base, blob_path, clean, manifest_path, python, vulnerable};

const SUMMARY: &str = "https://slsa.dev/verification_summary/v1";
const SCAN: &str = "https://in-toto.io/attestation/vulns/v0.2";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";

/// Gives the envelope at the API, by the type of its predicate.
async fn envelope(stage: &Stage, digest: &Digest, predicate: &str) -> String {
    let path = format!("/api/v1/verdicts/{digest}/attestation?predicate={predicate}");
    let reply = stage.proxy.api(&path).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    assert_eq!(reply.header("content-type"), ENVELOPE);
    reply.text()
}

/// Lets OpenSSL verify an envelope by the service's key, and no other one; gives what is signed.
async fn verified(stage: &Stage, envelope: &str) -> Value {
    let key = stage.proxy.api("/api/v1/attestation-key").await.text();
    for spoiled in verifiers::spoiled(envelope) {
        let why = verifiers::openssl(&key, &spoiled).await;
        why.expect_err("OpenSSL on other bytes");
    }
    let said = verifiers::openssl(&key, envelope).await;
    said.expect("openssl dgst -verify")
}

#[tokio::test]
async fn openssl_verifies_what_is_said_of_images_allowed_and_refused() {
    let stage = Stage::hold().await;
    for (seed, result) in [(6_100, "PASSED"), (6_110, "FAILED")] {
        let image = match result {
            "PASSED" => clean(seed),
            _ => vulnerable(seed),
        };
        let repository = format!("lib/app-{seed}");
        stage.upstream.add(&repository, "1", &image);
        stage.get(&manifest_path(&repository, "1")).await;
        let text = envelope(&stage, &image.digest, SUMMARY).await;
        assert_eq!(text, envelope(&stage, &image.digest, SUMMARY).await);
        let said = verified(&stage, &text).await;
        assert_eq!(said["predicateType"], SUMMARY);
        assert_eq!(said["predicate"]["verificationResult"], result);
        assert_eq!(said["subject"][0]["name"], format!("up.test/{repository}"));
        assert_eq!(said["subject"][0]["digest"]["sha256"], image.digest.hex());
        let scan = envelope(&stage, &image.digest, SCAN).await;
        let found = verified(&stage, &scan).await["predicate"]["scanner"]["result"].clone();
        let has_bad = found
            .as_array()
            .expect("a list")
            .iter()
            .any(|it| it["id"] == "CVE-2026-1111");
        assert_eq!(has_bad, result == "FAILED", "{found}");
    }
    let path = format!("/api/v1/verdicts/{}/attestation", Digest::of(b"nothing"));
    let reply = stage.proxy.api(&path).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND, "{}", reply.text());
    let reply = stage.proxy.api(&format!("{path}?predicate=x")).await;
    assert_eq!(reply.status, StatusCode::BAD_REQUEST, "{}", reply.text());
}

/// Reads all that is attached to an image: by the list, by the tag, and every blob of both.
async fn attached(stage: &Stage, digest: &Digest) -> Vec<(String, String, Vec<u8>)> {
    let list = stage.get(&format!("/v2/{REPO}/referrers/{digest}")).await;
    assert_eq!(list.status, StatusCode::OK, "{}", list.text());
    let list = list.json()["manifests"].as_array().expect("a list").clone();
    let tag = format!("{}.att", digest.as_str().replace(':', "-"));
    let mut names = vec![tag];
    names.extend(
        list.iter()
            .map(|it| it["digest"].as_str().expect("text").to_owned()),
    );
    let mut found = Vec::new();
    for name in names {
        let reply = stage.get(&manifest_path(REPO, &name)).await;
        assert_eq!(reply.status, StatusCode::OK, "{name}: {}", reply.text());
        let digest = Digest::of(&reply.body);
        assert_eq!(reply.header("docker-content-digest"), digest.as_str());
        let again = stage.get(&manifest_path(REPO, digest.as_str())).await;
        assert_eq!(again.body, reply.body, "by tag and by digest");
        let manifest = reply.json();
        let blobs = manifest["layers"].as_array().expect("layers").iter();
        for blob in blobs.chain([&manifest["config"]]) {
            let digest: Digest = blob["digest"].as_str().expect("text").parse().expect("one");
            let reply = stage.get(&blob_path(REPO, &digest)).await;
            assert_eq!(reply.status, StatusCode::OK, "{digest}: {}", reply.text());
            assert_eq!(Digest::of(&reply.body), digest);
            assert_eq!(blob["size"], reply.body.len() as u64);
            let kind = blob["mediaType"].as_str().expect("text").to_owned();
            found.push((name.clone(), kind, reply.body.to_vec()));
        }
    }
    found
}

#[tokio::test]
async fn what_is_attached_is_served_and_is_the_same_after_a_restart() {
    let mut stage = Stage::hold().await;
    let image = clean(6_120);
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    let first = attached(&stage, &image.digest).await;
    let count = |kind: &str| first.iter().filter(|(_, it, _)| it == kind).count();
    for (kind, wanted) in [
        (BUNDLE, 2),
        (ENVELOPE, 2),
        ("application/vnd.cyclonedx+json", 1),
        ("application/spdx+json", 1),
    ] {
        assert_eq!(count(kind), wanted, "{kind}");
    }
    for (_, kind, text) in &first {
        let text = String::from_utf8(text.clone()).expect("a text");
        let envelope = match kind.as_str() {
            BUNDLE => {
                let bundle: Value = serde_json::from_str(&text).expect("a bundle");
                assert_eq!(bundle["mediaType"], BUNDLE);
                bundle["dsseEnvelope"].to_string()
            }
            ENVELOPE => text,
            _ => continue,
        };
        let said = verified(&stage, &envelope).await;
        assert_eq!(said["subject"][0]["digest"]["sha256"], image.digest.hex());
    }
    stage.proxy.restart().await;
    assert_eq!(attached(&stage, &image.digest).await, first);
    // Not in another repository, though that has the image too.
    stage.upstream.add("lib/other", "1", &image);
    let (name, ..) = &first[4];
    let reply = stage.get(&manifest_path("lib/other", name)).await;
    assert_eq!(reply.status, StatusCode::NOT_FOUND, "{}", reply.text());
}

/// Has many ask at once, each in another order, for what is attached to an image; gives the one answer.
async fn all_at_once(stage: &Stage, digest: &Digest) -> (String, String) {
    let tag = format!("{}.att", digest.as_str().replace(':', "-"));
    let (list, tag) = (
        format!("/v2/{REPO}/referrers/{digest}"),
        manifest_path(REPO, &tag),
    );
    let ask = async |path: &str| {
        let reply = stage.get(path).await;
        assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.text());
        reply.text()
    };
    let asks = (0..12).map(async |number| {
        if number % 2 == 0 {
            (ask(&list).await, ask(&tag).await)
        } else {
            let tag = ask(&tag).await;
            (ask(&list).await, tag)
        }
    });
    let mut answers = futures_util::future::join_all(asks).await;
    answers.dedup();
    assert_eq!(answers.len(), 1, "{answers:?}");
    answers.remove(0)
}

#[tokio::test]
async fn all_who_ask_at_once_get_the_same_and_so_do_those_after_a_restart() {
    let mut stage = Stage::hold().await;
    // Nobody has pulled it before.
    let image = clean(6_140);
    stage.upstream.add(REPO, "1", &image);
    let first = all_at_once(&stage, &image.digest).await;
    let said = envelope(&stage, &image.digest, SUMMARY).await;
    let attested: Value = serde_json::from_str(&first.1).expect("a manifest");
    let layer = &attested["layers"][0]["digest"];
    assert_eq!(*layer, Digest::of(said.as_bytes()).as_str());
    stage.proxy.restart().await;
    assert_eq!(all_at_once(&stage, &image.digest).await, first);
    assert_eq!(envelope(&stage, &image.digest, SUMMARY).await, said);
}

#[tokio::test]
async fn an_index_has_passed_until_something_of_it_is_refused() {
    let mut stage = Stage::hold().await;
    let ours = clean(6_150);
    let theirs = ImageBuilder::new()
        .layer(base())
        .layer(python("badlib", 6_150))
        .platform("linux/arm64")
        .build();
    let both = index(vec![ours.clone(), theirs.clone()], Flavour::Oci);
    stage.upstream.add_index(REPO, "all", &both);
    let (list, tag) = all_at_once(&stage, &both.digest).await;
    let attested: Value = serde_json::from_str(&tag).expect("a manifest");
    let layer = &attested["layers"][0]["digest"];
    let layer: Digest = layer.as_str().expect("text").parse().expect("a digest");
    let envelope = stage.get(&blob_path(REPO, &layer)).await.text();
    let said = verified(&stage, &envelope).await;
    assert_eq!(said["subject"][0]["digest"]["sha256"], both.digest.hex());
    assert_eq!(said["predicateType"], SUMMARY);
    let said = &said["predicate"];
    assert_eq!(said["verificationResult"], "PASSED");
    let images = &said["urn:sluicegate:images"];
    assert_eq!(images[0]["digest"], ours.digest.as_str());
    assert_eq!(images.as_array().expect("a list").len(), 1);
    let unjudged = json!([{"digest": theirs.digest, "platform": "linux/arm64"}]);
    assert_eq!(said["urn:sluicegate:notJudged"], unjudged);
    let own = self::envelope(&stage, &ours.digest, SUMMARY).await;
    let own = Digest::of(own.as_bytes());
    assert_eq!(said["inputAttestations"][0]["digest"]["sha256"], own.hex());
    stage.proxy.restart().await;
    assert_eq!(all_at_once(&stage, &both.digest).await, (list, tag));
    // Somebody asks for the other one, whatever that is: no statement, nor what was signed before.
    let path = manifest_path(REPO, theirs.digest.as_str());
    assert_eq!(stage.get(&path).await.status, StatusCode::FORBIDDEN);
    let tag = format!("{}.att", both.digest.as_str().replace(':', "-"));
    for path in [manifest_path(REPO, &tag), blob_path(REPO, &layer)] {
        let reply = stage.get(&path).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{}", reply.text());
        assert!(reply.text().contains("CVE-2026-1111"), "{}", reply.text());
    }
    let path = format!("/v2/{REPO}/referrers/{}", both.digest);
    let list = stage.get(&path).await;
    assert_eq!(list.json()["manifests"], json!([]));
    let index = stage.get(&manifest_path(REPO, "all")).await;
    assert_eq!(index.body, both.manifest, "it is served all the same");
}

#[tokio::test]
async fn nothing_is_attached_to_what_is_refused() {
    let stage = Stage::hold().await;
    let image = vulnerable(6_130);
    stage.upstream.add(REPO, "1", &image);
    stage.get(&manifest_path(REPO, "1")).await;
    let tag = format!("{}.att", image.digest.as_str().replace(':', "-"));
    for path in [
        manifest_path(REPO, &tag),
        format!("/v2/{REPO}/referrers/{}", image.digest),
    ] {
        let reply = stage.get(&path).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{}", reply.text());
        assert!(reply.text().contains("CVE-2026-1111"), "{}", reply.text());
    }
}
