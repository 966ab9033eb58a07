//! A listener: accepts connections within limits, serves them, drains them at the end.
//!
//! Called by `app` for the registry. The service it is given sees requests only.

use std::collections::HashMap;
use std::future::Future;
use std::net::{IpAddr, Ipv6Addr, SocketAddr};
use std::sync::{Arc, Mutex, PoisonError};
use std::time::{Duration, Instant};

use bytes::Bytes;
use http::{Request, Response};
use http_body::Body;
use hyper::body::Incoming;
use tokio::net::{TcpListener, TcpStream};
use tokio::sync::watch;
use tokio::task::JoinSet;

use super::connection::{Connection, stopped};
use super::tls::TlsReload;

/// An error of a response body; it cuts the answer.
pub type BoxError = Box<dyn std::error::Error + Send + Sync>;

/// Wait after a failed accept: the process is out of descriptors, and only closing frees some.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Least time between two log lines about refused connections.
const REFUSAL_LOG_PAUSE: Duration = Duration::from_secs(10);

/// Who is at the other end of a connection.
#[derive(Clone, Debug)]
pub struct PeerInfo {
    /// The address the connection came from.
    pub addr: SocketAddr,
    /// The common name of the certificate whose key they have proven to hold.
    pub certificate: Option<Arc<str>>,
    /// Which user of this machine they are, where nobody else can be.
    pub user: Option<u32>,
}

impl PeerInfo {
    /// Knows an address and nothing else.
    pub fn from_addr(addr: SocketAddr) -> Self {
        Self {
            addr,
            certificate: None,
            user: None,
        }
    }
}

/// What a listener allows.
#[derive(Clone, Debug)]
pub struct ServerLimits {
    /// Connections at a time.
    pub max_connections: usize,
    /// Connections at a time from one IPv4 address or one IPv6 /64 network.
    pub max_connections_per_address: usize,
    /// Longest time for a request's head, and for a TLS handshake.
    pub header_timeout: Duration,
    /// Longest time without a request.
    pub idle_timeout: Duration,
    /// Longest time in which a client takes nothing of what it is sent.
    pub write_timeout: Duration,
    /// Longest time for running requests to end after the signal to stop.
    pub drain: Duration,
}

impl Default for ServerLimits {
    /// Sized for a few thousand nodes, each with a handful of connections; a node's runtime and
    /// its neighbours behind one address translation stay below the limit per address.
    fn default() -> Self {
        Self {
            max_connections: 8192,
            max_connections_per_address: 1024,
            header_timeout: Duration::from_secs(10),
            idle_timeout: Duration::from_mins(1),
            write_timeout: Duration::from_mins(2),
            drain: Duration::from_secs(30),
        }
    }
}

/// Serves `listener` until `shutdown` says true and the running requests have ended.
pub async fn serve<S, F, B>(
    listener: TcpListener,
    tls: Option<TlsReload>,
    limits: ServerLimits,
    service: S,
    mut shutdown: watch::Receiver<bool>,
) where
    S: Fn(Request<Incoming>, PeerInfo) -> F + Clone + Send + 'static,
    F: Future<Output = Response<B>> + Send + 'static,
    B: Body<Data = Bytes> + Unpin + Send + 'static,
    B::Error: Into<BoxError>,
{
    let mut connections = JoinSet::new();
    let places = ConnectionPlaces::new(&limits);
    let mut refusals = Refusals::default();
    let mut following = JoinSet::new();
    if let Some(tls) = tls.clone() {
        following.spawn(async move { tls.follow_files().await });
    }
    loop {
        let (stream, peer) = tokio::select! {
            accepted = accept(&listener) => accepted,
            () = stopped(&mut shutdown) => break,
            // Finished connections are forgotten as they end.
            Some(_) = connections.join_next() => continue,
        };
        let Some(place) = places.take(peer.ip()) else {
            refusals.note(peer);
            continue;
        };
        let connection = Connection {
            peer,
            tls: tls.clone(),
            limits: limits.clone(),
            service: service.clone(),
            shutdown: shutdown.clone(),
        };
        connections.spawn(async move {
            connection.run(stream).await;
            drop(place);
        });
    }
    drop(listener);
    let drained = async { while connections.join_next().await.is_some() {} };
    if tokio::time::timeout(limits.drain, drained).await.is_err() {
        tracing::warn!(
            connections = connections.len(),
            "connections cut: they did not end in time"
        );
    }
}

async fn accept(listener: &TcpListener) -> (TcpStream, SocketAddr) {
    loop {
        match listener.accept().await {
            Ok((stream, peer)) => {
                // An answer's head and body are separate writes; waiting for more helps nobody.
                if let Err(error) = stream.set_nodelay(true) {
                    tracing::debug!(%peer, %error, "cannot set TCP_NODELAY");
                }
                return (stream, peer);
            }
            Err(error) => {
                tracing::warn!(%error, "cannot accept a connection");
                tokio::time::sleep(ACCEPT_PAUSE).await;
            }
        }
    }
}

/// Refused connections since the log last said so: whoever causes them must not fill it.
#[derive(Default)]
struct Refusals {
    untold: u64,
    told_at: Option<Instant>,
}

impl Refusals {
    fn note(&mut self, peer: SocketAddr) {
        self.untold = self.untold.saturating_add(1);
        if self
            .told_at
            .is_none_or(|at| at.elapsed() > REFUSAL_LOG_PAUSE)
        {
            let refused = self.untold;
            tracing::warn!(%peer, refused, "connections refused: there are too many");
            self.untold = 0;
            self.told_at = Some(Instant::now());
        }
    }
}

/// The places for connections: so many in all, so many for each address.
struct ConnectionPlaces {
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
    total: Arc<tokio::sync::Semaphore>,
    per_address: usize,
}

/// A connection's place, free again when dropped.
struct ConnectionPlace {
    taken: Arc<Mutex<HashMap<IpAddr, usize>>>,
    address: IpAddr,
    _one_of_all: tokio::sync::OwnedSemaphorePermit,
}

impl ConnectionPlaces {
    fn new(limits: &ServerLimits) -> Self {
        Self {
            taken: Arc::default(),
            total: Arc::new(tokio::sync::Semaphore::new(limits.max_connections)),
            per_address: limits.max_connections_per_address,
        }
    }

    fn take(&self, address: IpAddr) -> Option<ConnectionPlace> {
        let one_of_all = Arc::clone(&self.total).try_acquire_owned().ok()?;
        let address = subscriber(address);
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        let count = taken.entry(address).or_default();
        if *count >= self.per_address {
            return None;
        }
        *count += 1;
        Some(ConnectionPlace {
            taken: Arc::clone(&self.taken),
            address,
            _one_of_all: one_of_all,
        })
    }
}

impl Drop for ConnectionPlace {
    fn drop(&mut self) {
        let mut taken = self.taken.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(count) = taken.get_mut(&self.address) {
            *count = count.saturating_sub(1);
            if *count == 0 {
                taken.remove(&self.address);
            }
        }
    }
}

/// Gives the part of an address that one subscriber gets: all of IPv4, a /64 of IPv6.
fn subscriber(address: IpAddr) -> IpAddr {
    match address.to_canonical() {
        IpAddr::V4(address) => IpAddr::V4(address),
        IpAddr::V6(address) => {
            let network = u128::from(address) & !u128::from(u64::MAX);
            IpAddr::V6(Ipv6Addr::from(network))
        }
    }
}

#[cfg(test)]
mod tests;
