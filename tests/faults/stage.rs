//! What the rounds play on: an upstream with faults, the program in front of it, and images.

use std::path::PathBuf;
use std::time::Duration;

use futures_util::future::join_all;
use http::Method;
use sluicegate_model::Digest;
use sluicegate_tests::fault::FaultUpstream;
use sluicegate_tests::feeds::{self, Advisory};
use sluicegate_tests::image::{Blob, Image, ImageBuilder};
use sluicegate_tests::layer::{self, Archive, Compression, Layer};
use sluicegate_tests::proxy::{Proxy, ProxyBuilder};
use sluicegate_tests::wire::{self, Call, Reply};

pub use sluicegate_tests::waiting::within;
use tempfile::TempDir;

/// Refuses the one package that the advisory names and nothing else.
const POLICY: &str = "\
apiVersion: sluicegate/v1
kind: Policy
metadata: {name: faults}
spec:
  onInconclusive: allow
  rules:
    - {id: flawed, when: {package: \"pkg:pypi/flawed\"}, action: refuse}
";

/// An upstream and the program in front of it.
pub struct Stage {
    /// The upstream.
    pub upstream: FaultUpstream,
    /// The program.
    pub proxy: Proxy,
    /// The feed directory.
    pub feed: TempDir,
}

impl Stage {
    /// Starts both in this gate mode.
    pub async fn start(gate: &str) -> Self {
        Self::with(|builder| builder.flag("--gate", gate)).await
    }

    /// Starts both, the program described further by `describe`.
    pub async fn with(describe: impl FnOnce(ProxyBuilder) -> ProxyBuilder) -> Self {
        let upstream = FaultUpstream::start().await;
        let builder = ProxyBuilder::new(&upstream.url());
        Self::around(upstream, describe(builder)).await
    }

    /// Starts a described program in front of this upstream.
    pub async fn around(upstream: FaultUpstream, builder: ProxyBuilder) -> Self {
        let feed = tempfile::tempdir().expect("make a directory");
        write_feed(feed.path());
        let builder = builder
            .policy("faults.yaml", POLICY)
            .feed_unless_given(feed.path());
        Self {
            upstream,
            proxy: builder.start().await,
            feed,
        }
    }

    /// Asks for a manifest and follows hops.
    pub async fn manifest(&self, repository: &str, reference: &str) -> Reply {
        let path = format!("/v2/{repository}/manifests/{reference}");
        self.proxy.ask(Method::GET, &path).await
    }

    /// Asks for a blob and follows hops.
    pub async fn blob(&self, repository: &str, blob: &Blob) -> Reply {
        wire::get(self.proxy.address(), &blob_path(repository, blob)).await
    }

    /// Pulls everything of an image, its blobs side by side, and checks every byte.
    pub async fn pulls(&self, repository: &str, reference: &str, image: &Image) {
        let manifest = self.manifest(repository, reference).await;
        assert_eq!(manifest.status, 200, "{repository}: {}", manifest.text());
        assert_eq!(manifest.body, image.manifest, "{repository}");
        let blobs = image.blobs().map(|blob| self.blob(repository, blob));
        for (reply, blob) in join_all(blobs).await.iter().zip(image.blobs()) {
            assert_whole(reply, blob);
        }
    }

    /// Tells whether the content store shows a file for this blob.
    pub fn has_on_disk(&self, blob: &Blob) -> bool {
        blob_file(&self.proxy, blob).exists()
    }
}

/// Asserts a 200 with all of the blob and nothing else.
#[track_caller]
pub fn assert_whole(reply: &Reply, blob: &Blob) {
    assert_eq!(reply.status, 200, "{}: {}", blob.digest, reply.text());
    let size = blob.bytes.len() as u64;
    assert!(
        reply.whole,
        "{}: cut at {} of {size}",
        blob.digest, reply.body_bytes
    );
    assert_eq!(reply.body_digest, blob.digest);
    assert_eq!(reply.body_bytes, size);
}

/// Writes a feed in which one Python package has a flaw.
pub fn write_feed(directory: &std::path::Path) {
    let flaw = Advisory::new("CVE-2026-0001", "PyPI", "flawed", "2.0").critical();
    feeds::write(directory, &["PyPI"], &[flaw]);
}

/// Builds an image that the policy allows: a small layer with a package, and a large one of noise.
pub fn clean_image(seed: u64, large: usize) -> Image {
    image("sound", seed, large)
}

/// Builds an image that the policy refuses.
pub fn flawed_image(seed: u64, large: usize) -> Image {
    image("flawed", seed, large)
}

/// Builds an image of one uncompressed layer with a package.
pub fn plain_image(package: &str, seed: u64) -> Image {
    let layer = package_layer(package, seed, Compression::Plain);
    ImageBuilder::new().layer(layer).build()
}

/// Gives the path under which a blob is asked for.
pub fn blob_path(repository: &str, blob: &Blob) -> String {
    format!("/v2/{repository}/blobs/{}", blob.digest)
}

/// Asks without following hops, for at most `limit`.
pub async fn ask_once(proxy: &Proxy, path: &str, limit: Duration) -> Result<Reply, String> {
    Call::new(Method::GET, proxy.address(), path)
        .limit(limit)
        .try_send()
        .await
}

/// Gives the place of a blob in the content store.
pub fn blob_file(proxy: &Proxy, blob: &Blob) -> PathBuf {
    let hex = blob.digest.hex();
    proxy
        .data()
        .join("content/blobs/sha256")
        .join(&hex[..2])
        .join(hex)
}

/// Asserts that every visible blob is what its name says; gives their number.
///
/// Only for a store that no download is writing to: unfinished ones count as leftovers.
pub fn assert_store_sound(proxy: &Proxy) -> usize {
    let content = proxy.data().join("content");
    let list = |path: PathBuf| {
        let entries = std::fs::read_dir(path).expect("list a directory");
        entries.map(|entry| entry.expect("read an entry").path())
    };
    let mut blobs = 0;
    for path in list(content.join("blobs/sha256")).flat_map(list) {
        let bytes = std::fs::read(&path).expect("read a blob");
        assert!(path.ends_with(Digest::of(&bytes).hex()), "{path:?}");
        blobs += 1;
    }
    assert_eq!(list(content.join("incoming")).count(), 0, "leftovers");
    blobs
}

fn image(package: &str, seed: u64, large: usize) -> Image {
    ImageBuilder::new()
        .layer(package_layer(package, seed, Compression::Gzip))
        .layer(layer::noise(seed, large, Compression::Plain))
        .build()
}

fn package_layer(package: &str, seed: u64, compression: Compression) -> Layer {
    let metadata = format!("Metadata-Version: 2.1\nName: {package}\nVersion: 1.0\n");
    let folder = format!("usr/lib/python3/dist-packages/{package}-1.0.dist-info");
    Archive::new()
        .file("seed", seed.to_string())
        .file(&format!("{folder}/METADATA"), metadata)
        .layer(compression)
}
