//! Why the service could not start.

use std::io;
use std::net::SocketAddr;
use std::path::{Path, PathBuf};

use sluicegate_accounts::keys::OpenError;
use sluicegate_upstream::{UpstreamError, why};

use crate::attestation_key::AttestationKeyError;
use crate::fed_plugins::FedFileError;
use crate::http::tls::TlsError;
use crate::policies::PolicyError;

/// Says why the service could not start.
#[derive(Debug, thiserror::Error)]
pub enum StartError {
    /// A part of the data directory cannot be used.
    #[error("cannot use the data directory {directory:?}: {reason}")]
    Data {
        /// The directory.
        directory: PathBuf,
        /// What went wrong.
        reason: String,
    },
    /// Another process has the data directory.
    #[error("cannot use the data directory {0:?}: another service runs here")]
    InUse(PathBuf),
    /// An address cannot be listened on.
    #[error("cannot listen on {address}: {source}")]
    Listen {
        /// The address.
        address: SocketAddr,
        /// What went wrong.
        source: io::Error,
    },
    /// The policy files have mistakes.
    #[error("policy cannot be loaded: {0}")]
    Policy(#[from] PolicyError),
    /// A plugin cannot be taken up.
    #[error("plugins cannot be taken up: {0}")]
    Plugins(#[from] FedFileError),
    /// An upstream's settings cannot work.
    #[error("upstream {name:?} cannot be used: {source}")]
    Upstream {
        /// The upstream.
        name: String,
        /// What went wrong.
        source: UpstreamError,
    },
    /// The receiver of events cannot be used.
    #[error("the webhook cannot be used: {0}")]
    Webhook(#[source] UpstreamError),
    /// A feed's directory is not there.
    #[error("feed {0:?} cannot be used: there is no such directory")]
    Feed(PathBuf),
    /// Nobody can be told from anybody else.
    #[error("cannot use the data directory {directory:?}: {}", why(source))]
    Keys {
        /// The directory.
        directory: PathBuf,
        /// What is wrong.
        source: OpenError,
    },
    /// There is no key to sign with.
    #[error(transparent)]
    AttestationKey(#[from] AttestationKeyError),
    /// The TLS files cannot be used.
    #[error("TLS cannot be set up: {0}")]
    Tls(#[source] TlsError),
}

pub(super) fn data_error(directory: &Path, error: &dyn std::fmt::Display) -> StartError {
    StartError::Data {
        directory: directory.into(),
        reason: error.to_string(),
    }
}
