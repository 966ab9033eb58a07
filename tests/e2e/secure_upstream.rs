//! A private upstream: Debian's registry with TLS under a test authority and htpasswd.

use http::{Method, StatusCode};
use sluicegate_tests::clients::skopeo;
use sluicegate_tests::proxy::{ProxyBuilder, UPSTREAM};
use sluicegate_tests::registry::{PASSWORD, SecureRegistry, USER};

use crate::scene::{self, POLICY, bad, clean};

#[tokio::test]
async fn private_image_is_pulled_with_the_proxys_credentials_and_no_secret_is_printed() {
    let registry = SecureRegistry::start().await;
    let secrets = tempfile::tempdir().expect("make a directory");
    let file = secrets.path().join("password");
    std::fs::write(&file, format!("{PASSWORD}\n")).expect("write a password");
    let config = format!(
        "upstreams:\n  {UPSTREAM}: {{url: \"{}\", username: {USER}, password_file: {}, ca_file: {}}}\n",
        registry.url(),
        file.display(),
        registry.ca_file().display()
    );
    let feed = scene::feed();
    let builder = ProxyBuilder::with_config(&config)
        .feed(feed.path())
        .environment("RUST_LOG", "trace")
        .policy("prod.yaml", POLICY);
    let proxy = builder.start().await;
    let (good, evil) = (clean(70_000), bad(70_001));
    registry.plain().push("lib/good", "1", &good).await;
    registry.plain().push("lib/evil", "1", &evil).await;
    let target = tempfile::tempdir().expect("make a directory");
    skopeo::copy(&proxy.reference("lib/good:1"), target.path())
        .await
        .expect_ok("skopeo copy");
    assert_eq!(skopeo::manifest(target.path()), good.manifest);
    let reply = proxy.ask(Method::GET, "/v2/lib/evil/manifests/1").await;
    assert_eq!(reply.status, StatusCode::FORBIDDEN);
    let encoded = base64::Engine::encode(
        &base64::engine::general_purpose::STANDARD,
        format!("{USER}:{PASSWORD}"),
    );
    let mut outputs = vec![proxy.log(), reply.text()];
    for path in [
        "/api/v1/status",
        "/api/v1/verdicts",
        "/api/v1/decisions",
        "/metrics",
        "/readyz",
    ] {
        outputs.push(proxy.api(path).await.text());
    }
    for output in outputs {
        assert!(!output.contains(PASSWORD), "a secret was printed: {output}");
        assert!(!output.contains(&encoded), "a secret was printed: {output}");
    }
}

#[tokio::test]
async fn unknown_authority_is_not_trusted() {
    let registry = SecureRegistry::start().await;
    let proxy = ProxyBuilder::new(&registry.url()).start().await;
    registry.plain().push("lib/good", "1", &clean(70_100)).await;
    let reply = proxy.ask(Method::GET, "/v2/lib/good/manifests/1").await;
    assert!(reply.status.is_server_error(), "{reply:?}");
    assert!(registry.accesses().is_empty(), "{:?}", registry.accesses());
}

#[tokio::test]
async fn wrong_password_is_an_upstream_error_and_not_asked_of_the_client() {
    let registry = SecureRegistry::start().await;
    let config = format!(
        "upstreams:\n  {UPSTREAM}: {{url: \"{}\", ca_file: {}}}\n",
        registry.url(),
        registry.ca_file().display()
    );
    let proxy = ProxyBuilder::with_config(&config).start().await;
    registry.plain().push("lib/good", "1", &clean(70_200)).await;
    let reply = proxy.ask(Method::GET, "/v2/lib/good/manifests/1").await;
    assert!(!reply.status.is_success(), "{reply:?}");
    assert_eq!(reply.header("www-authenticate"), "", "{reply:?}");
}
