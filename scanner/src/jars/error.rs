//! Why an index of JARs cannot be made or asked.

use std::error::Error;
use std::io;
use std::path::{Path, PathBuf};

/// Says why an index of JARs could not be made or asked.
#[derive(Debug, thiserror::Error)]
pub enum JarsError {
    /// The operating system refused.
    #[error("{action} {path}", path = path.display())]
    Io {
        /// What was attempted.
        action: &'static str,
        /// On which file.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The file is something else, or of another version of the program.
    #[error("{path} is not an index of JARs of this program's format", path = .0.display())]
    NotAnIndex(PathBuf),
    /// The file has another length than its header says.
    #[error("the index of JARs {path} has {got} bytes and should have {wanted}", path = path.display())]
    Length {
        /// Which file.
        path: PathBuf,
        /// How many bytes there are.
        got: u64,
        /// How many there have to be.
        wanted: u64,
    },
    /// The file is altered: a part does not match its checksum, or points out of the file.
    #[error("the index of JARs is damaged: {part} are not what they were when it was written")]
    Damaged {
        /// Which part.
        part: &'static str,
    },
    /// The file could not be read any more.
    #[error("read the index of JARs")]
    Read(#[source] io::Error),
    /// There is more than an index holds.
    #[error("an index of JARs holds {most} {what} at most")]
    TooMany {
        /// Of what.
        what: &'static str,
        /// How many fit.
        most: u64,
    },
    /// Digests are not spread as those of archives are: somebody made them up.
    #[error("the digests are no digests of archives: too many begin alike")]
    Crowded,
    /// A source cannot be read as what it should be.
    #[error("read {path} as {what}: {source}", path = path.display())]
    Source {
        /// Which file.
        path: PathBuf,
        /// What it should be.
        what: &'static str,
        /// What is wrong with it.
        source: Box<dyn Error + Send + Sync>,
    },
    /// A source holds no archive that can be named.
    #[error("{path} holds no archive with coordinates", path = .0.display())]
    Empty(PathBuf),
}

impl JarsError {
    /// Says what the system refused to do with a file.
    pub(super) fn io(action: &'static str, path: &Path) -> impl Fn(io::Error) -> Self {
        move |source| Self::Io {
            action,
            path: path.to_owned(),
            source,
        }
    }
}
