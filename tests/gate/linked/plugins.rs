//! Plugins and tables of names of the service are sent to its scanners, and read what those look at.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use sluicegate_model::Digest;
use sluicegate_tests::guests::saying;
use sluicegate_tests::proxy::sluicegate;

use super::*;
use crate::name_tables::{image, write_products};

const MANIFEST: &str = r#"{"name":"acme","version":"1.2.3","kind":"detector","abi":1,
    "claims":[{"name":"METADATA"}]}"#;
const FINDING: &str = r#"{"findings":[{"id":"ACME-1","kind":"malware","severity":"critical",
    "summary":"it is open","package":{"name":"goodlib","version":"1.0"}}]}"#;

impl Site {
    /// Puts a plugin in force at the service, and waits until it is.
    async fn add_plugin(&self) -> Vec<u8> {
        let place = tempfile::tempdir().expect("make a directory");
        let (file, module) = (place.path().join("acme.wasm"), saying(MANIFEST, FINDING));
        std::fs::write(&file, &module).expect("write a plugin");
        let (file, data) = (file.display().to_string(), self.proxy.data());
        let data = data.display().to_string();
        let added = sluicegate(&["plugins", "add", &file, "--data", &data]).await;
        added.expect_ok("plugins add");
        eventually("the plugin is in force", async || {
            let status = self.proxy.api("/api/v1/status").await.json();
            status["plugins"]["fed"][0]["name"] == "acme"
        })
        .await;
        module
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_plugin_finds_at_a_scanner_refuses_until_it_is_removed() {
    let site = Site::start().await;
    let image = clean(731);
    site.push("1", &image);
    let scanner = site.scanner().await;
    let reply = site.pull("1").await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    site.add_plugin().await;
    let reply = site.pull("1").await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN, "{}", reply.text());
    assert!(reply.text().contains("ACME-1"), "{}", reply.text());
    for layer in &image.layers {
        let path = format!("/blobs/{}", layer.digest);
        let fetched = site.upstream.count("GET", &path);
        // Few layers are scanned once more by the service, to see that the scanner tells the truth.
        let log = site.proxy.log();
        let is_recheck =
            |line: &&str| line.contains("scanned again") && line.contains(layer.digest.as_str());
        let rechecked = log.lines().filter(is_recheck).count();
        assert!(fetched <= rechecked, "the service scanned it: {log}");
    }
    let log = scanner.log();
    assert!(log.contains("acme 1.2.3"), "{log}");
    let data = site.proxy.data().display().to_string();
    let removed = sluicegate(&["plugins", "remove", "acme", "--data", &data]).await;
    removed.expect_ok("plugins remove");
    eventually("it leaves again", async || {
        site.pull("1").await.status == StatusCode::OK
    })
    .await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scanner_that_knows_of_no_plugins_gets_no_work_and_is_shown_with_the_reason() {
    let site = Site::start().await;
    let key = site.scanners().link(NAME, &[]).await;
    let own = credential('P');
    assert_eq!(site.enrol(&key, &own).await.status, 200);
    let module = site.add_plugin().await;
    let revisions = sluicegate_linked::task::revisions();
    let mut asked = json!({"version": "0.1.0", "revisions": revisions, "places": 1});
    let told = site.say(&own, "work", &asked).await;
    assert_eq!(told.status, 409, "{}", told.text());
    assert!(told.text().contains("plugins"), "{}", told.text());
    let shown = site.scanners().shown(NAME).await;
    let problem = shown["problem"].as_str().unwrap_or_default();
    assert!(problem.contains("plugins"), "{shown}");
    // One that does is told which there are, and is given them by digest.
    (asked["plugins"], asked["places"]) = (json!(true), json!(0));
    let told = site.say(&own, "work", &asked).await;
    let digest = Digest::of(&module);
    let named = &told.json()["plugins"][0];
    assert_eq!(named["digest"], digest.as_str(), "{}", told.text());
    let sent = site.say(&own, "plugins", &json!({"digest": digest})).await;
    let sent = sent.json()["module"].as_str().map(|it| STANDARD.decode(it));
    assert_eq!(sent.expect("a module").expect("base64"), module);
    let other = json!({"digest": Digest::of(b"other")});
    assert_eq!(site.say(&own, "plugins", &other).await.status, 404);
    let stranger = site.say(&credential('Q'), "plugins", &other).await;
    assert_eq!(stranger.status, 401, "{}", stranger.text());
    assert_eq!(site.scanners().shown(NAME).await["problem"], Value::Null);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_linked_scanner_goes_by_the_tables_of_its_service() {
    let site = Site::start().await;
    let image = image();
    site.push("1", &image);
    let scanner = site.scanner().await;
    let reply = site.pull("1").await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    let holders = async || {
        let held = site.proxy.api("/api/v1/packages?name=acme-gate").await;
        held.json()["items"].clone()
    };
    assert_eq!(holders().await, json!([]));
    write_products(&site.proxy.data());
    site.proxy.signal("HUP");
    eventually("the program is named", async || {
        // What a scanner has looked at is looked at again with the next pull.
        site.pull("1").await;
        holders().await[0]["path"] == "usr/bin/acme-gate"
    })
    .await;
    let verdict = site.proxy.verdict(image.digest.as_str()).await;
    assert_eq!(verdict["reported_by"], "scanner:eu-west", "{verdict}");
    let log = scanner.log();
    assert!(log.contains("knowledge/products.json 2127-01-02"), "{log}");
    std::fs::remove_dir_all(site.proxy.data().join("knowledge")).expect("take it away");
    site.proxy.signal("HUP");
    eventually("nobody knows it any more", async || {
        site.pull("1").await;
        holders().await == json!([])
    })
    .await;
}
