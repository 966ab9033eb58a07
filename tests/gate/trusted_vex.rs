//! VEX documents that are attached to an image and signed: heard by a key that lies beside the policy,
//! shown in verdict and log, and never replaced by an older word.

use http::StatusCode;
use serde_json::{Value, json};
use sluicegate_model::{Digest, media_type};
use sluicegate_tests::image::{Image, blob_of, descriptor, image};

use crate::signatures::{KINDS, Signer};
use crate::stage::{REPO, Stage, USUAL, eventually, manifest_path, vulnerable};

const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
const KEY: &str = "psirt.pub";

/// Says something of the weakness in an image.
fn said(image: &Digest, status: &str, time: &str) -> Value {
    json!({
        "@context": "https://openvex.dev/ns/v0.2.0", "@id": "https://example.org/vex/app",
        "author": "psirt@example.org", "timestamp": time, "version": 1,
        "statements": [{
            "vulnerability": {"name": "CVE-2026-1111"},
            "products": [{"@id": format!("pkg:oci/app@{image}")}],
            "status": status, "impact_statement": "nothing calls it",
        }],
    })
}

/// Makes the manifest under the tag of a digest's attestations.
fn attested(signer: &Signer, on: &Digest, said: &Value) -> Image {
    let statement = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": on.hex()}}],
        "predicateType": "https://openvex.dev/ns", "predicate": said,
    });
    let envelope = signer.envelope(&statement.to_string()).to_string();
    let (config, layer) = (blob_of("{\"architecture\":\"\"}"), blob_of(envelope));
    let kind = media_type::OCI_MANIFEST;
    let document = json!({
        "schemaVersion": 2, "mediaType": kind,
        "config": descriptor(media_type::OCI_CONFIG, &config.digest, config.bytes.len()),
        "layers": [descriptor(ENVELOPE, &layer.digest, layer.bytes.len())],
    });
    image(&document, kind, config, vec![layer], "linux/amd64")
}

async fn becomes(stage: &Stage, status: StatusCode) {
    eventually(&format!("it is answered with {status}"), async || {
        tokio::time::sleep(std::time::Duration::from_millis(120)).await;
        stage.get(&manifest_path(REPO, "1")).await.status == status
    })
    .await;
}

#[tokio::test]
async fn a_trusted_key_s_newest_word_counts_and_no_older_one_is_played_again() {
    let signer = Signer::of(KINDS[0]);
    let policy = USUAL.replace("spec:\n", &format!("spec:\n  trustVex: [{KEY}]\n"));
    let stage = Stage::with(|proxy, _| {
        let proxy = proxy.policy(KEY, &signer.key()).flag("--tag-ttl", "100ms");
        proxy.policy("policy.yaml", &policy)
    })
    .await;
    let image = vulnerable(521);
    let digest = &image.digest;
    let attach = |said: &Value| {
        let tag = format!("sha256-{}.att", digest.hex());
        stage
            .upstream
            .add(REPO, &tag, &attested(&signer, digest, said));
    };
    stage.upstream.add(REPO, "1", &image);
    becomes(&stage, StatusCode::FORBIDDEN).await;
    let quiet = said(digest, "not_affected", "2026-01-01T00:00:00Z");
    attach(&quiet);
    becomes(&stage, StatusCode::OK).await;

    let path = format!("/api/v1/verdicts/{digest}");
    let verdict = stage.proxy.api(&path).await.json();
    let statement = &verdict["findings"][0]["vex"][0];
    assert_eq!(statement["status"], "not_affected", "{verdict}");
    let heard = &verdict["signatures"]["vex"];
    assert_eq!(statement["key"], heard["keys"][0]);
    assert_eq!(statement["file"], heard["documents"][0]["digest"]);
    let cited = format!("vex:{}", statement["file"].as_str().expect("a digest"));
    assert_eq!(verdict["allowed_by"], json!([cited]));
    // The key is kept with the policies that decided.
    let policies = verdict["policy"]["digest"].as_str().expect("a digest");
    let kept = stage
        .proxy
        .api(&format!("/api/v1/policies/{policies}"))
        .await;
    let kept = kept.json();
    let documents = kept["documents"].as_array().expect("documents").iter();
    let keys: Vec<&Value> = documents.filter(|it| it["kind"] == "key").collect();
    assert_eq!((keys.len(), &keys[0]["name"]), (1, &json!(KEY)), "{kept}");
    assert_eq!(keys[0]["text"], signer.key());

    attach(&said(digest, "affected", "2026-02-01T00:00:00Z"));
    becomes(&stage, StatusCode::FORBIDDEN).await;
    attach(&quiet);
    let heard = async || {
        let verdict = stage.proxy.api(&path).await.json();
        verdict["signatures"]["vex"].clone()
    };
    eventually("the older word is found, and not heard", async || {
        tokio::time::sleep(std::time::Duration::from_millis(120)).await;
        let reply = stage.get(&manifest_path(REPO, "1")).await;
        assert_eq!(reply.status, StatusCode::FORBIDDEN);
        let why = heard().await["unheard"][0]["why"].clone();
        why.as_str()
            .is_some_and(|why| why.contains("said affected"))
    })
    .await;
    assert_eq!(heard().await["remembered"][0]["said"]["status"], "affected");
    attach(&said(digest, "fixed", "2026-03-01T00:00:00Z"));
    becomes(&stage, StatusCode::OK).await;
    // Another key in the file is another policy, and its holder has said nothing.
    let other = Signer::of(KINDS[0]);
    stage.proxy.write_policy(KEY, &other.key());
    becomes(&stage, StatusCode::FORBIDDEN).await;
}
