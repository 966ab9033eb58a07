//! The program started by hand: its own arguments, and what starts it.

use std::path::Path;
use std::process::Command;
use std::time::Duration;

use http::Method;
use sluicegate_tests::process::Daemon;
use sluicegate_tests::proxy::program;
use sluicegate_tests::wire::{Call, Reply};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};

/// A running program.
pub struct Served {
    daemon: Daemon,
    api: String,
}

impl Served {
    /// Starts `serve` through the words of `starter`, none for as it is; `api` is where its API is
    /// reached, and `home` where its log goes. Waits until it is ready.
    pub async fn start(starter: &[&str], arguments: &[&str], api: &str, home: &Path) -> Self {
        let program = program().display().to_string();
        let mut words = starter.to_vec();
        words.extend([program.as_str(), "serve"]);
        words.extend(arguments);
        let (first, rest) = words.split_first().expect("a program");
        let mut command = Command::new(first);
        command.args(rest).env_clear();
        command.env("PATH", "/usr/sbin:/usr/bin:/sbin:/bin");
        command.env("HOME", home);
        let mut served = Self {
            daemon: Daemon::start("sluicegate", command, &home.join("serve.log")),
            api: api.to_owned(),
        };
        let ready = async || {
            let asked = Call::new(Method::GET, api, "/readyz").limit(Duration::from_secs(2));
            // Pulls wait for the first load of the feeds; tests have no time to.
            asked
                .try_send()
                .await
                .is_ok_and(|reply| reply.status == 200 && reply.json()["feeds_loaded"] == true)
        };
        served.daemon.wait_until(ready).await;
        served
    }

    /// Gives the API's host and port.
    pub fn api(&self) -> &str {
        &self.api
    }

    /// Sends a request to the API with these headers.
    pub async fn ask(&self, method: Method, path: &str, headers: &[(&str, &str)]) -> Reply {
        let call = Call::new(method, &self.api, path);
        let add = |call: Call, (name, value): &(&str, &str)| call.header(name, value);
        headers.iter().fold(call, add).send().await
    }

    /// Sends bytes to the API as they are and gives the answer's status line.
    pub async fn raw(&self, request: &str) -> String {
        let mut stream = tokio::net::TcpStream::connect(&self.api)
            .await
            .expect("connect");
        stream.write_all(request.as_bytes()).await.expect("send");
        let mut answer = Vec::new();
        let reading = stream.read_to_end(&mut answer);
        let _cut_or_closed = tokio::time::timeout(Duration::from_secs(5), reading).await;
        let answer = String::from_utf8_lossy(&answer).into_owned();
        answer.lines().next().unwrap_or_default().to_owned()
    }

    /// Gives everything logged so far.
    pub fn log(&self) -> String {
        self.daemon.log()
    }
}
