//! Log setup: one line a step, to stderr, as text or JSON, and no secret in any.

use std::io::{self, IsTerminal as _, Stderr, Write};

use sluicegate_config::LogFormat;
use tracing_subscriber::EnvFilter;
use tracing_subscriber::layer::SubscriberExt as _;
use tracing_subscriber::util::SubscriberInitExt as _;

use crate::secrets;

/// Starts logging. A second call changes nothing.
pub fn start(format: LogFormat, filter: Option<&str>) {
    let filter = EnvFilter::try_new(filter.unwrap_or("info,sled=warn,hyper=warn"))
        .unwrap_or_else(|_| EnvFilter::new("info"));
    let registry = tracing_subscriber::registry().with(filter);
    let _already_started = match format {
        LogFormat::Text => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .with_ansi(std::io::stderr().is_terminal())
                    .with_writer(ScrubbedStderr::new),
            )
            .try_init(),
        LogFormat::Json => registry
            .with(
                tracing_subscriber::fmt::layer()
                    .json()
                    .with_writer(ScrubbedStderr::new),
            )
            .try_init(),
    };
}

/// Writes lines without the secrets in hand: the last place before they leave, whoever said them.
struct ScrubbedStderr(Stderr);

impl ScrubbedStderr {
    fn new() -> Self {
        Self(io::stderr())
    }
}

impl Write for ScrubbedStderr {
    /// Takes a line whole: that is how the formatter writes.
    fn write(&mut self, line: &[u8]) -> io::Result<usize> {
        match std::str::from_utf8(line) {
            Ok(text) => self.0.write_all(secrets::scrub(text).as_bytes())?,
            Err(_) => self.0.write_all(line)?,
        }
        Ok(line.len())
    }

    fn flush(&mut self) -> io::Result<()> {
        self.0.flush()
    }
}
