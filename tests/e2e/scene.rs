//! The usual scene: a registry, a feed that knows one bad package, a policy, and the proxy.
//!
//! Images are made of a small Alpine-like system whose one package decides the verdict, and of
//! noise that makes every image's content its own, so that tests do not warm each other's clients.

use std::time::Duration;

use sluicegate_tests::feeds::{self, Advisory};
use sluicegate_tests::image::{Image, ImageBuilder};
use sluicegate_tests::layer::{self, Compression};
use sluicegate_tests::proxy::{Proxy, ProxyBuilder};
use sluicegate_tests::registry::Registry;
use sluicegate_tests::rootfs;

pub use sluicegate_tests::waiting::within;
use tempfile::TempDir;

/// The vulnerability that the feed knows in versions of `libbad` before 1.0-r1.
pub const BAD: &str = "CVE-2099-0001";
/// One that the feed rates medium, in `libmeh`.
pub const MEH: &str = "CVE-2099-0002";
/// Design: a change of policy is in force within this.
pub const RELOAD_LIMIT: Duration = Duration::from_secs(10);

/// The policy of the scene.
pub const POLICY: &str = "apiVersion: sluicegate/v1
kind: Policy
metadata: {name: prod}
spec:
  mode: enforce
  onInconclusive: {partial: annotate, unscannable: refuse}
  rules:
    - id: fixable-critical
      when: {severityAtLeast: critical, fixable: true}
      action: refuse
    - id: any
      when: {severityAtLeast: low}
      action: annotate
";

/// A registry behind a proxy.
pub struct Scene {
    /// The upstream.
    pub registry: Registry,
    /// The product.
    pub proxy: Proxy,
    _feed: TempDir,
}

impl Scene {
    /// Starts everything with the gate in `mode`, `hold` or `stream`.
    pub async fn start(mode: &str) -> Self {
        Self::start_with(|builder| builder.flag("--gate", mode)).await
    }

    /// Starts everything with a proxy described further by `describe`.
    pub async fn start_with(describe: impl FnOnce(ProxyBuilder) -> ProxyBuilder) -> Self {
        let registry = Registry::start().await;
        let feed = feed();
        let builder = ProxyBuilder::new(&registry.url()).feed(feed.path());
        let proxy = describe(builder.policy("prod.yaml", POLICY)).start().await;
        Self {
            registry,
            proxy,
            _feed: feed,
        }
    }

    /// Pushes an image as `lib/NAME:1` and gives the reference that clients pull.
    pub async fn push(&self, name: &str, image: &Image) -> String {
        self.registry.push(&format!("lib/{name}"), "1", image).await;
        self.proxy.reference(&format!("lib/{name}:1"))
    }

    /// Gives the one line that a refusal of `image` for [`BAD`] must show.
    pub fn refusal(&self, image: &Image) -> String {
        refusal(self.proxy.api_address(), image)
    }
}

/// Gives the refusal of the scene's policy for an image with [`BAD`].
pub fn refusal(api_address: &str, image: &Image) -> String {
    format!(
        "sluicegate: refused by policy \"prod\", rule \"fixable-critical\": 1 finding: \
         {BAD} critical libbad 1.0-r0 (fix: 1.0-r1). \
         First step: upgrade libbad to 1.0-r1 or later. Details: http://{api_address}/api/v1/verdicts/{}",
        image.digest
    )
}

/// Writes the feed of the scene.
pub fn feed() -> TempDir {
    let directory = tempfile::tempdir().expect("make a directory");
    let advisory = |id: &str, package: &str| {
        Advisory::new(&format!("ALPINE-{id}"), "Alpine:edge", package, "1.0-r1")
    };
    let all = ["Alpine:edge", "Debian:12", "PyPI", "npm", "Maven"];
    let advisories = [
        advisory(BAD, "libbad").critical(),
        advisory(MEH, "libmeh").medium(),
        Advisory::new("GHSA-test-jinja-0001", "PyPI", "jinja2", "2.10.1")
            .alias("CVE-2099-0011")
            .critical(),
        Advisory::new("GHSA-test-minim-0001", "npm", "minimist", "1.2.6")
            .alias("CVE-2099-0012")
            .critical(),
        Advisory::new(
            "GHSA-test-log4j-0001",
            "Maven",
            "org.apache.logging.log4j:log4j-core",
            "2.20.0",
        )
        .alias("CVE-2099-0013")
        .critical(),
        Advisory::new("DEBIAN-CVE-2099-0014", "Debian:12", "bash", "99:1").critical(),
    ];
    feeds::write(directory.path(), &all, &advisories);
    feeds::write_kev(directory.path(), &[]);
    directory
}

/// Builds an image that the scene's policy refuses; `seed` makes its content unique.
pub fn bad(seed: u64) -> Image {
    with_package("libbad", seed).build()
}

/// Builds an image that the scene's policy annotates.
pub fn meh(seed: u64) -> Image {
    with_package("libmeh", seed).build()
}

/// Builds an image without findings.
pub fn clean(seed: u64) -> Image {
    with_package("libgood", seed).build()
}

/// Starts an image of three layers: a system with one package, and two of noise.
pub fn with_package(package: &str, seed: u64) -> ImageBuilder {
    let system = rootfs::alpine(&[(package, "1.0-r0", package)])
        .file("etc/seed", seed.to_string())
        .layer(Compression::Gzip);
    ImageBuilder::new()
        .layer(system)
        .layer(layer::noise(seed, 300_000, Compression::Gzip))
        .layer(layer::noise(seed + 1_000_000, 150_000, Compression::Gzip))
}

/// Tells whether rounds are repeated as often as a release asks for (`tests/run --long`).
pub fn rounds(short: usize, long: usize) -> usize {
    if std::env::var_os("SLUICEGATE_TEST_LONG").is_some() {
        long
    } else {
        short
    }
}
