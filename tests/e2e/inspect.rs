//! `inspect-image` and `warm` with real tools: every kind of source gives the findings that a pull
//! through the proxy gives, and a warmed image is served without asking its upstream again.

use std::ffi::OsStr;
use std::path::Path;
use std::process::Stdio;
use std::time::Duration;

use http::Method;
use serde_json::Value;
use sluicegate_tests::clients::containerd::Containerd;
use sluicegate_tests::clients::docker::Docker;
use sluicegate_tests::clients::podman::Podman;
use sluicegate_tests::clients::skopeo;
use sluicegate_tests::image::{Flavour, Image, index};
use sluicegate_tests::process::{Outcome, run_with};
use sluicegate_tests::proxy::{program, sluicegate};

use crate::scene::{self, BAD, Scene};

/// How long an inspection may take in a machine that compiles at the same time.
const LIMIT: Duration = Duration::from_secs(120);

/// What every inspection of a test has in common: feed, policy, and a data directory of its own.
struct Desk {
    feed: tempfile::TempDir,
    home: tempfile::TempDir,
}

impl Desk {
    fn new() -> Self {
        let home = tempfile::tempdir().expect("make a directory");
        std::fs::write(home.path().join("prod.yaml"), scene::POLICY).expect("write a policy");
        let feed = scene::feed();
        Self { feed, home }
    }

    fn path(&self, name: &str) -> String {
        self.home.path().join(name).display().to_string()
    }

    fn arguments<'a>(&'a self, more: &[&'a str]) -> Vec<String> {
        let data = self.path("data");
        let (feed, policy) = (
            self.feed.path().display().to_string(),
            self.path("prod.yaml"),
        );
        let all = [
            "inspect-image",
            "--data",
            &data,
            "--feed",
            &feed,
            "--policy",
            &policy,
        ];
        all.iter()
            .chain(more)
            .map(|&argument| argument.to_owned())
            .collect()
    }

    async fn inspect(&self, more: &[&str], environment: &[(&str, &OsStr)]) -> Outcome {
        let arguments = self.arguments(more);
        let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
        let program = program().display().to_string();
        run_with(&program, &arguments, environment, LIMIT).await
    }

    async fn verdict(&self, image: &str, environment: &[(&str, &OsStr)]) -> Value {
        let outcome = self
            .inspect(&["--format", "json", image], environment)
            .await;
        assert_eq!(outcome.status, 1, "{image}: {}", outcome.text());
        serde_json::from_str(&outcome.stdout).expect("the report is JSON alone")
    }
}

/// Copies an image with skopeo to a target such as `oci:DIR:TAG`.
async fn copy(reference: &str, target: &str) {
    skopeo::copy_to(reference, target).await.expect_ok("skopeo");
}

fn assert_refused(verdict: &Value, what: &str) {
    assert_eq!(verdict["decision"], "refuse", "{what}: {verdict}");
    let findings = verdict["findings"].as_array().expect("findings are a list");
    assert_eq!(findings.len(), 1, "{what}: {verdict}");
    assert_eq!(findings[0]["id"], BAD, "{what}");
    assert_eq!(findings[0]["package"]["name"], "libbad", "{what}");
    assert_eq!(
        verdict["coverage"]["status"], "complete",
        "{what}: {verdict}"
    );
}

#[tokio::test]
async fn files_and_registries_give_the_verdict_of_a_pull() {
    let scene = Scene::start("hold").await;
    let image = scene::bad(90_001);
    scene.push("inspected", &image).await;
    let path = "/v2/lib/inspected/manifests/1";
    assert_eq!(scene.proxy.ask(Method::GET, path).await.status, 403);
    let pulled = scene.proxy.verdict(image.digest.as_str()).await;

    let desk = Desk::new();
    let direct = format!("{}/lib/inspected:1", scene.registry.address());
    let (layout, oci, docker) = (
        desk.path("layout"),
        desk.path("oci.tar"),
        desk.path("docker.tar"),
    );
    copy(&direct, &format!("oci:{layout}:1")).await;
    copy(&direct, &format!("oci-archive:{oci}:1")).await;
    copy(&direct, &format!("docker-archive:{docker}:lib/inspected:1")).await;
    for source in [
        direct,
        format!("oci:{layout}:1"),
        format!("oci-archive:{oci}"),
    ] {
        let verdict = desk.verdict(&source, &[]).await;
        assert_refused(&verdict, &source);
        // The manifest is the registry's own, and so are packages, findings and layers.
        for key in [
            "digest", "findings", "coverage", "distro", "packages", "platform",
        ] {
            assert_eq!(verdict[key], pulled[key], "{key} of {source}");
        }
    }
    let verdict = desk.verdict(&format!("docker-archive:{docker}"), &[]).await;
    assert_refused(&verdict, "docker-archive");
    assert_eq!(verdict["repository"], "local/docker");
    assert_eq!(verdict["claimed_name"], "docker.io/lib/inspected:1");
    let named = piped(&desk, &docker, &["lib/inspected:1"]).await;
    assert_refused(&named, "a pipe with a name");
    assert_eq!(named["repository"], "docker.io/lib/inspected");
    assert!(named["claimed_name"].is_null(), "{named}");
    assert_refused(&piped(&desk, &oci, &[]).await, "a pipe");

    let root = desk.path("root");
    let layer = Path::new(&layout)
        .join("blobs/sha256")
        .join(image.layers[0].digest.hex());
    std::fs::create_dir(&root).expect("make a directory");
    let unpack = ["-xzf", layer.to_str().expect("a path"), "-C", &root];
    run_with("tar", &unpack, &[], LIMIT).await.expect_ok("tar");
    assert_refused(
        &desk.verdict(&format!("dir:{root}"), &[]).await,
        "a directory",
    );
}

/// Inspects what comes through a pipe.
async fn piped(desk: &Desk, file: &str, more: &[&str]) -> Value {
    let mut arguments = vec!["--format", "json"];
    arguments.extend(more);
    let mut cat = std::process::Command::new("cat")
        .arg(file)
        .stdout(Stdio::piped())
        .spawn()
        .expect("start cat");
    let sent = cat.stdout.take().expect("cat has an output");
    let running = tokio::process::Command::new(program())
        .args(desk.arguments(&arguments))
        .stdin(sent)
        .output();
    let output = tokio::time::timeout(LIMIT, running).await.expect("in time");
    let output = output.expect("run the program");
    cat.wait().expect("wait for cat");
    let errors = String::from_utf8_lossy(&output.stderr).into_owned();
    assert_eq!(output.status.code(), Some(1), "{errors}");
    serde_json::from_slice(&output.stdout).expect("the report is JSON alone")
}

#[tokio::test]
async fn images_of_local_engines_are_inspected_where_they_are() {
    let registry = sluicegate_tests::registry::Registry::start().await;
    let image = scene::bad(90_002);
    registry.push("lib/engines", "1", &image).await;
    let reference = format!("{}/lib/engines:1", registry.address());
    let desk = Desk::new();

    let docker = Docker::shared().await;
    docker.pull(&reference).await.expect_ok("docker pull");
    let host = docker.host();
    let environment = [("DOCKER_HOST", OsStr::new(&host))];
    let verdict = desk
        .verdict(&format!("docker:{reference}"), &environment)
        .await;
    assert_refused(&verdict, "docker");
    assert_eq!(verdict["repository"], reference.trim_end_matches(":1"));

    let containerd = Containerd::shared().await;
    containerd.ctr_pull(&reference).await.expect_ok("ctr pull");
    let (address, namespace) = containerd.address();
    let environment = [
        ("CONTAINERD_ADDRESS", OsStr::new(&address)),
        ("CONTAINERD_NAMESPACE", OsStr::new(namespace)),
    ];
    let verdict = desk
        .verdict(&format!("containerd:{reference}"), &environment)
        .await;
    assert_refused(&verdict, "containerd");
    assert_eq!(verdict["digest"], image.digest.as_str());

    let podman = Podman::new();
    podman.pull(&reference).await.expect_ok("podman pull");
    let path = podman.on_path();
    let environment = [("PATH", OsStr::new(&path))];
    let verdict = desk
        .verdict(&format!("podman:{reference}"), &environment)
        .await;
    assert_refused(&verdict, "podman's program");
    let service = podman.serve().await;
    let environment = [("CONTAINER_HOST", OsStr::new(service.url()))];
    let verdict = desk
        .verdict(&format!("podman:{reference}"), &environment)
        .await;
    assert_refused(&verdict, "podman's socket");
    // A name alone is looked for in the engines first; this registry is gone.
    drop(registry);
    assert_refused(&desk.verdict(&reference, &environment).await, "a bare name");
}

#[tokio::test]
async fn exit_codes_tell_refused_from_wrong_from_impossible() {
    let registry = sluicegate_tests::registry::Registry::start().await;
    for (tag, image) in [("bad", scene::bad(90_003)), ("meh", scene::meh(90_004))] {
        registry.push("lib/codes", tag, &image).await;
    }
    let children = vec![scene::bad(90_005), other_platform()];
    registry
        .push_index("lib/codes", "both", &index(children, Flavour::Oci))
        .await;
    let desk = Desk::new();
    let name = format!("{}/lib/codes", registry.address());
    let at = |tag: &str| format!("{name}:{tag}");
    let (bad, meh, both, none) = (at("bad"), at("meh"), at("both"), at("none"));
    let output = desk.path("report.json");
    for (arguments, code) in [
        (vec![bad.as_str()], 1),
        (vec![meh.as_str()], 0),
        (vec![both.as_str()], 1),
        (vec!["--platform", "linux/arm64", &both], 0),
        (vec!["--platform", "linux/s390x", &both], 3),
        (vec!["--platform", "nonsense", &both], 2),
        (vec![none.as_str()], 3),
        (vec!["oci-archive:/nowhere"], 3),
        (vec!["dir:/nowhere"], 3),
        (vec![], 2),
        (vec!["--policy", "/nowhere", &bad], 2),
        (vec!["--feed", "http://127.0.0.1:1/", &bad], 3),
        (vec!["--format", "json", "--output", &output, &bad], 1),
        (vec!["--all-tags", &name], 1),
    ] {
        let outcome = desk.inspect(&arguments, &[]).await;
        assert_eq!(outcome.status, code, "{arguments:?}: {}", outcome.text());
    }
    let report = std::fs::read(&output).expect("read the report");
    let report: Value = serde_json::from_slice(&report).expect("a JSON report");
    assert_refused(&report, "--output");
    let all = desk
        .inspect(&["--all-tags", "--format", "json", &name], &[])
        .await;
    let all: Value = serde_json::from_str(&all.stdout).expect("a JSON array");
    assert_eq!(all.as_array().map(Vec::len), Some(3), "{all}");
}

fn other_platform() -> Image {
    scene::with_package("libmeh", 90_006)
        .platform("linux/arm64")
        .build()
}

#[tokio::test]
async fn warmed_images_are_served_from_the_cache() {
    let scene = Scene::start("hold").await;
    let images = [("1.0", scene::clean(90_010)), ("1.1", scene::meh(90_011))];
    for (tag, image) in &images {
        scene.registry.push("lib/warm", tag, image).await;
    }
    scene
        .registry
        .push("lib/warm", "2.0", &scene::bad(90_012))
        .await;
    let warmed = scene.proxy.command(&["warm", "lib/warm:1.*"]).await;
    let warmed = warmed.expect_ok("warm");
    assert!(warmed.stdout.contains("lib/warm:1.1"), "{warmed:?}");
    assert!(!warmed.stdout.contains("lib/warm:2.0"), "{warmed:?}");
    let log = scene.proxy.command(&["decisions", "list"]).await.stdout;
    assert!(!log.contains("lib/warm"), "warming is no pull: {log}");

    let before = scene.registry.accesses().len();
    for (tag, image) in &images {
        let manifest = format!("/v2/lib/warm/manifests/{tag}");
        assert_eq!(scene.proxy.ask(Method::GET, &manifest).await.status, 200);
        for blob in image.blobs() {
            let path = format!("/v2/lib/warm/blobs/{}", blob.digest);
            assert_eq!(scene.proxy.ask(Method::GET, &path).await.body, blob.bytes);
        }
    }
    let asked = &scene.registry.accesses()[before..];
    assert!(asked.is_empty(), "the upstream was asked again: {asked:?}");

    let refused = scene
        .proxy
        .command(&["warm", "lib/warm", "--format", "json"])
        .await;
    assert_eq!(refused.status, 1, "{refused:?}");
    let scan: Value = serde_json::from_str(&refused.stdout).expect("a JSON report");
    assert_eq!(scan["images"].as_array().map(Vec::len), Some(3), "{scan}");
    assert_eq!(scan["decision"], "refuse", "{scan}");
    for (images, code) in [("lib/none", 3), ("lib/warm:9.*", 3), ("evil.example/x", 3)] {
        let failed = scene.proxy.command(&["warm", images]).await;
        assert_eq!(failed.status, code, "{images}: {failed:?}");
    }
    let gone = sluicegate(&["warm", "x", "--service", "http://127.0.0.1:1"]).await;
    assert_eq!(gone.status, 3, "{gone:?}");
}
