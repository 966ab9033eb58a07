//! Artifacts of any kind, pushed by the tools that make them and pulled by those that use them.

use sluicegate_tests::clients::containerd::Containerd;
use sluicegate_tests::clients::docker::Docker;
use sluicegate_tests::clients::podman::Podman;
use sluicegate_tests::clients::tools::Tool;
use sluicegate_tests::keys::Keys;
use sluicegate_tests::layer::{Archive, Compression};
use sluicegate_tests::proxy::ProxyBuilder;

use crate::scene::{POLICY, Scene, clean};

/// What a refusal of an artifact says.
const REFUSED: &str = "rule \"artifact\"";

/// The policy of the scene, and every kind of artifact is let in.
fn lenient() -> String {
    format!("{POLICY}  artifacts: {{default: allow}}\n")
}

/// Starts a scene whose policy lets in every kind of artifact.
async fn lenient_scene() -> Scene {
    Scene::start_with(|builder| builder.policy("prod.yaml", &lenient())).await
}

fn archive(files: &[(&str, &str)]) -> Vec<u8> {
    let archive = files.iter().fold(Archive::new(), |archive, (path, text)| {
        archive.file(path, *text)
    });
    archive.layer(Compression::Gzip).bytes.to_vec()
}

/// One way to push an artifact.
struct Kind {
    name: &'static str,
    /// The option of `oras push` that says what it is, empty where nothing does.
    option: &'static str,
    file: &'static str,
    /// The media type of the file, empty where oras chooses.
    media_type: &'static str,
}

const fn kind(
    name: &'static str,
    option: &'static str,
    file: &'static str,
    media_type: &'static str,
) -> Kind {
    Kind {
        name,
        option,
        file,
        media_type,
    }
}

/// The kinds that people push, each with the media types of its own tool.
const KINDS: [Kind; 12] = [
    kind("plain", "", "a.txt", ""),
    kind("plain-1.0", "--image-spec=v1.0", "a.txt", ""),
    kind(
        "plain-archive",
        "",
        "a.tgz",
        "application/vnd.oci.image.layer.v1.tar+gzip",
    ),
    kind(
        "typed",
        "--artifact-type=application/vnd.example.thing",
        "a.txt",
        "text/plain",
    ),
    kind(
        "wasm",
        "--artifact-type=application/vnd.wasm.config.v0+json",
        "a.wasm",
        "application/wasm",
    ),
    kind(
        "model",
        "--config=config.json:application/vnd.docker.ai.model.config.v0.1+json",
        "a.gguf",
        "application/vnd.docker.ai.gguf.v3",
    ),
    kind(
        "ollama",
        "--config=config.json:application/vnd.docker.container.image.v1+json",
        "a.gguf",
        "application/vnd.ollama.image.model",
    ),
    kind(
        "flux",
        "--config=config.json:application/vnd.cncf.flux.config.v1+json",
        "a.tgz",
        "application/vnd.cncf.flux.content.v1.tar+gzip",
    ),
    kind(
        "opa",
        "--config=config.json:application/vnd.cncf.openpolicyagent.config.v1+json",
        "a.tgz",
        "application/vnd.cncf.openpolicyagent.policy.layer.v1.tar+gzip",
    ),
    kind(
        "trivy-db",
        "--config=config.json:application/vnd.aquasec.trivy.config.v1+json",
        "a.tgz",
        "application/vnd.aquasec.trivy.db.layer.v1.tar+gzip",
    ),
    kind(
        "sif",
        "--config=config.json:application/vnd.sylabs.sif.config.v1+json",
        "a.sif",
        "application/vnd.sylabs.sif.layer.v1.sif",
    ),
    kind(
        "compose",
        "--artifact-type=application/vnd.docker.compose.project",
        "a.yaml",
        "application/vnd.docker.compose.file+yaml",
    ),
];

/// Gives what a file of this name holds.
fn content(file: &str) -> Vec<u8> {
    match file {
        "a.tgz" => archive(&[
            ("deploy/a.yaml", "kind: Deployment\n"),
            ("a.rego", "package a\n"),
        ]),
        "a.wasm" => b"\0asm\x01\0\0\0".to_vec(),
        "a.gguf" => b"GGUF\x03\0\0\0 and its tensors".to_vec(),
        "a.sif" => b"#!/usr/bin/env run-singularity\n\0SIF_MAGIC\0".to_vec(),
        _ => b"hello: world\n".to_vec(),
    }
}

/// Pushes an artifact with oras to the registry as `kinds/NAME:1`.
async fn push(oras: &Tool, scene: &Scene, kind: &Kind) {
    oras.write(kind.file, content(kind.file));
    oras.write("config.json", "{}");
    let target = format!("{}/kinds/{}:1", scene.registry.address(), kind.name);
    let mut file = kind.file.to_owned();
    if !kind.media_type.is_empty() {
        file = format!("{file}:{}", kind.media_type);
    }
    let mut arguments = vec!["push", "--no-tty", "--plain-http"];
    arguments.extend((!kind.option.is_empty()).then_some(kind.option));
    arguments.extend([target.as_str(), &file]);
    oras.run(&arguments).await.expect_ok(kind.name);
}

#[tokio::test]
async fn an_artifact_of_any_kind_is_called_one_and_arrives_where_policy_allows_its_kind() {
    let (strict, lenient) = (Scene::start("hold").await, lenient_scene().await);
    let oras = Tool::oras();
    for kind in &KINDS {
        let name = kind.name;
        push(&oras, &strict, kind).await;
        push(&oras, &lenient, kind).await;
        let reference = format!("kinds/{name}:1");
        let pull = async |scene: &Scene| {
            let target = oras.file(&format!("pulled-{name}"));
            let reference = scene.proxy.reference(&reference);
            let arguments = [
                "pull",
                "--no-tty",
                "--plain-http",
                "-o",
                &target,
                &reference,
            ];
            oras.run(&arguments).await
        };
        let refused = pull(&strict).await.expect_failure(name);
        assert!(refused.text().contains(REFUSED), "{name}: {refused:?}");
        pull(&lenient).await.expect_ok(name);
        let arrived = std::fs::read(oras.file(&format!("pulled-{name}/{}", kind.file)));
        assert_eq!(
            arrived.expect("the file arrived"),
            content(kind.file),
            "{name}"
        );
    }
}

/// The proof behind the rule: past the gate, no runtime unpacks what counts as an artifact. Today's
/// containerd keeps it as it came, unless `ctr --local` unpacks by the layers' types.
#[tokio::test]
async fn no_runtime_unpacks_what_is_pushed_as_an_artifact() {
    let scene = lenient_scene().await;
    let (oras, podman, docker) = (Tool::oras(), Podman::new(), Docker::shared().await);
    let (debians, todays) = (Containerd::shared().await, Containerd::today().await);
    let is_layer = |kind: &Kind| kind.media_type.is_empty() || kind.name == "plain-archive";
    for kind in &KINDS {
        let name = kind.name;
        push(&oras, &scene, kind).await;
        let reference = format!("{}/kinds/{name}:1", scene.registry.address());
        for (client, outcome) in [
            ("podman", podman.pull(&reference).await),
            ("docker", docker.pull(&reference).await),
            ("ctr", debians.ctr_pull(&reference).await),
            ("PullImage", debians.cri_pull(&reference).await),
        ] {
            assert!(!outcome.ok(), "{client} {name}: {outcome:?}");
        }
        let kept = todays.ctr_pull_with(&["--local"], &reference).await;
        assert_eq!(kept.ok(), !is_layer(kind), "{name}: {kept:?}");
    }
}

#[tokio::test]
async fn a_referrer_of_an_unheard_of_kind_leaves_its_image_and_the_other_referrers_whole() {
    let scene = Scene::start("hold").await;
    let reference = scene.push("app", &clean(113_000)).await;
    let origin = format!("{}/lib/app:1", scene.registry.address());
    let oras = Tool::oras();
    let signature = "application/vnd.dev.cosign.artifact.sig.v1+json";
    let payload = "application/vnd.dev.cosign.simplesigning.v1+json";
    oras.write("payload.json", "{\"critical\":{}}");
    oras.write("thing.bin", [9; 100]);
    for (kind, file) in [
        (signature, format!("payload.json:{payload}")),
        ("application/vnd.unheard-of", "thing.bin".to_owned()),
    ] {
        let attach = [
            "attach",
            "--plain-http",
            "--artifact-type",
            kind,
            &origin,
            &file,
        ];
        oras.run(&attach).await.expect_ok("oras attach");
    }
    let copied = oras.pull_with(&["-r"], &reference, "whole").await;
    let copied = copied.expect_ok("oras cp -r").text();
    assert!(copied.contains("Copied"), "{copied}");
    let discover = ["discover", "--plain-http", &reference];
    let found = oras.run(&discover).await.expect_ok("oras discover").stdout;
    assert!(found.contains(signature), "{found}");
    assert!(!found.contains("unheard-of"), "{found}");
    if let Some(regctl) = Tool::regctl() {
        let host = Tool::regctls_host(&reference);
        let tree = ["artifact", "tree", "--host", &host, &reference];
        let shown = regctl.run(&tree).await.expect_ok("regctl artifact tree");
        assert!(shown.stdout.contains(signature), "{shown:?}");
        let copied = regctl
            .pull_with(&["--referrers"], &reference, "whole")
            .await;
        copied.expect_ok("regctl image copy --referrers");
    }
}

#[tokio::test]
async fn helm_makes_lints_and_pulls_a_chart() {
    let Some(helm) = Tool::helm() else {
        return;
    };
    for (mode, auth) in [("hold", "anonymous"), ("stream", "required")] {
        let start = |proxy: ProxyBuilder| proxy.flag("--gate", mode).flag("--registry-auth", auth);
        let scene = Scene::start_with(start).await;
        let home = helm.file(mode);
        std::fs::create_dir_all(format!("{home}/pulled")).expect("make a directory");
        let run = async |arguments: &[&str]| {
            let done = helm.run_in(&home, arguments).await;
            done.expect_ok(&format!("helm {arguments:?}"))
        };
        if auth == "required" {
            let ci = Keys(&scene.proxy).make("ci", "puller", &[]).await;
            let login = ["registry", "login", "--plain-http", scene.proxy.address()];
            let with_key = ["--username", &ci.access, "--password", &ci.secret];
            run(&[login.as_slice(), &with_key].concat()).await;
        }
        run(&["create", "web"]).await;
        run(&["package", "web"]).await;
        let origin = format!("oci://{}/charts", scene.registry.address());
        run(&["push", "web-0.1.0.tgz", &origin, "--plain-http"]).await;
        let chart = format!("oci://{}/charts/web", scene.proxy.address());
        let through = ["--version", "0.1.0", "--plain-http"];
        let with = |command: &[&'static str]| [command, &[chart.as_str()], &through].concat();
        let shown = run(&with(&["show", "chart"])).await;
        assert!(shown.stdout.contains("name: web"), "{shown:?}");
        let made = run(&with(&["template", "release"])).await;
        assert!(made.stdout.contains("kind: Deployment"), "{made:?}");
        run(&with(&["pull", "--destination", "pulled"])).await;
        run(&["lint", "pulled/web-0.1.0.tgz"]).await;
        let file = |name: &str| std::fs::read(format!("{home}/{name}")).expect("a chart");
        assert_eq!(file("pulled/web-0.1.0.tgz"), file("web-0.1.0.tgz"));
    }
}

#[tokio::test]
async fn cosign_signs_an_image_at_the_origin_and_verifies_it_through_the_gate() {
    let Some(cosign) = Tool::cosign() else {
        return;
    };
    let scene = Scene::start_with(|proxy| proxy.flag("--registry-auth", "required")).await;
    let home = cosign.file("");
    let password = [("COSIGN_PASSWORD", "")];
    let run = async |arguments: &[&str]| cosign.run_with(&home, arguments, &password).await;
    let ci = Keys(&scene.proxy).make("ci", "puller", &[]).await;
    let login = ["login", scene.proxy.address(), "--username", &ci.access];
    let login = [login.as_slice(), &["--password", &ci.secret]].concat();
    run(&login).await.expect_ok("cosign login");
    let made = run(&["generate-key-pair"]).await;
    made.expect_ok("cosign generate-key-pair");
    for (name, bundle) in [("bundle", "true"), ("tag", "false")] {
        let image = clean(113_100 + name.len() as u64);
        let reference = scene.push(name, &image).await;
        let by_digest = |reference: &str| {
            let (name, _) = reference.rsplit_once(':').expect("a tag");
            format!("{name}@{}", image.digest)
        };
        let origin = by_digest(&format!("{}/lib/{name}:1", scene.registry.address()));
        let format = format!("--new-bundle-format={bundle}");
        let sign = [
            "sign",
            "--yes",
            "--key=cosign.key",
            "--tlog-upload=false",
            "--use-signing-config=false",
            "--allow-http-registry",
            &format,
            &origin,
        ];
        run(&sign).await.expect_ok(&format!("cosign sign {format}"));
        let through = by_digest(&reference);
        let verify = [
            "verify",
            "--key=cosign.pub",
            "--insecure-ignore-tlog",
            "--allow-http-registry",
            &format,
            &through,
        ];
        let verified = run(&verify).await;
        verified.expect_ok(&format!("cosign verify {format}"));
    }
}
