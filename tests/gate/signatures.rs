//! Images that OpenSSL has signed: refused without a signature of the policy's key, and allowed with
//! one, in each form that cosign writes.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use bytes::Bytes;
use http::StatusCode;
use serde_json::{Value, json};
use sluicegate_model::{Digest, media_type};
use sluicegate_tests::fault::Fault;
use sluicegate_tests::image::{Flavour, Image, artifact, blob_of, descriptor, image, index};
use sluicegate_tests::wire::Reply;
use tempfile::TempDir;

use crate::stage::{REPO, Stage, clean, eventually, manifest_path};

const SIMPLE_SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const IN_TOTO: &str = "application/vnd.in-toto+json";

/// How OpenSSL makes a key of each kind, and signs with it.
pub(crate) const KINDS: [(&str, &str, &str); 5] = [
    (
        "p256",
        "openssl ecparam -name prime256v1 -genkey -noout -out key",
        "openssl dgst -sha256 -sign key -out signature message",
    ),
    (
        "p384",
        "openssl ecparam -name secp384r1 -genkey -noout -out key",
        "openssl dgst -sha384 -sign key -out signature message",
    ),
    (
        "ed25519",
        "openssl genpkey -algorithm ed25519 -out key",
        "openssl pkeyutl -sign -rawin -inkey key -in message -out signature",
    ),
    (
        "rsa",
        "openssl genrsa -out key 2048",
        "openssl dgst -sha256 -sign key -out signature message",
    ),
    (
        "rsa-pss",
        "openssl genrsa -out key 3072",
        "openssl dgst -sha256 -sigopt rsa_padding_mode:pss -sigopt rsa_pss_saltlen:digest \
         -sign key -out signature message",
    ),
];

/// Somebody who signs with OpenSSL.
pub(crate) struct Signer {
    folder: TempDir,
    sign: &'static str,
}

impl Signer {
    pub(crate) fn of((_, make, sign): (&str, &str, &'static str)) -> Self {
        let folder = tempfile::tempdir().expect("make a directory");
        shell(folder.path(), make);
        shell(folder.path(), "openssl pkey -in key -pubout -out key.pub");
        Self { folder, sign }
    }

    fn sign(&self, message: &str) -> String {
        let file = |name: &str| self.folder.path().join(name);
        std::fs::write(file("message"), message).expect("write the message");
        shell(self.folder.path(), self.sign);
        STANDARD.encode(std::fs::read(file("signature")).expect("read the signature"))
    }

    /// Names the file of the public key, which lasts as long as the test.
    pub(crate) fn key_file(&self) -> String {
        let key = self.folder.path().join("key.pub");
        key.display().to_string()
    }

    /// Gives the public key as PEM text.
    pub(crate) fn key(&self) -> String {
        let key = self.folder.path().join("key.pub");
        std::fs::read_to_string(key).expect("read the key")
    }

    /// Gives a policy that refuses what this one has not signed.
    fn policy(&self) -> String {
        let key = self.key();
        let key: String = key
            .lines()
            .map(|line| format!("            {line}\n"))
            .collect();
        format!(
            "apiVersion: sluicegate/v1\nkind: Policy\nmetadata: {{name: signed}}\nspec:\n  \
             onInconclusive: annotate\n  rules:\n    - id: unsigned\n      action: refuse\n      \
             image:\n        unless:\n          signedBy: |\n{key}"
        )
    }

    /// Makes the manifest under the tag of a digest's signatures.
    pub(crate) fn simple(&self, reference: &str, digest: &Digest) -> Image {
        let payload = json!({
            "critical": {
                "identity": {"docker-reference": reference},
                "image": {"docker-manifest-digest": digest.as_str()},
                "type": "cosign container image signature",
            },
            "optional": {"by": "OpenSSL"},
        });
        let payload = payload.to_string();
        let (config, layer) = (blob_of("{\"architecture\":\"\"}"), blob_of(payload.clone()));
        let mut listed = descriptor(SIMPLE_SIGNING, &layer.digest, layer.bytes.len());
        let signature = self.sign(&payload);
        listed["annotations"] = json!({"dev.cosignproject.cosign/signature": signature});
        let document = json!({
            "schemaVersion": 2,
            "mediaType": media_type::OCI_MANIFEST,
            "config": descriptor(media_type::OCI_CONFIG, &config.digest, config.bytes.len()),
            "layers": [listed],
        });
        let kind = media_type::OCI_MANIFEST;
        image(&document, kind, config, vec![layer], "linux/amd64")
    }

    /// Signs a statement, and puts it into an envelope.
    pub(crate) fn envelope(&self, payload: &str) -> Value {
        let message = format!(
            "DSSEv1 {} {IN_TOTO} {} {payload}",
            IN_TOTO.len(),
            payload.len()
        );
        json!({
            "payloadType": IN_TOTO,
            "payload": STANDARD.encode(payload),
            "signatures": [{"sig": self.sign(&message)}],
        })
    }

    /// Makes a bundle that refers to an image.
    fn bundle(&self, signed: &Image) -> Image {
        let statement = json!({
            "_type": "https://in-toto.io/Statement/v1",
            "subject": [{"digest": {"sha256": signed.digest.hex()}}],
            "predicateType": "https://sigstore.dev/cosign/sign/v1",
            "predicate": {},
        });
        let bundle = json!({
            "mediaType": BUNDLE,
            "verificationMaterial": {"publicKey": {"hint": ""}},
            "dsseEnvelope": self.envelope(&statement.to_string()),
        });
        let bundle = Bytes::from(bundle.to_string());
        artifact(BUNDLE, &[(BUNDLE, bundle)], Some(signed))
    }
}

fn shell(folder: &Path, command: &str) {
    let made = Command::new("sh")
        .args(["-c", command])
        .current_dir(folder)
        .output()
        .expect("start a shell");
    let said = String::from_utf8_lossy(&made.stderr);
    assert!(made.status.success(), "{command}: {said}");
}

fn sig(digest: &Digest) -> String {
    format!("sha256-{}.sig", digest.hex())
}

async fn stage(signer: &Signer) -> Stage {
    let policy = signer.policy();
    Stage::with(|proxy, _| proxy.policy("p.yaml", &policy).flag("--tag-ttl", "100ms")).await
}

async fn pulled(stage: &Stage, reference: &str) -> Reply {
    stage.get(&manifest_path(REPO, reference)).await
}

async fn becomes(stage: &Stage, reference: &str, status: StatusCode) {
    let what = format!("{reference} is answered with {status}");
    eventually(&what, async || {
        tokio::time::sleep(Duration::from_millis(120)).await;
        pulled(stage, reference).await.status == status
    })
    .await;
}

async fn verdict(stage: &Stage, digest: &Digest) -> Value {
    stage
        .proxy
        .api(&format!("/api/v1/verdicts/{digest}"))
        .await
        .json()
}

#[tokio::test]
async fn what_openssl_signs_by_any_kind_of_key_is_allowed() {
    for (at, kind) in KINDS.into_iter().enumerate() {
        let (signer, other) = (Signer::of(kind), Signer::of(KINDS[0]));
        let stage = stage(&signer).await;
        let image = clean(7_000 + at as u64);
        stage.upstream.add(REPO, "1", &image);
        let refused = pulled(&stage, "1").await;
        assert_eq!(refused.status, StatusCode::FORBIDDEN, "{}", kind.0);
        let told = refused.text();
        assert!(told.contains("rule \\\"unsigned\\\""), "{told}");
        let own = format!(
            "{}/{REPO}",
            stage.upstream.url().trim_start_matches("http://")
        );
        let tag = sig(&image.digest);
        stage
            .upstream
            .add(REPO, &tag, &other.simple(&own, &image.digest));
        tokio::time::sleep(Duration::from_millis(300)).await;
        assert_eq!(pulled(&stage, "1").await.status, StatusCode::FORBIDDEN);
        stage
            .upstream
            .add(REPO, &tag, &signer.simple(&own, &image.digest));
        becomes(&stage, "1", StatusCode::OK).await;
        let found = verdict(&stage, &image.digest).await["signatures"].clone();
        let signed = json!([{
            "key": found["keys"][0], "type": "signature", "digest": image.digest.as_str(),
        }]);
        assert_eq!(found["found"], signed, "{found}");
        // A signature of another name is one of another image.
        let elsewhere = signer.simple("registry.test/lib/app", &image.digest);
        stage.upstream.add(REPO, &tag, &elsewhere);
        becomes(&stage, "1", StatusCode::FORBIDDEN).await;
        let named = signer.simple(&format!("up.test/{REPO}:1"), &image.digest);
        stage.upstream.add(REPO, &tag, &named);
        becomes(&stage, "1", StatusCode::OK).await;
    }
}

#[tokio::test]
async fn a_bundle_that_refers_to_an_image_and_an_index_s_signature_allow() {
    let signer = Signer::of(KINDS[0]);
    let stage = stage(&signer).await;
    let image = clean(7_100);
    stage.upstream.add(REPO, "1", &image);
    let bundle = signer.bundle(&image);
    stage.upstream.add(REPO, "bundle", &bundle);
    let mut listed = bundle.descriptor();
    listed["artifactType"] = json!(BUNDLE);
    let list = json!({
        "schemaVersion": 2, "mediaType": media_type::OCI_INDEX, "manifests": [listed],
    });
    let kind = ("content-type", media_type::OCI_INDEX.to_owned());
    let say = Fault::Say(200, vec![kind], list.to_string());
    let asked = format!("/referrers/{}", image.digest);
    stage.upstream.always(&asked, say);
    becomes(&stage, "1", StatusCode::OK).await;
    // What signs it leaves too.
    assert_eq!(pulled(&stage, "bundle").await.status, StatusCode::OK);

    let child = clean(7_200);
    let list = index(vec![child.clone()], Flavour::Oci);
    stage.upstream.add_index(REPO, "list", &list);
    assert_eq!(pulled(&stage, "list").await.status, StatusCode::FORBIDDEN);
    let signed = signer.simple("", &list.digest);
    stage.upstream.add(REPO, &sig(&list.digest), &signed);
    becomes(&stage, "list", StatusCode::OK).await;
    becomes(&stage, child.digest.as_str(), StatusCode::OK).await;
    let found = verdict(&stage, &child.digest).await["signatures"]["found"].clone();
    assert_eq!(found[0]["digest"], list.digest.as_str(), "{found}");
}

#[tokio::test]
async fn what_was_signed_stays_allowed_while_the_upstream_is_away() {
    let signer = Signer::of(KINDS[0]);
    let stage = stage(&signer).await;
    let image = clean(7_300);
    stage.upstream.add(REPO, "1", &image);
    stage
        .upstream
        .add(REPO, &sig(&image.digest), &signer.simple("", &image.digest));
    becomes(&stage, "1", StatusCode::OK).await;
    stage.upstream.stop();
    tokio::time::sleep(Duration::from_millis(300)).await;
    let reply = pulled(&stage, image.digest.as_str()).await;
    assert_eq!(reply.status, StatusCode::OK, "{}", reply.text());
}
