//! A plain HTTP/1.1 client with exact control: one connection a request, no hidden redirects.
//!
//! It counts body bytes as they arrive and says whether the body ended whole, which is what the
//! gate's promises are about. Tests and the image pusher call it.

use std::net::SocketAddr;
use std::sync::Arc;
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{HeaderMap, Method, Request, StatusCode, header};
use http_body_util::{BodyExt as _, Full};
use hyper_util::rt::TokioIo;
use tokio::net::{TcpSocket, TcpStream};
use tokio::sync::Notify;

/// How long one request may take in all, hops not counted.
const REQUEST_LIMIT: Duration = Duration::from_secs(120);
/// Bytes of a body that are kept; more are counted and hashed only.
const KEPT_BODY_BYTES: usize = 64 * 1024 * 1024;
/// Redirects that common clients follow before they give up.
const MAX_HOPS: usize = 10;

/// One answer, body read to its end or to where it broke.
#[derive(Clone, Debug)]
pub struct Reply {
    /// The status of the last hop.
    pub status: StatusCode,
    /// The reason phrase of the last hop, empty where it is the status's own.
    pub reason: String,
    /// The headers of the last hop.
    pub headers: HeaderMap,
    /// The body, at most 64 MiB of it.
    pub body: Bytes,
    /// Bytes of body that arrived.
    pub body_bytes: u64,
    /// The digest of the bytes that arrived.
    pub body_digest: sluicegate_model::Digest,
    /// False where the body broke off or stalled.
    pub whole: bool,
    /// Redirects followed to get here.
    pub hops: usize,
    /// Time until the headers of the last hop.
    pub first_byte: Duration,
}

impl Reply {
    /// Gives a header as text, empty where it is absent.
    pub fn header(&self, name: &str) -> &str {
        self.headers
            .get(name)
            .and_then(|value| value.to_str().ok())
            .unwrap_or_default()
    }

    /// Parses the body as JSON.
    #[track_caller]
    pub fn json(&self) -> serde_json::Value {
        serde_json::from_slice(&self.body)
            .unwrap_or_else(|cause| panic!("body is no JSON ({cause}): {}", self.text()))
    }

    /// Gives the body as text.
    pub fn text(&self) -> String {
        String::from_utf8_lossy(&self.body).into_owned()
    }

    /// Gives the message of the first OCI error in the body, empty where there is none.
    pub fn message(&self) -> String {
        let body: serde_json::Value = serde_json::from_slice(&self.body).unwrap_or_default();
        body["errors"][0]["message"]
            .as_str()
            .unwrap_or_default()
            .to_owned()
    }
}

/// A request in the making.
#[derive(Clone, Debug)]
pub struct Call {
    method: Method,
    address: String,
    path: String,
    headers: Vec<(String, String)>,
    body: Bytes,
    follow: bool,
    limit: Duration,
    source: Option<SocketAddr>,
    first_byte: Arc<Notify>,
}

impl Call {
    /// Starts a request for `path` on `address`, a host and port.
    pub fn new(method: Method, address: &str, path: &str) -> Self {
        Self {
            method,
            address: address.into(),
            path: path.into(),
            headers: Vec::new(),
            body: Bytes::new(),
            follow: false,
            limit: REQUEST_LIMIT,
            source: None,
            first_byte: Arc::default(),
        }
    }

    /// Sends from another loopback address, as another client would.
    pub fn from_host(mut self, last: u8) -> Self {
        self.source = Some(([127, 0, 0, last], 0).into());
        self
    }

    /// Adds a header.
    pub fn header(mut self, name: &str, value: &str) -> Self {
        self.headers.push((name.into(), value.into()));
        self
    }

    /// Sets the body.
    pub fn body(mut self, body: impl Into<Bytes>) -> Self {
        self.body = body.into();
        self
    }

    /// Follows redirects on the same host, as container clients do.
    pub fn follow(mut self) -> Self {
        self.follow = true;
        self
    }

    /// Sets how long one hop may take until its body has ended.
    pub fn limit(mut self, limit: Duration) -> Self {
        self.limit = limit;
        self
    }

    /// Has `told` know when the first byte of a body has come.
    pub fn tells_first_byte(mut self, told: &Arc<Notify>) -> Self {
        self.first_byte = Arc::clone(told);
        self
    }

    /// Sends the request, panics when no headers arrive.
    pub async fn send(self) -> Reply {
        let asked = format!("{} {}", self.method, self.path);
        self.try_send()
            .await
            .unwrap_or_else(|cause| panic!("{asked} failed: {cause}"))
    }

    /// Sends the request; the error says why no headers arrived.
    pub async fn try_send(mut self) -> Result<Reply, String> {
        let mut hops = 0;
        loop {
            let reply = self.exchange(hops).await?;
            let is_redirect = reply.status == StatusCode::TEMPORARY_REDIRECT;
            if !self.follow || !is_redirect || hops == MAX_HOPS {
                return Ok(reply);
            }
            self.path = local_path(reply.header("location"), &self.path);
            hops += 1;
        }
    }

    async fn connect(&self) -> std::io::Result<TcpStream> {
        let Some(source) = self.source else {
            return TcpStream::connect(&self.address).await;
        };
        let socket = TcpSocket::new_v4()?;
        socket.bind(source)?;
        let target = self.address.parse().map_err(std::io::Error::other)?;
        socket.connect(target).await
    }

    async fn exchange(&self, hops: usize) -> Result<Reply, String> {
        let started = Instant::now();
        let stream = self.connect().await.map_err(|cause| cause.to_string())?;
        let (mut sender, connection) = hyper::client::conn::http1::handshake(TokioIo::new(stream))
            .await
            .map_err(|cause| cause.to_string())?;
        let driver = tokio::spawn(connection);
        let mut request = Request::builder().method(&self.method).uri(&self.path);
        let is_host = |name: &str| name.eq_ignore_ascii_case("host");
        if !self.headers.iter().any(|(name, _)| is_host(name)) {
            request = request.header(header::HOST, &self.address);
        }
        for (name, value) in &self.headers {
            request = request.header(name, value);
        }
        let request = request
            .body(Full::new(self.body.clone()))
            .expect("a well-formed request");
        let answer = tokio::time::timeout(self.limit, sender.send_request(request))
            .await
            .map_err(|_| format!("no headers within {:?}", self.limit))?
            .map_err(|cause| cause.to_string())?;
        let first_byte = started.elapsed();
        let (parts, body) = answer.into_parts();
        let reason = parts.extensions.get::<hyper::ext::ReasonPhrase>();
        let reason = reason.map_or_else(String::new, |reason| {
            String::from_utf8_lossy(reason.as_bytes()).into_owned()
        });
        let left = self.limit.saturating_sub(first_byte);
        let read = read_body(body, left, &self.first_byte).await;
        driver.abort();
        Ok(Reply {
            status: parts.status,
            reason,
            headers: parts.headers,
            body: read.kept.into(),
            body_bytes: read.bytes,
            body_digest: read.digest,
            whole: read.whole,
            hops,
            first_byte,
        })
    }
}

/// Sends a GET for `path` and follows redirects.
pub async fn get(address: &str, path: &str) -> Reply {
    Call::new(Method::GET, address, path).follow().send().await
}

/// Sends a HEAD for `path` and follows redirects.
pub async fn head(address: &str, path: &str) -> Reply {
    Call::new(Method::HEAD, address, path).follow().send().await
}

struct ReadBody {
    kept: Vec<u8>,
    bytes: u64,
    digest: sluicegate_model::Digest,
    whole: bool,
}

async fn read_body(
    mut body: hyper::body::Incoming,
    limit: Duration,
    first_byte: &Notify,
) -> ReadBody {
    let deadline = tokio::time::Instant::now() + limit;
    let mut hasher =
        sluicegate_model::DigestHasher::new(sluicegate_model::digest::Algorithm::Sha256);
    let (mut kept, mut bytes, mut whole) = (Vec::new(), 0, true);
    loop {
        match tokio::time::timeout_at(deadline, body.frame()).await {
            Ok(None) => break,
            Ok(Some(Ok(frame))) => {
                let Ok(piece) = frame.into_data() else {
                    continue;
                };
                if bytes == 0 && !piece.is_empty() {
                    first_byte.notify_one();
                }
                bytes += piece.len() as u64;
                hasher.update(&piece);
                if kept.len() + piece.len() <= KEPT_BODY_BYTES {
                    kept.extend_from_slice(&piece);
                }
            }
            Ok(Some(Err(_))) | Err(_) => {
                whole = false;
                break;
            }
        }
    }
    ReadBody {
        kept,
        bytes,
        digest: hasher.finish(),
        whole,
    }
}

/// Resolves a redirect target to a path and query on the same host.
fn local_path(location: &str, from: &str) -> String {
    if let Some(rest) = location.split_once("://").map(|(_, rest)| rest) {
        return rest
            .find('/')
            .map_or_else(|| "/".into(), |at| rest[at..].into());
    }
    if location.starts_with('/') {
        return location.into();
    }
    let folder = from
        .split('?')
        .next()
        .and_then(|path| path.rsplit_once('/'));
    format!("{}/{location}", folder.map_or("", |(folder, _)| folder))
}
