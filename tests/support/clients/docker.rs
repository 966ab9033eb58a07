//! `docker pull` through a Docker daemon of our own.
//!
//! The daemon has its own data, sockets and containerd, no bridge and no firewall rules, so that it
//! touches nothing of the machine's. One daemon serves a whole test program: a test that wants a
//! cold client uses content that no other test uses.

use std::ffi::OsStr;
use std::path::{Path, PathBuf};
use std::process::Command;

use serde_json::Value;
use tempfile::TempDir;
use tokio::sync::{Mutex, OnceCell};

use crate::clients::PULL_LIMIT;
use crate::process::{Daemon, Outcome, run, run_fed, run_with};

/// A running Docker daemon.
pub struct Docker {
    daemon: Mutex<Daemon>,
    directory: TempDir,
}

impl Docker {
    /// Gives the daemon of this test program, started at first use.
    pub async fn shared() -> &'static Self {
        static SHARED: OnceCell<Docker> = OnceCell::const_new();
        SHARED.get_or_init(Self::start).await
    }

    async fn start() -> Self {
        let directory = tempfile::tempdir().expect("make a directory");
        let home = directory.path();
        let at = |name: &str| home.join(name).display().to_string();
        let mut command = Command::new("dockerd");
        command
            .args(["--data-root", &at("data"), "--exec-root", &at("exec")])
            .args([
                "--pidfile",
                &at("pid"),
                "--host",
                &format!("unix://{}", at("socket")),
            ])
            .args(["--bridge=none", "--iptables=false", "--ip6tables=false"])
            .args(["--storage-driver=vfs", "--config-file", &at("daemon.json")]);
        std::fs::write(home.join("daemon.json"), "{}").expect("write the configuration");
        let log = home.join("dockerd.log");
        let daemon = Daemon::start_shared("dockerd", command, &log, home);
        let started = Self {
            daemon: Mutex::new(daemon),
            directory,
        };
        let answers = async || started.docker(&["version"]).await.ok();
        started.daemon.lock().await.wait_until(answers).await;
        started
    }

    /// Logs in at a registry.
    pub async fn log_in(&self, registry: &str, user: &str, password: &str) -> Outcome {
        self.docker(&["login", "-u", user, "-p", password, registry])
            .await
    }

    /// Forgets a login.
    pub async fn log_out(&self, registry: &str) -> Outcome {
        self.docker(&["logout", registry]).await
    }

    /// Pulls an image.
    pub async fn pull(&self, reference: &str) -> Outcome {
        self.docker(&["pull", reference]).await
    }

    /// Gives the digest by which the daemon knows a pulled image, empty where there is none.
    pub async fn digest(&self, reference: &str) -> String {
        let shown = self
            .docker(&["inspect", "--format={{json .RepoDigests}}", reference])
            .await;
        let digests: Vec<String> = serde_json::from_str(&shown.stdout).unwrap_or_default();
        let digest = digests.first().and_then(|name| name.split_once('@'));
        digest.map_or_else(String::new, |(_, digest)| digest.to_owned())
    }

    /// Removes an image.
    pub async fn remove(&self, reference: &str) -> Outcome {
        self.docker(&["image", "rm", "--force", reference]).await
    }

    /// Loads what `docker save` writes, and shows the root of a container of its image `name` to
    /// `look`; nothing where the daemon refuses it.
    pub async fn unpacked<T>(
        &self,
        archive: &Path,
        name: &str,
        look: impl FnOnce(&Path) -> T,
    ) -> Option<T> {
        let archive = archive.display().to_string();
        let loaded = self.docker(&["load", "--quiet", "--input", &archive]).await;
        let created = if loaded.ok() {
            self.docker(&["create", name, "/nothing"]).await
        } else {
            loaded
        };
        let container = created.stdout.trim();
        let found = if created.ok() {
            Some(look(&self.root_of(container)))
        } else {
            eprintln!("{}", created.text());
            None
        };
        self.docker(&["rm", container]).await;
        self.remove(name).await;
        found
    }

    /// Finds where the `vfs` driver keeps a container's files.
    fn root_of(&self, container: &str) -> PathBuf {
        let data = self.directory.path().join("data");
        let mounts = data.join("image/vfs/layerdb/mounts").join(container);
        let id = std::fs::read_to_string(mounts.join("mount-id")).expect("read a mount's id");
        data.join("vfs/dir").join(id)
    }

    /// Loads the images of an archive.
    pub async fn load(&self, archive: &Path) -> Outcome {
        let archive = archive.display().to_string();
        self.docker(&["load", "--quiet", "--input", &archive]).await
    }

    /// Runs a container to its end with a file as its standard input and without a network.
    pub async fn run(&self, image: &str, arguments: &[&str], input: &Path) -> Outcome {
        let host = self.host();
        let start = ["docker", "--host", &host, "run", "--rm", "--network=none"];
        let command = [start.as_slice(), &["--interactive", image], arguments].concat();
        run_fed(&command, &[], input, PULL_LIMIT).await
    }

    /// Runs a line of a shell in which `docker` speaks to this daemon.
    pub async fn shell(&self, line: &str, variables: &[(&str, &str)]) -> Outcome {
        let host = self.host();
        let mut all = vec![("DOCKER_HOST", OsStr::new(&host))];
        all.extend(
            variables
                .iter()
                .map(|(name, value)| (*name, OsStr::new(*value))),
        );
        run_with("sh", &["-c", line], &all, PULL_LIMIT).await
    }

    /// Starts a container whose health is looked at each second, and gives its name.
    pub async fn start_container(&self, image: &str, arguments: &[&str]) -> String {
        let start = ["run", "--detach", "--network=none"];
        let often = ["--health-interval=1s", "--health-start-period=1s", image];
        let command = [start.as_slice(), &often, arguments].concat();
        let started = self.docker(&command).await.expect_ok("docker run");
        started.stdout.trim().to_owned()
    }

    /// Ends a container.
    pub async fn remove_container(&self, container: &str) -> Outcome {
        self.docker(&["rm", "--force", "--volumes", container])
            .await
    }

    /// Gives what is known of an `image` or a `container`.
    pub async fn show(&self, kind: &str, name: &str) -> Value {
        let shown = self.docker(&["inspect", "--type", kind, name]).await;
        let mut shown: Vec<Value> = serde_json::from_str(&shown.stdout).unwrap_or_default();
        shown.pop().unwrap_or_default()
    }

    /// Gives the address of the daemon's socket, as `DOCKER_HOST` takes it.
    pub fn host(&self) -> String {
        format!("unix://{}/socket", self.directory.path().display())
    }

    async fn docker(&self, arguments: &[&str]) -> Outcome {
        let host = self.host();
        let config = self.directory.path().join("client").display().to_string();
        let mut all = vec!["--config", &config, "--host", &host];
        all.extend(arguments);
        run("docker", &all, PULL_LIMIT).await
    }
}

/// Gives what `docker pull` prints when the registry denies a manifest for `reason`.
pub fn denial(reference: &str, reason: &str) -> String {
    let name = reference
        .rsplit_once(':')
        .map_or(reference, |(name, _)| name);
    format!(
        "Error response from daemon: pull access denied for {name}, repository does not exist or \
         may require 'docker login': denied: {reason}"
    )
}
