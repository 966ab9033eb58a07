//! The forms in which manifests are signed: each check, by what lacks it alone.

use super::*;
use crate::{MAX_DOCUMENT_BYTES, SIGN_PREDICATE, in_bundle, in_envelope, in_simple_signing};

fn nobody() -> BTreeSet<Signed> {
    BTreeSet::new()
}

fn simple(signer: &Signer, payload: &Value) -> BTreeSet<Signed> {
    let text = payload.to_string();
    let signature = signer.sign(text.as_bytes());
    in_simple_signing(text.as_bytes(), &signature, subject(), &wanted(signer))
}

#[test]
fn simple_signing_names_the_manifest_and_a_name_of_the_repository() {
    let signer = Signer::new();
    let signed = signer.said(&Statement::Signature);
    for reference in [
        "",
        "corp.example/team/app",
        "corp.example/team/app:1.0",
        "CORP.example:443/team/app",
        "registry.corp.example:5443/v2x/team/app",
    ] {
        assert_eq!(
            simple(&signer, &payload(reference, &DIGEST)),
            signed,
            "{reference}"
        );
    }
    for reference in [
        "team/app",
        "corp.example/team",
        "corp.example/team/app/x",
        "corp.example/team/app2",
        "other.example/team/app",
        "registry.corp.example/v2x/team/app",
        "registry.corp.example:5443/team/app",
        "corp.example/other/../team/app",
        "x",
        " ",
    ] {
        assert_eq!(
            simple(&signer, &payload(reference, &DIGEST)),
            nobody(),
            "{reference}"
        );
    }
}

#[test]
fn names_of_docker_hub_meet() {
    let signer = Signer::new();
    let names = ["docker.io/library/nginx".parse().unwrap()];
    let subject = Subject {
        names: &names,
        ..subject()
    };
    for reference in [
        "nginx",
        "library/nginx:1",
        "index.docker.io/library/nginx",
        "docker.io/nginx",
    ] {
        let text = payload(reference, &DIGEST).to_string();
        let signature = signer.sign(text.as_bytes());
        let found = in_simple_signing(text.as_bytes(), &signature, subject, &wanted(&signer));
        assert_eq!(found.len(), 1, "{reference}");
    }
}

#[test]
fn simple_signing_of_anything_else_signs_nothing() {
    let signer = Signer::new();
    let good = payload("", &DIGEST);
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut payload = good.clone();
        change(&mut payload);
        payload
    };
    let other = payload("", &Digest::of(b"another manifest"));
    let kind = changed(&|it| it["critical"]["type"] = json!("something else"));
    let no_kind = changed(&|it| {
        it["critical"].as_object_mut().unwrap().remove("type");
    });
    let twice = changed(&|it| it["Critical"] = it["critical"].clone());
    let no_digest = changed(&|it| it["critical"]["image"] = json!({}));
    for payload in [
        other,
        kind,
        no_kind,
        twice,
        no_digest,
        json!({}),
        json!([]),
        json!("x"),
    ] {
        assert_eq!(simple(&signer, &payload), nobody(), "{payload}");
    }
}

#[test]
fn a_signature_counts_for_its_own_payload_by_its_own_key_alone() {
    let (signer, other) = (Signer::new(), Signer::new());
    let text = payload("corp.example/team/app", &DIGEST).to_string();
    let swapped = payload("", &DIGEST).to_string();
    let signature = signer.sign(text.as_bytes());
    let found = |text: &str, signature: &str, wanted: &Wanted| {
        in_simple_signing(text.as_bytes(), signature, subject(), wanted)
    };
    let both = Wanted::new([&other.key, &signer.key], [Statement::Signature]);
    assert_eq!(
        found(&text, &signature, &both),
        signer.said(&Statement::Signature)
    );
    assert_eq!(found(&text, &signature, &wanted(&other)), nobody());
    assert_eq!(found(&swapped, &signature, &both), nobody());
    assert_eq!(
        found(&text, &other.sign(swapped.as_bytes()), &both),
        nobody()
    );
    let attested = Wanted::new([&signer.key], [spdx()]);
    assert_eq!(found(&text, &signature, &attested), nobody());
    let cut = &signature[..signature.len() - 4];
    for signature in ["", "!", cut, &"A".repeat(8_000)] {
        assert_eq!(found(&text, signature, &both), nobody(), "{signature}");
    }
    let padded = text.replace("null", &format!("\"{}\"", "x".repeat(100_000)));
    let signature = signer.sign(padded.as_bytes());
    assert_eq!(found(&padded, &signature, &both), nobody());
    let cut = &text[..text.len() - 1];
    assert_eq!(found(cut, &signer.sign(cut.as_bytes()), &both), nobody());
}

fn attested(signer: &Signer, statement: &Value) -> [BTreeSet<Signed>; 2] {
    let envelope = signer.envelope(statement);
    let (text, bundle) = (envelope.to_string(), bundle(&envelope).to_string());
    [
        in_envelope(text.as_bytes(), subject(), &wanted(signer)),
        in_bundle(bundle.as_bytes(), subject(), &wanted(signer)),
    ]
}

#[test]
fn a_statement_says_what_its_predicate_is() {
    let signer = Signer::new();
    for (predicate, said) in [(SPDX, spdx()), (SIGN_PREDICATE, Statement::Signature)] {
        let found = attested(&signer, &statement(predicate, &DIGEST));
        assert_eq!(
            found,
            [signer.said(&said), signer.said(&said)],
            "{predicate}"
        );
    }
    for predicate in [
        "https://cyclonedx.org/bom",
        "https://spdx.dev/document",
        "signature",
        "",
    ] {
        let found = attested(&signer, &statement(predicate, &DIGEST));
        assert_eq!(found, [nobody(), nobody()], "{predicate}");
    }
}

#[test]
fn a_statement_on_anything_else_says_nothing() {
    let signer = Signer::new();
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut statement = statement(SPDX, &DIGEST);
        change(&mut statement);
        statement
    };
    let other = Digest::of(b"another manifest");
    for statement in [
        statement(SPDX, &other),
        changed(&|it| it["subject"] = json!([])),
        changed(&|it| it["subject"] = json!([{"name": DIGEST.as_str()}])),
        changed(&|it| it["subject"][0]["digest"] = json!({"sha512": DIGEST.hex()})),
        changed(&|it| it["subject"][0]["digest"] = json!({"sha256": DIGEST.as_str()})),
        changed(&|it| it["subject"][0]["digest"] = json!({"sha256": DIGEST.hex().to_uppercase()})),
        changed(&|it| it["_type"] = json!("https://in-toto.io/Statement/v9")),
        changed(&|it| it["predicateType"] = json!([SPDX])),
        json!({}),
    ] {
        let found = attested(&signer, &statement);
        assert_eq!(found, [nobody(), nobody()], "{statement}");
    }
    let several = changed(&|it| {
        it["subject"] =
            json!([{"digest": {"sha256": other.hex()}}, {"digest": {"sha256": DIGEST.hex()}}]);
    });
    assert_eq!(attested(&signer, &several)[0], signer.said(&spdx()));
}

#[test]
fn an_envelope_counts_for_its_own_payload_by_its_own_key_alone() {
    let (signer, other) = (Signer::new(), Signer::new());
    let envelope = signer.envelope(&statement(SPDX, &DIGEST));
    let found = |envelope: &Value, wanted: &Wanted| {
        in_envelope(envelope.to_string().as_bytes(), subject(), wanted)
    };
    assert_eq!(found(&envelope, &wanted(&other)), nobody());
    let signed = other.envelope(&statement(SIGN_PREDICATE, &DIGEST));
    let mut swapped = envelope.clone();
    swapped["payload"] = signed["payload"].clone();
    assert_eq!(found(&swapped, &wanted(&signer)), nobody());
    let mut kind = envelope.clone();
    kind["payloadType"] = json!("application/json");
    assert_eq!(found(&kind, &wanted(&signer)), nobody());
    // One of several signatures is enough, where there are not too many.
    let mut several = envelope.clone();
    let own = several["signatures"][0].clone();
    several["signatures"] = json!([{"sig": "!"}, signed["signatures"][0], own]);
    assert_eq!(found(&several, &wanted(&signer)), signer.said(&spdx()));
    several["signatures"] = json!(vec![own; 9]);
    assert_eq!(found(&several, &wanted(&signer)), nobody());
    several["signatures"] = json!([]);
    assert_eq!(found(&several, &wanted(&signer)), nobody());
    // The signature is of the payload alone, and not of what was signed.
    let mut raw = envelope;
    let payload = STANDARD.decode(raw["payload"].as_str().unwrap()).unwrap();
    raw["signatures"][0]["sig"] = json!(signer.sign(&payload));
    assert_eq!(found(&raw, &wanted(&signer)), nobody());
}

#[test]
fn what_two_readers_may_read_differently_signs_nothing() {
    let signer = Signer::new();
    let envelope = signer.envelope(&statement(SPDX, &DIGEST)).to_string();
    let twice = envelope.replacen('{', "{\"payloadType\":\"x\",", 1);
    let found = in_envelope(twice.as_bytes(), subject(), &wanted(&signer));
    assert_eq!(found, nobody());
    let statement = statement(SPDX, &DIGEST).to_string();
    let twice = statement.replacen('{', "{\"predicateType\":\"x\",", 1);
    let kind = "application/vnd.in-toto+json";
    let message = format!("DSSEv1 {} {kind} {} {twice}", kind.len(), twice.len());
    let envelope = json!({
        "payload": STANDARD.encode(&twice),
        "payloadType": kind,
        "signatures": [{"sig": signer.sign(message.as_bytes())}],
    });
    let found = in_envelope(envelope.to_string().as_bytes(), subject(), &wanted(&signer));
    assert_eq!(found, nobody());
}

#[test]
fn a_bundle_counts_by_a_key_alone() {
    let signer = Signer::new();
    let good = bundle(&signer.envelope(&statement(SIGN_PREDICATE, &DIGEST)));
    let found =
        |bundle: &Value| in_bundle(bundle.to_string().as_bytes(), subject(), &wanted(&signer));
    let changed = |change: &dyn Fn(&mut Value)| {
        let mut bundle = good.clone();
        change(&mut bundle);
        bundle
    };
    assert_eq!(found(&good), signer.said(&Statement::Signature));
    let older = changed(&|it| {
        it["mediaType"] = json!("application/vnd.dev.sigstore.bundle+json;version=0.3");
    });
    assert_eq!(found(&older), signer.said(&Statement::Signature));
    let certificate = json!({"rawBytes": "MIIB"});
    for bundle in [
        changed(&|it| it["verificationMaterial"] = json!({"certificate": certificate})),
        changed(&|it| it["verificationMaterial"]["certificate"] = certificate.clone()),
        changed(&|it| {
            let chain = json!({"certificates": [certificate]});
            it["verificationMaterial"]["x509CertificateChain"] = chain;
        }),
        changed(&|it| it["verificationMaterial"] = json!({})),
        changed(&|it| {
            it["mediaType"] = json!("application/vnd.dev.sigstore.bundle+json;version=0.2");
        }),
        changed(&|it| {
            let one = it["dsseEnvelope"]["signatures"][0].clone();
            it["dsseEnvelope"]["signatures"] = json!([one, one]);
        }),
        changed(&|it| it["messageSignature"] = json!({"signature": signer.sign(MANIFEST)})),
        changed(&|it| {
            it.as_object_mut().unwrap().remove("dsseEnvelope");
        }),
    ] {
        assert_eq!(found(&bundle), nobody(), "{bundle}");
    }
}

/// GHSA-whqx-f9j3-ch6m: an entry of a log that was of another signature and key was believed.
#[test]
fn an_entry_of_a_log_makes_nothing_count_and_nothing_not_count() {
    let (signer, other) = (Signer::new(), Signer::new());
    let entry =
        json!({"logIndex": "1", "kindVersion": {"kind": "dsse"}, "canonicalizedBody": "e30="});
    let with_entry = |envelope: &Value| {
        let mut bundle = bundle(envelope);
        bundle["verificationMaterial"]["tlogEntries"] = json!([entry]);
        in_bundle(bundle.to_string().as_bytes(), subject(), &wanted(&signer))
    };
    let statement = statement(SIGN_PREDICATE, &DIGEST);
    let said = signer.said(&Statement::Signature);
    assert_eq!(with_entry(&signer.envelope(&statement)), said);
    assert_eq!(with_entry(&other.envelope(&statement)), nobody());
    let mut unsigned = signer.envelope(&statement);
    unsigned["signatures"][0]["sig"] = json!("");
    assert_eq!(with_entry(&unsigned), nobody());
}

#[test]
fn a_message_signature_is_of_the_manifest_s_bytes() {
    let signer = Signer::new();
    let bundle = |signature: String, digest: Value| {
        json!({
            "mediaType": "application/vnd.dev.sigstore.bundle.v0.3+json",
            "verificationMaterial": {"publicKey": {"hint": ""}},
            "messageSignature": {"messageDigest": digest, "signature": signature},
        })
    };
    let found = |bundle: Value, wanted: &Wanted| {
        in_bundle(bundle.to_string().as_bytes(), subject(), wanted)
    };
    let digest = |of: &[u8]| {
        let hex = Digest::of(of);
        let bytes = (0..64).step_by(2).map(|at| &hex.hex()[at..at + 2]);
        let bytes: Vec<u8> = bytes
            .map(|it| u8::from_str_radix(it, 16).unwrap())
            .collect();
        json!({"algorithm": "SHA2_256", "digest": STANDARD.encode(bytes)})
    };
    let (own, other) = (digest(MANIFEST), digest(b"another"));
    let everything = wanted(&signer);
    let said = signer.said(&Statement::Signature);
    assert_eq!(
        found(bundle(signer.sign(MANIFEST), own.clone()), &everything),
        said
    );
    assert_eq!(
        found(bundle(signer.sign(MANIFEST), json!(null)), &everything),
        said
    );
    assert_eq!(
        found(bundle(signer.sign(MANIFEST), other.clone()), &everything),
        nobody()
    );
    assert_eq!(
        found(bundle(signer.sign(b"another"), own.clone()), &everything),
        nobody()
    );
    assert_eq!(
        found(bundle(signer.sign(b"another"), other), &everything),
        nobody()
    );
    let attested = Wanted::new([&signer.key], [spdx()]);
    assert_eq!(
        found(bundle(signer.sign(MANIFEST), own), &attested),
        nobody()
    );
}

#[test]
fn what_is_larger_than_a_document_may_be_is_not_read() {
    let signer = Signer::new();
    let mut large = statement(SPDX, &DIGEST);
    large["predicate"] = json!("x".repeat(MAX_DOCUMENT_BYTES));
    assert_eq!(attested(&signer, &large), [nobody(), nobody()]);
}
