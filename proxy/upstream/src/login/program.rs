//! Runs a program that knows credentials: bounded in time and output, its words for nobody.

use std::io;
use std::process::{ExitStatus, Stdio};
use std::sync::Arc;
use std::time::Duration;

use tokio::io::{AsyncRead, AsyncReadExt as _, AsyncWriteExt as _};
use tokio::process::{Child, Command};

use super::error::LoginError;

/// How long a program may take. The kubelet gives them a minute; a client waits here.
const MOST_TIME: Duration = Duration::from_secs(30);
/// Longest answer, in bytes. Tokens of clouds have 2 to 4 KiB.
const MOST_BYTES: usize = 64 * 1024;
/// Variables of this program that others are not shown: they may hold its secrets.
const OURS: &str = "SLUICEGATE_";

/// A program, and how it is started.
#[derive(Clone, Debug)]
pub(super) struct Program {
    pub(super) command: String,
    pub(super) args: Vec<String>,
    pub(super) env: Vec<(String, String)>,
}

/// What a program said, and whether it says that it went well.
pub(super) struct Said {
    pub(super) status: ExitStatus,
    pub(super) text: Vec<u8>,
}

impl Program {
    /// Runs the program with a text to read; whatever it prints beside its answer is dropped.
    pub(super) async fn ask(&self, question: &[u8]) -> Result<Said, LoginError> {
        let mut child = self.start()?;
        match tokio::time::timeout(MOST_TIME, self.talk(&mut child, question)).await {
            Ok(said) => said,
            // Dropped, it is killed.
            Err(_elapsed) => Err(LoginError::Silent {
                program: self.command.clone(),
                after: MOST_TIME,
            }),
        }
    }

    fn start(&self) -> Result<Child, LoginError> {
        let mut command = Command::new(&self.command);
        let ours = std::env::vars_os().map(|(name, _)| name);
        for name in ours.filter(|name| name.to_string_lossy().starts_with(OURS)) {
            command.env_remove(name);
        }
        command
            .args(&self.args)
            .envs(self.env.iter().map(|(name, value)| (name, value)))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .stderr(Stdio::null())
            .kill_on_drop(true);
        command.spawn().map_err(|error| self.not_started(error))
    }

    async fn talk(&self, child: &mut Child, question: &[u8]) -> Result<Said, LoginError> {
        let (input, output) = (child.stdin.take(), child.stdout.take());
        let asked = async {
            if let Some(mut input) = input {
                // One that knows without being asked may have closed it.
                let _ = input.write_all(question).await;
            }
        };
        let answered = async {
            match output {
                Some(output) => self.read(output).await,
                None => Ok(Vec::new()),
            }
        };
        let ((), text) = tokio::join!(asked, answered);
        let text = text?;
        let status = child
            .wait()
            .await
            .map_err(|error| self.not_started(error))?;
        Ok(Said { status, text })
    }

    async fn read(&self, output: impl AsyncRead + Unpin) -> Result<Vec<u8>, LoginError> {
        let mut text = Vec::new();
        let most = MOST_BYTES as u64 + 1;
        let read = output.take(most).read_to_end(&mut text).await;
        read.map_err(|error| self.not_started(error))?;
        if text.len() > MOST_BYTES {
            return Err(LoginError::TooLong {
                program: self.command.clone(),
                limit: MOST_BYTES,
            });
        }
        Ok(text)
    }

    fn not_started(&self, error: io::Error) -> LoginError {
        LoginError::NotStarted {
            program: self.command.clone(),
            source: Arc::new(error),
        }
    }

    /// Says that the program ended badly.
    pub(super) fn failed(&self, status: ExitStatus) -> LoginError {
        LoginError::Failed {
            program: self.command.clone(),
            status: status.to_string(),
        }
    }

    /// Says that its answer is of no use.
    pub(super) fn unusable(&self, reason: &'static str) -> LoginError {
        LoginError::Unusable {
            program: self.command.clone(),
            reason,
        }
    }
}
