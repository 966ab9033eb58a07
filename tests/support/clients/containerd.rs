//! containerd of our own, pulled through with `ctr` and through the CRI as a kubelet does.
//!
//! Every registry that a test pulls from gets a `hosts.toml` that names it as server and as host,
//! the form in which a refusal is final. One daemon of each release serves a whole test program:
//! Debian's, and today's, which pulls by its transfer service, layers whole or in parts.

use std::path::{Path, PathBuf};
use std::process::Command;

use tempfile::TempDir;
use tokio::sync::{Mutex, OnceCell};

use crate::clients::{PULL_LIMIT, cri};
use crate::process::{Daemon, Outcome, run};
use crate::programs;

/// Where images pulled with `ctr` are.
const NAMESPACE: &str = "tests";

/// Bytes of a layer that today's containerd asks for at a time, where it pulls in parts.
const PART_BYTES: u32 = 64 * 1024;

/// A running containerd.
pub struct Containerd {
    daemon: Mutex<Daemon>,
    directory: TempDir,
    ctr: PathBuf,
}

impl Containerd {
    /// Gives the daemon of this test program, started at first use.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Containerd> = OnceCell::const_new();
        let start = || Self::start("containerd".into(), "ctr".into(), debians_config);
        SHARED.get_or_init(start).await
    }

    /// Gives today's release, which fetches every layer whole.
    pub async fn today() -> &'static Self {
        static TODAY: OnceCell<Containerd> = OnceCell::const_new();
        TODAY.get_or_init(|| Self::start_today(0)).await
    }

    /// Gives today's release, which fetches every layer in parallel parts.
    pub async fn today_in_parts() -> &'static Self {
        static IN_PARTS: OnceCell<Containerd> = OnceCell::const_new();
        IN_PARTS.get_or_init(|| Self::start_today(PART_BYTES)).await
    }

    async fn start_today(part_bytes: u32) -> Self {
        let (daemon, ctr) = (programs::required("containerd"), programs::required("ctr"));
        Self::start(daemon, ctr, |home| todays_config(home, part_bytes)).await
    }

    async fn start(program: PathBuf, ctr: PathBuf, config: impl Fn(&str) -> String) -> Self {
        let directory = tempfile::tempdir().expect("make a directory");
        let config = config(&directory.path().display().to_string());
        let file = directory.path().join("config.toml");
        std::fs::write(&file, config).expect("write the configuration");
        let mut command = Command::new(program);
        command.arg("--config").arg(&file);
        let log = directory.path().join("containerd.log");
        let daemon = Daemon::start_shared("containerd", command, &log, directory.path());
        let started = Self {
            daemon: Mutex::new(daemon),
            directory,
            ctr,
        };
        let answers = async || started.ctr(&["images", "ls"]).await.ok();
        started.daemon.lock().await.wait_until(answers).await;
        started
    }

    /// Pulls an image with `ctr` into a namespace that no CRI pull uses.
    pub async fn ctr_pull(&self, reference: &str) -> Outcome {
        self.ctr_pull_with(&[], reference).await
    }

    /// Pulls with extra options, for example `--local` or `--skip-metadata`.
    pub async fn ctr_pull_with(&self, options: &[&str], reference: &str) -> Outcome {
        self.route_by_default(reference);
        let hosts = self.hosts().display().to_string();
        let mut arguments = vec!["images", "pull", "--snapshotter=native"];
        arguments.extend(["--hosts-dir", &hosts]);
        arguments.extend(options);
        arguments.push(reference);
        self.ctr(&arguments).await
    }

    /// Gives the digest of an image pulled with `ctr`, empty where there is none.
    pub async fn ctr_digest(&self, reference: &str) -> String {
        let listed = self
            .ctr(&["images", "ls", &format!("name=={reference}")])
            .await;
        let row = listed.stdout.lines().nth(1).unwrap_or_default();
        row.split_whitespace().nth(2).unwrap_or_default().to_owned()
    }

    /// Removes an image pulled with `ctr` and all content that only it used.
    pub async fn ctr_remove(&self, reference: &str) -> Outcome {
        self.ctr(&["images", "rm", "--sync", reference]).await
    }

    /// Pulls an image with one CRI `PullImage` call, exactly what a kubelet sends.
    pub async fn cri_pull(&self, reference: &str) -> Outcome {
        self.route_by_default(reference);
        cri::pull_image(&self.directory.path().join("socket"), reference).await
    }

    /// Pulls as a kubelet does for a pod with a pull secret.
    pub async fn cri_pull_as(&self, reference: &str, user: &str, password: &str) -> Outcome {
        self.route_by_default(reference);
        let socket = self.directory.path().join("socket");
        cri::pull_image_as(&socket, reference, user, password).await
    }

    /// Removes an image pulled through the CRI.
    pub async fn cri_remove(&self, reference: &str) -> Outcome {
        cri::remove_image(&self.directory.path().join("socket"), reference).await
    }

    /// Has an OCI layout in an archive unpacked, whose image gets the name `reference`, and shows where
    /// it is mounted to `look`; nothing where containerd refuses it.
    pub async fn unpacked<T>(
        &self,
        archive: &Path,
        reference: &str,
        snapshotter: &str,
        look: impl FnOnce(&Path) -> T,
    ) -> Option<T> {
        let base = reference
            .rsplit_once(':')
            .map_or(reference, |(base, _)| base);
        let archive = archive.display().to_string();
        let taken = ["images", "import", "--local", "--snapshotter", snapshotter];
        let imported = self
            .ctr(&[&taken[..], &["--base-name", base, &archive]].concat())
            .await;
        let place = tempfile::tempdir().expect("make a directory");
        let place_name = place.path().display().to_string();
        let mount = ["images", "mount", "--snapshotter", snapshotter];
        let mounted = if imported.ok() {
            self.ctr(&[&mount[..], &[reference, &place_name]].concat())
                .await
        } else {
            imported
        };
        let found = if mounted.ok() {
            Some(look(place.path()))
        } else {
            eprintln!("{}", mounted.text());
            None
        };
        let unmount = ["images", "unmount", "--snapshotter", snapshotter, "--rm"];
        self.ctr(&[&unmount[..], &[&place_name]].concat()).await;
        self.ctr_remove(reference).await;
        found
    }

    /// Gives the socket and the namespace of what `ctr` pulls.
    pub fn address(&self) -> (String, &'static str) {
        let socket = self.directory.path().join("socket");
        (socket.display().to_string(), NAMESPACE)
    }

    fn hosts(&self) -> PathBuf {
        self.directory.path().join("hosts")
    }

    /// Sends every pull of names under `origin` to `gate` and nowhere else.
    ///
    /// *Shape*: server and host are both the gate; with only one of them a refusal falls back to
    /// the origin.
    pub fn route(&self, origin: &str, gate: &str) {
        self.route_with(origin, gate, "");
    }

    /// Does the same, with what says who asks in each request.
    pub fn route_as(&self, origin: &str, gate: &str, authorization: &str) {
        let headers =
            format!("[host.\"http://{gate}\".header]\n  authorization = \"{authorization}\"\n");
        self.route_with(origin, gate, &headers);
    }

    fn route_with(&self, origin: &str, gate: &str, headers: &str) {
        let folder = self.hosts().join(origin);
        std::fs::create_dir_all(&folder).expect("make a hosts directory");
        let hosts = format!(
            "server = \"http://{gate}\"\n[host.\"http://{gate}\"]\n  \
             capabilities = [\"pull\", \"resolve\"]\n{headers}"
        );
        std::fs::write(folder.join("hosts.toml"), hosts).expect("write hosts.toml");
    }

    fn route_by_default(&self, reference: &str) {
        let registry = reference.split('/').next().unwrap_or_default();
        if !self.hosts().join(registry).exists() {
            self.route(registry, registry);
        }
    }

    async fn ctr(&self, arguments: &[&str]) -> Outcome {
        let address = self.directory.path().join("socket").display().to_string();
        let mut all = vec!["--address", &address, "--namespace", NAMESPACE];
        all.extend(arguments);
        run(&self.ctr.display().to_string(), &all, PULL_LIMIT).await
    }
}

fn debians_config(home: &str) -> String {
    format!(
        "version = 2\nroot = \"{home}/root\"\nstate = \"{home}/state\"\n\
         [grpc]\n  address = \"{home}/socket\"\n\
         [plugins.\"io.containerd.grpc.v1.cri\"]\n  stream_server_port = \"0\"\n\
         [plugins.\"io.containerd.grpc.v1.cri\".containerd]\n  snapshotter = \"native\"\n\
         [plugins.\"io.containerd.grpc.v1.cri\".cni]\n  conf_dir = \"{home}/cni\"\n\
         [plugins.\"io.containerd.grpc.v1.cri\".registry]\n  config_path = \"{home}/hosts\"\n"
    )
}

fn todays_config(home: &str, part_bytes: u32) -> String {
    format!(
        "version = 3\nroot = \"{home}/root\"\nstate = \"{home}/state\"\n\
         [grpc]\n  address = \"{home}/socket\"\n\
         [plugins.\"io.containerd.grpc.v1.cri\"]\n  stream_server_port = \"0\"\n\
         [plugins.\"io.containerd.cri.v1.runtime\".cni]\n  conf_dir = \"{home}/cni\"\n\
         [plugins.\"io.containerd.cri.v1.images\"]\n  snapshotter = \"native\"\n\
         [plugins.\"io.containerd.cri.v1.images\".registry]\n  config_path = \"{home}/hosts\"\n\
         [plugins.\"io.containerd.transfer.v1.local\"]\n  config_path = \"{home}/hosts\"\n  \
         concurrent_layer_fetch_buffer = {part_bytes}\n\
         [[plugins.\"io.containerd.transfer.v1.local\".unpack_config]]\n  \
         platform = \"linux/amd64\"\n  snapshotter = \"native\"\n"
    )
}

/// Gives what containerd prints of a denied HEAD: before 2.3.3 its status line and nothing else.
pub fn denial(reference: &str, reason: &str) -> String {
    let host = reference.split('/').next().unwrap_or_default();
    format!(
        "failed to resolve reference \"{reference}\": pulling from host {host} failed with \
         status code [manifests {}]: 403 {reason}",
        reference.rsplit(':').next().unwrap_or_default()
    )
}

/// Gives the last line of what today's `ctr` and CRI print of a refused HEAD: they ask by GET for it.
pub fn todays_denial(reason: &str) -> String {
    format!("\ndenied: {reason}")
}
