//! Why it is not known who we are at an upstream.
//!
//! No word of a program is in here: what it prints may be a secret.

use std::io;
use std::sync::Arc;
use std::time::Duration;

/// Says why it is not known who we are at an upstream: the fault of its operator, or of the
/// program that the operator named.
#[derive(Clone, Debug, thiserror::Error)]
pub enum LoginError {
    /// The program does not start.
    #[error("{program:?} cannot be started: {source}")]
    NotStarted {
        /// The program.
        program: String,
        /// What the system said.
        source: Arc<io::Error>,
    },
    /// The program ended badly.
    #[error("{program:?} ended with {status}")]
    Failed {
        /// The program.
        program: String,
        /// How it ended.
        status: String,
    },
    /// The program did not end.
    #[error("{program:?} gave no answer within {} s", .after.as_secs())]
    Silent {
        /// The program.
        program: String,
        /// How long it was waited for.
        after: Duration,
    },
    /// The program says too much.
    #[error("{program:?} answered with more than {limit} bytes")]
    TooLong {
        /// The program.
        program: String,
        /// The limit in bytes.
        limit: usize,
    },
    /// The program's answer is not what its protocol says.
    #[error("{program:?} gave no answer that can be used: {reason}")]
    Unusable {
        /// The program.
        program: String,
        /// What is wrong with it.
        reason: &'static str,
    },
}

impl LoginError {
    /// Tells whether the same question may be answered soon.
    pub(crate) fn is_fleeting(&self) -> bool {
        matches!(self, Self::Failed { .. } | Self::Silent { .. })
    }
}
