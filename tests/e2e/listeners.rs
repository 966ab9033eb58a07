//! The registry listener as clients of other kinds see it: TLS with reload, and a client library
//! that shares no code with the product.

use std::path::Path;
use std::time::Duration;

use oci_distribution::client::{Client, ClientConfig, ClientProtocol};
use oci_distribution::secrets::RegistryAuth;
use sluicegate_tests::certificates;
use sluicegate_tests::clients::skopeo;
use sluicegate_tests::proxy::{ProxyBuilder, UPSTREAM};
use sluicegate_tests::registry::Registry;

use crate::scene::{self, Scene, bad, clean, within};

/// How soon a replaced certificate is served.
const CERTIFICATE_LIMIT: Duration = Duration::from_secs(30);

#[tokio::test]
async fn tls_listener_serves_and_follows_its_certificate_files() {
    let registry = Registry::start().await;
    registry.push("lib/app", "1", &clean(96_000)).await;
    let files = tempfile::tempdir().expect("make a directory");
    let authority = certificates::write(files.path());
    let config = format!(
        "upstreams:\n  {UPSTREAM}: {{url: \"{}\"}}\n\
         tls: {{cert_file: {1}/server.pem, key_file: {1}/server.key}}\n",
        registry.url(),
        files.path().display()
    );
    let feed = scene::feed();
    let builder = ProxyBuilder::with_config(&config).feed(feed.path());
    let proxy = builder.policy("prod.yaml", scene::POLICY).start().await;
    let reference = proxy.reference("lib/app:1");
    assert!(copies(&reference, &authority).await, "{}", proxy.log());
    certificates::write(files.path());
    within(
        CERTIFICATE_LIMIT,
        "the new certificate is served",
        async || copies(&reference, &authority).await,
    )
    .await;
}

/// Tells whether skopeo trusts the listener with this authority alone and copies the image.
async fn copies(reference: &str, authority: &Path) -> bool {
    skopeo::copy_trusting(authority, &[], reference).await.ok()
}

#[tokio::test]
async fn independent_client_library_pulls_what_upstream_signed() {
    // Another test of this program may have installed it already.
    let _ = rustls::crypto::ring::default_provider().install_default();
    let scene = Scene::start("hold").await;
    let (good, evil) = (clean(96_100), bad(96_101));
    scene.push("good", &good).await;
    scene.push("evil", &evil).await;
    let config = ClientConfig {
        protocol: ClientProtocol::Http,
        ..ClientConfig::default()
    };
    let client = Client::new(config);
    let name = |name: &str| {
        scene
            .proxy
            .reference(&format!("lib/{name}:1"))
            .parse()
            .expect("a name")
    };
    let types = [good.media_type.as_str()];
    let anonymous = RegistryAuth::Anonymous;
    let (manifest, digest) = client
        .pull_manifest_raw(&name("good"), &anonymous, &types)
        .await
        .expect("pull");
    assert_eq!(
        (manifest, digest.as_str()),
        (good.manifest.clone(), good.digest.as_str())
    );
    let mut bytes = Vec::new();
    let layer = good.layers[0].digest.to_string();
    client
        .pull_blob(&name("good"), layer.as_str(), &mut bytes)
        .await
        .expect("pull a blob");
    assert_eq!(bytes, good.layers[0].bytes);
    let refused = client
        .pull_manifest_raw(&name("evil"), &anonymous, &types)
        .await;
    let cause = refused.expect_err("a refused image").to_string();
    assert!(cause.contains(&scene.refusal(&evil)), "{cause}");
}
