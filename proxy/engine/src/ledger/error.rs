//! Why the ledger did not answer.

use std::error::Error;

/// Says why the ledger did not answer. What an engine said is its source.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    /// There is no room left to write to; what is kept can still be read.
    #[error(transparent)]
    Full(Box<dyn Error + Send + Sync>),
    /// Verdicts of an earlier form are still being taken into the index.
    #[error("stored verdicts are being prepared for lists after an update; ask again in a minute")]
    NotIndexed,
    /// The log of pulls is still being read for the first time.
    #[error(
        "who pulled is read from the log of pulls after an update, {read} of {lines} lines so far; \
         ask again in a minute"
    )]
    NotRead {
        /// Lines that are read.
        read: u64,
        /// Lines that there are.
        lines: u64,
    },
    /// The cursor of a list was not one that this list gave out.
    #[error("the cursor {0:?} is not one of this list")]
    Cursor(String),
    /// What is to be kept cannot be written down.
    #[error("encoding {what} for the verdict store failed")]
    Encoding {
        /// What it is.
        what: &'static str,
        /// Why.
        #[source]
        source: Box<dyn Error + Send + Sync>,
    },
    /// It failed, and says nothing about what is kept.
    #[error(transparent)]
    Failed(Box<dyn Error + Send + Sync>),
}

impl LedgerError {
    /// Says that something cannot be written down.
    pub fn encoding(what: &'static str, source: impl Error + Send + Sync + 'static) -> Self {
        let source = Box::new(source);
        Self::Encoding { what, source }
    }

    /// Refuses a cursor, which may be of any length.
    pub fn cursor(text: &str) -> Self {
        Self::Cursor(text.chars().take(160).collect())
    }
}
