//! Linked scanners: an upstream that is marked with one is judged by what that scanner finds, and by
//! nothing else; what it says is taken once, for what it was asked, and as hostile input.

mod kills;
mod malware;
mod plugins;
mod secrets;

use std::time::Duration;

use http::{Method, StatusCode};
use serde_json::{Value, json};
use sluicegate_scanner::{Limits, scan_layer};
use sluicegate_tests::fault::FaultUpstream;
use sluicegate_tests::feeds::{self, Advisory};
use sluicegate_tests::image::{Blob, Image};
use sluicegate_tests::keys::Keys;
use sluicegate_tests::proxy::{Proxy, ProxyBuilder, verify_log};
use sluicegate_tests::scanner::{Scanner, Scanners};
use sluicegate_tests::wire::{Call, Reply};
use tempfile::TempDir;

use crate::stage::{
    PATIENCE, assert_no_content, blob_path, clean, eventually, manifest_path, patiently, vulnerable,
};

/// The routes of the API that only scanners are answered at.
pub const ROUTES: [&str; 7] = [
    "/api/v1/scanners/enrol",
    "/api/v1/scanners/work",
    "/api/v1/scanners/plugins",
    "/api/v1/scanners/renew",
    "/api/v1/scanners/facts",
    "/api/v1/scanners/images",
    "/api/v1/scanners/failures",
];
/// The repository that is pulled.
const REPO: &str = "team/app";
/// The scanner that `up.test` is marked with.
const NAME: &str = "eu-west";
/// Longer than a scanner may be silent before nobody waits for it.
const UNTIL_AWAY: Duration = Duration::from_secs(100);

/// A service whose upstreams are marked with a scanner, and the same registries as that reaches
/// them: who fetched what is told apart by where it was fetched.
struct Site {
    proxy: Proxy,
    upstream: FaultUpstream,
    within: FaultUpstream,
    _feeds: TempDir,
}

impl Site {
    async fn start() -> Self {
        Self::with(|builder| builder).await
    }

    async fn with(more: impl FnOnce(ProxyBuilder) -> ProxyBuilder) -> Self {
        let (upstream, within) = (FaultUpstream::start().await, FaultUpstream::start().await);
        let directory = tempfile::tempdir().expect("make a directory");
        let advisories = [
            Advisory::new("ALPINE-CVE-2026-0001", "Alpine:edge", "nothing", "1"),
            Advisory::new("GHSA-aaaa-aaaa-aaaa", "PyPI", "badlib", "2.0")
                .alias("CVE-2026-1111")
                .critical(),
        ];
        feeds::write(directory.path(), &[], &advisories);
        let marked = |name: &str| {
            let url = upstream.url();
            format!("  {name}: {{url: \"{url}\", scan_by: {NAME}}}\n")
        };
        let config = format!("upstreams:\n{}{}", marked("up.test"), marked("other.test"));
        let builder = ProxyBuilder::with_config(&config)
            .feed(directory.path())
            .flag("--platforms", "linux/amd64")
            .environment("SLUICEGATE_TEST_HOLD_MS", "400");
        Self {
            proxy: more(builder).start().await,
            upstream,
            within,
            _feeds: directory,
        }
    }

    fn scanners(&self) -> Scanners<'_> {
        Scanners(&self.proxy)
    }

    fn push(&self, tag: &str, image: &Image) {
        for registry in [&self.upstream, &self.within] {
            registry.add(REPO, tag, image);
        }
    }

    /// Links and starts a scanner that reaches `up.test`, and waits until it is enrolled.
    async fn scanner(&self) -> Scanner {
        let key = self.scanners().link(NAME, &[]).await;
        let allow = format!("up.test={}", self.within.url());
        let scanner = Scanner::start(&self.proxy, &key, &[&allow]);
        self.until_enrolled().await;
        scanner
    }

    async fn until_enrolled(&self) {
        let enrolled = async || {
            let shown = self.scanners().shown(NAME).await;
            shown["state"] == "enrolled" && shown["last_seen"].is_string()
        };
        eventually("the scanner is there", enrolled).await;
    }

    fn call(&self, path: &str) -> Call {
        Call::new(Method::GET, self.proxy.address(), path).limit(PATIENCE)
    }

    async fn pull(&self, tag: &str) -> Reply {
        patiently(|| self.call(&manifest_path(REPO, tag))).await
    }

    /// Checks that a tag is refused because nobody looked at its layers.
    async fn assert_not_scanned(&self, tag: &str, image: &Image) {
        let deadline = tokio::time::Instant::now() + UNTIL_AWAY;
        let reply = loop {
            let reply = self.call(&manifest_path(REPO, tag)).send().await;
            assert_no_content(&reply, image, tag);
            if reply.status != 307 || tokio::time::Instant::now() > deadline {
                break reply;
            }
        };
        assert_eq!(reply.status, StatusCode::FORBIDDEN, "{}", reply.text());
        let verdict = self.proxy.verdict(image.digest.as_str()).await;
        assert_eq!(verdict["coverage"]["status"], "unscannable", "{verdict}");
        let gaps = verdict["coverage"]["gaps"].as_array().expect("gaps");
        assert!(
            gaps.iter().any(|gap| gap["kind"] == "no-scanner"),
            "{verdict}"
        );
    }

    /// Asks as a scanner with this credential.
    async fn say(&self, credential: &str, what: &str, body: &Value) -> Reply {
        let path = format!("/api/v1/scanners/{what}");
        let call = Call::new(Method::POST, self.proxy.api_address(), &path);
        let call = call.header("authorization", &format!("Bearer {credential}"));
        let call = call.header("content-type", "application/json");
        call.body(body.to_string()).limit(PATIENCE).send().await
    }

    /// Enrols a scanner that the test plays.
    async fn enrol(&self, key: &str, credential: &str) -> Reply {
        let body = json!({"credential": credential, "version": "0.1.0"});
        self.say(key, "enrol", &body).await
    }

    /// Takes one piece of work as that scanner.
    async fn work(&self, credential: &str) -> Value {
        let revisions = sluicegate_linked::task::revisions();
        let body = json!({"version": "0.1.0", "revisions": revisions, "places": 1});
        for _ in 0..3 {
            let reply = self.say(credential, "work", &body).await;
            assert_eq!(reply.status, 200, "{}", reply.text());
            if let Some(given) = reply.json()["given"].get(0) {
                return given.clone();
            }
        }
        panic!("no work came");
    }

    /// Answers work with these bytes.
    async fn answer(&self, credential: &str, given: &Value, layer: &str, sent: Vec<u8>) -> Reply {
        self.answering(credential, given, layer, sent).send().await
    }

    fn answering(&self, credential: &str, given: &Value, layer: &str, sent: Vec<u8>) -> Call {
        let lease = &given["lease"];
        let path = format!(
            "/api/v1/scanners/facts?work={}&fence={}&layer={layer}",
            lease["work"].as_str().expect("work"),
            lease["fence"]
        );
        let call = Call::new(Method::POST, self.proxy.api_address(), &path);
        let call = call.header("authorization", &format!("Bearer {credential}"));
        let call = call.header("content-type", "application/octet-stream");
        call.body(sent).limit(PATIENCE)
    }
}

/// What a scanner finds in a layer, as it is sent.
fn facts(layer: &Blob) -> Vec<u8> {
    scan_layer(&layer.bytes[..], &Limits::default()).to_bytes()
}

/// A credential that a scanner might have made; the letter tells one from the other.
fn credential(letter: char) -> String {
    let of = |letter: char, count: usize| letter.to_string().repeat(count);
    format!("SGN{}.{}", of(letter, 20), of(letter, 43))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_marked_upstream_is_judged_by_what_its_scanner_finds() {
    let site = Site::start().await;
    let (good, bad) = (clean(1), vulnerable(2));
    site.push("good", &good);
    site.push("bad", &bad);
    // Nobody is linked: nothing leaves, and nothing is fetched to be scanned here.
    site.push("early", &clean(3));
    site.assert_not_scanned("early", &clean(3)).await;
    let mut scanner = site.scanner().await;
    let reply = site.pull("good").await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
    assert_eq!(reply.body, good.manifest);
    for layer in &good.layers {
        let path = format!("/blobs/{}", layer.digest);
        assert_eq!(
            site.upstream.count("GET", &path),
            0,
            "the service scanned it"
        );
        assert_eq!(site.within.count("GET", &path), 1, "the scanner did");
    }
    let verdict = site.proxy.verdict(good.digest.as_str()).await;
    let (said_by, read_by) = (&verdict["reported_by"], &verdict["read_by"]);
    assert_eq!(*said_by, "scanner:eu-west", "{verdict}");
    let version = format!("sluicegate/{} ", env!("CARGO_PKG_VERSION"));
    assert!(
        read_by.as_str().is_some_and(|it| it.starts_with(&version)),
        "{verdict}"
    );
    let refused = site.pull("bad").await;
    assert_eq!(refused.status, StatusCode::FORBIDDEN);
    assert!(
        refused.message().contains("CVE-2026-1111"),
        "{}",
        refused.message()
    );
    assert_no_content(&refused, &bad, "bad");
    // What was judged is served from the service's own upstream.
    let layer = &good.layers[2];
    let blob = patiently(|| site.call(&blob_path(REPO, &layer.digest))).await;
    assert_eq!(
        (blob.status, blob.body),
        (StatusCode::OK, layer.bytes.clone())
    );
    let shown = site.scanners().shown(NAME).await;
    assert_eq!(
        (&shown["away"], &shown["lag_seconds"]),
        (&json!(false), &Value::Null)
    );
    assert!(scanner.terminate().success(), "{}", scanner.log());
    let ended = site.scanners().run(&["revoke", NAME]).await;
    assert_eq!(
        ended.expect_ok("revoke").stdout,
        format!("revoked {NAME}\n")
    );
    site.push("late", &clean(4));
    site.assert_not_scanned("late", &clean(4)).await;
    // What only it said is gone with it.
    eventually("its verdicts are taken back", async || {
        let path = "/api/v1/verdicts?reported_by=scanner:eu-west";
        let listed = site.proxy.api(path).await.json();
        let items = listed["items"].as_array().expect("items").clone();
        let is_gone = |it: &Value| it["digest"] != good.digest.as_str();
        items.iter().all(is_gone)
    })
    .await;
    verify_log(&site.proxy.data())
        .await
        .expect_ok("verify the log");
    let lines = site
        .proxy
        .api("/api/v1/decisions?type=scanner")
        .await
        .text();
    for rule in ["scanner-linked", "scanner-enrolled", "scanner-revoked"] {
        assert!(lines.contains(rule), "{rule}: {lines}");
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_scanner_that_is_gone_is_waited_for_and_then_nothing_leaves() {
    let site = Site::start().await;
    let mut scanner = site.scanner().await;
    scanner.kill();
    let image = clean(5);
    site.push("1", &image);
    site.assert_not_scanned("1", &image).await;
    let shown = site.scanners().shown(NAME).await;
    assert_eq!(shown["away"], true, "{shown}");
    let events = "/api/v1/events?type=scanner.lost";
    eventually("it is told of", async || {
        site.proxy.api(events).await.json()["items"] != json!([])
    })
    .await;
    let told = site.proxy.api(events).await.json()["items"].clone();
    assert_eq!(told.as_array().map(Vec::len), Some(1), "{told}");
    let told = &told[0];
    assert_eq!(
        (&told["type"], &told["scanner"], &told["reason"]),
        (&json!("scanner.lost"), &json!(NAME), &json!("away"))
    );
    assert!(told["last_seen"].is_string(), "{told}");
    assert!(told.get("pulled_by").is_none(), "{told}");
    let listed = ["events", "list", "--type", "scanner.lost"];
    let listed = site.proxy.command(&listed).await;
    let listed = listed.expect_ok("list events").stdout;
    assert!(
        listed.contains("scanner.lost") && listed.contains(NAME) && listed.contains("away"),
        "{listed}"
    );
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn either_side_may_crash_and_nothing_is_lost() {
    let mut site = Site::start().await;
    let mut scanner = site.scanner().await;
    scanner.forget_linking_key();
    site.push("1", &clean(6));
    assert_eq!(site.pull("1").await.status, StatusCode::OK);
    site.proxy.restart().await;
    site.push("2", &clean(7));
    assert_eq!(
        site.pull("2").await.status,
        StatusCode::OK,
        "{}",
        scanner.log()
    );
    scanner.restart();
    site.push("3", &clean(8));
    let reply = site.pull("3").await;
    assert_eq!(
        reply.status,
        StatusCode::OK,
        "{} {}",
        reply.text(),
        scanner.log()
    );
    let shown = site.scanners().shown(NAME).await;
    assert_eq!(shown["state"], "enrolled", "{shown}");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_service_cannot_send_a_scanner_where_it_may_not_go() {
    let site = Site::start().await;
    let image = clean(9);
    site.push("1", &image);
    let scanner = site.scanner().await;
    let before = site.within.seen().len();
    let path = format!("/v2/other.test/{REPO}/manifests/1");
    let reply = patiently(|| site.call(&path)).await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN, "{}", reply.text());
    assert_eq!(site.within.seen().len(), before, "it asked a registry");
    assert!(scanner.log().contains("--allow"), "{}", scanner.log());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn what_a_scanner_says_is_taken_once_and_for_what_it_was_asked() {
    let site = Site::start().await;
    let (image, other) = (clean(10), vulnerable(11));
    site.push("1", &image);
    let key = site.scanners().link(NAME, &[]).await;
    let (own, foreign) = (credential('A'), credential('B'));
    assert_eq!(site.enrol(&key, &own).await.status, 200);
    assert_eq!(
        site.enrol(&key, &own).await.status,
        200,
        "the answer was lost"
    );
    let twice = site.enrol(&key, &foreign).await;
    assert_eq!(twice.status, 401, "{}", twice.text());
    let nobody = site.say(&foreign, "work", &json!({})).await;
    assert_eq!(nobody.status, 401, "{}", nobody.text());
    let older = json!({"version": "0.0.1", "revisions": "other", "places": 1});
    let told = site.say(&own, "work", &older).await;
    assert_eq!(told.status, 409, "{}", told.text());
    assert!(told.text().contains("same version"), "{}", told.text());
    let pulling = tokio::spawn({
        let call = site.call(&manifest_path(REPO, "1"));
        async move { patiently(|| call.clone()).await }
    });
    let given = site.work(&own).await;
    let digest = given["task"]["digest"]
        .as_str()
        .expect("a digest")
        .to_owned();
    let others = &other.layers[1];
    let wrong = site
        .answer(&own, &given, others.digest.as_str(), facts(others))
        .await;
    assert_eq!(wrong.status, 409, "{}", wrong.text());
    let guessed = json!({"lease": {"work": given["lease"]["work"], "fence": 0}});
    let guessed = site.answer(&own, &guessed, &digest, facts(others)).await;
    assert_eq!(guessed.status, 409, "another fence: {}", guessed.text());
    let layer = image.layers.iter().find(|it| it.digest.as_str() == digest);
    let sent = facts(layer.expect("a layer of the image"));
    let taken = site.answer(&own, &given, &digest, sent.clone()).await;
    assert_eq!(taken.status, 200, "{}", taken.text());
    let repeated = site.answer(&own, &given, &digest, sent).await;
    assert_eq!(repeated.status, 409, "{}", repeated.text());
    for _ in &image.layers[1..] {
        let given = site.work(&own).await;
        let digest = given["task"]["digest"].as_str().expect("a digest");
        let layer = image.layers.iter().find(|it| it.digest.as_str() == digest);
        let sent = facts(layer.expect("a layer of the image"));
        assert_eq!(site.answer(&own, &given, digest, sent).await.status, 200);
    }
    assert_eq!(pulling.await.expect("a pull").status, StatusCode::OK);
    site.scanners()
        .run(&["revoke", NAME])
        .await
        .expect_ok("revoke");
    let ended = site.say(&own, "work", &older).await;
    assert_eq!(ended.status, 401, "{}", ended.text());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn hostile_answers_serve_nothing() {
    let site = Site::start().await;
    let key = site.scanners().link(NAME, &[]).await;
    let own = credential('C');
    assert_eq!(site.enrol(&key, &own).await.status, 200);
    let lie = vulnerable(12);
    let passed_off = facts(&lie.layers[0]);
    let mut heavy = passed_off.clone();
    heavy[1..9].copy_from_slice(&u64::MAX.to_le_bytes());
    let hostile = [
        (vec![0; 1024 * 1024 * 1024], 413),
        (heavy, 413),
        (b"no facts at all".to_vec(), 400),
        // Those of another layer, given out as those of this one: the image itself belies them.
        (passed_off, 200),
    ];
    for (seed, (sent, status)) in (20..).zip(hostile) {
        let image = sluicegate_tests::image::ImageBuilder::new()
            .layer(crate::stage::python("goodlib", seed))
            .build();
        let tag = seed.to_string();
        site.push(&tag, &image);
        let pulling = tokio::spawn({
            let call = site.call(&manifest_path(REPO, &tag));
            async move { patiently(|| call.clone()).await }
        });
        let given = site.work(&own).await;
        let digest = given["task"]["digest"]
            .as_str()
            .expect("a digest")
            .to_owned();
        let is_long = sent.len() > 32 * 1024 * 1024;
        let reply = site.answering(&own, &given, &digest, sent).try_send().await;
        match reply {
            Ok(reply) => assert_eq!(reply.status.as_u16(), status, "{seed}: {}", reply.text()),
            // The connection may end before the answer is read.
            Err(error) => assert!(is_long, "{seed}: {error}"),
        }
        if is_long {
            // It was not even read, and may be given in a better form.
            let failed = json!({"lease": given["lease"], "why": "it is too long"});
            assert_eq!(site.say(&own, "failures", &failed).await.status, 200);
        }
        let pulled = pulling.await.expect("a pull");
        assert_eq!(
            pulled.status,
            StatusCode::FORBIDDEN,
            "{seed}: {}",
            pulled.text()
        );
        assert_no_content(&pulled, &image, &tag);
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn only_an_admin_links_and_only_scanners_do_their_work() {
    let site = Site::start().await;
    let keys = Keys(&site.proxy);
    let auditor = keys.make("audit", "auditor", &[]).await;
    let admin = keys.make("root", "admin", &[]).await;
    let ask = async |call: Call, body: &str| {
        let call = call.header("content-type", "application/json");
        call.body(body.to_owned()).send().await.status.as_u16()
    };
    let link = || {
        let path = "/api/v1/scanners/link";
        Call::new(Method::POST, site.proxy.api_address(), path)
    };
    let body = r#"{"name": "a"}"#;
    assert_eq!(ask(link(), body).await, 401);
    assert_eq!(ask(auditor.on(link()), body).await, 403);
    assert_eq!(ask(admin.on(link()), body).await, 200);
    assert_eq!(
        ask(admin.on(link()), body).await,
        409,
        "there is one of that name"
    );
    // An admin is no scanner.
    let work = Call::new(
        Method::POST,
        site.proxy.api_address(),
        "/api/v1/scanners/work",
    );
    assert_eq!(ask(admin.on(work), "{}").await, 401);
}
