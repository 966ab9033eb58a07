//! The client of an upstream against the real docker-registry, with TLS and a password.

mod tunnel;

use sluicegate_config::{Credentials, Login, Secret, UpstreamSettings};
use sluicegate_model::{Digest, Reference};
use sluicegate_tests::image::{Blob, Image, ImageBuilder};
use sluicegate_tests::layer::{Archive, Compression, noise};
use sluicegate_tests::registry::{PASSWORD, SecureRegistry, USER};
use sluicegate_upstream::{BlobPart, ProxyVariables, Upstream, UpstreamError};

use tunnel::TunnelProxy;

async fn registry_with_an_image() -> (SecureRegistry, Image) {
    let registry = SecureRegistry::start().await;
    let image = ImageBuilder::new()
        .layer(Archive::new().directory("etc").layer(Compression::Gzip))
        .layer(noise(7, 3 * 1024 * 1024, Compression::Plain))
        .build();
    registry.plain().push("lib/app", "1", &image).await;
    (registry, image)
}

fn settings(registry: &SecureRegistry) -> UpstreamSettings {
    let url = registry.url().parse().expect("a URL");
    let mut settings = UpstreamSettings::anonymous("up.test", url);
    settings.login = Some(login(PASSWORD));
    settings.ca_file = Some(registry.ca_file().into());
    settings
}

fn login(password: &str) -> Login {
    Login::Said(Credentials {
        username: USER.to_owned(),
        password: Secret::new(password),
    })
}

fn upstream(settings: &UpstreamSettings, proxy: ProxyVariables) -> Upstream {
    Upstream::from_settings(settings, proxy, None).expect("sound settings")
}

fn tag() -> Reference {
    "1".parse().expect("a tag")
}

/// Fetches a blob from `offset` on and gives the whole of it.
async fn fetch(upstream: &Upstream, blob: &Blob, offset: usize) -> Vec<u8> {
    let mut body = upstream
        .blob("lib/app", &blob.digest, offset as u64)
        .await
        .expect("start the blob");
    assert_eq!(body.total_len, Some(blob.bytes.len() as u64));
    assert_eq!(body.offset, offset as u64);
    let mut content = blob.bytes[..offset].to_vec();
    while let Some(piece) = body.chunk().await.expect("read the blob") {
        content.extend_from_slice(&piece);
    }
    content
}

async fn pulls_everything(upstream: &Upstream, image: &Image) {
    let manifest = upstream
        .manifest("lib/app", &tag())
        .await
        .expect("manifest");
    assert_eq!(manifest.bytes, image.manifest);
    let by_digest = Reference::Digest(manifest.digest.clone());
    let head = upstream
        .head_manifest("lib/app", &by_digest)
        .await
        .expect("head")
        .expect("the registry says it");
    assert_eq!(head.digest, manifest.digest);
    assert_eq!(head.media_type, manifest.media_type);
    for blob in image.blobs() {
        let half = blob.bytes.len() / 2;
        let part = upstream
            .blob_part("lib/app", &blob.digest, 0..half as u64)
            .await
            .expect("a part");
        assert!(matches!(part, BlobPart::Part(part) if part == blob.bytes[..half]));
        for offset in [0, blob.bytes.len() / 2] {
            assert_eq!(fetch(upstream, blob, offset).await, blob.bytes);
        }
    }
    let tags = upstream.tags("lib/app", "n=10").await.expect("tags");
    assert_eq!(tags.tags, ["1".parse().expect("a tag")]);
    assert_eq!(tags.next, None);
}

#[tokio::test]
async fn pulls_over_tls_with_a_password() {
    let (registry, image) = registry_with_an_image().await;
    let client = upstream(&settings(&registry), ProxyVariables::default());
    pulls_everything(&client, &image).await;
    let refused = registry
        .accesses()
        .iter()
        .filter(|access| access.status == 401)
        .count();
    assert_eq!(refused, 1, "what the registry wants is learned once");
    let absent = client.blob("lib/app", &Digest::of(b"absent"), 0).await;
    assert!(matches!(absent, Err(UpstreamError::NotFound { .. })));
    let referrers = client
        .referrers("lib/app", &Digest::of(&image.manifest), None)
        .await
        .expect("the tag schema stands in for the API this registry lacks");
    assert!(referrers.found.is_empty());
}

#[tokio::test]
async fn refuses_a_server_of_an_unknown_authority_and_a_wrong_password() {
    let (registry, _) = registry_with_an_image().await;
    let mut stranger = settings(&registry);
    stranger.ca_file = None;
    let client = upstream(&stranger, ProxyVariables::default());
    let outcome = client.manifest("lib/app", &tag()).await;
    assert!(
        matches!(outcome, Err(UpstreamError::Connect { .. })),
        "{outcome:?}"
    );

    let mut mistyped = settings(&registry);
    mistyped.login = Some(login("wrong"));
    let client = upstream(&mistyped, ProxyVariables::default());
    let outcome = client.manifest("lib/app", &tag()).await;
    assert!(
        matches!(outcome, Err(UpstreamError::Unauthorized { .. })),
        "{outcome:?}"
    );
}

#[tokio::test]
async fn goes_through_the_proxy_of_the_environment() {
    let (registry, image) = registry_with_an_image().await;
    let proxy = TunnelProxy::start().await;
    let settings = settings(&registry);
    let mut variables = ProxyVariables {
        https_proxy: Some(format!("http://user:pass@{}", proxy.address())),
        no_proxy: Some("elsewhere.test".to_owned()),
    };
    let client = upstream(&settings, variables.clone());
    pulls_everything(&client, &image).await;
    let target = registry.url().replace("https://", "");
    assert!(!proxy.heads().is_empty());
    for head in proxy.heads() {
        assert!(
            head.starts_with(&format!("CONNECT {target} HTTP/1.1\r\n")),
            "{head}"
        );
        assert!(head.contains("Basic dXNlcjpwYXNz"), "{head}");
        assert!(!head.contains(PASSWORD));
    }

    let tunnels = proxy.heads().len();
    variables.no_proxy = Some("127.0.0.0/8".to_owned());
    let direct = upstream(&settings, variables);
    pulls_everything(&direct, &image).await;
    assert_eq!(proxy.heads().len(), tunnels);
}
