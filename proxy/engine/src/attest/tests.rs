//! What is signed is what policies take for signed, and the same signatures make the same manifests.

use std::collections::BTreeSet;

use serde_json::json;
use sluicegate_model::manifest::Manifest;
use sluicegate_model::signature::Statement as Said;
use sluicegate_model::{Digest, media_type};
use sluicegate_signatures::{PublicKey, Subject, Wanted, in_bundle, in_envelope};

use super::manifests::{self, attach};
use super::*;

const PREDICATE: &str = "https://slsa.dev/verification_summary/v1";

fn statement(image: &Digest) -> Statement {
    let said = json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"name": "up.test/app", "digest": {"sha256": image.hex()}}],
        "predicateType": PREDICATE,
        "predicate": {},
    });
    Statement {
        predicate: PREDICATE,
        text: said.to_string().into_bytes(),
    }
}

fn signed(key: &AttestationKey, image: &Digest) -> Signed {
    let statements = [statement(image)];
    sign(key, basis(key, &statements), &statements).unwrap()
}

#[test]
fn policies_believe_an_envelope_and_a_bundle_of_it_by_the_key_alone() {
    let (key, _) = AttestationKey::make().unwrap();
    let (other, _) = AttestationKey::make().unwrap();
    let bytes = b"manifest";
    let digest = Digest::of(bytes);
    let signed = signed(&key, &digest);
    let envelope = &signed.envelopes[0].text;
    let bundle = envelope::bundle(&signed.hint, envelope).unwrap();
    let wanted = |key: &AttestationKey| {
        let key = PublicKey::from_pem(&key.public_pem()).unwrap();
        Wanted::new([&key], [Said::Attestation(PREDICATE.to_owned())])
    };
    let subject = Subject {
        digest: &digest,
        bytes,
        names: &["up.test/app".parse().unwrap()],
    };
    for (key, count) in [(&key, 1), (&other, 0)] {
        let wanted = wanted(key);
        let found = in_envelope(envelope.as_bytes(), subject, &wanted);
        assert_eq!(found.len(), count);
        let found = in_bundle(bundle.as_bytes(), subject, &wanted);
        assert_eq!(found.len(), count);
    }
    assert!(!bundle.contains("PRIVATE"), "{bundle}");
}

#[test]
fn the_same_signatures_make_manifests_that_list_what_there_is() {
    let (key, _) = AttestationKey::make().unwrap();
    let parsed = br#"{"schemaVersion":2,"config":{"mediaType":"a/b","digest":"sha256:44136fa355b3678a1146ad16f7e8649e94fb4fc21fe77e8310c060f61caaff8a","size":2},"layers":[]}"#;
    let image = KnownManifest {
        digest: Digest::of(parsed),
        media_type: media_type::OCI_MANIFEST.to_owned(),
        bytes: parsed.to_vec().into(),
        parsed: Manifest::parse(parsed, media_type::OCI_MANIFEST).unwrap(),
    };
    let signed = signed(&key, &image.digest);
    let subject = manifests::Subject::of(&image);
    let made = || {
        let bill = Bill {
            media_type: "application/spdx+json",
            text: b"{}\n".to_vec(),
        };
        let decided_at = "2026-11-20T10:00:01.5Z".parse().unwrap();
        attach(&signed, vec![bill], &subject, decided_at).unwrap()
    };
    let (attached, pieces) = made();
    assert_eq!(attached, made().0);
    let kinds = attached.referrers.iter().map(|it| it.artifact_type.clone());
    let kinds: Vec<String> = kinds.map(Option::unwrap_or_default).collect();
    assert_eq!(kinds, [BUNDLE, "application/spdx+json"]);
    let has = |digest: &Digest| pieces.iter().any(|piece| piece.digest == *digest);
    assert!(has(&attached.tag));
    let mut listed = BTreeSet::new();
    for piece in pieces.iter().filter(|piece| piece.is_manifest()) {
        let Manifest::Image(image) = Manifest::parse(&piece.bytes, piece.media_type()).unwrap()
        else {
            panic!("no image manifest");
        };
        listed.extend(image.blobs().map(|blob| blob.digest.clone()));
    }
    listed.remove(&Piece::empty_config().digest);
    assert!(listed.iter().all(has));
    let mut blobs = pieces.iter().filter(|piece| !piece.is_manifest());
    assert!(blobs.all(|blob| listed.contains(&blob.digest)));
}
