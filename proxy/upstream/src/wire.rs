//! One HTTP exchange with a host, and bounded reading of its answer.
//!
//! Knows nothing of registries, tokens or redirects. Chooses the connector by who chose the host,
//! waits only so long, and reports every answer to the metrics hook.

use std::error::Error;
use std::fmt;
use std::future::Future;
use std::sync::Arc;
use std::time::Duration;

use bytes::{Bytes, BytesMut};
use http::{HeaderMap, HeaderName, HeaderValue, Method, Request, Response, Uri, header};
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper_util::client::legacy::Client;
use hyper_util::rt::{TokioExecutor, TokioTimer};
use url::Url;

use super::connect::{Connector, NotPublic, Reach, tls_settings};
use super::error::UpstreamError;
use super::options::UpstreamOptions;
use super::text::UpstreamText;
use super::trust::{TrustedPlaces, place};
use super::unreachable::why;
use crate::secrets;

/// How long an upstream may take.
#[derive(Clone, Copy, Debug)]
pub(super) struct Timing {
    /// Until the headers of an answer, connecting included.
    pub(super) headers: Duration,
    /// Of silence inside a body.
    pub(super) stall: Duration,
    /// For a whole small body; a drip within the stall limit ends here.
    pub(super) small_body: Duration,
}

impl Default for Timing {
    /// What containerd allows a registry; a minute carries the largest manifest at 0.6 Mbit/s.
    fn default() -> Self {
        Self {
            headers: Duration::from_secs(30),
            stall: Duration::from_secs(30),
            small_body: Duration::from_mins(1),
        }
    }
}

/// How often a silent HTTP/2 connection is asked whether it lives.
const PING_INTERVAL: Duration = Duration::from_secs(30);

/// How long an unused connection is kept; load balancers commonly close theirs after 60 s.
const IDLE_TIMEOUT: Duration = Duration::from_secs(50);

/// HTTP/2 flow-control windows in bytes: 1 MiB fills 80 Mbit/s at 100 ms, and with the connection
/// window bounds what one slow reader makes us buffer.
const STREAM_WINDOW: u32 = 1024 * 1024;
const CONNECTION_WINDOW: u32 = 8 * 1024 * 1024;

/// HTTP/1.1: most bytes read at a time. hyper's own limit of 400 KiB, times the three hundred layers
/// of a hundred cold pulls, would be 120 MiB.
const READ_BUFFER: usize = 64 * 1024;

/// What a request is part of. Source: W3C Trace Context.
const TRACEPARENT: HeaderName = HeaderName::from_static("traceparent");

/// Called with an upstream's name and the status of each of its answers; 0 where none came.
pub type Observer = Arc<dyn Fn(&str, u16) + Send + Sync>;

/// Sends requests to one upstream's hosts.
pub(super) struct Wire {
    name: String,
    places: TrustedPlaces,
    open: Client<Connector, Full<Bytes>>,
    public_only: Client<Connector, Full<Bytes>>,
    observer: Option<Observer>,
    trace: fn() -> Option<String>,
    pub(super) timing: Timing,
}

impl Wire {
    pub(super) fn new(
        options: &UpstreamOptions,
        places: TrustedPlaces,
        observer: Option<Observer>,
    ) -> Result<Self, UpstreamError> {
        learn_proxy_password(options);
        let tls =
            tls_settings(options.ca_pem.as_deref()).map_err(|why| UpstreamError::Settings {
                name: options.name.clone(),
                why,
            })?;
        Ok(Self {
            name: options.name.clone(),
            places,
            open: client(Connector::new(options, Reach::Open, tls.clone())),
            public_only: client(Connector::new(options, Reach::PublicOnly, tls)),
            observer,
            trace: options.trace,
            timing: Timing::default(),
        })
    }

    /// Sends one request and waits for the headers of its answer, whatever its status.
    pub(super) async fn send(
        &self,
        what: &str,
        method: &Method,
        url: &Url,
        headers: HeaderMap,
    ) -> Result<Response<Incoming>, UpstreamError> {
        self.send_with(what, method, url, headers, Bytes::new())
            .await
    }

    /// Sends one request with a body and waits for the headers of its answer.
    pub(super) async fn send_with(
        &self,
        what: &str,
        method: &Method,
        url: &Url,
        headers: HeaderMap,
        body: Bytes,
    ) -> Result<Response<Incoming>, UpstreamError> {
        let mut request = request(what, method, url, headers, body)?;
        if let Some(trace) = (self.trace)().and_then(|trace| trace.parse().ok()) {
            request.headers_mut().insert(TRACEPARENT, trace);
        }
        let client = if self.places.may_be_private(url) {
            &self.open
        } else {
            &self.public_only
        };
        let answer = tokio::time::timeout(self.timing.headers, client.request(request)).await;
        let status = match &answer {
            Ok(Ok(response)) => response.status().as_u16(),
            Ok(Err(_)) | Err(_) => 0,
        };
        if let Some(observe) = &self.observer {
            observe(&self.name, status);
        }
        match answer {
            Ok(Ok(response)) => Ok(response),
            Ok(Err(error)) => Err(no_answer(what, url, error)),
            Err(_) => Err(UpstreamError::Timeout {
                what: what.to_owned(),
                host: Some(place(url)),
                phase: "an answer",
                after: self.timing.headers,
            }),
        }
    }

    /// Reads a body of at most `limit` bytes, counted as they come.
    pub(super) async fn read_small(
        &self,
        what: &str,
        body: &mut Incoming,
        limit: usize,
    ) -> Result<Bytes, UpstreamError> {
        let mut content = BytesMut::new();
        let Timing {
            stall, small_body, ..
        } = self.timing;
        let reading = async {
            while let Some(piece) = next_piece(what, body, content.len(), stall).await? {
                if content.len().saturating_add(piece.len()) > limit {
                    return Err(UpstreamError::TooLarge {
                        what: what.to_owned(),
                        limit,
                    });
                }
                content.extend_from_slice(&piece);
            }
            Ok(())
        };
        within(what, "the whole body", small_body, reading).await??;
        Ok(content.freeze())
    }
}

/// A proxy's URL may hold a password, and a proxy may echo it as well.
fn learn_proxy_password(options: &UpstreamOptions) {
    let proxy = options.proxy.https_proxy.as_deref();
    if let Some(proxy) = proxy.and_then(|proxy| Url::parse(proxy).ok())
        && let Some(password) = proxy.password()
    {
        secrets::learn_login(proxy.username(), password);
    }
}

const USER_AGENT: &str = concat!("sluicegate/", env!("CARGO_PKG_VERSION"));

impl fmt::Debug for Wire {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Wire({})", self.name)
    }
}

/// Waits for the next bytes of a body; `None` at its end.
pub(super) async fn next_piece(
    what: &str,
    body: &mut Incoming,
    received: usize,
    stall: Duration,
) -> Result<Option<Bytes>, UpstreamError> {
    loop {
        let frame = within(what, "the next bytes", stall, body.frame()).await?;
        match frame {
            None => return Ok(None),
            Some(Ok(frame)) => {
                if let Ok(piece) = frame.into_data() {
                    return Ok(Some(piece));
                }
            }
            Some(Err(error)) => {
                return Err(UpstreamError::Cut {
                    what: what.to_owned(),
                    received: received as u64,
                    source: Some(Arc::new(error)),
                });
            }
        }
    }
}

async fn within<T>(
    what: &str,
    phase: &'static str,
    after: Duration,
    work: impl Future<Output = T>,
) -> Result<T, UpstreamError> {
    tokio::time::timeout(after, work)
        .await
        .map_err(|_| UpstreamError::Timeout {
            what: what.to_owned(),
            host: None,
            phase,
            after,
        })
}

fn request(
    what: &str,
    method: &Method,
    url: &Url,
    headers: HeaderMap,
    body: Bytes,
) -> Result<Request<Full<Bytes>>, UpstreamError> {
    let protocol = |reason: String| UpstreamError::Protocol {
        what: what.to_owned(),
        reason: UpstreamText::said(&reason),
    };
    let mut target = url.clone();
    target.set_fragment(None);
    let uri: Uri = target
        .as_str()
        .parse()
        .map_err(|error| protocol(format!("{} has an unusable path: {error}", place(url))))?;
    let mut request = Request::new(Full::new(body));
    *request.method_mut() = method.clone();
    *request.uri_mut() = uri;
    *request.headers_mut() = headers;
    // Digests are over the bytes as stored: an encoding added on the way would break them.
    let plain = [
        (header::ACCEPT_ENCODING, "identity"),
        (header::USER_AGENT, USER_AGENT),
    ];
    for (name, value) in plain {
        request
            .headers_mut()
            .insert(name, HeaderValue::from_static(value));
    }
    Ok(request)
}

fn client(connector: Connector) -> Client<Connector, Full<Bytes>> {
    Client::builder(TokioExecutor::new())
        .timer(TokioTimer::new())
        .pool_timer(TokioTimer::new())
        .pool_idle_timeout(IDLE_TIMEOUT)
        .http1_max_buf_size(READ_BUFFER)
        .http2_initial_stream_window_size(STREAM_WINDOW)
        .http2_initial_connection_window_size(CONNECTION_WINDOW)
        .http2_keep_alive_interval(PING_INTERVAL)
        .build(connector)
}

fn no_answer(what: &str, url: &Url, error: hyper_util::client::legacy::Error) -> UpstreamError {
    tracing::debug!(%what, ?error, "no answer");
    let mut cause: Option<&(dyn Error + 'static)> = Some(&error);
    while let Some(current) = cause {
        if current.is::<NotPublic>() {
            return UpstreamError::BadRedirect {
                what: what.to_owned(),
                target: place(url),
                reason: "its host has no public address; allow_hosts can name it",
            };
        }
        cause = current.source();
    }
    UpstreamError::Connect {
        what: what.to_owned(),
        host: place(url),
        why: why(&error),
    }
}
