//! The product as its users start it: the real program, its flags, its ports, its files.
//!
//! A proxy is described, started, killed, restarted over the same data, and asked through its API
//! and command line. Its log is shown when the test that owns it fails.

use std::path::{Path, PathBuf};
use std::process::{Command, ExitStatus};
use std::time::Duration;

use http::Method;
use serde_json::Value;
use tempfile::TempDir;

use crate::process::{Daemon, Outcome, free_port, run};
use crate::wire::{Call, Reply};

/// The name under which tests configure their upstream.
pub const UPSTREAM: &str = "up.test";
/// How long a stop may take: design's drain time.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// A proxy that has not started yet.
pub struct ProxyBuilder {
    directory: TempDir,
    arguments: Vec<String>,
    environment: Vec<(String, String)>,
    feed: Option<String>,
    data: PathBuf,
}

/// A running proxy.
pub struct Proxy {
    daemon: Daemon,
    builder: ProxyBuilder,
    address: String,
    api_address: String,
}

impl ProxyBuilder {
    /// Describes a proxy whose default upstream is at `url`, without feeds.
    pub fn new(url: &str) -> Self {
        let directory = tempfile::tempdir().expect("make a directory");
        Self::in_directory(directory)
            .flag("--upstream", &format!("{UPSTREAM}={url}"))
            .flag("--default-upstream", UPSTREAM)
    }

    /// Describes a proxy whose upstreams are in a configuration file of this text.
    pub fn with_config(config: &str) -> Self {
        let directory = tempfile::tempdir().expect("make a directory");
        let file = directory.path().join("sluicegate.yaml");
        std::fs::write(&file, config).expect("write the configuration");
        Self::in_directory(directory)
            .flag("--config", &file.display().to_string())
            .flag("--default-upstream", UPSTREAM)
    }

    fn in_directory(directory: TempDir) -> Self {
        let data = directory.path().join("data");
        Self {
            directory,
            arguments: Vec::new(),
            environment: Vec::new(),
            feed: None,
            data,
        }
    }

    /// Keeps the data in another place than its own directory.
    pub fn data(mut self, path: &str) -> Self {
        self.data = path.into();
        self
    }

    /// Adds a flag with its value.
    pub fn flag(mut self, name: &str, value: &str) -> Self {
        self.arguments.extend([name.to_owned(), value.to_owned()]);
        self
    }

    /// Adds a flag that has no value.
    pub fn switch(mut self, name: &str) -> Self {
        self.arguments.push(name.to_owned());
        self
    }

    /// Adds an environment variable.
    pub fn environment(mut self, name: &str, value: &str) -> Self {
        self.environment.push((name.into(), value.into()));
        self
    }

    /// Adds a feed directory.
    pub fn feed(mut self, directory: &Path) -> Self {
        self.feed = Some(directory.display().to_string());
        self
    }

    /// Adds a feed directory if there is no feed yet.
    pub fn feed_unless_given(self, directory: &Path) -> Self {
        if self.feed.is_some() {
            return self;
        }
        self.feed(directory)
    }

    /// Adds a feed at a URL.
    pub fn feed_url(mut self, url: &str) -> Self {
        self.feed = Some(url.to_owned());
        self
    }

    /// Writes a policy document, in force from the start or, on a running proxy, after a reload.
    pub fn policy(self, name: &str, document: &str) -> Self {
        write_policy(&self.policies(), name, document);
        self
    }

    /// Starts it and waits until it is ready.
    pub async fn start(mut self) -> Proxy {
        let folder = self.policies();
        if folder.exists() {
            self = self.flag("--policy", &folder.display().to_string());
        }
        let address = format!("127.0.0.1:{}", free_port());
        let api_address = format!("127.0.0.1:{}", free_port());
        let daemon = launch(&self, &address, &api_address);
        let mut proxy = Proxy {
            daemon,
            builder: self,
            address,
            api_address,
        };
        proxy.wait_until_ready().await;
        proxy
    }

    fn policies(&self) -> PathBuf {
        self.directory.path().join("policies")
    }
}

impl Proxy {
    /// Gives the registry's host and port.
    pub fn address(&self) -> &str {
        &self.address
    }

    /// Gives the API's host and port.
    pub fn api_address(&self) -> &str {
        &self.api_address
    }

    /// Gives the data directory.
    pub fn data(&self) -> PathBuf {
        self.builder.data.clone()
    }

    /// Gives what a client pulls: `host:port/NAME`.
    pub fn reference(&self, name: &str) -> String {
        format!("{}/{name}", self.address)
    }

    /// Gives the process id.
    pub fn id(&self) -> u32 {
        self.daemon.id()
    }

    /// Gives everything logged so far.
    pub fn log(&self) -> String {
        self.daemon.log()
    }

    /// Sends one request to the registry and follows redirects.
    pub async fn ask(&self, method: Method, path: &str) -> Reply {
        Call::new(method, &self.address, path).follow().send().await
    }

    /// Reads a path of the API.
    pub async fn api(&self, path: &str) -> Reply {
        Call::new(Method::GET, &self.api_address, path).send().await
    }

    /// Gives the verdict on a digest.
    pub async fn verdict(&self, digest: &str) -> Value {
        let reply = self.api(&format!("/api/v1/verdicts/{digest}")).await;
        assert_eq!(
            reply.status,
            200,
            "no verdict on {digest}: {}",
            reply.text()
        );
        reply.json()
    }

    /// Runs a command of the program against this proxy's service.
    pub async fn command(&self, arguments: &[&str]) -> Outcome {
        let service = format!("http://{}", self.api_address);
        let mut all = arguments.to_vec();
        all.extend(["--service", &service]);
        sluicegate(&all).await
    }

    /// Writes a policy document that the running proxy should load.
    pub fn write_policy(&self, name: &str, document: &str) {
        write_policy(&self.builder.policies(), name, document);
    }

    /// Removes a policy document.
    pub fn remove_policy(&self, name: &str) {
        std::fs::remove_file(self.builder.policies().join(name)).expect("remove a policy");
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        self.daemon.kill_now();
    }

    /// Starts it again over the same data, with the same flags and ports.
    pub async fn restart(&mut self) {
        self.daemon.kill_now();
        self.daemon = launch(&self.builder, &self.address, &self.api_address);
        self.wait_until_ready().await;
    }

    /// Asks it to stop and waits until it has.
    pub fn terminate(&mut self) -> ExitStatus {
        self.daemon.terminate(STOP_LIMIT)
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        self.daemon.signal(name);
    }

    async fn wait_until_ready(&mut self) {
        let address = self.api_address.clone();
        let ready = async || {
            let asked = Call::new(Method::GET, &address, "/readyz").limit(Duration::from_secs(2));
            // Pulls wait for the first load of the feeds; tests have no time to.
            asked
                .try_send()
                .await
                .is_ok_and(|reply| reply.status == 200 && reply.json()["feeds_loaded"] == true)
        };
        self.daemon.wait_until(ready).await;
    }
}

/// Runs a command of the program to its end.
pub async fn sluicegate(arguments: &[&str]) -> Outcome {
    let program = program().display().to_string();
    run(&program, arguments, Duration::from_secs(60)).await
}

/// Runs `decisions verify` over a data directory.
pub async fn verify_log(data: &Path) -> Outcome {
    sluicegate(&["decisions", "verify", "--data", &data.display().to_string()]).await
}

/// Gives the path of the program that this build made.
pub fn program() -> PathBuf {
    let test = std::env::current_exe().expect("find the test program");
    let program = test
        .ancestors()
        .nth(2)
        .expect("deps lies in a profile")
        .join("sluicegate");
    assert!(
        program.exists(),
        "{} is not built; tests/run builds it",
        program.display()
    );
    program
}

fn launch(builder: &ProxyBuilder, address: &str, api_address: &str) -> Daemon {
    let mut command = Command::new(program());
    command
        .arg("serve")
        .args(["--listen", address, "--api-listen", api_address]);
    command
        .arg("--data")
        .arg(&builder.data)
        .args(&builder.arguments);
    command.args(["--feed", builder.feed.as_deref().unwrap_or("none")]);
    // Only what the test sets may configure the product.
    for (name, _) in std::env::vars_os() {
        if name.to_string_lossy().starts_with("SLUICEGATE_") {
            command.env_remove(name);
        }
    }
    for name in [
        "HTTPS_PROXY",
        "https_proxy",
        "HTTP_PROXY",
        "http_proxy",
        "ALL_PROXY",
    ] {
        command.env_remove(name);
    }
    command.envs(
        builder
            .environment
            .iter()
            .map(|(name, value)| (name, value)),
    );
    Daemon::start(
        "sluicegate",
        command,
        &builder.directory.path().join("serve.log"),
    )
}

fn write_policy(folder: &Path, name: &str, document: &str) {
    std::fs::create_dir_all(folder).expect("make the policy directory");
    let beside = folder.join(format!(".{name}.new"));
    std::fs::write(&beside, document).expect("write a policy");
    std::fs::rename(&beside, folder.join(name)).expect("publish a policy");
}
