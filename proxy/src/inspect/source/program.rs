//! An engine's own program, run for what only it can read. Bounded in what is kept of its output.

use std::fs::File;
use std::io::{ErrorKind, Read as _};
use std::process::{Child, Command, Stdio};

use super::Surroundings;
use super::error::SourceError;
use super::spool;

/// Most bytes of a program's messages that are kept.
const MAX_TEXT_BYTES: u64 = 64 * 1024;

/// A program and the arguments that every run of it has.
pub(super) struct Program {
    name: &'static str,
    first: Vec<String>,
}

impl Program {
    /// Describes a program that is looked for where programs are.
    pub(super) fn new(name: &'static str, first: &[&str]) -> Self {
        let first = first.iter().map(|&argument| argument.to_owned()).collect();
        Self { name, first }
    }

    /// Runs it for its exit code; none where there is no such program.
    pub(super) fn status(&self, arguments: &[&str]) -> Result<Option<i32>, SourceError> {
        let mut command = self.command(arguments);
        match command.stdout(Stdio::null()).stderr(Stdio::null()).status() {
            Ok(status) => Ok(Some(status.code().unwrap_or(-1))),
            Err(error) if error.kind() == ErrorKind::NotFound => Ok(None),
            Err(error) => Err(self.failed(error)),
        }
    }

    /// Runs it for what it prints; none where there is no such program.
    pub(super) fn text(&self, arguments: &[&str]) -> Result<Option<String>, SourceError> {
        let mut child = match self.command(arguments).spawn() {
            Ok(child) => child,
            Err(error) if error.kind() == ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(self.failed(error)),
        };
        let messages = messages(&mut child);
        let mut text = String::new();
        if let Some(out) = child.stdout.take() {
            out.take(MAX_TEXT_BYTES)
                .read_to_string(&mut text)
                .map_err(|error| self.failed(error))?;
        }
        self.ended(child, messages)?;
        Ok(Some(text))
    }

    /// Runs it for the archive that it prints.
    pub(super) fn output(
        &self,
        arguments: &[&str],
        surroundings: &Surroundings,
    ) -> Result<File, SourceError> {
        let spawned = self.command(arguments).spawn();
        let mut child = spawned.map_err(|error| self.failed(error))?;
        let messages = messages(&mut child);
        let Some(out) = child.stdout.take() else {
            return Err(self.failed("it has no output"));
        };
        let copied = spool::copy(self.name, out, &*surroundings.on_copy);
        if copied.is_err() {
            // It may be waiting for somebody to read on.
            let _gone_already = child.kill();
        }
        self.ended(child, messages)?;
        copied
    }

    fn command(&self, arguments: &[&str]) -> Command {
        let mut command = Command::new(self.name);
        command
            .args(&self.first)
            .args(arguments)
            .stdin(Stdio::null())
            .stdout(Stdio::piped())
            .stderr(Stdio::piped());
        command
    }

    fn ended(&self, mut child: Child, messages: Messages) -> Result<(), SourceError> {
        let status = child.wait().map_err(|error| self.failed(error))?;
        let text = messages.join().unwrap_or_default();
        if status.success() {
            return Ok(());
        }
        Err(self.failed(format!("it ended with {status}: {}", text.trim())))
    }

    fn failed(&self, reason: impl std::fmt::Display) -> SourceError {
        SourceError::Engine {
            engine: self.name.to_owned(),
            reason: reason.to_string(),
        }
    }
}

type Messages = std::thread::JoinHandle<String>;

/// Reads what a program says to people while its output is read.
fn messages(child: &mut Child) -> Messages {
    let errors = child.stderr.take();
    std::thread::spawn(move || {
        let mut text = Vec::new();
        if let Some(mut errors) = errors {
            let _as_much_as_there_is = (&mut errors).take(MAX_TEXT_BYTES).read_to_end(&mut text);
            let _so_that_it_is_never_blocked = std::io::copy(&mut errors, &mut std::io::sink());
        }
        String::from_utf8_lossy(&text).into_owned()
    })
}

/// Says that an engine has no such image.
pub(super) fn not_found(engine: &str, image: &str) -> SourceError {
    SourceError::NotFound {
        place: engine.to_owned(),
        image: image.to_owned(),
        known: Vec::new(),
    }
}
