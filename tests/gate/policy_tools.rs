//! `policy explain` and `policy replay` over a service that runs.

use http::StatusCode;
use serde_json::Value;
use sluicegate_tests::process::Outcome;
use sluicegate_tests::proxy::sluicegate;

use crate::stage::{Stage, clean, manifest_path, vulnerable};

const AUDIT: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: lenient}
spec: {mode: audit, rules: [{id: any, when: {}, action: refuse}]}
";
const CLOSED: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: closed}
spec:
  rules:
    - {id: none-from-here, image: {repositories: [\"up.test/lib/**\"]}, action: refuse}
    - {id: no-tag-2, image: {tags: '2'}, action: refuse}
";

/// A stage where a vulnerable image was refused and a clean one pulled twice.
async fn pulled(seed: u64) -> (Stage, String) {
    let stage = Stage::hold().await;
    let (bad, good) = (vulnerable(seed), clean(seed + 1));
    stage.upstream.add("lib/bad", "1", &bad);
    stage.upstream.add("lib/good", "2", &good);
    let refused = stage.get(&manifest_path("lib/bad", "1")).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
    stage.pull("lib/good", "2", &good).await;
    let again = stage.get(&manifest_path("lib/good", "2")).await;
    assert_eq!(again.status, StatusCode::OK);
    (stage, bad.digest.to_string())
}

async fn asked(stage: &Stage, arguments: &[&str]) -> Outcome {
    let service = format!("http://{}", stage.proxy.api_address());
    sluicegate(&[arguments, &["--service", &service]].concat()).await
}

fn draft(stage: &Stage, name: &str, text: &str) -> String {
    let path = stage.proxy.data().join(name);
    std::fs::write(&path, text).expect("write a draft");
    path.display().to_string()
}

#[tokio::test]
async fn a_refusal_is_explained_with_what_would_turn_it() {
    let (stage, digest) = pulled(520).await;
    let told = asked(&stage, &["policy", "explain", &digest]).await;
    let told = told.expect_ok("policy explain").stdout;
    for wanted in [
        "refuse  up.test/lib/bad@sha256:",
        "policy default",
        "SPEAKS  fixable-critical: refuse, hits 1 finding",
        "severityAtLeast: critical, wanted critical: yes",
        "fixable: fixed in ",
        "silent  known-exploited: refuse",
        "kev: false, wanted true: no",
        "would be allow if",
        "(fixable-critical): upgrade to ",
    ] {
        assert!(told.contains(wanted), "{wanted} is not in\n{told}");
    }
    let lenient = draft(&stage, "lenient.yaml", AUDIT);
    let json = ["--policy", &lenient, "--format", "json"];
    let told = asked(
        &stage,
        &[&["policy", "explain", &digest][..], &json].concat(),
    )
    .await;
    let told: Value = serde_json::from_str(&told.expect_ok("policy explain").stdout).expect("JSON");
    assert_eq!(told["decision"], "allow", "{told}");
    assert_eq!(told["policies"][0]["rules"][0]["speaks"], true, "{told}");
    assert_eq!(told["policies"][0]["rules"][0]["effect"], "allow", "{told}");
    // Nothing came of it.
    let again = stage.get(&manifest_path("lib/bad", "1")).await;
    assert_eq!(again.status, StatusCode::FORBIDDEN);
    let unknown = format!("sha256:{:064}", 0);
    let none = asked(&stage, &["policy", "explain", &unknown]).await;
    assert_eq!(none.status, 3, "{}", none.text());
    assert!(none.stderr.contains("no verdict"), "{}", none.text());
}

#[tokio::test]
async fn a_draft_is_held_against_the_pulls_of_the_log() {
    let (stage, digest) = pulled(530).await;
    let before = stage.upstream.seen().len();
    let lenient = draft(&stage, "lenient.yaml", AUDIT);
    let told = asked(&stage, &["policy", "replay", &lenient]).await;
    let told = told.expect_ok("policy replay").stdout;
    assert!(told.contains("newly refused: none"), "{told}");
    assert!(told.contains("newly allowed: 1 pull of 1 image"), "{told}");
    assert!(told.contains("up.test/lib/bad:1"), "{told}");
    assert!(told.contains("127.0.0.1 (1)"), "{told}");
    let closed = draft(&stage, "closed.yaml", CLOSED);
    let arguments = [
        "policy", "replay", &closed, "--since", "1h", "--format", "json",
    ];
    let told = asked(&stage, &arguments).await.expect_ok("policy replay");
    let told: Value = serde_json::from_str(&told.stdout).expect("JSON");
    assert_eq!(told["state"], "done", "{told}");
    assert_eq!(told["newly_allowed"]["pulls"], 0, "{told}");
    let rows = told["newly_refused"]["rows"].as_array().expect("rows");
    assert_eq!(rows.len(), 1, "{told}");
    assert_eq!(rows[0]["repository"], "up.test/lib/good");
    assert_eq!(rows[0]["rule"], "none-from-here");
    assert_eq!(rows[0]["in_force"], "allow");
    assert_eq!(told["not_known"], 0, "{told}");
    assert_ne!(rows[0]["digest"], Value::from(digest));
    assert_eq!(
        stage.upstream.seen().len(),
        before,
        "the upstream was asked"
    );
    let wrong = draft(&stage, "wrong.yaml", "kind: Nothing\n");
    let refused = asked(&stage, &["policy", "replay", &wrong]).await;
    assert_eq!(refused.status, 2, "{}", refused.text());
    assert!(
        refused.stderr.contains("wrong.yaml:1"),
        "{}",
        refused.text()
    );
}
