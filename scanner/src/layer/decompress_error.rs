//! Why a layer cannot be decompressed to its end.

use std::io;

use crate::limits::STOPPED;

/// Says why a layer could not be read to its end.
#[derive(Debug, thiserror::Error)]
pub(super) enum DecompressError {
    /// The bytes did not arrive.
    #[error("reading the layer failed: {0}")]
    Source(#[source] io::Error),
    /// The bytes are not the compressed stream they start as.
    #[error("decompressing the layer as {format} failed: {cause}")]
    Corrupt {
        format: &'static str,
        #[source]
        cause: io::Error,
    },
    /// A budget ran out.
    #[error("{0}")]
    Budget(String),
    /// The scan was asked to stop.
    #[error("{STOPPED}")]
    Stopped,
    /// Something follows the compressed stream.
    #[error("{0}")]
    Garbage(String),
    /// A decompressor failed on its own.
    #[error("the decompressor failed")]
    Panicked,
}
