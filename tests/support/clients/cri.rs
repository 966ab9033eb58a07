//! The two CRI calls that matter here, as plain gRPC over the runtime's socket.
//!
//! Debian has no `crictl`. A request is a field or two of one message, so the encoding is written out.
//! Source: kubernetes cri-api `runtime/v1/api.proto`; gRPC over HTTP/2 protocol.

use std::path::Path;
use std::time::Instant;

use bytes::Bytes;
use http::{HeaderMap, Method, Request};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::{TokioExecutor, TokioIo};
use tokio::net::UnixStream;

use crate::clients::PULL_LIMIT;
use crate::process::Outcome;

/// Calls `PullImage`; the outcome's output is the image's id, its error the status's message.
pub async fn pull_image(socket: &Path, reference: &str) -> Outcome {
    call(socket, "PullImage", image_request(reference)).await
}

/// Calls `PullImage` with the user and password of a pull secret.
pub async fn pull_image_as(socket: &Path, reference: &str, user: &str, password: &str) -> Outcome {
    let mut request = image_request(reference);
    let mut secret = field(1, user.as_bytes());
    secret.extend(field(2, password.as_bytes()));
    request.extend(field(2, &secret));
    call(socket, "PullImage", request).await
}

/// Calls `RemoveImage`.
pub async fn remove_image(socket: &Path, reference: &str) -> Outcome {
    call(socket, "RemoveImage", image_request(reference)).await
}

async fn call(socket: &Path, method: &str, request: Vec<u8>) -> Outcome {
    let started = Instant::now();
    let answered = tokio::time::timeout(PULL_LIMIT, exchange(socket, method, &request)).await;
    let (status, stdout, stderr) = match answered {
        Ok(Ok((0, body, _))) => (0, body, String::new()),
        Ok(Ok((status, _, message))) => (status, String::new(), message),
        Ok(Err(cause)) => (-1, String::new(), cause.to_string()),
        Err(_) => (
            -1,
            String::new(),
            format!("{method} took longer than {PULL_LIMIT:?}"),
        ),
    };
    Outcome {
        status,
        stdout,
        stderr,
        took: started.elapsed(),
    }
}

/// Sends one unary call; gives the gRPC status, the answer as text and the status's message.
async fn exchange(
    socket: &Path,
    method: &str,
    message: &[u8],
) -> Result<(i32, String, String), Box<dyn std::error::Error>> {
    let stream = UnixStream::connect(socket).await?;
    let executor = TokioExecutor::new();
    let (mut sender, connection) =
        hyper::client::conn::http2::handshake(executor, TokioIo::new(stream)).await?;
    let driver = tokio::spawn(connection);
    let request = Request::builder()
        .method(Method::POST)
        .uri(format!("http://localhost/runtime.v1.ImageService/{method}"))
        .header("content-type", "application/grpc")
        .header("te", "trailers")
        .body(Full::new(framed(message)))?;
    let (parts, body) = sender.send_request(request).await?.into_parts();
    let body = body.collect().await?;
    // A failure may come as headers without a body.
    let trailers = body.trailers().cloned().unwrap_or(parts.headers);
    let answer = body.to_bytes();
    driver.abort();
    let text = String::from_utf8_lossy(answer.get(7..).unwrap_or_default()).into_owned();
    Ok((status_of(&trailers), text, message_of(&trailers)))
}

/// Encodes `{image: {image: reference}}`, field 1 within field 1.
fn image_request(reference: &str) -> Vec<u8> {
    field(1, &field(1, reference.as_bytes()))
}

/// Encodes a field of text or of a message.
fn field(number: u8, content: &[u8]) -> Vec<u8> {
    let length = u8::try_from(content.len())
        .ok()
        .filter(|length| *length < 128);
    let mut encoded = vec![
        number << 3 | 2,
        length.expect("a text that one length byte describes"),
    ];
    encoded.extend_from_slice(content);
    encoded
}

/// Puts the gRPC frame's head, uncompressed and a 4-byte length, before a message.
fn framed(message: &[u8]) -> Bytes {
    let length = u32::try_from(message.len()).expect("a short message");
    let mut frame = vec![0];
    frame.extend_from_slice(&length.to_be_bytes());
    frame.extend_from_slice(message);
    frame.into()
}

fn status_of(trailers: &HeaderMap) -> i32 {
    let status = trailers
        .get("grpc-status")
        .and_then(|value| value.to_str().ok());
    status.and_then(|text| text.parse().ok()).unwrap_or(-1)
}

/// Decodes the percent-encoding of a status's message.
fn message_of(trailers: &HeaderMap) -> String {
    let raw = trailers
        .get("grpc-message")
        .map(http::HeaderValue::as_bytes)
        .unwrap_or_default();
    let mut decoded = Vec::with_capacity(raw.len());
    let mut rest = raw;
    while let Some((first, after)) = rest.split_first() {
        let escape = after.get(..2).filter(|_| *first == b'%');
        let byte =
            escape.and_then(|hex| u8::from_str_radix(std::str::from_utf8(hex).ok()?, 16).ok());
        decoded.push(byte.unwrap_or(*first));
        rest = if byte.is_some() { &after[2..] } else { after };
    }
    String::from_utf8_lossy(&decoded).into_owned()
}
