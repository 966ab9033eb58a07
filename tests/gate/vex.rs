//! VEX documents that a policy names: what they say is in force within seconds, stands in the verdict and
//! in the log, and can be shown once the file is gone.

use std::time::{Duration, Instant};

use http::StatusCode;
use serde_json::{Value, json};
use sluicegate_model::Digest;

use crate::stage::{REPO, Stage, USUAL, eventually, manifest_path, vulnerable};

const FILE: &str = "app.openvex.json";

/// A document of these statements.
fn document(statements: &Value) -> String {
    json!({
        "@context": "https://openvex.dev/ns/v0.2.0",
        "@id": "https://example.org/vex/app",
        "author": "psirt@example.org",
        "timestamp": "2026-01-01T00:00:00Z",
        "version": 1,
        "statements": statements,
    })
    .to_string()
}

/// Says something of the weakness in an image.
fn said(image: &Digest, status: &str, time: &str) -> Value {
    let digest = image.as_str().replace(':', "%3A");
    json!({
        "vulnerability": {"name": "CVE-2026-1111"},
        "products": [{
            "@id": format!("pkg:oci/app@{digest}"),
            "subcomponents": [{"@id": "pkg:pypi/badlib@1.0"}],
        }],
        "status": status,
        "impact_statement": "nothing calls it",
        "timestamp": time,
    })
}

#[tokio::test]
async fn what_an_author_says_is_in_force_within_ten_seconds_and_in_the_verdict() {
    let policy = USUAL.replace("spec:\n", &format!("spec:\n  vex: [{FILE}]\n"));
    let stage = Stage::with(|proxy, _| {
        let proxy = proxy.policy(FILE, &document(&json!([])));
        proxy.policy("policy.yaml", &policy)
    })
    .await;
    let image = vulnerable(520);
    stage.upstream.add(REPO, "1", &image);
    let path = manifest_path(REPO, "1");
    assert_eq!(stage.get(&path).await.status, StatusCode::FORBIDDEN);
    let changed = async |statements: &Value, status: StatusCode| {
        let started = Instant::now();
        stage.proxy.write_policy(FILE, &document(statements));
        eventually("the document is in force", async || {
            stage.get(&path).await.status == status
        })
        .await;
        let took = started.elapsed();
        assert!(took < Duration::from_secs(10), "{took:?}");
    };
    let first = said(&image.digest, "not_affected", "2026-01-01T00:00:00Z");
    changed(&json!([first]), StatusCode::OK).await;

    let verdicts = format!("/api/v1/verdicts/{}", image.digest);
    let verdict = stage.proxy.api(&verdicts).await.json();
    let statement = &verdict["findings"][0]["vex"][0];
    assert_eq!(statement["status"], "not_affected", "{verdict}");
    assert_eq!(statement["author"], "psirt@example.org");
    assert_eq!(statement["statement"], "nothing calls it");
    assert_eq!(statement["file"], FILE);
    assert_eq!(statement["policies"], json!(["usual"]));
    assert_eq!(verdict["allowed_by"], json!([format!("vex:{FILE}")]));

    // Who allowed it can be shown by the digest of what decided.
    let policies = verdict["policy"]["digest"].as_str().expect("a digest");
    let kept = format!("/api/v1/policies/{policies}");
    let kept = stage.proxy.api(&kept).await.json();
    let documents = kept["documents"].as_array().expect("documents").iter();
    let vex: Vec<&Value> = documents.filter(|it| it["kind"] == "vex").collect();
    assert_eq!((vex.len(), &vex[0]["name"]), (1, &json!(FILE)), "{kept}");
    assert_eq!(vex[0]["text"], document(&json!([first])));

    // What the author takes back does not count any more, and an older word does not bring it back.
    let taken_back = said(&image.digest, "affected", "2026-02-01T00:00:00Z");
    changed(&json!([first, taken_back]), StatusCode::FORBIDDEN).await;
}
