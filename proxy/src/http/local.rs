//! The socket of this machine: who reaches it is told by the kernel, and nobody else is let in.
//!
//! Its file can be opened by its owner alone, and each connection says whose it is besides, so that
//! neither a file mode that was changed nor a descriptor that was handed on is enough.

use std::io;
use std::net::{Ipv4Addr, SocketAddr};
use std::path::Path;
use std::time::Duration;

use axum::Router;
use hyper::Request;
use hyper::body::Incoming;
use hyper::server::conn::http1;
use hyper::service::service_fn;
use hyper_util::rt::{TokioIo, TokioTimer};
use tokio::net::{UnixListener, UnixStream};
use tokio::sync::{Semaphore, watch};
use tower_service::Service as _;

use super::connection::stopped;
use super::server::PeerInfo;

/// Most connections at a time.
const MAX_CONNECTIONS: usize = 32;
/// Longest time for a request's head.
const HEAD_TIMEOUT: Duration = Duration::from_secs(10);
/// Wait after a failed accept.
const ACCEPT_PAUSE: Duration = Duration::from_millis(100);

/// Listens at a path. What an earlier process left there is taken away: the directory is ours alone.
pub fn listen(path: &Path) -> io::Result<UnixListener> {
    match std::fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => return Err(error),
        _removed_or_absent => {}
    }
    // The program's umask lets nobody else open it.
    let listener = UnixListener::bind(path)?;
    let mode = std::os::unix::fs::PermissionsExt::from_mode(0o600);
    std::fs::set_permissions(path, mode)?;
    Ok(listener)
}

/// Answers until `draining` says to stop.
pub async fn serve(listener: UnixListener, router: Router, mut draining: watch::Receiver<bool>) {
    let places = std::sync::Arc::new(Semaphore::new(MAX_CONNECTIONS));
    loop {
        let accepted = tokio::select! {
            accepted = listener.accept() => accepted,
            () = stopped(&mut draining) => return,
        };
        let Ok((stream, _)) = accepted else {
            tokio::time::sleep(ACCEPT_PAUSE).await;
            continue;
        };
        let Some(user) = user_of(&stream) else {
            tracing::warn!("a connection of another user to the administrator's socket is closed");
            continue;
        };
        let Ok(place) = std::sync::Arc::clone(&places).try_acquire_owned() else {
            continue;
        };
        let router = router.clone();
        tokio::spawn(async move {
            answer(stream, user, router).await;
            drop(place);
        });
    }
}

/// Tells whose a connection is, where they may have one: this program's user, or root.
fn user_of(stream: &UnixStream) -> Option<u32> {
    let user = stream.peer_cred().ok()?.uid();
    let own = rustix::process::geteuid().as_raw();
    (user == own || user == 0).then_some(user)
}

async fn answer(stream: UnixStream, user: u32, router: Router) {
    let peer = PeerInfo {
        user: Some(user),
        ..PeerInfo::from_addr(SocketAddr::from((Ipv4Addr::LOCALHOST, 0)))
    };
    let answering = service_fn(move |mut request: Request<Incoming>| {
        request.extensions_mut().insert(peer.clone());
        router.clone().call(request)
    });
    let serving = http1::Builder::new()
        .timer(TokioTimer::new())
        .header_read_timeout(HEAD_TIMEOUT)
        .serve_connection(TokioIo::new(stream), answering);
    if let Err(error) = serving.await {
        tracing::debug!(%error, "connection to the administrator's socket ended");
    }
}
