//! A site with a network of its own: only its scanner reaches its registry, nothing reaches the
//! scanner, and no byte of an image leaves.

use std::time::Duration;

use http::Method;
use serde_json::{Value, json};
use sluicegate_tests::network::Network;
use sluicegate_tests::proxy::{Proxy, ProxyBuilder};
use sluicegate_tests::registry::Registry;
use sluicegate_tests::scanner::{Scanner, Scanners};
use sluicegate_tests::wire::Call;

use crate::scene::{BAD, POLICY, bad, clean, feed, within};

/// How long anything that has to happen may take.
const PATIENCE: Duration = Duration::from_secs(60);
/// How long the site is cut off: half of what a lease lives.
const CUT_OFF: Duration = Duration::from_secs(15);
/// What an image of the scene has in bytes, about.
const IMAGE_BYTES: u64 = 450_000;

/// Asks for an image of the site, and gives where it is told how that stands.
async fn ask(proxy: &Proxy, image: &str) -> String {
    let body = json!({"image": image, "scanner": "site"}).to_string();
    let call = Call::new(Method::POST, proxy.api_address(), "/api/v1/scans");
    let call = call.header("content-type", "application/json");
    let begun = call.body(body).send().await;
    assert_eq!(begun.status, 202, "{}", begun.text());
    begun.header("location").to_owned()
}

/// Waits for what was asked for, and gives what was decided.
async fn decided(proxy: &Proxy, scanner: &Scanner, at: &str) -> Value {
    within(PATIENCE, "it is scanned", async || {
        let shown = proxy.api(at).await.json();
        assert_ne!(shown["state"], "failed", "{shown} {}", scanner.log());
        shown["state"] == "done"
    })
    .await;
    proxy.api(at).await.json()["decision"].clone()
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_site_that_nothing_reaches_is_judged_and_no_byte_of_an_image_leaves_it() {
    let registry = Registry::start().await;
    for (tag, image) in [("1", clean(171)), ("2", bad(172)), ("3", clean(173))] {
        registry.push("team/app", tag, &image).await;
    }
    let network = Network::new();
    let site = registry.within(&network).await;
    let feed = feed();
    let builder = ProxyBuilder::new("http://127.0.0.1:9").feed(feed.path());
    let proxy = builder.policy("prod.yaml", POLICY).start().await;
    let scanners = Scanners(&proxy);
    let scope = ["--repositories", "registry.local/**"];
    let key = scanners.link("site", &scope).await;
    let way = network.way_to(proxy.api_address()).await;
    let allow = format!("registry.local=http://{}", site.address());
    let allow = [allow.as_str()];
    let mut scanner = Scanner::start_in(&network, &way, &key, (&allow, &[]));
    within(PATIENCE, "it is enrolled", async || {
        scanners.shown("site").await["last_seen"].is_string()
    })
    .await;
    let at = ask(&proxy, "registry.local/team/app:1").await;
    assert_eq!(decided(&proxy, &scanner, &at).await, "allow");

    // Who has the linking key now has nothing.
    let mut second = Scanner::start_in(&network, &way, &key, (&allow, &[]));
    within(PATIENCE, "it is refused", async || !second.is_running()).await;
    assert!(second.log().contains("good once"), "{}", second.log());

    // Work that is on its way while the site is cut off is done once it is back.
    network.set_link(false);
    let at = ask(&proxy, "registry.local/team/app:2").await;
    tokio::time::sleep(CUT_OFF).await;
    assert_ne!(proxy.api(&at).await.json()["state"], "done");
    network.set_link(true);
    assert_eq!(decided(&proxy, &scanner, &at).await, "refuse");
    let path = format!("/api/v1/verdicts/{}", bad(172).digest);
    assert!(proxy.api(&path).await.text().contains(BAD));

    // So it is when either side ends in the middle.
    let at = ask(&proxy, "registry.local/team/app:3").await;
    scanner.restart();
    assert_eq!(decided(&proxy, &scanner, &at).await, "allow");

    assert_eq!(network.listening(), [site.address()], "a port is open");
    let left = way.left();
    assert!(left < IMAGE_BYTES / 3, "{left} bytes left the site");
    assert!(scanner.terminate().success(), "{}", scanner.log());
}
