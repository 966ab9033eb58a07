//! How far each place has been sent the log: a file for each, beside the log.

use std::io;
use std::path::{Path, PathBuf};

use sluicegate_local::decisions::Position;
use sluicegate_machine::private;
use sluicegate_model::Digest;

/// Where the positions are, beside the log.
const DIRECTORY: &str = "sent";
/// Largest file of a position, in bytes.
const MAX_BYTES: u64 = 4096;

/// The position of one place.
#[derive(Clone, Debug)]
pub(super) struct KeptPosition(PathBuf);

impl KeptPosition {
    /// Names the position of a place; its name may be anything.
    pub(super) fn of(log: &Path, name: &str) -> Self {
        let file = format!("{}.json", Digest::of(name.as_bytes()).hex());
        Self(log.join(DIRECTORY).join(file))
    }

    /// Reads it; none where nothing was ever sent.
    ///
    /// *Errors*: it cannot be read, or is no position: where lines begin again is for people to say, who
    /// may remove the file.
    pub(super) fn read(&self) -> io::Result<Option<Position>> {
        let text = match std::fs::File::open(&self.0) {
            Ok(file) => io::read_to_string(io::Read::take(file, MAX_BYTES))?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            Err(error) => return Err(error),
        };
        let read = serde_json::from_str(&text);
        let path = self.0.display();
        read.map(Some)
            .map_err(|error| io::Error::other(format!("{path} is no position: {error}")))
    }

    /// Keeps it; durable on return.
    pub(super) async fn write(&self, position: &Position) -> io::Result<()> {
        let text = serde_json::to_vec(position).map_err(io::Error::other)?;
        let path = self.0.clone();
        let write = move || {
            if let Some(directory) = path.parent() {
                private::create_dir_all(directory)?;
            }
            private::replace(&path, &text)
        };
        let written = tokio::task::spawn_blocking(write).await;
        written.unwrap_or_else(|error| Err(io::Error::other(error)))
    }
}
