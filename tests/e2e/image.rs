//! The container image: written without a daemon, the same each time, and run by podman and docker as
//! an ordinary user who has what the program needs and nothing else.
//!
//! An ordinary run puts a small static program in the place of the product, which tells where it
//! finds itself. With `--long` the product is built as it is shipped, and judges an archive there.

use std::path::{Path, PathBuf};
use std::time::Duration;

use serde_json::Value;
use sluicegate_tests::clients::docker::Docker;
use sluicegate_tests::clients::podman::Podman;
use sluicegate_tests::clients::skopeo;
use sluicegate_tests::image::Image;
use sluicegate_tests::keys::Keys;
use sluicegate_tests::process::{Outcome, run};
use sluicegate_tests::proxy::ProxyBuilder;
use sluicegate_tests::registry::Registry;
use sluicegate_tests::waiting::within;
use tempfile::TempDir;
use tokio::sync::Mutex;

use crate::scene;

/// Where the script is, from the folder of the tests.
const BUILD: &str = "../deploy/build";
/// How long a build of the product may take, on one busy core.
const BUILD_LIMIT: Duration = Duration::from_secs(3_600);
/// How long all else may take.
const LIMIT: Duration = Duration::from_secs(120);
/// What the image is called that is loaded.
const NAME: &str = "sluicegate:latest";
/// Held by whoever has loaded an image of that name: one daemon serves all tests.
static LOADED: Mutex<()> = Mutex::const_new(());
/// The address that is baked into the images of this file.
const SERVICE: &str = "https://sluicegate.test";

/// Tells where it finds itself, and that it can write where it should and only there.
const TELLS: &str = r#"
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

static void tell(const char *directory) {
  char path[256];
  snprintf(path, sizeof path, "%s/probe", directory);
  FILE *file = fopen(path, "w");
  printf("%s %s\n", directory, file ? "written" : "closed");
}

int main(int count, char **words) {
  char said[64] = "";
  for (int at = 1; at < count; at++) printf("word %s\n", words[at]);
  printf("user %d %d\n", (int)getuid(), (int)getgid());
  printf("service %s\n", getenv("SLUICEGATE_SERVICE"));
  printf("listen %s\n", getenv("SLUICEGATE_LISTEN"));
  printf("authorities %s\n", access("/etc/ssl/certs/ca-certificates.crt", R_OK) ? "none" : "there");
  tell(getenv("SLUICEGATE_DATA"));
  tell("/tmp");
  tell("/etc");
  if (fgets(said, sizeof said, stdin)) printf("said %s\n", said);
  return 7;
}
"#;

/// What it tells in an image that is right.
const TOLD: &str = "word inspect-image\nword app:1\nuser 65532 65532\n\
                    service https://sluicegate.test\nlisten 0.0.0.0:5000\nauthorities there\n\
                    /var/lib/sluicegate written\n/tmp written\n/etc closed\nsaid bytes of an archive\n";

/// A place where images are built.
struct Yard(TempDir);

impl Yard {
    fn new() -> Self {
        Self(tempfile::tempdir().expect("make a directory"))
    }

    fn path(&self, name: &str) -> PathBuf {
        self.0.path().join(name)
    }

    /// Compiles a program of C.
    async fn compile(&self, name: &str, flags: &[&str]) -> PathBuf {
        let (source, program) = (self.path("program.c"), self.path(name));
        std::fs::write(&source, TELLS).expect("write a program");
        let output = program.display().to_string();
        let source = source.display().to_string();
        let arguments = [flags, &["-o", &output, &source]].concat();
        run("cc", &arguments, LIMIT).await.expect_ok("cc");
        program
    }

    /// Builds the image with the address of a service.
    async fn build(&self, name: &str, service: &str, more: &[&str]) -> Outcome {
        let output = self.path(name).display().to_string();
        let arguments = ["image", "--output", &output, "--service", service];
        run(BUILD, &[&arguments, more].concat(), BUILD_LIMIT).await
    }

    /// Writes an image as `docker save` does.
    async fn saved(&self, name: &str, image: &Image) -> PathBuf {
        let registry = Registry::start().await;
        registry.push("lib/saved", "1", image).await;
        let file = self.path(&format!("{}.tar", image.digest.hex()));
        let from = format!("{}/lib/saved:1", registry.address());
        let to = format!("docker-archive:{}:{name}", file.display());
        skopeo::copy_to(&from, &to).await.expect_ok("skopeo copy");
        file
    }

    /// Builds it around a program, and gives the archive.
    async fn archive(&self, name: &str, program: &Path) -> PathBuf {
        self.archive_for(SERVICE, name, program).await
    }

    /// Builds it around a program and the address of a service, and gives the archive.
    async fn archive_for(&self, service: &str, name: &str, program: &Path) -> PathBuf {
        let program = program.display().to_string();
        let built = self.build(name, service, &["--binary", &program]).await;
        built.expect_ok("deploy/build image");
        self.path(name).join("sluicegate.tar")
    }
}

#[tokio::test]
async fn podman_and_docker_run_it_as_an_ordinary_user_with_all_that_is_needed() {
    let yard = Yard::new();
    let program = yard.compile("static", &["-static", "-Os"]).await;
    let archive = yard.archive("image", &program).await;
    let input = yard.path("input");
    std::fs::write(&input, "bytes of an archive").expect("write the input");
    let arguments = ["inspect-image", "app:1"];
    let podman = Podman::new();
    podman.load(&archive).await.expect_ok("podman load");
    let docker = Docker::shared().await;
    let _alone = LOADED.lock().await;
    docker.load(&archive).await.expect_ok("docker load");
    for (engine, told) in [
        ("podman", podman.run(NAME, &arguments, &input).await),
        ("docker", docker.run(NAME, &arguments, &input).await),
    ] {
        assert_eq!(told.stdout, TOLD, "{engine}: {}", told.text());
        assert_eq!(told.status, 7, "{engine}");
    }
    let shown = docker.show("image", NAME).await;
    assert_eq!(
        shown["Config"]["Cmd"],
        serde_json::json!(["serve"]),
        "{shown}"
    );
    assert_eq!(
        shown["Config"]["Healthcheck"]["Test"][2], "health",
        "{shown}"
    );
    docker.remove(NAME).await;
}

#[tokio::test]
async fn the_same_program_makes_the_same_image_and_one_with_libraries_makes_none() {
    let yard = Yard::new();
    let program = yard.compile("static", &["-static", "-Os"]).await;
    let (one, other) = (
        yard.archive("one", &program),
        yard.archive("other", &program),
    );
    let (one, other) = (one.await, other.await);
    let bytes = |path: &Path| std::fs::read(path).expect("read an archive");
    assert!(bytes(&one) == bytes(&other), "two builds differ");
    let layout = yard.path("one").join("oci").display().to_string();
    let inspect = ["inspect", "--config", &format!("oci:{layout}:latest")];
    let config = run("skopeo", &inspect, LIMIT).await.expect_ok("skopeo");
    let config: Value = serde_json::from_str(&config.stdout).expect("a configuration");
    assert_eq!(config["created"], "1970-01-01T00:00:00Z");
    assert_eq!(config["config"]["User"], "65532:65532");
    assert_eq!(
        config["config"]["Entrypoint"],
        serde_json::json!(["/sluicegate"])
    );
    let dynamic = yard.compile("dynamic", &[]).await.display().to_string();
    let text = yard.path("program.c").display().to_string();
    for (binary, words) in [
        (dynamic.as_str(), "linked dynamically"),
        (&text, "no 64-bit"),
        ("/nowhere/sluicegate", "no program"),
    ] {
        let refused = yard.build("refused", SERVICE, &["--binary", binary]).await;
        let refused = refused.expect_failure("deploy/build image");
        assert!(refused.stderr.contains(words), "{}", refused.text());
    }
    let wrong = yard.build("refused", "ftp://x", &[]).await;
    assert_eq!(wrong.status, 2, "{}", wrong.text());
    assert!(!yard.path("refused").exists());
}

/// Gives the program as it is shipped: one that was built already, or built now before a release;
/// none on an ordinary run.
async fn shipped() -> Option<PathBuf> {
    if let Some(built) = std::env::var_os("SLUICEGATE_TEST_STATIC") {
        return Some(built.into());
    }
    if std::env::var_os("SLUICEGATE_TEST_LONG").is_none() {
        eprintln!("the static program takes long to build, so nothing was tried; --long does");
        return None;
    }
    let built = run(BUILD, &["binary"], BUILD_LIMIT).await;
    let built = built.expect_ok("deploy/build binary");
    let program = Path::new("..").join(built.stdout.trim());
    let megabytes = std::fs::metadata(&program).expect("find the program").len() >> 20;
    assert!(megabytes < 40, "the program has {megabytes} MiB");
    Some(program.canonicalize().expect("find the program"))
}

#[tokio::test]
async fn what_is_shipped_judges_an_archive_in_podman_and_docker() {
    let Some(program) = shipped().await else {
        return;
    };
    let yard = Yard::new();
    let archive = yard.archive("image", &program).await;
    let input = yard.saved("app:1", &scene::bad(93_001)).await;
    let podman = Podman::new();
    podman.load(&archive).await.expect_ok("podman load");
    let docker = Docker::shared().await;
    let _alone = LOADED.lock().await;
    docker.load(&archive).await.expect_ok("docker load");
    // Without advisories nothing is known of its packages, which the built-in policy refuses.
    let arguments = [
        "inspect-image",
        "--feed",
        "none",
        "--format",
        "json",
        "app:1",
    ];
    for (engine, judged) in [
        ("podman", podman.run(NAME, &arguments, &input).await),
        ("docker", docker.run(NAME, &arguments, &input).await),
    ] {
        let report: Value = serde_json::from_str(&judged.stdout)
            .unwrap_or_else(|_| panic!("{engine}: {}", judged.text()));
        assert_eq!(report["decision"], "refuse", "{engine}: {report}");
        assert_eq!(judged.status, 1, "{engine}");
    }
    let container = docker
        .start_container(NAME, &["serve", "--feed", "none"])
        .await;
    within(LIMIT, "docker finds it healthy", async || {
        let shown = docker.show("container", &container).await;
        shown["State"]["Health"]["Status"] == "healthy"
    })
    .await;
    docker.remove_container(&container).await;
    docker.remove(NAME).await;
}

/// What a pipeline runs, with nothing installed but Docker.
const ONE_LINE: &str = "docker save APP | docker run --rm --network=host \
    -e SLUICEGATE_ACCESS_KEY -e SLUICEGATE_SECRET_KEY -e SLUICEGATE_REPO_NAME \
    -i sluicegate inspect-image APP";

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn one_line_without_installation_has_an_image_judged_by_the_service() {
    let Some(program) = shipped().await else {
        return;
    };
    let (yard, feed) = (Yard::new(), scene::feed());
    let builder = ProxyBuilder::new("http://127.0.0.1:9").feed(feed.path());
    let proxy = builder.policy("prod.yaml", scene::POLICY).start().await;
    let own = ["--repositories", "up.test/team/**"];
    let key = Keys(&proxy).make("ci", "scanner", &own).await;
    let service = format!("http://{}", proxy.api_address());
    let archive = yard.archive_for(&service, "image", &program).await;
    let docker = Docker::shared().await;
    let _alone = LOADED.lock().await;
    docker.load(&archive).await.expect_ok("docker load");
    for (image, status, decision) in [
        (scene::clean(93_002), 0, "allow"),
        (scene::bad(93_003), 1, "refuse"),
    ] {
        let name = format!("shop/{decision}:1");
        let saved = yard.saved(&name, &image).await;
        docker.load(&saved).await.expect_ok("docker load");
        let repository = format!("up.test/team/{decision}");
        let variables = [
            ("SLUICEGATE_ACCESS_KEY", key.access.as_str()),
            ("SLUICEGATE_SECRET_KEY", &key.secret),
            ("SLUICEGATE_REPO_NAME", &repository),
        ];
        let judged = docker
            .shell(&ONE_LINE.replace("APP", &name), &variables)
            .await;
        assert_eq!(judged.status, status, "{}", judged.text());
        assert!(judged.stdout.contains(decision), "{}", judged.text());
        let listed = proxy
            .api("/api/v1/verdicts?reported_by=key:ci")
            .await
            .json();
        let newest = &listed["items"][0];
        assert_eq!(newest["repository"], repository, "{listed}");
        assert_eq!(newest["decision"], decision, "{listed}");
        docker.remove(&name).await;
    }
    docker.remove(NAME).await;
}
