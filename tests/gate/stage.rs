//! What every test of the gate stands on: an upstream with faults, a proxy, and images that are
//! clean, vulnerable or dubious by what is in them.
//!
//! Requests go out one by one with no hidden redirect, and every reply is checked for bytes of an
//! image that should not have left.

use std::time::Duration;

use http::{Method, StatusCode};
use sluicegate_model::Digest;
use sluicegate_tests::fault::{Fault, FaultUpstream};
use sluicegate_tests::feeds::{self, Advisory};
use sluicegate_tests::image::{Image, ImageBuilder};
use sluicegate_tests::layer::{Archive, Compression, Layer, noise};
use sluicegate_tests::proxy::{Proxy, ProxyBuilder};
use sluicegate_tests::waiting::within;
use sluicegate_tests::wire::{Call, Reply};
use tempfile::TempDir;

/// The repository that most tests pull from.
pub const REPO: &str = "lib/app";
/// How long the proxy of a test holds a response, in milliseconds: short, because most tests that
/// are held want to see the hop; those that want a verdict ask again.
const HOLD_MS: &str = "400";
/// How long anything that has to happen may take.
pub const PATIENCE: Duration = Duration::from_secs(60);

/// An upstream and a proxy in front of it.
pub struct Stage {
    pub upstream: FaultUpstream,
    pub proxy: Proxy,
    feeds: TempDir,
}

impl Stage {
    /// Starts a proxy that holds.
    pub async fn hold() -> Self {
        Self::with(|proxy, _| proxy).await
    }

    /// Starts a proxy that streams.
    pub async fn stream() -> Self {
        Self::with(|proxy, _| proxy.flag("--gate", "stream")).await
    }

    /// Starts a proxy with more settings; `change` is given the upstream's URL.
    pub async fn with(change: impl FnOnce(ProxyBuilder, &str) -> ProxyBuilder) -> Self {
        let upstream = FaultUpstream::start().await;
        let directory = tempfile::tempdir().expect("make a directory");
        let advisories = [
            // Names nothing that the images have: it shows that the ecosystem was looked at.
            Advisory::new("ALPINE-CVE-2026-0001", "Alpine:edge", "nothing", "1"),
            Advisory::new("GHSA-aaaa-aaaa-aaaa", "PyPI", "badlib", "2.0")
                .alias("CVE-2026-1111")
                .critical(),
            Advisory::new("GHSA-bbbb-bbbb-bbbb", "PyPI", "iffy", "2.0")
                .alias("CVE-2026-2222")
                .high(),
        ];
        feeds::write(directory.path(), &[], &advisories);
        let builder = ProxyBuilder::new(&upstream.url())
            .feed(directory.path())
            .flag("--platforms", "linux/amd64")
            .environment("SLUICEGATE_TEST_HOLD_MS", HOLD_MS);
        let proxy = change(builder, &upstream.url()).start().await;
        Self {
            upstream,
            proxy,
            feeds: directory,
        }
    }

    /// Gives the directory of the feed.
    pub fn feeds(&self) -> &std::path::Path {
        self.feeds.path()
    }

    /// Sends one request and follows no hop.
    pub async fn once(&self, method: Method, path: &str) -> Reply {
        self.call(method, path).send().await
    }

    /// Starts a request that follows no hop.
    pub fn call(&self, method: Method, path: &str) -> Call {
        Call::new(method, self.proxy.address(), path).limit(PATIENCE)
    }

    /// Asks for a manifest or blob of [`REPO`] until the answer is no hop.
    pub async fn get(&self, path: &str) -> Reply {
        patiently(|| self.call(Method::GET, path)).await
    }

    /// Like [`Stage::get`] with HEAD.
    pub async fn head(&self, path: &str) -> Reply {
        patiently(|| self.call(Method::HEAD, path)).await
    }

    /// Pulls a manifest by tag and checks that it is served.
    pub async fn pull(&self, repository: &str, tag: &str, image: &Image) -> Reply {
        let reply = self.get(&manifest_path(repository, tag)).await;
        assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
        assert_eq!(reply.body, image.manifest, "the bytes upstream signed");
        reply
    }

    /// Publishes an advisory that refuses what was clean until now; in force after a restart.
    pub fn publish_advisory_on(&self, package: &str) {
        let known = Advisory::new("GHSA-aaaa-aaaa-aaaa", "PyPI", "badlib", "2.0");
        let new = Advisory::new("GHSA-cccc-cccc-cccc", "PyPI", package, "2.0")
            .alias("CVE-2026-3333")
            .critical();
        feeds::write(self.feeds.path(), &[], &[known.critical(), new]);
    }

    /// Makes the upstream stop inside a blob until it is told to go on.
    pub fn stall(&self, blob: &Digest, at: u64) {
        self.upstream
            .script(&format!("/blobs/{blob}"), [Fault::HoldAt(at)]);
    }

    /// Gives the counter of a metric, 0 where it is absent.
    pub async fn metric(&self, name: &str) -> f64 {
        let text = self.proxy.api("/metrics").await.text();
        let of_line = |line: &str| {
            let (found, value) = line.rsplit_once(' ')?;
            (found.split('{').next() == Some(name)).then(|| value.parse::<f64>().expect("a number"))
        };
        text.lines().filter_map(of_line).sum()
    }
}

/// Repeats a request until its answer is neither a hop nor "still scanning".
pub async fn patiently(call: impl Fn() -> Call) -> Reply {
    let deadline = tokio::time::Instant::now() + PATIENCE;
    loop {
        let reply = call().send().await;
        let is_waiting = reply.status == StatusCode::TEMPORARY_REDIRECT;
        if !is_waiting || tokio::time::Instant::now() > deadline {
            return reply;
        }
    }
}

/// Waits until a condition holds.
pub async fn eventually(what: &str, condition: impl AsyncFnMut() -> bool) {
    within(PATIENCE, what, condition).await;
}

/// Checks that a reply carries no byte of an image's config or layers.
#[track_caller]
pub fn assert_no_content(reply: &Reply, image: &Image, what: &str) {
    let is_content = reply.status.is_success() && !reply.body.is_empty();
    let is_manifest = reply.body == image.manifest;
    assert!(
        !is_content || is_manifest,
        "{what}: {} bytes left",
        reply.body_bytes
    );
    for blob in image.blobs() {
        let start = &blob.bytes[..blob.bytes.len().min(16)];
        let leaks = start.len() > 2 && reply.body.windows(start.len()).any(|part| part == start);
        assert!(!leaks, "{what}: the beginning of {} left", blob.digest);
    }
}

/// Gives the path of a manifest.
pub fn manifest_path(repository: &str, reference: &str) -> String {
    format!("/v2/{repository}/manifests/{reference}")
}

/// Gives the path of a blob.
pub fn blob_path(repository: &str, digest: &Digest) -> String {
    format!("/v2/{repository}/blobs/{digest}")
}

/// Builds the layer that every image has: a small Alpine with a package database.
pub fn base() -> Layer {
    Archive::new()
        .file(
            "etc/os-release",
            "ID=alpine\nVERSION_ID=3.24.0_alpha20260601\n",
        )
        .file(
            "lib/apk/db/installed",
            "P:musl\nV:1.2.5-r0\nA:x86_64\no:musl\n\n",
        )
        .layer(Compression::Gzip)
}

/// Builds a layer with one Python package and some noise.
pub fn python(package: &str, seed: u64) -> Layer {
    let folder = format!("usr/lib/python3/dist-packages/{package}-1.0.dist-info");
    let metadata = format!("Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n");
    Archive::new()
        .file(&format!("{folder}/METADATA"), metadata)
        .file(&format!("seed/{seed}"), seed.to_string().repeat(50))
        .layer(Compression::Gzip)
}

/// Builds an image of three layers with this Python package; about 300 KB.
pub fn image_with(package: &str, seed: u64) -> Image {
    ImageBuilder::new()
        .layer(base())
        .layer(python(package, seed))
        .layer(noise(seed, 300_000, Compression::Gzip))
        .build()
}

/// Builds an image without a finding.
pub fn clean(seed: u64) -> Image {
    image_with("goodlib", seed)
}

/// Builds an image that the built-in policy refuses.
pub fn vulnerable(seed: u64) -> Image {
    image_with("badlib", seed)
}

/// Builds an image that the built-in policy annotates.
pub fn dubious(seed: u64) -> Image {
    image_with("iffy", seed)
}

/// A policy that refuses what the built-in one only annotates.
pub const STRICTER: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: stricter}
spec:
  onInconclusive: {partial: annotate, unscannable: refuse}
  rules:
    - {id: medium, when: {severityAtLeast: medium}, action: refuse}
";

/// A policy that says the same as the built-in one, as a file to be replaced.
pub const USUAL: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: usual}
spec:
  onInconclusive: {partial: annotate, unscannable: refuse}
  rules:
    - {id: fixable-critical, when: {severityAtLeast: critical, fixable: true}, action: refuse}
    - {id: other, when: {severityAtLeast: low}, action: annotate}
";
