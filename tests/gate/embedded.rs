//! Content inside descriptors: what a manifest or an index carries past the gate is refused with it.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use sluicegate_model::media_type;
use sluicegate_tests::image::{Blob, Flavour, Image, Index, artifact, blob_of, image, index};
use sluicegate_tests::wire::Reply;

use crate::stage::{REPO, Stage, clean, manifest_path, vulnerable};

/// Puts `data` into the descriptor at `place` of a manifest's document.
fn document_with(manifest: &[u8], place: &str, data: Value) -> Value {
    let mut document: Value = serde_json::from_slice(manifest).expect("a manifest is JSON");
    let descriptor = document
        .pointer_mut(place)
        .expect("the descriptor is there");
    descriptor["data"] = data;
    document
}

/// Rewrites an image so that a descriptor of it carries `data`.
fn embedding(of: &Image, place: &str, data: Value) -> Image {
    let document = document_with(&of.manifest, place, data);
    let (kind, platform) = (&of.media_type, &of.platform);
    image(
        &document,
        kind,
        of.config.clone(),
        of.layers.clone(),
        platform,
    )
}

/// Rewrites an index so that the descriptor of its second child carries `data`.
fn index_embedding(of: &Index, data: Value) -> Index {
    let Blob { digest, bytes } =
        blob_of(document_with(&of.manifest, "/manifests/1", data).to_string());
    Index {
        manifest: bytes,
        digest,
        ..of.clone()
    }
}

fn assert_refused(reply: &Reply, what: &str) {
    assert_eq!(
        reply.status,
        StatusCode::FORBIDDEN,
        "{what}: {}",
        reply.text()
    );
}

/// Asks in every way for a manifest and checks that none gives it out.
async fn assert_never_served(stage: &Stage, tag: &str, digest: &str) {
    for reference in [tag, digest] {
        for hop in ["", "?sluicegate-hop=9", "?sluicegate-hop=1"] {
            let path = format!("{}{hop}", manifest_path(REPO, reference));
            let reply = stage.once(Method::GET, &path).await;
            assert_refused(&reply, &path);
            let words = reply.text();
            assert!(words.contains("MANIFEST_INVALID"), "{words}");
            assert!(words.contains("embeds data"), "{words}");
            let reply = stage.once(Method::HEAD, &path).await;
            assert_refused(&reply, &path);
        }
    }
}

#[tokio::test]
async fn what_is_embedded_leaves_in_no_mode_and_at_no_hop() {
    let secret = json!(STANDARD.encode(&vulnerable(61).layers[1].bytes));
    for stage in [Stage::hold().await, Stage::stream().await] {
        let child = clean(60);
        let both = index(vec![child.clone(), vulnerable(61)], Flavour::Oci);
        let carrier = index_embedding(&both, secret.clone());
        stage.upstream.add_index(REPO, "index", &carrier);
        assert_never_served(&stage, "index", carrier.digest.as_str()).await;
        let subject = artifact(
            "application/vnd.example",
            &[("x/y", "1".into())],
            Some(&child),
        );
        for (tag, carrier) in [
            ("config", embedding(&child, "/config", secret.clone())),
            ("layer", embedding(&child, "/layers/2", secret.clone())),
            ("subject", embedding(&subject, "/subject", secret.clone())),
            (
                "numbers",
                embedding(&child, "/layers/0", json!([123, 125, 32])),
            ),
        ] {
            stage.upstream.add(REPO, tag, &carrier);
            assert_never_served(&stage, tag, carrier.digest.as_str()).await;
        }
        let blobs = stage.upstream.count("GET", "/blobs/");
        assert_eq!(blobs, 0, "nothing of what is not served is fetched");
    }
}

#[tokio::test]
async fn the_empty_document_may_be_embedded() {
    let stage = Stage::hold().await;
    let signature = artifact(
        "application/vnd.dev.cosign.artifact.sig.v1+json",
        &[(
            "application/vnd.dev.cosign.simplesigning.v1+json",
            "{\"a\":1}".into(),
        )],
        None,
    );
    let usual = embedding(&signature, "/config", json!("e30="));
    assert_eq!(usual.media_type, media_type::OCI_MANIFEST);
    stage.upstream.add(REPO, "sig", &usual);
    stage.pull(REPO, "sig", &usual).await;
}
