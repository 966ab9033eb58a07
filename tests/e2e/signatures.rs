//! What cosign of today signs and attests, with a key and in both of its forms, is what policies take
//! for signed and attested; so is what sigstore's library for npm puts into bundles.

use std::time::Duration;

use bytes::Bytes;
use http::{Method, StatusCode};
use serde_json::{Value, json};
use sluicegate_model::Digest;
use sluicegate_tests::clients::tools::Tool;
use sluicegate_tests::image::{Flavour, Image, artifact, index};
use sluicegate_tests::npm_signer::NpmSigner;
use sluicegate_tests::verifiers;
use sluicegate_tests::wire::Call;

use crate::scene::{Scene, bad, clean, within};

/// Longer than cosign takes to sign, and the service to ask again.
const LIMIT: Duration = Duration::from_mins(1);

/// Refuses in `lib/signed-*` what a key has not signed, and in `lib/attested-*` what it has not
/// attested to.
fn policy(key: &str) -> String {
    let key: String = key
        .lines()
        .map(|line| format!("                {line}\n"))
        .collect();
    format!(
        "apiVersion: sluicegate/v1\nkind: Policy\nmetadata: {{name: signed}}\nspec:\n  \
         onInconclusive: annotate\n  rules:\n    \
         - id: unsigned\n      action: refuse\n      image:\n        \
         repositories: [\"up.test/lib/signed-*\"]\n        unless:\n          \
         signedBy:\n            - |\n{key}    \
         - id: no-sbom\n      action: refuse\n      image:\n        \
         repositories: [\"up.test/lib/attested-*\"]\n        unless:\n          \
         attestedBy:\n            type: spdxjson\n            keys:\n              - |\n{key}"
    )
}

async fn status(scene: &Scene, name: &str, reference: &str) -> StatusCode {
    let path = format!("/v2/lib/{name}/manifests/{reference}");
    let call = Call::new(Method::GET, scene.proxy.address(), &path);
    call.send().await.status
}

async fn becomes_allowed(scene: &Scene, name: &str, reference: &str) {
    within(LIMIT, "what was signed is allowed", async || {
        tokio::time::sleep(Duration::from_millis(120)).await;
        status(scene, name, reference).await == StatusCode::OK
    })
    .await;
}

#[tokio::test]
async fn what_cosign_signs_and_attests_with_the_policy_s_key_is_allowed() {
    let Some(cosign) = Tool::cosign() else {
        return;
    };
    let home = cosign.file("");
    let password = [("COSIGN_PASSWORD", "")];
    let run = async |arguments: &[&str]| {
        let ended = cosign.run_with(&home, arguments, &password).await;
        ended.expect_ok(&arguments.join(" "));
    };
    run(&["generate-key-pair"]).await;
    let key = std::fs::read_to_string(cosign.file("cosign.pub")).expect("a key");
    let scene = Scene::start_with(|proxy| {
        proxy
            .policy("signed.yaml", &policy(&key))
            .flag("--tag-ttl", "100ms")
    })
    .await;
    let predicate = cosign.write("sbom.json", "{\"spdxVersion\":\"SPDX-2.3\"}");
    for (form, is_bundle) in [("bundle", "true"), ("tag", "false")] {
        let format = format!("--new-bundle-format={is_bundle}");
        let shared = [
            "--yes",
            "--key=cosign.key",
            "--tlog-upload=false",
            "--use-signing-config=false",
            "--allow-http-registry",
            &format,
        ];
        let origin = |name: &str, digest: &Digest| {
            format!("{}/lib/{name}@{digest}", scene.registry.address())
        };
        let (signed, attested) = (format!("signed-{form}"), format!("attested-{form}"));
        let image = clean(114_100 + form.len() as u64);
        for name in [&signed, &attested] {
            scene.push(name, &image).await;
            assert_eq!(
                status(&scene, name, "1").await,
                StatusCode::FORBIDDEN,
                "{name}"
            );
        }
        let target = origin(&signed, &image.digest);
        run(&[&["sign"][..], &shared, &[&target]].concat()).await;
        becomes_allowed(&scene, &signed, "1").await;
        let attest = ["attest", "--type=spdxjson", "--predicate", &predicate];
        let target = origin(&attested, &image.digest);
        run(&[&attest[..], &shared, &[&target]].concat()).await;
        becomes_allowed(&scene, &attested, "1").await;
        // An index is signed, and its children are.
        let list = format!("signed-list-{form}");
        let index = index(vec![clean(114_200 + form.len() as u64)], Flavour::Oci);
        scene
            .registry
            .push_index(&format!("lib/{list}"), "1", &index)
            .await;
        assert_eq!(
            status(&scene, &list, "1").await,
            StatusCode::FORBIDDEN,
            "{list}"
        );
        let target = origin(&list, &index.digest);
        run(&[&["sign"][..], &shared, &[&target]].concat()).await;
        becomes_allowed(&scene, &list, "1").await;
        becomes_allowed(&scene, &list, index.children[0].digest.as_str()).await;
    }
}

/// The type of a bundle, and of the artifact that holds one.
const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";

/// Says something of an image, as in-toto does.
fn statement(predicate: &str, digest: &Digest) -> Value {
    json!({
        "_type": "https://in-toto.io/Statement/v1",
        "subject": [{"digest": {"sha256": digest.hex()}}],
        "predicateType": predicate,
        "predicate": {"spdxVersion": "SPDX-2.3"},
    })
}

/// Lists a bundle among what refers to an image, under the tag that clients take for that list.
async fn refer(scene: &Scene, name: &str, image: &Image, bundle: Bytes) {
    let artifact = artifact(BUNDLE, &[(BUNDLE, bundle)], Some(image));
    let listed = index(vec![artifact], Flavour::Oci);
    let tag = image.digest.as_str().replace(':', "-");
    let repository = format!("lib/{name}");
    scene.registry.push_index(&repository, &tag, &listed).await;
}

#[tokio::test]
async fn a_bundle_of_sigstore_s_library_for_npm_counts_by_its_key_and_for_its_digest() {
    let Some(signer) = NpmSigner::new().await else {
        return;
    };
    let scene = Scene::start_with(|proxy| {
        proxy
            .policy("signed.yaml", &policy(&signer.key()))
            .flag("--tag-ttl", "100ms")
    })
    .await;
    let image = clean(114_300);
    let sign = "https://sigstore.dev/cosign/sign/v1";
    let spdx = "https://spdx.dev/Document";
    let good = signer.sign(&statement(sign, &image.digest)).await;
    let other = signer.sign(&statement(sign, &Digest::of(b"other"))).await;
    let mut tampered: Value = serde_json::from_slice(&other).expect("a bundle");
    let read: Value = serde_json::from_slice(&good).expect("a bundle");
    tampered["dsseEnvelope"]["payload"] = read["dsseEnvelope"]["payload"].clone();
    let tampered = Bytes::from(tampered.to_string());
    for (name, bundle) in [("signed-other", other), ("signed-tampered", tampered)] {
        refer(&scene, name, &image, bundle).await;
        scene.push(name, &image).await;
        assert_eq!(
            status(&scene, name, "1").await,
            StatusCode::FORBIDDEN,
            "{name}"
        );
    }
    let attested = signer.sign(&statement(spdx, &image.digest)).await;
    for (name, bundle) in [("signed-npm", good), ("attested-npm", attested.clone())] {
        scene.push(name, &image).await;
        assert_eq!(
            status(&scene, name, "1").await,
            StatusCode::FORBIDDEN,
            "{name}"
        );
        refer(&scene, name, &image, bundle).await;
        becomes_allowed(&scene, name, "1").await;
    }
    // What is attested to is no signature.
    refer(&scene, "signed-not", &image, attested).await;
    scene.push("signed-not", &image).await;
    let refused = status(&scene, "signed-not", "1").await;
    assert_eq!(refused, StatusCode::FORBIDDEN);
}

/// The predicates of what the service attaches to images; the first of which is also on indexes.
const PREDICATES: [&str; 2] = [
    "https://slsa.dev/verification_summary/v1",
    "https://in-toto.io/attestation/vulns/v0.2",
];

#[tokio::test]
async fn cosign_verifies_what_the_service_attaches_to_images_and_indexes() {
    let Some(cosign) = Tool::cosign() else {
        return;
    };
    let scene = Scene::start("hold").await;
    let image = clean(114_300);
    scene.push("attested", &image).await;
    assert_eq!(status(&scene, "attested", "1").await, StatusCode::OK);
    let list = index(vec![clean(114_310)], Flavour::Oci);
    scene.registry.push_index("lib/list", "1", &list).await;
    let refused = vec![clean(114_320), bad(114_330)];
    let refused = index(refused, Flavour::Oci);
    scene
        .registry
        .push_index("lib/refused", "1", &refused)
        .await;
    let key = scene.proxy.api("/api/v1/attestation-key").await.text();
    let key = cosign.write("sluicegate.pem", key);
    let verify = async |target: &str, predicate: &str, form: &str| {
        let verify = [
            "verify-attestation",
            &format!("--key={key}"),
            &format!("--type={predicate}"),
            &format!("--new-bundle-format={form}"),
            "--insecure-ignore-tlog=true",
            "--allow-http-registry",
            &format!("{}/lib/{target}", scene.proxy.address()),
        ];
        cosign.run(&verify).await
    };
    for form in ["true", "false"] {
        for predicate in PREDICATES {
            let verified = verify(&format!("attested@{}", image.digest), predicate, form).await;
            let verified = verified.expect_ok("cosign verify-attestation");
            assert!(verified.stdout.contains("payload"), "{verified:?}");
        }
        // As whoever admits pods asks: by a tag that names an index.
        let verified = verify("list:1", PREDICATES[0], form).await;
        verified.expect_ok("cosign verify-attestation of an index");
        let none = verify("refused:1", PREDICATES[0], form).await;
        none.expect_failure("cosign verify-attestation");
    }
}

#[tokio::test]
async fn cosign_lists_and_hands_out_what_the_service_attaches_to_an_image() {
    let Some(cosign) = Tool::cosign() else {
        return;
    };
    let scene = Scene::start("hold").await;
    let image = clean(114_340);
    scene.push("attested", &image).await;
    let target = format!("{}/lib/attested@{}", scene.proxy.address(), image.digest);
    let tree = ["tree", "--allow-http-registry", &target];
    let tree = cosign.run(&tree).await.expect_ok("cosign tree").stdout;
    for kind in [
        PREDICATES[0],
        PREDICATES[1],
        ".att",
        "spdx+json",
        "cyclonedx+json",
    ] {
        assert!(tree.contains(kind), "{kind}: {tree}");
    }
    let download = ["download", "attestation", "--allow-http-registry", &target];
    let downloaded = cosign.run(&download).await.expect_ok("cosign download");
    let pem = scene.proxy.api("/api/v1/attestation-key").await.text();
    // Each statement in both forms.
    assert_eq!(downloaded.stdout.lines().count(), 4, "{downloaded:?}");
    for line in downloaded.stdout.lines() {
        let said: Value = serde_json::from_str(line).expect("a line of JSON");
        let envelope = said.get("dsseEnvelope").unwrap_or(&said).to_string();
        let said = verifiers::openssl(&pem, &envelope).await;
        let said = said.expect("openssl dgst -verify");
        assert_eq!(said["subject"][0]["digest"]["sha256"], image.digest.hex());
    }
}
