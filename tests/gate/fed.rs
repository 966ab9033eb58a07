//! Plugins that are put in force and taken away while the service runs.

use http::StatusCode;
use serde_json::Value;

use sluicegate_tests::guests::saying;
use sluicegate_tests::proxy::sluicegate;

use crate::stage::{REPO, Stage, clean, eventually, manifest_path};

const MANIFEST: &str = r#"{"name":"acme","version":"1.2.3","kind":"detector","abi":1,
    "claims":[{"name":"METADATA"}]}"#;
const FINDING: &str = r#"{"findings":[{"id":"ACME-1","severity":"critical","summary":"it is open",
    "package":{"name":"goodlib","version":"1.0"},"remedy":[{"package":"goodlib","version":"9.9"}]}]}"#;

async fn status(stage: &Stage) -> Value {
    stage.proxy.api("/api/v1/status").await.json()
}

#[tokio::test]
async fn a_plugin_that_is_added_refuses_what_was_let_out_and_one_that_is_removed_lets_it_out() {
    let stage = Stage::hold().await;
    let image = clean(710);
    stage.upstream.add(REPO, "1", &image);
    stage.pull(REPO, "1", &image).await;
    let data = stage.proxy.data().display().to_string();
    let place = tempfile::tempdir().expect("make a directory");
    let file = place.path().join("any-name.wasm");
    std::fs::write(&file, saying(MANIFEST, FINDING)).expect("write a plugin");
    let file = file.display().to_string();
    let added = sluicegate(&["plugins", "add", &file, "--data", &data]).await;
    assert!(added.expect_ok("plugins add").stdout.contains("acme 1.2.3"));
    let tag = manifest_path(REPO, "1");
    // The background judges it, whoever asks.
    eventually("an event", async || {
        let events = stage.proxy.api("/api/v1/events").await.json();
        events["items"][0]["findings"]["added"]["ids"][0] == "ACME-1"
    })
    .await;
    let refused = stage.get(&tag).await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", refused.text());
    assert!(refused.text().contains("ACME-1"), "{}", refused.text());
    assert!(refused.text().contains("9.9"), "{}", refused.text());
    let shown = status(&stage).await;
    assert_eq!(shown["plugins"]["fed"][0]["name"], "acme", "{shown}");
    assert_eq!(shown["plugins"]["problem"], Value::Null);
    let removed = sluicegate(&["plugins", "remove", "acme", "--data", &data]).await;
    removed.expect_ok("plugins remove");
    eventually("it leaves again", async || {
        stage.get(&tag).await.status == StatusCode::OK
    })
    .await;
    let missing = sluicegate(&["plugins", "remove", "acme", "--data", &data]).await;
    assert_eq!(missing.status, 3, "{missing:?}");
}

#[tokio::test]
async fn a_plugin_with_a_mistake_is_shown_and_the_last_good_set_stays() {
    let place = tempfile::tempdir().expect("make a directory");
    let directory = place.path().display().to_string();
    std::fs::write(place.path().join("acme.wasm"), saying(MANIFEST, FINDING)).expect("write it");
    let stage = Stage::with(|proxy, _| proxy.flag("--plugin", &directory)).await;
    let image = clean(711);
    stage.upstream.add(REPO, "1", &image);
    let tag = manifest_path(REPO, "1");
    assert_eq!(stage.get(&tag).await.status, StatusCode::FORBIDDEN);
    std::fs::write(place.path().join("bad.wasm"), "no module").expect("write it");
    eventually("the mistake is shown", async || {
        let problem = &status(&stage).await["plugins"]["problem"];
        problem.as_str().is_some_and(|it| it.contains("bad.wasm"))
    })
    .await;
    assert_eq!(status(&stage).await["plugins"]["fed"][0]["name"], "acme");
    assert_eq!(stage.get(&tag).await.status, StatusCode::FORBIDDEN);
}
