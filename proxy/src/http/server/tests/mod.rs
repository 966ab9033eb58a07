//! The promises of the listener, on raw sockets.

mod framing;
mod limits;
mod tls;

use std::convert::Infallible;
use std::future::Future;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use bytes::Bytes;
use http::{Request, Response};
use http_body_util::Full;
use hyper::body::Incoming;
use tokio::io::{AsyncReadExt, AsyncWriteExt};
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinHandle;

use super::{PeerInfo, ServerLimits, serve};
use crate::http::tls::TlsReload;

/// Longest wait for what must happen at once.
const SOON: Duration = Duration::from_secs(5);

/// A running listener.
struct Running {
    address: SocketAddr,
    stop: watch::Sender<bool>,
    serving: JoinHandle<()>,
    /// The paths that reached the service.
    asked: Arc<Mutex<Vec<String>>>,
}

impl Running {
    /// Answers every request with its HTTP version.
    async fn start(tls: Option<TlsReload>, limits: ServerLimits) -> Self {
        Self::with_answer(tls, limits, |request| async move {
            Response::new(Full::from(format!("{:?}", request.version())))
        })
        .await
    }

    async fn with_answer<S, F, B>(tls: Option<TlsReload>, limits: ServerLimits, answer: S) -> Self
    where
        S: Fn(Request<Incoming>) -> F + Clone + Send + 'static,
        F: Future<Output = Response<B>> + Send + 'static,
        B: http_body::Body<Data = Bytes, Error = Infallible> + Unpin + Send + 'static,
    {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let (stop, stopping) = watch::channel(false);
        let asked: Arc<Mutex<Vec<String>>> = Arc::default();
        let noted = Arc::clone(&asked);
        let service = move |request: Request<Incoming>, peer: PeerInfo| {
            assert!(peer.addr.ip().is_loopback());
            noted.lock().unwrap().push(request.uri().path().to_owned());
            answer(request)
        };
        let serving = tokio::spawn(serve(listener, tls, limits, service, stopping));
        Self {
            address,
            stop,
            serving,
            asked,
        }
    }

    async fn connect(&self) -> TcpStream {
        TcpStream::connect(self.address).await.unwrap()
    }

    /// Sends bytes on a connection of their own and reads until the listener closes it.
    async fn exchange(&self, bytes: impl AsRef<[u8]>) -> String {
        let mut stream = self.connect().await;
        stream.write_all(bytes.as_ref()).await.unwrap();
        read_to_close(&mut stream).await
    }
}

/// Reads until the other side closes; a reset counts as closing.
async fn read_to_close(stream: &mut TcpStream) -> String {
    let mut content = Vec::new();
    let reading = stream.read_to_end(&mut content);
    let _closed = tokio::time::timeout(SOON, reading)
        .await
        .expect("the listener closes the connection");
    String::from_utf8_lossy(&content).into_owned()
}

/// Reads until the text ends as wanted.
async fn read_until(stream: &mut TcpStream, end: &str) -> String {
    let mut content = Vec::new();
    let reading = async {
        while !content.ends_with(end.as_bytes()) {
            content.push(stream.read_u8().await.expect("more of the answer"));
        }
    };
    tokio::time::timeout(SOON, reading)
        .await
        .expect("an answer");
    String::from_utf8_lossy(&content).into_owned()
}
