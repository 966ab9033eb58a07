//! A registry that does what a test's script says and keeps what it was asked.

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};

use bytes::Bytes;
use http::{HeaderMap, Request, Response};
use http_body_util::combinators::UnsyncBoxBody;
use http_body_util::{BodyExt, Full};
use hyper::body::Incoming;
use hyper::service::service_fn;
use hyper_util::rt::{TokioExecutor, TokioIo};
use sluicegate_config::{Credentials, Login, Secret};
use tokio::net::TcpListener;
use url::Url;

use crate::{Upstream, UpstreamOptions};

/// What a script answers with.
pub type Answer = Response<UnsyncBoxBody<Bytes, std::io::Error>>;

/// One request that arrived.
#[derive(Clone, Debug)]
pub struct Seen {
    /// The method.
    pub method: String,
    /// Path and query.
    pub target: String,
    /// The headers.
    pub headers: HeaderMap,
}

impl Seen {
    /// Gives the credentials that came with it, as sent.
    pub fn authorization(&self) -> Option<&str> {
        self.headers.get("authorization")?.to_str().ok()
    }
}

/// A running fake; it ends with the test's runtime.
#[derive(Clone)]
pub struct Fake {
    /// Where it listens.
    pub address: SocketAddr,
    seen: Arc<Mutex<Vec<Seen>>>,
}

impl Fake {
    /// Starts a fake that answers every request with what `script` gives.
    pub async fn start<S, R>(script: S) -> Self
    where
        S: Fn(Seen) -> R + Send + Sync + 'static,
        R: Future<Output = Answer> + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let fake = Self {
            address: listener.local_addr().unwrap(),
            seen: Arc::default(),
        };
        let (seen, script) = (Arc::clone(&fake.seen), Arc::new(script));
        tokio::spawn(async move {
            while let Ok((stream, _)) = listener.accept().await {
                let (seen, script) = (Arc::clone(&seen), Arc::clone(&script));
                let service = service_fn(move |request: Request<Incoming>| {
                    let asked = Seen {
                        method: request.method().to_string(),
                        target: request.uri().to_string(),
                        headers: request.headers().clone(),
                    };
                    seen.lock().unwrap().push(asked.clone());
                    let answer = script(asked);
                    async move { Ok::<_, Infallible>(answer.await) }
                });
                tokio::spawn(async move {
                    let io = TokioIo::new(stream);
                    let builder =
                        hyper_util::server::conn::auto::Builder::new(TokioExecutor::new());
                    // A client that leaves in the middle is part of many tests.
                    let _ = builder.serve_connection(io, service).await;
                });
            }
        });
        fake
    }

    /// Gives the URL of a path.
    pub fn url(&self, path: &str) -> String {
        format!("http://{}{path}", self.address)
    }

    /// The same place under a name that is not the configured host's.
    pub fn foreign_url(&self, path: &str) -> String {
        format!("http://localhost:{}{path}", self.address.port())
    }

    /// Gives what has been asked so far.
    pub fn seen(&self) -> Vec<Seen> {
        self.seen.lock().unwrap().clone()
    }

    /// Counts the requests whose target contains `part`.
    pub fn count(&self, part: &str) -> usize {
        self.seen()
            .iter()
            .filter(|seen| seen.target.contains(part))
            .count()
    }

    /// Gives the options of a client that asks it without credentials.
    pub fn options(&self) -> UpstreamOptions {
        let url: Url = self.url("").parse().unwrap();
        UpstreamOptions::anonymous("up.test", url)
    }

    /// Gives a client that asks it without credentials.
    pub fn upstream(&self) -> Upstream {
        Upstream::new(self.options(), None).unwrap()
    }

    /// Gives a client that shows it credentials, and hosts that may see them too.
    pub fn upstream_with_credentials(&self, allow_hosts: &[&str]) -> Upstream {
        let mut options = self.options();
        options.login = Some(Login::Said(credentials()));
        options.allow_insecure_credentials = true;
        options.allow_hosts = allow_hosts.iter().map(ToString::to_string).collect();
        Upstream::new(options, None).unwrap()
    }
}

/// Gives the credentials that such a client shows.
pub fn credentials() -> Credentials {
    Credentials {
        username: "robot".to_owned(),
        password: Secret::new("hunter2"),
    }
}

/// Builds an answer from status, headers and body.
pub fn answer(status: u16, headers: &[(&str, &str)], body: impl Into<Bytes>) -> Answer {
    let mut builder = Response::builder().status(status);
    for (name, value) in headers {
        builder = builder.header(*name, *value);
    }
    let body = Full::new(body.into())
        .map_err(|never| match never {})
        .boxed_unsync();
    builder.body(body).unwrap()
}

/// Builds the 401 that sends a client to a token service.
pub fn wants_token(realm: &str) -> Answer {
    let challenge = format!("Bearer realm=\"{realm}\",service=\"up.test\"");
    answer(401, &[("www-authenticate", &challenge)], "")
}
