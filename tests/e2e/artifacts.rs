//! Labels against bytes: whatever a runtime unpacks is judged as an image, and what none unpacks
//! arrives as the artifact it is.
//!
//! Each decoy is first pulled past the gate, so that the runtimes themselves say what they unpack.

use std::io::Write as _;
use std::process::{Command, Stdio};

use bytes::Bytes;
use serde_json::json;
use sluicegate_model::{Digest, media_type};
use sluicegate_tests::clients::containerd::Containerd;
use sluicegate_tests::clients::docker::Docker;
use sluicegate_tests::clients::podman::Podman;
use sluicegate_tests::clients::skopeo;
use sluicegate_tests::image::{Image, blob_of, descriptor, image};
use sluicegate_tests::layer::Archive;
use sluicegate_tests::rootfs;

use crate::scene::Scene;

const SIGNING: &str = "application/vnd.dev.cosign.simplesigning.v1+json";
const HELM: &str = "application/vnd.cncf.helm.config.v1+json";
const OCI_LAYER: &str = "application/vnd.oci.image.layer.v1.tar+gzip";
const HELM_LAYER: &str = "application/vnd.cncf.helm.chart.content.v1.tar+gzip";

/// Gives a root file system with the package that the scene refuses.
fn bad_tree(seed: &str) -> Vec<u8> {
    rootfs::alpine(&[("libbad", "1.0-r0", "libbad")])
        .file("etc/seed", seed)
        .finish()
}

/// Compresses with Python's module `name`.
fn compressed(name: &str, content: &[u8]) -> Bytes {
    let script = format!(
        "import sys, {name}; sys.stdout.buffer.write({name}.compress(sys.stdin.buffer.read()))"
    );
    let mut child = Command::new("python3")
        .args(["-c", &script])
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .expect("start python3");
    let mut input = child.stdin.take().expect("a pipe");
    input.write_all(content).expect("give the content");
    drop(input);
    child.wait_with_output().expect("compress").stdout.into()
}

/// Counts the first header's bytes as signed ones, as some old archivers did.
fn with_signed_sum(mut archive: Vec<u8>) -> Vec<u8> {
    archive[329] = 0xe9;
    archive[148..156].fill(b' ');
    let sum: u32 = archive[..512].iter().map(|byte| u32::from(*byte)).sum();
    archive[148..155].copy_from_slice(format!("{:06o}\0", sum - 256).as_bytes());
    archive
}

/// Builds a manifest over one layer, with a true image config whatever type it is given.
fn labelled(config_type: &str, layer_type: &str, layer: Bytes, diff_id: &Digest) -> Image {
    let config = blob_of(
        json!({
            "architecture": "amd64",
            "os": "linux",
            "config": {"Cmd": ["/bin/sh"]},
            "rootfs": {"type": "layers", "diff_ids": [diff_id.as_str()]},
        })
        .to_string(),
    );
    let layer = blob_of(layer);
    let document = json!({
        "schemaVersion": 2,
        "mediaType": media_type::OCI_MANIFEST,
        "config": descriptor(config_type, &config.digest, config.bytes.len()),
        "layers": [descriptor(layer_type, &layer.digest, layer.bytes.len())],
    });
    image(
        &document,
        media_type::OCI_MANIFEST,
        config,
        vec![layer],
        "linux/amd64",
    )
}

/// Builds the decoys: what each runtime was seen to unpack under a label that says otherwise.
fn decoys() -> Vec<(&'static str, Image)> {
    let octets = "application/octet-stream";
    let decoy = |name, config: &str, layer: &str, dress: &dyn Fn(Vec<u8>) -> Bytes| {
        let tree = bad_tree(name);
        let diff_id = Digest::of(&tree);
        (name, labelled(config, layer, dress(tree), &diff_id))
    };
    let image_config = media_type::OCI_CONFIG;
    let plain = |tree: Vec<u8>| Bytes::from(tree);
    let gzip = |tree: Vec<u8>| compressed("gzip", &tree);
    vec![
        decoy("plain", image_config, SIGNING, &plain),
        decoy("gzip", image_config, SIGNING, &gzip),
        decoy("bzip2", image_config, SIGNING, &|tree| {
            compressed("bz2", &tree)
        }),
        decoy("xz", image_config, SIGNING, &|tree| {
            compressed("lzma", &tree)
        }),
        decoy("octets", octets, octets, &gzip),
        decoy(
            "example",
            "application/vnd.example.v1+json",
            OCI_LAYER,
            &gzip,
        ),
        decoy("helm", HELM, OCI_LAYER, &gzip),
    ]
}

#[tokio::test]
async fn what_some_runtime_unpacks_is_never_let_in_as_an_artifact() {
    let scene = Scene::start("hold").await;
    let (podman, docker) = (Podman::new(), Docker::shared().await);
    let containerd = Containerd::shared().await;
    let mut unpacked_by_somebody = 0;
    for (name, decoy) in decoys() {
        let through = scene.push(&format!("decoy-{name}"), &decoy).await;
        let past = format!("{}/lib/decoy-{name}:1", scene.registry.address());
        let unpacked = [
            podman.pull(&past).await.ok(),
            docker.pull(&past).await.ok(),
            containerd.ctr_pull(&past).await.ok(),
        ];
        unpacked_by_somebody += usize::from(unpacked.contains(&true));
        podman.remove(&past).await;
        docker.remove(&past).await;
        containerd.ctr_remove(&past).await;
        let target = tempfile::tempdir().expect("make a directory");
        let refused = [
            ("podman", podman.pull(&through).await),
            ("docker", docker.pull(&through).await),
            ("ctr", containerd.ctr_pull(&through).await),
            ("skopeo", skopeo::copy(&through, target.path()).await),
        ];
        for (client, outcome) in refused {
            assert!(!outcome.ok(), "{client} {name}: {outcome:?}");
        }
        let path = format!("/api/v1/verdicts/{}", decoy.digest);
        let verdict = scene.proxy.api(&path).await.json();
        assert_eq!(verdict["artifact"], json!(null), "{name}: {unpacked:?}");
    }
    assert!(
        unpacked_by_somebody >= 5,
        "the decoys are ones: {unpacked_by_somebody}"
    );
}

#[tokio::test]
async fn a_signed_sum_makes_a_tar_of_what_a_label_calls_a_signature() {
    let scene = Scene::start("hold").await;
    let tree = with_signed_sum(bad_tree("signed"));
    let diff_id = Digest::of(&tree);
    let decoy = labelled(media_type::OCI_CONFIG, SIGNING, tree.into(), &diff_id);
    let through = scene.push("signed-sum", &decoy).await;
    let refused = Podman::new().pull(&through).await;
    assert!(!refused.ok(), "{refused:?}");
}

#[tokio::test]
async fn a_chart_and_a_signature_arrive_and_what_hides_in_a_chart_does_not() {
    let scene = Scene::start("hold").await;
    let chart = |files: &[(&str, &str)]| {
        let archive = files.iter().fold(Archive::new(), |archive, (path, text)| {
            archive.file(path, *text)
        });
        let config = blob_of("{\"name\":\"web\",\"version\":\"1.0.0\",\"apiVersion\":\"v2\"}");
        let layer = blob_of(compressed("gzip", &archive.finish()));
        let document = json!({
            "schemaVersion": 2,
            "mediaType": media_type::OCI_MANIFEST,
            "config": descriptor(HELM, &config.digest, config.bytes.len()),
            "layers": [descriptor(HELM_LAYER, &layer.digest, layer.bytes.len())],
        });
        image(
            &document,
            media_type::OCI_MANIFEST,
            config,
            vec![layer],
            "linux/amd64",
        )
    };
    let usual = [
        (
            "web/Chart.yaml",
            "name: web\nversion: 1.0.0\napiVersion: v2\n",
        ),
        ("web/templates/a.yaml", "kind: ConfigMap\n"),
    ];
    let metadata = "Metadata-Version: 2.1\nName: jinja2\nVersion: 2.10\n";
    let hidden = (
        "web/files/lib/python3/dist-packages/jinja2-2.10.dist-info/METADATA",
        metadata,
    );
    let statement = Bytes::from_static(b"{\"critical\":{}}");
    let signature = labelled(
        media_type::OCI_CONFIG,
        SIGNING,
        statement.clone(),
        &Digest::of(&statement),
    );
    for (name, artifact, arrives) in [
        ("chart", chart(&usual), true),
        ("signature", signature, true),
        ("hidden", chart(&[usual[0], usual[1], hidden]), false),
        ("no-chart", chart(&[("passwd", "x")]), false),
    ] {
        let reference = scene.push(name, &artifact).await;
        let target = tempfile::tempdir().expect("make a directory");
        let outcome = skopeo::copy(&reference, target.path()).await;
        assert_eq!(outcome.ok(), arrives, "{name}: {outcome:?}");
        if arrives {
            assert_eq!(skopeo::manifest(target.path()), artifact.manifest, "{name}");
        }
    }
}
