//! Linked scanners as their users start them: linked by the command, run as a program of their own.

use std::path::PathBuf;
use std::process::ExitStatus;
use std::time::Duration;

use serde_json::Value;
use tempfile::TempDir;

use crate::network::{self, Network, Way};
use crate::process::{Daemon, Outcome};
use crate::proxy::{Proxy, program, sluicegate};

/// How long a stop may take.
const STOP_LIMIT: Duration = Duration::from_secs(30);

/// The scanners of a service.
pub struct Scanners<'a>(pub &'a Proxy);

/// A running scanner.
pub struct Scanner {
    daemon: Daemon,
    /// What it is run by, so that it is in another network.
    by: Vec<String>,
    directory: TempDir,
    arguments: Vec<String>,
}

impl Scanners<'_> {
    /// Runs a command about scanners where the service runs.
    pub async fn run(&self, arguments: &[&str]) -> Outcome {
        let data = self.0.data().display().to_string();
        let mut all = vec!["scanners"];
        all.extend(arguments);
        all.extend(["--data", &data]);
        sluicegate(&all).await
    }

    /// Makes a linking key.
    pub async fn link(&self, name: &str, more: &[&str]) -> String {
        let mut arguments = vec!["link", "--name", name, "--format", "json"];
        arguments.extend(more);
        let linked = self.run(&arguments).await.expect_ok("link a scanner");
        let issued: Value = serde_json::from_str(&linked.stdout).expect("a linking key as JSON");
        issued["linking_key"].as_str().expect("a key").to_owned()
    }

    /// Gives what is shown of the scanner of a name, the newest of it.
    pub async fn shown(&self, name: &str) -> Value {
        let listed = self.run(&["list", "--format", "json"]).await;
        let listed = listed.expect_ok("list scanners").stdout;
        let page: Value = serde_json::from_str(&listed).expect("a list as JSON");
        let items = page["items"].as_array().expect("items");
        let mut named = items.iter().filter(|it| it["name"] == name);
        named.next_back().cloned().unwrap_or_default()
    }
}

impl Scanner {
    /// Starts one with a linking key; it may fetch from these registries, `HOST=URL`.
    pub fn start(service: &Proxy, linking_key: &str, allow: &[&str]) -> Self {
        Self::start_with(service, linking_key, allow, &[])
    }

    /// Starts one with more flags.
    pub fn start_with(service: &Proxy, linking_key: &str, allow: &[&str], more: &[&str]) -> Self {
        Self::run_by(
            Vec::new(),
            service.api_address(),
            linking_key,
            (allow, more),
        )
    }

    /// Starts one in a network from which this is the way to the service.
    pub fn start_in(
        network: &Network,
        way: &Way,
        linking_key: &str,
        flags: (&[&str], &[&str]),
    ) -> Self {
        Self::run_by(network.entry(), way.address(), linking_key, flags)
    }

    fn run_by(
        by: Vec<String>,
        service: &str,
        linking_key: &str,
        (allow, more): (&[&str], &[&str]),
    ) -> Self {
        let directory = tempfile::tempdir().expect("make a directory");
        std::fs::write(directory.path().join("key"), linking_key).expect("write a key");
        let service = format!("http://{service}");
        let allow = allow.iter().flat_map(|registry| ["--allow", registry]);
        let all = ["--service", &service].into_iter().chain(allow);
        let all = all.chain(more.iter().copied());
        let arguments: Vec<String> = all.map(str::to_owned).collect();
        Self {
            daemon: launch(&by, &directory, &arguments),
            by,
            directory,
            arguments,
        }
    }

    /// Gives the directory of its data.
    pub fn data(&self) -> PathBuf {
        self.directory.path().join("data")
    }

    /// Takes the linking key away, as whoever has used it may.
    pub fn forget_linking_key(&self) {
        std::fs::remove_file(self.directory.path().join("key")).expect("remove the key");
    }

    /// Gives everything logged so far.
    pub fn log(&self) -> String {
        self.daemon.log()
    }

    /// Tells whether it still runs.
    pub fn is_running(&mut self) -> bool {
        self.daemon.is_running()
    }

    /// Ends it at once, as a crash would.
    pub fn kill(&mut self) {
        self.daemon.kill_now();
    }

    /// Starts it again over the same data.
    pub fn restart(&mut self) {
        self.daemon.kill_now();
        self.daemon = launch(&self.by, &self.directory, &self.arguments);
    }

    /// Asks it to stop and waits until it has.
    pub fn terminate(&mut self) -> ExitStatus {
        self.daemon.terminate(STOP_LIMIT)
    }

    /// Sends a signal by name.
    pub fn signal(&self, name: &str) {
        self.daemon.signal(name);
    }
}

fn launch(by: &[String], directory: &TempDir, arguments: &[String]) -> Daemon {
    let at = |name: &str| directory.path().join(name);
    let mut command = network::command(by, &program().display().to_string());
    command.arg("scanner").args(arguments);
    command.arg("--linking-key-file").arg(at("key"));
    command.arg("--data").arg(at("data"));
    command.env_clear().env("HOME", directory.path());
    Daemon::start("scanner", command, &at("scanner.log"))
}
