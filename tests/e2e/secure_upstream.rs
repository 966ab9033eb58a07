//! A private upstream: Debian's registry with TLS under a test authority and htpasswd, or behind nginx
//! with a password that does not last.

use std::path::Path;
use std::time::Duration;

use http::{Method, StatusCode};
use sluicegate_tests::clients::skopeo;
use sluicegate_tests::private_registry::PrivateRegistry;
use sluicegate_tests::programs::{self, path_with};
use sluicegate_tests::proxy::{ProxyBuilder, UPSTREAM};
use sluicegate_tests::registry::{PASSWORD, SecureRegistry, USER};

use crate::scene::{self, POLICY, bad, clean};

/// The least time between two questions to a helper for an answer that was refused.
const ASKED_AGAIN: Duration = Duration::from_secs(10);

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

/// Writes a helper of Docker's protocol that counts how often it is asked, and gives the `PATH` that
/// has it.
fn helper(folder: &Path) -> String {
    let shown = folder.display();
    let script = format!(
        "#!/bin/sh\ncat > /dev/null\necho asked >> {shown}/asked\n\
         echo '{{\"Username\": \"robot\", \"Secret\": \"'$(cat {shown}/password)'\"}}'\n"
    );
    programs::write(&folder.join("docker-credential-rotating"), &script);
    path_with(folder)
}

#[tokio::test]
async fn a_helper_is_asked_again_when_the_password_it_gave_has_ended() {
    let registry = PrivateRegistry::start(&[("lib/app", &["robot"])]).await;
    let folder = tempfile::tempdir().expect("make a directory");
    let path = helper(folder.path());
    let rotate = |password: &str| {
        registry.set_password("lib/app", "robot", password);
        std::fs::write(folder.path().join("password"), password).expect("write a password");
    };
    let config = format!(
        "upstreams:\n  {UPSTREAM}: {{url: \"{}\", credential_helper: rotating, \
         allow_insecure_credentials: true}}\n",
        registry.url()
    );
    let feed = scene::feed();
    let builder = ProxyBuilder::with_config(&config).feed(feed.path());
    let builder = builder.environment("PATH", &path);
    let builder = builder.environment("RUST_LOG", "trace");
    let proxy = builder.policy("prod.yaml", POLICY).start().await;
    let passwords = ["first-of-these", "second-of-these", "third-of-these"];
    for (seed, password) in (70_300..).zip(passwords) {
        rotate(password);
        let (tag, image) = (format!("{seed}"), clean(seed));
        registry.plain().push("lib/app", &tag, &image).await;
        let target = tempfile::tempdir().expect("make a directory");
        let reference = proxy.reference(&format!("lib/app:{tag}"));
        let copied = skopeo::copy(&reference, target.path()).await;
        copied.expect_ok(&format!("skopeo copy with {password}"));
        assert_eq!(skopeo::manifest(target.path()), image.manifest);
        // Whoever said yes to what is refused is asked again at most so often.
        tokio::time::sleep(ASKED_AGAIN).await;
    }
    let asked = std::fs::read_to_string(folder.path().join("asked")).expect("it was asked");
    assert_eq!(asked.lines().count(), passwords.len(), "once for each");
    for password in passwords {
        assert!(!proxy.log().contains(password), "a secret was printed");
    }
}
