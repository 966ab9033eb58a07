//! Snapshots of advisories that are swapped under load: every answer is of exactly one of them, none
//! of a time without one, and none older than what the service already showed.

use std::collections::BTreeMap;
use std::path::Path;
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use http::Method;
use sluicegate_tests::fault::FaultUpstream;
use sluicegate_tests::feeds::{self, Advisory};
use sluicegate_tests::image::{Image, ImageBuilder};
use sluicegate_tests::layer::{Archive, Compression};
use sluicegate_tests::proxy::{ProxyBuilder, sluicegate};
use sluicegate_tests::wire::Call;

/// Refuses what is not fully known: a moment without advisories would be a refusal.
const STRICT: &str = "\
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: strict}
spec:
  onInconclusive: refuse
";
/// Bundles that are imported one after the other.
const BUNDLES: u64 = 40;
/// Between the starts of two imports.
const SWAP_EVERY: Duration = Duration::from_millis(100);
/// Between two requests: 200 a second.
const REQUEST_EVERY: Duration = Duration::from_millis(5);

/// An image with one package of each of two ecosystems.
fn image() -> Image {
    let folder = "usr/lib/python3/dist-packages/marker-1.0.dist-info";
    let metadata = "Metadata-Version: 2.1\nName: marker\nVersion: 1.0\n";
    let manifest = r#"{"name": "marker", "version": "1.0.0"}"#;
    let layer = Archive::new()
        .file(&format!("{folder}/METADATA"), metadata)
        .file("app/node_modules/marker/package.json", manifest);
    ImageBuilder::new()
        .layer(layer.layer(Compression::Gzip))
        .build()
}

fn bundle(home: &Path, version: u64) -> String {
    home.join(format!("{version}.tar.zst"))
        .display()
        .to_string()
}

/// Exports a bundle in which both packages have the flaw that its number names.
async fn export(home: &Path, version: u64, key: &str) {
    let feed = home.join(format!("feed-{version}"));
    let flaw = |ecosystem: &str| {
        let id = format!("CVE-2026-{}", 10_000 + version);
        Advisory::new(&id, ecosystem, "marker", "2.0")
    };
    feeds::write(&feed, &[], &[flaw("PyPI"), flaw("npm")]);
    let (feed, number) = (feed.display().to_string(), version.to_string());
    let bundle = bundle(home, version);
    let export = ["feeds", "export", &bundle, "--signing-key", key];
    let more = ["--feed", &feed, "--bundle-version", &number];
    let export = sluicegate(&[&export[..], &more].concat()).await;
    export.expect_ok("export");
}

/// Gives the number that the findings of a verdict name, which must be one.
fn number_of(verdict: &serde_json::Value) -> u64 {
    let findings = verdict["findings"].as_array().expect("findings");
    let numbers = findings.iter().map(|finding| {
        let id = finding["id"].as_str().expect("an id");
        let number = id.rsplit('-').next().expect("a number");
        number.parse::<u64>().expect("a number") - 10_000
    });
    let numbers: Vec<u64> = numbers.collect();
    let is_one = numbers.len() == 2 && numbers[0] == numbers[1];
    assert!(is_one, "a verdict of several snapshots: {verdict}");
    numbers[0]
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_answer_under_swaps_is_of_exactly_one_snapshot() {
    let files = tempfile::tempdir().expect("make a directory");
    let home = files.path();
    let key = home.join("key").display().to_string();
    let public = sluicegate(&["feeds", "create-key", &key]).await;
    let public = public.expect_ok("create-key").stdout.trim().to_owned();
    for version in 1..=BUNDLES {
        export(home, version, &key).await;
    }
    let upstream = FaultUpstream::start().await;
    let image = image();
    upstream.add("lib/app", "1", &image);
    let builder = ProxyBuilder::new(&upstream.url()).policy("strict.yaml", STRICT);
    let data = home.join("data").display().to_string();
    let import = async |version: u64| {
        let bundle = bundle(home, version);
        let import = [
            "feeds", "import", &bundle, "--trust", &public, "--data", &data,
        ];
        sluicegate(&import).await.expect_ok("import");
    };
    import(1).await;
    let proxy = builder.data(&data).feed_url("imported").start().await;
    let path = format!("/v2/lib/app/manifests/{}", image.digest);
    assert_eq!(
        proxy
            .ask(Method::GET, "/v2/lib/app/manifests/1")
            .await
            .status,
        200
    );
    assert_eq!(number_of(&proxy.verdict(image.digest.as_str()).await), 1);

    let is_over = Arc::new(AtomicBool::new(false));
    let asked = Arc::new(AtomicU64::new(0));
    let load = {
        let (address, over, asked) = (proxy.address().to_owned(), is_over.clone(), asked.clone());
        tokio::spawn(async move {
            let mut ticks = tokio::time::interval(REQUEST_EVERY);
            let mut requests = tokio::task::JoinSet::new();
            while !over.load(Ordering::Relaxed) {
                ticks.tick().await;
                let call = Call::new(Method::GET, &address, &path).follow();
                requests.spawn(async move { call.send().await });
                asked.fetch_add(1, Ordering::Relaxed);
            }
            for reply in requests.join_all().await {
                assert_eq!(
                    reply.status,
                    200,
                    "a request without a feed: {}",
                    reply.text()
                );
            }
        })
    };
    let mut snapshots: BTreeMap<u64, String> = BTreeMap::new();
    let check = async |snapshots: &mut BTreeMap<u64, String>| {
        let status = proxy.api("/api/v1/status").await.json();
        let shown = status["feeds"]["sources"][0]["bundle"]["version"].as_u64();
        let shown = shown.expect("the bundle's version");
        let reply = proxy.ask(Method::GET, "/v2/lib/app/manifests/1").await;
        assert_eq!(reply.status, 200, "{}", reply.text());
        let verdict = proxy.verdict(image.digest.as_str()).await;
        let number = number_of(&verdict);
        assert!(
            number >= shown,
            "answered from {number} after {shown} was shown"
        );
        let feeds = verdict["provenance"]["feeds"].as_str().expect("a snapshot");
        let known = snapshots.entry(number).or_insert_with(|| feeds.to_owned());
        assert_eq!(known, feeds, "number {number} under two names");
        shown
    };
    let (started, mut checks) = (Instant::now(), 0);
    for version in 2..=BUNDLES {
        let next = tokio::time::Instant::now() + SWAP_EVERY;
        import(version).await;
        proxy.signal("HUP");
        while tokio::time::Instant::now() < next {
            check(&mut snapshots).await;
            checks += 1;
        }
    }
    let deadline = Instant::now() + Duration::from_secs(60);
    while check(&mut snapshots).await < BUNDLES {
        assert!(Instant::now() < deadline, "the last bundle is never seen");
    }
    let took = started.elapsed();
    is_over.store(true, Ordering::Relaxed);
    load.await.expect("every request was answered");
    assert_eq!(
        snapshots.last_key_value().map(|(number, _)| *number),
        Some(BUNDLES)
    );
    eprintln!(
        "swaps: {BUNDLES} bundles and {} requests in {took:?}, {checks} verdicts of {} snapshots",
        asked.load(Ordering::Relaxed),
        snapshots.len()
    );
}
