//! `podman pull` with a store of its own, thrown away afterwards.
//!
//! podman has no daemon; a new store is a cold client, the same store a warm one.

use std::ffi::OsStr;
use std::path::Path;

use tempfile::TempDir;

use crate::clients::PULL_LIMIT;
use crate::process::{Daemon, Outcome, run_fed, run_with};
use crate::programs;

/// A podman with images of its own.
pub struct Podman {
    directory: TempDir,
}

impl Default for Podman {
    fn default() -> Self {
        Self::new()
    }
}

impl Podman {
    /// Makes an empty store.
    pub fn new() -> Self {
        let directory = tempfile::tempdir().expect("make a directory");
        let write = |name: &str, text: &str| {
            std::fs::write(directory.path().join(name), text).expect("write a configuration");
        };
        write(
            "policy.json",
            "{\"default\": [{\"type\": \"insecureAcceptAnything\"}]}",
        );
        write("registries.conf", "unqualified-search-registries = []\n");
        write("auth.json", "{}");
        Self { directory }
    }

    /// Replaces `registries.conf`, for example to try a mirror.
    pub fn configure(&self, registries: &str) {
        std::fs::write(self.directory.path().join("registries.conf"), registries)
            .expect("write registries.conf");
    }

    /// Pulls an image over plain HTTP.
    pub async fn pull(&self, reference: &str) -> Outcome {
        let policy = self.path("policy.json");
        self.podman(&[
            "pull",
            "--tls-verify=false",
            "--signature-policy",
            &policy,
            reference,
        ])
        .await
    }

    /// Pulls an image over plain HTTP with `USER:PASSWORD`.
    pub async fn pull_as(&self, reference: &str, creds: &str) -> Outcome {
        let policy = self.path("policy.json");
        self.podman(&[
            "pull",
            "--creds",
            creds,
            "--tls-verify=false",
            "--signature-policy",
            &policy,
            reference,
        ])
        .await
    }

    /// Logs in to a registry over plain HTTP, so that the next pulls from it say who they are.
    pub async fn log_in(&self, host: &str, user: &str, password: &str) -> Outcome {
        let login = ["login", "--tls-verify=false", "--username", user];
        let secret = ["--password", password, host];
        self.podman(&[login.as_slice(), &secret].concat()).await
    }

    /// Gives the manifest digest of a pulled image, empty where there is none.
    pub async fn digest(&self, reference: &str) -> String {
        let shown = self
            .podman(&["image", "inspect", "--format={{.Digest}}", reference])
            .await;
        shown.stdout.trim().to_owned()
    }

    /// Loads the images of an archive.
    pub async fn load(&self, archive: &Path) -> Outcome {
        let (policy, archive) = (self.path("policy.json"), archive.display().to_string());
        let load = ["load", "--quiet", "--signature-policy", &policy];
        self.podman(&[load.as_slice(), &["--input", &archive]].concat())
            .await
    }

    /// Runs a container to its end with a file as its standard input and without a network.
    pub async fn run(&self, image: &str, arguments: &[&str], input: &Path) -> Outcome {
        let options = self.options();
        let options: Vec<&str> = options.iter().map(String::as_str).collect();
        // Health is looked at by systemd, and limits raised by root: a test may have neither.
        let start = ["run", "--rm", "--network=none", "--no-healthcheck"];
        let bounds = ["--ulimit=nofile=1024", "--ulimit=nproc=1024"];
        let pulled = ["--pull=never", "--interactive", image];
        let command = [
            &["podman"],
            options.as_slice(),
            &start,
            &bounds,
            &pulled,
            arguments,
        ]
        .concat();
        let registries = self.path("registries.conf");
        let environment = [
            ("CONTAINERS_REGISTRIES_CONF", OsStr::new(&registries)),
            ("TMPDIR", self.directory.path().as_os_str()),
        ];
        run_fed(&command, &environment, input, PULL_LIMIT).await
    }

    /// Removes an image.
    pub async fn remove(&self, reference: &str) -> Outcome {
        self.podman(&["image", "rm", "--force", reference]).await
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    /// Makes a program `podman` that uses this store, and gives the `PATH` that has it first.
    pub fn on_path(&self) -> String {
        let folder = self.directory.path().join("bin");
        std::fs::create_dir_all(&folder).expect("make a directory");
        let path = std::env::var_os("PATH").unwrap_or_default();
        let path = path.to_string_lossy();
        let options = self.options().join(" ");
        let (folder_name, tmp) = (folder.display(), self.directory.path().display());
        let script =
            format!("#!/bin/sh\nPATH='{path}' TMPDIR={tmp} exec podman {options} \"$@\"\n");
        programs::write(&folder.join("podman"), &script);
        format!("{folder_name}:{path}")
    }

    /// Serves the store on a socket, as `podman.socket` does.
    pub async fn serve(&self) -> PodmanService {
        let socket = self.path("podman.sock");
        let url = format!("unix://{socket}");
        let mut command = std::process::Command::new("podman");
        command
            .args(self.options())
            .args(["system", "service", "--time=0", &url])
            .env("TMPDIR", self.directory.path());
        let log = self.directory.path().join("service.log");
        let mut daemon = Daemon::start("podman system service", command, &log);
        let answers = async || tokio::net::UnixStream::connect(&socket).await.is_ok();
        daemon.wait_until(answers).await;
        PodmanService {
            _daemon: daemon,
            url,
        }
    }

    fn options(&self) -> Vec<String> {
        let mut options = vec!["--root".to_owned(), self.path("root")];
        options.extend(["--runroot".to_owned(), self.path("run")]);
        let rest = [
            "--storage-driver=vfs",
            "--cgroup-manager=cgroupfs",
            "--events-backend=none",
        ];
        options.extend(rest.map(ToOwned::to_owned));
        options
    }

    async fn podman(&self, arguments: &[&str]) -> Outcome {
        let options = self.options();
        let mut all: Vec<&str> = options.iter().map(String::as_str).collect();
        all.extend(arguments);
        let (registries, logins) = (self.path("registries.conf"), self.path("auth.json"));
        let environment = [
            ("CONTAINERS_REGISTRIES_CONF", OsStr::new(&registries)),
            ("REGISTRY_AUTH_FILE", OsStr::new(&logins)),
            ("TMPDIR", Path::new(self.directory.path()).as_os_str()),
        ];
        run_with("podman", &all, &environment, PULL_LIMIT).await
    }
}

/// A podman that serves its store on a socket.
pub struct PodmanService {
    _daemon: Daemon,
    url: String,
}

impl PodmanService {
    /// Gives the address of the socket, as `CONTAINER_HOST` takes it.
    pub fn url(&self) -> &str {
        &self.url
    }
}

/// Gives the end of what `podman pull` prints when the registry denies a manifest for `reason`.
pub fn denial(reference: &str, reason: &str) -> String {
    let (name, tag) = reference.rsplit_once(':').unwrap_or((reference, "latest"));
    format!(
        "Error: initializing source docker://{reference}: reading manifest {tag} in {name}: \
         denied: {reason}"
    )
}
