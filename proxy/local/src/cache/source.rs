//! Reading a blob for the scanner, wherever its bytes come from.

use std::io::{self, Read};

use super::{BlobSource, Growth};

impl BlobSource {
    /// Counts the bytes that are here.
    pub fn available(&self) -> u64 {
        match self {
            Self::Stored(blob) => blob.len(),
            Self::Growing(blob) => match blob.growth() {
                Growth::Filling { written } => written,
                Growth::Proven { len } | Growth::Complete { len } => len,
                Growth::Failed(_) => 0,
            },
        }
    }

    /// Tells whether it is known by now where the bytes end.
    pub fn end_is_known(&self) -> bool {
        match self {
            Self::Stored(_) => true,
            Self::Growing(blob) => blob.end_is_known(),
        }
    }

    /// Opens the bytes from the first on; reading waits for those that are still to come.
    pub fn sync_reader(&self) -> io::Result<Box<dyn Read + Send>> {
        match self {
            Self::Stored(blob) => Ok(Box::new(blob.open_file()?)),
            Self::Growing(blob) => Ok(Box::new(blob.sync_reader()?)),
        }
    }
}
