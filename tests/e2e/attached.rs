//! What the service attaches to an image: believed by programs of others, and carried along with the
//! image by those that copy.

use std::collections::BTreeMap;

use http::{Method, StatusCode};
use serde_json::Value;
use sluicegate_model::Digest;
use sluicegate_tests::clients::tools::Tool;
use sluicegate_tests::process::run;
use sluicegate_tests::registry::Registry;
use sluicegate_tests::verifiers::{self, Verified, npm, secure_systems_lib, spoiled};
use sluicegate_tests::wire::{Call, Reply};

use crate::scene::{Scene, clean};

const BUNDLE: &str = "application/vnd.dev.sigstore.bundle.v0.3+json";
const ENVELOPE: &str = "application/vnd.dsse.envelope.v1+json";
/// What an image has attached, once for each artifact.
const KINDS: [&str; 4] = [
    BUNDLE,
    BUNDLE,
    "application/vnd.cyclonedx+json",
    "application/spdx+json",
];
const PREDICATES: [&str; 2] = [
    "https://slsa.dev/verification_summary/v1",
    "https://in-toto.io/attestation/vulns/v0.2",
];

/// What a registry has to be asked for, to give manifests of these kinds.
const MANIFESTS: &str =
    "application/vnd.oci.image.manifest.v1+json, application/vnd.oci.image.index.v1+json";

async fn get(address: &str, path: &str) -> Reply {
    let call = Call::new(Method::GET, address, path).header("accept", MANIFESTS);
    let reply = call.follow().send().await;
    assert_eq!(reply.status, StatusCode::OK, "{path}: {}", reply.text());
    reply
}

/// The tag of an image's attestations.
fn tag(image: &Digest) -> String {
    format!("{}.att", image.as_str().replace(':', "-"))
}

/// Reads the blobs of manifests, by what they are.
async fn blobs(
    address: &str,
    repository: &str,
    manifests: &[String],
) -> BTreeMap<String, Vec<String>> {
    let mut found: BTreeMap<String, Vec<String>> = BTreeMap::new();
    for reference in manifests {
        let manifest = get(address, &format!("/v2/{repository}/manifests/{reference}")).await;
        if reference.contains(':') {
            assert_eq!(Digest::of(&manifest.body).as_str(), reference);
        }
        for layer in manifest.json()["layers"].as_array().expect("layers") {
            let digest = layer["digest"].as_str().expect("a digest");
            let blob = get(address, &format!("/v2/{repository}/blobs/{digest}")).await;
            assert_eq!(Digest::of(&blob.body).as_str(), digest);
            let kind = layer["mediaType"].as_str().expect("a type").to_owned();
            found.entry(kind).or_default().push(blob.text());
        }
    }
    found
}

/// Gives the digests that a list of referrers names, in its order.
fn listed(list: &Value) -> Vec<String> {
    let manifests = list["manifests"].as_array().expect("a list").iter();
    let digests = manifests.map(|it| it["digest"].as_str().expect("a digest").to_owned());
    digests.collect()
}

/// Tells that the documents say what they have to, each of one predicate, and the spoiled ones nothing.
fn check(program: &str, image: &Digest, verified: &[Verified], refusal: &str) {
    let (good, bad) = verified.split_at(PREDICATES.len());
    let mut predicates = Vec::new();
    for said in good {
        let said = said
            .as_ref()
            .unwrap_or_else(|why| panic!("{program}: {why}"));
        assert_eq!(said["subject"][0]["digest"]["sha256"], image.hex());
        predicates.push(said["predicateType"].as_str().expect("a type"));
    }
    assert_eq!(predicates, PREDICATES, "{program}");
    assert!(!bad.is_empty());
    for why in bad {
        let why = why.as_ref().expect_err(program);
        assert!(why.contains(refusal), "{program}: {why}");
    }
}

#[tokio::test]
async fn libraries_of_others_believe_what_is_attached_and_nothing_that_was_changed() {
    let scene = Scene::start("hold").await;
    let image = clean(114_400);
    scene.push("attested", &image).await;
    let (address, repository) = (scene.proxy.address(), "lib/attested");
    get(address, &format!("/v2/{repository}/manifests/1")).await;
    let key = scene.proxy.api("/api/v1/attestation-key").await.text();
    let list = get(
        address,
        &format!("/v2/{repository}/referrers/{}", image.digest),
    )
    .await;
    let manifests = [listed(&list.json()), vec![tag(&image.digest)]].concat();
    let attached = blobs(address, repository, &manifests).await;
    let with_spoiled = |kind: &str| {
        let good = &attached[kind];
        let bad = good.iter().flat_map(|text| spoiled(text));
        good.iter().cloned().chain(bad).collect::<Vec<String>>()
    };
    let (envelopes, bundles) = (with_spoiled(ENVELOPE), with_spoiled(BUNDLE));
    let (by_python, by_npm) =
        tokio::join!(secure_systems_lib(&key, &envelopes), npm(&key, &bundles));
    check(
        "securesystemslib",
        &image.digest,
        &by_python,
        "do not match threshold",
    );
    check(
        "@sigstore/verify",
        &image.digest,
        &by_npm,
        "SIGNATURE_ERROR",
    );
    // Nor by the key of another instance.
    let other = Scene::start("hold").await;
    let other = other.proxy.api("/api/v1/attestation-key").await.text();
    let (by_python, by_npm) = tokio::join!(
        secure_systems_lib(&other, &envelopes),
        npm(&other, &bundles)
    );
    for believed in by_python.iter().chain(&by_npm) {
        believed.as_ref().expect_err("another key");
    }
    // What the API gives is the same envelope.
    for (predicate, envelope) in PREDICATES.iter().zip(&attached[ENVELOPE]) {
        let path = format!(
            "/api/v1/verdicts/{}/attestation?predicate={predicate}",
            image.digest
        );
        assert_eq!(scene.proxy.api(&path).await.text(), *envelope);
    }
}

/// Copies an image from the service to another registry, each tool in its way.
async fn copy(tool: &Tool, from: &str, to: &str) {
    let hosts = [from, to].map(Tool::regctls_host);
    let arguments: Vec<&str> = match tool.name() {
        "oras" => vec![
            "cp",
            "--no-tty",
            "-r",
            "--from-plain-http",
            "--to-plain-http",
            from,
            to,
        ],
        _ => vec![
            "image",
            "copy",
            "--verbosity=warn",
            "--host",
            &hosts[0],
            "--host",
            &hosts[1],
            "--referrers",
            from,
            to,
        ],
    };
    tool.run(&arguments).await.expect_ok(tool.name());
}

#[tokio::test]
async fn what_is_attached_is_seen_and_copied_with_the_image_and_verified_where_it_lies_then() {
    let (scene, elsewhere) = (Scene::start("hold").await, Registry::start().await);
    let image = clean(114_410);
    let reference = scene.push("attested", &image).await;
    let (address, repository) = (scene.proxy.address(), "lib/attested");
    get(address, &format!("/v2/{repository}/manifests/1")).await;
    let key = scene.proxy.api("/api/v1/attestation-key").await.text();
    let path = format!("/v2/{repository}/referrers/{}", image.digest);
    let here = listed(&get(address, &path).await.json());
    let oras = Tool::oras();
    let discover = ["discover", "--plain-http", "--format=json", &reference];
    let seen = oras.run(&discover).await.expect_ok("oras discover").stdout;
    let seen: Value = serde_json::from_str(&seen).expect("a tree");
    let seen = seen["referrers"].as_array().expect("a list").iter();
    let kinds: Vec<&str> = seen
        .map(|it| it["artifactType"].as_str().unwrap_or_default())
        .collect();
    assert_eq!(kinds, KINDS);
    let mut tools = vec![oras];
    if let Some(regctl) = Tool::regctl() {
        let host = Tool::regctls_host(&reference);
        let tree = ["artifact", "tree", "--host", &host, &reference];
        let tree = regctl.run(&tree).await.expect_ok("regctl artifact tree");
        for digest in &here {
            assert!(tree.stdout.contains(digest), "{digest}: {tree:?}");
        }
        tools.push(regctl);
    }
    for tool in &tools {
        let copied = format!("copied/{}", tool.name());
        let to = format!("{}/{copied}:1", elsewhere.address());
        copy(tool, &reference, &to).await;
        // This registry has no list of referrers: those who copy keep one under a tag.
        let tag = image.digest.as_str().replace(':', "-");
        let list = get(
            elsewhere.address(),
            &format!("/v2/{copied}/manifests/{tag}"),
        )
        .await;
        let mut there = listed(&list.json());
        let mut all = here.clone();
        there.sort();
        all.sort();
        assert_eq!(there, all, "{}", tool.name());
        let arrived = blobs(elsewhere.address(), &copied, &here).await;
        assert_eq!(arrived, blobs(address, repository, &here).await);
        for bundle in &arrived[BUNDLE] {
            let bundle: Value = serde_json::from_str(bundle).expect("a bundle");
            believed(&key, &bundle["dsseEnvelope"].to_string(), &image.digest).await;
        }
    }
}

#[tokio::test]
async fn skopeo_copies_the_attestations_of_an_image_by_their_tag() {
    let (scene, elsewhere) = (Scene::start("hold").await, Registry::start().await);
    let image = clean(114_420);
    scene.push("attested", &image).await;
    let (address, repository, tag) = (scene.proxy.address(), "lib/attested", tag(&image.digest));
    let key = scene.proxy.api("/api/v1/attestation-key").await.text();
    let copy = [
        "--insecure-policy",
        "copy",
        "--src-tls-verify=false",
        "--dest-tls-verify=false",
        &format!("docker://{address}/{repository}:{tag}"),
        &format!("docker://{}/copied/skopeo:{tag}", elsewhere.address()),
    ];
    let limit = std::time::Duration::from_mins(1);
    run("skopeo", &copy, limit).await.expect_ok("skopeo copy");
    let there = get(
        elsewhere.address(),
        &format!("/v2/copied/skopeo/manifests/{tag}"),
    )
    .await;
    let here = get(address, &format!("/v2/{repository}/manifests/{tag}")).await;
    assert_eq!(there.body, here.body, "the same digest");
    let arrived = blobs(elsewhere.address(), "copied/skopeo", &[tag]).await;
    assert_eq!(arrived[ENVELOPE].len(), PREDICATES.len());
    for envelope in &arrived[ENVELOPE] {
        believed(&key, envelope, &image.digest).await;
    }
}

/// Lets OpenSSL tell that an envelope is of the service, and of this image.
async fn believed(key: &str, envelope: &str, image: &Digest) {
    let said = verifiers::openssl(key, envelope).await;
    let said = said.expect("openssl dgst -verify");
    assert_eq!(said["subject"][0]["digest"]["sha256"], image.hex());
    for spoiled in spoiled(envelope) {
        let why = verifiers::openssl(key, &spoiled).await;
        why.expect_err("OpenSSL on other bytes");
    }
}
