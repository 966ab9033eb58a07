//! The commands of the pages, run as they stand, with what they name put in place: a service with a
//! registry behind it, images, a feed, policies, an engine.

use std::ffi::OsStr;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::time::Duration;

use http::Method;
use sluicegate_tests::feeds::{self, Advisory};
use sluicegate_tests::image::{Flavour, ImageBuilder, index};
use sluicegate_tests::layer::Compression;
use sluicegate_tests::mirror::Mirror;
use sluicegate_tests::process::{self, run_with};
use sluicegate_tests::programs;
use sluicegate_tests::proxy::{Proxy, ProxyBuilder, program};
use sluicegate_tests::registry::Registry;
use sluicegate_tests::rootfs;
use tempfile::TempDir;

use crate::pages::{self, Block, PAGES};

/// The programs that the pages use beside ours and that are what they are.
const PROGRAMS: [&str; 18] = [
    "base64", "bash", "sh", "cat", "curl", "cp", "diff", "env", "jq", "ls", "mkdir", "mktemp",
    "openssl", "rm", "sed", "sort", "tr", "wc",
];
/// The registries of the pages.
const UPSTREAMS: [&str; 4] = ["docker.io", "quay.io", "ghcr.io", "corp.example"];
/// The longest that one block may take.
pub const LIMIT: Duration = Duration::from_secs(120);
/// The digest that the pages show.
const SHOWN_DIGEST: &str =
    "sha256:a8140c926dc6464a354d4b4560e882f69147e00b3bd506d5ecd84531bfbec892";

/// What the pages speak of.
pub struct Place {
    _registry: Registry,
    mirror: Mirror,
    /// The service.
    pub proxy: Proxy,
    directory: TempDir,
    /// The digest of the image that is refused.
    pub refused: String,
}

impl Place {
    /// Starts everything, and pulls one image that is allowed and one that is not.
    pub async fn furnish() -> Self {
        let directory = tempfile::tempdir().expect("make a directory");
        let registry = Registry::start().await;
        let refused = image("libbad", 1);
        for (name, tags, image) in [
            (
                "library/nginx",
                &["1.25", "latest"][..],
                image("libgood", 2),
            ),
            (
                "library/alpine",
                &["3.22", "3.20", "latest"][..],
                image("libgood", 3),
            ),
            (
                "prometheus/node-exporter",
                &["latest"][..],
                image("libgood", 4),
            ),
            ("team/app", &["1.4.2"][..], image("libgood", 5)),
            ("shop/refused", &["1"][..], refused.clone()),
        ] {
            for tag in tags {
                registry.push(name, tag, &image).await;
            }
        }
        let both = vec![image("libgood", 5), for_arm("libgood", 5)];
        let both = index(both, Flavour::Oci);
        for tag in ["1", "latest"] {
            registry.push_index("team/app", tag, &both).await;
        }
        let feed = directory.path().join("feed");
        std::fs::create_dir(&feed).expect("make a directory");
        let bad = Advisory::new("ALPINE-CVE-2099-0001", "Alpine:edge", "libbad", "1.0-r1");
        // The second one is fetched before any image asks for it.
        let usual = Advisory::new("ALPINE-CVE-2099-0002", "Alpine:v3.22", "libworse", "1.0-r1");
        let ecosystems = ["Alpine:edge", "Alpine:v3.22"];
        feeds::write(&feed, &ecosystems, &[bad.critical(), usual]);
        feeds::write_kev(&feed, &["CVE-2099-0001"]);
        std::fs::write(feed.join("ecosystems.txt"), "Alpine:edge\nAlpine:v3.22\n")
            .expect("write a list");
        let mirror = Mirror::start(&feed).await;
        let upstreams: Vec<String> = UPSTREAMS
            .iter()
            .map(|name| format!("  {name}: {{url: \"{}\"}}\n", registry.url()))
            .collect();
        let config = format!(
            "upstreams:\n{}feed: [{:?}]\nplatforms: [linux/amd64]\n",
            upstreams.concat(),
            feed.display().to_string()
        );
        std::fs::write(directory.path().join("sluicegate.yaml"), &config).expect("write a file");
        let mut proxy = ProxyBuilder::new(&registry.url()).feed(&feed);
        for name in UPSTREAMS {
            proxy = proxy.flag("--upstream", &format!("{name}={}", registry.url()));
        }
        let proxy = proxy.start().await;
        let place = Self {
            _registry: registry,
            mirror,
            proxy,
            directory,
            refused: refused.digest.to_string(),
        };
        place.install(&place.mirror.url());
        place.pull().await;
        place
    }

    /// Pulls what the pages ask for, so that there is something to be shown.
    async fn pull(&self) {
        for (name, status) in [
            ("library/nginx/manifests/1.25", 200),
            ("shop/refused/manifests/1", 403),
        ] {
            let reply = self.proxy.ask(Method::GET, &format!("/v2/{name}")).await;
            assert_eq!(reply.status, status, "{name}: {}", reply.text());
        }
    }

    /// Puts programs in place: real ones, ours with its surroundings, and engines that are none.
    fn install(&self, mirror: &str) {
        let bin = self.path("bin");
        std::fs::create_dir(&bin).expect("make a directory");
        for name in PROGRAMS {
            symlink(found(name), bin.join(name)).expect("link a program");
        }
        let (home, program) = (self.directory.path().display(), program());
        let program = program.display();
        self.script("sluicegate", &format!(
            // A service does not end: whether it would start is what can be asked. A refusal is an
            // answer. The feeds of a person's own machine come from a mirror.
            "export SLUICEGATE_SERVICE={service} SLUICEGATE_CONFIG={home}/sluicegate.yaml\n\
             export SLUICEGATE_DATA={home}/own DOCKER_HOST=unix:///nowhere CONTAINER_HOST=unix:///nowhere\n\
             [ \"$1\" = feeds ] && export SLUICEGATE_FEED={mirror}\n\
             [ \"$1\" = serve ] && {{ shift; set -- config check \"$@\"; }}\n\
             key=$(cat {home}/key 2>/dev/null)\n\
             words=()\n\
             for word in \"$@\"; do [ \"$word\" = ed25519:... ] && word=$key; words+=(\"$word\"); done\n\
             if [ \"$2\" = create-key ]; then {program} \"${{words[@]}}\" > {home}/key; else {program} \"${{words[@]}}\"; fi\n\
             code=$?; [ $code = 1 ] && exit 0; exit $code\n",
            service = self.proxy.api_address(),
        ));
        self.script("docker", &format!(
            "case \"$1\" in save) exec cat {home}/app.tar ;; pull|build|login) exit 0 ;; *) exit 64 ;; esac\n"
        ));
        let skopeo = found("skopeo");
        let skopeo = skopeo.display();
        self.script("skopeo", &format!(
            "command=$1; shift; exec {skopeo} --insecure-policy \"$command\" --tls-verify=false \"$@\"\n"
        ));
        self.script(
            "kubectl",
            "echo docker.io/library/nginx:1.25 quay.io/prometheus/node-exporter docker.io/library/nginx:1.25\n",
        );
    }

    fn script(&self, name: &str, text: &str) {
        programs::write(
            &self.path("bin").join(name),
            &format!("#!/bin/bash\n{text}"),
        );
    }

    fn path(&self, name: &str) -> PathBuf {
        self.directory.path().join(name)
    }

    /// Puts the addresses and places of this machine in for those that the pages name.
    fn here(&self, text: &str) -> String {
        let (registry, api) = (self.proxy.address(), self.proxy.api_address());
        let data = self.proxy.data().display().to_string();
        let etc = self.path("etc").display().to_string();
        let (registry_url, api_url) = (format!("http://{registry}"), format!("http://{api}"));
        let mut text = text.to_owned();
        for (named, here) in [
            ("https://gate.example:5000", registry_url.as_str()),
            ("gate.example:5000", registry),
            ("localhost:5000", registry),
            ("https://sluicegate.example", api_url.as_str()),
            ("127.0.0.1:5080", api),
            ("gate.example:5080", api),
            ("/var/lib/sluicegate", data.as_str()),
            ("/etc/sluicegate", etc.as_str()),
            (SHOWN_DIGEST, self.refused.as_str()),
        ] {
            text = text.replace(named, here);
        }
        text
    }

    /// Runs a block in a folder, as a shell that stops at the first failure.
    async fn run(&self, block: &Block, folder: &Path) -> process::Outcome {
        let bin = self.path("bin").display().to_string();
        let script = format!("set -eo pipefail\n{}", self.here(&block.text));
        let inside = format!(
            "cd {} && exec bash -c \"$SCRIPT\" < /dev/null",
            folder.display()
        );
        let variables = [("PATH", &bin), ("SCRIPT", &script), ("HOME", &bin)];
        let variables = variables.map(|(name, value)| (name, OsStr::new(value)));
        run_with("bash", &["-c", &inside], &variables, LIMIT).await
    }
}

/// What a team has in its directory of policies.
const POLICY: &str = "apiVersion: sluicegate/v1\nkind: Policy\nmetadata: {name: team}\n\
    spec: {rules: [{id: exploited, when: {kev: true}, action: refuse}]}\n";

fn image(package: &str, seed: u64) -> sluicegate_tests::image::Image {
    let system = rootfs::alpine(&[(package, "1.0-r0", package)]);
    let system = system.file("etc/seed", seed.to_string());
    ImageBuilder::new()
        .layer(system.layer(Compression::Gzip))
        .build()
}

fn for_arm(package: &str, seed: u64) -> sluicegate_tests::image::Image {
    let system = rootfs::alpine(&[(package, "1.0-r0", package)]);
    let system = system.file("etc/seed", format!("arm {seed}"));
    let builder = ImageBuilder::new().platform("linux/arm64");
    builder.layer(system.layer(Compression::Gzip)).build()
}

fn found(program: &str) -> PathBuf {
    let folders = ["/usr/bin", "/bin", "/usr/local/bin"].into_iter();
    let mut paths = folders.map(|folder| Path::new(folder).join(program));
    let found = paths.find(|path| path.exists());
    found.unwrap_or_else(|| panic!("{program} is not installed"))
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_block_of_commands_runs() {
    let place = Place::furnish().await;
    let archive = format!("docker-archive:{}:app:1", place.path("app.tar").display());
    let image = format!("docker://{}/library/nginx:1.25", place.proxy.address());
    let copy = [
        "--insecure-policy",
        "copy",
        "--src-tls-verify=false",
        &image,
        &archive,
    ];
    process::run("skopeo", &copy, LIMIT)
        .await
        .expect_ok("skopeo copy");
    let (mut failed, mut count) = (Vec::new(), 0);
    for page in PAGES {
        // One page is one person at one place; nothing is prepared but an image and its Dockerfile.
        let folder = place.path(&page.replace('/', "-"));
        std::fs::create_dir(&folder).expect("make a directory");
        std::fs::copy(place.path("app.tar"), folder.join("app.tar")).expect("copy an image");
        let policies = folder.join("policies");
        std::fs::create_dir(&policies).expect("make a directory");
        std::fs::write(policies.join("team.yaml"), POLICY).expect("write a policy");
        for block in pages::blocks(page, &pages::read(page)) {
            if !block.runs {
                continue;
            }
            count += 1;
            let outcome = place.run(&block, &folder).await;
            if !outcome.ok() {
                failed.push(format!("{}:\n{}{outcome:?}", block.place, block.text));
            }
        }
    }
    assert!(failed.is_empty(), "{}", failed.join("\n"));
    assert!(count >= 12, "only {count} blocks were run");
}
