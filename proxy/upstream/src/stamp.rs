//! Whether a file is still what it was when it was read.

use std::path::Path;
use std::time::SystemTime;

/// When a file was written, and its size.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub struct Stamp(SystemTime, u64);

impl Stamp {
    /// Takes it from a file; none where the system does not tell.
    pub fn of(file: &Path) -> Option<Self> {
        let file = file.metadata().ok()?;
        Some(Self(file.modified().ok()?, file.len()))
    }
}
