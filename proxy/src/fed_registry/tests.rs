//! What is signed by a key that is trusted is taken, whole and once; everything else is refused by name.

use std::collections::BTreeMap;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::Response;
use http_body_util::{BodyExt as _, Full};
use ring::rand::SystemRandom;
use ring::signature::{Ed25519KeyPair, KeyPair as _};
use serde_json::json;
use sluicegate_upstream::fake::{Answer, Fake, Seen};

use super::*;
use crate::fed_sample::plugin;

const MANIFEST: &str = "application/vnd.oci.image.manifest.v1+json";
const SIMPLE: &str = "application/vnd.dev.cosign.simplesigning.v1+json";

/// What a registry has, by path.
#[derive(Clone, Default)]
struct Shelf(BTreeMap<String, (&'static str, Vec<u8>)>);

struct Signer(Ed25519KeyPair);

impl Signer {
    fn new() -> Self {
        let document = Ed25519KeyPair::generate_pkcs8(&SystemRandom::new()).unwrap();
        Self(Ed25519KeyPair::from_pkcs8(document.as_ref()).unwrap())
    }

    fn trust(&self) -> PluginTrust {
        let word = STANDARD.encode(self.0.public_key());
        PluginTrust::read(&[format!("ed25519:{word}")]).unwrap()
    }
}

impl Shelf {
    fn put(&mut self, path: String, kind: &'static str, content: Vec<u8>) {
        self.0.insert(path, (kind, content));
    }

    fn blob(&mut self, kind: &str, content: &[u8]) -> serde_json::Value {
        let digest = Digest::of(content);
        let path = format!("/v2/team/acme/blobs/{digest}");
        self.put(path, "application/octet-stream", content.to_vec());
        json!({"mediaType": kind, "digest": digest, "size": content.len()})
    }

    fn manifest(&mut self, layers: &[serde_json::Value], tag: Option<&str>) -> Digest {
        let config = self.blob("application/vnd.wasm.config.v0+json", b"{}");
        let manifest = json!({
            "schemaVersion": 2, "mediaType": MANIFEST, "config": config, "layers": layers,
        });
        let text = manifest.to_string().into_bytes();
        let digest = Digest::of(&text);
        let name = tag.map_or_else(|| digest.to_string(), str::to_owned);
        self.put(format!("/v2/team/acme/manifests/{name}"), MANIFEST, text);
        digest
    }

    /// Puts a module there.
    fn artifact(&mut self, module: &[u8], kind: &str) -> Digest {
        let layer = self.blob(kind, module);
        self.manifest(&[layer], None)
    }

    /// Puts a signature of it there, as cosign does.
    fn sign(&mut self, digest: &Digest, signer: &Signer) {
        let payload = json!({"critical": {
            "identity": {"docker-reference": ""},
            "image": {"docker-manifest-digest": digest},
            "type": "cosign container image signature",
        }});
        let payload = payload.to_string().into_bytes();
        let signature = STANDARD.encode(signer.0.sign(&payload));
        let mut layer = self.blob(SIMPLE, &payload);
        layer["annotations"] = json!({SIGNATURE_ANNOTATION: signature});
        let tag = format!("sha256-{}.sig", digest.hex());
        self.manifest(&[layer], Some(&tag));
    }

    async fn start(self) -> Fake {
        Fake::start(move |seen: Seen| {
            let found = self.0.get(&seen.target).cloned();
            async move { answer(found) }
        })
        .await
    }
}

fn answer(found: Option<(&'static str, Vec<u8>)>) -> Answer {
    let (status, kind, body) = match found {
        Some((kind, body)) => (200, kind, body),
        None => (404, "application/json", b"{}".to_vec()),
    };
    let response = Response::builder()
        .status(status)
        .header("content-type", kind);
    let body = Full::new(bytes::Bytes::from(body));
    let body = body.map_err(|never| match never {}).boxed_unsync();
    response.body(body).unwrap()
}

async fn fetched(
    shelf: Shelf,
    digest: &Digest,
    trust: &PluginTrust,
) -> Result<FromRegistry, FedRegistryError> {
    let fake = shelf.start().await;
    let upstream = fake.upstream();
    let repository = "up.test/team/acme".parse().unwrap();
    Artifact::new(&upstream, &repository, digest)
        .fetch(trust)
        .await
}

#[tokio::test]
async fn a_signed_artifact_gives_its_module_and_says_who_signed_it() {
    let (module, signer) = (plugin("acme", "1"), Signer::new());
    for kind in MODULES {
        let mut shelf = Shelf::default();
        let digest = shelf.artifact(&module, kind);
        shelf.sign(&digest, &signer);
        let found = fetched(shelf, &digest, &signer.trust()).await.unwrap();
        assert_eq!(found.module, module);
        assert_eq!(
            found.origin.source,
            format!("oci://up.test/team/acme@{digest}")
        );
        assert_eq!(found.origin.signed_by.len(), 1);
    }
}

#[tokio::test]
async fn what_nobody_who_is_trusted_has_signed_is_refused_by_name() {
    let (module, signer) = (plugin("acme", "1"), Signer::new());
    let mut shelf = Shelf::default();
    let digest = shelf.artifact(&module, MODULES[0]);
    let unsigned = fetched(shelf.clone(), &digest, &signer.trust()).await;
    assert!(
        matches!(unsigned, Err(FedRegistryError::Unsigned(_))),
        "{unsigned:?}"
    );
    // The signature of another artifact, and that of somebody else.
    let other = Digest::of(b"other");
    shelf.sign(&other, &signer);
    let of_other = shelf.0.remove(&format!(
        "/v2/team/acme/manifests/sha256-{}.sig",
        other.hex()
    ));
    let (kind, text) = of_other.unwrap();
    let tag = format!("/v2/team/acme/manifests/sha256-{}.sig", digest.hex());
    shelf.put(tag, kind, text);
    let moved = fetched(shelf.clone(), &digest, &signer.trust()).await;
    assert!(
        matches!(moved, Err(FedRegistryError::Unsigned(_))),
        "{moved:?}"
    );
    shelf.sign(&digest, &signer);
    let stranger = fetched(shelf, &digest, &Signer::new().trust()).await;
    let said = stranger.unwrap_err().to_string();
    assert!(
        said.contains(digest.as_str()) && said.contains("plugin_trust"),
        "{said}"
    );
}

#[tokio::test]
async fn what_is_no_plugin_or_not_what_is_listed_is_refused() {
    let signer = Signer::new();
    let mut shelf = Shelf::default();
    let tar = shelf.artifact(b"tar", "application/vnd.oci.image.layer.v1.tar");
    let layers = [
        shelf.blob(MODULES[0], b"one"),
        shelf.blob(MODULES[0], b"two"),
    ];
    let two = shelf.manifest(&layers, None);
    let mut large = shelf.blob(MODULES[0], b"large");
    large["size"] = json!(MAX_MODULE_BYTES + 1);
    let large = shelf.manifest(&[large], None);
    let other = shelf.artifact(b"module", MODULES[0]);
    let path = format!("/v2/team/acme/blobs/{}", Digest::of(b"module"));
    shelf.put(path, "application/wasm", b"madule".to_vec());
    for (digest, wanted) in [
        (tar, "not of type application/wasm"),
        (two, "not just one layer"),
        (large, "wanted at most 16777216"),
        (other, "sends something else"),
    ] {
        shelf.sign(&digest, &signer);
        let said = fetched(shelf.clone(), &digest, &signer.trust()).await;
        let said = said.unwrap_err().to_string();
        assert!(said.contains(wanted), "{said}");
    }
}
