//! One connection: which protocol it speaks, its requests, its end.
//!
//! Called by `server` for every connection it accepted. Knows nothing of registries: it turns
//! bytes into requests for the service, and refuses what no well-meaning client sends.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::Arc;
use std::time::Duration;

use bytes::Bytes;
use http::{HeaderValue, Method, Request, Response, StatusCode, Version, header};
use http_body::Body;
use http_body_util::{Either, Empty};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo, TokioTimer};
use hyper_util::server::conn::auto::Builder;
use tokio::io::{AsyncRead, AsyncReadExt, AsyncWrite, AsyncWriteExt};
use tokio::net::TcpStream;
use tokio::sync::watch;
use tokio_rustls::TlsAcceptor;

use super::activity::{Activity, CountedBody, IdleLimits, Watched};
use super::certificate;
use super::phrase;
use super::server::{BoxError, PeerInfo, ServerLimits};
use super::tls::TlsReload;

/// First byte of a TLS record that opens a handshake. Source: RFC 8446 section 5.1.
const TLS_HANDSHAKE: u8 = 0x16;

/// Most bytes, and longest time, spent on reading what a refused client still sends, so that the
/// answer is not lost to a reset.
const LINGER_BYTES: u64 = 64 * 1024;
const LINGER_TIME: Duration = Duration::from_secs(1);

/// HTTP/1.1: largest head, and how much is gathered before it is written.
const HTTP1_BUFFER: usize = 64 * 1024;

/// HTTP/2: streams of one client at a time; runtimes use under 10.
const HTTP2_STREAMS: u32 = 100;

/// HTTP/2: windows for what clients send, in bytes. Nothing is uploaded here.
const HTTP2_WINDOW: u32 = 64 * 1024;

/// HTTP/2: bytes waiting to be sent on one stream before its body is asked for no more.
const HTTP2_SEND_BUFFER: usize = 256 * 1024;

/// HTTP/2: largest set of headers, in bytes.
const HTTP2_HEADERS: u32 = 32 * 1024;

/// HTTP/2: how often, and how long, a silent peer is asked whether it lives.
const HTTP2_PING_INTERVAL: Duration = Duration::from_secs(30);
const HTTP2_PING_TIMEOUT: Duration = Duration::from_secs(20);

/// The body of an answer: the service's, or none where the request was refused here.
type AnswerBody<B> = Either<CountedBody<B>, Empty<Bytes>>;

/// What a connection needs besides its stream.
pub(super) struct Connection<S> {
    pub(super) peer: SocketAddr,
    pub(super) tls: Option<TlsReload>,
    pub(super) limits: ServerLimits,
    pub(super) service: S,
    pub(super) shutdown: watch::Receiver<bool>,
}

impl<S, F, B> Connection<S>
where
    S: Fn(Request<Incoming>, PeerInfo) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Unpin + Send + 'static,
    B::Error: Into<BoxError>,
{
    /// Serves the connection until either side is done with it.
    pub(super) async fn run(mut self, stream: TcpStream) {
        let first = tokio::select! {
            first = first_byte(&stream, self.limits.header_timeout) => first,
            () = stopped(&mut self.shutdown) => None,
        };
        let Some(first) = first else { return };
        match (self.tls.clone(), first == TLS_HANDSHAKE) {
            (None, false) => self.serve(stream, None).await,
            (None, true) => refuse_protocol(stream, "this port speaks plain HTTP, not TLS").await,
            (Some(_), false) => {
                refuse_protocol(stream, "this port speaks TLS, not plain HTTP").await;
            }
            (Some(tls), true) => {
                let handshake = TlsAcceptor::from(tls.current()).accept(stream);
                match tokio::time::timeout(self.limits.header_timeout, handshake).await {
                    Ok(Ok(stream)) => {
                        let shown = stream.get_ref().1.peer_certificates();
                        let certificate = shown.and_then(certificate::common_name);
                        self.serve(stream, certificate).await;
                    }
                    Ok(Err(error)) => {
                        tracing::debug!(peer = %self.peer, %error, "TLS handshake failed");
                    }
                    Err(_) => tracing::debug!(peer = %self.peer, "TLS handshake took too long"),
                }
            }
        }
    }

    async fn serve<T>(mut self, stream: T, certificate: Option<Arc<str>>)
    where
        T: AsyncRead + AsyncWrite + Send + Unpin + 'static,
    {
        let activity = Activity::new();
        let io = TokioIo::new(Watched {
            stream,
            activity: Arc::clone(&activity),
        });
        let builder = protocol();
        let service = self.service.clone();
        let peer = PeerInfo {
            certificate,
            ..PeerInfo::from_addr(self.peer)
        };
        let counting = Arc::clone(&activity);
        let answering = service_fn(move |request| answer(&service, &peer, &counting, request));
        let mut serving = std::pin::pin!(builder.serve_connection(io, answering));
        let mut stopping = false;
        loop {
            tokio::select! {
                outcome = serving.as_mut() => {
                    if let Err(error) = outcome {
                        tracing::debug!(peer = %self.peer, %error, "connection ended");
                    }
                    return;
                }
                expired = activity.expired(self.limits.patience()) => {
                    tracing::debug!(peer = %self.peer, ?expired, "connection closed");
                    return;
                }
                () = stopped(&mut self.shutdown), if !stopping => {
                    stopping = true;
                    serving.as_mut().graceful_shutdown();
                }
            }
        }
    }
}

/// Answers one request; the activity counts it until its answer is sent.
fn answer<S, F, B>(
    service: &S,
    peer: &PeerInfo,
    activity: &Arc<Activity>,
    request: Request<Incoming>,
) -> impl Future<Output = Result<Response<AnswerBody<B>>, Infallible>> + Send + 'static + use<S, F, B>
where
    S: Fn(Request<Incoming>, PeerInfo) -> F,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Send + 'static,
{
    if request.version() == Version::HTTP_2 {
        activity.multiplexed();
    }
    let guard = activity.request();
    let answer = match refusal(&request) {
        Some((status, reason)) => Err(refused(status, reason, request.version())),
        None => Ok(service(request, peer.clone())),
    };
    async move {
        let mut answer = match answer {
            Ok(answer) => answer.await.map(|body| {
                Either::Left(CountedBody {
                    body,
                    _request: guard,
                })
            }),
            Err(refused) => refused.map(Either::Right),
        };
        // Much of what is sent was somebody else's: it is what its type says, to browsers too.
        let headers = answer.headers_mut();
        headers.insert(
            header::X_CONTENT_TYPE_OPTIONS,
            HeaderValue::from_static("nosniff"),
        );
        Ok(answer)
    }
}

/// Names what no client of a registry sends and what proxies are attacked with.
fn refusal(request: &Request<Incoming>) -> Option<(StatusCode, &'static str)> {
    if request.method() == Method::CONNECT {
        let reason = "sluicegate: this is no proxy for CONNECT";
        return Some((StatusCode::METHOD_NOT_ALLOWED, reason));
    }
    let headers = request.headers();
    let reads = matches!(*request.method(), Method::GET | Method::HEAD);
    let framed = headers.contains_key(header::TRANSFER_ENCODING);
    let hosts = headers.get_all(header::HOST).iter().count();
    let wants_host = request.version() == Version::HTTP_11;
    let reason = match (reads && framed, hosts) {
        (true, _) => "sluicegate: a read request has no Transfer-Encoding",
        (false, 2..) => "sluicegate: the request names more than one Host",
        (false, 0) if wants_host => "sluicegate: the request names no Host",
        (false, _) => return None,
    };
    Some((StatusCode::BAD_REQUEST, reason))
}

fn refused(status: StatusCode, reason: &str, version: Version) -> Response<Empty<Bytes>> {
    let mut response = Response::new(Empty::new());
    *response.status_mut() = status;
    phrase::set(&mut response, reason);
    if version <= Version::HTTP_11 {
        // What follows on this connection may be what the request hid.
        let close = HeaderValue::from_static("close");
        response.headers_mut().insert(header::CONNECTION, close);
    }
    response
}

fn protocol() -> Builder<TokioExecutor> {
    let mut builder = Builder::new(TokioExecutor::new());
    builder
        .http1()
        .timer(TokioTimer::new())
        // `Activity` tells a slow head from a pause between requests; hyper does not.
        .header_read_timeout(None)
        .max_buf_size(HTTP1_BUFFER);
    builder
        .http2()
        .timer(TokioTimer::new())
        .max_concurrent_streams(HTTP2_STREAMS)
        .initial_stream_window_size(HTTP2_WINDOW)
        .initial_connection_window_size(HTTP2_WINDOW)
        .max_send_buf_size(HTTP2_SEND_BUFFER)
        .max_header_list_size(HTTP2_HEADERS)
        .keep_alive_interval(HTTP2_PING_INTERVAL)
        .keep_alive_timeout(HTTP2_PING_TIMEOUT);
    builder
}

/// Looks at the first byte without taking it; `None` if none came in time.
async fn first_byte(stream: &TcpStream, limit: Duration) -> Option<u8> {
    let mut byte = [0];
    match tokio::time::timeout(limit, stream.peek(&mut byte)).await {
        Ok(Ok(1)) => Some(byte[0]),
        Ok(Ok(_) | Err(_)) | Err(_) => None,
    }
}

/// Answers a client of the wrong protocol at once: silence would cost it ten seconds before it
/// tries the right one.
async fn refuse_protocol(mut stream: TcpStream, reason: &'static str) {
    let answer = format!(
        "HTTP/1.1 400 sluicegate: {reason}\r\nContent-Type: text/plain\r\n\
         Content-Length: {}\r\nConnection: close\r\n\r\n{reason}\n",
        reason.len() + 1
    );
    let telling = async {
        stream.write_all(answer.as_bytes()).await?;
        stream.shutdown().await?;
        tokio::io::copy(&mut stream.take(LINGER_BYTES), &mut tokio::io::sink()).await
    };
    // Whether the client heard it is its own affair.
    let _told = tokio::time::timeout(LINGER_TIME, telling).await;
}

/// Ends when the server is to stop, or when nobody is left who could say so.
pub(super) async fn stopped(shutdown: &mut watch::Receiver<bool>) {
    let _said = shutdown.wait_for(|stop| *stop).await;
}

impl ServerLimits {
    fn patience(&self) -> IdleLimits {
        IdleLimits {
            head: self.header_timeout,
            idle: self.idle_timeout,
            write: self.write_timeout,
        }
    }
}
