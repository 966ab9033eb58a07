//! How a request gets to a service: over the web, or over the socket of this machine.

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http_body_util::{BodyExt as _, Full, Limited};
use hyper::body::Incoming;
use hyper::client::conn::http1;
use hyper::{Request, Response, StatusCode};
use hyper_rustls::{HttpsConnector, HttpsConnectorBuilder};
use hyper_util::client::legacy::Client;
use hyper_util::client::legacy::connect::HttpConnector;
use hyper_util::rt::{TokioExecutor, TokioIo};
use rustls::{ClientConfig, RootCertStore};
use sluicegate_upstream::{SettingsError, tls_settings, why};
use tokio::net::UnixStream;

use crate::admin_socket::SocketPath;

/// Most bytes of an answer read: a page of a thousand verdicts with many findings each.
const MAX_ANSWER_BYTES: usize = 256 * 1024 * 1024;
/// The longest wait for an answer.
const PATIENCE: Duration = Duration::from_mins(1);

/// Says why there is no answer.
#[derive(Debug, thiserror::Error)]
pub(super) enum SendError {
    /// Nobody was reached.
    #[error("{0}")]
    Unreachable(String),
    /// What came is no whole answer.
    #[error("{0}")]
    Answer(String),
}

/// Says why TLS cannot be set up.
#[derive(Debug, thiserror::Error)]
pub(super) enum TrustError {
    /// The file of authorities cannot be read.
    #[error("--ca-file {0:?}: {1}")]
    File(PathBuf, #[source] std::io::Error),
    /// It is of no use.
    #[error("--ca-file: {0}")]
    Settings(#[from] SettingsError),
}

/// Asks over HTTP and HTTPS.
pub(super) struct OverWeb(Box<Client<HttpsConnector<HttpConnector>, Full<Bytes>>>);

impl OverWeb {
    /// Prepares to ask the service at `base`, believing the authorities of a file as well.
    pub(super) fn new(base: &str, ca_file: Option<&Path>) -> Result<Self, TrustError> {
        let connector = HttpsConnectorBuilder::new()
            .with_tls_config(tls(base.starts_with("https://"), ca_file)?)
            .https_or_http()
            .enable_http1()
            .build();
        let client = Client::builder(TokioExecutor::new()).build(connector);
        Ok(Self(Box::new(client)))
    }

    /// Sends a request and waits for all of the answer.
    pub(super) async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), SendError> {
        let answered = async {
            let response = self.0.request(request).await;
            response.map_err(|error| SendError::Unreachable(why(&error).to_string()))
        };
        read(in_time(answered).await?).await
    }
}

/// Asks over the socket of this machine's administrator.
pub(super) struct OverSocket(SocketPath);

impl OverSocket {
    /// Finds the socket of the service that keeps a directory, where that lets this user in.
    pub(super) async fn open(data: &Path) -> std::io::Result<Self> {
        let socket = SocketPath::of(data)?;
        UnixStream::connect(&socket.path).await?;
        Ok(Self(socket))
    }

    /// Sends a request and waits for all of the answer.
    pub(super) async fn send(
        &self,
        request: Request<Full<Bytes>>,
    ) -> Result<(StatusCode, Bytes), SendError> {
        let failed = |error: &(dyn std::error::Error + 'static)| {
            SendError::Unreachable(why(error).to_string())
        };
        let answered = async {
            let stream = UnixStream::connect(&self.0.path).await;
            let stream = stream.map_err(|error| failed(&error))?;
            let opened = http1::handshake(TokioIo::new(stream)).await;
            let (mut sender, connection) = opened.map_err(|error| failed(&error))?;
            tokio::spawn(connection);
            let response = sender.send_request(request).await;
            response.map_err(|error| failed(&error))
        };
        read(in_time(answered).await?).await
    }
}

async fn in_time(
    answered: impl Future<Output = Result<Response<Incoming>, SendError>>,
) -> Result<Response<Incoming>, SendError> {
    let late = |_| SendError::Unreachable("timed out: no answer within a minute".to_owned());
    tokio::time::timeout(PATIENCE, answered)
        .await
        .map_err(late)?
}

async fn read(response: Response<Incoming>) -> Result<(StatusCode, Bytes), SendError> {
    let status = response.status();
    let body = Limited::new(response.into_body(), MAX_ANSWER_BYTES);
    let body = body.collect().await;
    body.map(|body| (status, body.to_bytes()))
        .map_err(|error| SendError::Answer(error.to_string()))
}

/// Gives the TLS settings of a client: the system's authorities, where they are of any use, and those
/// of the file. A container that asks itself in the clear has none.
fn tls(is_wanted: bool, ca_file: Option<&Path>) -> Result<ClientConfig, TrustError> {
    if is_wanted {
        let read = |path: &Path| {
            let text = std::fs::read(path);
            text.map_err(|error| TrustError::File(path.to_owned(), error))
        };
        let ca_pem = ca_file.map(read).transpose()?;
        return Ok(tls_settings(ca_pem.as_deref())?);
    }
    let provider = Arc::new(rustls::crypto::ring::default_provider());
    let settings =
        ClientConfig::builder_with_provider(provider).with_safe_default_protocol_versions();
    let settings = settings.map_err(SettingsError::Tls)?;
    let nobody = RootCertStore::empty();
    Ok(settings
        .with_root_certificates(nobody)
        .with_no_client_auth())
}
