//! An image from an engine that answers HTTP on a socket of its own: Docker, podman.
//!
//! The engine streams an archive, which is kept in a temporary file and then read like any other.
//! Source: Docker Engine API, "Export an image"; podman API, `libpod/images/{name}/get`.

use std::fs::File;
use std::path::{Path, PathBuf};

use bytes::Bytes;
use http_body_util::{BodyExt as _, Empty, Limited};
use hyper::body::Incoming;
use hyper::{Request, Response, StatusCode};
use hyper_util::rt::TokioIo;
use tokio::net::UnixStream;

use super::Surroundings;
use super::error::SourceError;
use super::spool::Spool;

/// Most bytes of an engine's error message read.
const MAX_MESSAGE_BYTES: usize = 64 * 1024;

/// An engine's socket.
pub(super) struct EngineSocket {
    /// The engine's name, for messages.
    pub(super) engine: &'static str,
    /// Where it listens.
    pub(super) path: PathBuf,
}

impl EngineSocket {
    /// Fetches the archive at `target`, the export of `image`.
    pub(super) fn export(
        &self,
        target: &str,
        image: &str,
        surroundings: &Surroundings,
    ) -> Result<File, SourceError> {
        let exporting = self.fetch(target, image, surroundings);
        surroundings.runtime.block_on(exporting)
    }

    async fn fetch(
        &self,
        target: &str,
        image: &str,
        surroundings: &Surroundings,
    ) -> Result<File, SourceError> {
        let response = self.request(target).await?;
        let status = response.status();
        if status == StatusCode::NOT_FOUND {
            return Err(SourceError::NotFound {
                place: self.engine.to_owned(),
                image: image.to_owned(),
                known: Vec::new(),
            });
        }
        if status != StatusCode::OK {
            let message = message(response).await;
            return Err(self.failed(format!("it answered {status}: {message}")));
        }
        let mut body = response.into_body();
        let mut spool = Spool::new()?;
        while let Some(frame) = body.frame().await {
            let frame = frame.map_err(|error| self.failed(error))?;
            if let Ok(piece) = frame.into_data() {
                (surroundings.on_copy)(spool.add(&piece)?);
            }
        }
        Ok(spool.finish())
    }

    async fn request(&self, target: &str) -> Result<Response<Incoming>, SourceError> {
        let stream = UnixStream::connect(&self.path)
            .await
            .map_err(|error| self.failed(error))?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|error| self.failed(error))?;
        tokio::spawn(connection);
        let request = Request::get(target)
            .header("host", "localhost")
            .body(Empty::<Bytes>::new())
            .map_err(|error| self.failed(error))?;
        let answered = sender.send_request(request).await;
        answered.map_err(|error| self.failed(error))
    }

    fn failed(&self, reason: impl std::fmt::Display) -> SourceError {
        SourceError::Engine {
            engine: format!("{} at {}", self.engine, self.path.display()),
            reason: reason.to_string(),
        }
    }
}

async fn message(response: Response<Incoming>) -> String {
    let body = Limited::new(response.into_body(), MAX_MESSAGE_BYTES);
    let text = body
        .collect()
        .await
        .map(http_body_util::Collected::to_bytes);
    let text = text.unwrap_or_default();
    let value: serde_json::Value = serde_json::from_slice(&text).unwrap_or_default();
    let stated = value.get("message").and_then(serde_json::Value::as_str);
    let text = String::from_utf8_lossy(&text);
    stated.unwrap_or(&text).chars().take(500).collect()
}

/// Writes a name as part of a path; `/` and `:` stand for themselves there.
pub(super) fn escaped(name: &str) -> String {
    let mut path = String::new();
    for byte in name.bytes() {
        if byte.is_ascii_alphanumeric() || b"/:._-@+".contains(&byte) {
            path.push(char::from(byte));
        } else {
            path.push('%');
            path.push_str(&hex::encode_upper([byte]));
        }
    }
    path
}

/// Gives the socket that a variable such as `DOCKER_HOST` names.
///
/// *Errors*: it names something else, with the variable and its value.
pub(super) fn socket_of(variable: &str, value: &str) -> Result<PathBuf, SourceError> {
    let path = value.strip_prefix("unix://").map(Path::new);
    let path = path.filter(|path| path.is_absolute());
    path.map(Path::to_owned).ok_or_else(|| {
        let reason = "only unix:///PATH can be asked".to_owned();
        SourceError::Engine {
            engine: format!("the engine of {variable}={value}"),
            reason,
        }
    })
}
