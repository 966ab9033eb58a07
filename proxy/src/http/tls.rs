//! The listener's certificate and key, read from files and read again when they change.
//!
//! A pair that cannot be used never replaces one that works: renewals are often seen half written.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use arc_swap::ArcSwap;
use jiff::Timestamp;
use rustls::pki_types::pem::PemObject;
use rustls::pki_types::{CertificateDer, PrivateKeyDer};
use rustls::server::WebPkiClientVerifier;
use rustls::server::danger::ClientCertVerifier;
use rustls::{RootCertStore, ServerConfig};
use sluicegate_config::TlsFiles;
use sluicegate_model::Digest;

use super::certificate;

/// How often the files are looked at.
const POLL: Duration = Duration::from_secs(5);

/// Says why a certificate cannot be served.
#[derive(Debug, thiserror::Error)]
pub enum TlsError {
    /// A file cannot be read.
    #[error("cannot read {path}")]
    Read {
        /// The file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: std::io::Error,
    },
    /// A file is no PEM, or holds nothing of use.
    #[error("cannot use {path}: {reason}")]
    Pem {
        /// The file.
        path: PathBuf,
        /// What is wrong; never quotes the file.
        reason: String,
    },
    /// Certificate and key do not work, or not together.
    #[error("cannot serve {path}")]
    Pair {
        /// The certificate's file.
        path: PathBuf,
        /// The cause.
        #[source]
        source: rustls::Error,
    },
}

/// A certificate that follows its files.
#[derive(Clone, Debug)]
pub struct TlsReload {
    files: Arc<CertificateFiles>,
    current: Arc<ArcSwap<LoadedCertificate>>,
}

#[derive(Debug)]
struct CertificateFiles {
    certificate: PathBuf,
    key: PathBuf,
    client_ca: Option<PathBuf>,
}

#[derive(Debug)]
struct LoadedCertificate {
    config: Arc<ServerConfig>,
    content: Digest,
    ends: Option<Timestamp>,
}

impl TlsReload {
    /// Loads a certificate chain and its key, and the authorities of clients, all of them PEM.
    pub fn open(files: &TlsFiles) -> Result<Self, TlsError> {
        let files = CertificateFiles {
            certificate: files.cert_file.clone(),
            key: files.key_file.clone(),
            client_ca: files.client_ca_file.clone(),
        };
        let loaded = files.read()?.load(&files)?;
        Ok(Self {
            files: Arc::new(files),
            current: Arc::new(ArcSwap::from_pointee(loaded)),
        })
    }

    /// Gives the settings for the next handshake.
    pub(super) fn current(&self) -> Arc<ServerConfig> {
        Arc::clone(&self.current.load().config)
    }

    /// Tells when the certificate in use ends; none where it does not say so in a way that is read.
    pub fn ends(&self) -> Option<Timestamp> {
        self.current.load().ends
    }

    /// Looks at the files for ever, and takes over what works.
    pub(super) async fn follow_files(&self) {
        let mut told = None;
        loop {
            tokio::time::sleep(POLL).await;
            let reload = self.clone();
            let Ok(outcome) = tokio::task::spawn_blocking(move || reload.reload()).await else {
                continue;
            };
            match outcome {
                Ok(false) => told = None,
                Ok(true) => {
                    told = None;
                    tracing::info!(file = %self.files.certificate.display(), "certificate reloaded");
                }
                Err(error) => {
                    let error = with_causes(&error);
                    if told.as_ref() != Some(&error) {
                        tracing::warn!(%error, "certificate not reloaded, the old one stays");
                        told = Some(error);
                    }
                }
            }
        }
    }

    /// Takes over the files if their content changed and works; tells whether it did.
    pub fn reload(&self) -> Result<bool, TlsError> {
        let pair = self.files.read()?;
        if pair.content() == self.current.load().content {
            return Ok(false);
        }
        let loaded = pair.load(&self.files)?;
        self.current.store(Arc::new(loaded));
        Ok(true)
    }
}

impl CertificateFiles {
    fn read(&self) -> Result<Pair, TlsError> {
        Ok(Pair {
            certificate: read(&self.certificate)?,
            key: read(&self.key)?,
            client_ca: self.client_ca.as_deref().map(read).transpose()?,
        })
    }
}

struct Pair {
    certificate: Vec<u8>,
    key: Vec<u8>,
    client_ca: Option<Vec<u8>>,
}

impl Pair {
    fn content(&self) -> Digest {
        let client_ca = self.client_ca.as_deref().unwrap_or_default();
        let digests = [&self.certificate, &self.key, client_ca].map(Digest::of);
        Digest::of(digests.map(|digest| digest.to_string()).concat().as_bytes())
    }

    fn load(&self, files: &CertificateFiles) -> Result<LoadedCertificate, TlsError> {
        let chain = certificates(&files.certificate, &self.certificate)?;
        let ends = chain.first().and_then(|own| certificate::ends(own));
        let key = PrivateKeyDer::from_pem_slice(&self.key)
            .map_err(|_| unusable(&files.key, "it holds no private key"))?;
        let broken = |source| TlsError::Pair {
            path: files.certificate.clone(),
            source,
        };
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let mut config = ServerConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(broken)?
            .with_client_cert_verifier(self.clients(files)?)
            .with_single_cert(chain, key)
            .map_err(broken)?;
        config.alpn_protocols = vec![b"h2".to_vec(), b"http/1.1".to_vec()];
        Ok(LoadedCertificate {
            config: Arc::new(config),
            content: self.content(),
            ends,
        })
    }

    /// Gives who tells whether a client's certificate is good: whoever shows none is let in as well.
    fn clients(&self, files: &CertificateFiles) -> Result<Arc<dyn ClientCertVerifier>, TlsError> {
        let (Some(text), Some(path)) = (&self.client_ca, &files.client_ca) else {
            return Ok(WebPkiClientVerifier::no_client_auth());
        };
        let mut roots = RootCertStore::empty();
        for authority in certificates(path, text)? {
            roots
                .add(authority)
                .map_err(|error| unusable(path, error))?;
        }
        let provider = Arc::new(rustls::crypto::ring::default_provider());
        let verifier = WebPkiClientVerifier::builder_with_provider(Arc::new(roots), provider)
            .allow_unauthenticated()
            .build();
        verifier.map_err(|error| unusable(path, error))
    }
}

/// Reads the certificates of a file, one at least.
fn certificates(path: &Path, text: &[u8]) -> Result<Vec<CertificateDer<'static>>, TlsError> {
    let read = CertificateDer::pem_slice_iter(text).collect::<Result<Vec<_>, _>>();
    let read = read.map_err(|error| unusable(path, error))?;
    if read.is_empty() {
        return Err(unusable(path, "it holds no certificate"));
    }
    Ok(read)
}

fn unusable(path: &Path, reason: impl std::fmt::Display) -> TlsError {
    TlsError::Pem {
        path: path.into(),
        reason: reason.to_string(),
    }
}

fn read(path: &Path) -> Result<Vec<u8>, TlsError> {
    std::fs::read(path).map_err(|source| TlsError::Read {
        path: path.into(),
        source,
    })
}

/// Gives an error with everything that led to it, in one line.
pub(crate) fn with_causes(error: &TlsError) -> String {
    let mut text = error.to_string();
    let mut cause = std::error::Error::source(error);
    while let Some(current) = cause {
        text = format!("{text}: {current}");
        cause = current.source();
    }
    text
}
