//! Child processes that never outlive the test that started them.
//!
//! A daemon's output goes to a file, shown when something fails. A watcher shell ends the daemon if
//! the test process itself is killed. Called by every part of the support that runs a program.

use std::ffi::OsStr;
use std::fs::File;
use std::io::Write as _;
use std::net::Ipv4Addr;
use std::ops::Range;
use std::path::{Path, PathBuf};
use std::process::{Child, Command, ExitStatus, Stdio};
use std::sync::LazyLock;
use std::sync::atomic::{AtomicU16, Ordering};
use std::time::{Duration, Instant};

use tokio::net::TcpSocket;

use crate::waiting::LOOK_AGAIN;

/// How long a daemon may take to answer; the machine may be busy compiling.
pub const START_DEADLINE: Duration = Duration::from_secs(60);

/// Ports for daemons: below Linux's default `ip_local_port_range`, which begins at 32768.
const PORTS: Range<u16> = 20_000..32_000;
/// Lines of a log that a failed test shows.
const SHOWN_LINES: usize = 80;

/// A running daemon, stopped on drop.
pub struct Daemon {
    name: String,
    child: Child,
    watcher: Child,
    log: PathBuf,
}

/// What a client program did.
#[derive(Clone, Debug)]
pub struct Outcome {
    /// The exit code, -1 where a signal ended the program.
    pub status: i32,
    /// Everything printed to the standard output.
    pub stdout: String,
    /// Everything printed to the standard error.
    pub stderr: String,
    /// The wall time of the run.
    pub took: Duration,
}

impl Outcome {
    /// Tells whether the program ended with 0.
    pub fn ok(&self) -> bool {
        self.status == 0
    }

    /// Gives both outputs as one text.
    pub fn text(&self) -> String {
        format!("{}{}", self.stdout, self.stderr)
    }

    /// Passes the outcome on if the program ended with 0, panics with its output otherwise.
    #[track_caller]
    pub fn expect_ok(self, what: &str) -> Self {
        assert!(
            self.ok(),
            "{what} ended with {}: {}",
            self.status,
            self.text()
        );
        self
    }

    /// Passes the outcome on if the program failed, panics otherwise.
    #[track_caller]
    pub fn expect_failure(self, what: &str) -> Self {
        assert!(!self.ok(), "{what} succeeded: {}", self.text());
        self
    }
}

impl Daemon {
    /// Starts `command` with its output appended to `log`.
    pub fn start(name: &str, mut command: Command, log: &Path) -> Self {
        let output = File::options()
            .create(true)
            .append(true)
            .open(log)
            .expect("open a log");
        let errors = output.try_clone().expect("share a log");
        let child = command
            .stdin(Stdio::null())
            .stdout(output)
            .stderr(errors)
            .spawn()
            .unwrap_or_else(|cause| panic!("start {name} ({command:?}): {cause}"));
        let watcher = watch(child.id(), None);
        Self {
            name: name.into(),
            child,
            watcher,
            log: log.into(),
        }
    }

    /// Starts a daemon that lives as long as the test program; `directory` goes with it.
    pub fn start_shared(name: &str, command: Command, log: &Path, directory: &Path) -> Self {
        let mut daemon = Self::start(name, command, log);
        let _ = daemon.watcher.kill();
        let _ = daemon.watcher.wait();
        daemon.watcher = watch(daemon.id(), Some(directory));
        daemon
    }

    /// Gives the process id.
    pub fn id(&self) -> u32 {
        self.child.id()
    }

    /// Tells whether the process still runs.
    pub fn is_running(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(None))
    }

    /// Gives everything logged so far.
    pub fn log(&self) -> String {
        String::from_utf8_lossy(&std::fs::read(&self.log).unwrap_or_default()).into_owned()
    }

    /// Waits until `ready` holds, panics with the log when the process ends or time runs out.
    pub async fn wait_until(&mut self, mut ready: impl AsyncFnMut() -> bool) {
        let started = Instant::now();
        while !ready().await {
            let in_time = started.elapsed() < START_DEADLINE;
            if !in_time || !self.is_running() {
                panic!("{} did not become ready:\n{}", self.name, self.log());
            }
            tokio::time::sleep(LOOK_AGAIN).await;
        }
    }

    /// Ends the process at once, as a crash would.
    pub fn kill_now(&mut self) {
        let _ = self.child.kill();
        let _ = self.child.wait();
    }

    /// Asks the process to stop and waits for it, panics if it takes longer than `limit`.
    pub fn terminate(&mut self, limit: Duration) -> ExitStatus {
        self.signal("TERM");
        let started = Instant::now();
        loop {
            if let Some(status) = self.child.try_wait().expect("wait for a daemon") {
                return status;
            }
            assert!(
                started.elapsed() < limit,
                "{} ignored SIGTERM for {limit:?}:\n{}",
                self.name,
                self.log()
            );
            std::thread::sleep(LOOK_AGAIN);
        }
    }

    /// Sends the signal of this name, for example `HUP` or `STOP`.
    pub fn signal(&self, name: &str) {
        let id = self.child.id().to_string();
        let _ = Command::new("kill")
            .args([&format!("-{name}"), &id])
            .status();
    }
}

impl Drop for Daemon {
    fn drop(&mut self) {
        if self.is_running() {
            // A daemon with children of its own (dockerd) must get the chance to end them.
            self.signal("TERM");
            let started = Instant::now();
            while self.is_running() && started.elapsed() < Duration::from_secs(3) {
                std::thread::sleep(LOOK_AGAIN);
            }
        }
        self.kill_now();
        let _ = self.watcher.kill();
        let _ = self.watcher.wait();
        if std::thread::panicking() {
            let log = self.log();
            let lines: Vec<&str> = log.lines().collect();
            let tail = lines[lines.len().saturating_sub(SHOWN_LINES)..].join("\n");
            let _ = writeln!(
                std::io::stderr(),
                "--- end of the log of {} ---\n{tail}",
                self.name
            );
        }
    }
}

/// Ends the process `id` when this process is gone: the watcher's input then closes.
fn watch(id: u32, directory: Option<&Path>) -> Child {
    let script = "read _; kill -TERM $0; sleep 2; kill -KILL $0; test -z \"$1\" || rm -rf \"$1\"";
    Command::new("sh")
        .args(["-c", script, &id.to_string()])
        .arg(directory.unwrap_or(Path::new("")))
        .stdin(Stdio::piped())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn()
        .expect("start a watcher shell")
}

/// Runs a program to its end, at most `limit`.
pub async fn run(program: &str, arguments: &[&str], limit: Duration) -> Outcome {
    run_with(program, arguments, &[], limit).await
}

/// Runs a program to its end with extra environment variables, at most `limit`.
pub async fn run_with(
    program: &str,
    arguments: &[&str],
    environment: &[(&str, &OsStr)],
    limit: Duration,
) -> Outcome {
    let started = Instant::now();
    let running = tokio::process::Command::new(program)
        .args(arguments)
        .envs(environment.iter().copied())
        .stdin(Stdio::null())
        .kill_on_drop(true)
        .output();
    let output = tokio::time::timeout(limit, running)
        .await
        .unwrap_or_else(|_| panic!("{program} {arguments:?} took longer than {limit:?}"))
        .unwrap_or_else(|cause| panic!("{program} cannot be run: {cause}; tests/run installs it"));
    Outcome {
        status: output.status.code().unwrap_or(-1),
        stdout: String::from_utf8_lossy(&output.stdout).into_owned(),
        stderr: String::from_utf8_lossy(&output.stderr).into_owned(),
        took: started.elapsed(),
    }
}

/// Runs a program and its arguments to its end with a file as its standard input.
pub async fn run_fed(
    command: &[&str],
    environment: &[(&str, &OsStr)],
    input: &Path,
    limit: Duration,
) -> Outcome {
    let input = input.display().to_string();
    let fed = ["-c", "exec \"$@\" <\"$0\"", input.as_str()];
    run_with(
        "sh",
        &[fed.as_slice(), command].concat(),
        environment,
        limit,
    )
    .await
}

/// Finds a loopback port that nothing listens on and that this program was not given before.
///
/// It lies below the range from which the kernel takes ports for outgoing connections, so that no
/// client can take it before the daemon does.
pub fn free_port() -> u16 {
    static NEXT: AtomicU16 = AtomicU16::new(0);
    static START: LazyLock<u16> = LazyLock::new(|| rand::random_range(0..PORTS.end - PORTS.start));
    for _ in PORTS {
        let step = NEXT.fetch_add(1, Ordering::Relaxed).wrapping_add(*START);
        let port = PORTS.start + step % (PORTS.end - PORTS.start);
        if is_free(port) {
            return port;
        }
    }
    panic!("no free port in {PORTS:?}");
}

/// Tells whether nothing listens on a loopback port, without listening there: whatever another test
/// starts in that moment would do so a little longer, and be taken for the daemon.
fn is_free(port: u16) -> bool {
    let socket = TcpSocket::new_v4().expect("make a socket");
    socket.set_reuseaddr(true).expect("take what was left");
    socket.bind((Ipv4Addr::LOCALHOST, port).into()).is_ok()
}
