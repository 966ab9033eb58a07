//! Where the socket of this machine's administrator is, for the service and for commands.

use std::fs::File;
use std::io;
use std::os::fd::AsRawFd as _;
use std::path::{Path, PathBuf};

/// Its name in the data directory.
const NAME: &str = "admin.sock";
/// Longest path of a socket, in bytes. Source: unix(7), `sun_path` without its end.
const MAX_PATH_BYTES: usize = 107;

/// The path of a socket that can be used as long as this is kept.
pub(crate) struct SocketPath {
    /// The path.
    pub(crate) path: PathBuf,
    _directory: Option<File>,
}

impl SocketPath {
    /// Gives the path in a data directory; by way of the open directory where that is too long.
    pub(crate) fn of(data: &Path) -> io::Result<Self> {
        let path = data.join(NAME);
        if path.as_os_str().len() <= MAX_PATH_BYTES {
            return Ok(Self {
                path,
                _directory: None,
            });
        }
        let directory = File::open(data)?;
        let path = format!("/proc/self/fd/{}/{NAME}", directory.as_raw_fd());
        Ok(Self {
            path: path.into(),
            _directory: Some(directory),
        })
    }
}
