//! A registry that only a linked scanner reaches: its images are found, judged by the service's
//! policies and feeds, reached by new advisories, and taken back with the scanner.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use sluicegate_tests::feeds::{self, Advisory};
use sluicegate_tests::proxy::{Proxy, ProxyBuilder};
use sluicegate_tests::registry::Registry;
use sluicegate_tests::scanner::{Scanner, Scanners};
use sluicegate_tests::wire::{Call, Reply};

use crate::scene::{BAD, POLICY, bad, clean, feed, within};

/// How long anything that has to happen may take.
const PATIENCE: Duration = Duration::from_secs(60);

/// Lists what a scanner said, as repository, tag and decision.
async fn said(proxy: &Proxy) -> Vec<(String, String, String)> {
    let path = "/api/v1/verdicts?reported_by=scanner:eu-west";
    let listed = proxy.api(path).await.json();
    let items = listed["items"].as_array().cloned().unwrap_or_default();
    let text = |value: &Value| value.as_str().unwrap_or_default().to_owned();
    let mut said: Vec<_> = items
        .iter()
        .map(|it| {
            (
                text(&it["repository"]),
                text(&it["tags"][0]),
                text(&it["decision"]),
            )
        })
        .collect();
    said.sort();
    said
}

fn line(name: &str, tag: &str, decision: &str) -> (String, String, String) {
    let name = format!("registry.local/{name}");
    (name, tag.to_owned(), decision.to_owned())
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn images_that_only_a_scanner_reaches_are_judged_here() {
    let registry = Registry::start().await;
    registry.push("team/app", "1", &clean(71)).await;
    registry.push("team/deep/app", "2", &bad(72)).await;
    registry.push("other/app", "3", &clean(73)).await;
    let feed = feed();
    // The service's own upstream is nowhere: nothing of this comes from there.
    let builder = ProxyBuilder::new("http://127.0.0.1:9").feed(feed.path());
    let proxy = builder.policy("prod.yaml", POLICY).start().await;
    let scanners = Scanners(&proxy);
    let scope = ["--repositories", "registry.local/**"];
    let key = scanners.link("eu-west", &scope).await;
    let allow = format!("registry.local={}", registry.url());
    let watch = ["--watch", "registry.local/team/**"];
    let mut scanner = Scanner::start_with(&proxy, &key, &[&allow], &watch);
    let wanted = [
        line("team/app", "1", "allow"),
        line("team/deep/app", "2", "refuse"),
    ];
    within(PATIENCE, "both are judged", async || {
        said(&proxy).await == wanted
    })
    .await;
    let path = format!(
        "/api/v1/verdicts/{}?reported_by=scanner:eu-west",
        bad(72).digest
    );
    let verdict = proxy.api(&path).await;
    assert!(verdict.text().contains(BAD), "{}", verdict.text());
    assert_eq!(verdict.json()["reported_by"], "scanner:eu-west");
    // They are judged anew with everything else, and nobody has to be there for it.
    assert!(scanner.terminate().success(), "{}", scanner.log());
    let new = Advisory::new("ALPINE-CVE-2099-0003", "Alpine:edge", "libgood", "1.0-r1");
    let old = Advisory::new("ALPINE-CVE-2099-0001", "Alpine:edge", "libbad", "1.0-r1");
    let all = ["Alpine:edge", "Debian:12", "PyPI", "npm", "Maven"];
    feeds::write(feed.path(), &all, &[new.critical(), old.critical()]);
    proxy.signal("HUP");
    let wanted = [
        line("team/app", "1", "refuse"),
        line("team/deep/app", "2", "refuse"),
    ];
    within(PATIENCE, "they are judged anew", async || {
        said(&proxy).await == wanted
    })
    .await;
    scanner.restart();
    asked_for(&proxy, &scanner).await;
    scanners
        .run(&["revoke", "eu-west"])
        .await
        .expect_ok("revoke");
    within(PATIENCE, "all is taken back", async || {
        said(&proxy).await.is_empty()
    })
    .await;
}

/// An image that the service asks for, and what it does not.
async fn asked_for(proxy: &Proxy, scanner: &Scanner) {
    let ask = async |image: &str, scanner: &str| -> Reply {
        let body = json!({"image": image, "scanner": scanner}).to_string();
        let call = Call::new(Method::POST, proxy.api_address(), "/api/v1/scans");
        let call = call.header("content-type", "application/json");
        call.body(body).send().await
    };
    let begun = ask("registry.local/other/app:3", "eu-west").await;
    assert_eq!(begun.status, 202, "{}", begun.text());
    let shown_at = begun.header("location").to_owned();
    let ended = async || {
        let shown = proxy.api(&shown_at).await.json();
        let state = shown["state"].as_str().unwrap_or_default().to_owned();
        assert_ne!(state, "failed", "{shown} {}", scanner.log());
        state == "done"
    };
    within(PATIENCE, "it is scanned", ended).await;
    let shown = proxy.api(&shown_at).await.json();
    assert_eq!(shown["decision"], "refuse", "{shown}");
    let digest = clean(73).digest.to_string();
    assert_eq!(shown["images"][0]["digest"], digest.as_str());
    assert_eq!(
        ask("registry.local/other/app:3", "us-east").await.status,
        404
    );
    let foreign = ask("elsewhere.test/app:1", "eu-west").await;
    assert_eq!(foreign.status, 403, "{}", foreign.text());
    let pulled = ask("up.test/app:1", "eu-west").await;
    assert_eq!(pulled.status, 403, "{}", pulled.text());
}
