//! Debian's `docker-registry` as a real upstream: plain, or with TLS and a password.
//!
//! Its access log counts what was asked of it. Content is pushed over plain HTTP; an instance with
//! TLS and htpasswd serves the same storage directory, so that pushing needs no second client.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use http::{Method, StatusCode};
use sluicegate_model::Digest;
use tempfile::TempDir;

use crate::certificates;
use crate::image::{Image, Index};
use crate::network::{self, Network};
use crate::process::{Daemon, free_port, run};
use crate::wire::{Call, head};

/// Tries to get a port that another test did not take in the meantime.
const START_TRIES: usize = 3;

/// A running registry with a storage directory of its own.
pub struct Registry {
    daemon: Daemon,
    address: String,
    directory: TempDir,
}

/// A registry with TLS and a password, over the storage of a plain one.
pub struct SecureRegistry {
    plain: Registry,
    daemon: Daemon,
    address: String,
    ca_file: PathBuf,
}

/// A registry that only a network of its own reaches.
pub struct SiteRegistry {
    _daemon: Daemon,
    address: String,
}

/// The user that a secure registry knows.
pub const USER: &str = "puller";
/// The password of that user, searched for in every output by the tests on secrets.
pub const PASSWORD: &str = "correct-horse-canary-7261";

/// One line of the access log.
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Access {
    /// The request method.
    pub method: String,
    /// The path and query.
    pub path: String,
    /// The status answered.
    pub status: u16,
}

impl Registry {
    /// Starts a plain registry on a free loopback port.
    pub async fn start() -> Self {
        let directory = tempfile::tempdir().expect("make a directory");
        for _ in 1..START_TRIES {
            let port = free_port();
            if let Some(daemon) = launch(directory.path(), directory.path(), port, "").await {
                return Self {
                    daemon,
                    address: format!("127.0.0.1:{port}"),
                    directory,
                };
            }
        }
        panic!("docker-registry did not start; tests/run installs it");
    }

    /// Gives host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Gives the base URL.
    pub fn url(&self) -> String {
        format!("http://{}", self.address)
    }

    /// Pushes an image under a tag.
    pub async fn push(&self, repository: &str, tag: &str, image: &Image) {
        for blob in image.blobs() {
            self.push_blob(repository, &blob.digest, blob.bytes.clone())
                .await;
        }
        self.push_manifest(repository, tag, &image.media_type, image.manifest.clone())
            .await;
    }

    /// Pushes an index under a tag, its children first, by digest.
    pub async fn push_index(&self, repository: &str, tag: &str, index: &Index) {
        for child in &index.children {
            self.push(repository, child.digest.as_str(), child).await;
        }
        self.push_manifest(repository, tag, &index.media_type, index.manifest.clone())
            .await;
    }

    /// Pushes one blob, unless the repository has it.
    pub async fn push_blob(&self, repository: &str, digest: &Digest, bytes: Bytes) {
        let known = head(&self.address, &format!("/v2/{repository}/blobs/{digest}")).await;
        if known.status == StatusCode::OK {
            return;
        }
        let uploads = format!("/v2/{repository}/blobs/uploads/");
        let opened = Call::new(Method::POST, &self.address, &uploads)
            .send()
            .await;
        assert_eq!(
            opened.status,
            StatusCode::ACCEPTED,
            "open an upload: {}",
            opened.text()
        );
        let location = opened.header("location").to_owned();
        let path = location
            .split_once(&self.address)
            .map_or(location.as_str(), |(_, path)| path);
        let path = format!("{path}&digest={digest}");
        let stored = Call::new(Method::PUT, &self.address, &path)
            .header("content-type", "application/octet-stream")
            .body(bytes)
            .send()
            .await;
        assert_eq!(
            stored.status,
            StatusCode::CREATED,
            "push a blob: {}",
            stored.text()
        );
    }

    /// Pushes manifest bytes under a tag or digest.
    pub async fn push_manifest(
        &self,
        repository: &str,
        reference: &str,
        media_type: &str,
        manifest: Bytes,
    ) {
        let path = format!("/v2/{repository}/manifests/{reference}");
        let stored = Call::new(Method::PUT, &self.address, &path)
            .header("content-type", media_type)
            .body(manifest)
            .send()
            .await;
        assert_eq!(
            stored.status,
            StatusCode::CREATED,
            "push a manifest: {}",
            stored.text()
        );
    }

    /// Gives what was asked so far by others than this test, in the order of the answers.
    pub fn accesses(&self) -> Vec<Access> {
        accesses(&self.daemon.log())
    }

    /// Starts another instance over the same storage, which only a network of its own reaches.
    pub async fn within(&self, network: &Network) -> SiteRegistry {
        let home = self.directory.path().join("site");
        std::fs::create_dir(&home).expect("make a directory");
        let (port, storage) = (free_port(), self.directory.path());
        let address = format!("127.0.0.1:{port}");
        let mut daemon = serve(&network.entry(), &home, storage, port, "");
        daemon
            .wait_until(async || network.listening().contains(&address))
            .await;
        SiteRegistry {
            _daemon: daemon,
            address,
        }
    }

    /// Stops the registry, as an outage would; its storage stays.
    pub fn stop(&mut self) {
        self.daemon.kill_now();
    }
}

impl SiteRegistry {
    /// Gives its host and port, within its network.
    pub fn address(&self) -> &str {
        &self.address
    }
}

impl SecureRegistry {
    /// Starts a plain registry to push to and a second one with TLS and htpasswd over its storage.
    pub async fn start() -> Self {
        let plain = Registry::start().await;
        let directory = plain.directory.path();
        let ca_file = certificates::write(directory);
        let users = run(
            "htpasswd",
            &["-Bbn", USER, PASSWORD],
            crate::process::START_DEADLINE,
        )
        .await;
        let users = users.expect_ok("htpasswd");
        std::fs::write(directory.join("htpasswd"), users.stdout).expect("write htpasswd");
        let extra = format!(
            "  tls:\n    certificate: {0}/server.pem\n    key: {0}/server.key\n\
             auth:\n  htpasswd:\n    realm: test\n    path: {0}/htpasswd\n",
            directory.display()
        );
        let home = directory.join("secure");
        std::fs::create_dir(&home).expect("make a directory");
        for _ in 1..START_TRIES {
            let port = free_port();
            if let Some(daemon) = launch(&home, directory, port, &extra).await {
                let address = format!("127.0.0.1:{port}");
                return Self {
                    plain,
                    daemon,
                    address,
                    ca_file,
                };
            }
        }
        panic!("docker-registry with TLS did not start");
    }

    /// Gives the plain instance, to push to.
    pub fn plain(&self) -> &Registry {
        &self.plain
    }

    /// Gives the base URL that clients use.
    pub fn url(&self) -> String {
        format!("https://{}", self.address)
    }

    /// Gives the certificate of the authority that signed this server's.
    pub fn ca_file(&self) -> &Path {
        &self.ca_file
    }

    /// Gives what was asked of the secure instance.
    pub fn accesses(&self) -> Vec<Access> {
        accesses(&self.daemon.log())
    }
}

/// Starts one instance, by another program if any.
fn serve(by: &[String], home: &Path, storage: &Path, port: u16, extra: &str) -> Daemon {
    let config = format!(
        "version: 0.1\nlog: {{level: warn}}\nstorage:\n  filesystem: {{rootdirectory: {}/storage}}\n  \
         delete: {{enabled: true}}\nhttp:\n  addr: 127.0.0.1:{port}\n{extra}",
        storage.display()
    );
    let file = home.join("config.yml");
    std::fs::write(&file, config).expect("write the registry's configuration");
    let mut command = network::command(by, "docker-registry");
    command
        .arg("serve")
        .arg(&file)
        .env("OTEL_TRACES_EXPORTER", "none");
    Daemon::start("docker-registry", command, &home.join("registry.log"))
}

/// Starts one instance and waits until it is there; none when the port was taken.
async fn launch(home: &Path, storage: &Path, port: u16, extra: &str) -> Option<Daemon> {
    let mut daemon = serve(&[], home, storage, port, extra);
    let address = format!("127.0.0.1:{port}");
    let started = std::time::Instant::now();
    while started.elapsed() < crate::process::START_DEADLINE && daemon.is_running() {
        if tokio::net::TcpStream::connect(&address).await.is_ok() && daemon.is_running() {
            return Some(daemon);
        }
        tokio::time::sleep(crate::waiting::LOOK_AGAIN).await;
    }
    None
}

/// Reads the access log: `… "GET /v2/… HTTP/1.1" 200 …`.
fn accesses(log: &str) -> Vec<Access> {
    let parse = |line: &str| {
        let mut quoted = line.split('"');
        quoted.next()?;
        let mut request = quoted.next()?.split(' ');
        let (method, path) = (request.next()?, request.next()?);
        let status = quoted.next()?.split_whitespace().next()?.parse().ok()?;
        let known = ["GET", "HEAD", "POST", "PUT"].contains(&method);
        known.then(|| Access {
            method: method.into(),
            path: path.into(),
            status,
        })
    };
    log.lines().filter_map(parse).collect()
}
