//! `podman pull` with a store of its own, thrown away afterwards.
//!
//! podman has no daemon; a new store is a cold client, the same store a warm one.

use std::ffi::OsStr;
use std::path::Path;

use tempfile::TempDir;

use crate::clients::PULL_LIMIT;
use crate::process::{Outcome, run_with};

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

    /// Gives the manifest digest of a pulled image, empty where there is none.
    pub async fn digest(&self, reference: &str) -> String {
        let shown = self
            .podman(&["image", "inspect", "--format={{.Digest}}", reference])
            .await;
        shown.stdout.trim().to_owned()
    }

    /// Removes an image.
    pub async fn remove(&self, reference: &str) -> Outcome {
        self.podman(&["image", "rm", "--force", reference]).await
    }

    fn path(&self, name: &str) -> String {
        self.directory.path().join(name).display().to_string()
    }

    async fn podman(&self, arguments: &[&str]) -> Outcome {
        let (root, runroot) = (self.path("root"), self.path("run"));
        let mut all = vec![
            "--root",
            &root,
            "--runroot",
            &runroot,
            "--storage-driver=vfs",
        ];
        all.extend(["--cgroup-manager=cgroupfs", "--events-backend=none"]);
        all.extend(arguments);
        let registries = self.path("registries.conf");
        let environment = [
            ("CONTAINERS_REGISTRIES_CONF", OsStr::new(&registries)),
            ("TMPDIR", Path::new(self.directory.path()).as_os_str()),
        ];
        run_with("podman", &all, &environment, PULL_LIMIT).await
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
