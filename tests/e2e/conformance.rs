//! The distribution specification's own suite, read-only, over Debian's registry: what passes there
//! passes through the gate.

use std::collections::BTreeSet;

use sluicegate_tests::clients::conformance::{self, Checks, Content};
use sluicegate_tests::image::{self, Flavour, Image, artifact};

use crate::scene::{self, Scene, clean};

const REPOSITORY: &str = "lib/conformance";
const SIGNATURE: &str = "application/vnd.dev.cosign.artifact.sig.v1+json";
const PAYLOAD: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
/// Fewer checks than this passing means that the suite did not look at what is there.
const PASSING_AT_LEAST: usize = 55;

/// Pushes one of everything that the gate lets through, and tells what is there.
async fn fill(scene: &Scene) -> Content {
    let (oci, docker) = (clean(114_000), scene::with_package("libgood", 114_001));
    let docker = docker.flavour(Flavour::Docker).build();
    let child = |platform: &str, seed: u64| {
        let image = scene::with_package("libgood", seed);
        image.platform(platform).build()
    };
    let children = vec![child("linux/amd64", 114_002), child("linux/arm64", 114_003)];
    let index = image::index(children, Flavour::Oci);
    let signature = artifact(SIGNATURE, &[(PAYLOAD, "{\"a\":1}".into())], Some(&oci));
    for (tag, image) in [
        ("oci", &oci),
        ("docker", &docker),
        ("signature", &signature),
    ] {
        scene.registry.push(REPOSITORY, tag, image).await;
    }
    scene.registry.push_index(REPOSITORY, "index", &index).await;
    push_referrers(scene, &oci, signature.clone()).await;
    let mut content = Content {
        tags: ["oci", "docker", "signature", "index"]
            .map(Into::into)
            .into(),
        subjects: vec![oci.digest.to_string()],
        ..Content::default()
    };
    content.manifests.push(index.digest.to_string());
    for image in [&oci, &docker, &signature]
        .into_iter()
        .chain(&index.children)
    {
        content.manifests.push(image.digest.to_string());
        content
            .blobs
            .extend(image.blobs().map(|blob| blob.digest.to_string()));
    }
    content
}

/// Lists a referrer as clients do where a registry has no such list: under a tag of the subject.
async fn push_referrers(scene: &Scene, subject: &Image, referrer: Image) {
    let listed = image::index(vec![referrer], Flavour::Oci);
    let tag = subject.digest.as_str().replace(':', "-");
    scene.registry.push_index(REPOSITORY, &tag, &listed).await;
}

fn passed(checks: &Checks) -> BTreeSet<&(String, usize)> {
    let passed = checks.iter().filter(|(_, status)| *status == "Pass");
    passed.map(|(check, _)| check).collect()
}

#[tokio::test]
async fn every_check_of_the_specification_that_the_registry_passes_passes_through_the_gate() {
    let scene = Scene::start("hold").await;
    let content = fill(&scene).await;
    let straight = conformance::run(scene.registry.address(), REPOSITORY, &content).await;
    let through = conformance::run(scene.proxy.address(), REPOSITORY, &content).await;
    for check in passed(&straight) {
        let here = through.get(check).map_or("not run", String::as_str);
        assert_eq!(here, "Pass", "{check:?}");
    }
    for (check, status) in &through {
        let there = straight.get(check).map_or("not run", String::as_str);
        let is_worse = status.starts_with("FAIL") && !there.starts_with("FAIL");
        assert!(!is_worse, "{check:?}: {status}; straight: {there}");
    }
    let count = passed(&through).len();
    assert!(count >= PASSING_AT_LEAST, "{count} passed: {through:#?}");
}
